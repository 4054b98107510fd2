#include "session.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "errors.h"

// How the inputs, or the outputs, of a model are asked for.
typedef struct {
    const char *kind;
    OrtStatus *(*count)(const OrtSession *, size_t *);
    OrtStatus *(*name)(const OrtSession *, size_t index, OrtAllocator *, char **);
    OrtStatus *(*type)(const OrtSession *, size_t index, OrtTypeInfo **);
} Side;

static TRITONSERVER_Error *model_path(char path[PATH_MAX], TRITONBACKEND_Model *model, const char *filename) {
    int type;
    const char *repository;
    uint64_t version;
    TRY(TRITONBACKEND_ModelRepository(model, &type, &repository));
    TRY(TRITONBACKEND_ModelVersion(model, &version));
    snprintf(path, PATH_MAX, "%s/%" PRIu64 "/%s", repository, version, filename);
    struct stat found;
    if (stat(path, &found) == 0 && S_ISREG(found.st_mode)) return NULL;
    return failure(TRITONSERVER_ERROR_NOT_FOUND, "there is no model file %s", path);
}

static TRITONSERVER_Error *load_model(Session *session, const char *path) {
    const OrtApi *api = session->runtime->api;
    const Config *config = &session->config;
    OrtSessionOptions *options = NULL;
    OrtStatus *status = api->CreateSessionOptions(&options);
    if (status == NULL) status = api->SetIntraOpNumThreads(options, config->intra_op_threads);
    if (status == NULL) status = api->SetInterOpNumThreads(options, config->inter_op_threads);
    if (status == NULL) status = api->CreateSession(session->runtime->env, path, options, &session->ort);
    if (options != NULL) api->ReleaseSessionOptions(options);
    return error_of(api, status);
}

static TRITONSERVER_Error *tensor_type(const Type **type, const Session *session, const Side *side, size_t index) {
    const OrtApi *api = session->runtime->api;
    OrtTypeInfo *info;
    TRY(error_of(api, side->type(session->ort, index, &info)));
    const OrtTensorInfo *tensor;
    int element = 0;
    OrtStatus *status = api->CastTypeInfoToTensorInfo(info, &tensor);
    if (status == NULL && tensor != NULL) status = api->GetTensorElementType(tensor, &element);
    api->ReleaseTypeInfo(info);
    *type = type_of_ort(element);
    return error_of(api, status);
}

static void append(char *list, size_t size, const char *name) {
    size_t length = strlen(list);
    snprintf(list + length, size - length, "%s'%s'", length == 0 ? "" : ", ", name);
}

static TRITONSERVER_Error *names_differ(
    const Session *session, const Side *side, const Tensors *configured, OrtAllocator *allocator, size_t count) {
    const OrtApi *api = session->runtime->api;
    char in_config[512] = "", in_model[512] = "";
    for (size_t i = 0; i < configured->count; i++) append(in_config, sizeof in_config, configured->items[i].name);
    for (size_t i = 0; i < count; i++) {
        char *name;
        TRY(error_of(api, side->name(session->ort, i, allocator, &name)));
        append(in_model, sizeof in_model, name);
        TRY(error_of(api, api->AllocatorFree(allocator, name)));
    }
    return invalid("the config names the %ss %s, the model has %s", side->kind, in_config, in_model);
}

static TRITONSERVER_Error *check_side(const Session *session, const Side *side, Tensors *configured) {
    const OrtApi *api = session->runtime->api;
    OrtAllocator *allocator;
    TRY(error_of(api, api->GetAllocatorWithDefaultOptions(&allocator)));
    size_t count;
    TRY(error_of(api, side->count(session->ort, &count)));
    if (count != configured->count) return names_differ(session, side, configured, allocator, count);
    for (size_t i = 0; i < count; i++) {
        char *name;
        TRY(error_of(api, side->name(session->ort, i, allocator, &name)));
        const Tensor *tensor = tensor_named(configured, name);
        TRY(error_of(api, api->AllocatorFree(allocator, name)));
        if (tensor == NULL) return names_differ(session, side, configured, allocator, count);
        const Type *type;
        TRY(tensor_type(&type, session, side, i));
        if (type != tensor->type)
            return invalid(
                "the config says that the %s '%s' is %s, in the model it is %s", side->kind, tensor->name,
                tensor->type->name, type == NULL ? "no tensor of numbers" : type->name);
    }
    return NULL;
}

TRITONSERVER_Error *open_session(Session *session, const Runtime *runtime, TRITONBACKEND_Model *model) {
    const OrtApi *api = runtime->api;
    session->runtime = runtime;
    TRY(read_config(&session->config, model));
    char path[PATH_MAX];
    TRY(model_path(path, model, session->config.filename));
    TRY(load_model(session, path));
    const Side input = {"input", api->SessionGetInputCount, api->SessionGetInputName, api->SessionGetInputTypeInfo};
    const Side output = {
        "output", api->SessionGetOutputCount, api->SessionGetOutputName, api->SessionGetOutputTypeInfo};
    TRY(check_side(session, &input, &session->config.inputs));
    return check_side(session, &output, &session->config.outputs);
}

void close_session(Session *session) {
    if (session->ort != NULL) session->runtime->api->ReleaseSession(session->ort);
    free_config(&session->config);
}
