/* SPDX-License-Identifier: MIT */
#pragma once

/* An Aziot, the daemon's part of which is played by the test. */

#include "ipc-peer.h"
#include "ipc/aziot.h"

typedef struct Fixture {
        Peer peer;
        Aziot *a;
} Fixture;

static inline void fixture_init(Fixture *f) {
        peer_init(&f->peer);
        ck_assert_int_eq(aziot_new(&f->a, f->peer.address.sun_path), 0);
}

static inline void fixture_done(Fixture *f) {
        f->a = aziot_free(f->a);
        peer_done(&f->peer);
}

/* Everything that has happened, a line each: what kind of event, its result, and what it brings. */
static inline void format_event(char *to, size_t size, const AziotEvent *e) {
        static const char *const names[] = { "reply",  "method",       "message",   "settled", "twin",
                                             "status", "disconnected", "connected", "ended",   "work" };
        char result[64] = "ok", text[512] = "";

        if (e->result < 0)
                (void) snprintf(result, sizeof(result), "%s", strerrorname_np(-e->result));
        if (e->result > 0)
                (void) snprintf(result, sizeof(result), "%s", e->error->name);

        if (e->type == AZIOT_EVENT_REPLY)
                (void) snprintf(text, sizeof(text), " %s %lld %lld%s", e->as.reply.parameters,
                                (long long) e->as.reply.sequence, (long long) e->as.reply.version,
                                e->as.reply.continues ? " ..." : "");
        if (e->type == AZIOT_EVENT_METHOD)
                (void) snprintf(text, sizeof(text), " %llu %s %s %s %s",
                                (unsigned long long) e->as.method.handle, e->as.method.id, e->as.method.name,
                                e->as.method.component ? e->as.method.component : "-",
                                e->as.method.payload ? e->as.method.payload : "-");
        if (e->type == AZIOT_EVENT_MESSAGE)
                (void) snprintf(text, sizeof(text), " %llu %s %s%s",
                                (unsigned long long) e->as.message.handle, e->as.message.id,
                                (const char *) e->as.message.body, e->as.message.redelivered ? " again" : "");
        if (e->type == AZIOT_EVENT_SETTLED)
                (void) snprintf(text, sizeof(text), " %llu", (unsigned long long) e->as.settled);
        if (e->type == AZIOT_EVENT_WORK)
                (void) snprintf(text, sizeof(text), " %llu %s", (unsigned long long) e->as.work.handle,
                                e->as.work.json);
        if (e->type == AZIOT_EVENT_TWIN)
                (void) snprintf(text, sizeof(text), " %s %lld%s%s", e->as.twin.desired,
                                (long long) e->as.twin.version, e->as.twin.complete ? " complete" : "",
                                e->as.twin.stale ? " stale" : "");
        if (e->type == AZIOT_EVENT_STATUS)
                (void) snprintf(text, sizeof(text), " %s%s", e->as.status.link.state,
                                e->as.status.link.is_online ? " (online)" : "");
        (void) snprintf(to, size, "%s%s%s %s%s\n", e->userdata ? (const char *) e->userdata : "",
                        e->userdata ? ": " : "", names[e->type], result, text);
}

static inline const char *events(Fixture *f, char buffer[4096]) {
        const AziotEvent *event;
        size_t size = 0;

        buffer[0] = 0;
        while (aziot_dispatch(f->a, &event) > 0) {
                format_event(buffer + size, 4096 - size, event);
                size += strlen(buffer + size);
        }
        return buffer;
}

#define assert_events(f, expected)                              \
        do {                                                    \
                char _buffer[4096];                             \
                ck_assert_str_eq(events(f, _buffer), expected); \
        } while (0)

/* Lets it connect, and returns the daemon's end. */
static inline int fixture_accept(Fixture *f) {
        assert_events(f, "");
        return peer_accept(&f->peer);
}
