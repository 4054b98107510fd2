// Triton's `onnxruntime` backend on ONNX Runtime's C API: it serves models whose config says `backend: "onnxruntime"`,
// on the CPU. Of the config it reads inputs, outputs and `max_batch_size`, which are Triton's too, and
// `default_model_filename`, `intra_op_thread_count`, `inter_op_thread_count`.
#include <stdlib.h>

#include "errors.h"
#include "session.h"

static TRITONSERVER_Error *check_server(void) {
    uint32_t major, minor;
    TRY(TRITONBACKEND_ApiVersion(&major, &minor));
    if (major == TRITONBACKEND_API_VERSION_MAJOR && minor >= TRITONBACKEND_API_VERSION_MINOR) return NULL;
    return failure(
        TRITONSERVER_ERROR_UNSUPPORTED, "this server has version %u.%u of the backend API, %d.%d is needed", major,
        minor, TRITONBACKEND_API_VERSION_MAJOR, TRITONBACKEND_API_VERSION_MINOR);
}

TRITONSERVER_Error *TRITONBACKEND_Initialize(TRITONBACKEND_Backend *backend) {
    TRY(check_server());
    Runtime *runtime = calloc(1, sizeof *runtime);
    if (runtime == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "out of memory");
    TRITONSERVER_Error *error = load_runtime(runtime, backend);
    if (error == NULL) error = TRITONBACKEND_BackendSetState(backend, runtime);
    if (error == NULL) return NULL;
    unload_runtime(runtime);
    free(runtime);
    return error;
}

TRITONSERVER_Error *TRITONBACKEND_Finalize(TRITONBACKEND_Backend *backend) {
    void *runtime;
    TRY(TRITONBACKEND_BackendState(backend, &runtime));
    if (runtime != NULL) unload_runtime(runtime);
    free(runtime);
    return NULL;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceInitialize(TRITONBACKEND_ModelInstance *instance) {
    TRITONBACKEND_Model *model;
    TRITONBACKEND_Backend *backend;
    void *runtime;
    TRY(TRITONBACKEND_ModelInstanceModel(instance, &model));
    TRY(TRITONBACKEND_ModelBackend(model, &backend));
    TRY(TRITONBACKEND_BackendState(backend, &runtime));
    Session *session = calloc(1, sizeof *session);
    if (session == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "out of memory");
    TRITONSERVER_Error *error = open_session(session, runtime, model);
    if (error == NULL) error = TRITONBACKEND_ModelInstanceSetState(instance, session);
    if (error == NULL) return NULL;
    close_session(session);
    free(session);
    return error;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceFinalize(TRITONBACKEND_ModelInstance *instance) {
    void *session;
    TRY(TRITONBACKEND_ModelInstanceState(instance, &session));
    if (session != NULL) close_session(session);
    free(session);
    return NULL;
}
