// The types of numbers that Triton, its model configs and ONNX Runtime all know, and a model's inputs and outputs.
#pragma once

#include "triton.h"

enum { MAX_TENSORS = 32, MAX_DIMS = 32 };

typedef struct {
    const char *name; // in a config
    TRITONSERVER_DataType triton;
    int ort;
    size_t byte_size;
} Type;

typedef struct {
    char *name;
    const Type *type;
    // Where an input is gathered that comes in pieces.
    void *gathered;
    size_t capacity;
} Tensor;

typedef struct {
    size_t count;
    Tensor items[MAX_TENSORS];
} Tensors;

// NULL if there is none.
const Type *type_named(const char *name);
const Type *type_of_ort(int ort);
Tensor *tensor_named(Tensors *, const char *name);

void free_tensors(Tensors *);

// The bytes of a tensor of this shape; false if there is no such tensor.
bool byte_size_of(const Type *, const int64_t *shape, size_t dims, size_t *byte_size);
