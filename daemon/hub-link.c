/* SPDX-License-Identifier: MIT */

/*
 * Two machines that know nothing of each other meet here. The session asks by events (SIGN, CONNECT, ...);
 * the MqttLink reports by events (OPENED, CONNACK, ...); each event of one is an input of the other:
 *
 *      session SIGN       → mqtt_link_open() with a sign job    MQTT OPENED      → session signed
 *      session CONNECT    → mqtt_link_connect()                 MQTT CONNACK     → session connected, refused
 *      session SUBSCRIBE  → mqtt_link_subscribe()               MQTT SUBACK      → session suback
 *      session LOST       → mqtt_link_close()                   MQTT LOST, FAILED → session lost
 *
 * A session has at most one event waiting, so it is run dry after each input. News of an attempt that was
 * closed cannot come: mqtt_link_close() drops them.
 */

#include "daemon/hub-link.h"

#include <assert.h>
#include <stdarg.h>
#include <sys/random.h>

#include <azure/iot/az_iot_hub_client.h>
#include <mqtt/sas.h>
#include <session/hub_session.h>

#include "daemon/az-errno.h"
#include "daemon/credential.h"
#include "daemon/hub-loss.h"
#include "daemon/telemetry-message.h"

/* How often to look for an identity while there is none. */
#define IDENTITY_RETRY_US (60 * USEC_PER_SEC)

/* Of an attempt: for the signature, and for what passes between its steps. */
#define SIGN_TIMEOUT_S  30U
#define ATTEMPT_SLACK_S 10U

/* "devices/{128}/modules/{128}/messages/events/", the bag, and a "$.mid" of ours. */
#define TOPIC_SIZE (TELEMETRY_BAG_MAX + 512U)

/* A sentence for the status page. */
#define REASON_SIZE 512U

#define HUB_FIELD_SIZE (sizeof("AZIOT_HUB=") + CREDENTIAL_HOST_MAX)

struct HubLink {
        const Config *config;
        const Log *log;
        const HubLinkOps *ops;
        void *userdata;

        Credential credential;
        bool has_identity; /* 'credential', 'client' and 'session' are set up */
        uint16_t port;
        az_iot_hub_client client;
        az_hub_session session;
        MqttLink *mqtt;

        HubLinkState state;
        uint64_t since_us;
        uint64_t next_attempt_us;
        char reason[REASON_SIZE];
        char hub_field[HUB_FIELD_SIZE]; /* for the journal */
};

static const char *const state_names[] = {
        [HUB_LINK_STOPPED] = "stopped",
        [HUB_LINK_CONNECTING] = "connecting",
        [HUB_LINK_ONLINE] = "online",
        [HUB_LINK_WAITING] = "waiting",
};

const char *hub_link_state_to_string(HubLinkState state) {
        return state_names[state];
}

static az_hub_session_time session_time(void) {
        return (az_hub_session_time){ .now_us = boottime_us(), .unix_s = realtime_us() / USEC_PER_SEC };
}

static az_span span_from_str(const char *s) {
        return s ? az_span_create_from_str((char *) s) : AZ_SPAN_EMPTY;
}

static void link_set_state(HubLink *link, HubLinkState state, uint64_t next_attempt_us) {
        if (link->state != state) {
                log_debug(link->log, "Link: %s -> %s", state_names[link->state], state_names[state]);
                link->since_us = boottime_us();
        }
        link->state = state;
        link->next_attempt_us = next_attempt_us;
        link->ops->on_status(link->userdata);
}

static void _printf_(2, 3) link_set_reason(HubLink *link, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(link->reason, sizeof(link->reason), format, ap);
        va_end(ap);
}

/* Identity -------------------------------------------------------------------------------------------- */

static az_result session_setup(HubLink *link) {
        az_hub_session_options options = az_hub_session_options_default();
        az_iot_hub_client_options client_options = az_iot_hub_client_options_default();
        const Config *c = link->config;
        az_result result;

        if (getrandom(&options.random_seed, sizeof(options.random_seed), 0) < 0)
                options.random_seed = boottime_us();
        options.random_seed |= 1; /* 0 is refused */
        options.token_lifetime_s = (uint32_t) c->hub.token_lifetime_s;
        options.keep_alive_s = (uint16_t) c->hub.keep_alive_s;
        /* Each step has its own limit and says what failed; the session's is for all of them. */
        options.sign_timeout_s =
                (uint16_t) (SIGN_TIMEOUT_S + c->network.resolve_timeout_s + c->network.connect_timeout_s +
                            c->network.tls_timeout_s + ATTEMPT_SLACK_S);

        client_options.user_agent = AZ_SPAN_FROM_STR("aziotd%2F" AZIOT_VERSION);
        client_options.module_id = span_from_str(link->credential.module_id);
        client_options.model_id = span_from_str(c->hub.model_id);

        result = az_iot_hub_client_init(&link->client, span_from_str(link->credential.host),
                                        span_from_str(link->credential.device_id), &client_options);
        if (az_result_failed(result))
                return result;
        return az_hub_session_init(&link->session, &link->client, &options);
}

/*
 * Reads who the device is. The file with the secret is one small local file, read here and not in a thread so
 * that what is wrong with it can be told in words. 0: *ret is to be released; CONFIG_INVALID: the reason is
 * set.
 */
static int identity_read(HubLink *link, Credential *ret) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        int r;

        r = credential_load(ret, link->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        for (size_t i = 0; i < messages.n; i++) {
                char text[REASON_SIZE];

                (void) config_message_format(&messages.messages[i], text, sizeof(text));
                if (messages.messages[i].level == LOG_ERR)
                        link_set_reason(link, "%s", text);
                else if (!link->has_identity) /* not at each attempt to connect */
                        log_warning(link->log, "%s", text);
        }
        return r;
}

/* Sets up the session and returns true, or says what is missing and when it will be looked for again. */
static bool identity_load(HubLink *link) {
        Credential credential = CREDENTIAL_NULL;
        az_result result;
        int r;

        r = identity_read(link, &credential);
        if (r < 0)
                link_set_reason(link, "Cannot read the identity: %s", strerror(-r));
        if (r == 0) {
                credential_done(&link->credential);
                link->credential = credential;
                link->port = credential.port ?: (uint16_t) link->config->hub.port;
                (void) snprintf(link->hub_field, sizeof(link->hub_field), "AZIOT_HUB=%s", credential.host);

                result = session_setup(link);
                if (az_result_succeeded(result)) {
                        link->has_identity = true;
                        return true;
                }
                link_set_reason(link, "The names of the hub and the device are longer than a hub allows");
        }

        if (link->state != HUB_LINK_WAITING)
                log_warning(link->log, "No identity for the hub: %s; looking again every minute",
                            link->reason);
        link_set_state(link, HUB_LINK_WAITING, boottime_us() + IDENTITY_RETRY_US);
        return false;
}

/* Another hub or device: the next dispatch sets up a session for it. */
static void identity_forget(HubLink *link) {
        link->has_identity = false;
        link_set_state(link, HUB_LINK_WAITING, boottime_us());
}

/* What the session asks for --------------------------------------------------------------------------- */

static void run_session(HubLink *link, az_result input);

static void session_lost(HubLink *link, az_hub_loss loss) {
        run_session(link, az_hub_session_lost(&link->session, loss, session_time()));
}

static int open_transport(HubLink *link, az_span string_to_sign) {
        const Config *c = link->config;
        MqttEndpoint endpoint = {
                .host = span_from_str(link->credential.host),
                .port = link->port,
                .ca_file = c->hub.trusted_ca_file,
                .sign_timeout_us = SIGN_TIMEOUT_S * USEC_PER_SEC,
                .name_timeout_us = c->network.resolve_timeout_s * USEC_PER_SEC,
                .tcp_timeout_us = c->network.connect_timeout_s * USEC_PER_SEC,
                .tls_timeout_us = c->network.tls_timeout_s * USEC_PER_SEC,
        };
        MqttSignJob job = {};
        int r;

        r = sas_sign_job_new(&job, string_to_sign, span_from_str(link->credential.key));
        if (r < 0)
                return r;
        return mqtt_link_open(link->mqtt, &endpoint, &job, boottime_us());
}

static void do_sign(HubLink *link, az_span string_to_sign) {
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        char *old_key;
        int r;

        link_set_state(link, HUB_LINK_CONNECTING, UINT64_MAX);

        /* What was corrected since the last attempt is used without a restart. */
        r = identity_read(link, &credential);
        if (r == CONFIG_INVALID) {
                session_lost(link, AZ_HUB_LOSS_SIGNING);
                return;
        }
        if (r == 0 && !credential_is_same_device(&credential, &link->credential)) {
                identity_forget(link);
                return;
        }
        if (r == 0) {
                old_key = link->credential.key;
                link->credential.key = credential.key;
                credential.key = old_key;
        }

        r = open_transport(link, string_to_sign);
        if (r < 0) {
                link_set_reason(link, "Cannot begin to connect: %s", strerror(-r));
                session_lost(link, AZ_HUB_LOSS_SIGNING);
        }
}

static void do_connect(HubLink *link, const az_hub_event *event) {
        MqttConnect connect = {
                .client_id = event->as.connect.client_id,
                .user_name = event->as.connect.user_name,
                .password = event->as.connect.password,
                .keep_alive_s = event->as.connect.keep_alive_s,
                .clean_session = event->as.connect.clean_session,
        };
        int r;

        r = mqtt_link_connect(link->mqtt, &connect, boottime_us());
        if (r < 0) {
                link_set_reason(link, "Cannot send CONNECT: %s", strerror(-r));
                session_lost(link, AZ_HUB_LOSS_PROTOCOL);
        }
}

static void do_subscribe(HubLink *link, const az_hub_event *event) {
        MqttFilter filters[AZ_HUB_SESSION_FILTERS_MAX];
        size_t n = event->as.subscribe.n_filters;
        int r;

        assert(n <= ELEMENTSOF(filters));
        for (size_t i = 0; i < n; i++)
                filters[i] = (MqttFilter){ event->as.subscribe.filters[i].topic_filter,
                                           event->as.subscribe.filters[i].qos };

        r = mqtt_link_subscribe(link->mqtt, filters, n);
        if (r < 0) {
                link_set_reason(link, "Cannot subscribe: %s", strerror(-r));
                session_lost(link, AZ_HUB_LOSS_PROTOCOL);
        }
}

static void do_live(HubLink *link) {
        link_set_state(link, HUB_LINK_ONLINE, UINT64_MAX);
        (void) log_full(link->log, LOG_NOTICE, 0, FIELDS("MESSAGE_ID=" MSG_LINK_UP, link->hub_field),
                        "Connected to '%s' as '%s'", link->credential.host, link->credential.device_id);
}

static void do_lost(HubLink *link, const az_hub_event *event) {
        bool was_online = link->state == HUB_LINK_ONLINE;

        link->ops->on_lost(link->userdata);
        mqtt_link_close(link->mqtt);
        (void) hub_loss_describe(event, link->credential.host, link->reason, sizeof(link->reason));
        link_set_state(link, HUB_LINK_WAITING, boottime_us() + event->as.lost.delay_us);
        (void) log_full(link->log, was_online ? LOG_NOTICE : LOG_WARNING, 0,
                        FIELDS("MESSAGE_ID=" MSG_LINK_DOWN, link->hub_field), "%s, retrying in %.1f s",
                        link->reason, (double) event->as.lost.delay_us / USEC_PER_SEC);
}

static void do_disconnect(HubLink *link) {
        if (mqtt_link_disconnect(link->mqtt, boottime_us()) >= 0)
                return; /* MQTT_LOST_ASKED follows */
        mqtt_link_close(link->mqtt);
        link_set_state(link, HUB_LINK_STOPPED, UINT64_MAX);
}

static void session_event(HubLink *link, const az_hub_event *event) {
        switch (event->type) {
        case AZ_HUB_EVENT_SIGN:
                do_sign(link, event->as.sign.string_to_sign);
                break;
        case AZ_HUB_EVENT_CONNECT:
                do_connect(link, event);
                break;
        case AZ_HUB_EVENT_SUBSCRIBE:
                do_subscribe(link, event);
                break;
        case AZ_HUB_EVENT_LIVE:
                do_live(link);
                break;
        case AZ_HUB_EVENT_METHOD:
                link->ops->on_method(link->userdata, event->as.method.request_id, event->as.method.name,
                                     event->as.method.payload);
                break;
        case AZ_HUB_EVENT_LOST:
                do_lost(link, event);
                break;
        case AZ_HUB_EVENT_DISCONNECT:
                do_disconnect(link);
                break;
        case _AZ_HUB_EVENT_TYPE_MAX:
                assert(false);
        }
}

/* Takes the result of an input and does what the session asks for next. */
static void run_session(HubLink *link, az_result input) {
        az_hub_event event;

        if (az_result_failed(input))
                log_debug(link->log, "The session ignores what came: %s",
                          strerror(-az_result_to_errno(input)));
        while (az_hub_session_next_event(&link->session, &event))
                session_event(link, &event);
}

/* What the connection reports ------------------------------------------------------------------------- */

static void on_message(HubLink *link, const MqttEvent *event) {
        MqttAck ack = event->message.ack;
        az_result result;

        result = az_hub_session_message(&link->session, event->message.topic, event->message.payload);
        if (az_result_failed(result))
                log_debug(link->log, "A message on a topic that is not ours, ignoring");
        else
                run_session(link, result);
        mqtt_link_ack(link->mqtt, ack);
}

static void on_lost(HubLink *link, const MqttEvent *event) {
        if (event->lost.cause == MQTT_LOST_ASKED) {
                link_set_state(link, HUB_LINK_STOPPED, UINT64_MAX);
                return;
        }
        link_set_reason(link, "Connection to '%s' lost: %s", link->credential.host, event->lost.text);
        session_lost(link, hub_loss_from_cause(event->lost.cause));
}

static void mqtt_event(HubLink *link, const MqttEvent *event) {
        az_hub_session *s = &link->session;

        switch (event->type) {
        case MQTT_EVENT_OPENED:
                run_session(link, az_hub_session_signed(s, event->opened.signature, session_time()));
                break;
        case MQTT_EVENT_OPEN_FAILED:
                link_set_reason(link, "%s%s", event->open_failed.text,
                                hub_loss_advice(event->open_failed.stage));
                session_lost(link, hub_loss_from_stage(event->open_failed.stage));
                break;
        case MQTT_EVENT_CONNACK:
                if (event->connack.code == 0)
                        run_session(link, az_hub_session_connected(s, event->connack.session_present,
                                                                   session_time()));
                else
                        run_session(link, az_hub_session_refused(s, event->connack.code, session_time()));
                break;
        case MQTT_EVENT_SUBACK:
                run_session(link, az_hub_session_suback(s, event->suback.codes, event->suback.n_codes,
                                                        session_time()));
                break;
        case MQTT_EVENT_PUBACK:
                link->ops->on_puback(link->userdata, event->puback.token);
                break;
        case MQTT_EVENT_MESSAGE:
                on_message(link, event);
                break;
        case MQTT_EVENT_LOST:
                on_lost(link, event);
                break;
        case _MQTT_EVENT_MAX:
                assert(false);
        }
}

/* Life ------------------------------------------------------------------------------------------------ */

int hub_link_new(HubLink **ret, const Config *config, const char *runtime_dir, const Log *log,
                 const HubLinkOps *ops, void *userdata) {
        _cleanup_(hub_link_freep) HubLink *link = NULL;
        MqttLinkConfig mqtt_config = { .runtime_dir = runtime_dir };
        int r;

        link = malloc(sizeof(*link));
        if (!link)
                return -ENOMEM;
        *link = (HubLink){
                .config = config,
                .log = log,
                .ops = ops,
                .userdata = userdata,
                .credential = CREDENTIAL_NULL,
                .since_us = boottime_us(),
                .next_attempt_us = UINT64_MAX,
        };

        r = mqtt_link_new(&link->mqtt, &mqtt_config);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(link);
        return 0;
}

HubLink *hub_link_free(HubLink *link) {
        if (!link)
                return NULL;

        link->mqtt = mqtt_link_free(link->mqtt);
        credential_done(&link->credential);
        free(link);
        return NULL;
}

void hub_link_start(HubLink *link) {
        if (identity_load(link))
                run_session(link, az_hub_session_start(&link->session, session_time()));
}

void hub_link_stop(HubLink *link) {
        link->ops->on_lost(link->userdata);
        if (!link->has_identity) {
                link_set_state(link, HUB_LINK_STOPPED, UINT64_MAX);
                return;
        }
        az_hub_session_stop(&link->session);
        run_session(link, AZ_OK);
}

int hub_link_dispatch(HubLink *link) {
        MqttEvent event;
        int r;

        if (!link->has_identity) {
                if (link->next_attempt_us <= boottime_us())
                        hub_link_start(link);
                return 0;
        }

        if (az_hub_session_deadline_us(&link->session) <= boottime_us())
                run_session(link, az_hub_session_timeout(&link->session, session_time()));

        r = mqtt_link_dispatch(link->mqtt, boottime_us());
        if (r < 0)
                return r;
        while (mqtt_link_next_event(link->mqtt, &event))
                mqtt_event(link, &event);
        return 0;
}

int hub_link_get_fd(const HubLink *link) {
        return mqtt_link_get_fd(link->mqtt);
}

uint64_t hub_link_deadline_us(const HubLink *link) {
        if (!link->has_identity)
                return link->next_attempt_us;
        return MIN(az_hub_session_deadline_us(&link->session), mqtt_link_deadline_us(link->mqtt));
}

HubLinkState hub_link_get_state(const HubLink *link) {
        return link->state;
}

void hub_link_get_status(const HubLink *link, HubLinkStatus *ret) {
        *ret = (HubLinkStatus){
                .state = link->state,
                .since_us = link->since_us,
                .device_id = link->credential.device_id,
                .module_id = link->credential.module_id,
                .host = link->credential.host,
                .last_error = link->reason[0] ? link->reason : NULL,
                .next_attempt_us = link->next_attempt_us,
        };
}

/* Traffic --------------------------------------------------------------------------------------------- */

unsigned hub_link_window_free(const HubLink *link) {
        return link->state == HUB_LINK_ONLINE ? mqtt_link_window_free(link->mqtt) : 0;
}

int hub_link_publish(HubLink *link, az_span bag, az_span message_id, az_span body, uint64_t token) {
        az_iot_message_properties properties;
        uint8_t buffer[TOPIC_SIZE];
        char topic[TOPIC_SIZE];
        az_result result;
        size_t n;
        int r;

        if (az_span_size(bag) > (int32_t) TELEMETRY_BAG_MAX)
                return HUB_LINK_UNSENDABLE;

        (void) az_span_copy(AZ_SPAN_FROM_BUFFER(buffer), bag);
        result = az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), az_span_size(bag));
        if (az_result_succeeded(result) && az_span_size(message_id) > 0)
                result = az_iot_message_properties_append(
                        &properties, AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID), message_id);
        if (az_result_succeeded(result))
                result = az_iot_hub_client_telemetry_get_publish_topic(&link->client, &properties, topic,
                                                                       sizeof(topic), &n);
        if (az_result_failed(result))
                return HUB_LINK_UNSENDABLE;

        r = mqtt_link_publish(link->mqtt, az_span_create((uint8_t *) topic, (int32_t) n), body, 1, token);
        return r == -EINVAL ? HUB_LINK_UNSENDABLE : r;
}

void hub_link_fail(HubLink *link, int error) {
        link_set_reason(link, "Cannot publish: %s", strerror(abs(error)));
        session_lost(link, AZ_HUB_LOSS_CLOSED);
}

int hub_link_answer_method(HubLink *link, az_span request_id, uint16_t status, az_span payload) {
        char topic[TOPIC_SIZE];
        az_result result;
        size_t n;

        result = az_iot_hub_client_methods_response_get_publish_topic(&link->client, request_id, status,
                                                                      topic, sizeof(topic), &n);
        if (az_result_failed(result))
                return az_result_to_errno(result);
        return mqtt_link_publish(link->mqtt, az_span_create((uint8_t *) topic, (int32_t) n), payload, 0, 0);
}
