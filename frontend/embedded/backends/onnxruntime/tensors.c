#include "tensors.h"

#include <stdlib.h>
#include <string.h>

static const Type types[] = {
    {"TYPE_BOOL", TRITONSERVER_TYPE_BOOL, 9, 1},     {"TYPE_UINT8", TRITONSERVER_TYPE_UINT8, 2, 1},
    {"TYPE_UINT16", TRITONSERVER_TYPE_UINT16, 4, 2}, {"TYPE_UINT32", TRITONSERVER_TYPE_UINT32, 12, 4},
    {"TYPE_UINT64", TRITONSERVER_TYPE_UINT64, 13, 8}, {"TYPE_INT8", TRITONSERVER_TYPE_INT8, 3, 1},
    {"TYPE_INT16", TRITONSERVER_TYPE_INT16, 5, 2},   {"TYPE_INT32", TRITONSERVER_TYPE_INT32, 6, 4},
    {"TYPE_INT64", TRITONSERVER_TYPE_INT64, 7, 8},   {"TYPE_FP16", TRITONSERVER_TYPE_FP16, 10, 2},
    {"TYPE_FP32", TRITONSERVER_TYPE_FP32, 1, 4},     {"TYPE_FP64", TRITONSERVER_TYPE_FP64, 11, 8},
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

const Type *type_named(const char *name) {
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (strcmp(types[i].name, name) == 0) return &types[i];
    return NULL;
}

const Type *type_of_ort(int ort) {
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (types[i].ort == ort) return &types[i];
    return NULL;
}

Tensor *tensor_named(Tensors *tensors, const char *name) {
    for (size_t i = 0; i < tensors->count; i++)
        if (strcmp(tensors->items[i].name, name) == 0) return &tensors->items[i];
    return NULL;
}

void free_tensors(Tensors *tensors) {
    for (size_t i = 0; i < tensors->count; i++) {
        free(tensors->items[i].name);
        free(tensors->items[i].gathered);
    }
}

bool byte_size_of(const Type *type, const int64_t *shape, size_t dims, size_t *byte_size) {
    *byte_size = type->byte_size;
    for (size_t i = 0; i < dims; i++)
        if (shape[i] < 0 || __builtin_mul_overflow(*byte_size, (size_t)shape[i], byte_size)) return false;
    return true;
}
