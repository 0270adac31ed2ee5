/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Direct methods: a request to a connected device, its answer, and what the caller hears when there is none.
 *
 * Source: "Understand and invoke direct methods from IoT Hub".
 */

#include <azure/core/az_span.h>

#include "hubsim/registry.h"

typedef struct Hub Hub;
typedef struct MethodCall MethodCall;

#define METHOD_PAYLOAD_MAX       (128U * 1024U)
#define METHOD_TIMEOUT_MAX_S     300
#define METHOD_TIMEOUT_DEFAULT_S 30

#define METHOD_FILTER "$iothub/methods/POST/#"

/* 'code' is 0 for an answer with 'status' and 'payload' (JSON, or empty), else IoT Hub's six digits. */
typedef void (*MethodDone)(unsigned code, unsigned status, az_span payload, void *userdata);

typedef struct MethodRequest {
        Device *device;
        az_span name, payload;
        uint64_t timeout_s;
        uint64_t connect_timeout_s; /* how long to wait for a device that is not there or not subscribed */
        MethodDone done;
        void *userdata;
} MethodRequest;

/* A condition of method_invoke(): as many calls to this device are under way as the hub allows. */
#define METHOD_TOO_MANY 1

/* Calls the device. 'done' is called exactly once, never from within, unless the call is cancelled before. */
int method_invoke(Hub *hub, const MethodRequest *request, MethodCall **ret);

/* Nobody waits for this call any more. */
void method_cancel(MethodCall *call);

/* The device answered; an unknown request id is ignored. -EBADMSG: the answer costs it its connection. */
int method_on_response(Hub *hub, const Device *device, unsigned status, az_span request_id, az_span payload);

/* The device subscribed: delivers what waited for that. */
int method_on_subscribed(Hub *hub, Device *device);

/* The device's connection has gone: what it had been given will not be answered. */
void method_on_closed(Hub *hub, const Device *device, unsigned code);

/* The device is gone for good: all calls of it end. */
void method_on_removed(Hub *hub, const Device *device);

/* "DeviceNotOnline" for 404103, and so on. */
const char *method_error_to_string(unsigned code);
