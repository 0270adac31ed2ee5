/* SPDX-License-Identifier: MIT */

#include "daemon/access.h"

#include <syslog.h>

#include "daemon/json-merge.h"
#include "daemon/twin-section.h"

/* ---- Rules ---- */

static void rule_done(AccessRule *rule) {
        free(rule->file);
        free(rule->user.name);
        free(rule->group.name);
        free(rule->unit);
        for (size_t i = 0; i < rule->twin_sections.n; i++)
                free(rule->twin_sections.pointers[i]);
        free(rule->twin_sections.pointers);
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

/* ---- Sections of the twin ---- */

static az_span text(const char *s) {
        return az_span_create_from_str((char *) s);
}

static const char *find_overlap(const AccessRule *rule, const char *pointer) {
        for (size_t i = 0; i < rule->twin_sections.n; i++)
                if (twin_section_overlaps(text(rule->twin_sections.pointers[i]), text(pointer)))
                        return rule->twin_sections.pointers[i];
        return NULL;
}

const AccessRule *access_find_section(const Access *a, const char *path, const char **ret_section) {
        for (size_t i = 0; i < a->n_rules; i++) {
                const char *section = find_overlap(&a->rules[i], path);

                if (section) {
                        *ret_section = section;
                        return &a->rules[i];
                }
        }
        return NULL;
}

static size_t count_sections(const Access *a) {
        size_t n = a->draft.twin_sections.n;

        for (size_t i = 0; i < a->n_rules; i++)
                n += a->rules[i].twin_sections.n;
        return n;
}

int access_check_section(const Access *a, unsigned line, ConfigMessages *messages) {
        const AccessSections *sections = &a->draft.twin_sections;
        const char *added = sections->pointers[sections->n - 1];

        if (count_sections(a) > ACCESS_SECTIONS_MAX)
                return config_messages_add(messages, LOG_ERR, a->draft.file, line,
                                           "TwinSection=%s: there are more than %u sections", added,
                                           ACCESS_SECTIONS_MAX);

        for (size_t i = 0; i <= a->n_rules; i++) {
                const AccessRule *rule = i < a->n_rules ? &a->rules[i] : &a->draft;
                const char *other = find_overlap(rule, added);

                if (other && strcmp(other, added) != 0)
                        return config_messages_add(messages, LOG_ERR, a->draft.file, line,
                                                   "TwinSection=%s: a section cannot be inside another, and "
                                                   "%s is one in the rule at %s:%u",
                                                   added, other, rule->file, rule->line);
        }
        return 0;
}

/* Adds a section to a set, which may be NULL. */
static int sections_add(char **set, const char *pointer) {
        _cleanup_(freep) char *one = NULL, *both = NULL;
        int r;

        r = twin_section_format(text(pointer), &one);
        if (r == 0 && *set)
                r = json_merge_combine(text(*set), text(one), &both);
        if (r != 0)
                return r;

        free(*set);
        *set = both ? TAKE_PTR(both) : TAKE_PTR(one);
        return 0;
}

/* ---- Programs ---- */

static bool rule_matches(const AccessRule *rule, const IpcPeer *peer) {
        if (rule->user.name && rule->user.id != peer->uid)
                return false;
        if (rule->group.name && !ipc_peer_is_member(peer, rule->group.id))
                return false;
        return !rule->unit || (peer->unit && strcmp(rule->unit, peer->unit) == 0);
}

static bool has_units(const Access *a) {
        for (size_t i = 0; i < a->n_rules; i++)
                if (a->rules[i].unit)
                        return true;
        return false;
}

unsigned access_get_grants(const Access *a, const IpcPeer *peer, gid_t group) {
        unsigned grants = ipc_peer_default_grants(peer, group);

        if (peer->is_gone && has_units(a))
                return 0;
        for (size_t i = 0; i < a->n_rules; i++)
                if (a->rules[i].grants != 0 && rule_matches(&a->rules[i], peer))
                        grants = a->rules[i].grants & _IPC_GRANT_ALL;
        return grants;
}

int access_get_sections(const Access *a, const IpcPeer *peer, char **ret) {
        _cleanup_(freep) char *set = NULL;
        int r;

        for (size_t i = 0; i < a->n_rules; i++) {
                const AccessSections *sections = &a->rules[i].twin_sections;

                if (sections->n == 0 || (peer && !rule_matches(&a->rules[i], peer)))
                        continue;
                for (size_t k = 0; k < sections->n; k++) {
                        r = sections_add(&set, sections->pointers[k]);
                        if (r != 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(set);
        return 0;
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
