/* SPDX-License-Identifier: MIT */

#include "daemon/access.h"

#include <inttypes.h>
#include <syslog.h>

#include <aio/topic.h>

#include "daemon/glob.h"
#include "daemon/json-merge.h"
#include "daemon/twin-section.h"

static az_span text(const char *s) {
        return az_span_create_from_str((char *) s);
}

/* ---- Rules ---- */

static void texts_done(AccessTexts *texts) {
        for (size_t i = 0; i < texts->n; i++)
                free(texts->items[i]);
        free(texts->items);
}

static void rule_done(AccessRule *rule) {
        free(rule->file);
        free(rule->user.name);
        free(rule->group.name);
        free(rule->unit);
        texts_done(&rule->methods);
        for (AccessUse use = 0; use < _ACCESS_USE_MAX; use++)
                texts_done(&rule->filters[use]);
        texts_done(&rule->twin_sections);
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

/* What is wrong with the draft; NULL: nothing. */
static const char *check_rule(const Access *a) {
        const AccessRule *draft = &a->draft;

        if (!draft->user.name && !draft->group.name && !draft->unit)
                return "User=, Group= or Unit= has to say whom it is for";
        if (draft->send_burst != ACCESS_UNSET && draft->send_per_s == ACCESS_UNSET)
                return "SendBurst= is of no meaning without SendPerSec=";
        return a->n_rules >= ACCESS_RULES_MAX ? "there are more than 256 rules" : NULL;
}

int access_end_rule(Access *a, ConfigMessages *messages) {
        AccessRule *draft = &a->draft, *rules;
        const char *wrong;
        int r;

        if (!draft->file)
                return 0;
        wrong = check_rule(a);
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

static int check_limit(const AccessRule *rule, const char *key, uint64_t limit, uint64_t whole,
                       const char *whole_key, ConfigMessages *messages) {
        if (limit == ACCESS_UNSET || limit <= whole)
                return 0;
        return config_messages_add(messages, LOG_WARNING, rule->file, rule->line,
                                   "%s=%" PRIu64
                                   " in this rule limits nothing: all together have %s=%" PRIu64,
                                   key, limit, whole_key, whole);
}

int access_check_limits(const Access *a, uint64_t outbox_max_bytes, uint64_t outbox_max_messages,
                        ConfigMessages *messages) {
        int r = 0;

        for (size_t i = 0; i < a->n_rules && r >= 0; i++) {
                const AccessRule *rule = &a->rules[i];

                r = check_limit(rule, "OutboxMaxBytes", rule->outbox_max_bytes, outbox_max_bytes, "MaxBytes",
                                messages);
                if (r >= 0 && outbox_max_messages > 0)
                        r = check_limit(rule, "OutboxMaxMessages", rule->outbox_max_messages,
                                        outbox_max_messages, "MaxMessages", messages);
        }
        return r;
}

void access_swap(Access *a, Access *other) {
        Access old = *a;

        *a = *other;
        *other = old;
        a->generation = old.generation + 1;
        a->group = old.group;
}

static bool texts_are_equal(const AccessTexts *a, const AccessTexts *b) {
        for (size_t i = 0; i < a->n && i < b->n; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return a->n == b->n;
}

static bool filters_are_equal(const AccessRule *a, const AccessRule *b) {
        for (AccessUse use = 0; use < _ACCESS_USE_MAX; use++)
                if (!texts_are_equal(&a->filters[use], &b->filters[use]))
                        return false;
        return true;
}

static bool names_are_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool who_are_equal(const AccessWho *a, const AccessWho *b) {
        return names_are_equal(a->name, b->name) && a->id == b->id;
}

static bool rules_are_equal(const AccessRule *a, const AccessRule *b) {
        return who_are_equal(&a->user, &b->user) && who_are_equal(&a->group, &b->group) &&
               names_are_equal(a->unit, b->unit) && a->grants == b->grants &&
               texts_are_equal(&a->methods, &b->methods) && filters_are_equal(a, b) &&
               texts_are_equal(&a->twin_sections, &b->twin_sections) &&
               a->outbox_max_bytes == b->outbox_max_bytes &&
               a->outbox_max_messages == b->outbox_max_messages && a->send_per_s == b->send_per_s &&
               a->send_burst == b->send_burst;
}

bool access_is_equal(const Access *a, const Access *b) {
        for (size_t i = 0; i < a->n_rules && i < b->n_rules; i++)
                if (!rules_are_equal(&a->rules[i], &b->rules[i]))
                        return false;
        return a->n_rules == b->n_rules;
}

const char *access_rule_describe(const AccessRule *rule, char *buffer, size_t size) {
        const char *user = rule->user.name, *group = rule->group.name, *unit = rule->unit;

        (void) snprintf(buffer, size, "%s%s%s%s%s%s%s%s", user ? "User=" : "", user ?: "",
                        user && (group || unit) ? " " : "", group ? "Group=" : "", group ?: "",
                        group && unit ? " " : "", unit ? "Unit=" : "", unit ?: "");
        return buffer;
}

const char *access_rule_place(const AccessRule *rule, char buffer[static ACCESS_PLACE_SIZE]) {
        (void) snprintf(buffer, ACCESS_PLACE_SIZE, "%s:%u", rule->file, rule->line);
        return buffer;
}

/* ---- Sections of the twin ---- */

static const char *find_overlap(const AccessRule *rule, const char *pointer) {
        for (size_t i = 0; i < rule->twin_sections.n; i++)
                if (twin_section_overlaps(text(rule->twin_sections.items[i]), text(pointer)))
                        return rule->twin_sections.items[i];
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
        const AccessTexts *sections = &a->draft.twin_sections;
        const char *added = sections->items[sections->n - 1];

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

bool access_rule_matches(const AccessRule *rule, const IpcPeer *peer) {
        if (rule->user.name && (rule->user.id != peer->uid || rule->user.id == ACCESS_NOBODY))
                return false;
        if (rule->group.name &&
            (!ipc_peer_is_member(peer, rule->group.id) || rule->group.id == ACCESS_NOBODY))
                return false;
        return !rule->unit || (peer->unit && strcmp(rule->unit, peer->unit) == 0);
}

static bool has_units(const Access *a) {
        for (size_t i = 0; i < a->n_rules; i++)
                if (a->rules[i].unit)
                        return true;
        return false;
}

AccessView access_get_view(const Access *a, const IpcPeer *peer) {
        AccessView view = {};

        for (size_t i = 0; i < a->n_rules; i++) {
                const AccessRule *rule = &a->rules[i];

                if (!access_rule_matches(rule, peer))
                        continue;
                if (rule->grants != 0)
                        view.grants = rule;
                if (rule->methods.n > 0)
                        view.methods = rule;
                if (rule->send_per_s != ACCESS_UNSET)
                        view.send = rule;
                if (rule->outbox_max_bytes != ACCESS_UNSET)
                        view.outbox_bytes = rule;
                if (rule->outbox_max_messages != ACCESS_UNSET)
                        view.outbox_messages = rule;
                for (AccessUse use = 0; use < _ACCESS_USE_MAX; use++)
                        if (rule->filters[use].n > 0)
                                view.filters[use] = rule;
        }
        return view;
}

bool access_is_unit_unknown(const Access *a, const IpcPeer *peer) {
        return peer->is_gone && has_units(a);
}

unsigned access_get_grants(const Access *a, const IpcPeer *peer) {
        AccessView view;

        if (access_is_unit_unknown(a, peer))
                return 0;
        view = access_get_view(a, peer);
        return view.grants ? view.grants->grants & _IPC_GRANT_ALL : ipc_peer_default_grants(peer, a->group);
}

uint64_t access_rule_burst(const AccessRule *rule) {
        return rule->send_burst == ACCESS_UNSET || rule->send_burst == 0 ? rule->send_per_s
                                                                         : rule->send_burst;
}

bool access_rule_allows_method(const AccessRule *methods, az_span name) {
        if (!methods)
                return true;
        for (size_t i = 0; i < methods->methods.n; i++)
                if (glob_matches(text(methods->methods.items[i]), name))
                        return true;
        return false;
}

const char *access_use_to_string(AccessUse use) {
        static const char *const names[_ACCESS_USE_MAX] = {
                [ACCESS_BROKER_SEND] = "send",
                [ACCESS_BROKER_WATCH] = "watch",
                [ACCESS_BROKER_INVOKE] = "invoke",
                [ACCESS_BROKER_SERVE] = "serve",
        };
        return names[use];
}

const AccessRule *access_find_denial(const Access *a, const IpcPeer *peer, AccessUse use, az_span filter) {
        const AccessRule *rule = access_get_view(a, peer).filters[use];

        if (!rule)
                return NULL;
        for (size_t i = 0; i < rule->filters[use].n; i++)
                if (aio_topic_filter_covers(text(rule->filters[use].items[i]), filter))
                        return NULL;
        return rule;
}

const AccessRule *access_find_own_section(const Access *a, const IpcPeer *peer) {
        for (size_t i = 0; i < a->n_rules; i++)
                if (a->rules[i].twin_sections.n > 0 && access_rule_matches(&a->rules[i], peer))
                        return &a->rules[i];
        return NULL;
}

int access_get_sections(const Access *a, const IpcPeer *peer, char **ret) {
        _cleanup_(freep) char *set = NULL;
        int r;

        for (size_t i = 0; i < a->n_rules; i++) {
                const AccessTexts *sections = &a->rules[i].twin_sections;

                if (sections->n == 0 || (peer && !access_rule_matches(&a->rules[i], peer)))
                        continue;
                for (size_t k = 0; k < sections->n; k++) {
                        r = sections_add(&set, sections->items[k]);
                        if (r != 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(set);
        return 0;
}
