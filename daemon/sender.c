/* SPDX-License-Identifier: MIT */

#include "daemon/sender.h"

int sender_get_client(Sender *s, IpcCall *call, SenderClient **ret) {
        IpcConnection *connection = ipc_call_get_connection(call);
        const IpcPeer *peer = ipc_connection_get_peer(connection);
        SenderClient *client = ipc_connection_get_data(connection, s);
        int r;

        if (!client) {
                client = malloc(sizeof(*client));
                if (!client)
                        return -ENOMEM;
                *client = (SenderClient){ .owner = peer->uid };
                sender_find_limits(s, client, peer);

                r = ipc_connection_set_data(connection, s, client, free);
                if (r < 0) {
                        free(client);
                        return r;
                }
        }
        if (client->generation != s->config->access.generation)
                sender_find_limits(s, client, peer);
        *ret = client;
        return 0;
}

void sender_count_refused(IpcCall *call, SenderClient *client) {
        client->n_refused += ipc_call_is_oneway(call);
}

int sender_error_json(const Sender *s, IpcCall *call, const char *name, const IpcJson *json) {
        char full[64];

        (void) snprintf(full, sizeof(full), "%s.%s", s->interface, name);
        return ipc_call_error_json(call, full, json);
}

int sender_error_storage(const Sender *s, IpcCall *call, int error) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "reason", strerror(error));
        ipc_json_end(&json);
        return sender_error_json(s, call, "StorageFailed", &json);
}

int sender_error_invalid(const Sender *s, IpcCall *call, const char *field, const char *reason) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "field", field);
        ipc_json_cstring(&json, "reason", reason);
        ipc_json_end(&json);
        return sender_error_json(s, call, "InvalidMessage", &json);
}

int sender_reply_sequence(IpcCall *call, const PendingReply *pending) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "sequence", (int64_t) pending->ranges[pending->priority].first);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

/* When the last of the messages expires. */
static uint64_t find_expiry(const Sender *s, const SendRequest *request, const OutboxTime *now) {
        uint64_t last_s = 0;

        for (size_t i = 0; i < request->n; i++) {
                uint64_t ttl_s = request->messages[i].ttl_s;

                if (ttl_s == 0)
                        ttl_s = s->config->outbox.message_ttl_s;
                if (ttl_s == 0)
                        return UINT64_MAX;
                last_s = MAX(last_s, ttl_s);
        }
        return now->boottime_us + last_s * USEC_PER_SEC;
}

int sender_send(Sender *s, IpcCall *call, SenderClient *client, const SendRequest *request) {
        OutboxTime now = uplink_now(s->uplink);
        PendingReply pending = {
                .sender = s,
                .call = call,
                .reply = request->reply,
                .stage = ipc_call_is_oneway(call) ? STAGE_ACCEPTED : request->stage,
                .timeout_us = now.boottime_us + (uint64_t) request->timeout_s * USEC_PER_SEC,
                .expires_us = find_expiry(s, request, &now),
                .priority = request->priority,
        };
        Range *range = &pending.ranges[request->priority], *sent;
        uint64_t retry_us;
        int r;

        r = send_rates_take(s->rates, client->owner, &client->rate, request->n, now.boottime_us, &retry_us);
        if (r < 0)
                return r;
        if (r > 0) {
                sender_count_refused(call, client);
                return r == SEND_RATE_EXCEEDED ? sender_refuse_rate(s, call, retry_us)
                                               : sender_refuse_burst(s, call, client);
        }

        for (size_t i = 0; i < request->n; i++)
                request->messages[i].owner = client->owner;
        r = outboxes_append(s->outboxes, request->priority, request->messages, request->n, &client->limits,
                            &now, &range->first);
        if (r != 0) {
                send_rates_put_back(s->rates, client->owner, &client->rate, request->n);
                sender_count_refused(call, client);
                return sender_refuse(s, call, request, client, r);
        }

        client->n_accepted += ipc_call_is_oneway(call);
        range->last = range->first + request->n - 1;
        sent = &client->sent[request->priority];
        *sent = (Range){ .first = sent->first == 0 ? range->first : sent->first, .last = range->last };
        return sender_reply_at_stage(&pending);
}
