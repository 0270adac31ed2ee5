/* SPDX-License-Identifier: MIT */

#include "daemon/c2d-message.h"

#include <azure/core/az_span_internal.h>

#define SPAN(literal) AZ_SPAN_LITERAL_FROM_STR(literal)

static const struct {
        az_span name;
        size_t offset;
} system_properties[] = {
        { SPAN("$.mid"), offsetof(C2dProperties, message_id) },
        { SPAN("$.cid"), offsetof(C2dProperties, correlation_id) },
        { SPAN("$.uid"), offsetof(C2dProperties, user_id) },
        { SPAN("$.ct"), offsetof(C2dProperties, content_type) },
        { SPAN("$.ce"), offsetof(C2dProperties, content_encoding) },
        { SPAN("$.exp"), offsetof(C2dProperties, expires) },
};

az_span c2d_request_get_bag(const az_iot_hub_client_c2d_request *request) {
        az_iot_message_properties properties = request->properties;
        const uint8_t *end = NULL;
        uint8_t *start = NULL;
        az_span name, value;

        while (az_result_succeeded(az_iot_message_properties_next(&properties, &name, &value))) {
                if (!start)
                        start = az_span_ptr(name);
                end = ipc_is_absent(value) ? az_span_ptr(name) + az_span_size(name)
                                           : az_span_ptr(value) + az_span_size(value);
        }
        return start ? az_span_create(start, (int32_t) (end - start)) : AZ_SPAN_EMPTY;
}

/* Decodes to *scratch, which moves behind it. Never absent. */
static az_span decode(az_span text, az_span *scratch) {
        az_span decoded;
        int32_t n;

        if (az_span_size(text) == 0)
                return az_span_slice(*scratch, 0, 0);
        if (az_result_failed(_az_span_url_decode(*scratch, text, &n)))
                return text;
        decoded = az_span_slice(*scratch, 0, n);
        if (!az_span_is_valid_utf8(decoded))
                return text;
        *scratch = az_span_slice_to_end(*scratch, n);
        return decoded;
}

static az_span *find_system_property(C2dProperties *p, az_span name) {
        for (size_t i = 0; i < ELEMENTSOF(system_properties); i++)
                if (az_span_is_content_equal(name, system_properties[i].name))
                        return (az_span *) (void *) ((uint8_t *) p + system_properties[i].offset);
        return NULL;
}

static void add_other(C2dProperties *p, az_span name, az_span value) {
        for (size_t i = 0; i < p->n_others; i++)
                if (az_span_is_content_equal(p->others[i].key, name))
                        return;
        if (p->n_others == ELEMENTSOF(p->others))
                p->n_left_out++;
        else
                p->others[p->n_others++] = (IpcMapEntry){ name, value };
}

void c2d_properties_parse(C2dProperties *ret, az_span bag, az_span scratch) {
        az_iot_message_properties properties;
        az_span name, value, *member;

        *ret = (C2dProperties){};
        if (az_result_failed(az_iot_message_properties_init(&properties, bag, az_span_size(bag))))
                return;

        while (az_result_succeeded(az_iot_message_properties_next(&properties, &name, &value))) {
                name = decode(name, &scratch);
                value = decode(value, &scratch);
                member = find_system_property(ret, name);
                if (member && ipc_is_absent(*member))
                        *member = value;
                else if (!member && !az_span_is_content_equal(name, AZ_SPAN_FROM_STR("$.to")))
                        add_other(ret, name, value);
        }
}
