/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link-internal.h"

#include "daemon/wall-clock.h"

/* How often to look for an identity while there is none. */
#define IDENTITY_RETRY_US (60 * USEC_PER_SEC)

/* Of an attempt: for what passes between its steps. */
#define ATTEMPT_SLACK_S 10U

/* Devices that got power together must not connect together; a daemon that is restarted need not wait. */
#define SPLAY_S         5U
#define SPLAY_UPTIME_US (300 * USEC_PER_SEC)

/* What nobody listens to is not subscribed to. */
static uint32_t features_of(const HubLinkOps *ops) {
        return (ops->on_method ? AZ_HUB_SESSION_METHODS : 0U) | (ops->on_c2d ? AZ_HUB_SESSION_C2D : 0U) |
               (ops->on_twin ? AZ_HUB_SESSION_TWIN : 0U);
}

static az_result session_setup(HubLink *link) {
        az_hub_session_options options = az_hub_session_options_default();
        az_iot_hub_client_options client_options = az_iot_hub_client_options_default();
        const Config *c = link->config;
        az_result result;

        options.random_seed = hub_link_random();
        options.credential = link->credential.kind;
        options.features = features_of(link->ops);
        options.token_lifetime_s = (uint32_t) c->hub.token_lifetime_s;
        options.build_unix_s = wall_clock_build_s();
        options.splay_s = boottime_us() < SPLAY_UPTIME_US ? SPLAY_S : 0;
        options.keep_alive_s = (uint16_t) c->hub.keep_alive_s;
        /* Each step has its own limit and says what failed; the session's is for all of them. */
        options.sign_timeout_s =
                (uint16_t) (SIGN_TIMEOUT_S + c->network.resolve_timeout_s + c->network.connect_timeout_s +
                            c->network.tls_timeout_s + ATTEMPT_SLACK_S);

        client_options.user_agent = AZ_SPAN_FROM_STR("aziotd%2F" AZIOT_VERSION);
        client_options.module_id = hub_link_span(link->credential.module_id);
        client_options.model_id = hub_link_span(c->hub.model_id);

        result = az_iot_hub_client_init(&link->client, hub_link_span(link->credential.host),
                                        hub_link_span(link->credential.device_id), &client_options);
        if (az_result_failed(result))
                return result;
        return az_hub_session_init(&link->session, &link->client, &options);
}

/*
 * The file with the secret is one small local file, read here and not in a thread so that what is wrong with
 * it can be told in words.
 */
int hub_link_read_identity(HubLink *link, Credential *ret, Diagnosis *ret_cause) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        DiagnosisContext context = hub_link_context(link);
        int r;

        r = credential_load(ret, link->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        for (size_t i = 0; i < messages.n; i++) {
                char text[sizeof(ret_cause->detail)];

                (void) config_message_format(&messages.messages[i], text, sizeof(text));
                if (messages.messages[i].level == LOG_ERR)
                        diagnosis_make(ret_cause, &context, PROBLEM_IDENTITY_MISSING, 0, text);
                else if (!link->has_identity) /* not at each attempt to connect */
                        log_warning(link->log, "%s", text);
        }
        if (r < 0)
                diagnosis_make(ret_cause, &context, PROBLEM_IDENTITY_MISSING, r, strerror(-r));
        return r;
}

static void tell_identity(const HubLink *link, bool is_another) {
        const HistoryFacts facts = { .host = link->credential.host };

        hub_link_tell(link, is_another ? HISTORY_IDENTITY_CHANGED : HISTORY_IDENTITY_LOADED, &facts);
}

bool hub_link_load_identity(HubLink *link) {
        Credential credential = CREDENTIAL_NULL;
        DiagnosisContext context;
        Diagnosis cause;
        az_result result;
        int r;

        r = hub_link_read_identity(link, &credential, &cause);
        if (r == 0) {
                bool is_another = link->credential.device_id;

                credential_done(&link->credential);
                link->credential = credential;
                link->port = credential.port ?: (uint16_t) link->config->hub.port;
                (void) snprintf(link->hub_field, sizeof(link->hub_field), "AZIOT_HUB=%s", credential.host);

                result = session_setup(link);
                if (az_result_succeeded(result)) {
                        hub_link_recovery_setup(link);
                        link->has_identity = true;
                        tell_identity(link, is_another);
                        return true;
                }
                context = hub_link_context(link);
                diagnosis_make(&cause, &context, PROBLEM_IDENTITY_NAMES, 0, NULL);
        }

        hub_link_record(link, &cause, IDENTITY_RETRY_US);
        hub_link_set_state(link, HUB_LINK_WAITING, boottime_us() + IDENTITY_RETRY_US);
        return false;
}

/* Another hub or device: the next dispatch sets up a session for it. */
static int forget_identity(HubLink *link) {
        link->has_identity = false;
        hub_link_set_state(link, HUB_LINK_WAITING, boottime_us());
        return HUB_LINK_FORGOTTEN;
}

int hub_link_refresh_identity(HubLink *link, Diagnosis *ret_cause) {
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        int r;

        r = hub_link_read_identity(link, &credential, ret_cause);
        if (r == CONFIG_INVALID)
                return r;
        if (r < 0)
                return 0; /* what is known may do */
        if (!credential_is_same_device(&credential, &link->credential) ||
            credential.kind != link->credential.kind)
                return forget_identity(link);

        credential_swap_proof(&link->credential, &credential);
        return 0;
}
