/* SPDX-License-Identifier: MIT */

/*
 * The loop of a device that asks where it belongs: it tells the session (session/dps_session.h) what
 * happened, and does what the session wants. The session knows when to ask, how long to wait, and what an
 * answer means.
 */

#include "dps-link.h"

#include <stdio.h>
#include <string.h>

#include "device.h"
#include "secure-element.h"

bool assignment_is_same(const Assignment *a, const Assignment *b) {
        return strcmp(a->hub, b->hub) == 0 && strcmp(a->device_id, b->device_id) == 0;
}

/* ---- what the session wants ---- */

static void sign(DpsLink *link, az_span text) {
        uint8_t signature[SECURE_ELEMENT_SIGNATURE_SIZE];

        if (secure_element_sign(link->program->key_file, text, AZ_SPAN_FROM_BUFFER(signature)))
                told(az_dps_session_signed(&link->session, AZ_SPAN_FROM_BUFFER(signature), program_time()));
        else
                told(az_dps_session_lost(&link->session, AZ_DPS_LOSS_SIGNING, program_time()));
}

static void open_connection(DpsLink *link, const az_dps_event *event) {
        MqttSettings settings = link->program->connection;

        settings.client_id = (const char *) az_span_ptr(event->as.connect.client_id);
        settings.user_name = (const char *) az_span_ptr(event->as.connect.user_name);
        if (az_span_size(event->as.connect.password) > 0)
                settings.password = (const char *) az_span_ptr(event->as.connect.password);
        settings.keep_alive_s = event->as.connect.keep_alive_s;
        settings.clean_session = event->as.connect.clean_session;
        link->mqtt = mqtt_open(&settings);
        if (!link->mqtt)
                told(az_dps_session_lost(&link->session, AZ_DPS_LOSS_TCP, program_time()));
}

static void on_assigned(DpsLink *link, const az_dps_event *event) {
        Assignment *a = &link->assignment, before = *a;

        az_span_to_str(a->hub, sizeof(a->hub), event->as.assigned.hub);
        a->hub[strcspn(a->hub, ":")] = '\0'; /* aziot-hubsim tells a port, too: that of its service */
        az_span_to_str(a->device_id, sizeof(a->device_id), event->as.assigned.device_id);
        printf("assigned to %s as %s\n", a->hub, a->device_id);
        if (az_span_size(event->as.assigned.payload) > 0)
                printf("  with %.*s\n", (int) az_span_size(event->as.assigned.payload),
                       (const char *) az_span_ptr(event->as.assigned.payload));
        told(az_recovery_assigned(link->recovery, assignment_is_same(a, &before), program_now_us()));
}

static void print_error(const char *what, const az_dps_error *error) {
        printf("%s: %s (%d, %u) %.*s\n", what, az_dps_loss_to_string(error->loss), error->connack_code,
               (unsigned) error->code, (int) az_span_size(error->message),
               (const char *) az_span_ptr(error->message));
}

static void on_event(DpsLink *link, const az_dps_event *event) {
        switch (event->type) {
        case AZ_DPS_EVENT_SIGN:
                sign(link, event->as.sign.string_to_sign);
                break;
        case AZ_DPS_EVENT_CONNECT:
                open_connection(link, event);
                break;
        case AZ_DPS_EVENT_SUBSCRIBE:
                mqtt_subscribe(link->mqtt, &event->as.subscribe.filter, 1);
                break;
        case AZ_DPS_EVENT_PUBLISH:
                (void) mqtt_publish(link->mqtt, event->as.publish.topic, event->as.publish.payload,
                                    event->as.publish.qos); /* or the session waits for the answer in vain */
                break;
        case AZ_DPS_EVENT_WAIT:
                printf("waiting for %.1f s\n", (double) event->as.wait.delay_us / 1e6);
                break;
        case AZ_DPS_EVENT_LOST:
                print_error("lost", &event->as.lost.error);
                link->mqtt = mqtt_close(link->mqtt);
                break;
        case AZ_DPS_EVENT_ASSIGNED:
                on_assigned(link, event);
                link->mqtt = mqtt_close(link->mqtt);
                break;
        case AZ_DPS_EVENT_FAILED:
                print_error("failed", &event->as.failed.error);
                told(az_recovery_failed(link->recovery, event->as.failed.error.error_class,
                                        event->as.failed.error.retry_after_s, program_clock_is_plausible(),
                                        program_now_us()));
                link->mqtt = mqtt_close(link->mqtt);
                break;
        case AZ_DPS_EVENT_DISCONNECT:
                link->mqtt = mqtt_close(link->mqtt);
                break;
        case _AZ_DPS_EVENT_TYPE_MAX:
                break;
        }
}

/* ---- what happened ---- */

static az_dps_loss loss_of(az_hub_loss loss) {
        static const az_dps_loss losses[_AZ_HUB_LOSS_MAX] = {
                [AZ_HUB_LOSS_NAME] = AZ_DPS_LOSS_NAME,
                [AZ_HUB_LOSS_TCP] = AZ_DPS_LOSS_TCP,
                [AZ_HUB_LOSS_TLS] = AZ_DPS_LOSS_TLS,
                [AZ_HUB_LOSS_CLOSED] = AZ_DPS_LOSS_CLOSED,
                [AZ_HUB_LOSS_KEEP_ALIVE] = AZ_DPS_LOSS_KEEP_ALIVE,
                [AZ_HUB_LOSS_PROTOCOL] = AZ_DPS_LOSS_PROTOCOL,
        };

        return losses[loss];
}

static void tell(DpsLink *link, const MqttEvent *event) {
        az_dps_session *s = &link->session;

        switch (event->type) {
        case MQTT_NOTHING:
                break;
        case MQTT_CONNECTED:
                told(az_dps_session_connected(s, program_time()));
                break;
        case MQTT_REFUSED:
                told(az_dps_session_refused(s, event->connack_code, program_time()));
                break;
        case MQTT_SUBSCRIBED:
                told(az_dps_session_suback(s, event->codes, event->n_codes, program_time()));
                break;
        case MQTT_MESSAGE:
                if (az_result_failed(az_dps_session_message(s, event->topic, event->payload, program_time())))
                        printf("not understood: %.*s\n", (int) az_span_size(event->topic),
                               (const char *) az_span_ptr(event->topic));
                break;
        case MQTT_LOST:
                told(az_dps_session_lost(s, loss_of(event->loss), program_time()));
                break;
        }
}

static void pop_events(DpsLink *link) {
        az_dps_event event;

        while (az_dps_session_next_event(&link->session, &event))
                on_event(link, &event);
}

void dps_link_init(DpsLink *link, const Program *program, const char *id_scope, const char *registration_id,
                   az_recovery *recovery) {
        az_dps_session_options options = az_dps_session_options_default();

        *link = (DpsLink){ .program = program, .recovery = recovery };
        options.random_seed = program_random();
        options.credential = program_credential(program);
        options.build_unix_s = PROGRAM_BUILD_UNIX_S;
        options.custom_payload = AZ_SPAN_FROM_STR("{\"modelId\":\"" DEVICE_MODEL_ID "\"}");
        must(az_dps_session_init(&link->session, az_span_create_from_str((char *) program->connection.host),
                                 az_span_create_from_str((char *) id_scope),
                                 az_span_create_from_str((char *) registration_id), &options));
}

void dps_link_start(DpsLink *link) {
        must(az_dps_session_start(&link->session, program_time()));
        pop_events(link);
}

void dps_link_turn(DpsLink *link) {
        int wait_ms = program_wait_ms(az_dps_session_deadline_us(&link->session));
        MqttEvent event;

        if (link->mqtt) {
                mqtt_wait(link->mqtt, wait_ms, &event);
                tell(link, &event);
                pop_events(link); /* before the next mqtt_wait(): they may point into the message */
        } else
                program_sleep(wait_ms);
        told(az_dps_session_timeout(&link->session, program_time()));
        pop_events(link);
}

void dps_link_stop(DpsLink *link) {
        az_dps_session_stop(&link->session);
        pop_events(link);
}
