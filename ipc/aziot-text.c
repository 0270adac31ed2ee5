/* SPDX-License-Identifier: MIT */

/* Texts for programs and for people. */

#include "ipc/aziot-internal.h"

#include <azure/core/az_json.h>

#include "ipc/rfc3339.h"

static const char *condition_text(int result) {
        switch ((AziotResult) result) {
        case AZIOT_FULL:
                return "Too many calls wait for their replies";
        case AZIOT_GONE:
                return "It has ended already";
        case AZIOT_ABSENT:
                return "There is no such member";
        case AZIOT_REFUSED:
                break;
        }
        return "Success";
}

static void explain_failure(Aziot *a, int error) {
        const char *path = a->address.sun_path;
        char *to = a->explanation;
        size_t size = sizeof(a->explanation);

        switch (error) {
        case ENOENT:
                (void) snprintf(to, size,
                                "There is no socket at %s: aziotd is not running, or listens elsewhere",
                                path);
                break;
        case ECONNREFUSED:
                (void) snprintf(to, size, "Nobody listens at %s: aziotd is not running", path);
                break;
        case EACCES:
                (void) snprintf(to, size, "You may not connect to %s: only root and the group 'aziot' may",
                                path);
                break;
        case ECONNRESET:
                (void) snprintf(to, size, "aziotd at %s closed the connection; its log says why", path);
                break;
        case ETIME:
                (void) snprintf(to, size, "aziotd at %s did not answer in time", path);
                break;
        case EBADMSG:
                (void) snprintf(to, size, "What listens at %s is not aziotd", path);
                break;
        default:
                (void) snprintf(to, size, "%s", strerror(error));
        }
}

_public_ const char *aziot_explain(Aziot *a, int result) {
        if (result < 0)
                explain_failure(a, -result);
        else if (result == AZIOT_REFUSED)
                (void) snprintf(a->explanation, sizeof(a->explanation), "%s (%s %s)", a->error.text,
                                a->error.name, a->error.parameters);
        else
                (void) snprintf(a->explanation, sizeof(a->explanation), "%s", condition_text(result));
        return a->explanation;
}

/* JSON ------------------------------------------------------------------------------------------------ */

/* Finds a member of an object, whose value is *ret then. */
static int find_member(az_span object, az_span name, az_span *ret) {
        az_json_reader reader;
        az_result r;

        r = az_json_reader_init(&reader, object, NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_failed(r) || reader.token.kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EINVAL;

        for (;;) {
                az_json_token member;
                az_span value;

                r = az_json_reader_next_token(&reader);
                if (az_result_succeeded(r) && reader.token.kind == AZ_JSON_TOKEN_END_OBJECT)
                        return AZIOT_ABSENT;
                member = reader.token;
                if (az_result_succeeded(r))
                        r = az_json_reader_read_value_text(&reader, &value);
                if (az_result_failed(r))
                        return -EINVAL;
                if (az_json_token_is_text_equal(&member, name)) {
                        *ret = value;
                        return 0;
                }
        }
}

_public_ int aziot_json_find(const char *json, size_t size, const char *path, const char **ret_value,
                             size_t *ret_size) {
        az_span value, rest = az_span_create_from_str((char *) path);
        int r;

        if (size > INT32_MAX)
                return -EINVAL;
        value = az_span_create((uint8_t *) json, (int32_t) size);
        for (;;) {
                int32_t dot = az_span_find(rest, AZ_SPAN_FROM_STR("."));

                r = find_member(value, dot < 0 ? rest : az_span_slice(rest, 0, dot), &value);
                if (r != 0)
                        return r;
                if (dot < 0)
                        break;
                if (*az_span_ptr(value) != '{')
                        return AZIOT_ABSENT;
                rest = az_span_slice_to_end(rest, dot + 1);
        }

        *ret_value = (const char *) az_span_ptr(value);
        *ret_size = (size_t) az_span_size(value);
        return 0;
}

_public_ int aziot_json_get_text(const char *value, size_t size, char *buffer, size_t buffer_size) {
        az_json_reader reader;
        az_result r;

        if (size > INT32_MAX || buffer_size == 0)
                return -EINVAL;
        r = az_json_reader_init(&reader, az_span_create((uint8_t *) value, (int32_t) size), NULL);
        if (az_result_succeeded(r))
                r = az_json_reader_next_token(&reader);
        if (az_result_failed(r) || reader.token.kind != AZ_JSON_TOKEN_STRING)
                return -EINVAL;

        r = az_json_token_get_string(&reader.token, buffer, (int32_t) MIN(buffer_size, (size_t) INT32_MAX),
                                     NULL);
        return az_result_failed(r) ? -ENOSPC : 0;
}

/* Errors ---------------------------------------------------------------------------------------------- */

/* The errors that a person meets, in their words. */
static const struct {
        const char *name, *text;
} errors[] = {
        { "io.aziotd.telemetry.OutboxFull", "the outbox is full, nothing was stored" },
        { "io.aziotd.telemetry.RateExceeded",
          "this user sends more messages in a second than it may, nothing was stored" },
        { "io.aziotd.telemetry.StorageFailed", "the disk failed, nothing is promised about the message" },
        { "io.aziotd.telemetry.NotDelivered", "the message has not reached the stage that was asked for" },
        { "io.aziotd.telemetry.MessageTooLarge", "the message is larger than the hub takes" },
        { "io.aziotd.telemetry.InvalidMessage", "the message is not as the hub wants it" },
        { "io.aziotd.methods.NameClaimed", "another user serves this method" },
        { "io.aziotd.methods.NotYourMethod", "this program may not serve this method" },
        { "io.aziotd.methods.CallGone", "nobody waits for this answer any more" },
        { "io.aziotd.methods.InvalidAnswer", "the answer cannot be sent to the hub" },
        { "io.aziotd.methods.TooManyTakers", "this user has too many workers waiting" },
        { "io.aziotd.methods.TooManyUnsettled", "this program has too many calls that it has not answered" },
        { "io.aziotd.messages.MessageGone", "the message is not this program's any more" },
        { "io.aziotd.messages.StorageFailed", "the disk failed, the message will be given out again" },
        { "io.aziotd.messages.TooManyTakers", "this user has too many workers waiting" },
        { "io.aziotd.messages.TooManyUnsettled",
          "this program has too many messages that it has not settled" },
        { "io.aziotd.device.TooManyConnections", "this user, or all together, have too many connections" },
        { "io.aziotd.device.OutOfMemory", "aziotd has no memory for this call" },
        { "io.aziotd.device.NotProvisioned", "the configuration names no provisioning service" },
        { "io.aziotd.twin.TwinUnavailable",
          "nothing is known of the twin before the device has been online" },
        { "io.aziotd.twin.PatchRefused", "the hub does not take this patch" },
        { "io.aziotd.twin.InvalidPatch", "the hub would not take this patch" },
        { "io.aziotd.twin.NotYourSection", "this part of the twin is not this program's to write" },
        { "io.aziotd.twin.TwinFull", "too much that was reported waits to be sent, nothing was stored" },
        { "io.aziotd.twin.StorageFailed",
          "the disk failed, what was reported is sent unless aziotd ends before" },
        { "io.aziotd.broker.NoBroker", "the configuration names no broker" },
        { "io.aziotd.broker.TopicDenied", "this program may not use this topic" },
        { "io.aziotd.broker.OutboxFull", "the outbox is full, nothing was stored" },
        { "io.aziotd.broker.RateExceeded",
          "this user sends more messages in a second than it may, nothing was stored" },
        { "io.aziotd.broker.StorageFailed", "the disk failed, nothing is promised about the message" },
        { "io.aziotd.broker.NotDelivered", "the message has not reached the stage that was asked for" },
        { "io.aziotd.broker.MessageTooLarge", "the message is larger than aziotd takes" },
        { "io.aziotd.broker.InvalidMessage", "the message is not as it should be" },
        { "io.aziotd.broker.SubscriptionRefused", "the broker does not let this device subscribe" },
        { "io.aziotd.broker.CommandFailed", "the command has failed" },
        { "io.aziotd.broker.NameClaimed", "another program serves this topic, in another way" },
        { "io.aziotd.broker.RequestGone", "nobody waits for this answer any more" },
        { "io.aziotd.broker.TooManyTakers", "this user has too many workers waiting" },
        { "io.aziotd.broker.TooManyUnsettled",
          "this program has too many requests that it has not answered" },
        { "io.aziotd.broker.TooManyServices", "too many topics are served" },
        { "io.aziotd.broker.TooManyInvocations", "this user waits for too many commands" },
        { "org.varlink.service.PermissionDenied",
          "this program may not do that; [Access] in aziotd.conf(5) says who may" },
        { "org.varlink.service.InvalidParameter", "aziotd does not take this parameter" },
        { "org.varlink.service.InterfaceNotFound", "aziotd has no such interface" },
        { "org.varlink.service.MethodNotFound", "the interface has no such method" },
};

static bool get_member(az_span parameters, const char *name, char *buffer, size_t buffer_size) {
        const char *value;
        size_t size;

        return aziot_json_find((const char *) az_span_ptr(parameters), (size_t) az_span_size(parameters),
                               name, &value, &size) == 0 &&
               aziot_json_get_text(value, size, buffer, buffer_size) == 0;
}

/* Whose limit a message met; NULL: that of the outbox. */
static const char *find_limit_text(az_span name, az_span parameters) {
        char limit[32];

        if ((!az_span_is_content_equal(name, AZ_SPAN_FROM_STR("io.aziotd.telemetry.OutboxFull")) &&
             !az_span_is_content_equal(name, AZ_SPAN_FROM_STR("io.aziotd.broker.OutboxFull"))) ||
            !get_member(parameters, "limit", limit, sizeof(limit)) || strcmp(limit, "application") != 0)
                return NULL;
        return "the messages of this user take all the room that they may have in the outbox, nothing was "
               "stored";
}

static const char *find_error_text(az_span name, az_span parameters) {
        const char *text = find_limit_text(name, parameters);

        if (text)
                return text;
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) errors[i].name)))
                        return errors[i].text;
        return "aziotd refused";
}

/* What the protocol says of a command in its own words. */
static bool format_command_failed(az_span name, az_span parameters,
                                  char buffer[static AZIOT_ERROR_TEXT_SIZE]) {
        char message[256];

        if (!az_span_is_content_equal(name, AZ_SPAN_FROM_STR("io.aziotd.broker.CommandFailed")) ||
            !get_member(parameters, "message", message, sizeof(message)))
                return false;
        (void) snprintf(buffer, AZIOT_ERROR_TEXT_SIZE, "the command has failed: %s", message);
        return true;
}

void aziot_format_error(az_span name, az_span parameters, char buffer[static AZIOT_ERROR_TEXT_SIZE]) {
        char grant[32], rule[256];

        if (format_command_failed(name, parameters, buffer))
                return;
        if (!az_span_is_content_equal(name, AZ_SPAN_FROM_STR("org.varlink.service.PermissionDenied")) ||
            !get_member(parameters, "grant", grant, sizeof(grant)))
                (void) snprintf(buffer, AZIOT_ERROR_TEXT_SIZE, "%s", find_error_text(name, parameters));
        else if (get_member(parameters, "rule", rule, sizeof(rule)))
                (void) snprintf(buffer, AZIOT_ERROR_TEXT_SIZE,
                                "this program may not do that: it needs the grant '%s', which the rule at %s "
                                "does not give",
                                grant, rule);
        else
                (void) snprintf(buffer, AZIOT_ERROR_TEXT_SIZE,
                                "this program may not do that: it needs the grant '%s'; [Access] in "
                                "aziotd.conf(5) says who has it",
                                grant);
}

/* Time ------------------------------------------------------------------------------------------------ */

_public_ int aziot_parse_time(const char *text, uint64_t *ret_realtime_us) {
        return rfc3339_parse(az_span_create_from_str((char *) text), ret_realtime_us);
}
