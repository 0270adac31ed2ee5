/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may do what: the [Access] sections of the configuration, each a rule, and what they come to for a
 * program as the kernel told who it was when it connected.
 *
 * A rule holds for the programs that match all that it sets of user, group and unit. All rules that match a
 * program hold for it, in the order in which they were read: of what several of them set, the last one
 * counts; sections of the twin add up. What none sets is as without rules.
 */

#include "daemon/config-file.h"
#include "ipc/peer.h"

/* Each call of a program may look at all of them. */
#define ACCESS_RULES_MAX 256U

/* Of all rules: each is looked for in each document and patch of the twin. */
#define ACCESS_SECTIONS_MAX 256U

/* A limit that a rule does not set; 0 means that there is none. */
#define ACCESS_UNSET UINT64_MAX

/* A user or a group, by name or number. */
typedef struct AccessWho {
        char *name;  /* as it was written; NULL: any */
        uint32_t id; /* (uint32_t) -1, which the kernel never says: there is no such user or group */
} AccessWho;

/* JSON pointers that passed twin_section_check(). */
typedef struct AccessSections {
        char **pointers;
        size_t n;
} AccessSections;

typedef struct AccessRule {
        /* Where it begins. */
        char *file;
        unsigned line;

        AccessWho user, group;
        char *unit;      /* NULL: any, or none */
        unsigned grants; /* IpcGrant bits and ACCESS_GRANTS_SET, or 0 */
        AccessSections twin_sections;
        uint64_t outbox_max_bytes, outbox_max_messages;
} AccessRule;

/* Tells the grants of nobody from grants that a rule does not set. */
#define ACCESS_GRANTS_SET (1U << 31)

typedef struct Access {
        AccessRule *rules;
        size_t n_rules;
        AccessRule draft; /* the one that is being read; without a file: none */
} Access;

#define ACCESS_RULE_NULL \
        ((AccessRule){ .outbox_max_bytes = ACCESS_UNSET, .outbox_max_messages = ACCESS_UNSET })
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

/* Whom the rule is for, as in "User=press Unit=press.service", cut to 'size'. */
const char *access_rule_describe(const AccessRule *rule, char *buffer, size_t size);

/*
 * What the rules grant, or else ipc_peer_default_grants(); nothing if it is not known whether a rule for a
 * unit holds.
 */
unsigned access_get_grants(const Access *a, const IpcPeer *peer, gid_t group);

typedef struct AccessLimits {
        uint64_t max_bytes, max_messages; /* ACCESS_UNSET: no rule says */
} AccessLimits;

/* What a program may have in the outbox. */
AccessLimits access_get_outbox_limits(const Access *a, const IpcPeer *peer);

/*
 * The set of sections (twin-section.h) of a program's own, or, if 'peer' is NULL, of anybody's; to be freed.
 * NULL in *ret: there is none. 0; -ENOMEM.
 */
int access_get_sections(const Access *a, const IpcPeer *peer, char **ret);

/* The first rule with a section that 'path' is in, or is around; NULL: there is none. */
const AccessRule *access_find_section(const Access *a, const char *path, const char **ret_section);
