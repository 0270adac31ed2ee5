/* SPDX-License-Identifier: MIT */

#include "hubsim/topic.h"

#include "hubsim/percent.h"

/* A status is a 16-bit number to every SDK that reads one. */
#define STATUS_MAX 65535U

/* Wire name in the property bag, and what the hub's back end calls it. */
static const struct {
        const char *name, *system_name;
} system_properties[] = {
        { "$.mid", "message-id" },
        { "$.cid", "correlation-id" },
        { "$.uid", "user-id" },
        { "$.to", "to" },
        { "$.ct", "content-type" },
        { "$.ce", "content-encoding" },
        { "$.ctime", "iothub-creation-time-utc" },
        { "$.exp", "absolute-expiry-time" },
        { "$.sub", "dt-subject" },
        { "$.on", "iothub-output-name" },
        { "$.ifid", "iothub-interface-id" },
        { "$.diagid", "diagnostic-id" },
        { "$.diagctx", "diagnostic-context" },
        { "iothub-interface-id", "iothub-interface-id" },
};

/* What a device may subscribe to besides its own C2D topics. */
static const char *const filters[] = {
        "$iothub/methods/POST/#",
        "$iothub/twin/res/#",
        "$iothub/twin/PATCH/properties/desired/#",
        "$iothub/credentials/res/#",
};

static bool parse_request_id(az_span query, az_span *ret) {
        if (!span_skip_prefix(&query, AZ_SPAN_FROM_STR("/?$rid=")) || az_span_size(query) == 0)
                return false;

        *ret = query;
        return true;
}

/* "{status}/?$rid={rid}" */
static int parse_method_response(az_span rest, Topic *ret) {
        unsigned status = 0;
        int32_t n = 0;

        for (; n < az_span_size(rest) && az_span_ptr(rest)[n] >= '0' && az_span_ptr(rest)[n] <= '9'; n++) {
                status = status * 10 + (unsigned) (az_span_ptr(rest)[n] - '0');
                if (status > STATUS_MAX)
                        return -EBADMSG;
        }
        if (n == 0 || !parse_request_id(az_span_slice_to_end(rest, n), &ret->request_id))
                return -EBADMSG;

        ret->kind = TOPIC_METHOD_RESPONSE;
        ret->status = status;
        return 0;
}

int topic_parse(az_span topic, az_span device, Topic *ret) {
        Topic t = {};
        az_span rest = topic;
        int r;

        if (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/methods/res/"))) {
                r = parse_method_response(rest, &t);
                if (r < 0)
                        return r;
        } else if (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/twin/GET"))) {
                t.kind = TOPIC_TWIN_GET;
                if (!parse_request_id(rest, &t.request_id))
                        return -EBADMSG;
        } else if (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("$iothub/twin/PATCH/properties/reported"))) {
                t.kind = TOPIC_TWIN_PATCH;
                if (!parse_request_id(rest, &t.request_id))
                        return -EBADMSG;
        } else if (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("devices/")) && span_skip_prefix(&rest, device) &&
                   span_skip_prefix(&rest, AZ_SPAN_FROM_STR("/messages/events/"))) {
                t.kind = TOPIC_TELEMETRY;
                t.properties = rest;
        } else
                return -EBADMSG;

        *ret = t;
        return 0;
}

bool topic_filter_is_allowed(az_span filter, az_span device) {
        az_span rest = filter;

        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                if (span_equals(filter, filters[i]))
                        return true;

        return span_skip_prefix(&rest, AZ_SPAN_FROM_STR("devices/")) &&
               (span_skip_prefix(&rest, AZ_SPAN_FROM_STR("+")) || span_skip_prefix(&rest, device)) &&
               span_equals(rest, "/messages/devicebound/#");
}

/* The names and values of a bag are written with everything but letters, digits and "-_.~" escaped; of what
 * is not, these cost the device its connection. */
static bool decode_bag_text(az_span text, az_span *scratch, az_span *ret) {
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (memchr("/#+ =", az_span_ptr(text)[i], 5))
                        return false;

        return percent_decode(text, scratch, ret) && az_span_is_valid_utf8(*ret);
}

int topic_property_next(az_span *bag, az_span *scratch, Property *ret) {
        az_span value, name;
        Property p = {};
        bool more;

        if (az_span_size(*bag) == 0)
                return 0;

        more = az_span_ptr(*bag)[az_span_size(*bag) - 1] == '&';
        value = span_take_until(bag, '&');
        if (more && az_span_size(*bag) == 0)
                return -EBADMSG; /* a pair is missing behind the last '&' */
        if (!memchr(az_span_ptr(value), '=', (size_t) az_span_size(value)))
                return -EBADMSG;
        name = span_take_until(&value, '=');
        if (az_span_size(name) == 0 || !decode_bag_text(name, scratch, &p.name) ||
            !decode_bag_text(value, scratch, &p.value))
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(system_properties); i++)
                if (span_equals(p.name, system_properties[i].name))
                        p.system_name = system_properties[i].system_name;

        *ret = p;
        return 1;
}
