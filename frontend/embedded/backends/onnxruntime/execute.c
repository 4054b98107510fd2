// Answers requests. Each is a run of its own: on a CPU that beats gathering them into one.
#include <time.h>

#include "errors.h"
#include "session.h"
#include "values.h"

// One request on its way through the model.
typedef struct {
    Session *session;
    TRITONBACKEND_Request *request;
    TRITONBACKEND_Response *response;
    OrtValue *inputs[MAX_TENSORS];
    OrtValue *outputs[MAX_TENSORS];
    const Tensor *wanted[MAX_TENSORS];
    uint32_t wanted_count;
    uint64_t examples;
    uint64_t computing_from_ns;
    uint64_t computing_until_ns;
} Inference;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static TRITONSERVER_Error *find_wanted(Inference *inference) {
    TRY(TRITONBACKEND_RequestOutputCount(inference->request, &inference->wanted_count));
    if (inference->wanted_count > MAX_TENSORS) return invalid("more outputs are wanted than there are");
    for (uint32_t i = 0; i < inference->wanted_count; i++) {
        const char *name;
        TRY(TRITONBACKEND_RequestOutputName(inference->request, i, &name));
        inference->wanted[i] = tensor_named(&inference->session->config.outputs, name);
        if (inference->wanted[i] == NULL) return invalid("there is no output '%s'", name);
    }
    return NULL;
}

static TRITONSERVER_Error *run(Inference *inference) {
    const Session *session = inference->session;
    const Tensors *inputs = &session->config.inputs;
    const char *input_names[MAX_TENSORS], *output_names[MAX_TENSORS];
    for (size_t i = 0; i < inputs->count; i++) input_names[i] = inputs->items[i].name;
    for (uint32_t i = 0; i < inference->wanted_count; i++) output_names[i] = inference->wanted[i]->name;
    inference->computing_from_ns = now_ns();
    OrtStatus *status = session->runtime->api->Run(
        session->ort, NULL, input_names, (const OrtValue *const *)inference->inputs, inputs->count, output_names,
        inference->wanted_count, inference->outputs);
    inference->computing_until_ns = now_ns();
    return error_of(session->runtime->api, status);
}

static TRITONSERVER_Error *infer(Inference *inference) {
    Session *session = inference->session;
    Tensors *inputs = &session->config.inputs;
    uint64_t first = 1;
    for (size_t i = 0; i < inputs->count; i++)
        TRY(take_input(&inference->inputs[i], &first, session->runtime, &inputs->items[i], inference->request));
    if (session->config.is_batched) inference->examples = first;
    TRY(find_wanted(inference));
    TRY(run(inference));
    for (uint32_t i = 0; i < inference->wanted_count; i++)
        TRY(give_output(inference->response, session->runtime, inference->wanted[i], inference->outputs[i]));
    return NULL;
}

static void release_values(Inference *inference) {
    const OrtApi *api = inference->session->runtime->api;
    for (size_t i = 0; i < MAX_TENSORS; i++) {
        if (inference->inputs[i] != NULL) api->ReleaseValue(inference->inputs[i]);
        if (inference->outputs[i] != NULL) api->ReleaseValue(inference->outputs[i]);
    }
}

// Whether the request got an answer other than an error.
static bool answer(Inference *inference) {
    inference->computing_from_ns = inference->computing_until_ns = now_ns();
    TRITONSERVER_Error *error = TRITONBACKEND_ResponseNew(&inference->response, inference->request);
    if (error != NULL) {
        drop(error);
        return false;
    }
    error = infer(inference);
    drop(TRITONBACKEND_ResponseSend(inference->response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error));
    release_values(inference);
    if (error == NULL) return true;
    TRITONSERVER_ErrorDelete(error);
    return false;
}

TRITONSERVER_Error *TRITONBACKEND_ModelInstanceExecute(
    TRITONBACKEND_ModelInstance *instance, TRITONBACKEND_Request **requests, uint32_t count) {
    void *session;
    TRY(TRITONBACKEND_ModelInstanceState(instance, &session));
    uint64_t batch_started_ns = now_ns(), computing_from_ns = 0, computing_until_ns = 0, examples = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t started_ns = now_ns();
        Inference inference = {.session = session, .request = requests[i], .examples = 1};
        bool is_answered = answer(&inference);
        drop(TRITONBACKEND_ModelInstanceReportStatistics(
            instance, requests[i], is_answered, started_ns, inference.computing_from_ns, inference.computing_until_ns,
            now_ns()));
        drop(TRITONBACKEND_RequestRelease(requests[i], TRITONSERVER_REQUEST_RELEASE_ALL));
        if (i == 0) computing_from_ns = inference.computing_from_ns;
        computing_until_ns = inference.computing_until_ns;
        examples += inference.examples;
    }
    drop(TRITONBACKEND_ModelInstanceReportBatchStatistics(
        instance, examples, batch_started_ns, computing_from_ns, computing_until_ns, now_ns()));
    return NULL;
}
