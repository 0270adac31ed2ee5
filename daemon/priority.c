/* SPDX-License-Identifier: MIT */

#include "daemon/priority.h"

const char *const priority_names[] = {
        [PRIORITY_NORMAL] = "normal",
        [PRIORITY_HIGH] = "high",
        NULL,
};
