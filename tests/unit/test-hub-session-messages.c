/* SPDX-License-Identifier: MIT */
#include "hub-session-fixture.h"

#define METHODS_FILTER \
        { AZ_SPAN_LITERAL_FROM_STR("$iothub/methods/POST/#"), 0 }
#define C2D_FILTER \
        { AZ_SPAN_LITERAL_FROM_STR("devices/+/messages/devicebound/#"), 1 }
#define TWIN_FILTERS                                                                   \
        { AZ_SPAN_LITERAL_FROM_STR("$iothub/twin/res/#"), 0 }, {                       \
                AZ_SPAN_LITERAL_FROM_STR("$iothub/twin/PATCH/properties/desired/#"), 0 \
        }

/* What a session of these features subscribes to, on its own and as a module. */
static const struct {
        uint32_t features;
        bool is_module;
        az_result result;
        size_t n_filters;
        az_hub_session_filter filters[AZ_HUB_SESSION_FILTERS_MAX];
} subscriptions[] = {
        { AZ_HUB_SESSION_METHODS, false, AZ_OK, 1, { METHODS_FILTER } },
        { AZ_HUB_SESSION_C2D, false, AZ_OK, 1, { C2D_FILTER } },
        { AZ_HUB_SESSION_TWIN, false, AZ_OK, 2, { TWIN_FILTERS } },
        { AZ_HUB_SESSION_C2D | AZ_HUB_SESSION_TWIN, false, AZ_OK, 3, { C2D_FILTER, TWIN_FILTERS } },
        { 7, false, AZ_OK, 4, { METHODS_FILTER, C2D_FILTER, TWIN_FILTERS } },
        { 7, true, AZ_OK, 3, { METHODS_FILTER, TWIN_FILTERS } },
        { AZ_HUB_SESSION_C2D, true, AZ_ERROR_ARG, 0, {} },
};

/* Initializes a session of these features; of the module 'lens' if 'is_module'. */
static az_result init_with(az_hub_session *s, uint32_t features, bool is_module) {
        az_iot_hub_client_options module = az_iot_hub_client_options_default();
        az_hub_session_options o = options();
        static az_iot_hub_client c;

        module.module_id = str("lens");
        ck_assert_int_eq(az_iot_hub_client_init(&c, str("hub-lab.azure-devices.net"), str("pump-17"),
                                                is_module ? &module : NULL),
                         AZ_OK);
        o.features = features;
        return az_hub_session_init(s, &c, &o);
}

/* Brings it to SUBSCRIBING and returns that event. */
static az_hub_event subscribe(az_hub_session *s) {
        (void) give(s, START, 0, 0);
        (void) give(s, SIGNED, 0, 0);
        return give(s, CONNECTED, 0, 0);
}

START_TEST(features_decide_what_is_subscribed_to) {
        az_hub_event event;
        az_hub_session s;

        ck_assert_int_eq(init_with(&s, subscriptions[_i].features, subscriptions[_i].is_module),
                         subscriptions[_i].result);
        if (subscriptions[_i].result != AZ_OK)
                return;
        event = subscribe(&s);
        ck_assert_uint_eq(event.as.subscribe.n_filters, subscriptions[_i].n_filters);
        for (size_t i = 0; i < subscriptions[_i].n_filters; i++) {
                const az_hub_session_filter *filter = &event.as.subscribe.filters[i];

                ck_assert(az_span_is_content_equal(filter->topic_filter,
                                                   subscriptions[_i].filters[i].topic_filter));
                ck_assert_uint_eq(filter->qos, subscriptions[_i].filters[i].qos);
        }
}
END_TEST

/* Answers to a subscription to all four filters, of which the second asked for QoS 1. */
static const struct {
        uint8_t codes[5];
        size_t n_codes;
        az_hub_event_type event;
} subacks[] = {
        { { 0, 1, 0, 0 }, 4, AZ_HUB_EVENT_LIVE },
        { { 2, 2, 2, 2 }, 4, AZ_HUB_EVENT_LIVE },    /* more than was asked for */
        { { 0, 0, 0, 0 }, 4, AZ_HUB_EVENT_LOST },    /* less: what is not acknowledged gets lost */
        { { 0x80, 1, 0, 0 }, 4, AZ_HUB_EVENT_LOST }, /* refused */
        { { 0, 1, 0, 0x80 }, 4, AZ_HUB_EVENT_LOST },
        { { 0, 3, 0, 0 }, 4, AZ_HUB_EVENT_LOST }, /* reserved */
        { { 0, 1, 0, 0xFF }, 4, AZ_HUB_EVENT_LOST },
        { { 0, 1, 0, 0 }, 3, AZ_HUB_EVENT_LOST }, /* too few */
        { { 0, 1, 0, 0 }, 0, AZ_HUB_EVENT_LOST },
        { { 0, 1, 0, 0, 0 }, 5, AZ_HUB_EVENT_LOST }, /* too many */
};

START_TEST(link_is_live_when_each_filter_is_granted_with_its_qos) {
        az_hub_event event;
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_SUBSCRIBING);
        ck_assert_int_eq(az_hub_session_suback(&s, subacks[_i].codes, subacks[_i].n_codes, at(1)), AZ_OK);
        event = pop(&s);
        ck_assert_int_eq(event.type, subacks[_i].event);
        if (event.type == AZ_HUB_EVENT_LOST)
                ck_assert_int_eq(event.as.lost.loss, AZ_HUB_LOSS_SUBSCRIBE);
}
END_TEST

/* What becomes of a message, where all features are wanted. */
static const struct {
        const char *topic;
        az_result result;
        az_hub_event_type event;
} messages[] = {
        { "$iothub/methods/POST/reboot/?$rid=1f", AZ_OK, AZ_HUB_EVENT_METHOD },
        { "$iothub/methods/POST/reboot", AZ_ERROR_UNEXPECTED_CHAR, NO_EVENT },
        { "devices/pump-17/messages/devicebound/line=3", AZ_OK, AZ_HUB_EVENT_C2D },
        { "devices/pump-17/messages/devicebound/", AZ_OK, AZ_HUB_EVENT_C2D },
        { "devices/pump-18/messages/devicebound/", AZ_ERROR_IOT_TOPIC_NO_MATCH, NO_EVENT },
        { "$iothub/twin/res/200/?$rid=1f", AZ_OK, AZ_HUB_EVENT_TWIN },
        { "$iothub/twin/res/204/?$rid=1f&$version=4", AZ_OK, AZ_HUB_EVENT_TWIN },
        { "$iothub/twin/PATCH/properties/desired/?$version=7", AZ_OK, AZ_HUB_EVENT_TWIN },
        { "$iothub/twin/res/200/?", AZ_ERROR_ITEM_NOT_FOUND, NO_EVENT },
        { "$iothub/twin/res/", AZ_ERROR_UNEXPECTED_END, NO_EVENT },
        { "$iothub/streams/POST/", AZ_ERROR_IOT_TOPIC_NO_MATCH, NO_EVENT },
        { "", AZ_ERROR_IOT_TOPIC_NO_MATCH, NO_EVENT },
};

START_TEST(topic_tells_the_messages_apart) {
        az_hub_event event;
        az_hub_session s;

        init_in(&s, AZ_HUB_SESSION_LIVE);
        ck_assert_int_eq(az_hub_session_message(&s, str(messages[_i].topic), str("{}")), messages[_i].result);
        if (messages[_i].event == NO_EVENT)
                ck_assert(!az_hub_session_next_event(&s, &event));
        else
                ck_assert_int_eq(pop(&s).type, messages[_i].event);
}
END_TEST

START_TEST(messages_of_a_feature_that_was_not_asked_for_are_not_ours) {
        static const Input inputs[] = { METHOD, C2D, TWIN };
        az_hub_session s;

        for (size_t i = 0; i < ELEMENTSOF(inputs); i++) {
                ck_assert_int_eq(init_with(&s, UINT32_C(1) << _i, false), AZ_OK);
                (void) subscribe(&s);
                ck_assert_int_eq(feed(&s, inputs[i], 0, at(0)),
                                 i == (size_t) _i ? AZ_OK : AZ_ERROR_IOT_TOPIC_NO_MATCH);
        }
}
END_TEST

START_TEST(messages_carry_what_their_header_says) {
        az_hub_event event;
        az_hub_session s;
        az_span value;

        init_in(&s, AZ_HUB_SESSION_LIVE);
        event = give(&s, METHOD, 0, 1);
        ck_assert_span_eq(event.as.method.name, "reboot");
        ck_assert_span_eq(event.as.method.request_id, "1f");
        ck_assert_span_eq(event.as.method.payload, "{\"n\":1}");

        event = give(&s, C2D, 0, 2);
        ck_assert_int_eq(az_iot_message_properties_find(&event.as.c2d.request.properties,
                                                        str(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID), &value),
                         AZ_OK);
        ck_assert_span_eq(value, "7");
        ck_assert_span_eq(event.as.c2d.payload, "stop");

        event = give(&s, TWIN, 0, 3);
        ck_assert_int_eq(event.as.twin.response.response_type, AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET);
        ck_assert_int_eq(event.as.twin.response.status, AZ_IOT_STATUS_OK);
        ck_assert_span_eq(event.as.twin.response.request_id, "1f");
        ck_assert_span_eq(event.as.twin.payload, "{}");
}
END_TEST

static Suite *hub_session_messages_suite(void) {
        Suite *s = suite_create("hub-session-messages");
        TCase *t;

        t = tcase_create("subscribe");
        tcase_add_loop_test(t, features_decide_what_is_subscribed_to, 0, ELEMENTSOF(subscriptions));
        tcase_add_loop_test(t, link_is_live_when_each_filter_is_granted_with_its_qos, 0, ELEMENTSOF(subacks));
        suite_add_tcase(s, t);

        t = tcase_create("az_hub_session_message");
        tcase_add_loop_test(t, topic_tells_the_messages_apart, 0, ELEMENTSOF(messages));
        tcase_add_loop_test(t, messages_of_a_feature_that_was_not_asked_for_are_not_ours, 0, 3);
        tcase_add_test(t, messages_carry_what_their_header_says);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(hub_session_messages_suite)
