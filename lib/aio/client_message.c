/* SPDX-License-Identifier: MIT */
#include <aio/client_internal.h>

#include <aio/aio_internal.h>

az_result _aio_message_set_expiry(aio_client *client, az_mqtt_message *ref_message, bool has_timeout,
                                  uint64_t timeout_us, char const *property_name, aio_error *out_error) {
        az_result const r = aio_expiry_from_timeout(has_timeout ? timeout_us : AIO_TIMEOUT_DEFAULT_US,
                                                    &ref_message->message_expiry_s);

        if (az_result_failed(r)) {
                *out_error = _aio_error_configuration(_aio_span_of(property_name),
                                                      _aio_duration(client, timeout_us),
                                                      AZ_SPAN_FROM_STR("A time-out is 1 us to 4294967295 s"));
                return AZ_ERROR_ARG;
        }
        ref_message->has_message_expiry = true;
        return AZ_OK;
}

static az_result write_cloud_event(aio_client *client, _aio_draft const *draft, aio_metadata_writer *writer,
                                   az_mqtt_message const *message, aio_error *out_error) {
        aio_cloud_event_defaults defaults = {
                .type = _aio_span_of(draft->cloud_event_type),
                .topic = message->topic,
                .content_type = message->content_type,
                .wall_ms = draft->wall_ms,
        };

        if (!_aio_is_present(draft->cloud_event->id))
                client->_internal.options.random(client->_internal.options.random_context, defaults.random,
                                                 sizeof(defaults.random));
        return aio_cloud_event_write(writer, draft->cloud_event, &defaults, out_error);
}

static az_result refuse_space(aio_error *out_error) {
        *out_error = _aio_capacity_error();
        return AZ_ERROR_NOT_ENOUGH_SPACE;
}

static az_result write_properties(aio_client *client, _aio_draft const *draft, az_mqtt_message *message,
                                  aio_error *out_error) {
        aio_metadata_writer writer;
        aio_hlc timestamp;
        az_result r;

        aio_metadata_writer_init(&writer, client->_internal.memory.user_properties,
                                 client->_internal.memory.n_user_properties, draft->scratch);
        r = aio_metadata_write_user(&writer, draft->user_properties, draft->n_user_properties, out_error);
        if (az_result_failed(r))
                return r;
        if (draft->cloud_event) {
                r = write_cloud_event(client, draft, &writer, message, out_error);
                if (az_result_failed(r))
                        return r;
        }
        /* Last, so that a message which is refused does not move the clock. */
        r = aio_hlc_clock_tick(client->_internal.options.clock, draft->wall_ms, &timestamp);
        if (az_result_failed(r)) {
                *out_error = aio_hlc_to_error(r, AZ_SPAN_EMPTY);
                return r;
        }
        r = draft->write_reserved(draft->what, &writer, client->_internal.options.client_id, &timestamp);
        if (az_result_failed(r))
                return refuse_space(out_error);
        aio_metadata_writer_finish(&writer, message);
        return AZ_OK;
}

az_result _aio_message_write(aio_client *client, _aio_draft const *draft, az_mqtt_message *ref_message,
                             aio_error *out_error) {
        az_result r = AZ_OK;

        if (draft->serializer) {
                r = aio_serializer_validate(draft->serializer, draft->payload, out_error);
                aio_serializer_describe(draft->serializer, ref_message);
        }
        if (_aio_is_present(draft->content_type))
                ref_message->content_type = draft->content_type;
        if (draft->has_payload_format) {
                ref_message->has_payload_format = true;
                ref_message->payload_format = draft->payload_format;
        }
        ref_message->payload = draft->payload;
        if (az_result_succeeded(r))
                r = write_properties(client, draft, ref_message, out_error);
        if (az_result_failed(r))
                out_error->is_shallow = true;
        return r;
}

/* The spans of a message, to be gone through alike. */
#define N_SPANS 5

static void spans_of(az_mqtt_message *message, az_span *spans[N_SPANS]) {
        spans[0] = &message->topic;
        spans[1] = &message->payload;
        spans[2] = &message->content_type;
        spans[3] = &message->response_topic;
        spans[4] = &message->correlation_data;
}

static uint64_t size_of(az_mqtt_message *message, int32_t n_tokens) {
        az_span *spans[N_SPANS];
        uint64_t size = sizeof(*message) + (uint64_t) n_tokens * sizeof(aio_topic_token);

        spans_of(message, spans);
        for (int i = 0; i < N_SPANS; i++)
                size += (uint64_t) az_span_size(*spans[i]);
        for (int32_t i = 0; i < message->n_user_properties; i++)
                size += sizeof(az_mqtt_user_property) +
                        (uint64_t) az_span_size(message->user_properties[i].key) +
                        (uint64_t) az_span_size(message->user_properties[i].value);
        return size;
}

/* Copies the bytes of a span to 'at', and lets it point there. */
static uint8_t *move_span(az_span *ref_span, uint8_t *at) {
        int32_t const size = az_span_size(*ref_span);

        if (!_aio_is_present(*ref_span))
                return at;
        if (size > 0)
                memcpy(at, az_span_ptr(*ref_span), (size_t) size);
        *ref_span = _az_span_of(at, size);
        return at + size;
}

static bool lies_in(az_span part, az_span whole) {
        uintptr_t const p = (uintptr_t) az_span_ptr(part), w = (uintptr_t) az_span_ptr(whole);

        return az_span_size(part) > 0 && p >= w && p < w + (uintptr_t) az_span_size(whole);
}

az_mqtt_message *_aio_message_copy(aio_client *client, az_mqtt_message const *message,
                                   aio_topic_token const *tokens, int32_t n_tokens,
                                   aio_topic_token **out_tokens) {
        az_mqtt_message copy = *message, *block = NULL;
        az_mqtt_user_property *properties;
        az_span *spans[N_SPANS];
        uint64_t const size = size_of(&copy, n_tokens);
        uint8_t *at;

        if (size <= UINT32_MAX)
                block = _aio_block_take(client, (uint32_t) size);
        if (!block)
                return NULL;
        properties = (az_mqtt_user_property *) (void *) (block + 1);
        *out_tokens = (aio_topic_token *) (void *) (properties + copy.n_user_properties);
        at = (uint8_t *) (*out_tokens + n_tokens);

        spans_of(&copy, spans);
        for (int i = 0; i < N_SPANS; i++)
                at = move_span(spans[i], at);
        for (int32_t i = 0; i < copy.n_user_properties; i++) {
                properties[i] = copy.user_properties[i];
                at = move_span(&properties[i].key, at);
                at = move_span(&properties[i].value, at);
        }
        for (int32_t i = 0; i < n_tokens; i++) {
                (*out_tokens)[i] = tokens[i];
                if (lies_in(tokens[i].value, message->topic))
                        (*out_tokens)[i].value =
                                _az_span_of(az_span_ptr(copy.topic) + (az_span_ptr(tokens[i].value) -
                                                                       az_span_ptr(message->topic)),
                                            az_span_size(tokens[i].value));
        }
        copy.user_properties = properties;
        *block = copy;
        return block;
}

/* Control characters, noncharacters, and what is no UTF-8 at all. */
static bool is_unfit(az_span text, int32_t at, int32_t *out_size) {
        uint8_t const *p = az_span_ptr(text) + at;
        int32_t const left = az_span_size(text) - at;
        uint8_t low, high;
        int32_t const n = _az_utf8_continuation(p[0], &low, &high);
        uint32_t c = p[0];

        *out_size = 1;
        if (n <= 0)
                return n < 0 || c < 0x20 || c == 0x7F;
        if (n >= left || p[1] < low || p[1] > high)
                return true;
        c &= 0x3FU >> n;
        for (int32_t i = 1; i <= n; i++) {
                if ((p[i] & 0xC0) != 0x80)
                        return true;
                c = c << 6 | (p[i] & 0x3FU);
        }
        *out_size = n + 1;
        return c < 0xA0 || (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
}

void _aio_text_clean(az_span text) {
        int32_t size;

        for (int32_t at = 0; at < az_span_size(text); at += size) {
                if (is_unfit(text, at, &size))
                        memset(az_span_ptr(text) + at, ' ', (size_t) size);
        }
}

az_result _aio_message_read(aio_client *client, aio_endpoint const *endpoint, aio_received *out_received,
                            aio_error *out_error) {
        aio_client_memory const *memory = &client->_internal.memory;
        az_mqtt_message const *message = &client->_internal.message;
        int32_t n_tokens = 0;

        *out_received = (aio_received){ .message = *message };
        aio_metadata_read(message, &out_received->metadata);
        if (message->n_user_properties > memory->n_user_properties)
                return refuse_space(out_error);
        if (!endpoint->_internal.is_filter &&
            az_result_failed(aio_topic_pattern_extract(&endpoint->_internal.pattern, message->topic,
                                                       memory->tokens, memory->n_tokens, &n_tokens)))
                return refuse_space(out_error);
        out_received->tokens = (aio_topic_tokens){ memory->tokens, n_tokens };
        out_received->user_properties = memory->user_properties;
        out_received->n_user_properties = aio_metadata_strip(message, memory->user_properties);
        return aio_metadata_check_version(&out_received->metadata, out_error);
}

static az_result take_timestamp(aio_client *client, aio_received *ref_received, aio_error *out_error) {
        az_result r;

        r = aio_metadata_get_timestamp(&ref_received->metadata, &ref_received->timestamp, out_error);
        if (r == AZ_ERROR_ITEM_NOT_FOUND)
                return AZ_OK;
        if (az_result_failed(r))
                return r;
        ref_received->has_timestamp = true;
        r = aio_hlc_clock_update(client->_internal.options.clock, &ref_received->timestamp,
                                 client->_internal.time.wall_ms);
        if (az_result_failed(r))
                *out_error = aio_hlc_to_error(r, ref_received->metadata.timestamp);
        return r;
}

az_result _aio_message_check(aio_client *client, aio_serializer const *serializer, aio_received *ref_received,
                             aio_error *out_error) {
        az_result r;

        r = take_timestamp(client, ref_received, out_error);
        if (az_result_failed(r) || !serializer)
                return r;
        r = aio_serializer_check(serializer, &ref_received->message, out_error);
        if (az_result_failed(r))
                return r;
        return aio_serializer_validate(serializer, ref_received->message.payload, out_error);
}

void _aio_message_ignore(aio_endpoint *endpoint, aio_error const *error, aio_event *out_event) {
        *out_event = (aio_event){ .type = AIO_EVENT_IGNORED };
        out_event->as.ignored.endpoint = endpoint;
        out_event->as.ignored.message = endpoint->_internal.client->_internal.message;
        out_event->as.ignored.error = *error;
        out_event->as.ignored.error.is_shallow = false;
        out_event->as.ignored.is_unacknowledged = endpoint->_internal.client->_internal.is_unacknowledged;
}
