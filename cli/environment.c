/* SPDX-License-Identifier: MIT */
#include "cli/environment.h"

#include "util/util.h"

int environment_set(const char *name, const char *value) {
        int r = value ? setenv(name, value, true) : unsetenv(name);

        return r < 0 ? -errno : 0;
}

/* The name of a variable whose text in 'environ' begins with the prefix; NULL: there is none. */
static char *find_variable(const char *prefix) {
        for (char **entry = environ; *entry; entry++)
                if (strncmp(*entry, prefix, strlen(prefix)) == 0)
                        return strndup(*entry, strcspn(*entry, "="));
        return NULL;
}

void environment_clear(const char *prefix) {
        char *name;

        while ((name = find_variable(prefix))) {
                (void) unsetenv(name);
                free(name);
        }
}

static bool is_for_names(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

int environment_add(const char *prefix, const char *key, const char *value) {
        _cleanup_(freep) char *name = malloc(strlen(prefix) + strlen(key) + 1);
        char *c;

        if (!name)
                return -ENOMEM;
        c = stpcpy(name, prefix);
        for (const char *k = key; *k; k++)
                *c++ = is_for_names(*k) ? *k : '_';
        *c = 0;
        return setenv(name, value, false) < 0 ? -errno : 0;
}

int environment_set_properties(const AziotProperty *properties, size_t n_properties) {
        int r = 0;

        environment_clear(ENVIRONMENT_PROPERTY);
        for (size_t i = 0; i < n_properties && r == 0; i++)
                r = environment_add(ENVIRONMENT_PROPERTY, properties[i].key, properties[i].value);
        return r;
}
