/* SPDX-License-Identifier: MIT */

/*
 * What local programs do with a daemon all day, in one process: soak-load SOCKET RATE
 *
 * - Producers, one for each pair of a stage and a priority, send RATE messages a second together, in batches,
 * each batch when the one before has been answered: {"source":"durable-high","n":0,"pad":"…"}, and so on.
 * - A worker answers direct methods by what they brought, settles the messages from the cloud ({"n":0}, …),
 * of which it gives every GIVEN_BACK_EVERY-th back first, follows "soak" in the desired section of the twin,
 * and reports
 *   {"soak":1}, {"soak":2}, …
 * - Visitors connect, watch status and twin, send one message, and go.
 *
 * A line on standard input is answered by one on standard output, a JSON object with all that was counted;
 * after the line "stop" nothing new is begun, and "busy" tells what is still waiting for an answer. At the
 * end of standard input it ends. What should not happen is said on standard error, and counted.
 */

#include "ipc/aziot.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>

#include "util/util.h"

/* Bytes of a body, but for its number and its source; and with them, at most. */
#define PAD       200
#define BODY_SIZE (PAD + 128U)

#define BATCH_MAX 64U

/* A batch that was refused is sent again after this. */
#define RETRY_US (100 * USEC_PER_MSEC)

#define REPORT_US        (200 * USEC_PER_MSEC)
#define VISIT_US         (200 * USEC_PER_MSEC)
#define VISIT_TIMEOUT_US (30 * USEC_PER_SEC)

/* Whose numbers are told apart; more do not come in hours. */
#define CLOUD_MESSAGES_MAX (1U << 20)
#define GIVEN_BACK_EVERY   50U

typedef struct Load Load;

/* An object of the library, and what becomes of its events. */
typedef struct Part {
        Aziot *aziot;
        void (*on_event)(Load *l, struct Part *part, const AziotEvent *event);
} Part;

typedef struct Producer {
        Part part;
        const char *source;
        AziotStage stage;
        unsigned flags, batch, share; /* of a hundred messages */
        bool is_busy;
        uint64_t n_sent; /* and promised */
        uint64_t due_us;
} Producer;

typedef struct Worker {
        Part part;
        uint64_t n_calls, n_messages, n_distinct, n_given_back;
        uint8_t seen[CLOUD_MESSAGES_MAX / 8];
        int64_t desired, desired_version, n_reported;
        bool is_reporting;
        uint64_t report_us;
} Worker;

typedef struct Visitor {
        Part part;
        bool is_answered, has_status;
        uint64_t n_sent, n_visits;
        uint64_t begun_us;
} Visitor;

#define N_PRODUCERS 5

struct Load {
        const char *socket;
        uint64_t rate;
        Producer producers[N_PRODUCERS];
        Worker worker;
        Visitor visitor;
        bool is_stopped;
        uint64_t n_refused, n_failures;
};

_printf_(2, 3) static void complain(Load *l, const char *format, ...) {
        va_list arguments;

        l->n_failures++;
        va_start(arguments, format);
        (void) vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void) fputc('\n', stderr);
}

static void part_open(Load *l, Part *part, void (*on_event)(Load *, Part *, const AziotEvent *)) {
        int r = aziot_new(&part->aziot, l->socket);

        if (r < 0) {
                (void) fprintf(stderr, "soak-load: %s\n", strerror(-r));
                exit(EXIT_FAILURE);
        }
        aziot_set_timeout_us(part->aziot, UINT64_MAX);
        part->on_event = on_event;
}

/* Producers -------------------------------------------------------------------------------------------- */

static void on_produced(Load *l, Part *part, const AziotEvent *event) {
        Producer *p = (Producer *) part;

        p->is_busy = false;
        if (event->result == 0) {
                p->n_sent += p->batch;
                return;
        }
        p->due_us = boottime_us() + RETRY_US;
        if (event->result == AZIOT_REFUSED && strstr(event->error->name, "OutboxFull"))
                l->n_refused++;
        else
                complain(l, "%s: %s", p->source, aziot_explain(part->aziot, event->result));
}

static void produce(Load *l, Producer *p, uint64_t now_us) {
        AziotMessage messages[BATCH_MAX];
        char bodies[BATCH_MAX][BODY_SIZE];
        int r;

        for (unsigned i = 0; i < p->batch; i++) {
                (void) snprintf(bodies[i], BODY_SIZE,
                                "{\"source\":\"%s\",\"n\":%" PRIu64 ",\"pad\":\"%0*d\"}", p->source,
                                p->n_sent + i, PAD, 0);
                messages[i] = aziot_message(bodies[i]);
        }
        r = aziot_send_batch_start(p->part.aziot, messages, p->batch, p->stage, p->flags, NULL);
        if (r != 0)
                complain(l, "%s: %s", p->source, aziot_explain(p->part.aziot, r));
        p->is_busy = r == 0;
        p->due_us = MAX(p->due_us, now_us) + p->batch * 100 * USEC_PER_SEC / (l->rate * p->share);
}

/* Worker ----------------------------------------------------------------------------------------------- */

static bool find_number(const char *json, size_t size, const char *name, int64_t *ret) {
        const char *value;
        size_t n;

        if (aziot_json_find(json, size, name, &value, &n) != 0)
                return false;
        *ret = strtoll(value, NULL, 10);
        return true;
}

static void on_message(Load *l, Worker *w, const AziotCloudMessage *message) {
        int64_t number;

        if (!find_number(message->body, message->body_size, "n", &number) || number < 0 ||
            number >= CLOUD_MESSAGES_MAX) {
                complain(l, "a message from the cloud that nobody sent: %.100s",
                         (const char *) message->body);
                return;
        }
        if (++w->n_messages % GIVEN_BACK_EVERY == 0) {
                w->n_given_back++;
                (void) aziot_release(w->part.aziot, message->handle, 0);
                return;
        }
        if (!(w->seen[number / 8] & (1U << number % 8)))
                w->n_distinct++;
        w->seen[number / 8] |= (uint8_t) (1U << number % 8);
        (void) aziot_settle(w->part.aziot, message->handle);
}

static void on_twin(Load *l, Worker *w, const AziotTwinUpdate *twin) {
        int64_t desired = w->desired;

        (void) find_number(twin->desired, twin->desired_size, "soak", &desired);
        if (desired < w->desired || twin->version < w->desired_version)
                complain(l, "the twin went back from %" PRId64 " to %" PRId64, w->desired, desired);
        w->desired = desired;
        w->desired_version = twin->version;
}

static void on_work(Load *l, Part *part, const AziotEvent *event) {
        Worker *w = (Worker *) part;

        switch (event->type) {
        case AZIOT_EVENT_METHOD:
                w->n_calls++;
                (void) aziot_answer(part->aziot, event->as.method.handle, 200, event->as.method.payload);
                break;
        case AZIOT_EVENT_MESSAGE:
                on_message(l, w, &event->as.message);
                break;
        case AZIOT_EVENT_TWIN:
                on_twin(l, w, &event->as.twin);
                break;
        case AZIOT_EVENT_REPLY:
                w->is_reporting = false;
                if (event->result == 0)
                        w->n_reported++;
                else
                        complain(l, "report: %s", aziot_explain(part->aziot, event->result));
                break;
        case AZIOT_EVENT_SETTLED: /* a call whose link was lost has ended, and is no failure */
        case AZIOT_EVENT_STATUS:
        case AZIOT_EVENT_CONNECTED:
        case AZIOT_EVENT_WORK:
                break;
        case AZIOT_EVENT_DISCONNECTED:
        case AZIOT_EVENT_ENDED:
                complain(l, "worker: %s", aziot_explain(part->aziot, event->result));
                break;
        }
}

static void report(Load *l, Worker *w, uint64_t now_us) {
        char patch[64];
        int r;

        (void) snprintf(patch, sizeof(patch), "{\"soak\":%" PRId64 "}", w->n_reported + 1);
        r = aziot_report_start(w->part.aziot, patch, NULL, NULL);
        if (r != 0)
                complain(l, "report: %s", aziot_explain(w->part.aziot, r));
        w->is_reporting = r == 0;
        w->report_us = now_us + REPORT_US;
}

static void worker_open(Load *l) {
        static const char *const names[] = { "echo" };
        Worker *w = &l->worker;
        int r;

        part_open(l, &w->part, on_work);
        r = aziot_serve(w->part.aziot, names, ELEMENTSOF(names), NULL);
        r = r == 0 ? aziot_serve(w->part.aziot, names, ELEMENTSOF(names), NULL) : r;
        r = r == 0 ? aziot_take_messages(w->part.aziot, NULL) : r;
        r = r == 0 ? aziot_watch_twin(w->part.aziot, NULL, NULL) : r;
        if (r != 0)
                complain(l, "worker: %s", aziot_explain(w->part.aziot, r));
}

/* Visitors --------------------------------------------------------------------------------------------- */

static void on_visit(Load *l, Part *part, const AziotEvent *event) {
        Visitor *v = (Visitor *) part;

        if (event->type == AZIOT_EVENT_STATUS)
                v->has_status = true;
        else if (event->type == AZIOT_EVENT_REPLY && event->result == 0) {
                v->is_answered = true;
                v->n_sent++;
        } else if (event->result != 0)
                complain(l, "visitor: %s", aziot_explain(part->aziot, event->result));
}

static void visit_begin(Load *l, Visitor *v, uint64_t now_us) {
        char body[64];
        AziotMessage message;
        int r;

        part_open(l, &v->part, on_visit);
        v->is_answered = v->has_status = false;
        v->begun_us = now_us;
        (void) snprintf(body, sizeof(body), "{\"source\":\"visitor\",\"n\":%" PRIu64 "}", v->n_sent);
        message = aziot_message(body);
        r = aziot_watch_status(v->part.aziot, NULL);
        r = r == 0 ? aziot_watch_twin(v->part.aziot, NULL, NULL) : r;
        r = r == 0 ? aziot_send_start(v->part.aziot, &message, AZIOT_ACCEPTED, 0, NULL) : r;
        if (r != 0)
                complain(l, "visitor: %s", aziot_explain(v->part.aziot, r));
}

static void visit(Load *l, Visitor *v, uint64_t now_us) {
        if (v->part.aziot && now_us < v->begun_us + VISIT_US)
                return;
        if (v->part.aziot && (!v->is_answered || !v->has_status)) {
                if (now_us < v->begun_us + VISIT_TIMEOUT_US)
                        return;
                complain(l, "visitor: no answer");
        }
        v->n_visits += v->part.aziot != NULL;
        v->part.aziot = aziot_free(v->part.aziot);
        if (!l->is_stopped)
                visit_begin(l, v, now_us);
}

/* All of it -------------------------------------------------------------------------------------------- */

static void load_open(Load *l) {
        static const struct {
                const char *source;
                AziotStage stage;
                unsigned flags, batch, share;
        } rows[N_PRODUCERS] = {
                { "accepted", AZIOT_ACCEPTED, 0, BATCH_MAX, 60 },
                { "durable", AZIOT_DURABLE, 0, 32, 25 },
                { "delivered", AZIOT_DELIVERED, 0, 16, 5 },
                { "accepted-high", AZIOT_ACCEPTED, AZIOT_HIGH_PRIORITY, 4, 5 },
                { "durable-high", AZIOT_DURABLE, AZIOT_HIGH_PRIORITY, 4, 5 },
        };

        for (size_t i = 0; i < N_PRODUCERS; i++) {
                Producer *p = &l->producers[i];

                part_open(l, &p->part, on_produced);
                p->source = rows[i].source;
                p->stage = rows[i].stage;
                p->flags = rows[i].flags;
                p->batch = rows[i].batch;
                p->share = rows[i].share;
        }
        worker_open(l);
}

/* Begins what is due, and returns when to look again at the latest. */
static uint64_t load_run_due(Load *l) {
        uint64_t now_us = boottime_us(), next_us = UINT64_MAX;

        visit(l, &l->visitor, now_us);
        if (l->visitor.part.aziot)
                next_us = MAX(l->visitor.begun_us + VISIT_US, now_us + 10 * USEC_PER_MSEC);
        if (l->is_stopped)
                return next_us;
        for (Producer *p = l->producers; p < l->producers + N_PRODUCERS; p++) {
                if (!p->is_busy && p->due_us <= now_us)
                        produce(l, p, now_us);
                if (!p->is_busy)
                        next_us = MIN(next_us, p->due_us);
        }
        if (!l->worker.is_reporting && l->worker.report_us <= now_us)
                report(l, &l->worker, now_us);
        return MIN(next_us, MAX(l->worker.report_us, now_us + 10 * USEC_PER_MSEC));
}

static size_t load_parts(Load *l, Part *ret[static N_PRODUCERS + 2]) {
        size_t n = 0;

        for (Producer *p = l->producers; p < l->producers + N_PRODUCERS; p++)
                ret[n++] = &p->part;
        ret[n++] = &l->worker.part;
        if (l->visitor.part.aziot)
                ret[n++] = &l->visitor.part;
        return n;
}

static void load_print(const Load *l) {
        unsigned n_busy = (unsigned) l->worker.is_reporting + (l->visitor.part.aziot != NULL);

        printf("{\"sent\":{");
        for (const Producer *p = l->producers; p < l->producers + N_PRODUCERS; p++) {
                printf("\"%s\":%" PRIu64 ",", p->source, p->n_sent);
                n_busy += p->is_busy;
        }
        printf("\"visitor\":%" PRIu64 "},\"refused\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"busy\":%u,"
               "\"calls\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"distinctMessages\":%" PRIu64
               ",\"givenBack\":%" PRIu64 ",\"desired\":%" PRId64 ",\"reported\":%" PRId64
               ",\"visits\":%" PRIu64 "}\n",
               l->visitor.n_sent, l->n_refused, l->n_failures, n_busy, l->worker.n_calls,
               l->worker.n_messages, l->worker.n_distinct, l->worker.n_given_back, l->worker.desired,
               l->worker.n_reported, l->visitor.n_visits);
        (void) fflush(stdout);
}

/* False at the end of standard input. */
static bool load_read_order(Load *l) {
        char line[64];
        ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

        if (n <= 0)
                return false;
        line[n] = '\0';
        if (strstr(line, "stop"))
                l->is_stopped = true;
        load_print(l);
        return true;
}

/* Waits until something is to be done; false at the end of standard input. */
static bool load_wait(Load *l, uint64_t until_us) {
        struct pollfd fds[N_PRODUCERS + 3] = { { .fd = STDIN_FILENO, .events = POLLIN } };
        Part *parts[N_PRODUCERS + 2];
        size_t n = load_parts(l, parts);

        for (size_t i = 0; i < n; i++) {
                fds[i + 1] = (struct pollfd){ .fd = aziot_get_fd(parts[i]->aziot),
                                              .events = aziot_get_events(parts[i]->aziot) };
                until_us = MIN(until_us, aziot_get_deadline_us(parts[i]->aziot));
        }
        (void) poll(fds, n + 1, poll_timeout_ms(until_us));
        if (fds[0].revents && !load_read_order(l))
                return false;
        for (size_t i = 0; i < n; i++) {
                const AziotEvent *event;

                while (aziot_dispatch(parts[i]->aziot, &event) > 0)
                        parts[i]->on_event(l, parts[i], event);
        }
        return true;
}

int main(int argc, char **argv) {
        _cleanup_(freep) Load *l = calloc(1, sizeof(*l));

        if (argc != 3 || !l) {
                fprintf(stderr, "usage: soak-load SOCKET RATE\n");
                return 2;
        }
        l->socket = argv[1];
        l->rate = strtoull(argv[2], NULL, 10);
        load_open(l);
        while (load_wait(l, load_run_due(l)))
                ;

        for (Producer *p = l->producers; p < l->producers + N_PRODUCERS; p++)
                aziot_free(p->part.aziot);
        aziot_free(l->worker.part.aziot);
        aziot_free(l->visitor.part.aziot);
        return EXIT_SUCCESS;
}
