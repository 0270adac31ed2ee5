/* SPDX-License-Identifier: MIT */

/* What becomes of a connection by the faults that its device has asked for itself. */

#include "hubsim/session-internal.h"

#include "hubsim/log.h"

/* What each does when it begins, and to a CONNECT and to telemetry while it lasts. 0: nothing. */
static const struct {
        unsigned close_code, connect_code, telemetry_code;
        MqttConnackCode connack; /* MQTT_CONNACK_ACCEPTED: the connection is closed without one */
        StreamEnd end;
} operations[] = {
        [FAULT_OPERATION_NONE] = {},
        [FAULT_OPERATION_KILL_TCP] = { 404104, 400030, 0, MQTT_CONNACK_ACCEPTED, STREAM_END_RESET },
        [FAULT_OPERATION_SHUT_DOWN] = { 404104, 400030, 0, MQTT_CONNACK_ACCEPTED, STREAM_END_NOTIFY },
        [FAULT_OPERATION_THROTTLE] = { 0, 0, 429002, MQTT_CONNACK_ACCEPTED, STREAM_END_NOTIFY },
        [FAULT_OPERATION_QUOTA] = { 0, 403002, 403002, MQTT_CONNACK_UNAVAILABLE, STREAM_END_NOTIFY },
        [FAULT_OPERATION_AUTH] = { 401003, 401003, 0, MQTT_CONNACK_NOT_AUTHORIZED, STREAM_END_NOTIFY },
};

static int on_fault(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;
        const DeviceFault *fault = &s->device->fault;

        if (operations[fault->operation].close_code == 0)
                return 0;
        log_event(session_name(s), operations[fault->operation].close_code,
                  "closed, as the device asked for: '%s'", fault->reason);
        stream_set_end(&s->stream, operations[fault->operation].end);
        session_close(s, SESSION_END_LOST, operations[fault->operation].close_code);
        return 0;
}

int session_take_fault_words(Session *s, az_span properties) {
        DeviceFault fault;

        if (fault_words_parse(properties, s->last_in_us, &fault) == FAULT_WORDS_UNKNOWN) {
                log_event(session_name(s), 0, "it asks for a fault that there is not");
                return 0;
        }
        if (fault.operation == FAULT_OPERATION_NONE)
                return 0;

        s->device->fault = fault;
        s->fault = sd_event_source_disable_unref(s->fault);
        return sd_event_add_time(s->hub->event, &s->fault, CLOCK_BOOTTIME, fault.begin_us, 1, on_fault, s);
}

int session_check_fault(Session *s) {
        FaultOperation operation = device_fault_get(&s->device->fault, s->last_in_us);

        if (operations[operation].telemetry_code == 0)
                return 0;
        log_event(session_name(s), operations[operation].telemetry_code,
                  "closed, as the device asked for: '%s'", s->device->fault.reason);
        return -ECONNABORTED;
}

int session_refuse_by_fault(Session *s, const MqttConnect *connect, const Device *device) {
        FaultOperation operation = device_fault_get(&device->fault, s->last_in_us);

        if (operations[operation].connect_code == 0)
                return 0;
        if (operations[operation].connack != MQTT_CONNACK_ACCEPTED)
                return session_refuse(s, connect, operations[operation].connack,
                                      operations[operation].connect_code, "the device has asked for it");
        log_event(device->id, operations[operation].connect_code,
                  "CONNECT not answered, as the device asked for");
        return -ECONNABORTED;
}
