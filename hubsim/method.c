/* SPDX-License-Identifier: MIT */

#include "hubsim/method.h"

#include <azure/core/az_json.h>
#include <sys/random.h>

#include "hubsim/buffer.h"
#include "hubsim/hub.h"
#include "hubsim/session.h"

/* The service has such a limit and does not say which. */
#define CALLS_PER_DEVICE 32U

/* A request id is opaque, so it comes in all lengths up to this one. */
#define REQUEST_ID_MAX 64U

struct MethodCall {
        MethodCall *next;
        Hub *hub;
        Device *device;
        char request_id[REQUEST_ID_MAX + 1];
        IpcBuffer topic, payload; /* until it is delivered */
        bool is_delivered;
        uint64_t timeout_us;
        sd_event_source *timer;
        MethodDone done;
        void *userdata;
};

static MethodCall *method_call_free(MethodCall *call) {
        if (!call)
                return NULL;

        for (MethodCall **p = &call->hub->calls; *p; p = &(*p)->next)
                if (*p == call) {
                        *p = call->next;
                        break;
                }
        sd_event_source_disable_unref(call->timer);
        ipc_buffer_done(&call->topic);
        ipc_buffer_done(&call->payload);
        free(call);
        return NULL;
}

DEFINE_CLEANUP(MethodCall *, method_call_free)

void method_cancel(MethodCall *call) {
        method_call_free(call);
}

static void method_finish(MethodCall *call, unsigned code, unsigned status, az_span payload) {
        call->done(code, status, payload, call->userdata);
        method_call_free(call);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        MethodCall *call = userdata;

        method_finish(call, call->is_delivered ? 504101 : 404103, 0, AZ_SPAN_EMPTY);
        return 0;
}

/* Calls on_timeout() in so many microseconds. */
static int method_arm(MethodCall *call, uint64_t delay_us) {
        call->timer = sd_event_source_disable_unref(call->timer);
        return sd_event_add_time_relative(call->hub->event, &call->timer, CLOCK_BOOTTIME, delay_us, 1,
                                          on_timeout, call);
}

static int make_request_id(char ret[static REQUEST_ID_MAX + 1]) {
        static const char digits[] = "0123456789abcdef";
        uint8_t random[REQUEST_ID_MAX];
        size_t n;

        if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
                return -errno;

        /* Eight digits at least, so that no two of the calls under way are the same. */
        n = 8 + random[0] % (REQUEST_ID_MAX - 7);
        for (size_t i = 0; i < n; i++)
                ret[i] = digits[(random[i] >> 4) & 0xf];
        ret[n] = '\0';
        return 0;
}

static int method_deliver(MethodCall *call) {
        int r;

        r = session_publish(call->device->session, buffer_span(&call->topic), buffer_span(&call->payload));
        if (r < 0)
                return r;

        call->is_delivered = true;
        return method_arm(call, call->timeout_us);
}

static bool device_is_reachable(const Device *device) {
        return device->session && device_is_subscribed(device, METHOD_FILTER);
}

static int method_call_new(Hub *hub, const MethodRequest *request, MethodCall **ret) {
        _cleanup_(method_call_freep) MethodCall *call = NULL;
        int r;

        call = malloc(sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (MethodCall){
                .next = hub->calls,
                .hub = hub,
                .device = request->device,
                .timeout_us = request->timeout_s * USEC_PER_SEC,
                .done = request->done,
                .userdata = request->userdata,
        };
        hub->calls = call;

        r = make_request_id(call->request_id);
        if (r < 0)
                return r;
        r = buffer_append(&call->topic, METHOD_FILTER, strlen(METHOD_FILTER) - 1);
        if (r < 0)
                return r;
        r = buffer_append_span(&call->topic, request->name);
        if (r < 0)
                return r;
        r = buffer_printf(&call->topic, "/?$rid=%s", call->request_id);
        if (r < 0)
                return r;
        r = buffer_append_span(&call->payload, request->payload);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(call);
        return 0;
}

int method_invoke(Hub *hub, const MethodRequest *request, MethodCall **ret) {
        _cleanup_(method_call_freep) MethodCall *call = NULL;
        unsigned n = 0;
        int r;

        for (const MethodCall *c = hub->calls; c; c = c->next)
                n += c->device == request->device;
        if (n >= CALLS_PER_DEVICE)
                return METHOD_TOO_MANY;

        r = method_call_new(hub, request, &call);
        if (r < 0)
                return r;
        if (device_is_reachable(call->device))
                r = method_deliver(call);
        else
                r = method_arm(call, request->connect_timeout_s * USEC_PER_SEC);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(call);
        return 0;
}

int method_on_response(Hub *hub, const Device *device, unsigned status, az_span request_id, az_span payload) {
        if (az_span_size(payload) > (int32_t) METHOD_PAYLOAD_MAX)
                return -EBADMSG;
        if (az_span_size(payload) > 0 && az_result_failed(az_json_validate(payload)))
                return -EBADMSG;

        for (MethodCall *call = hub->calls; call; call = call->next)
                if (call->device == device && call->is_delivered &&
                    az_span_is_content_equal(request_id, az_span_create_from_str(call->request_id))) {
                        method_finish(call, 0, status, payload);
                        break;
                }
        return 0;
}

int method_on_subscribed(Hub *hub, Device *device) {
        if (!device_is_reachable(device))
                return 0;

        for (MethodCall *call = hub->calls; call; call = call->next)
                if (call->device == device && !call->is_delivered) {
                        int r = method_deliver(call);

                        if (r < 0)
                                return r;
                }
        return 0;
}

static void finish_all(Hub *hub, const Device *device, bool waiting_too, unsigned code) {
        for (MethodCall *call = hub->calls, *next; call; call = next) {
                next = call->next;
                if (call->device == device && (call->is_delivered || waiting_too))
                        method_finish(call, code, 0, AZ_SPAN_EMPTY);
        }
}

void method_on_closed(Hub *hub, const Device *device, unsigned code) {
        finish_all(hub, device, false, code);
}

void method_on_removed(Hub *hub, const Device *device) {
        finish_all(hub, device, true, 404001);
}

const char *method_error_to_string(unsigned code) {
        static const struct {
                unsigned code;
                const char *name;
        } errors[] = {
                { 400004, "ArgumentInvalid" },
                { 400012, "DeserializationError" },
                { 400027, "ConnectionForcefullyClosedOnNewConnection" },
                { 403002, "IotHubQuotaExceeded" },
                { 403004, "DeviceMaximumQueueDepthExceeded" },
                { 403010, "OperationNotAllowedInCurrentTier" },
                { 403012, "DeviceDisabled" },
                { 403800, "DeviceMaximumInflightMethodExceeded" },
                { 404001, "DeviceNotFound" },
                { 404103, "DeviceNotOnline" },
                { 404104, "DeviceConnectionClosedRemotely" },
                { 404201, "EnrollmentNotFound" },
                { 404202, "RegistrationNotFound" },
                { 409001, "DeviceAlreadyExists" },
                { 409201, "EnrollmentAlreadyExists" },
                { 413001, "MessageTooLarge" },
                { 429001, "ThrottlingException" },
                { 504101, "GatewayTimeout" },
        };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == code)
                        return errors[i].name;
        return "ServerError";
}
