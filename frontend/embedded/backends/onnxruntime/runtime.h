// ONNX Runtime, loaded from the backend's own folder: the state of the backend.
#pragma once

#include "ort.h"
#include "triton.h"

typedef struct {
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *memory;
} Runtime;

// `runtime` is zeroed before, and unloaded by unload_runtime after a failure too.
TRITONSERVER_Error *load_runtime(Runtime *runtime, TRITONBACKEND_Backend *backend);
void unload_runtime(Runtime *runtime);
