/* SPDX-License-Identifier: MIT */
#include "aio-client-fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SPAN(s) az_span_size(s), (const char *) az_span_ptr(s)

/* Each draw is another one, without NUL, and the same in each run. */
static void draw(void *context, uint8_t *bytes, size_t n_bytes) {
        Fixture *f = context;

        f->random++;
        for (size_t i = 0; i < n_bytes; i++)
                bytes[i] = (uint8_t) (0x20 + (f->random >> 4 * (i % 4)) % 16);
}

void fixture_init_with(Fixture *f, uint32_t n_tasks, size_t n_bytes) {
        aio_client_options options = {
                .client_id = AZ_SPAN_FROM_STR(CLIENT_ID),
                .clock = &f->clock,
                .random = draw,
                .random_context = f,
        };
        aio_client_memory memory;

        memset(f, 0, sizeof(*f));
        f->time = (aio_time){ UINT64_C(1000000), WALL_MS };
        memory = (aio_client_memory){
                .tasks = f->tasks,
                .n_tasks = n_tasks,
                .invocations = f->invocations,
                .n_invocations = ELEMENTSOF(f->invocations),
                .user_properties = f->user_properties,
                .n_user_properties = ELEMENTSOF(f->user_properties),
                .tokens = f->tokens,
                .n_tokens = ELEMENTSOF(f->tokens),
                .scratch = AZ_SPAN_FROM_BUFFER(f->scratch),
                .blocks = az_span_create(f->blocks, (int32_t) n_bytes),
        };
        ck_assert_int_eq(
                aio_hlc_clock_init(&f->clock, AZ_SPAN_FROM_STR("node"), AIO_HLC_MAX_DRIFT_DEFAULT_MS), AZ_OK);
        ck_assert_int_eq(aio_client_init(&f->client, &options, &memory), AZ_OK);
}

void fixture_init(Fixture *f) {
        fixture_init_with(f, ELEMENTSOF(f->tasks), sizeof(f->blocks));
}

__attribute__((format(printf, 2, 3))) static void note(Fixture *f, const char *format, ...) {
        size_t n = strlen(f->log);
        va_list ap;

        va_start(ap, format);
        vsnprintf(f->log + n, sizeof(f->log) - n, format, ap);
        va_end(ap);
}

static void note_error(Fixture *f, const aio_error *error) {
        if (error->kind == AIO_ERROR_NONE)
                return;
        note(f, " %s", aio_error_kind_to_string(error->kind));
        if (error->is_remote)
                note(f, " remote");
        if (error->is_shallow)
                note(f, " shallow");
        if (az_span_size(error->property_name) > 0)
                note(f, " (%.*s", SPAN(error->property_name));
        if (az_span_ptr(error->property_value))
                note(f, " %.*s", SPAN(error->property_value));
        if (az_span_size(error->property_name) > 0)
                note(f, ")");
        f->error = *error;
}

static void keep_span(Fixture *f, size_t *at, az_span *span) {
        size_t n = (size_t) az_span_size(*span);

        if (!az_span_ptr(*span))
                return;
        ck_assert_uint_lt(*at + n + 1, sizeof(f->texts));
        memcpy(f->texts + *at, az_span_ptr(*span), n);
        f->texts[*at + n] = '\0';
        *span = az_span_create((uint8_t *) f->texts + *at, (int32_t) n);
        *at += n + 1;
}

static void keep(Fixture *f, const az_mqtt_message *message) {
        size_t at = 0;

        f->published = *message;
        keep_span(f, &at, &f->published.topic);
        keep_span(f, &at, &f->published.payload);
        keep_span(f, &at, &f->published.content_type);
        keep_span(f, &at, &f->published.response_topic);
        keep_span(f, &at, &f->published.correlation_data);
        f->published.user_properties = f->properties;
        ck_assert_int_le(message->n_user_properties, ELEMENTSOF(f->properties));
        for (int32_t i = 0; i < message->n_user_properties; i++) {
                f->properties[i] = message->user_properties[i];
                keep_span(f, &at, &f->properties[i].key);
                keep_span(f, &at, &f->properties[i].value);
        }
}

const char *fixture_property(Fixture *f, const char *key) {
        for (int32_t i = 0; i < f->published.n_user_properties; i++) {
                if (az_span_is_content_equal(f->properties[i].key, str(key)))
                        return (const char *) az_span_ptr(f->properties[i].value);
        }
        return NULL;
}

void fixture_carry(Fixture *f, const aio_event *publish) {
        const char *status;

        ck_assert_int_eq(publish->type, AIO_EVENT_PUBLISH);
        ck_assert(publish->as.publish.token & AIO_TOKEN_BIT);
        keep(f, &publish->as.publish.message);
        ck_assert_uint_lt(f->n_published, ELEMENTSOF(f->tokens_out));
        f->tokens_out[f->n_published++] = publish->as.publish.token;
        status = fixture_property(f, "__stat");
        note(f, "%spublish %.*s", f->log[0] ? "; " : "", SPAN(f->published.topic));
        if (status)
                note(f, " %s", status);
        if (az_span_size(f->published.payload) > 0)
                note(f, " %.*s", SPAN(f->published.payload));
}

static void note_wish(Fixture *f, const aio_event *event) {
        if (event->type == AIO_EVENT_ACK) {
                ck_assert_uint_eq(event->as.ack.ack.epoch, 7);
                note(f, "ack %u", (unsigned) event->as.ack.ack.sequence);
                return;
        }
        ck_assert(event->as.subscribe.token & AIO_TOKEN_BIT);
        f->subscribe_token = event->as.subscribe.token;
        note(f, "%s %.*s", aio_event_type_to_string(event->type), SPAN(event->as.subscribe.filter));
}

static void note_news(Fixture *f, const aio_event *event) {
        switch (event->type) {
        case AIO_EVENT_STARTED:
        case AIO_EVENT_STOPPED:
                note(f, "%s", aio_event_type_to_string(event->type));
                note_error(f, &event->as.endpoint.error);
                break;
        case AIO_EVENT_SENT:
                note(f, "sent %u", (unsigned) event->as.sent.token);
                note_error(f, &event->as.sent.error);
                break;
        case AIO_EVENT_TELEMETRY:
                f->ack_id = event->as.telemetry.ack_id;
                f->request = event->as.telemetry.received;
                note(f, "telemetry %.*s %.*s", SPAN(f->request.message.topic),
                     SPAN(f->request.message.payload));
                break;
        case AIO_EVENT_REQUEST:
                f->request_id = event->as.request.id;
                f->request = event->as.request.received;
                note(f, "request %.*s", SPAN(f->request.message.payload));
                break;
        case AIO_EVENT_REQUEST_GONE:
                note(f, "gone %s", aio_gone_to_string(event->as.request_gone.why));
                break;
        case AIO_EVENT_RESPONSE:
                f->context = event->as.response.context;
                note(f, "response");
                if (event->as.response.error.kind == AIO_ERROR_NONE)
                        note(f, " %.*s", SPAN(event->as.response.received.message.payload));
                note_error(f, &event->as.response.error);
                break;
        case AIO_EVENT_IGNORED:
                note(f, "ignored");
                note_error(f, &event->as.ignored.error);
                break;
        case AIO_EVENT_SUBSCRIBE:
        case AIO_EVENT_UNSUBSCRIBE:
        case AIO_EVENT_PUBLISH:
        case AIO_EVENT_ACK:
        case _AIO_EVENT_TYPE_MAX:
                ck_abort();
        }
}

const char *fixture_pump(Fixture *f) {
        aio_event event;

        f->log[0] = '\0';
        while (aio_client_next_event(&f->client, &event)) {
                if (event.type == AIO_EVENT_PUBLISH) {
                        fixture_carry(f, &event);
                        continue;
                }
                note(f, "%s", f->log[0] ? "; " : "");
                if (event.type <= AIO_EVENT_WISHES_LAST)
                        note_wish(f, &event);
                else
                        note_news(f, &event);
        }
        return f->log;
}

static az_span span_of(const char *text) {
        return text ? str(text) : AZ_SPAN_EMPTY;
}

const char *fixture_receive(Fixture *f, const Message *message) {
        /* It lives as long as what the test looks at. */
        az_mqtt_user_property properties[ELEMENTSOF(message->keys)];
        az_mqtt_message m = {
                .topic = span_of(message->topic),
                .payload = span_of(message->payload),
                .qos = message->is_qos_0 ? 0 : 1,
                .content_type = span_of(message->content_type),
                .response_topic = span_of(message->response_topic),
                .correlation_data = span_of(message->correlation),
                .has_message_expiry = message->expiry_s >= 0,
                .message_expiry_s = message->expiry_s > 0 ? (uint32_t) message->expiry_s : 10,
                .has_payload_format = true,
                .payload_format = message->is_bytes ? 0 : 1,
                .user_properties = properties,
        };

        while (m.n_user_properties < (int) ELEMENTSOF(properties) && message->keys[m.n_user_properties]) {
                properties[m.n_user_properties] = (az_mqtt_user_property){
                        str(message->keys[m.n_user_properties]),
                        str(message->values[m.n_user_properties]),
                };
                m.n_user_properties++;
        }
        ck_assert_int_eq(aio_client_received(&f->client, &m, (aio_ack){ 7, f->n_received++ }, f->time),
                         AZ_OK);
        return fixture_pump(f);
}

const char *fixture_suback(Fixture *f, uint8_t reason_code) {
        aio_client_subscribed(&f->client, f->subscribe_token, AZ_OK, reason_code);
        return fixture_pump(f);
}

const char *fixture_unsuback(Fixture *f, uint8_t reason_code) {
        aio_client_unsubscribed(&f->client, f->subscribe_token, AZ_OK, reason_code);
        return fixture_pump(f);
}

const char *fixture_puback(Fixture *f, uint8_t reason_code) {
        ck_assert_uint_gt(f->n_published, 0);
        ck_assert_int_eq(aio_client_published(&f->client, f->tokens_out[f->n_published - 1], AZ_OK,
                                              reason_code, f->time),
                         AZ_OK);
        return fixture_pump(f);
}

const char *fixture_wait(Fixture *f, uint64_t ms) {
        f->time.now_us += ms * 1000;
        f->time.wall_ms += ms;
        aio_client_timeout(&f->client, f->time);
        return fixture_pump(f);
}

void fixture_start_receiver(Fixture *f, aio_telemetry_receiver *receiver,
                            const aio_telemetry_receiver_options *options) {
        ck_assert_int_eq(aio_telemetry_receiver_start(receiver, &f->client, options, &f->error), AZ_OK);
        fixture_pump(f);
        ck_assert_str_eq(fixture_suback(f, 1), "started");
}

void fixture_start_invoker(Fixture *f, aio_command_invoker *invoker,
                           const aio_command_invoker_options *options) {
        ck_assert_int_eq(aio_command_invoker_start(invoker, &f->client, options, &f->error), AZ_OK);
        fixture_pump(f);
        ck_assert_str_eq(fixture_suback(f, 1), "started");
}

void fixture_start_executor(Fixture *f, aio_command_executor *executor,
                            const aio_command_executor_options *options) {
        ck_assert_int_eq(aio_command_executor_start(executor, &f->client, options, &f->error), AZ_OK);
        fixture_pump(f);
        ck_assert_str_eq(fixture_suback(f, 1), "started");
}
