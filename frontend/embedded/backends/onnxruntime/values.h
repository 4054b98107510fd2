// Tensors of Triton's requests and responses as values of ONNX Runtime.
#pragma once

#include "runtime.h"
#include "tensors.h"

// The input `tensor` of a request as a value to be released, whose bytes belong to the request or to `tensor`; `first`
// gets its first dimension, if it has one.
TRITONSERVER_Error *take_input(
    OrtValue **value, uint64_t *first, const Runtime *, Tensor *tensor, TRITONBACKEND_Request *);

// Copies a value into the response as its output `tensor`.
TRITONSERVER_Error *give_output(TRITONBACKEND_Response *, const Runtime *, const Tensor *tensor, OrtValue *value);
