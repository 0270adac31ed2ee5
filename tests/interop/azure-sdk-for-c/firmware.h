/* SPDX-License-Identifier: MIT */
#ifndef TESTS_INTEROP_AZURE_SDK_FOR_C_FIRMWARE_H
#define TESTS_INTEROP_AZURE_SDK_FOR_C_FIRMWARE_H

/*
 * Firmware for the Azure SDK for Embedded C, by somebody who knew its published interface and what the
 * services want to read, and had never seen this library: hub.c, dps.c, adu.c and core.c. Each prints lines
 * "name: text". What the original prints was written down beforehand, from its documentation alone, and
 * stands in hub.txt and so on; above a line where this library differs, because it corrects or forgives,
 * stands the original's. The script "run" compares. Where the documentation leaves open what the original
 * does, it is this library's word that stands there: the depth of a begin token, and some of the results of
 * "broken".
 *
 * The idioms are those of such firmware, not ours: leave them be.
 */

#include <azure/az_core.h>
#include <azure/az_iot.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* For printf("%.*s"). */
#define SPAN(span) (int) az_span_size(span), (char *) az_span_ptr(span)

static inline void say(char const *name, az_span text) {
        printf("%s: %.*s\n", name, SPAN(text));
}

static inline void say_str(char const *name, char const *text) {
        printf("%s: %s\n", name, text);
}

static inline void say_int(char const *name, long long number) {
        printf("%s: %lld\n", name, number);
}

static inline char const *result_name(az_result rc) {
        switch ((int) rc) {
        case AZ_OK:
                return "OK";
        case AZ_ERROR_NOT_ENOUGH_SPACE:
                return "NOT_ENOUGH_SPACE";
        case AZ_ERROR_ITEM_NOT_FOUND:
                return "ITEM_NOT_FOUND";
        case AZ_ERROR_UNEXPECTED_CHAR:
                return "UNEXPECTED_CHAR";
        case AZ_ERROR_UNEXPECTED_END:
                return "UNEXPECTED_END";
        case AZ_ERROR_NOT_SUPPORTED:
                return "NOT_SUPPORTED";
        case AZ_ERROR_JSON_INVALID_STATE:
                return "JSON_INVALID_STATE";
        case AZ_ERROR_JSON_NESTING_OVERFLOW:
                return "JSON_NESTING_OVERFLOW";
        case AZ_ERROR_JSON_READER_DONE:
                return "JSON_READER_DONE";
        case AZ_ERROR_IOT_TOPIC_NO_MATCH:
                return "TOPIC_NO_MATCH";
        case AZ_ERROR_IOT_END_OF_PROPERTIES:
                return "END_OF_PROPERTIES";
        default:
                return "?";
        }
}

static inline void say_rc(char const *name, az_result rc) {
        printf("%s: %s\n", name, result_name(rc));
}

#ifndef AZ_NO_PRECONDITION_CHECKING

static jmp_buf precondition_failed;

static inline void on_precondition_failed(void) {
        longjmp(precondition_failed, 1);
}

/* Says what becomes of a call that is a mistake: a failed precondition, or its result. */
#define SAY_BROKEN(name, call)                                 \
        do {                                                   \
                if (setjmp(precondition_failed) == 0)          \
                        say_rc("broken." name, call);          \
                else                                           \
                        puts("broken." name ": precondition"); \
        } while (0)

#endif

#endif
