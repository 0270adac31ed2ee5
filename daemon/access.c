/* SPDX-License-Identifier: MIT */

#include "daemon/access.h"

#include <syslog.h>

/* ---- Rules ---- */

static void rule_done(AccessRule *rule) {
        free(rule->file);
        free(rule->user.name);
        free(rule->group.name);
        free(rule->unit);
        *rule = ACCESS_RULE_NULL;
}

void access_done(Access *a) {
        for (size_t i = 0; i < a->n_rules; i++)
                rule_done(&a->rules[i]);
        free(a->rules);
        rule_done(&a->draft);
        *a = ACCESS_NULL;
}

int access_begin_rule(Access *a, const char *file, unsigned line, ConfigMessages *messages) {
        AccessRule *draft = &a->draft;
        int r;

        if (draft->file && draft->line == line && strcmp(draft->file, file) == 0)
                return 0;
        r = access_end_rule(a, messages);
        if (r < 0)
                return r;

        draft->file = strdup(file);
        draft->line = line;
        return draft->file ? 0 : -ENOMEM;
}

int access_end_rule(Access *a, ConfigMessages *messages) {
        AccessRule *draft = &a->draft, *rules;
        const char *wrong = NULL;
        int r;

        if (!draft->file)
                return 0;
        if (!draft->user.name && !draft->group.name && !draft->unit)
                wrong = "User=, Group= or Unit= has to say whom it is for";
        else if (a->n_rules >= ACCESS_RULES_MAX)
                wrong = "there are more than 256 rules";
        if (wrong) {
                r = config_messages_add(messages, LOG_ERR, draft->file, draft->line,
                                        "this rule in section [Access] cannot be used: %s", wrong);
                rule_done(draft);
                return r;
        }

        rules = reallocarray(a->rules, a->n_rules + 1, sizeof(*rules));
        if (!rules)
                return -ENOMEM;
        a->rules = rules;
        a->rules[a->n_rules++] = *draft;
        *draft = ACCESS_RULE_NULL;
        return 0;
}

const char *access_rule_describe(const AccessRule *rule, char *buffer, size_t size) {
        const char *user = rule->user.name, *group = rule->group.name, *unit = rule->unit;

        (void) snprintf(buffer, size, "%s%s%s%s%s%s%s%s", user ? "User=" : "", user ?: "",
                        user && (group || unit) ? " " : "", group ? "Group=" : "", group ?: "",
                        group && unit ? " " : "", unit ? "Unit=" : "", unit ?: "");
        return buffer;
}

/* ---- Programs ---- */

static bool rule_matches(const AccessRule *rule, const IpcPeer *peer) {
        if (rule->user.name && rule->user.id != peer->uid)
                return false;
        if (rule->group.name && !ipc_peer_is_member(peer, rule->group.id))
                return false;
        return !rule->unit || (peer->unit && strcmp(rule->unit, peer->unit) == 0);
}

unsigned access_get_grants(const Access *a, const IpcPeer *peer, gid_t group) {
        unsigned grants = ipc_peer_default_grants(peer, group);

        for (size_t i = 0; i < a->n_rules; i++)
                if (a->rules[i].grants != 0 && rule_matches(&a->rules[i], peer))
                        grants = a->rules[i].grants & _IPC_GRANT_ALL;
        return grants;
}

AccessLimits access_get_outbox_limits(const Access *a, const IpcPeer *peer) {
        AccessLimits limits = { .max_bytes = ACCESS_UNSET, .max_messages = ACCESS_UNSET };

        for (size_t i = 0; i < a->n_rules; i++) {
                const AccessRule *rule = &a->rules[i];

                if (!rule_matches(rule, peer))
                        continue;
                if (rule->outbox_max_bytes != ACCESS_UNSET)
                        limits.max_bytes = rule->outbox_max_bytes;
                if (rule->outbox_max_messages != ACCESS_UNSET)
                        limits.max_messages = rule->outbox_max_messages;
        }
        return limits;
}
