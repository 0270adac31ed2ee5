/* SPDX-License-Identifier: MIT */
#include "cli/environment.h"

#include "util/util.h"

#define PREFIX_LENGTH (sizeof(ENVIRONMENT_PROPERTY) - 1)

int environment_set(const char *name, const char *value) {
        int r = value ? setenv(name, value, true) : unsetenv(name);

        return r < 0 ? -errno : 0;
}

/* The name of a variable whose text in 'environ' begins with the prefix; NULL: there is none. */
static char *find_property(void) {
        for (char **entry = environ; *entry; entry++)
                if (strncmp(*entry, ENVIRONMENT_PROPERTY, PREFIX_LENGTH) == 0)
                        return strndup(*entry, strcspn(*entry, "="));
        return NULL;
}

static void clear_properties(void) {
        char *name;

        while ((name = find_property())) {
                (void) unsetenv(name);
                free(name);
        }
}

static bool is_for_names(char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int set_property(const AziotProperty *property) {
        _cleanup_(freep) char *name = malloc(PREFIX_LENGTH + strlen(property->key) + 1);
        char *c;

        if (!name)
                return -ENOMEM;
        c = stpcpy(name, ENVIRONMENT_PROPERTY);
        for (const char *k = property->key; *k; k++)
                *c++ = is_for_names(*k) ? *k : '_';
        *c = 0;
        return setenv(name, property->value, false) < 0 ? -errno : 0;
}

int environment_set_properties(const AziotProperty *properties, size_t n_properties) {
        int r = 0;

        clear_properties();
        for (size_t i = 0; i < n_properties && r == 0; i++)
                r = set_property(&properties[i]);
        return r;
}
