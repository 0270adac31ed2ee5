/* SPDX-License-Identifier: MIT */
#include <aio/cloud_event.h>
#include <aio/uri_internal.h>

#include "aio-check.h"

#define TEXT(text) AZ_SPAN_LITERAL_FROM_STR(text)

static const struct {
        const char *text;
        bool is_reference, is_uri;
} uris[] = {
        { "http://example.com/a?b#c", true, true },
        { "dtmi:test:MyModel:_contents:__test;1", true, true },
        { "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", true, true },
        { "a:", true, true },
        { "a+b-c.1:x", true, true },
        { "file:///etc", true, true },
        { "http://[2001:db8::7]:80/", true, true },
        { "http://user:pw@host:8080/%41", true, true },
        { "http://", true, true },
        { "http://h:", true, true },
        { "http://h#f/?:@", true, true },
        { "", true, false },
        { "/line3/press", true, false },
        { "note/absence/of/scheme", true, false },
        { "a/b:c", true, false },
        { "//host/path", true, false },
        { "?q", true, false },
        { "#f", true, false },
        { ".", true, false },
        { "a//b", true, false },
        { "::::", false, false },
        { ":a", false, false },
        { "1a:b", false, false },
        { "a_b:c", false, false },
        { "a b", false, false },
        { "a\"b", false, false },
        { "a|b", false, false },
        { "<a>", false, false },
        { "a%4", false, false },
        { "a%4g", false, false },
        { "a%", false, false },
        { "sch\xc3\xb6n", false, false },
        { "a\n", false, false },
        { "a#b#c", false, false },
        { "a?[", false, false },
        { "http://a@b@c", false, false },
        { "http://h:8o", false, false },
        { "http://h:80:80", false, false },
        { "http://[", false, false },
        { "http://[::1", false, false },
        { "http://[::1]x", false, false },
        { "http://[::1]:x", false, false },
        { "http://a]b", false, false },
        { "http://a[@b", false, false },
};

START_TEST(a_URI_is_as_RFC_3986_says) {
        ck_assert_int_eq(_aio_is_uri_reference(of(uris[_i].text)), uris[_i].is_reference);
        ck_assert_int_eq(_aio_is_uri(of(uris[_i].text)), uris[_i].is_uri);
}
END_TEST

static const struct {
        const char *address;
        bool is_right;
} addresses[] = {
        { "::", true },
        { "::1", true },
        { "1::", true },
        { "1:2:3:4:5:6:7:8", true },
        { "1:2:3:4:5:6:7::", true },
        { "::2:3:4:5:6:7:8", true },
        { "abcd:EF01::", true },
        { "::ffff:192.0.2.1", true },
        { "1:2:3:4:5:6:255.255.255.255", true },
        { "v1.a:b", true },
        { "vF.!", true },
        { "", false },
        { ":", false },
        { ":::", false },
        { "1", false },
        { "1::2::3", false },
        { ":1::", false },
        { "1::2:", false },
        { "1:2:3:4:5:6:7", false },
        { "1:2:3:4:5:6:7:8:9", false },
        { "1:2:3:4:5:6:7:8::", false },
        { "::1:2:3:4:5:6:7:8", false },
        { "12345::", false },
        { "g::", false },
        { "::192.0.2", false },
        { "::192.0.2.1.1", false },
        { "::192.0.2.256", false },
        { "::192.0.2.01", false },
        { "::192.0.2.", false },
        { "::192.0.2.1:1", false },
        { "1:2:3:4:5:6:7:192.0.2.1", false },
        { "fe80::1%25eth0", false },
        { "v.a", false },
        { "v1.", false },
        { "v1", false },
        { "v1.%41", false },
        { "vg.a", false },
        { "x1.a", false },
};

START_TEST(an_IP_literal_is_one) {
        char text[100];

        snprintf(text, sizeof(text), "http://[%s]/", addresses[_i].address);
        ck_assert_int_eq(_aio_is_uri(of(text)), addresses[_i].is_right);
}
END_TEST

/* An event with all attributes, one of which is replaced. */
static const struct {
        const char *name, *value; /* NULL: it is absent */
        bool is_sent, is_received;
} replacements[] = {
        { "specversion", "1.0", true, true },
        { "specversion", NULL, true, false },
        { "specversion", "", false, false },
        { "specversion", "one point zero", true, false },
        { "specversion", "0.3", true, false },
        { "id", "dtmi:test:someAssignedId;1", true, true },
        { "id", "not a uri", true, true },
        { "id", "", false, false },
        { "id", NULL, true, false },
        { "source", "dtmi:test:myEventSource;1", true, true },
        { "source", "note/absence/of/scheme", true, true },
        { "source", "::::", false, false },
        { "source", "", false, false },
        { "source", NULL, false, false },
        { "type", "odd <{[(*&^%$#@!'~?)]}> characters", true, true },
        { "type", "", false, false },
        { "type", NULL, true, false },
        { "subject", "odd <{[(*&^%$#@!'~?)]}> characters", true, true },
        { "subject", "", false, false },
        { "subject", NULL, true, true },
        { "subject", "\xff", false, false },
        { "time", "1955-11-12T22:04:00Z", true, true },
        { "time", "2026-11-22T21:00:00.5+01:00", true, true },
        { "time", "November 12", false, false },
        { "time", "", false, false },
        { "time", NULL, true, true },
        { "dataschema", "dtmi:test:MyModel:_contents:__test;1", true, true },
        { "dataschema", "http://example.com/schema#it", true, true },
        { "dataschema", "note/absence/of/scheme", false, false },
        { "dataschema", "::::", false, false },
        { "dataschema", "", false, false },
        { "dataschema", NULL, true, true },
        { "datacontenttype", "application/json", true, true },
        { "datacontenttype", "application/vnd.x.1+json; charset=utf-8", true, true },
        { "datacontenttype", "a/b+c", true, true },
        { "datacontenttype", "a/b;", true, true },
        { "datacontenttype", NULL, true, true },
        { "datacontenttype", "", false, false },
        { "datacontenttype", "non.conforming", false, false },
        { "datacontenttype", "/json", false, false },
        { "datacontenttype", "a1/json", false, false },
        { "datacontenttype", "application/", false, false },
        { "datacontenttype", "application/JSON", false, false },
        { "datacontenttype", "a/b+", false, false },
        { "datacontenttype", "a/b+c+d", false, false },
        { "datacontenttype", "a/b c", false, false },
        { "datacontenttype", "a/b;\n", false, false },
};

/* In the order in which they are written. */
static const char *const names[] = { "specversion", "id", "source", "type", "subject", "time", "dataschema" };

static aio_cloud_event complete_event(void) {
        return (aio_cloud_event){
                .spec_version = of("1.0"),
                .id = of("id"),
                .source = of("/source"),
                .type = of("type"),
                .subject = of("subject"),
                .time = of("2026-11-22T21:00:00Z"),
                .data_schema = of("dtmi:schema;1"),
                .data_content_type = of("application/json"),
        };
}

static az_span *member_of(aio_cloud_event *event, const char *name) {
        az_span *members[] = { &event->spec_version, &event->id,   &event->source,     &event->type,
                               &event->subject,      &event->time, &event->data_schema };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(names[i], name) == 0)
                        return members[i];
        return &event->data_content_type;
}

static aio_cloud_event_defaults defaults_of(const char *content_type) {
        return (aio_cloud_event_defaults){ .type = of(AIO_CLOUD_EVENT_TYPE_TELEMETRY),
                                           .topic = of("mock/test"),
                                           .content_type = of(content_type),
                                           .wall_ms = 1795381200999 };
}

START_TEST(what_is_sent_is_checked) {
        az_mqtt_user_property properties[AIO_CLOUD_EVENT_MAX];
        char scratch[AIO_CLOUD_EVENT_SCRATCH_SIZE];
        bool is_content_type = strcmp(replacements[_i].name, "datacontenttype") == 0;
        aio_cloud_event_defaults defaults =
                defaults_of(is_content_type ? replacements[_i].value : "application/json");
        aio_cloud_event event = complete_event();
        aio_metadata_writer writer;
        az_mqtt_message message = { .content_type = defaults.content_type };
        aio_error error;
        az_result r;

        *member_of(&event, replacements[_i].name) = of(replacements[_i].value);
        aio_metadata_writer_init(&writer, properties, ELEMENTSOF(properties), AZ_SPAN_FROM_BUFFER(scratch));
        r = aio_cloud_event_write(&writer, &event, &defaults, &error);
        aio_metadata_writer_finish(&writer, &message);
        if (!replacements[_i].is_sent) {
                ck_assert_int_eq(r, AZ_ERROR_ARG);
                ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_CONFIGURATION);
                ck_assert(error.is_shallow);
                CHECK_SPAN(error.property_name, "CloudEvent");
                CHECK_SPAN(error.property_value, replacements[_i].name);
                ck_assert_int_eq(message.n_user_properties, 0);
                return;
        }
        ck_assert_int_eq(r, AZ_OK);
        ck_assert_int_eq(message.n_user_properties,
                         (int32_t) ELEMENTSOF(names) - !az_span_ptr(event.data_schema));
        for (int32_t i = 0; i < message.n_user_properties; i++) {
                az_span value = *member_of(&event, names[i]);

                CHECK_SPAN(properties[i].key, names[i]);
                if (az_span_ptr(value))
                        ck_assert(az_span_is_content_equal(properties[i].value, value));
        }
}
END_TEST

START_TEST(what_is_received_is_checked) {
        az_mqtt_user_property properties[AIO_CLOUD_EVENT_MAX + 1] = { { of("other"), of("x") } };
        aio_cloud_event event = complete_event(), read = { 0 };
        az_mqtt_message message = { .user_properties = properties, .n_user_properties = 1 };
        aio_error error = { 0 };
        az_result r;

        *member_of(&event, replacements[_i].name) = of(replacements[_i].value);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (az_span_ptr(*member_of(&event, names[i])))
                        properties[message.n_user_properties++] =
                                (az_mqtt_user_property){ of(names[i]), *member_of(&event, names[i]) };
        message.content_type = event.data_content_type;

        r = aio_cloud_event_read(&message, &read, &error);
        if (replacements[_i].is_received) {
                ck_assert_int_eq(r, AZ_OK);
                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        ck_assert(az_span_is_content_equal(*member_of(&read, names[i]),
                                                           *member_of(&event, names[i])));
                ck_assert(az_span_is_content_equal(read.data_content_type, event.data_content_type));
        } else if (az_span_ptr(event.spec_version) == NULL) {
                ck_assert_int_eq(r, AZ_ERROR_ITEM_NOT_FOUND);
                ck_assert_int_eq(error.kind, AIO_ERROR_NONE);
        } else {
                ck_assert_int_eq(r, AZ_ERROR_UNEXPECTED_CHAR);
                ck_assert_int_eq(error.kind, replacements[_i].value ? AIO_ERROR_INVALID_HEADER
                                                                    : AIO_ERROR_MISSING_HEADER);
                CHECK_SPAN(error.property_name, replacements[_i].name);
                CHECK_SPAN(error.property_value, replacements[_i].value);
                CHECK_SPAN(read.id, NULL);
        }
}
END_TEST

START_TEST(an_event_gets_what_it_does_not_say) {
        static const char *const values[] = { "1.0",       "00000000-0000-4000-8000-000000000000",
                                              "/press",    "ms.aio.telemetry",
                                              "mock/test", "2026-11-22T21:00:00Z" };
        az_mqtt_user_property properties[ELEMENTSOF(values)];
        char scratch[AIO_CLOUD_EVENT_SCRATCH_SIZE];
        aio_cloud_event event = { .source = of("/press") };
        aio_cloud_event_defaults defaults = defaults_of(NULL);
        az_mqtt_message message = { 0 };
        aio_metadata_writer writer;
        aio_error error;

        aio_metadata_writer_init(&writer, properties, ELEMENTSOF(properties), AZ_SPAN_FROM_BUFFER(scratch));
        ck_assert_int_eq(aio_cloud_event_write(&writer, &event, &defaults, &error), AZ_OK);
        aio_metadata_writer_finish(&writer, &message);
        ck_assert_int_eq(message.n_user_properties, ELEMENTSOF(values));
        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                CHECK_SPAN(properties[i].key, names[i]);
                CHECK_SPAN(properties[i].value, values[i]);
        }

        for (int32_t n = 0; n < (int32_t) ELEMENTSOF(values); n++) {
                aio_metadata_writer_init(&writer, properties, n, AZ_SPAN_FROM_BUFFER(scratch));
                ck_assert_int_eq(aio_cloud_event_write(&writer, &event, &defaults, &error),
                                 AZ_ERROR_NOT_ENOUGH_SPACE);
                ck_assert_int_eq(error.kind, AIO_ERROR_INTERNAL_LOGIC);
        }
        for (int32_t size = 0; size < AIO_CLOUD_EVENT_SCRATCH_SIZE; size++) {
                aio_metadata_writer_init(&writer, properties, ELEMENTSOF(properties),
                                         az_span_create((uint8_t *) scratch, size));
                ck_assert_int_eq(aio_cloud_event_write(&writer, &event, &defaults, &error),
                                 AZ_ERROR_NOT_ENOUGH_SPACE);
        }
}
END_TEST

START_TEST(an_event_and_metadata_of_the_same_name_are_a_mistake) {
        az_mqtt_user_property properties[AIO_CLOUD_EVENT_MAX + 1], users = { of("subject"), of("x") };
        char scratch[AIO_CLOUD_EVENT_SCRATCH_SIZE];
        aio_cloud_event event = complete_event();
        aio_cloud_event_defaults defaults = defaults_of(NULL);
        aio_metadata_writer writer;
        aio_error error;

        aio_metadata_writer_init(&writer, properties, ELEMENTSOF(properties), AZ_SPAN_FROM_BUFFER(scratch));
        ck_assert_int_eq(aio_metadata_write_user(&writer, &users, 1, &error), AZ_OK);
        ck_assert_int_eq(aio_cloud_event_write(&writer, &event, &defaults, &error), AZ_ERROR_ARG);
        ck_assert_int_eq(error.kind, AIO_ERROR_INVALID_CONFIGURATION);
        CHECK_SPAN(error.property_name, "Metadata");
        CHECK_SPAN(error.property_value, "subject");
}
END_TEST

START_TEST(an_attribute_that_comes_twice_is_none) {
        az_mqtt_user_property properties[] = {
                { of("id"), of("1") },   { of("source"), of("a") }, { of("specversion"), of("1.0") },
                { of("type"), of("t") }, { of("id"), of("1") },
        };
        az_mqtt_message message = { .user_properties = properties, .n_user_properties = 4 };
        aio_cloud_event event;
        aio_error error;

        ck_assert_int_eq(aio_cloud_event_read(&message, &event, &error), AZ_OK);
        message.n_user_properties = 5;
        ck_assert_int_eq(aio_cloud_event_read(&message, &event, &error), AZ_ERROR_UNEXPECTED_CHAR);
        CHECK_SPAN(error.property_name, "id");
}
END_TEST

static Suite *aio_cloud_event_suite(void) {
        Suite *s = suite_create("aio-cloud-event");
        TCase *t = tcase_create("uri");

        tcase_add_loop_test(t, a_URI_is_as_RFC_3986_says, 0, ELEMENTSOF(uris));
        tcase_add_loop_test(t, an_IP_literal_is_one, 0, ELEMENTSOF(addresses));
        suite_add_tcase(s, t);

        t = tcase_create("aio_cloud_event");
        tcase_add_loop_test(t, what_is_sent_is_checked, 0, ELEMENTSOF(replacements));
        tcase_add_loop_test(t, what_is_received_is_checked, 0, ELEMENTSOF(replacements));
        tcase_add_test(t, an_event_gets_what_it_does_not_say);
        tcase_add_test(t, an_event_and_metadata_of_the_same_name_are_a_mistake);
        tcase_add_test(t, an_attribute_that_comes_twice_is_none);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_cloud_event_suite)
