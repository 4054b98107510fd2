// A model in ONNX Runtime that does what its config says: the state of a model instance.
#pragma once

#include "config.h"
#include "runtime.h"

typedef struct {
    const Runtime *runtime;
    Config config;
    OrtSession *ort;
} Session;

// `session` is zeroed before, and closed by close_session after a failure too.
TRITONSERVER_Error *open_session(Session *session, const Runtime *runtime, TRITONBACKEND_Model *model);
void close_session(Session *session);
