/* SPDX-License-Identifier: MIT */

/*
 * The loop of a device that is connected to its hub: it tells the session (session/hub_session.h) what
 * happened, and does what the session wants. The session knows when to sign, to connect and to subscribe,
 * when to renew the link because its token ends, and how long to wait after which failure.
 */

#include "hub-link.h"

#include <stdio.h>

#include "secure-element.h"

/* ---- what the session wants ---- */

static void sign(HubLink *link, az_span text) {
        uint8_t signature[SECURE_ELEMENT_SIGNATURE_SIZE];

        if (secure_element_sign(link->program->key_file, text, AZ_SPAN_FROM_BUFFER(signature)))
                told(az_hub_session_signed(&link->session, AZ_SPAN_FROM_BUFFER(signature), program_time()));
        else
                told(az_hub_session_lost(&link->session, AZ_HUB_LOSS_SIGNING, program_time()));
}

static void open_connection(HubLink *link, const az_hub_event *event) {
        MqttSettings settings = link->program->connection;

        settings.host = link->host;
        settings.client_id = (const char *) az_span_ptr(event->as.connect.client_id);
        settings.user_name = (const char *) az_span_ptr(event->as.connect.user_name);
        if (az_span_size(event->as.connect.password) > 0)
                settings.password = (const char *) az_span_ptr(event->as.connect.password);
        settings.keep_alive_s = event->as.connect.keep_alive_s;
        settings.clean_session = event->as.connect.clean_session;
        link->mqtt = mqtt_open(&settings);
        if (!link->mqtt)
                told(az_hub_session_lost(&link->session, AZ_HUB_LOSS_TCP, program_time()));
}

static void drop_connection(HubLink *link) {
        device_on_down(&link->device);
        link->mqtt = mqtt_close(link->mqtt);
        link->is_draining = false;
}

static void on_event(HubLink *link, az_hub_event *event) {
        switch (event->type) {
        case AZ_HUB_EVENT_SIGN:
                sign(link, event->as.sign.string_to_sign);
                break;
        case AZ_HUB_EVENT_CONNECT:
                open_connection(link, event);
                break;
        case AZ_HUB_EVENT_SUBSCRIBE:
                mqtt_subscribe(link->mqtt, event->as.subscribe.filters, event->as.subscribe.n_filters);
                break;
        case AZ_HUB_EVENT_LIVE:
                printf("connected to %s\n", link->host);
                device_on_live(&link->device, link->mqtt, program_now_us());
                if (link->recovery)
                        told(az_recovery_hub_live(link->recovery, program_now_us()));
                break;
        case AZ_HUB_EVENT_METHOD:
                device_on_command(&link->device, link->mqtt, event->as.method.name,
                                  event->as.method.request_id, event->as.method.payload);
                break;
        case AZ_HUB_EVENT_C2D:
                device_on_message(&event->as.c2d.request, event->as.c2d.payload);
                break;
        case AZ_HUB_EVENT_TWIN:
                device_on_twin(&link->device, &event->as.twin.response, event->as.twin.payload,
                               program_now_us());
                break;
        case AZ_HUB_EVENT_DRAIN:
                printf("the link is renewed\n");
                device_on_down(&link->device);
                link->is_draining = true;
                break;
        case AZ_HUB_EVENT_LOST:
                printf("lost: %s (%d), next attempt in %.1f s\n", az_hub_loss_to_string(event->as.lost.loss),
                       event->as.lost.connack_code, (double) event->as.lost.delay_us / 1e6);
                drop_connection(link);
                if (link->recovery)
                        told(az_recovery_hub_lost(link->recovery, event, program_clock_is_plausible(),
                                                  program_now_us()));
                break;
        case AZ_HUB_EVENT_DISCONNECT:
                drop_connection(link);
                told(az_hub_session_closed(&link->session, program_time())); /* if it wants to know */
                break;
        case AZ_HUB_EVENT_WAIT: /* only with a splay */
        case _AZ_HUB_EVENT_TYPE_MAX:
                break;
        }
}

/* ---- what happened ---- */

static void tell(HubLink *link, const MqttEvent *event) {
        az_hub_session *s = &link->session;

        switch (event->type) {
        case MQTT_NOTHING:
                break;
        case MQTT_CONNECTED:
                told(az_hub_session_connected(s, event->session_present, program_time()));
                break;
        case MQTT_REFUSED:
                told(az_hub_session_refused(s, event->connack_code, program_time()));
                break;
        case MQTT_SUBSCRIBED:
                told(az_hub_session_suback(s, event->codes, event->n_codes, program_time()));
                break;
        case MQTT_MESSAGE:
                if (az_result_failed(az_hub_session_message(s, event->topic, event->payload)))
                        printf("not understood: %.*s\n", (int) az_span_size(event->topic),
                               (const char *) az_span_ptr(event->topic));
                break;
        case MQTT_LOST:
                told(az_hub_session_lost(s, event->loss, program_time()));
                break;
        }
}

static void pop_events(HubLink *link) {
        az_hub_event event;

        while (az_hub_session_next_event(&link->session, &event))
                on_event(link, &event);
}

void hub_link_turn(HubLink *link) {
        uint64_t session_us = az_hub_session_deadline_us(&link->session),
                 device_us = device_deadline_us(&link->device);
        int wait_ms = program_wait_ms(session_us < device_us ? session_us : device_us);
        MqttEvent event;

        if (link->mqtt) {
                mqtt_wait(link->mqtt, wait_ms, &event);
                tell(link, &event);
                pop_events(link); /* before the next mqtt_wait(): they may point into the message */
        } else
                program_sleep(wait_ms);

        told(az_hub_session_timeout(&link->session, program_time()));
        pop_events(link);
        if (program_has_new_credential()) {
                told(az_hub_session_renew(&link->session, program_time()));
                pop_events(link);
                told(az_hub_session_reconnect_now(&link->session, program_time())); /* if there is none */
                pop_events(link);
        }
        if (link->is_draining && mqtt_unacknowledged(link->mqtt) == 0) {
                told(az_hub_session_drained(&link->session, program_time()));
                pop_events(link);
        }
        device_run(&link->device, program_now_us());
}

void hub_link_start(HubLink *link, const Program *program, const char *host, const char *device_id,
                    az_recovery *recovery) {
        az_hub_session_options options = az_hub_session_options_default();

        *link = (HubLink){ .program = program, .host = host, .recovery = recovery };
        device_init(&link->device, az_span_create_from_str((char *) host),
                    az_span_create_from_str((char *) device_id), program_random());
        options.random_seed = program_random();
        options.credential = program_credential(program);
        options.build_unix_s = PROGRAM_BUILD_UNIX_S;
        must(az_hub_session_init(&link->session, &link->device.client, &options));
        must(az_hub_session_start(&link->session, program_time()));
        pop_events(link);
}

void hub_link_stop(HubLink *link) {
        if (!link->program)
                return;
        az_hub_session_stop(&link->session);
        pop_events(link);
}
