/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The faults that Microsoft's SDKs ask a test hub for, as properties of telemetry: what is to happen to the
 * device that sends it, when, and how long new attempts meet the same. No I/O; times are CLOCK_BOOTTIME.
 *
 *      AzIoTHub_FaultOperationType            KillTcp, ShutDownMqtt, InvokeThrottling, ...
 *      AzIoTHub_FaultOperationCloseReason     for the log
 *      AzIoTHub_FaultOperationDelayInSecs     0 unless told
 *      AzIoTHub_FaultOperationDurationInSecs  0 unless told
 *
 * Source: the end-to-end tests of Azure's device SDKs; the service documents none of it.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

typedef enum FaultOperation {
        FAULT_OPERATION_NONE,
        FAULT_OPERATION_KILL_TCP,  /* its connection is reset, new ones are not answered */
        FAULT_OPERATION_SHUT_DOWN, /* the same, by an orderly end */
        FAULT_OPERATION_THROTTLE,  /* telemetry ends its connection (429002) */
        FAULT_OPERATION_QUOTA,     /* the same (403002), and it cannot connect */
        FAULT_OPERATION_AUTH,      /* its connection ends, new ones are refused (401003) */
        _FAULT_OPERATION_MAX,
} FaultOperation;

typedef struct DeviceFault {
        FaultOperation operation;
        uint64_t begin_us, end_us;
        char reason[64];
} DeviceFault;

/* A condition: an operation that there is not, of AMQP for instance. */
#define FAULT_WORDS_UNKNOWN 1

/* Reads them out of the properties of a message that came at 'now_us'; without any there is no operation. */
int fault_words_parse(az_span properties, uint64_t now_us, DeviceFault *ret);

/* What the device meets now, if anything. */
FaultOperation device_fault_get(const DeviceFault *fault, uint64_t now_us);
