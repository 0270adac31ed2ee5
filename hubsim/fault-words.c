/* SPDX-License-Identifier: MIT */

#include "hubsim/fault-words.h"

#include "hubsim/percent.h"

#define PREFIX "AzIoTHub_FaultOperation"

/* A day. */
#define SECONDS_MAX 86400U

static const struct {
        const char *word;
        FaultOperation operation;
} words[] = {
        { "KillTcp", FAULT_OPERATION_KILL_TCP },          { "ShutDownMqtt", FAULT_OPERATION_SHUT_DOWN },
        { "InvokeThrottling", FAULT_OPERATION_THROTTLE }, { "InvokeMaxMessageQuota", FAULT_OPERATION_QUOTA },
        { "InvokeAuthError", FAULT_OPERATION_AUTH },
};

/* Finds the value of a property, decoded in 'buffer'; a longer one is none. */
static az_span find_value(az_span properties, const char *name, az_span buffer) {
        while (az_span_size(properties) > 0) {
                az_span value = span_take_until(&properties, '&'), key = span_take_until(&value, '='),
                        decoded, scratch = buffer;

                if (span_equals(key, name) && az_span_size(value) <= az_span_size(buffer) &&
                    percent_decode(value, &scratch, &decoded))
                        return decoded;
        }
        return AZ_SPAN_EMPTY;
}

static uint64_t find_seconds(az_span properties, const char *name) {
        uint8_t buffer[32];
        uint32_t seconds;

        if (az_result_failed(
                    az_span_atou32(find_value(properties, name, AZ_SPAN_FROM_BUFFER(buffer)), &seconds)))
                return 0;
        return MIN(seconds, SECONDS_MAX);
}

int fault_words_parse(az_span properties, uint64_t now_us, DeviceFault *ret) {
        uint8_t buffer[64];
        az_span text = find_value(properties, PREFIX "Type", AZ_SPAN_FROM_BUFFER(buffer));
        DeviceFault fault = { .operation = FAULT_OPERATION_NONE };

        if (az_span_size(text) > 0) {
                for (size_t i = 0; i < ELEMENTSOF(words); i++)
                        if (span_equals(text, words[i].word))
                                fault.operation = words[i].operation;
                if (fault.operation == FAULT_OPERATION_NONE)
                        return FAULT_WORDS_UNKNOWN;
                fault.begin_us = now_us + find_seconds(properties, PREFIX "DelayInSecs") * USEC_PER_SEC;
                fault.end_us =
                        fault.begin_us + find_seconds(properties, PREFIX "DurationInSecs") * USEC_PER_SEC;
                text = find_value(
                        properties, PREFIX "CloseReason",
                        az_span_create((uint8_t *) fault.reason, (int32_t) sizeof(fault.reason) - 1));
                fault.reason[az_span_size(text)] = '\0';
        }
        *ret = fault;
        return 0;
}

FaultOperation device_fault_get(const DeviceFault *fault, uint64_t now_us) {
        return now_us >= fault->begin_us && now_us < fault->end_us ? fault->operation : FAULT_OPERATION_NONE;
}
