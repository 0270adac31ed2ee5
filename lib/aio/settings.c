/* SPDX-License-Identifier: MIT */

#include <aio/settings.h>

#include <stddef.h>

#include <aio/aio_internal.h>
#include <aio/settings_internal.h>
#include <azure/core/az_precondition_internal.h>

typedef enum {
        TYPE_TEXT,
        TYPE_FLAG,
        TYPE_U16,
        TYPE_U32
} setting_type;

typedef struct {
        char const *names[_AIO_SETTINGS_SOURCE_MAX]; /* in the order of aio_settings_source */
        setting_type type;
        size_t offset;
} setting_row;

#define MEMBER(member) offsetof(aio_settings, member)

static const setting_row rows[_AIO_SETTING_MAX] = {
        [AIO_SETTING_HOST] = { { "AIO_BROKER_HOSTNAME", "HostName", "host", "Host" },
                               TYPE_TEXT,
                               MEMBER(host) },
        [AIO_SETTING_PORT] = { { "AIO_BROKER_TCP_PORT", "TcpPort", "host", "Port" }, TYPE_U16, MEMBER(port) },
        [AIO_SETTING_TLS] = { { "AIO_MQTT_USE_TLS", "UseTls", "tls.mode", "TLS" }, TYPE_FLAG, MEMBER(tls) },
        [AIO_SETTING_CA_FILE] = { { "AIO_TLS_CA_FILE", "CaFile", "BROKER_TLS_TRUST_BUNDLE_CACERT_MOUNT_PATH",
                                    "TrustedCAFile" },
                                  TYPE_TEXT,
                                  MEMBER(ca_file) },
        [AIO_SETTING_CLIENT_ID] = { { "AIO_MQTT_CLIENT_ID", "ClientId", "CONNECTOR_ID", "ClientId" },
                                    TYPE_TEXT,
                                    MEMBER(client_id) },
        [AIO_SETTING_CLEAN_START] = { { "AIO_MQTT_CLEAN_START", "CleanStart", NULL, "CleanStart" },
                                      TYPE_FLAG,
                                      MEMBER(clean_start) },
        [AIO_SETTING_SESSION_EXPIRY] = { { "AIO_MQTT_SESSION_EXPIRY", "SessionExpiry", "sessionExpirySeconds",
                                           "SessionExpirySec" },
                                         TYPE_U32,
                                         MEMBER(session_expiry_s) },
        [AIO_SETTING_KEEP_ALIVE] = { { "AIO_MQTT_KEEP_ALIVE", "KeepAlive", "keepAliveSeconds",
                                       "KeepAliveSec" },
                                     TYPE_U16,
                                     MEMBER(keep_alive_s) },
        [AIO_SETTING_RECEIVE_MAXIMUM] = { { NULL, NULL, "maxInflightMessages", "ReceiveMaximum" },
                                          TYPE_U16,
                                          MEMBER(receive_maximum) },
        [AIO_SETTING_TOKEN_FILE] = { { "AIO_SAT_FILE", "SatAuthFile", "BROKER_SAT_MOUNT_PATH", "TokenFile" },
                                     TYPE_TEXT,
                                     MEMBER(token_file) },
        [AIO_SETTING_USER_NAME] = { { "AIO_MQTT_USERNAME", "Username", NULL, "UserName" },
                                    TYPE_TEXT,
                                    MEMBER(user_name) },
        [AIO_SETTING_PASSWORD_FILE] = { { "AIO_MQTT_PASSWORD_FILE", "PasswordFile", NULL, "PasswordFile" },
                                        TYPE_TEXT,
                                        MEMBER(password_file) },
        [AIO_SETTING_CERTIFICATE_FILE] = { { "AIO_TLS_CERT_FILE", "CertFile", NULL, "CertificateFile" },
                                           TYPE_TEXT,
                                           MEMBER(certificate_file) },
        [AIO_SETTING_KEY_FILE] = { { "AIO_TLS_KEY_FILE", "KeyFile", NULL, "PrivateKeyFile" },
                                   TYPE_TEXT,
                                   MEMBER(key_file) },
        [AIO_SETTING_KEY_PASSWORD_FILE] = { { "AIO_TLS_KEY_PASSWORD_FILE", "KeyPasswordFile", NULL,
                                              "PrivateKeyPasswordFile" },
                                            TYPE_TEXT,
                                            MEMBER(key_password_file) },
};

/* What MQTT has room for. */
#define TEXT_SIZE_MAX 65535

az_result _aio_settings_refuse(aio_error *out_error, char const *property, az_span value,
                               char const *message) {
        *out_error =
                _aio_error_configuration(_aio_settings_text(property), value, _aio_settings_text(message));
        return AZ_ERROR_ARG;
}

char const *aio_setting_name(aio_setting setting, aio_settings_source source) {
        _az_PRECONDITION((unsigned) setting < _AIO_SETTING_MAX);
        _az_PRECONDITION((unsigned) source < _AIO_SETTINGS_SOURCE_MAX);

        return rows[setting].names[source];
}

void aio_settings_init(aio_settings *out_settings) {
        aio_settings settings = { 0 };

        _az_PRECONDITION_NOT_NULL(out_settings);

        settings.port = 8883;
        settings.tls = true;
        settings.session_expiry_s = 3600;
        settings.keep_alive_s = 60;
        settings.receive_maximum = UINT16_MAX;
        *out_settings = settings;
}

static bool parse_flag(az_span value, bool *out_flag) {
        *out_flag = az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("true")) ||
                    az_span_is_content_equal(value, AZ_SPAN_FROM_STR("1"));
        return *out_flag || az_span_is_content_equal_ignoring_case(value, AZ_SPAN_FROM_STR("false")) ||
               az_span_is_content_equal(value, AZ_SPAN_FROM_STR("0"));
}

static bool is_text(az_span value) {
        for (int32_t i = 0; i < az_span_size(value); i++)
                if (az_span_ptr(value)[i] < ' ' || az_span_ptr(value)[i] == 0x7F)
                        return false;
        return az_span_size(value) <= TEXT_SIZE_MAX;
}

/* Returns what is wrong with the value; NULL: nothing, and the member has it. */
static char const *parse(setting_row const *row, az_span value, void *member) {
        uint32_t number = 0, max = row->type == TYPE_U32 ? UINT32_MAX : UINT16_MAX;
        bool flag;

        switch (row->type) {
        case TYPE_TEXT:
                if (!is_text(value))
                        return "it has a control character or more than 65535 bytes";
                *(az_span *) member = value;
                return NULL;
        case TYPE_FLAG:
                if (!parse_flag(value, &flag))
                        return "it is neither true nor false";
                *(bool *) member = flag;
                return NULL;
        case TYPE_U16:
        case TYPE_U32:
                if (az_result_failed(az_span_atou32(value, &number)) || number < 1 || number > max)
                        return row->type == TYPE_U32 ? "it is no number from 1 to 4294967295"
                                                     : "it is no number from 1 to 65535";
                if (row->type == TYPE_U32)
                        *(uint32_t *) member = number;
                else
                        *(uint16_t *) member = (uint16_t) number;
                return NULL;
        }
        return NULL;
}

az_result aio_settings_set(aio_settings *ref_settings, aio_setting setting, aio_settings_source source,
                           az_span value, aio_error *out_error) {
        static char const *const given_by[_AIO_SETTINGS_SOURCE_MAX] = {
                [AIO_SETTINGS_ENVIRONMENT] = "the environment gives it, too",
                [AIO_SETTINGS_CONNECTION_STRING] = "the connection string gives it, too",
                [AIO_SETTINGS_MOUNT] = "the mounted files give it, too",
                [AIO_SETTINGS_CONFIGURATION_FILE] = "the configuration file gives it, too",
        };
        char const *name = aio_setting_name(setting, source), *problem;
        uint8_t given = (uint8_t) (source + 1);

        _az_PRECONDITION_NOT_NULL(ref_settings);
        _az_PRECONDITION_NOT_NULL(name);
        _az_PRECONDITION_VALID_SPAN(value, 0);
        _az_PRECONDITION_NOT_NULL(out_error);

        if (az_span_size(value) == 0)
                return AZ_OK;
        if (ref_settings->_given[setting] != 0)
                return _aio_settings_refuse(out_error, name, AZ_SPAN_EMPTY,
                                            ref_settings->_given[setting] == given
                                                    ? "it is there twice"
                                                    : given_by[ref_settings->_given[setting] - 1]);

        problem = parse(rows + setting, value, (uint8_t *) ref_settings + rows[setting].offset);
        if (problem)
                return _aio_settings_refuse(out_error, name,
                                            rows[setting].type == TYPE_TEXT ? AZ_SPAN_EMPTY : value, problem);
        ref_settings->_given[setting] = given;
        return AZ_OK;
}

az_result aio_settings_read_environment(aio_settings *ref_settings, aio_settings_get_variable get,
                                        void *userdata, aio_error *out_error) {
        az_result r;

        _az_PRECONDITION_NOT_NULL(get);

        for (int i = 0; i < _AIO_SETTING_MAX; i++) {
                char const *name = rows[i].names[AIO_SETTINGS_ENVIRONMENT];

                if (!name)
                        continue;
                r = aio_settings_set(ref_settings, (aio_setting) i, AIO_SETTINGS_ENVIRONMENT,
                                     get(userdata, name), out_error);
                if (az_result_failed(r))
                        return r;
        }
        return AZ_OK;
}

/* ---- what goes together ---- */

static bool is_there(aio_settings const *settings, aio_setting setting) {
        void const *member = (uint8_t const *) settings + rows[setting].offset;

        switch (rows[setting].type) {
        case TYPE_TEXT:
                return az_span_size(*(az_span const *) member) > 0;
        case TYPE_FLAG:
                return *(bool const *) member;
        case TYPE_U16:
                return *(uint16_t const *) member > 0;
        case TYPE_U32:
                return *(uint32_t const *) member > 0;
        }
        return false;
}

az_result aio_settings_check(aio_settings const *settings, aio_settings_source source, aio_error *out_error) {
        static const struct {
                aio_setting setting, other; /* the same: it has to be there */
                bool excludes;              /* otherwise it needs the other one */
                char const *message;
        } rules[] = {
                { AIO_SETTING_HOST, AIO_SETTING_HOST, false, "the host is missing" },
                { AIO_SETTING_CLIENT_ID, AIO_SETTING_CLIENT_ID, false, "the client id is missing" },
                { AIO_SETTING_PORT, AIO_SETTING_PORT, false, "0 is no port" },
                { AIO_SETTING_SESSION_EXPIRY, AIO_SETTING_SESSION_EXPIRY, false,
                  "a session of 0 s would end with each connection" },
                { AIO_SETTING_KEEP_ALIVE, AIO_SETTING_KEEP_ALIVE, false, "a keep-alive of 0 s is none" },
                { AIO_SETTING_RECEIVE_MAXIMUM, AIO_SETTING_RECEIVE_MAXIMUM, false,
                  "with 0 nothing could be received" },
                { AIO_SETTING_PASSWORD_FILE, AIO_SETTING_TOKEN_FILE, true,
                  "a password and a token exclude each other" },
                { AIO_SETTING_CERTIFICATE_FILE, AIO_SETTING_KEY_FILE, false, "it needs the key" },
                { AIO_SETTING_KEY_FILE, AIO_SETTING_CERTIFICATE_FILE, false, "it needs the certificate" },
                { AIO_SETTING_KEY_PASSWORD_FILE, AIO_SETTING_KEY_FILE, false, "it needs the key" },
                { AIO_SETTING_CA_FILE, AIO_SETTING_TLS, false, "it needs TLS, which is switched off" },
                { AIO_SETTING_CERTIFICATE_FILE, AIO_SETTING_TLS, false,
                  "it needs TLS, which is switched off" },
        };

        _az_PRECONDITION_NOT_NULL(settings);
        _az_PRECONDITION((unsigned) source < _AIO_SETTINGS_SOURCE_MAX);
        _az_PRECONDITION_NOT_NULL(out_error);

        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
                aio_setting setting = rules[i].setting;
                int from = settings->_given[setting] != 0 ? settings->_given[setting] - 1 : (int) source;
                bool applies = setting == rules[i].other || is_there(settings, setting);
                char const *name = rows[setting].names[from];

                if (applies && is_there(settings, rules[i].other) == rules[i].excludes)
                        return _aio_settings_refuse(
                                out_error, name ? name : rows[setting].names[AIO_SETTINGS_CONFIGURATION_FILE],
                                AZ_SPAN_EMPTY, rules[i].message);
        }
        return AZ_OK;
}
