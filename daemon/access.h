/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may do what: the [Access] sections of the configuration, each a rule, and what they come to for a
 * program as the kernel told who it was when it connected.
 *
 * A rule holds for the programs that match all that it sets of user, group and unit. All rules that match a
 * program hold for it, in the order in which they were read: of what several of them set, the last one
 * counts; sections of the twin add up. What none sets is as without rules.
 *
 * A reload replaces all rules at once (access_swap()). Whoever keeps what he found in them keeps the
 * generation as well, and looks again when that is another.
 */

#include <limits.h>

#include "daemon/config-file.h"
#include "ipc/peer.h"

/* Each call of a program may look at all of them. */
#define ACCESS_RULES_MAX 256U

/* Of all rules: each is looked for in each document and patch of the twin. */
#define ACCESS_SECTIONS_MAX 256U

/* Of one rule: each is tried on each name that a program wants to serve. */
#define ACCESS_METHODS_MAX 64U

/* Of one rule and use: each is looked at for each topic. */
#define ACCESS_FILTERS_MAX 64U

/* What programs use topics of the broker for. */
typedef enum AccessUse {
        ACCESS_BROKER_SEND,
        ACCESS_BROKER_WATCH,
        ACCESS_BROKER_INVOKE,
        ACCESS_BROKER_SERVE,
        _ACCESS_USE_MAX,
} AccessUse;

/* The words of io.aziotd.device. */
const char *access_use_to_string(AccessUse use);

/* A limit that a rule does not set; 0 means that there is none. */
#define ACCESS_UNSET UINT64_MAX

/* What the kernel never says: there is no such user or group. */
#define ACCESS_NOBODY UINT32_MAX

/* A user or a group, by name or number. */
typedef struct AccessWho {
        char *name; /* as it was written; NULL: any */
        uint32_t id;
} AccessWho;

typedef struct AccessTexts {
        char **items;
        size_t n;
} AccessTexts;

typedef struct AccessRule {
        /* Where it begins. */
        char *file;
        unsigned line;

        AccessWho user, group;
        char *unit;          /* NULL: any, or none */
        unsigned grants;     /* IpcGrant bits and ACCESS_GRANTS_SET, or 0 */
        AccessTexts methods; /* patterns that passed glob_check(); none: the rule does not say */
        AccessTexts filters[_ACCESS_USE_MAX]; /* valid ones of MQTT; none: the rule does not say */
        AccessTexts twin_sections;            /* JSON pointers that passed twin_section_check() */
        uint64_t outbox_max_bytes, outbox_max_messages;
        uint64_t send_per_s,
                send_burst; /* burst 0: what comes in a second; of no meaning without the other */
} AccessRule;

/* Tells the grants of nobody from grants that a rule does not set. */
#define ACCESS_GRANTS_SET (1U << 31)

typedef struct Access {
        AccessRule *rules;
        size_t n_rules;
        AccessRule draft;    /* the one that is being read; without a file: none */
        uint64_t generation; /* rises when the rules are replaced */
        gid_t group; /* whose members may read, send and serve if no rule says otherwise; 0: nobody's */
} Access;

#define ACCESS_RULE_NULL                                    \
        ((AccessRule){ .outbox_max_bytes = ACCESS_UNSET,    \
                       .outbox_max_messages = ACCESS_UNSET, \
                       .send_per_s = ACCESS_UNSET,          \
                       .send_burst = ACCESS_UNSET })
#define ACCESS_NULL ((Access){ .draft = ACCESS_RULE_NULL })

void access_done(Access *a);

/*
 * Begins the rule whose section is at this place, unless that is the draft already, and ends the one before.
 * 0; -ENOMEM. What is wrong with a rule is an error in 'messages'.
 */
int access_begin_rule(Access *a, const char *file, unsigned line, ConfigMessages *messages);
int access_end_rule(Access *a, ConfigMessages *messages);

/*
 * Looks at the section that was added to the draft last, in this line: an error in 'messages' if it is in one
 * of another pointer or around it, so that it would not be clear whose the inner one is. 0; -ENOMEM.
 */
int access_check_section(const Access *a, unsigned line, ConfigMessages *messages);

/* Adds warnings for limits that do nothing, because all programs together have no more. -ENOMEM. */
int access_check_limits(const Access *a, uint64_t outbox_max_bytes, uint64_t outbox_max_messages,
                        ConfigMessages *messages);

/*
 * Replaces the rules of 'a', but not its group, by those of 'other', which gets the old ones. Rules that were
 * found before are not to be used any more.
 */
void access_swap(Access *a, Access *other);

/* Whether both come to the same for every program, wherever it is written. */
bool access_is_equal(const Access *a, const Access *b);

/* Whom the rule is for, as in "User=press Unit=press.service", cut to 'size'. */
#define ACCESS_WHOM_SIZE 512U
const char *access_rule_describe(const AccessRule *rule, char *buffer, size_t size);

/* Where the rule is, as in "/etc/aziotd/aziotd.conf:12". */
#define ACCESS_PLACE_SIZE (PATH_MAX + 12)
const char *access_rule_place(const AccessRule *rule, char buffer[static ACCESS_PLACE_SIZE]);

bool access_rule_matches(const AccessRule *rule, const IpcPeer *peer);

/* How many messages it lets be sent at once, if it limits them. */
uint64_t access_rule_burst(const AccessRule *rule);

/* Of each key the rule that counts for a program; NULL: none sets it. */
typedef struct AccessView {
        const AccessRule *grants, *methods, *send, *outbox_bytes, *outbox_messages;
        const AccessRule *filters[_ACCESS_USE_MAX];
} AccessView;

AccessView access_get_view(const Access *a, const IpcPeer *peer);

/*
 * What the rules grant, or else ipc_peer_default_grants(); nothing if it is not known whether a rule for a
 * unit holds.
 */
unsigned access_get_grants(const Access *a, const IpcPeer *peer);

/* Whether its process had ended when its unit was looked up, and it matters. */
bool access_is_unit_unknown(const Access *a, const IpcPeer *peer);

/* Whether a direct method may be served by whom AccessView.methods is for, which may be NULL. */
bool access_rule_allows_method(const AccessRule *methods, az_span name);

/*
 * The rule by which a program may not use a topic of the broker, or all that a filter matches; NULL: it may.
 * The grant is another matter.
 */
const AccessRule *access_find_denial(const Access *a, const IpcPeer *peer, AccessUse use, az_span filter);

/*
 * The set of sections (twin-section.h) of a program's own, or, if 'peer' is NULL, of anybody's; to be freed.
 * NULL in *ret: there is none. 0; -ENOMEM.
 */
int access_get_sections(const Access *a, const IpcPeer *peer, char **ret);

/* The first rule with a section that 'path' is in, or is around; NULL: there is none. */
const AccessRule *access_find_section(const Access *a, const char *path, const char **ret_section);

/* The first rule that gives a program a section of its own; NULL: none does. */
const AccessRule *access_find_own_section(const Access *a, const IpcPeer *peer);
