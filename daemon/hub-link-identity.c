/* SPDX-License-Identifier: MIT */

#include "daemon/hub-link-internal.h"

#include "daemon/wall-clock.h"

/* How often to look for an identity while there is none. */
#define IDENTITY_RETRY_US (60 * USEC_PER_SEC)

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
        bool is_planned = link->state == LINK_RENEWING;
        const Config *c = link->config;
        char *model_id = NULL;
        az_result result;

        if (c->hub.model_id) {
                model_id = strdup(c->hub.model_id);
                if (!model_id)
                        return AZ_ERROR_OUT_OF_MEMORY;
        }
        free(link->model_id);
        link->model_id = model_id;

        options.random_seed = hub_link_random();
        options.credential = link->credential.kind;
        options.features = features_of(link->ops);
        options.token_lifetime_s = (uint32_t) c->hub.token_lifetime_s;
        options.build_unix_s = wall_clock_build_s();
        options.splay_s = is_planned || boottime_us() >= SPLAY_UPTIME_US ? 0 : SPLAY_S;
        options.keep_alive_s = (uint16_t) c->hub.keep_alive_s;
        options.sign_timeout_s = hub_link_open_timeout_s(link);
        options.connect_timeout_s = hub_link_connect_timeout_s(link);

        link->counts.token_expires_s = 0; /* of another identity, perhaps */

        client_options.user_agent = HUB_LINK_USER_AGENT;
        client_options.module_id = hub_link_span(link->credential.module_id);
        client_options.model_id = hub_link_span(link->model_id);

        result = az_iot_hub_client_init(&link->client, hub_link_span(link->credential.host),
                                        hub_link_span(link->credential.device_id), &client_options);
        if (az_result_failed(result))
                return result;
        return az_hub_session_init(&link->session, &link->client, &options);
}

/* What is configured but names no hub has no session yet. */
static bool set_hub(HubLink *link) {
        link->port = link->credential.port ?: (uint16_t) link->config->hub.port;
        return az_result_succeeded(session_setup(link));
}

bool hub_link_use_assignment(HubLink *link) {
        const Assignment *a = &link->provisioning.assignment;
        char *host = strdup(a->hub), *device_id = strdup(a->device_id);

        free(link->credential.host);
        free(link->credential.device_id);
        link->credential.host = host;
        link->credential.device_id = device_id;
        link->credential.port = a->port;
        return host && device_id && set_hub(link);
}

/*
 * The files are small and local, read here and not in a thread so that what is wrong with them can be told in
 * words. *ret_enrollment is of a device that is provisioned; its credential names no hub.
 */
static int read_identity(HubLink *link, Credential *ret, Enrollment *ret_enrollment, Diagnosis *ret_cause) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        DiagnosisContext context = hub_link_context(link);
        int r;

        if (enrollment_is_configured(link->config))
                r = enrollment_load(ret_enrollment, ret, link->config, directory, &messages);
        else
                r = credential_load(ret, link->config, directory, &messages);
        for (size_t i = 0; i < messages.n; i++) {
                const ConfigMessage *message = &messages.messages[i];
                char text[sizeof(ret_cause->detail)];

                (void) config_message_format(message, text, sizeof(text));
                if (message->level == LOG_ERR)
                        diagnosis_make(ret_cause, &context,
                                       message->file[0] ? PROBLEM_IDENTITY_FILE : PROBLEM_IDENTITY_MISSING, 0,
                                       text);
                else if (!link->has_identity) /* not at each attempt to connect */
                        log_message(link->log, MSG_IDENTITY_REMARK, "%s", text);
        }
        if (r < 0)
                diagnosis_make(ret_cause, &context, PROBLEM_LOCAL, r, strerror(-r));
        return r;
}

/* Takes an identity that was read; false: there is no session for it. */
static bool take_identity(HubLink *link, Credential *credential, Enrollment *enrollment) {
        Provisioning *p = &link->provisioning;

        /* What they point to goes. */
        link->session = (az_hub_session){};
        p->session = (az_dps_session){};
        credential_done(&link->credential);
        link->credential = *credential;
        enrollment_done(&p->enrollment);
        p->enrollment = *enrollment;

        if (!hub_link_is_enrolled(link)) {
                assignment_done(&p->assignment);
                return set_hub(link);
        }
        hub_link_load_assignment(link);
        return !p->assignment.hub || hub_link_use_assignment(link);
}

static void tell_identity(const HubLink *link, bool is_another) {
        const Credential *c = &link->credential;
        const char *proof = c->kind == AZ_CREDENTIAL_X509 ? "a certificate" : "a key";
        char text[2 * CREDENTIAL_HOST_MAX];
        const HistoryFacts facts = { .host = c->host, .text = text };

        if (c->host)
                (void) snprintf(text, sizeof(text), "'%s' at '%s', by %s", c->device_id, c->host, proof);
        else
                (void) snprintf(text, sizeof(text), "Registration '%s', by %s",
                                link->provisioning.enrollment.owner.registration_id, proof);
        hub_link_tell(link, is_another ? HISTORY_IDENTITY_CHANGED : HISTORY_IDENTITY_LOADED, &facts);
}

bool hub_link_is_enrolled(const HubLink *link) {
        if (!link->has_identity)
                return enrollment_is_configured(link->config);
        return link->provisioning.enrollment.owner.id_scope != NULL;
}

static bool is_same(const HubLink *link, const Credential *credential, const Enrollment *enrollment) {
        const AssignmentOwner *a = &link->provisioning.enrollment.owner, *b = &enrollment->owner;

        if (credential->kind != link->credential.kind || !a->id_scope != !b->id_scope)
                return false;
        if (!a->id_scope)
                return credential_is_same_device(credential, &link->credential);
        return strcmp(a->id_scope, b->id_scope) == 0 && strcmp(a->registration_id, b->registration_id) == 0;
}

bool hub_link_load_identity(HubLink *link) {
        Credential credential = CREDENTIAL_NULL;
        Enrollment enrollment = ENROLLMENT_NULL;
        DiagnosisContext context;
        Diagnosis cause;
        int r;

        r = read_identity(link, &credential, &enrollment, &cause);
        if (r == 0) {
                bool is_known = link->has_identity && is_same(link, &credential, &enrollment);
                bool is_another = link->credential.device_id;

                link->has_identity = true;
                if (take_identity(link, &credential, &enrollment)) {
                        hub_link_recovery_setup(link);
                        hub_link_watch_files(link);
                        if (is_known) {
                                rollover_changed(&link->rollover.choice);
                                return true;
                        }
                        hub_link_forget_proven(link);
                        tell_identity(link, is_another);
                        return true;
                }
                context = hub_link_context(link);
                diagnosis_make(&cause, &context, PROBLEM_IDENTITY_NAMES, 0, NULL);
        }

        link->has_identity = false;
        hub_link_watch_files(link);
        hub_link_record(link, &cause, IDENTITY_RETRY_US);
        hub_link_set_state(link, LINK_WAITING, boottime_us() + IDENTITY_RETRY_US);
        return false;
}

void hub_link_forget_identity(HubLink *link) {
        link->has_identity = false;
        hub_link_set_state(link, LINK_WAITING, boottime_us());
}

/* What proves it was read again; what the sessions point to stays. */
static void exchange_proof(HubLink *link, Credential *credential, Enrollment *enrollment) {
        Enrollment *e = &link->provisioning.enrollment, old = *e;

        credential_swap_proof(&link->credential, credential);
        e->owner.fingerprint = enrollment->owner.fingerprint;
        e->payload = enrollment->payload;
        enrollment->owner.fingerprint = old.owner.fingerprint;
        enrollment->payload = old.payload;
}

int hub_link_refresh_identity(HubLink *link, Diagnosis *ret_cause) {
        _cleanup_(credential_done) Credential credential = CREDENTIAL_NULL;
        _cleanup_(enrollment_done) Enrollment enrollment = ENROLLMENT_NULL;
        int r;

        r = read_identity(link, &credential, &enrollment, ret_cause);
        if (r == CONFIG_INVALID)
                return r;
        if (r < 0)
                return 0; /* what is known may do */
        if (!is_same(link, &credential, &enrollment))
                return HUB_LINK_OTHER;

        exchange_proof(link, &credential, &enrollment);
        return 0;
}

bool hub_link_prepare_identity(HubLink *link) {
        Diagnosis cause;
        int r;

        r = hub_link_refresh_identity(link, &cause);
        if (r == CONFIG_INVALID)
                hub_link_hold(link, &cause);
        if (r == HUB_LINK_OTHER)
                hub_link_forget_identity(link);
        return r != HUB_LINK_OTHER;
}
