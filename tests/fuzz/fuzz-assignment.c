/* SPDX-License-Identifier: MIT */

/*
 * Arbitrary bytes as the file of an assignment. The first byte chooses: 'f' takes the rest as the file, 'j'
 * as the JSON in it, so that the fuzzer need not find out a checksum.
 */

#include <stdint.h>

#include "daemon/assignment.h"
#include "daemon/state-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
        if (!holds)
                abort();
}

/* What is read can be written, and is then read as the same. */
static void check_json(az_span text) {
        _cleanup_(assignment_done) Assignment a = ASSIGNMENT_NULL, again = ASSIGNMENT_NULL;
        _cleanup_(freep) char *written = NULL;

        if (assignment_parse(&a, text) != 0)
                return;
        check(assignment_format(&a, &written) == 0);
        check(assignment_parse(&again, az_span_create_from_str(written)) == 0);
        check(assignment_is_of(&again, &a.owner) && assignment_is_same(&again, &a));
        check(a.assigned_us == again.assigned_us && !a.payload == !again.payload);
        check(!a.payload || strcmp(a.payload, again.payload) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) uint8_t *copy = NULL;
        az_span bytes, text;

        if (size == 0)
                return 0;
        copy = malloc(size);
        if (!copy)
                return 0;
        memcpy(copy, data + 1, size - 1);
        bytes = az_span_create(copy, (int32_t) size - 1);

        if (data[0] == 'j')
                check_json(bytes);
        else if (state_file_parse(bytes, ASSIGNMENT_FILE, &text) == 0)
                check_json(text);
        return 0;
}
