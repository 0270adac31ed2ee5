/* SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>

#include "program.h"

#define COMPONENT "thermostat"

/* Room for a topic: host and names of the longest, and what this device puts behind them. */
#define TOPIC_SIZE 512

static void print(const char *what, az_span text) {
        printf("%s %.*s\n", what, (int) az_span_size(text), (const char *) az_span_ptr(text));
}

static az_span span_of(char *text, size_t length) {
        return az_span_create((uint8_t *) text, (int32_t) length);
}

void device_init(Device *d, az_span host, az_span device_id, uint64_t random) {
        static const az_span component = AZ_SPAN_LITERAL_FROM_STR(COMPONENT);
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_twin_sync_options twin_options = az_twin_sync_options_default();

        *d = (Device){ .components = { component }, .temperature = 18, .min = 18, .max = 18 };
        /* Until the cloud has said something the device's own values hold: status 203, version 0. */
        d->writables[INTERVAL] =
                (Writable){ AZ_SPAN_EMPTY, AZ_SPAN_FROM_STR("interval"), 1, 3600, 10, 203, 0, AZ_SPAN_EMPTY };
        d->writables[TARGET] = (Writable){
                component, AZ_SPAN_FROM_STR("targetTemperature"), 5, 30, 21, 203, 0, AZ_SPAN_EMPTY
        };

        options.model_id = AZ_SPAN_FROM_STR(DEVICE_MODEL_ID);
        options.component_names = d->components;
        options.component_names_length = 1;
        must(az_iot_hub_client_init(&d->client, host, device_id, &options));

        twin_options.random_seed = random;
        twin_options.stash = AZ_SPAN_FROM_BUFFER(d->stash);
        must(az_twin_sync_init(&d->twin, &d->client, &twin_options));
}

/* ---- telemetry ---- */

static void add_property(az_iot_message_properties *properties, const char *name, const char *value) {
        must(az_iot_message_properties_append(properties, az_span_create_from_str((char *) name),
                                              az_span_create_from_str((char *) value)));
}

static void measure(Device *d) {
        d->temperature += (d->writables[TARGET].value - d->temperature) / 4;
        if (d->temperature < d->min)
                d->min = d->temperature;
        if (d->temperature > d->max)
                d->max = d->temperature;
}

static void send_telemetry(Device *d) {
        az_iot_message_properties properties;
        char topic[TOPIC_SIZE];
        uint8_t buffer[128], body[64];
        az_json_writer json;
        size_t length;
        az_span text;

        must(az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), 0));
        add_property(&properties, AZ_IOT_MESSAGE_COMPONENT_NAME, COMPONENT);
        add_property(&properties, AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE, "application%2Fjson");
        add_property(&properties, AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING, "utf-8");
        add_property(&properties, "alarm",
                     d->temperature < d->writables[TARGET].value - 10 ? "true" : "false");
        must(az_iot_hub_client_telemetry_get_publish_topic(&d->client, &properties, topic, sizeof(topic),
                                                           &length));

        must(az_json_writer_init(&json, AZ_SPAN_FROM_BUFFER(body), NULL));
        must(az_json_writer_append_begin_object(&json));
        must(az_json_writer_append_property_name(&json, AZ_SPAN_FROM_STR("temperature")));
        must(az_json_writer_append_double(&json, d->temperature, 2));
        must(az_json_writer_append_end_object(&json));
        text = az_json_writer_get_bytes_used_in_destination(&json);

        if (mqtt_publish(d->mqtt, span_of(topic, length), text, 1))
                print("telemetry", text);
}

/* ---- commands, which are direct methods ---- */

void device_on_command(Device *d, Mqtt *mqtt, az_span name, az_span request_id, az_span payload) {
        char topic[TOPIC_SIZE], text[64];
        uint16_t status = 200;
        size_t length;

        print("command", name);
        if (az_span_is_content_equal(name, AZ_SPAN_FROM_STR(COMPONENT "*getMaxMin"))) {
                snprintf(text, sizeof(text), "{\"max\":%.2f,\"min\":%.2f}", d->max, d->min);
                payload = az_span_create_from_str(text);
        } else if (!az_span_is_content_equal(name, AZ_SPAN_FROM_STR("echo"))) {
                status = 404;
                payload = AZ_SPAN_FROM_STR("\"no such command\"");
        }
        if (az_result_failed(az_iot_hub_client_commands_response_get_publish_topic(
                    &d->client, request_id, status, topic, sizeof(topic), &length)))
                return; /* a hub's ids are much shorter */
        /* If it is not sent, the caller hears of a time-out. */
        (void) mqtt_publish(mqtt, span_of(topic, length), payload, 0);
}

/* ---- messages from the cloud ---- */

void device_on_message(az_iot_hub_client_c2d_request *request, az_span payload) {
        az_span name, value;

        print("message", payload);
        while (az_result_succeeded(az_iot_message_properties_next(&request->properties, &name, &value)))
                printf("  %.*s=%.*s\n", (int) az_span_size(name), (const char *) az_span_ptr(name),
                       (int) az_span_size(value), (const char *) az_span_ptr(value));
}

/* ---- the twin ---- */

static void write_answer(Device *d, az_json_writer *json, const Writable *w) {
        must(az_iot_hub_client_properties_writer_begin_response_status(&d->client, json, w->name, w->status,
                                                                       w->version, w->description));
        must(az_json_writer_append_double(json, w->value, 2));
        must(az_iot_hub_client_properties_writer_end_response_status(&d->client, json));
}

/* Everything that the device reports: the hub merges it, so what it has already does no harm. */
static az_span write_patch(Device *d) {
        az_json_writer json;

        must(az_json_writer_init(&json, AZ_SPAN_FROM_BUFFER(d->patch), NULL));
        must(az_json_writer_append_begin_object(&json));
        must(az_json_writer_append_property_name(&json, AZ_SPAN_FROM_STR("serialNumber")));
        must(az_json_writer_append_string(&json, AZ_SPAN_FROM_STR("A7-0042")));
        write_answer(d, &json, &d->writables[INTERVAL]);

        must(az_iot_hub_client_properties_writer_begin_component(&d->client, &json, d->components[0]));
        must(az_json_writer_append_property_name(&json, AZ_SPAN_FROM_STR("maxTemperature")));
        must(az_json_writer_append_double(&json, d->max, 2));
        write_answer(d, &json, &d->writables[TARGET]);
        must(az_iot_hub_client_properties_writer_end_component(&d->client, &json));

        must(az_json_writer_append_end_object(&json));
        return az_json_writer_get_bytes_used_in_destination(&json);
}

static Writable *find_writable(Device *d, az_span component, const az_json_token *name) {
        for (int i = 0; i < N_WRITABLES; i++)
                if (az_span_is_content_equal(d->writables[i].component, component) &&
                    az_json_token_is_text_equal(name, d->writables[i].name))
                        return &d->writables[i];
        return NULL;
}

static void set(Writable *w, const az_json_token *token, int64_t version) {
        double value;
        bool is_good = az_result_succeeded(az_json_token_get_double(token, &value)) && value >= w->min &&
                       value <= w->max;

        if (is_good)
                w->value = value;
        w->version = (int32_t) version;
        w->status = is_good ? 200 : 400;
        w->description = is_good ? AZ_SPAN_EMPTY : AZ_SPAN_FROM_STR("not a number in the range");
}

/* Takes the desired properties: all of them, or those that have changed. */
static void apply(Device *d, az_span desired, int64_t version) {
        const double interval_s = d->writables[INTERVAL].value;
        az_span component = AZ_SPAN_EMPTY;
        az_json_reader json;

        print("desired", desired);
        must(az_json_reader_init(&json, desired, NULL));
        while (az_result_succeeded(az_iot_hub_client_properties_get_next_component_property(
                &d->client, &json, AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED,
                AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE, &component))) {
                Writable *w = find_writable(d, component, &json.token);

                if (az_result_failed(az_json_reader_next_token(&json)))
                        break;
                if (w && json.token.kind != AZ_JSON_TOKEN_NULL) /* null: nothing is desired any more */
                        set(w, &json.token, version);
                if (az_result_failed(az_json_reader_skip_children(&json)))
                        break;
        }
        d->has_news = true;
        if (d->writables[INTERVAL].value < interval_s)
                d->next_message_us = 0; /* now, and from then on in the new interval */
}

static void on_twin_event(Device *d, const az_twin_event *event, uint64_t now_us) {
        switch (event->type) {
        case AZ_TWIN_EVENT_PUBLISH:
                if (!mqtt_publish(d->mqtt, event->as.publish.topic, event->as.publish.payload, 0))
                        must(az_twin_sync_unsent(&d->twin, event->as.publish.request, now_us));
                break;
        case AZ_TWIN_EVENT_DOCUMENT:
                apply(d, event->as.document.desired, event->as.document.desired_version);
                break;
        case AZ_TWIN_EVENT_DESIRED:
                apply(d, event->as.desired.patch, event->as.desired.version);
                break;
        case AZ_TWIN_EVENT_REPORTED:
                printf("reported: %s\n", az_twin_outcome_to_string(event->as.reported.outcome));
                if (event->as.reported.outcome == AZ_TWIN_RETRY)
                        d->has_news = true;
                break;
        case AZ_TWIN_EVENT_READY:
                d->may_report = true;
                break;
        case AZ_TWIN_EVENT_GET_FAILED:
        case _AZ_TWIN_EVENT_TYPE_MAX:
                break;
        }
}

static void pop_twin_events(Device *d, uint64_t now_us) {
        az_twin_event event;

        while (az_twin_sync_next_event(&d->twin, &event))
                on_twin_event(d, &event, now_us);
}

void device_on_live(Device *d, Mqtt *mqtt, uint64_t now_us) {
        d->mqtt = mqtt;
        must(az_twin_sync_live(&d->twin, now_us));
        pop_twin_events(d, now_us);
}

void device_on_down(Device *d) {
        az_twin_sync_lost(&d->twin);
        pop_twin_events(d, 0);
        d->may_report = false;
        d->mqtt = NULL;
}

void device_on_twin(Device *d, const az_iot_hub_client_twin_response *response, az_span payload,
                    uint64_t now_us) {
        if (az_result_succeeded(az_twin_sync_response(&d->twin, response, payload, now_us)))
                pop_twin_events(d, now_us);
}

/* ---- what is due ---- */

void device_run(Device *d, uint64_t now_us) {
        if (!d->mqtt)
                return;

        must(az_twin_sync_timeout(&d->twin, now_us));
        pop_twin_events(d, now_us);
        if (d->has_news && d->may_report) {
                d->has_news = d->may_report = false;
                must(az_twin_sync_report(&d->twin, write_patch(d), now_us));
                pop_twin_events(d, now_us);
        }
        if (now_us >= d->next_message_us) {
                measure(d);
                send_telemetry(d);
                d->next_message_us = now_us + (uint64_t) (d->writables[INTERVAL].value * 1e6);
        }
}

uint64_t device_deadline_us(const Device *d) {
        uint64_t twin_us = az_twin_sync_deadline_us(&d->twin);

        if (!d->mqtt)
                return UINT64_MAX;
        return twin_us < d->next_message_us ? twin_us : d->next_message_us;
}
