/* SPDX-License-Identifier: MIT */

#include "daemon/hub-uplink.h"

#include "daemon/hub-link.h"
#include "daemon/telemetry-message.h"

static unsigned window_free(void *userdata) {
        return hub_link_window_free(userdata);
}

static int publish(void *userdata, const UplinkMessage *message) {
        bool is_named = message->flags & TELEMETRY_HAS_MESSAGE_ID;
        int r;

        r = hub_link_publish(userdata, message->properties,
                             is_named ? AZ_SPAN_EMPTY : az_span_create_from_str((char *) message->id),
                             message->body, message->token);
        return r == HUB_LINK_UNSENDABLE ? UPLINK_UNSENDABLE : r;
}

static void fail(void *userdata, int error) {
        hub_link_fail(userdata, error);
}

static void add_notice(void *userdata, Problem problem, int error, const char *detail) {
        hub_link_add_notice(userdata, problem, error, detail);
}

static void remove_notice(void *userdata, Problem problem) {
        hub_link_remove_notice(userdata, problem);
}

const UplinkOps hub_uplink_ops = {
        .cloud = "hub",
        .window_free = window_free,
        .publish = publish,
        .fail = fail,
        .add_notice = add_notice,
        .remove_notice = remove_notice,
};
