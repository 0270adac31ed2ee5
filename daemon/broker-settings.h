/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The settings of the connection to the broker, as strings: from section [Broker] and the systemd credentials
 * that stand in for it, or from the one other place that it names (aio/settings.h).
 */

#include <aio/settings.h>

#include "daemon/config.h"

/* Each message that the broker sends ahead is remembered: of more the daemon makes so many. */
#define BROKER_RECEIVE_MAX 1024U
/* Messages that programs watch and have not read; one that is alone never has so many. */
#define BROKER_UNACKNOWLEDGED_MAX (2U * BROKER_RECEIVE_MAX)

typedef struct BrokerSettings {
        aio_settings settings;           /* its spans lie in what is below */
        char *strings[_AIO_SETTING_MAX]; /* those of them that are text; NULL: absent */
        char *topic_namespace;           /* NULL: none */
} BrokerSettings;

#define BROKER_SETTINGS_NULL ((BrokerSettings){})

/*
 * Reads them. 'directory' is $CREDENTIALS_DIRECTORY, or NULL. Blocks for as long as reading a small file
 * takes; the files with tokens, keys and passwords are not read.
 *
 * 0: *ret is to be released with broker_settings_done(). CONFIG_INVALID: 'messages' says what is missing or
 * wrong. -ENOMEM.
 */
int broker_settings_load(BrokerSettings *ret, const Config *c, const char *directory,
                         ConfigMessages *messages);

void broker_settings_done(BrokerSettings *s);

/* Whether both describe the same connection. */
bool broker_settings_are_equal(const BrokerSettings *a, const BrokerSettings *b);
