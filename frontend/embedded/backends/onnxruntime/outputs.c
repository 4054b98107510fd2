#include <string.h>

#include "errors.h"
#include "values.h"

static TRITONSERVER_Error *shape_of(
    int64_t shape[MAX_DIMS], size_t *dims, size_t *byte_size, const OrtApi *api, const Tensor *tensor,
    const OrtValue *value) {
    OrtTensorInfo *info;
    TRY(error_of(api, api->GetTensorTypeAndShape(value, &info)));
    int type = 0;
    OrtStatus *status = api->GetTensorElementType(info, &type);
    if (status == NULL) status = api->GetDimensionsCount(info, dims);
    if (status == NULL && *dims <= MAX_DIMS) status = api->GetDimensions(info, shape, *dims);
    api->ReleaseTensorInfo(info);
    TRY(error_of(api, status));
    bool fits = type == tensor->type->ort && *dims <= MAX_DIMS && byte_size_of(tensor->type, shape, *dims, byte_size);
    return fits ? NULL : failure(
        TRITONSERVER_ERROR_INTERNAL, "the model gave the output '%s' another type or shape", tensor->name);
}

TRITONSERVER_Error *give_output(
    TRITONBACKEND_Response *response, const Runtime *runtime, const Tensor *tensor, OrtValue *value) {
    int64_t shape[MAX_DIMS];
    size_t dims, byte_size;
    TRY(shape_of(shape, &dims, &byte_size, runtime->api, tensor, value));
    void *data, *buffer;
    TRY(error_of(runtime->api, runtime->api->GetTensorMutableData(value, &data)));
    TRITONBACKEND_Output *output;
    TRY(TRITONBACKEND_ResponseOutput(response, &output, tensor->name, tensor->type->triton, shape, (uint32_t)dims));
    int memory = TRITONSERVER_MEMORY_CPU;
    int64_t device = 0;
    TRY(TRITONBACKEND_OutputBuffer(output, &buffer, byte_size, &memory, &device));
    if (memory == TRITONSERVER_MEMORY_GPU) return invalid("outputs are not put into the memory of a GPU");
    if (byte_size > 0) memcpy(buffer, data, byte_size);
    return NULL;
}
