/* SPDX-License-Identifier: MIT */

/*
 * Any bytes as what a daemon says to libaziot. The first byte tells what is under way, a newline stands for
 * NUL. Whatever comes out can be read to its last byte, and what was called or taken ends once.
 */

#include <assert.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ipc/aziot.h"
#include "util/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the socket takes at once. */
#define INPUT_MAX 65536U

typedef struct Daemon {
        char directory[32];
        struct sockaddr_un address;
        int listener, fd;
} Daemon;

static void daemon_init(Daemon *d) {
        *d = (Daemon){ .directory = "/tmp/fuzz-aziot.XXXXXX",
                       .address = { .sun_family = AF_UNIX },
                       .fd = -1 };
        if (!mkdtemp(d->directory))
                abort();
        (void) snprintf(d->address.sun_path, sizeof(d->address.sun_path), "%s/socket", d->directory);
        d->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (bind(d->listener, (struct sockaddr *) &d->address, sizeof(d->address)) < 0 ||
            listen(d->listener, 16) < 0)
                abort();
}

static void daemon_done(Daemon *d) {
        close_fd(d->fd);
        close_fd(d->listener);
        (void) unlink(d->address.sun_path);
        (void) rmdir(d->directory);
}

/* How much has come out; its sum makes sure that all of it is read. */
typedef struct Seen {
        size_t n_bytes;
        unsigned n_replies, n_taken, n_settled;
} Seen;

static void see(Seen *seen, const char *text) {
        if (text)
                seen->n_bytes += strlen(text);
}

static void see_json(Seen *seen, const char *text, size_t size) {
        assert(text && text[size] == 0 && strlen(text) == size);
        seen->n_bytes += size;
}

static void see_message(Seen *seen, const AziotCloudMessage *m) {
        assert(((const char *) m->body)[m->body_size] == 0);
        see_json(seen, m->json, m->json_size);
        see(seen, m->id);
        see(seen, m->content_type);
        see(seen, m->content_encoding);
        see(seen, m->message_id);
        see(seen, m->correlation_id);
        see(seen, m->user_id);
        see(seen, m->enqueued);
        see(seen, m->expires);
        for (size_t i = 0; i < m->n_properties; i++) {
                see(seen, m->properties[i].key);
                see(seen, m->properties[i].value);
        }
}

static void see_status(Seen *seen, const AziotStatus *s) {
        see_json(seen, s->json, s->json_size);
        see(seen, s->device_id);
        see(seen, s->link.state);
        see(seen, s->link.since);
        see(seen, s->link.last_error);
        see(seen, s->outbox.oldest);
        see(seen, s->inbox.reason);
}

static void see_event(Seen *seen, Aziot *a, const AziotEvent *e) {
        if (e->result > 0) {
                see(seen, e->error->name);
                see(seen, e->error->text);
                see_json(seen, e->error->parameters, e->error->parameters_size);
        }
        switch (e->type) {
        case AZIOT_EVENT_REPLY:
                see_json(seen, e->as.reply.parameters, e->as.reply.parameters_size);
                seen->n_replies += !e->as.reply.continues;
                break;
        case AZIOT_EVENT_METHOD:
                see(seen, e->as.method.id);
                see(seen, e->as.method.name);
                see(seen, e->as.method.component);
                seen->n_taken++;
                assert(aziot_answer(a, e->as.method.handle, 200, NULL) == 0);
                break;
        case AZIOT_EVENT_MESSAGE:
                see_message(seen, &e->as.message);
                seen->n_taken++;
                assert(aziot_settle(a, e->as.message.handle) == 0);
                break;
        case AZIOT_EVENT_SETTLED:
                seen->n_settled++;
                break;
        case AZIOT_EVENT_TWIN:
                see_json(seen, e->as.twin.desired, e->as.twin.desired_size);
                see_json(seen, e->as.twin.json, e->as.twin.json_size);
                break;
        case AZIOT_EVENT_STATUS:
                see_status(seen, &e->as.status);
                break;
        case AZIOT_EVENT_WORK:
                see_json(seen, e->as.work.json, e->as.work.json_size);
                seen->n_taken++;
                assert(aziot_settle_work(a, e->as.work.handle, NULL) == 0);
                break;
        case AZIOT_EVENT_DISCONNECTED:
        case AZIOT_EVENT_CONNECTED:
        case AZIOT_EVENT_ENDED:
                break;
        }
}

static void see_all(Seen *seen, Aziot *a) {
        const AziotEvent *event;

        while (aziot_dispatch(a, &event) > 0)
                see_event(seen, a, event);
}

/* Starts what the byte says; returns how many replies will come. */
static unsigned start(Aziot *a, uint8_t what) {
        static const char *const names[] = { "n" };
        AziotMessage message = aziot_message("{}");

        switch (what) {
        case 'm':
                assert(aziot_serve(a, names, 1, NULL) == 0);
                return 0;
        case 'c':
                assert(aziot_take_messages(a, NULL) == 0);
                return 0;
        case 't':
                assert(aziot_watch_twin(a, NULL, NULL) == 0);
                return 0;
        case 's':
                assert(aziot_watch_status(a, NULL) == 0);
                return 0;
        case 'k':
                assert(aziot_take(a, "a", NULL, NULL) == 0);
                return 0;
        case 'w':
                assert(aziot_watch(a, "a.B", NULL, NULL) == 0);
                return 0;
        default:
                assert(aziot_send_start(a, &message, AZIOT_ACCEPTED, 0, NULL) == 0);
                assert(aziot_report_start(a, "{}", NULL, NULL) == 0);
                assert(aziot_flush_start(a, AZIOT_ACCEPTED, NULL) == 0);
                assert(aziot_call_start(a, "a.B", NULL, 0, NULL) == 0);
                return 4;
        }
}

static void say(const Daemon *d, const uint8_t *data, size_t size) {
        uint8_t bytes[INPUT_MAX];

        for (size_t i = 0; i < size; i++)
                bytes[i] = data[i] == '\n' ? 0 : data[i];
        (void) send(d->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(daemon_done) Daemon d;
        unsigned n_replies;
        Seen seen = {};
        Aziot *a;

        if (size == 0 || size > INPUT_MAX)
                return 0;
        daemon_init(&d);
        if (aziot_new(&a, d.address.sun_path) < 0)
                abort();
        n_replies = start(a, data[0]);
        see_all(&seen, a);
        d.fd = accept4(d.listener, NULL, NULL, SOCK_CLOEXEC);
        say(&d, data + 1, size - 1);
        see_all(&seen, a);

        /* Nobody is there any more. */
        d.listener = close_fd(d.listener);
        d.fd = close_fd(d.fd);
        see_all(&seen, a);
        assert(n_replies == 0 || seen.n_replies == n_replies);
        assert(seen.n_settled == seen.n_taken);
        aziot_free(a);
        return 0;
}
