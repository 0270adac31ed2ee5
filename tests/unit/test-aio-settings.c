/* SPDX-License-Identifier: MIT */
#include <aio/settings.h>

#include <inttypes.h>

#include "unit.h"

static az_span span(const char *text) {
        return text ? az_span_create_from_str((char *) text) : AZ_SPAN_EMPTY;
}

/* ---- what the settings are, in words ---- */

static const aio_settings defaults = {
        .port = 8883, .tls = true, .session_expiry_s = 3600, .keep_alive_s = 60, .receive_maximum = 65535
};

static void add(char words[static 1024], const char *name, const char *value, int n) {
        size_t size = strlen(words);

        (void) snprintf(words + size, 1024 - size, "%s%s=%.*s", size > 0 ? " " : "", name, n, value);
}

static void add_text(char words[static 1024], const char *name, az_span value) {
        if (az_span_size(value) > 0)
                add(words, name, (char *) az_span_ptr(value), az_span_size(value));
}

static void add_number(char words[static 1024], const char *name, uint32_t value, uint32_t default_value) {
        char text[16];

        (void) snprintf(text, sizeof(text), "%" PRIu32, value);
        if (value != default_value)
                add(words, name, text, (int) strlen(text));
}

/* What is not as by default. */
static const char *describe(const aio_settings *s, char words[static 1024]) {
        words[0] = '\0';
        add_text(words, "host", s->host);
        add_number(words, "port", s->port, defaults.port);
        add_number(words, "tls", s->tls, defaults.tls);
        add_text(words, "ca", s->ca_file);
        add_text(words, "id", s->client_id);
        add_number(words, "clean", s->clean_start, defaults.clean_start);
        add_number(words, "expiry", s->session_expiry_s, defaults.session_expiry_s);
        add_number(words, "alive", s->keep_alive_s, defaults.keep_alive_s);
        add_number(words, "receive", s->receive_maximum, defaults.receive_maximum);
        add_text(words, "token", s->token_file);
        add_text(words, "user", s->user_name);
        add_text(words, "password", s->password_file);
        add_text(words, "certificate", s->certificate_file);
        add_text(words, "key", s->key_file);
        add_text(words, "key-password", s->key_password_file);
        return words;
}

/* What a row expects: the settings in words, or of an error its property, with "=value" if it has one. */
typedef struct {
        const char *settings;
        const char *refused, *message;
} Expected;

static void check(const Expected *e, az_result r, const aio_settings *s, const aio_error *error) {
        char words[1024] = "";

        if (!e->refused) {
                ck_assert_int_eq(r, AZ_OK);
                ck_assert_str_eq(describe(s, words), e->settings);
                return;
        }
        ck_assert_int_eq(r, AZ_ERROR_ARG);
        ck_assert_int_eq(error->kind, AIO_ERROR_INVALID_CONFIGURATION);
        ck_assert(error->is_shallow && !error->is_remote);
        (void) snprintf(words, sizeof(words), "%.*s%s%.*s", az_span_size(error->property_name),
                        (char *) az_span_ptr(error->property_name),
                        az_span_ptr(error->property_value) ? "=" : "", az_span_size(error->property_value),
                        (char *) az_span_ptr(error->property_value));
        ck_assert_str_eq(words, e->refused);
        if (e->message)
                ck_assert(az_span_is_content_equal(error->message, span(e->message)));
}

/* ---- environment ---- */

#define VARIABLES_MAX 12

/* An environment is an array of "NAME=value" that ends in NULL. */
static az_span get_variable(void *userdata, char const *name) {
        const char *const *variables = userdata;

        for (; *variables; variables++)
                if (strncmp(*variables, name, strlen(name)) == 0 && (*variables)[strlen(name)] == '=')
                        return span(*variables + strlen(name) + 1);
        return AZ_SPAN_EMPTY;
}

static const struct {
        const char *variables[VARIABLES_MAX];
        Expected expected;
} environments[] = {
        { { NULL }, { "" } },
        { { "AIO_BROKER_HOSTNAME=broker", "AIO_MQTT_CLIENT_ID=press" }, { "host=broker id=press" } },
        { { "AIO_BROKER_TCP_PORT=1883", "AIO_MQTT_USE_TLS=false", "AIO_MQTT_CLEAN_START=true" },
          { "port=1883 tls=0 clean=1" } },
        { { "AIO_MQTT_SESSION_EXPIRY=4294967295", "AIO_MQTT_KEEP_ALIVE=65535" },
          { "expiry=4294967295 alive=65535" } },
        { { "AIO_TLS_CA_FILE=/ca.pem", "AIO_SAT_FILE=/var/run/secrets/token" },
          { "ca=/ca.pem token=/var/run/secrets/token" } },
        { { "AIO_MQTT_USERNAME=me", "AIO_MQTT_PASSWORD_FILE=/p" }, { "user=me password=/p" } },
        { { "AIO_TLS_CERT_FILE=/c", "AIO_TLS_KEY_FILE=/k", "AIO_TLS_KEY_PASSWORD_FILE=/w" },
          { "certificate=/c key=/k key-password=/w" } },
        /* Empty is unset. */
        { { "AIO_BROKER_HOSTNAME=", "AIO_BROKER_TCP_PORT=", "AIO_MQTT_USE_TLS=" }, { "" } },
        /* Not ours. */
        { { "AIO_MQTT_RECEIVE_MAXIMUM=7", "HostName=x" }, { "" } },
        { { "AIO_BROKER_TCP_PORT=0" }, { .refused = "AIO_BROKER_TCP_PORT=0" } },
        { { "AIO_BROKER_TCP_PORT=65536" }, { .refused = "AIO_BROKER_TCP_PORT=65536" } },
        { { "AIO_BROKER_TCP_PORT=-1" }, { .refused = "AIO_BROKER_TCP_PORT=-1" } },
        { { "AIO_BROKER_TCP_PORT=8883 " }, { .refused = "AIO_BROKER_TCP_PORT=8883 " } },
        { { "AIO_MQTT_KEEP_ALIVE=0" }, { .refused = "AIO_MQTT_KEEP_ALIVE=0" } },
        { { "AIO_MQTT_KEEP_ALIVE=PT60S" }, { .refused = "AIO_MQTT_KEEP_ALIVE=PT60S" } },
        { { "AIO_MQTT_SESSION_EXPIRY=4294967296" }, { .refused = "AIO_MQTT_SESSION_EXPIRY=4294967296" } },
        { { "AIO_MQTT_USE_TLS=no" }, { .refused = "AIO_MQTT_USE_TLS=no" } },
        /* What may be a secret by mistake is not told. */
        { { "AIO_MQTT_PASSWORD_FILE=a\tb" }, { .refused = "AIO_MQTT_PASSWORD_FILE" } },
};

START_TEST(environment_is_read) {
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        r = aio_settings_read_environment(&s, get_variable, (void *) environments[_i].variables, &error);
        check(&environments[_i].expected, r, &s, &error);
}
END_TEST

static const struct {
        const char *text;
        int value; /* -1: refused */
} booleans[] = {
        { "true", 1 }, { "True", 1 }, { "TRUE", 1 }, { "1", 1 },  { "false", 0 },  { "FALSE", 0 },
        { "0", 0 },    { "t", -1 },   { "yes", -1 }, { "2", -1 }, { "true ", -1 }, { "01", -1 },
};

START_TEST(booleans_are_what_any_of_the_sdks_takes) {
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        s.clean_start = booleans[_i].value == 0;
        r = aio_settings_set(&s, AIO_SETTING_CLEAN_START, AIO_SETTINGS_ENVIRONMENT, span(booleans[_i].text),
                             &error);
        ck_assert_int_eq(r, booleans[_i].value < 0 ? AZ_ERROR_ARG : AZ_OK);
        ck_assert_int_eq(s.clean_start, booleans[_i].value == 1);
}
END_TEST

/* ---- connection string ---- */

static const struct {
        const char *text;
        Expected expected;
} strings[] = {
        { "", { "" } },
        { " \r\n", { "" } },
        { "HostName=broker;TcpPort=1883;UseTls=false;ClientId=press",
          { "host=broker port=1883 tls=0 id=press" } },
        { "CaFile=/ca;CleanStart=1;KeepAlive=30;SessionExpiry=7;Username=u;PasswordFile=/p;CertFile=/"
          "c;KeyFile=/k;"
          "KeyPasswordFile=/w;SatAuthFile=/t",
          { "ca=/ca clean=1 expiry=7 alive=30 token=/t user=u password=/p certificate=/c key=/k "
            "key-password=/w" } },
        { "hostname=broker;CLIENTID=press", { "host=broker id=press" } },
        { "HostName=broker;\n", { "host=broker" } },
        { "HostName=broker;;ClientId=press;;", { "host=broker id=press" } },
        { " HostName =broker; ClientId =press ", { "host=broker id=press" } },
        /* A value ends where the next key begins. */
        { "Username=a=b;ClientId=c", { "id=c user=a=b" } },
        { "Username=a;b;c;ClientId=d", { "id=d user=a;b;c" } },
        { "Username= a ;ClientId=d", { "id=d user= a " } },
        { "HostName=;ClientId=d", { "id=d" } },
        /* Unknown keys do not count. */
        { "HostName=broker;Endpoint=x;Endpoint=y;MqttVersion=5", { "host=broker" } },
        { "HostName=a;hostname=b", { .refused = "HostName", .message = "it is there twice" } },
        { "TcpPort=1;TcpPort=1", { .refused = "TcpPort", .message = "it is there twice" } },
        { "TcpPort=mqtt", { .refused = "TcpPort=mqtt" } },
        { "broker:8883", { .refused = "connectionString" } },
        { "broker;HostName=b", { .refused = "connectionString" } },
        { ";", { .refused = "connectionString" } },
        { "KeyPasswordFile=secret\x7f", { .refused = "KeyPasswordFile" } },
};

START_TEST(connection_string_is_read) {
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        r = aio_settings_read_connection_string(&s, span(strings[_i].text), &error);
        check(&strings[_i].expected, r, &s, &error);
}
END_TEST

/* ---- mount ---- */

static const struct {
        const char *text, *variables[VARIABLES_MAX];
        Expected expected;
} mounts[] = {
        { "{\"host\":\"broker:18883\",\"keepAliveSeconds\":30,\"maxInflightMessages\":100,\"protocol\":"
          "\"mqtt\","
          "\"sessionExpirySeconds\":600,\"tls\":{\"mode\":\"Enabled\"},\"authentication\":{\"method\":"
          "\"serviceAccountToken\",\"serviceAccountTokenSettings\":{\"audience\":\"aio\"}}}",
          { "CONNECTOR_ID=press", "BROKER_SAT_MOUNT_PATH=/sat",
            "BROKER_TLS_TRUST_BUNDLE_CACERT_MOUNT_PATH=/ca" },
          { "host=broker port=18883 ca=/ca id=press expiry=600 alive=30 receive=100 token=/sat" } },
        { "{}", { NULL }, { "" } },
        { "{\"host\":\"broker\"}\n", { NULL }, { "host=broker" } },
        { "{\"host\":\"bro\\u006ber:1\"}", { NULL }, { "host=broker port=1" } },
        { "{\"host\":\"[::1]:18883\"}", { NULL }, { "host=::1 port=18883" } },
        { "{\"host\":\"[::1]\"}", { NULL }, { "host=::1" } },
        { "{\"host\":\"::1\"}", { NULL }, { "host=::1" } },
        { "{\"protocol\":\"Mqtt\",\"tls\":{\"mode\":\"disabled\"}}", { NULL }, { "tls=0" } },
        /* Without TLS nobody asks for the CA, which is mounted all the same. */
        { "{\"tls\":{\"mode\":\"Disabled\"}}",
          { "BROKER_TLS_TRUST_BUNDLE_CACERT_MOUNT_PATH=/ca" },
          { "tls=0" } },
        { "{\"host\":null,\"tls\":null,\"authentication\":null}",
          { "BROKER_SAT_MOUNT_PATH=/sat" },
          { "token=/sat" } },
        /* What is unknown does not count, whatever is in it. */
        { "{\"mode\":1,\"tls\":{\"host\":\"x\",\"deep\":{\"mode\":7}},\"a\":[{\"host\":1}]}",
          { NULL },
          { "" } },
        { "", { NULL }, { .refused = "MQTT_CONNECTION_CONFIGURATION" } },
        { "[]", { NULL }, { .refused = "MQTT_CONNECTION_CONFIGURATION" } },
        { "{\"host\":\"a\"", { NULL }, { .refused = "MQTT_CONNECTION_CONFIGURATION" } },
        { "{\"host\":\"a\"}}", { NULL }, { .refused = "MQTT_CONNECTION_CONFIGURATION" } },
        { "{\"host\":7}", { NULL }, { .refused = "host" } },
        { "{\"host\":{}}", { NULL }, { .refused = "host" } },
        { "{\"host\":\"a:b\"}", { NULL }, { .refused = "host=b" } },
        { "{\"host\":\"[::1\"}", { NULL }, { .refused = "host=[::1" } },
        { "{\"host\":\"[::1]1\"}", { NULL }, { .refused = "host=[::1]1" } },
        { "{\"host\":\"a\\u0000b\"}", { NULL }, { .refused = "host" } },
        { "{\"host\":\"a\",\"host\":\"b\"}",
          { NULL },
          { .refused = "host", .message = "it is there twice" } },
        { "{\"keepAliveSeconds\":\"60\"}", { NULL }, { .refused = "keepAliveSeconds" } },
        { "{\"keepAliveSeconds\":65536}", { NULL }, { .refused = "keepAliveSeconds=65536" } },
        { "{\"sessionExpirySeconds\":6e1}", { NULL }, { .refused = "sessionExpirySeconds=6e1" } },
        { "{\"maxInflightMessages\":0}", { NULL }, { .refused = "maxInflightMessages=0" } },
        { "{\"protocol\":\"amqp\"}", { NULL }, { .refused = "protocol=amqp" } },
        { "{\"tls\":true}", { NULL }, { .refused = "tls" } },
        { "{\"tls\":{\"mode\":\"on\"}}", { NULL }, { .refused = "tls.mode=on" } },
        { "{\"authentication\":{\"method\":\"x509\"}}",
          { NULL },
          { .refused = "authentication.method=x509" } },
        { "{\"authentication\":{\"method\":\"ServiceAccountToken\"}}",
          { NULL },
          { .refused = "BROKER_SAT_MOUNT_PATH" } },
};

START_TEST(mount_is_read) {
        _cleanup_(freep) char *text = strdup(mounts[_i].text);
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        r = aio_settings_read_mount(&s, span(text), get_variable, (void *) mounts[_i].variables, &error);
        check(&mounts[_i].expected, r, &s, &error);
}
END_TEST

/* ---- all of them ---- */

START_TEST(a_setting_of_two_sources_is_refused) {
        static const char *const variables[] = { "AIO_BROKER_HOSTNAME=a", "AIO_MQTT_USE_TLS=true", NULL };
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        ck_assert_int_eq(aio_settings_read_connection_string(&s, span("UseTls=true;ClientId=b"), &error),
                         AZ_OK);
        r = aio_settings_read_environment(&s, get_variable, (void *) variables, &error);
        check(&(Expected){ .refused = "AIO_MQTT_USE_TLS", .message = "the connection string gives it, too" },
              r, &s, &error);
        /* What was set before stays. */
        check(&(Expected){ "host=a id=b" }, AZ_OK, &s, NULL);
}
END_TEST

START_TEST(sources_complete_each_other) {
        static const char *const variables[] = { "AIO_BROKER_HOSTNAME=a", NULL };
        aio_settings s;
        aio_error error;

        aio_settings_init(&s);
        ck_assert_int_eq(aio_settings_read_environment(&s, get_variable, (void *) variables, &error), AZ_OK);
        ck_assert_int_eq(aio_settings_set(&s, AIO_SETTING_CLIENT_ID, AIO_SETTINGS_CONFIGURATION_FILE,
                                          span("b"), &error),
                         AZ_OK);
        check(&(Expected){ "host=a id=b" }, aio_settings_check(&s, AIO_SETTINGS_ENVIRONMENT, &error), &s,
              &error);
}
END_TEST

START_TEST(every_setting_has_a_key_and_a_name_that_no_other_has) {
        for (int source = 0; source < _AIO_SETTINGS_SOURCE_MAX; source++)
                for (int i = 0; i < _AIO_SETTING_MAX; i++) {
                        const char *name = aio_setting_name((aio_setting) i, (aio_settings_source) source);

                        ck_assert(name || source != AIO_SETTINGS_CONFIGURATION_FILE);
                        for (int j = 0; name && j < i; j++) {
                                const char *other =
                                        aio_setting_name((aio_setting) j, (aio_settings_source) source);

                                /* "name:port" is one member. */
                                ck_assert(!other || strcmp(name, other) != 0 || i == AIO_SETTING_PORT);
                        }
                }
}
END_TEST

static const struct {
        const char *text, *refused, *message;
} checks[] = {
        { "HostName=h;ClientId=i", NULL, NULL },
        { "HostName=h;ClientId=i;SatAuthFile=/t;CertFile=/c;KeyFile=/k;KeyPasswordFile=/w;CaFile=/ca", NULL,
          NULL },
        { "HostName=h;ClientId=i;Username=u;PasswordFile=/p;CertFile=/c;KeyFile=/k", NULL, NULL },
        { "HostName=h;ClientId=i;Username=u;SatAuthFile=/t;UseTls=false", NULL, NULL },
        { "ClientId=i", "HostName", "the host is missing" },
        { "HostName=h", "ClientId", "the client id is missing" },
        { "HostName=h;ClientId=i;PasswordFile=/p;SatAuthFile=/t", "PasswordFile",
          "a password and a token exclude each other" },
        { "HostName=h;ClientId=i;CertFile=/c", "CertFile", "it needs the key" },
        { "HostName=h;ClientId=i;KeyFile=/k", "KeyFile", "it needs the certificate" },
        { "HostName=h;ClientId=i;KeyPasswordFile=/w", "KeyPasswordFile", "it needs the key" },
        { "HostName=h;ClientId=i;UseTls=0;CaFile=/ca", "CaFile", "it needs TLS, which is switched off" },
        { "HostName=h;ClientId=i;UseTls=0;CertFile=/c;KeyFile=/k", "CertFile",
          "it needs TLS, which is switched off" },
};

START_TEST(what_does_not_go_together_is_refused) {
        Expected expected = { .refused = checks[_i].refused, .message = checks[_i].message };
        aio_settings s;
        aio_error error;
        az_result r;

        aio_settings_init(&s);
        ck_assert_int_eq(aio_settings_read_connection_string(&s, span(checks[_i].text), &error), AZ_OK);
        r = aio_settings_check(&s, AIO_SETTINGS_CONNECTION_STRING, &error);
        if (expected.refused)
                check(&expected, r, &s, &error);
        else
                ck_assert_int_eq(r, AZ_OK);
}
END_TEST

static const struct {
        const char *refused;
        aio_settings settings;
} filled_in[] = {
        { NULL, { .port = 1, .session_expiry_s = 1, .keep_alive_s = 1, .receive_maximum = 1 } },
        { "Port", { .port = 0, .session_expiry_s = 1, .keep_alive_s = 1, .receive_maximum = 1 } },
        { "SessionExpirySec", { .port = 1, .session_expiry_s = 0, .keep_alive_s = 1, .receive_maximum = 1 } },
        { "KeepAliveSec", { .port = 1, .session_expiry_s = 1, .keep_alive_s = 0, .receive_maximum = 1 } },
        { "ReceiveMaximum", { .port = 1, .session_expiry_s = 1, .keep_alive_s = 1, .receive_maximum = 0 } },
};

START_TEST(members_that_were_filled_in_are_checked_as_well) {
        aio_settings s = filled_in[_i].settings;
        aio_error error;
        az_result r;

        s.host = span("h");
        s.client_id = span("i");
        r = aio_settings_check(&s, AIO_SETTINGS_CONFIGURATION_FILE, &error);
        if (filled_in[_i].refused)
                check(&(Expected){ .refused = filled_in[_i].refused }, r, &s, &error);
        else
                ck_assert_int_eq(r, AZ_OK);
}
END_TEST

/* Of the source that gave it, otherwise of the one that is asked for; else as a configuration file has it. */
START_TEST(an_error_names_what_its_source_calls_it) {
        aio_settings s = defaults;
        aio_error error;

        s.host = span("h");
        check(&(Expected){ .refused = "CONNECTOR_ID" }, aio_settings_check(&s, AIO_SETTINGS_MOUNT, &error),
              &s, &error);
        s.client_id = span("i");
        s.key_file = span("/k");
        check(&(Expected){ .refused = "PrivateKeyFile" }, aio_settings_check(&s, AIO_SETTINGS_MOUNT, &error),
              &s, &error);
        ck_assert_int_eq(aio_settings_set(&s, AIO_SETTING_CERTIFICATE_FILE, AIO_SETTINGS_ENVIRONMENT,
                                          span("/c"), &error),
                         AZ_OK);
        s.key_file = AZ_SPAN_EMPTY;
        check(&(Expected){ .refused = "AIO_TLS_CERT_FILE" },
              aio_settings_check(&s, AIO_SETTINGS_MOUNT, &error), &s, &error);
}
END_TEST

START_TEST(no_text_is_longer_than_mqtt_has_room_for) {
        static uint8_t text[65536];
        aio_settings s = defaults;
        aio_error error;

        memset(text, 'x', sizeof(text));
        ck_assert_int_eq(aio_settings_set(&s, AIO_SETTING_CLIENT_ID, AIO_SETTINGS_ENVIRONMENT,
                                          az_span_create(text, 65536), &error),
                         AZ_ERROR_ARG);
        ck_assert_int_eq(aio_settings_set(&s, AIO_SETTING_CLIENT_ID, AIO_SETTINGS_ENVIRONMENT,
                                          az_span_create(text, 65535), &error),
                         AZ_OK);
}
END_TEST

static Suite *aio_settings_suite(void) {
        Suite *s = suite_create("aio-settings");
        TCase *t = tcase_create("aio_settings_read");

        tcase_add_loop_test(t, environment_is_read, 0, ELEMENTSOF(environments));
        tcase_add_loop_test(t, connection_string_is_read, 0, ELEMENTSOF(strings));
        tcase_add_loop_test(t, mount_is_read, 0, ELEMENTSOF(mounts));
        tcase_add_test(t, a_setting_of_two_sources_is_refused);
        tcase_add_test(t, sources_complete_each_other);
        suite_add_tcase(s, t);

        t = tcase_create("aio_settings_set");
        tcase_add_loop_test(t, booleans_are_what_any_of_the_sdks_takes, 0, ELEMENTSOF(booleans));
        tcase_add_test(t, no_text_is_longer_than_mqtt_has_room_for);
        tcase_add_test(t, every_setting_has_a_key_and_a_name_that_no_other_has);
        suite_add_tcase(s, t);

        t = tcase_create("aio_settings_check");
        tcase_add_loop_test(t, what_does_not_go_together_is_refused, 0, ELEMENTSOF(checks));
        tcase_add_loop_test(t, members_that_were_filled_in_are_checked_as_well, 0, ELEMENTSOF(filled_in));
        tcase_add_test(t, an_error_names_what_its_source_calls_it);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(aio_settings_suite)
