/* SPDX-License-Identifier: MIT */
#pragma once

/* For what a test stands on, in any thread and outside of libcheck: ends the program if it does not hold. */

#include "util/util.h"

_unused_ static void must(bool ok, const char *what) {
        if (ok)
                return;
        fprintf(stderr, "Cannot go on with the test: %s\n", what);
        abort();
}
