// What this backend uses of ONNX Runtime's C API. The table only ever grows at its end: the first 102 entries have had
// these places since version 1 (onnxruntime_c_api.h, "End of Version 1 - DO NOT MODIFY ABOVE").
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct OrtAllocator OrtAllocator;
typedef struct OrtEnv OrtEnv;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtStatus OrtStatus;
typedef struct OrtTensorInfo OrtTensorInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtValue OrtValue;

enum {
    ORT_API_VERSION = 20, // of ONNX Runtime 1.20, the oldest that this is for
    ORT_DEVICE_ALLOCATOR = 0,
    ORT_INVALID_ARGUMENT = 2,
    ORT_LOGGING_LEVEL_ERROR = 3,
    ORT_MEMORY_DEFAULT = 0,
};

typedef void (*OrtUnused)(void);

typedef struct {
    OrtUnused unused_0[1];
    int (*GetErrorCode)(const OrtStatus *);
    const char *(*GetErrorMessage)(const OrtStatus *);
    OrtStatus *(*CreateEnv)(int level, const char *name, OrtEnv **);
    OrtUnused unused_4[2];
    OrtStatus *(*DisableTelemetryEvents)(const OrtEnv *);
    OrtStatus *(*CreateSession)(const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **);
    OrtUnused unused_8[1];
    OrtStatus *(*Run)(
        OrtSession *, const void *run_options, const char *const *input_names, const OrtValue *const *inputs,
        size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs);
    OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **);
    OrtUnused unused_11[13];
    OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *, int);
    OrtStatus *(*SetInterOpNumThreads)(OrtSessionOptions *, int);
    OrtUnused unused_26[4];
    OrtStatus *(*SessionGetInputCount)(const OrtSession *, size_t *);
    OrtStatus *(*SessionGetOutputCount)(const OrtSession *, size_t *);
    OrtUnused unused_32[1];
    OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *, size_t index, OrtTypeInfo **);
    OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *, size_t index, OrtTypeInfo **);
    OrtUnused unused_35[1];
    OrtStatus *(*SessionGetInputName)(const OrtSession *, size_t index, OrtAllocator *, char **);
    OrtStatus *(*SessionGetOutputName)(const OrtSession *, size_t index, OrtAllocator *, char **);
    OrtUnused unused_38[11];
    OrtStatus *(*CreateTensorWithDataAsOrtValue)(
        const OrtMemoryInfo *, void *data, size_t byte_size, const int64_t *shape, size_t dims, int type, OrtValue **);
    OrtUnused unused_50[1];
    OrtStatus *(*GetTensorMutableData)(OrtValue *, void **);
    OrtUnused unused_52[3];
    OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *, const OrtTensorInfo **);
    OrtUnused unused_56[4];
    OrtStatus *(*GetTensorElementType)(const OrtTensorInfo *, int *);
    OrtStatus *(*GetDimensionsCount)(const OrtTensorInfo *, size_t *);
    OrtStatus *(*GetDimensions)(const OrtTensorInfo *, int64_t *, size_t);
    OrtUnused unused_63[2];
    OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *, OrtTensorInfo **);
    OrtUnused unused_66[3];
    OrtStatus *(*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo **);
    OrtUnused unused_70[6];
    OrtStatus *(*AllocatorFree)(OrtAllocator *, void *);
    OrtUnused unused_77[1];
    OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **);
    OrtUnused unused_79[13];
    void (*ReleaseEnv)(OrtEnv *);
    void (*ReleaseStatus)(OrtStatus *);
    void (*ReleaseMemoryInfo)(OrtMemoryInfo *);
    void (*ReleaseSession)(OrtSession *);
    void (*ReleaseValue)(OrtValue *);
    OrtUnused unused_97[1];
    void (*ReleaseTypeInfo)(OrtTypeInfo *);
    void (*ReleaseTensorInfo)(OrtTensorInfo *);
    void (*ReleaseSessionOptions)(OrtSessionOptions *);
    OrtUnused unused_101[1];
} OrtApi;

_Static_assert(sizeof(OrtApi) == 102 * sizeof(void *), "every entry is in its place");

typedef struct {
    const OrtApi *(*GetApi)(uint32_t version);
    const char *(*GetVersionString)(void);
} OrtApiBase;
