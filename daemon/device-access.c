/* SPDX-License-Identifier: MIT */

#include <grp.h>
#include <pwd.h>

#include "daemon/device-internal.h"

/* As of a name that systemd takes. */
#define UNIT_MAX 255

/* Supplementary groups of a user that are looked at: as many as a process can have without being asked twice.
 */
#define GROUPS_MAX 1024

typedef struct AccessParams {
        int64_t uid; /* -1: it was not told */
        az_span unit;
} AccessParams;

/* A program of this user. */
static int peer_set_user(IpcPeer *peer, uid_t uid) {
        const struct passwd *user = getpwuid(uid);
        int n = GROUPS_MAX;

        peer->uid = uid;
        if (!user)
                return 0;
        peer->gid = user->pw_gid;
        peer->groups = calloc(GROUPS_MAX, sizeof(*peer->groups));
        if (!peer->groups)
                return -ENOMEM;
        (void) getgrouplist(user->pw_name, user->pw_gid, peer->groups, &n);
        peer->n_groups = (size_t) MIN(n, GROUPS_MAX);
        return 0;
}

/* A program as it would be seen, had it connected. */
static int peer_imagine(IpcPeer *peer, const Access *access, const AccessParams *p) {
        int r = 0;

        *peer = IPC_PEER_NULL;
        if (p->uid >= 0)
                r = peer_set_user(peer, (uid_t) p->uid);
        if (r == 0 && !ipc_is_absent(p->unit)) {
                peer->unit = strndup((const char *) az_span_ptr(p->unit), (size_t) az_span_size(p->unit));
                if (!peer->unit)
                        r = -ENOMEM;
        }
        peer->grants = access_get_grants(access, peer);
        return r;
}

static void write_rule(IpcJson *json, const char *name, const AccessRule *rule) {
        char place[ACCESS_PLACE_SIZE];

        if (rule)
                ipc_json_cstring(json, name, access_rule_place(rule, place));
}

static void write_grants(IpcJson *json, unsigned grants) {
        ipc_json_begin_array(json, "grants");
        for (unsigned grant = 1; grant < _IPC_GRANT_ALL; grant <<= 1)
                if (grants & grant)
                        ipc_json_cstring(json, NULL, ipc_grant_to_string(grant));
        ipc_json_end_array(json);
}

static void write_methods(IpcJson *json, const AccessRule *rule) {
        if (!rule)
                return;
        ipc_json_begin_array(json, "methods");
        for (size_t i = 0; i < rule->methods.n; i++)
                ipc_json_cstring(json, NULL, rule->methods.items[i]);
        ipc_json_end_array(json);
        write_rule(json, "methodsRule", rule);
}

static void write_topics_of(IpcJson *json, AccessUse use, const AccessRule *rule) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "use", access_use_to_string(use));
        ipc_json_begin_array(json, "filters");
        for (size_t i = 0; i < rule->filters[use].n; i++)
                ipc_json_cstring(json, NULL, rule->filters[use].items[i]);
        ipc_json_end_array(json);
        write_rule(json, "rule", rule);
        ipc_json_end(json);
}

static void write_topics(IpcJson *json, const AccessView *view) {
        bool is_begun = false;

        for (AccessUse use = 0; use < _ACCESS_USE_MAX; use++) {
                if (!view->filters[use])
                        continue;
                if (!is_begun)
                        ipc_json_begin_array(json, "topics");
                is_begun = true;
                write_topics_of(json, use, view->filters[use]);
        }
        if (is_begun)
                ipc_json_end_array(json);
}

static void write_sections(IpcJson *json, const Access *access, const IpcPeer *peer) {
        ipc_json_begin_array(json, "sections");
        for (size_t i = 0; i < access->n_rules; i++) {
                const AccessRule *rule = &access->rules[i];

                if (!access_rule_matches(rule, peer))
                        continue;
                for (size_t k = 0; k < rule->twin_sections.n; k++) {
                        ipc_json_begin(json, NULL);
                        ipc_json_cstring(json, "section", rule->twin_sections.items[k]);
                        write_rule(json, "rule", rule);
                        ipc_json_end(json);
                }
        }
        ipc_json_end_array(json);
}

static void write_limit(IpcJson *json, const char *name, uint64_t limit) {
        if (limit > 0)
                ipc_json_int(json, name, (int64_t) limit);
}

static void write_limits(IpcJson *json, const Config *config, const AccessView *view) {
        if (view->send) {
                write_limit(json, "sendPerSecond", view->send->send_per_s);
                if (view->send->send_per_s > 0)
                        write_limit(json, "sendBurst", access_rule_burst(view->send));
                write_rule(json, "sendRule", view->send);
        }
        write_limit(json, "outboxMaxBytes",
                    view->outbox_bytes ? view->outbox_bytes->outbox_max_bytes
                                       : config->outbox.max_bytes_per_application);
        write_rule(json, "outboxBytesRule", view->outbox_bytes);
        write_limit(json, "outboxMaxMessages",
                    view->outbox_messages ? view->outbox_messages->outbox_max_messages
                                          : config->outbox.max_messages_per_application);
        write_rule(json, "outboxMessagesRule", view->outbox_messages);
}

static void write_rules(IpcJson *json, const Access *access, const IpcPeer *peer) {
        ipc_json_begin_array(json, "rules");
        for (size_t i = 0; i < access->n_rules; i++) {
                const AccessRule *rule = &access->rules[i];
                char whom[ACCESS_WHOM_SIZE];

                if (!access_rule_matches(rule, peer))
                        continue;
                ipc_json_begin(json, NULL);
                write_rule(json, "rule", rule);
                ipc_json_cstring(json, "whom", access_rule_describe(rule, whom, sizeof(whom)));
                ipc_json_bool(json, "hasUnit", rule->unit);
                ipc_json_end(json);
        }
        ipc_json_end_array(json);
}

static int reply(IpcCall *call, const Config *config, const IpcPeer *peer) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Access *access = &config->access;
        AccessView view = access_get_view(access, peer);

        ipc_json_begin(&json, NULL);
        if (peer->uid != IPC_PEER_NULL.uid)
                ipc_json_int(&json, "uid", peer->uid);
        if (peer->unit)
                ipc_json_cstring(&json, "unit", peer->unit);
        ipc_json_bool(&json, "isUnitUnknown", access_is_unit_unknown(access, peer));
        write_grants(&json, peer->grants);
        write_rule(&json, "grantsRule", view.grants);
        write_methods(&json, view.methods);
        write_topics(&json, &view);
        write_sections(&json, access, peer);
        write_limits(&json, config, &view);
        write_rules(&json, access, peer);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

int device_get_access(IpcCall *call, const void *params, void *userdata) {
        const IpcPeer *caller = ipc_connection_get_peer(ipc_call_get_connection(call));
        _cleanup_(ipc_peer_done) IpcPeer other = IPC_PEER_NULL;
        const AccessParams *p = params;
        const Device *d = userdata;
        int r;

        if (p->uid < 0 && ipc_is_absent(p->unit))
                return reply(call, d->config, caller);
        if (!(caller->grants & IPC_GRANT_ADMIN))
                return ipc_call_error_denied(call, IPC_GRANT_ADMIN);

        r = peer_imagine(&other, &d->config->access, p);
        return r == 0 ? reply(call, d->config, &other) : r;
}

static const IpcField fields[] = {
        { "uid", IPC_FIELD_INT, offsetof(AccessParams, uid), IPC_FIELD_NULLABLE, .min = 0,
          .max = UINT32_MAX - 1, .absent = -1 },
        { "unit", IPC_FIELD_STRING, offsetof(AccessParams, unit), IPC_FIELD_NULLABLE, .max = UNIT_MAX },
};
const IpcStruct device_get_access_struct = IPC_STRUCT(AccessParams, fields);
