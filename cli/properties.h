/* SPDX-License-Identifier: MIT */
#pragma once

/* Application properties from the command line, "key=value" each. */

#include "ipc/aziot.h"

typedef struct Properties {
        AziotProperty *items;
        size_t n_items;
} Properties;

/*
 * Adds a property and cuts 'text' at its '='; it must live as long as the list. -EINVAL: it has no key or no
 * '='. -EEXIST: the key is there already. Returns -ENOMEM. 'text' is whole after a failure.
 */
int properties_add(Properties *properties, char *text);

/* The same where a key may be there more than once. */
int properties_append(Properties *properties, char *text);

/* Frees the list, not the texts. */
void properties_done(Properties *properties);
