/* SPDX-License-Identifier: MIT */

#include "daemon/sender.h"

#include <inttypes.h>

/* A full outbox empties at the pace of the link; a segment is prepared in milliseconds. */
#define RETRY_FULL_MS 1000
#define RETRY_BUSY_MS 20

static const IpcPeer *call_get_peer(const IpcCall *call) {
        return ipc_connection_get_peer(ipc_call_get_connection(call));
}

/* A rule comes before what holds for all. */
void sender_find_limits(const Sender *s, SenderClient *client, const IpcPeer *peer) {
        const Config *c = s->config;
        AccessView rules = access_get_view(&c->access, peer);

        client->generation = c->access.generation;
        client->limits = (OutboxLimits){
                .max_bytes = rules.outbox_bytes ? rules.outbox_bytes->outbox_max_bytes
                                                : c->outbox.max_bytes_per_application,
                .max_messages = rules.outbox_messages ? rules.outbox_messages->outbox_max_messages
                                                      : c->outbox.max_messages_per_application,
        };
        client->rate = (SendLimit){};
        if (rules.send)
                client->rate = (SendLimit){ .per_s = rules.send->send_per_s,
                                            .burst = access_rule_burst(rules.send) };
}

static int error_full(const Sender *s, IpcCall *call, int64_t retry_ms, const char *limit,
                      const char *place) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "retryAfterMs", retry_ms);
        if (limit)
                ipc_json_cstring(&json, "limit", limit);
        if (place)
                ipc_json_cstring(&json, "rule", place);
        ipc_json_end(&json);
        return sender_error_json(s, call, "OutboxFull", &json);
}

/* 'limit_messages' 0: there is none. */
static int error_too_large(const Sender *s, IpcCall *call, uint64_t limit_messages) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "limitBytes", (int64_t) s->max_bytes);
        if (limit_messages > 0)
                ipc_json_int(&json, "limitMessages", (int64_t) limit_messages);
        ipc_json_end(&json);
        return sender_error_json(s, call, "MessageTooLarge", &json);
}

/* The limit of the application is reached: that of a rule, or of all that have none. */
static int refuse_application(const Sender *s, IpcCall *call, const SendRequest *request,
                              const SenderClient *client) {
        OwnerUse use = outboxes_get_use(s->outboxes, client->owner);
        bool is_of_messages =
                client->limits.max_messages > 0 && use.n_messages + request->n > client->limits.max_messages;
        AccessView rules = access_get_view(&s->config->access, call_get_peer(call));
        const AccessRule *rule = is_of_messages ? rules.outbox_messages : rules.outbox_bytes;
        char place[ACCESS_PLACE_SIZE];

        if (!rule)
                return error_full(s, call, RETRY_FULL_MS, "application", NULL);
        client_log_refusal(s->clients, call_get_peer(call), boottime_us(),
                           "its user has as much in the outbox as the rule at %s allows",
                           access_rule_place(rule, place));
        return error_full(s, call, RETRY_FULL_MS, "application", place);
}

int sender_refuse(const Sender *s, IpcCall *call, const SendRequest *request, const SenderClient *client,
                  int condition) {
        Outbox *outbox = outboxes_get(s->outboxes, request->priority);

        if (condition == OUTBOX_FULL || condition == OUTBOX_OVER_LIMIT)
                outbox_count_refused(outbox, request->n);
        switch (condition) {
        case OUTBOX_FULL:
                return error_full(s, call, RETRY_FULL_MS, "outbox", NULL);
        case OUTBOX_OVER_LIMIT:
                return refuse_application(s, call, request, client);
        case OUTBOX_BUSY: /* the disk is behind for a moment */
                return error_full(s, call, RETRY_BUSY_MS, NULL, NULL);
        case OUTBOX_TOO_LARGE:
                return error_too_large(s, call, 0);
        default:
                return sender_error_storage(s, call, outbox_storage_errno(outbox));
        }
}

int sender_refuse_size(const Sender *s, IpcCall *call) {
        return error_too_large(s, call, 0);
}

int sender_refuse_rate(const Sender *s, IpcCall *call, uint64_t retry_us) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const IpcPeer *peer = call_get_peer(call);
        const AccessRule *rule = access_get_view(&s->config->access, peer).send;
        char place[ACCESS_PLACE_SIZE];

        client_log_refusal(s->clients, peer, boottime_us(),
                           "its user sends more than %" PRIu64
                           " messages a second, which the rule at %s allows",
                           rule->send_per_s, access_rule_place(rule, place));
        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "retryAfterMs", (int64_t) (retry_us / USEC_PER_MSEC + 1));
        ipc_json_int(&json, "perSecond", (int64_t) rule->send_per_s);
        ipc_json_int(&json, "burst", (int64_t) access_rule_burst(rule));
        ipc_json_cstring(&json, "rule", place);
        ipc_json_end(&json);
        return sender_error_json(s, call, "RateExceeded", &json);
}

int sender_refuse_burst(const Sender *s, IpcCall *call, const SenderClient *client) {
        return error_too_large(s, call, client->rate.burst);
}
