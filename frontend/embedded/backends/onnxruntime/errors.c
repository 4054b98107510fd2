#include "errors.h"

#include <stdarg.h>
#include <stdio.h>

static TRITONSERVER_Error *formatted(int code, const char *format, va_list arguments) {
    char message[2048];
    vsnprintf(message, sizeof message, format, arguments);
    return TRITONSERVER_ErrorNew(code, message);
}

TRITONSERVER_Error *failure(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    TRITONSERVER_Error *error = formatted(code, format, arguments);
    va_end(arguments);
    return error;
}

TRITONSERVER_Error *invalid(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    TRITONSERVER_Error *error = formatted(TRITONSERVER_ERROR_INVALID_ARG, format, arguments);
    va_end(arguments);
    return error;
}

TRITONSERVER_Error *error_of(const OrtApi *api, OrtStatus *status) {
    if (status == NULL) return NULL;
    bool is_invalid = api->GetErrorCode(status) == ORT_INVALID_ARGUMENT;
    TRITONSERVER_Error *error = TRITONSERVER_ErrorNew(
        is_invalid ? TRITONSERVER_ERROR_INVALID_ARG : TRITONSERVER_ERROR_INTERNAL, api->GetErrorMessage(status));
    api->ReleaseStatus(status);
    return error;
}

void drop(TRITONSERVER_Error *error) {
    if (error == NULL) return;
    TRITONSERVER_Error *unlogged =
        TRITONSERVER_LogMessage(TRITONSERVER_LOG_ERROR, "onnxruntime", 0, TRITONSERVER_ErrorMessage(error));
    if (unlogged != NULL) TRITONSERVER_ErrorDelete(unlogged);
    TRITONSERVER_ErrorDelete(error);
}
