#include "errors.h"

#include <stdarg.h>
#include <stdio.h>

TRITONSERVER_Error *failure(int code, const char *format, ...) {
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return TRITONSERVER_ErrorNew(code, message);
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
