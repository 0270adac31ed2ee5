/* SPDX-License-Identifier: MIT */

#include "daemon/access.h"

#include <limits.h>
#include <syslog.h>

#include "daemon/config.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit-span.h"

#define R IPC_GRANT_READ
#define S IPC_GRANT_SEND
#define V IPC_GRANT_SERVE
#define A IPC_GRANT_ADMIN

/* Members of this one may read, send and serve by default. */
#define CLIENT_GROUP 900

/* Loads a configuration of this text. */
static int load(const char *text, Config *ret, ConfigMessages *messages) {
        char directory[SCRATCH_SIZE], path[PATH_MAX];
        FILE *f;
        int r;

        scratch_init(directory, "access");
        scratch_path(directory, "c", path, sizeof(path));
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        r = config_load(ret, path, true, messages);
        scratch_done(directory);
        return r;
}

static gid_t group_of_others[] = { 70, 71 };

static const IpcPeer root = { .uid = 0, .gid = 0 };
static const IpcPeer press = {
        .uid = 1000,
        .gid = CLIENT_GROUP,
        .groups = group_of_others,
        .n_groups = 2,
        .unit = (char *) "press.service",
};
static const IpcPeer stranger = { .uid = 1001, .gid = 1001 };
static const IpcPeer gone = { .uid = 1000, .gid = CLIENT_GROUP, .is_gone = true };

static const struct {
        const char *rules;
        const IpcPeer *peer;
        unsigned grants;
} grants[] = {
        /* Without a rule that says something for it, a program has the default. */
        { "", &root, R | S | V | A },
        { "", &press, R | S | V },
        { "", &stranger, 0 },
        { "[Access]\n", &press, R | S | V },
        { "[Access]\nUser=1001\nGrants=read\n", &press, R | S | V },
        { "[Access]\nUser=1000\nOutboxMaxBytes=1M\n", &press, R | S | V },
        { "[Access]\nUser=1000\nGrants=read\nGrants=\n", &press, R | S | V },

        /* What it says counts, be it more or less. */
        { "[Access]\nUser=1000\nGrants=read\n", &press, R },
        { "[Access]\nUser=1000\nGrants=none\n", &press, 0 },
        { "[Access]\nUser=1000\nGrants=admin  read send serve\n", &press, R | S | V | A },
        { "[Access]\nUser=1001\nGrants=send\n", &stranger, S },
        { "[Access]\nUser=root\nGrants=read\n", &root, R },

        /* Who it is for: all that is set has to match. */
        { "[Access]\nGroup=900\nGrants=read\n", &press, R },
        { "[Access]\nGroup=71\nGrants=read\n", &press, R },
        { "[Access]\nGroup=72\nGrants=read\n", &press, R | S | V },
        { "[Access]\nUnit=press.service\nGrants=read\n", &press, R },
        { "[Access]\nUnit=pres.service\nGrants=read\n", &press, R | S | V },
        { "[Access]\nUnit=press.service\nGrants=read\n", &stranger, 0 },
        { "[Access]\nUser=1000\nGroup=70\nUnit=press.service\nGrants=read\n", &press, R },
        { "[Access]\nUser=1001\nUnit=press.service\nGrants=read\n", &press, R | S | V },
        { "[Access]\nUser=1000\nGroup=72\nGrants=read\n", &press, R | S | V },

        /* Nobody knows which unit it was in. */
        { "[Access]\nUnit=press.service\nGrants=read\n", &gone, 0 },
        { "[Access]\nUser=1000\nGrants=read\n", &gone, R },

        /* Of several the last one counts that says something. */
        { "[Access]\nUser=1000\nGrants=read\n[Access]\nGroup=70\nGrants=send\n", &press, S },
        { "[Access]\nGroup=70\nGrants=send\n[Access]\nUser=1000\nGrants=read\n", &press, R },
        { "[Access]\nUser=1000\nGrants=read\n[Access]\nGroup=70\nOutboxMaxBytes=1M\n", &press, R },
        { "[Access]\nUser=1000\nGrants=read\n[Access]\nUser=1001\nGrants=send\n", &press, R },
        { "[Access]\nUser=1000\n[Log]\nLevel=info\n[Access]\nUser=1001\nGrants=send\n", &press, R | S | V },
};

START_TEST(grants_are_what_the_rules_say_or_the_default) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(load(grants[_i].rules, &c, &messages), 0);
        ck_assert_uint_eq(messages.n, 0);
        c.access.group = CLIENT_GROUP;
        ck_assert_uint_eq(access_get_grants(&c.access, grants[_i].peer), grants[_i].grants);
}
END_TEST

static const struct {
        const char *rules;
        uint64_t max_bytes, max_messages; /* of 'press' */
} limits[] = {
        { "", ACCESS_UNSET, ACCESS_UNSET },
        { "[Access]\nUser=1000\nGrants=read\n", ACCESS_UNSET, ACCESS_UNSET },
        { "[Access]\nUser=1000\nOutboxMaxBytes=1M\n", 1 << 20, ACCESS_UNSET },
        { "[Access]\nUser=1000\nOutboxMaxMessages=0\n", ACCESS_UNSET, 0 },
        { "[Access]\nUser=1001\nOutboxMaxBytes=1M\n", ACCESS_UNSET, ACCESS_UNSET },
        { "[Access]\nUser=1000\nOutboxMaxBytes=1M\nOutboxMaxBytes=\n", ACCESS_UNSET, ACCESS_UNSET },
        { "[Access]\nUser=1000\nOutboxMaxBytes=1M\n[Access]\nGroup=70\nOutboxMaxBytes=2M\n", 2 << 20,
          ACCESS_UNSET },
        { "[Access]\nUser=1000\nOutboxMaxBytes=1M\n[Access]\nGroup=70\nOutboxMaxMessages=7\n", 1 << 20, 7 },
};

START_TEST(limits_are_those_of_the_last_rule_that_has_them) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        AccessView view;

        ck_assert_int_eq(load(limits[_i].rules, &c, &messages), 0);
        view = access_get_view(&c.access, &press);
        ck_assert_uint_eq(view.outbox_bytes ? view.outbox_bytes->outbox_max_bytes : ACCESS_UNSET,
                          limits[_i].max_bytes);
        ck_assert_uint_eq(view.outbox_messages ? view.outbox_messages->outbox_max_messages : ACCESS_UNSET,
                          limits[_i].max_messages);
}
END_TEST

static const struct {
        const char *rules;
        uint64_t per_s, burst; /* of 'press' */
} rates[] = {
        { "", ACCESS_UNSET, 0 },
        { "[Access]\nUser=1001\nSendPerSec=5\n", ACCESS_UNSET, 0 },
        { "[Access]\nUser=1000\nSendPerSec=5\n", 5, 5 },
        { "[Access]\nUser=1000\nSendPerSec=5\nSendBurst=0\n", 5, 5 },
        { "[Access]\nUser=1000\nSendBurst=50\nSendPerSec=5\n", 5, 50 },
        { "[Access]\nUser=1000\nSendPerSec=0\n", 0, 0 },
        /* Both are those of one rule. */
        { "[Access]\nUser=1000\nSendPerSec=5\nSendBurst=50\n[Access]\nGroup=70\nSendPerSec=6\n", 6, 6 },
        { "[Access]\nUser=1000\nSendPerSec=5\nSendBurst=50\n[Access]\nGroup=70\nGrants=send\n", 5, 50 },
};

START_TEST(the_rate_is_that_of_the_last_rule_that_has_one) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        AccessView view;

        ck_assert_int_eq(load(rates[_i].rules, &c, &messages), 0);
        view = access_get_view(&c.access, &press);
        ck_assert_uint_eq(view.send ? view.send->send_per_s : ACCESS_UNSET, rates[_i].per_s);
        ck_assert_uint_eq(view.send ? access_rule_burst(view.send) : 0, rates[_i].burst);
}
END_TEST

static const struct {
        const char *rules, *name;
        bool is_allowed; /* to 'press' */
} methods[] = {
        { "", "reboot", true },
        { "[Access]\nUser=1001\nMethods=x\n", "reboot", true },
        { "[Access]\nUser=1000\nMethods=reboot\n", "reboot", true },
        { "[Access]\nUser=1000\nMethods=reboot\n", "reset", false },
        { "[Access]\nUser=1000\nMethods=get*  \treboot\n", "reboot", true },
        { "[Access]\nUser=1000\nMethods=get*\nMethods=reboot\n", "getLog", true },
        { "[Access]\nUser=1000\nMethods=get*\nMethods=\nMethods=reboot\n", "getLog", false },
        { "[Access]\nUser=1000\nMethods=get*\nMethods=\n", "reboot", true },
        { "[Access]\nUser=1000\nMethods=pump\\*reset\n", "pump*reset", true },
        { "[Access]\nUser=1000\nMethods=pump\\*reset\n", "pump2*reset", false },
        /* Of several rules the last one counts. */
        { "[Access]\nUser=1000\nMethods=reboot\n[Access]\nGroup=70\nMethods=get*\n", "reboot", false },
        { "[Access]\nUser=1000\nMethods=reboot\n[Access]\nGroup=70\nGrants=serve\n", "reset", false },
};

START_TEST(methods_are_those_of_the_last_rule_that_names_some) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        AccessView view;

        ck_assert_int_eq(load(methods[_i].rules, &c, &messages), 0);
        view = access_get_view(&c.access, &press);
        ck_assert_int_eq(access_rule_allows_method(view.methods, str(methods[_i].name)),
                         methods[_i].is_allowed);
}
END_TEST

static const struct {
        const char *rules;
        AccessUse use;
        const char *filter;
        unsigned denied_by; /* the number of the rule, for 'press'; 0: it may */
} topics[] = {
        { "", ACCESS_BROKER_SEND, "a/b", 0 },
        { "[Access]\nUser=1001\nBrokerSend=x\n", ACCESS_BROKER_SEND, "a/b", 0 },
        { "[Access]\nUser=1000\nBrokerSend=a/+\n", ACCESS_BROKER_SEND, "a/b", 0 },
        { "[Access]\nUser=1000\nBrokerSend=a/+\n", ACCESS_BROKER_SEND, "a/b/c", 1 },
        { "[Access]\nUser=1000\nBrokerSend=a/+\n", ACCESS_BROKER_WATCH, "a/b/c", 0 },
        { "[Access]\nUser=1000\nBrokerSend=x  a/#\n", ACCESS_BROKER_SEND, "a/b/c", 0 },
        { "[Access]\nUser=1000\nBrokerSend=a/#\nBrokerSend=\n", ACCESS_BROKER_SEND, "b", 0 },
        { "[Access]\nUser=1000\nBrokerWatch=a/#\n", ACCESS_BROKER_WATCH, "a/+/c", 0 },
        { "[Access]\nUser=1000\nBrokerWatch=a/#\n", ACCESS_BROKER_WATCH, "#", 1 },
        { "[Access]\nUser=1000\nBrokerWatch=a/+\n", ACCESS_BROKER_WATCH, "a/#", 1 },
        { "[Access]\nUser=1000\nBrokerServe=a/#\n", ACCESS_BROKER_SERVE, "$share/g/a/x", 0 },
        { "[Access]\nUser=1000\nBrokerInvoke=a\n[Access]\nGroup=70\nBrokerInvoke=b\n", ACCESS_BROKER_INVOKE,
          "a", 2 },
        { "[Access]\nUser=1000\nBrokerInvoke=a\n[Access]\nGroup=70\nGrants=send\n", ACCESS_BROKER_INVOKE, "b",
          1 },
};

START_TEST(topics_are_those_of_the_last_rule_that_names_some) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        const AccessRule *denial;

        ck_assert_int_eq(load(topics[_i].rules, &c, &messages), 0);
        denial = access_find_denial(&c.access, &press, topics[_i].use, str(topics[_i].filter));
        ck_assert_uint_eq(denial ? (size_t) (denial - c.access.rules) + 1 : 0, topics[_i].denied_by);
}
END_TEST

START_TEST(nobody_is_a_user_or_group_that_is_not_known) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        const IpcPeer unknown = IPC_PEER_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(load("[Access]\nUser=nosuchuser\nGrants=admin\n[Access]\nGroup=nosuchgroup\n"
                              "Grants=admin\n",
                              &c, &messages),
                         0);
        ck_assert_ptr_null(access_get_view(&c.access, &unknown).grants);
}
END_TEST

/* As a reload does. */
START_TEST(the_rules_are_replaced_at_once) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {}, next = {};

        ck_assert_int_eq(load("[Access]\nUser=1000\nGrants=read\n", &c, &messages), 0);
        ck_assert_int_eq(load("\n\n[Access]\nUser=1000\nGrants=send\n", &next, &messages), 0);
        c.access.group = CLIENT_GROUP;
        access_swap(&c.access, &next.access);
        ck_assert_uint_eq(access_get_grants(&c.access, &press), S);
        ck_assert_uint_eq(access_get_view(&c.access, &press).grants->line, 3);
        ck_assert_uint_eq(c.access.generation, 1);
        ck_assert_uint_eq(c.access.group, CLIENT_GROUP);
        access_swap(&c.access, &next.access);
        ck_assert_uint_eq(access_get_grants(&c.access, &press), R);
        ck_assert_uint_eq(c.access.generation, 2);
}
END_TEST

#define ALL_KEYS                                                                                          \
        "Group=70\nUnit=a.service\nGrants=read\nMethods=a b\nTwinSection=/a\nSendPerSec=5\nSendBurst=6\n" \
        "OutboxMaxBytes=1M\nOutboxMaxMessages=7\n"

static const struct {
        const char *a, *b;
        bool is_equal;
} pairs[] = {
        { "", "", true },
        { "[Access]\nUser=0\n" ALL_KEYS, "\n\n# elsewhere\n[Access]\nUser=0\n" ALL_KEYS, true },
        { "[Access]\nUser=0\n", "", false },
        { "", "[Access]\nUser=0\n", false },
        { "[Access]\nUser=0\n", "[Access]\nUser=root\n", false },
        { "[Access]\nUser=0\n", "[Access]\nGroup=0\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "Group=71\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "Unit=b.service\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "Grants=send\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "Methods=c\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "TwinSection=/b\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "SendPerSec=7\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "SendBurst=7\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "OutboxMaxBytes=2M\n", false },
        { "[Access]\nUser=0\n" ALL_KEYS, "[Access]\nUser=0\n" ALL_KEYS "OutboxMaxMessages=8\n", false },
};

START_TEST(rules_are_the_same_wherever_they_are_written) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config a = {}, b = {};

        ck_assert_int_eq(load(pairs[_i].a, &a, &messages), 0);
        ck_assert_int_eq(load(pairs[_i].b, &b, &messages), 0);
        ck_assert_int_eq(access_is_equal(&a.access, &b.access), pairs[_i].is_equal);
}
END_TEST

static const struct {
        const char *rules;
        const char *of_press, *of_all; /* NULL: there are none */
} sections[] = {
        { "", NULL, NULL },
        { "[Access]\nUser=1000\nGrants=read\n", NULL, NULL },
        { "[Access]\nUser=1001\nTwinSection=/a\n", NULL, "{\"a\":null}" },
        { "[Access]\nUser=1000\nTwinSection=/a/b\nTwinSection=/a/c\n", "{\"a\":{\"b\":null,\"c\":null}}",
          "{\"a\":{\"b\":null,\"c\":null}}" },
        { "[Access]\nUser=1000\nTwinSection=/a\nTwinSection=\nTwinSection=/b\n", "{\"b\":null}",
          "{\"b\":null}" },
        /* Those of several rules add up; the same one may be in several. */
        { "[Access]\nUser=1000\nTwinSection=/a\n[Access]\nGroup=70\nTwinSection=/b/c\n"
          "[Access]\nUser=1001\nTwinSection=/a\nTwinSection=/d\n",
          "{\"a\":null,\"b\":{\"c\":null}}", "{\"a\":null,\"b\":{\"c\":null},\"d\":null}" },
};

START_TEST(sections_are_those_of_all_rules_for_the_program) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(freep) char *of_press = NULL, *of_all = NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(load(sections[_i].rules, &c, &messages), 0);
        ck_assert_int_eq(access_get_sections(&c.access, &press, &of_press), 0);
        ck_assert_int_eq(access_get_sections(&c.access, NULL, &of_all), 0);
        ck_assert_pstr_eq(of_press, sections[_i].of_press);
        ck_assert_pstr_eq(of_all, sections[_i].of_all);
}
END_TEST

static const struct {
        const char *path, *section, *owner; /* NULL: it is nobody's */
} owners[] = {
        { "/a", "/a", "User=1000" },    { "/a/x/y", "/a", "User=1000" },
        { "/b/c", "/b/c", "Group=70" }, { "/b/c/d", "/b/c", "Group=70" },
        { "/b", "/b/c", "Group=70" },   { "/b/d", NULL, NULL },
        { "/aa", NULL, NULL },
};

START_TEST(a_section_is_found_by_what_is_in_it_or_around_it) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        const AccessRule *rule;
        const char *section;
        char text[64];

        ck_assert_int_eq(load("[Access]\nUser=1000\nTwinSection=/a\n[Access]\nGroup=70\nTwinSection=/b/c\n"
                              "[Access]\nUser=1001\nTwinSection=/a\n",
                              &c, &messages),
                         0);
        rule = access_find_section(&c.access, owners[_i].path, &section);
        ck_assert_int_eq(rule != NULL, owners[_i].owner != NULL);
        if (!rule)
                return;
        ck_assert_str_eq(section, owners[_i].section);
        ck_assert_str_eq(access_rule_describe(rule, text, sizeof(text)), owners[_i].owner);
}
END_TEST

#define EIGHT(text) text text text text text text text text
#define LONG_NAME   EIGHT(EIGHT("1234")) "5"
#define MANY_NAMES  EIGHT(EIGHT("a "))

static const struct {
        const char *text;
        int level;
        unsigned line;
        const char *mentions;
} complaints[] = {
        { "\n[Access]\nGrants=read\n", LOG_ERR, 2, "User=, Group= or Unit=" },
        { "[Access]\nGrants=read\n[Access]\nUser=0\n", LOG_ERR, 1, "User=, Group= or Unit=" },
        { "[Access]\nUser=0\nGrants=read write\n", LOG_ERR, 3, "Grants=read write" },
        { "[Access]\nUser=0\nGrants=read,send\n", LOG_ERR, 3, "Grants=read,send" },
        { "[Access]\nUser=0\nUnit=press\n", LOG_ERR, 3, "press.service" },
        { "[Access]\nUser=0\nUnit=.service\n", LOG_ERR, 3, "press.service" },
        { "[Access]\nUser=0\nOutboxMaxBytes=lots\n", LOG_ERR, 3, "OutboxMaxBytes=lots" },
        { "[Access]\nUser=0\nTwinSection=pump\n", LOG_ERR, 3,
          "TwinSection=pump: a section is a JSON pointer" },
        { "[Access]\nUser=0\nTwinSection=/a.b\n", LOG_ERR, 3, "TwinSection=/a.b: a name must not" },
        { "[Access]\nUser=0\nTwinSection=/a/b\nTwinSection=/a\n", LOG_ERR, 4, "/a/b is one in the rule at" },
        { "[Access]\nUser=0\nTwinSection=/a\n[Access]\nUser=1\nTwinSection=/a/b\n", LOG_ERR, 6,
          "TwinSection=/a/b: a section cannot be inside another, and /a is one in the rule at" },
        { "[Access]\nUser=no such user\n", LOG_WARNING, 2, "User=no such user: there is no such user" },
        { "[Access]\nGroup=nosuchgroup\n", LOG_WARNING, 2, "there is no such group" },
        { "[Access]\nUser=4294967295\n", LOG_WARNING, 2, "there is no such user" },
        { "[Access]\nUser=0\nUsr=0\n", LOG_ERR, 3, "User=" },
        { "[Access]\nUser=0\nGrants=none send\n", LOG_ERR, 3,
          "Grants=none send: none means no grant at all" },
        { "[Access]\nUser=0\nGrants=read none\n", LOG_ERR, 3, "none means no grant at all" },
        { "[Access]\nUser=0\nMethods=get* get[AB]\n", LOG_ERR, 3, "Methods=get* get[AB]: of a pattern only" },
        { "[Access]\nUser=0\nMethods=a\nMethods=" LONG_NAME "\n", LOG_ERR, 4, "at most 256 bytes" },
        { "[Access]\nUser=0\nMethods=" MANY_NAMES "\nMethods=x\n", LOG_ERR, 4, "more than 64" },
        { "[Access]\nUser=0\nSendPerSec=1000001\n", LOG_ERR, 3, "SendPerSec=1000001" },
        { "[Access]\nUser=0\nSendBurst=5\n", LOG_ERR, 1, "SendBurst= is of no meaning without SendPerSec=" },
        { "[Access]\nUser=0\nSendPerSec=5\n[Access]\nUser=0\nSendBurst=5\n", LOG_ERR, 4, "SendBurst=" },
};

START_TEST(a_complaint_names_its_line_and_what_is_wrong) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        int r = load(complaints[_i].text, &c, &messages);

        ck_assert_int_eq(r, complaints[_i].level == LOG_ERR ? CONFIG_INVALID : 0);
        ck_assert_uint_eq(messages.n, 1);
        ck_assert_int_eq(messages.messages[0].level, complaints[_i].level);
        ck_assert_uint_eq(messages.messages[0].line, complaints[_i].line);
        ck_assert_ptr_nonnull(strstr(messages.messages[0].text, complaints[_i].mentions));
}
END_TEST

static const struct {
        const char *text, *complaint; /* NULL: none */
} wholes[] = {
        { "[Access]\nUser=0\nOutboxMaxBytes=64M\nOutboxMaxMessages=10\n", NULL },
        { "[Access]\nUser=0\nOutboxMaxBytes=0\nOutboxMaxMessages=0\n", NULL },
        { "[Access]\nUser=0\nOutboxMaxBytes=65M\n",
          "OutboxMaxBytes=68157440 in this rule limits nothing: all together have MaxBytes=67108864" },
        { "[Access]\nUser=0\nOutboxMaxMessages=11\n",
          "OutboxMaxMessages=11 in this rule limits nothing: all together have MaxMessages=10" },
};

START_TEST(a_limit_above_that_of_all_is_told) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(load(wholes[_i].text, &c, &messages), 0);
        ck_assert_int_eq(access_check_limits(&c.access, 64 << 20, 10, &messages), 0);
        ck_assert_uint_eq(messages.n, wholes[_i].complaint != NULL);
        if (messages.n == 0)
                return;
        ck_assert_int_eq(messages.messages[0].level, LOG_WARNING);
        ck_assert_uint_eq(messages.messages[0].line, 1);
        ck_assert_str_eq(messages.messages[0].text, wholes[_i].complaint);
}
END_TEST

START_TEST(a_rule_for_a_user_who_does_not_exist_is_for_nobody) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};

        ck_assert_int_eq(load("[Access]\nUser=nosuchuser\nGrants=none\n", &c, &messages), 0);
        ck_assert_uint_eq(c.access.n_rules, 1);
        c.access.group = CLIENT_GROUP;
        ck_assert_uint_eq(access_get_grants(&c.access, &root), R | S | V | A);
        ck_assert_uint_eq(access_get_grants(&c.access, &press), R | S | V);
}
END_TEST

START_TEST(there_is_a_limit_to_rules) {
        static const char rule[] = "[Access]\nUser=1\n";
        char text[sizeof(rule) * (ACCESS_RULES_MAX + 1)] = "";

        for (unsigned n = 1; n <= ACCESS_RULES_MAX + 1; n++) {
                _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
                _cleanup_(config_done) Config c = {};

                strcat(text, rule);
                if (n < ACCESS_RULES_MAX)
                        continue;
                ck_assert_int_eq(load(text, &c, &messages), n == ACCESS_RULES_MAX ? 0 : CONFIG_INVALID);
                ck_assert_uint_eq(c.access.n_rules, ACCESS_RULES_MAX);
        }
}
END_TEST

START_TEST(there_is_a_limit_to_sections) {
        for (unsigned n = ACCESS_SECTIONS_MAX; n <= ACCESS_SECTIONS_MAX + 1; n++) {
                _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
                _cleanup_(config_done) Config c = {};
                char text[ACCESS_SECTIONS_MAX * 32] = "[Access]\nUser=1\n";
                size_t used = strlen(text);

                for (unsigned i = 0; i < n; i++)
                        used += (size_t) snprintf(text + used, sizeof(text) - used, "TwinSection=/a/%u\n", i);
                ck_assert_int_eq(load(text, &c, &messages), n == ACCESS_SECTIONS_MAX ? 0 : CONFIG_INVALID);
        }
}
END_TEST

static const struct {
        const char *rule, *text;
} descriptions[] = {
        { "User=root\n", "User=root" },
        { "Group=70\n", "Group=70" },
        { "Unit=press.service\n", "Unit=press.service" },
        { "Unit=press.service\nUser=0\n", "User=0 Unit=press.service" },
        { "Unit=press.service\nGroup=70\nUser=0\n", "User=0 Group=70 Unit=press.service" },
};

START_TEST(a_rule_is_described_by_whom_it_is_for) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        _cleanup_(config_done) Config c = {};
        char text[128];

        (void) snprintf(text, sizeof(text), "[Access]\n%s", descriptions[_i].rule);
        ck_assert_int_eq(load(text, &c, &messages), 0);
        ck_assert_str_eq(access_rule_describe(&c.access.rules[0], text, sizeof(text)), descriptions[_i].text);
}
END_TEST

static Suite *access_suite(void) {
        Suite *s = suite_create("access");
        TCase *programs = tcase_create("programs"), *rules = tcase_create("rules");

        tcase_add_loop_test(programs, grants_are_what_the_rules_say_or_the_default, 0, ELEMENTSOF(grants));
        tcase_add_loop_test(programs, limits_are_those_of_the_last_rule_that_has_them, 0, ELEMENTSOF(limits));
        tcase_add_loop_test(programs, sections_are_those_of_all_rules_for_the_program, 0,
                            ELEMENTSOF(sections));
        tcase_add_loop_test(programs, a_section_is_found_by_what_is_in_it_or_around_it, 0,
                            ELEMENTSOF(owners));
        tcase_add_loop_test(programs, the_rate_is_that_of_the_last_rule_that_has_one, 0, ELEMENTSOF(rates));
        tcase_add_loop_test(programs, methods_are_those_of_the_last_rule_that_names_some, 0,
                            ELEMENTSOF(methods));
        tcase_add_loop_test(programs, topics_are_those_of_the_last_rule_that_names_some, 0,
                            ELEMENTSOF(topics));
        tcase_add_test(programs, nobody_is_a_user_or_group_that_is_not_known);
        tcase_add_test(rules, the_rules_are_replaced_at_once);
        tcase_add_loop_test(rules, rules_are_the_same_wherever_they_are_written, 0, ELEMENTSOF(pairs));
        tcase_add_test(programs, a_rule_for_a_user_who_does_not_exist_is_for_nobody);
        tcase_add_loop_test(rules, a_complaint_names_its_line_and_what_is_wrong, 0, ELEMENTSOF(complaints));
        tcase_add_loop_test(rules, a_limit_above_that_of_all_is_told, 0, ELEMENTSOF(wholes));
        tcase_add_test(rules, there_is_a_limit_to_rules);
        tcase_add_test(rules, there_is_a_limit_to_sections);
        tcase_add_loop_test(rules, a_rule_is_described_by_whom_it_is_for, 0, ELEMENTSOF(descriptions));
        suite_add_tcase(s, programs);
        suite_add_tcase(s, rules);
        return s;
}

UNIT_MAIN(access_suite)
