// Errors: NULL is success; whoever gets one passes it on or drops it.
#pragma once

#include "ort.h"
#include "triton.h"

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        TRITONSERVER_Error *error_ = (call);                                                                           \
        if (error_ != NULL) return error_;                                                                             \
    } while (0)

TRITONSERVER_Error *failure(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define invalid(...) failure(TRITONSERVER_ERROR_INVALID_ARG, __VA_ARGS__)

// Consumes the status.
TRITONSERVER_Error *error_of(const OrtApi *, OrtStatus *);

// Notes in Triton's log what nobody can be told.
void drop(TRITONSERVER_Error *);
