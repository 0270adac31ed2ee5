/* SPDX-License-Identifier: MIT */
#include "cli/properties.h"

#include "util/util.h"

int properties_append(Properties *properties, char *text) {
        char *equals = strchr(text, '=');
        AziotProperty *grown;

        if (!equals || equals == text)
                return -EINVAL;
        grown = reallocarray(properties->items, properties->n_items + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        properties->items = grown;
        *equals = 0;
        properties->items[properties->n_items++] = (AziotProperty){ text, equals + 1 };
        return 0;
}

int properties_add(Properties *properties, char *text) {
        size_t n_key = strcspn(text, "=");

        for (size_t i = 0; i < properties->n_items; i++) {
                const char *key = properties->items[i].key;

                if (text[n_key] && strlen(key) == n_key && memcmp(key, text, n_key) == 0)
                        return -EEXIST;
        }
        return properties_append(properties, text);
}

void properties_done(Properties *properties) {
        free(properties->items);
        *properties = (Properties){};
}
