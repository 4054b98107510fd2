#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "values.h"

static TRITONSERVER_Error *piece(TRITONBACKEND_Input *input, uint32_t index, const void **data, uint64_t *byte_size) {
    int memory = TRITONSERVER_MEMORY_CPU;
    int64_t device = 0;
    TRY(TRITONBACKEND_InputBuffer(input, index, data, byte_size, &memory, &device));
    return memory != TRITONSERVER_MEMORY_GPU ? NULL : invalid("inputs in the memory of a GPU are not taken");
}

static TRITONSERVER_Error *gather(Tensor *tensor, TRITONBACKEND_Input *input, uint32_t pieces, size_t byte_size) {
    if (tensor->capacity < byte_size || tensor->gathered == NULL) {
        free(tensor->gathered);
        tensor->capacity = 0;
        tensor->gathered = malloc(byte_size + 1);
        if (tensor->gathered == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "out of memory");
        tensor->capacity = byte_size;
    }
    size_t filled = 0;
    for (uint32_t i = 0; i < pieces; i++) {
        const void *data;
        uint64_t length;
        TRY(piece(input, i, &data, &length));
        if (length > byte_size - filled) return invalid("the input '%s' is longer than its shape says", tensor->name);
        memcpy((char *)tensor->gathered + filled, data, length);
        filled += length;
    }
    return filled == byte_size ? NULL : invalid("the input '%s' is shorter than its shape says", tensor->name);
}

// The input's bytes where they lie, if they are in one piece that numbers of the type may begin at, else a copy.
static TRITONSERVER_Error *input_data(
    const void **data, Tensor *tensor, TRITONBACKEND_Input *input, uint32_t pieces, size_t byte_size) {
    uint64_t length = 0;
    if (pieces == 1) TRY(piece(input, 0, data, &length));
    if (length == byte_size && length > 0 && (uintptr_t)*data % tensor->type->byte_size == 0) return NULL;
    TRY(gather(tensor, input, pieces, byte_size));
    *data = tensor->gathered;
    return NULL;
}

TRITONSERVER_Error *take_input(
    OrtValue **value, uint64_t *first, const Runtime *runtime, Tensor *tensor, TRITONBACKEND_Request *request) {
    TRITONBACKEND_Input *input;
    TRY(TRITONBACKEND_RequestInput(request, tensor->name, &input));
    const char *name;
    TRITONSERVER_DataType type;
    const int64_t *shape;
    uint32_t dims, pieces;
    uint64_t sent;
    TRY(TRITONBACKEND_InputProperties(input, &name, &type, &shape, &dims, &sent, &pieces));
    if (type != tensor->type->triton) return invalid("the input '%s' must be %s", tensor->name, tensor->type->name + 5);
    size_t byte_size;
    if (!byte_size_of(tensor->type, shape, dims, &byte_size) || byte_size != sent)
        return invalid("the input '%s' has %llu bytes, not those of its shape", tensor->name, (unsigned long long)sent);
    if (dims > 0) *first = (uint64_t)shape[0];
    const void *data;
    TRY(input_data(&data, tensor, input, pieces, byte_size));
    return error_of(runtime->api, runtime->api->CreateTensorWithDataAsOrtValue(
        runtime->memory, (void *)data, byte_size, shape, dims, tensor->type->ort, value));
}
