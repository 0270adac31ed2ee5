/* SPDX-License-Identifier: MIT */
#pragma once

/* What is said of a section, a key or a value that cannot be used, and what may have been meant. */

#include "daemon/config-table.h"

/* Each adds a message about 'item' in 'file'; 0 or -ENOMEM. */

/* There is no such section. *ret_meant is the nearest one, or NULL: none is near. */
int config_mistake_section(ConfigMessages *messages, const char *file, const ConfigItem *item,
                           const char **ret_meant);

/* There is no such key in the section, which is one of the table. */
int config_mistake_key(ConfigMessages *messages, const char *file, const ConfigItem *item,
                       const char *section);

/* The value is 'wrong'. It is quoted, unless it may be a secret that was put in the wrong place. */
int config_mistake_value(ConfigMessages *messages, int level, const char *file, const ConfigItem *item,
                         const ConfigKey *key, const char *wrong);
