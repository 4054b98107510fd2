// What the backend takes from a model's config.
#pragma once

#include "tensors.h"

typedef struct {
    char *filename;
    int intra_op_threads;
    int inter_op_threads;
    // Whether the first dimension of every tensor is the number of examples.
    bool is_batched;
    Tensors inputs;
    Tensors outputs;
} Config;

// `config` is zeroed before, and freed by free_config after a failure too.
TRITONSERVER_Error *read_config(Config *config, TRITONBACKEND_Model *model);
void free_config(Config *config);
