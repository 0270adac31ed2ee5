/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Every key of the configuration, as rows: what daemon/config.c decodes by, and what conf/aziotd.conf and
 * aziotd.conf(5) are written from (daemon/config-doc.c).
 */

#include "daemon/config.h"

typedef enum ConfigType {
        CONFIG_STRING,    /* char * */
        CONFIG_HOST,      /* char *; the name of a host */
        CONFIG_NAMESPACE, /* char *; what stands in front of topics */
        CONFIG_ID,        /* char *; of a device or module */
        CONFIG_PATH_NAME, /* char *, absolute */
        CONFIG_NUMBER,    /* uint64_t */
        CONFIG_SECONDS,   /* uint64_t; "90", "90s", "1min 30s", "2h", "1d"; "infinity" is 0 where 0 is allowed
                           */
        CONFIG_BYTES,     /* uint64_t; "1048576", "64M", "2G" */
        CONFIG_ENUM,      /* int; index into names + min */
        CONFIG_PROXY,     /* char *; "http://host:port" */
        CONFIG_USER,      /* AccessWho */
        CONFIG_GROUP,     /* AccessWho */
        CONFIG_UNIT,      /* char *; "press.service" */
        CONFIG_SECTION,   /* AccessTexts, one more; a JSON pointer */
        CONFIG_PATTERNS,  /* AccessTexts, some more; patterns of names */
        CONFIG_FILTERS,   /* AccessTexts, some more; filters of MQTT */
        CONFIG_GRANTS,    /* unsigned, as of AccessRule; words of 'names', the first of which is for none */
        _CONFIG_TYPE_MAX,
} ConfigType;

/* How a reload takes a change of the key up. */
typedef enum ConfigApply {
        CONFIG_APPLY_LIVE,      /* at once */
        CONFIG_APPLY_RECONNECT, /* with the next connection; a link that is up is renewed, unnoticed by
                                   programs */
        CONFIG_APPLY_RESTART,   /* not at all: the daemon has to be started again */
        _CONFIG_APPLY_MAX,
} ConfigApply;

/* The words of io.aziotd.device. */
const char *config_apply_to_string(ConfigApply apply);

typedef struct ConfigKey {
        const char *section, *key;
        ConfigType type;
        ConfigApply apply;
        size_t offset; /* into Config; of a rule: of the draft */
        uint64_t min, max;
        const char
                *default_text; /* as it would be written in the file; NULL: nothing, as a number UINT64_MAX */
        const char *const *names; /* of an enum or of grants, ended by NULL */
        const char *credential;   /* the systemd credential that takes its place; NULL: none does */
        const char *help;         /* sentences for the manual page and the file */
} ConfigKey;

/* Whether it is one of section [Access], which is there as often as there are rules. */
bool config_key_is_of_rule(const ConfigKey *key);

/* Ended by a row without a section; keys of a section stand together. */
extern const ConfigKey config_table[];

/* What is said of each section, in the order of the table; ended by a row without a name. */
extern const struct ConfigSection { const char *name, *help; } config_sections[];
