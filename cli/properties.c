/* SPDX-License-Identifier: MIT */
#include "cli/properties.h"

#include "util/util.h"

int properties_add(Properties *properties, char *text) {
        char *equals = strchr(text, '=');
        AziotProperty *grown;

        if (!equals || equals == text)
                return -EINVAL;
        for (size_t i = 0; i < properties->n_items; i++) {
                const char *key = properties->items[i].key;

                if (strlen(key) == (size_t) (equals - text) && memcmp(key, text, strlen(key)) == 0)
                        return -EEXIST;
        }

        grown = reallocarray(properties->items, properties->n_items + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        properties->items = grown;
        *equals = 0;
        properties->items[properties->n_items++] = (AziotProperty){ text, equals + 1 };
        return 0;
}

void properties_done(Properties *properties) {
        free(properties->items);
        *properties = (Properties){};
}
