/* SPDX-License-Identifier: MIT */
#pragma once

/* What this process uses of the machine. */

#include "util/util.h"

/* UINT64_MAX: not known. */
typedef struct ProcessUse {
        uint64_t cpu_us;
        uint64_t resident_bytes, virtual_bytes;
        uint64_t n_descriptors, max_descriptors;
} ProcessUse;

void process_get_use(ProcessUse *ret);
