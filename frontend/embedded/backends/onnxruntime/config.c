#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"

static TRITONSERVER_Error *read_filename(char **filename, const char *json) {
    char *name = json_string(json_member(json, "default_model_filename"));
    if (name == NULL || *name == '\0') {
        free(name);
        name = strdup("model.onnx");
    }
    *filename = name;
    if (name == NULL) return failure(TRITONSERVER_ERROR_INTERNAL, "out of memory");
    if (strchr(name, '/') == NULL) return NULL;
    return invalid("default_model_filename must be a bare file name; it is '%s'", name);
}

static TRITONSERVER_Error *read_count(int *count, const char *json, const char *key) {
    const char *parameter = json_member(json_member(json, "parameters"), key);
    char *text = json_string(json_member(parameter, "string_value"));
    if (text == NULL) return NULL;
    size_t digits = strspn(text, "0123456789");
    bool is_count = digits > 0 && digits <= 4 && text[digits] == '\0';
    TRITONSERVER_Error *error =
        is_count ? NULL : invalid("the parameter %s must be a whole number from 0 to 9999; it is '%s'", key, text);
    *count = is_count ? atoi(text) : 0;
    free(text);
    return error;
}

static TRITONSERVER_Error *read_type(Tensor *tensor, const char *json) {
    char *name = json_string(json_member(json, "data_type"));
    tensor->type = name == NULL ? NULL : type_named(name);
    TRITONSERVER_Error *error =
        tensor->type != NULL ? NULL : failure(
            TRITONSERVER_ERROR_UNSUPPORTED, "the config says that '%s' is %s; this backend takes numbers alone",
            tensor->name, name == NULL ? "of no type" : name);
    free(name);
    return error;
}

static TRITONSERVER_Error *read_tensors(Tensors *tensors, const char *array) {
    for (const char *json = json_first(array); json != NULL; json = json_next(json)) {
        if (tensors->count == MAX_TENSORS) return invalid("there are more than %d inputs or outputs", MAX_TENSORS);
        Tensor *tensor = &tensors->items[tensors->count];
        tensor->name = json_string(json_member(json, "name"));
        if (tensor->name == NULL) return invalid("the config has an input or output without a name");
        tensors->count++;
        TRY(read_type(tensor, json));
    }
    return NULL;
}

static TRITONSERVER_Error *read_json(Config *config, const char *json) {
    config->is_batched = json_integer(json_member(json, "max_batch_size")) > 0;
    TRY(read_filename(&config->filename, json));
    TRY(read_count(&config->intra_op_threads, json, "intra_op_thread_count"));
    TRY(read_count(&config->inter_op_threads, json, "inter_op_thread_count"));
    TRY(read_tensors(&config->inputs, json_member(json, "input")));
    return read_tensors(&config->outputs, json_member(json, "output"));
}

TRITONSERVER_Error *read_config(Config *config, TRITONBACKEND_Model *model) {
    TRITONSERVER_Message *message;
    TRY(TRITONBACKEND_ModelConfig(model, 1, &message));
    const char *base;
    size_t byte_size;
    TRITONSERVER_Error *error = TRITONSERVER_MessageSerializeToJson(message, &base, &byte_size);
    char *json = error == NULL ? strndup(base, byte_size) : NULL;
    drop(TRITONSERVER_MessageDelete(message));
    if (error == NULL && json == NULL) error = failure(TRITONSERVER_ERROR_INTERNAL, "out of memory");
    if (error == NULL) error = read_json(config, json);
    free(json);
    return error;
}

void free_config(Config *config) {
    free(config->filename);
    free_tensors(&config->inputs);
    free_tensors(&config->outputs);
}
