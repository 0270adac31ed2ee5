/* SPDX-License-Identifier: MIT */
#include <session/hub_session_internal.h>

#include <string.h>

#define FILTER(feature, topic, qos)                                                                \
        {                                                                                          \
                AZ_HUB_SESSION_##feature, {                                                        \
                        AZ_SPAN_LITERAL_FROM_STR(AZ_IOT_HUB_CLIENT_##topic##_SUBSCRIBE_TOPIC), qos \
                }                                                                                  \
        }

/* QoS 1 where the hub keeps a message until it is acknowledged; it answers and calls but once. */
static const struct {
        uint32_t feature;
        az_hub_session_filter filter;
} feature_filters[] = {
        FILTER(METHODS, METHODS, 0),
        FILTER(C2D, C2D, 1),
        FILTER(TWIN, TWIN_RESPONSE, 0),
        FILTER(TWIN, TWIN_PATCH, 0),
};

az_result _az_hub_session_write_filters(az_hub_session *s) {
        /* A client id with a slash is that of a module: the hub has no messages for modules. */
        if (memchr(s->_internal.client_id, '/', s->_internal.client_id_len))
                s->_internal.options.features &= ~(uint32_t) AZ_HUB_SESSION_C2D;

        for (size_t i = 0; i < sizeof(feature_filters) / sizeof(feature_filters[0]); i++) {
                if (s->_internal.options.features & feature_filters[i].feature)
                        s->_internal.filters[s->_internal.n_filters++] = feature_filters[i].filter;
        }
        return s->_internal.n_filters > 0 ? AZ_OK : AZ_ERROR_ARG;
}

/* MQTT 3.1.1, section 3.9.3: 0, 1 and 2 are the granted QoS, 0x80 is "Failure", all else is reserved. */
bool _az_hub_session_is_granted(az_hub_session const *s, uint8_t const *codes, size_t n_codes) {
        if (n_codes != s->_internal.n_filters)
                return false;
        for (size_t i = 0; i < n_codes; i++) {
                if (codes[i] > 2 || codes[i] < s->_internal.filters[i].qos)
                        return false;
        }
        return true;
}

static az_result parse_method(az_hub_session const *s, az_span topic, az_span payload,
                              az_hub_event *out_event) {
        az_iot_hub_client_method_request request;
        az_result r;

        r = az_iot_hub_client_methods_parse_received_topic(s->_internal.client, topic, &request);
        if (az_result_failed(r))
                return r;

        *out_event = (az_hub_event){ .type = AZ_HUB_EVENT_METHOD };
        out_event->as.method.name = request.name;
        out_event->as.method.request_id = request.request_id;
        out_event->as.method.payload = payload;
        return AZ_OK;
}

static az_result parse_c2d(az_hub_session const *s, az_span topic, az_span payload, az_hub_event *out_event) {
        az_iot_hub_client_c2d_request request;
        az_result r;

        r = az_iot_hub_client_c2d_parse_received_topic(s->_internal.client, topic, &request);
        if (az_result_failed(r))
                return r;

        *out_event = (az_hub_event){ .type = AZ_HUB_EVENT_C2D };
        out_event->as.c2d.request = request;
        out_event->as.c2d.payload = payload;
        return AZ_OK;
}

static az_result parse_twin(az_hub_session const *s, az_span topic, az_span payload,
                            az_hub_event *out_event) {
        az_iot_hub_client_twin_response response;
        az_result r;

        r = az_iot_hub_client_twin_parse_received_topic(s->_internal.client, topic, &response);
        if (az_result_failed(r))
                return r;

        *out_event = (az_hub_event){ .type = AZ_HUB_EVENT_TWIN };
        out_event->as.twin.response = response;
        out_event->as.twin.payload = payload;
        return AZ_OK;
}

static const struct {
        uint32_t feature;
        az_hub_session_trigger trigger;
        az_result (*parse)(az_hub_session const *s, az_span topic, az_span payload, az_hub_event *out_event);
} parsers[] = {
        { AZ_HUB_SESSION_METHODS, AZ_HUB_ON_METHOD, parse_method },
        { AZ_HUB_SESSION_C2D, AZ_HUB_ON_C2D, parse_c2d },
        { AZ_HUB_SESSION_TWIN, AZ_HUB_ON_TWIN, parse_twin },
};

az_result _az_hub_session_parse_message(az_hub_session const *s, az_span topic, az_span payload,
                                        az_hub_event *out_event, az_hub_session_trigger *out_trigger) {
        az_result r = AZ_ERROR_IOT_TOPIC_NO_MATCH;

        if (az_span_size(topic) == 0)
                return r;
        for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]) && r == AZ_ERROR_IOT_TOPIC_NO_MATCH;
             i++) {
                if (!(s->_internal.options.features & parsers[i].feature))
                        continue;
                r = parsers[i].parse(s, topic, payload, out_event);
                *out_trigger = parsers[i].trigger;
        }
        return r;
}
