#include "runtime.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>

#include "errors.h"

static TRITONSERVER_Error *load_api(const OrtApi **api, const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/libonnxruntime.so", folder);
    // Never closed: ONNX Runtime's threads leave destructors behind that are run when they end.
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "ONNX Runtime cannot be loaded: %s", dlerror());
    union {
        void *address;
        const OrtApiBase *(*function)(void);
    } entry = {.address = dlsym(library, "OrtGetApiBase")};
    if (entry.address == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "%s is no ONNX Runtime", path);
    *api = entry.function()->GetApi(ORT_API_VERSION);
    return *api != NULL ? NULL : failure(
        TRITONSERVER_ERROR_UNSUPPORTED, "%s is ONNX Runtime %s; 1.%d or newer is needed", path,
        entry.function()->GetVersionString(), ORT_API_VERSION);
}

TRITONSERVER_Error *load_runtime(Runtime *runtime, TRITONBACKEND_Backend *backend) {
    int type;
    const char *folder;
    TRY(TRITONBACKEND_BackendArtifacts(backend, &type, &folder));
    TRY(load_api(&runtime->api, folder));
    const OrtApi *api = runtime->api;
    TRY(error_of(api, api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "triton", &runtime->env)));
    TRY(error_of(api, api->DisableTelemetryEvents(runtime->env)));
    return error_of(api, api->CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &runtime->memory));
}

void unload_runtime(Runtime *runtime) {
    if (runtime->memory != NULL) runtime->api->ReleaseMemoryInfo(runtime->memory);
    if (runtime->env != NULL) runtime->api->ReleaseEnv(runtime->env);
}
