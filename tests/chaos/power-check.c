/* SPDX-License-Identifier: MIT */

#include "power-check.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>

#include "daemon/history.h"
#include "daemon/inbox.h"
#include "daemon/outboxes.h"
#include "daemon/state-file.h"

#define NEVER     UINT64_MAX
#define KEYS_MAX  16
#define TOLD_MAX  5U /* of each rule so many are told in words */
#define BODY_SIZE 8192U

/* How late a timer may be on a machine that has much to do, and how long a disk that does needs for a sync.
 */
#define INTERVAL_SLACK_US (2 * USEC_PER_SEC)

typedef struct Message {
        unsigned lane, n;
        uint64_t sequence;
        uint64_t accepted, durable, acked;
        uint64_t accepted_us;
        unsigned seen; /* the image it was seen in last */
        bool is_gone;  /* lost in a cut, and not promised */
} Message;

typedef struct C2d {
        unsigned n;
        uint64_t received, acked, given, settling, settled;
        unsigned seen;
        bool is_gone; /* lost in a cut, and not promised */
        bool is_back; /* came back in a cut, and is to be settled again */
} C2d;

typedef struct Report {
        unsigned key, value;
        uint64_t told;
} Report;

typedef struct Sent {
        unsigned key, value;
        uint64_t sent, accepted;
} Sent;

struct PowerCheck {
        Disk *disk;
        Log log;
        uint64_t outbox_max_bytes;
        uint64_t interval_us; /* 0: there is none */
        uint64_t opened_us;

        Message *messages; /* by lane and sequence */
        C2d *c2ds;
        Report *reports;
        Sent *sents;
        size_t n_messages, n_c2ds, n_reports, n_sents;
        uint32_t ids[_PRIORITY_MAX]; /* of the outboxes; 0: not known yet */

        /* Of the image that is looked at. */
        unsigned image;
        uint64_t index, time_us;
        const char *what;
        bool is_acked; /* by the inbox */
        bool is_given;

        uint64_t n_broken[_POWER_RULE_MAX];
        uint64_t n_tails, n_repeated, n_repeated_max, n_again, n_handed_out;
};

const char *const power_rule_names[_POWER_RULE_MAX] = {
        [POWER_UNREADABLE] = "unreadable",
        [POWER_LOST_DURABLE] = "lost-durable",
        [POWER_LOST_ACCEPTED] = "lost-accepted",
        [POWER_CHANGED] = "changed",
        [POWER_ORDER] = "order",
        [POWER_NUMBER] = "number",
        [POWER_LOST_C2D] = "lost-c2d",
        [POWER_SETTLED_AGAIN] = "settled-again",
        [POWER_REPEAT_NOT_KNOWN] = "repeat-not-known",
        [POWER_LOST_REPORT] = "lost-report",
        [POWER_REPORT_REGRESSED] = "report-regressed",
};

static void broken(PowerCheck *c, PowerRule rule, const char *format, ...) _printf_(3, 4);
static void broken(PowerCheck *c, PowerRule rule, const char *format, ...) {
        va_list ap;

        if (c->n_broken[rule]++ >= TOLD_MAX)
                return;
        printf("# %s: ", power_rule_names[rule]);
        va_start(ap, format);
        (void) vprintf(format, ap);
        va_end(ap);
        printf(" (cut at %" PRIu64 ", %s)\n", c->index, c->what);
}

/* It had happened when the power failed. */
static bool had(const PowerCheck *c, uint64_t moment) {
        return moment <= c->index;
}

/* ---- Notes ---- */

static void *add(void *items, size_t *n, size_t size) {
        if ((*n & (*n - 1)) == 0) {
                items = reallocarray(items, *n > 0 ? 2 * *n : 1, size);
                if (!items)
                        abort();
        }
        ++*n;
        return items;
}

#define WORDS_MAX 8

static uint64_t moment_parse(const char *word) {
        return strcmp(word, "-") == 0 ? NEVER : strtoull(word, NULL, 10);
}

static unsigned number_parse(const char *word) {
        return (unsigned) strtoul(word, NULL, 10);
}

static void message_parse(PowerCheck *c, char **words) {
        c->messages = add(c->messages, &c->n_messages, sizeof(Message));
        c->messages[c->n_messages - 1] = (Message){
                .lane = number_parse(words[1]),
                .n = number_parse(words[2]),
                .sequence = strtoull(words[3], NULL, 10),
                .accepted = moment_parse(words[4]),
                .durable = moment_parse(words[5]),
                .acked = moment_parse(words[6]),
        };
}

static void c2d_parse(PowerCheck *c, char **words) {
        c->c2ds = add(c->c2ds, &c->n_c2ds, sizeof(C2d));
        c->c2ds[c->n_c2ds - 1] = (C2d){
                .n = number_parse(words[1]),
                .received = moment_parse(words[2]),
                .acked = moment_parse(words[3]),
                .given = moment_parse(words[4]),
                .settling = moment_parse(words[5]),
                .settled = moment_parse(words[6]),
        };
}

static void report_parse(PowerCheck *c, char **words) {
        c->reports = add(c->reports, &c->n_reports, sizeof(Report));
        c->reports[c->n_reports - 1] = (Report){
                .key = number_parse(words[1]) % KEYS_MAX,
                .value = number_parse(words[2]),
                .told = moment_parse(words[3]),
        };
}

static void sent_parse(PowerCheck *c, char **words) {
        c->sents = add(c->sents, &c->n_sents, sizeof(Sent));
        c->sents[c->n_sents - 1] = (Sent){
                .key = number_parse(words[1]) % KEYS_MAX,
                .value = number_parse(words[2]),
                .sent = moment_parse(words[3]),
                .accepted = moment_parse(words[4]),
        };
}

static void interval_parse(PowerCheck *c, char **words) {
        c->interval_us = number_parse(words[1]) * USEC_PER_SEC;
}

static const struct {
        const char *name;
        size_t n_words;
        void (*parse)(PowerCheck *c, char **words);
} note_types[] = {
        { "message", 7, message_parse }, { "c2d", 7, c2d_parse },           { "reported", 4, report_parse },
        { "sent", 5, sent_parse },       { "interval", 2, interval_parse },
};

static int note_parse(PowerCheck *c, char *line) {
        char *words[WORDS_MAX], *rest = line;
        size_t n = 0;

        while (n < WORDS_MAX && (words[n] = strsep(&rest, " \n")) && words[n][0] != '\0')
                n++;
        for (size_t i = 0; n > 0 && i < ELEMENTSOF(note_types); i++)
                if (strcmp(words[0], note_types[i].name) == 0 && n == note_types[i].n_words) {
                        note_types[i].parse(c, words);
                        return 0;
                }
        return -EPROTO;
}

static int compare_messages(const void *a, const void *b) {
        const Message *x = a, *y = b;

        if (x->lane != y->lane)
                return x->lane < y->lane ? -1 : 1;
        return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static Message *find_message(const PowerCheck *c, unsigned lane, uint64_t sequence) {
        Message key = { .lane = lane, .sequence = sequence };

        if (c->n_messages == 0)
                return NULL;
        return bsearch(&key, c->messages, c->n_messages, sizeof(key), compare_messages);
}

int power_check_new(PowerCheck **ret, const char *notes_path, uint64_t outbox_max_bytes,
                    const uint64_t *times_us, uint64_t n_times) {
        _cleanup_(fclosep) FILE *notes = fopen(notes_path, "re");
        _cleanup_(power_check_freep) PowerCheck *c = NULL;
        char line[256];
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (PowerCheck){ .log.max_level = -1, .outbox_max_bytes = outbox_max_bytes };
        if (!notes)
                return -errno;
        while (fgets(line, sizeof(line), notes)) {
                r = note_parse(c, line);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < c->n_messages; i++) {
                if (c->messages[i].accepted >= n_times)
                        return -EPROTO;
                c->messages[i].accepted_us = times_us[c->messages[i].accepted];
        }
        if (c->n_messages > 0)
                qsort(c->messages, c->n_messages, sizeof(*c->messages), compare_messages);
        r = disk_new(&c->disk);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

PowerCheck *power_check_free(PowerCheck *c) {
        if (!c)
                return NULL;
        c->disk = disk_free(c->disk);
        free(c->messages);
        free(c->c2ds);
        free(c->reports);
        free(c->sents);
        free(c);
        return NULL;
}

/* ---- Bodies: what follows from a number ---- */

static size_t body_format(char body[static BODY_SIZE], unsigned n, uint32_t factor, uint32_t limit) {
        size_t size = (size_t) snprintf(body, BODY_SIZE, "{\"n\": %u, \"pad\": \"", n);
        size_t n_pad = (uint64_t) n * factor % limit;

        memset(body + size, 'a' + (int) (n % 26), n_pad);
        memcpy(body + size + n_pad, "\"}", 2);
        return size + n_pad + 2;
}

/* The number of a body; false: it is not whole. */
static bool body_parse(az_span bytes, uint32_t factor, uint32_t limit, unsigned *ret) {
        char body[BODY_SIZE], begin[32];
        size_t n;

        (void) snprintf(begin, sizeof(begin), "%.*s", MIN(az_span_size(bytes), 31),
                        (char *) az_span_ptr(bytes));
        if (strncmp(begin, "{\"n\": ", 6) != 0)
                return false;
        *ret = number_parse(begin + 6);
        n = body_format(body, *ret, factor, limit);
        return az_span_is_content_equal(bytes, az_span_create((uint8_t *) body, (int32_t) n));
}

/* ---- The outbox ---- */

static bool has_accepted(const PowerCheck *c, unsigned lane) {
        for (size_t i = 0; i < c->n_messages; i++)
                if (c->messages[i].lane == lane && had(c, c->messages[i].accepted))
                        return true;
        return false;
}

/* Takes in the events; returns whether there may be more to read. */
static bool outbox_events(PowerCheck *c, unsigned lane, Outbox *o) {
        bool is_readable = false;
        OutboxEvent event;

        while (outbox_next_event(o, &event)) {
                is_readable |= event.type == OUTBOX_EVENT_READABLE;
                if (event.type == OUTBOX_EVENT_DISK_ERROR)
                        broken(c, POWER_UNREADABLE, "%s: %s", event.text, strerror(event.error));
                if (event.type != OUTBOX_EVENT_DAMAGED)
                        continue;
                /* The first segment may be there before the cursor is, as long as there is nothing in it. */
                if (strncmp(event.text, "cursor: is missing", 18) == 0 && !has_accepted(c, lane))
                        continue;
                /* Segments whose last messages were promised to nobody may be torn, and are copied aside. */
                if (strstr(event.text, "header") || strncmp(event.text, "segment-", 8) != 0)
                        broken(c, POWER_UNREADABLE, "%s", event.text);
                else
                        c->n_tails++;
        }
        return is_readable;
}

static void outbox_record(PowerCheck *c, unsigned lane, const OutboxRecord *record, uint64_t *last) {
        Message *message = find_message(c, lane, record->sequence);
        unsigned n = 0;

        c->n_handed_out++;
        if (record->sequence <= *last)
                broken(c, POWER_ORDER, "%" PRIu64 " behind %" PRIu64, record->sequence, *last);
        *last = record->sequence;
        if (az_span_size(record->body) > 10 && memcmp(az_span_ptr(record->body), "{\"dropped\"", 10) == 0)
                return; /* the daemon's own */
        if (!body_parse(record->body, 2654435761, 4000, &n) || (message && message->n != n)) {
                broken(c, POWER_CHANGED, "message %" PRIu64 " is '%.*s'", record->sequence,
                       MIN(az_span_size(record->body), 40), (char *) az_span_ptr(record->body));
                return;
        }
        if (!message)
                return; /* its sender was not told */
        message->seen = c->image;
        if (had(c, message->acked))
                c->n_repeated++;
}

static void outbox_drain(PowerCheck *c, unsigned lane, Outbox *o, const OutboxTime *now, uint64_t *last) {
        OutboxRecord record;
        bool is_readable;

        do {
                while (outbox_next(o, now, &record) == 1) {
                        outbox_record(c, lane, &record, last);
                        outbox_acked(o, record.sequence);
                }
                disk_drain(c->disk);
                is_readable = outbox_events(c, lane, o);
        } while (is_readable);
}

/* Whether it takes a message, and names it by a number that no other ever had. */
static void outbox_try(PowerCheck *c, unsigned lane, Outbox *o, const OutboxTime *now, uint64_t last) {
        OutboxMessage message = { .body = AZ_SPAN_FROM_STR("again"), .properties = AZ_SPAN_EMPTY };
        uint64_t sequence = 0;
        int r = OUTBOX_BUSY;

        for (unsigned i = 0; i < 5 && r != 0; i++) {
                r = outbox_append(o, &message, 1, now, &sequence);
                disk_drain(c->disk);
                (void) outbox_events(c, lane, o);
        }
        if (r != 0) {
                broken(c, POWER_UNREADABLE, "outbox %u takes no message (%d)", lane, r);
                return;
        }
        for (size_t i = 0; i < c->n_messages; i++)
                if (c->messages[i].lane == lane && had(c, c->messages[i].accepted))
                        last = MAX(last, c->messages[i].sequence);
        if (sequence <= last)
                broken(c, POWER_NUMBER, "a new message is %" PRIu64 ", and there was %" PRIu64, sequence,
                       last);
}

static void outbox_compare(PowerCheck *c, unsigned lane) {
        for (size_t i = 0; i < c->n_messages; i++) {
                const Message *message = &c->messages[i];

                if (message->lane != lane || message->seen == c->image || message->is_gone ||
                    had(c, message->acked) || !had(c, message->accepted))
                        continue;
                if (had(c, message->durable))
                        broken(c, POWER_LOST_DURABLE, "message %u (%u, %" PRIu64 "), durable at %" PRIu64,
                               message->n, lane, message->sequence, message->durable);
                else if (c->interval_us > 0 &&
                         MAX(message->accepted_us, c->opened_us) + c->interval_us + INTERVAL_SLACK_US <
                                 c->time_us)
                        broken(c, POWER_LOST_ACCEPTED, "message %u (%u, %" PRIu64 "), accepted %.1f s ago",
                               message->n, lane, message->sequence,
                               (double) (c->time_us - message->accepted_us) / USEC_PER_SEC);
        }
}

static void check_outbox(PowerCheck *c, unsigned lane, Outbox *o, const OutboxTime *now) {
        uint32_t id = (uint32_t) strtoul(outbox_get_id(o), NULL, 16);
        uint64_t last = 0, n_before = c->n_repeated;

        (void) outbox_events(c, lane, o);
        outbox_drain(c, lane, o, now, &last);
        outbox_compare(c, lane);

        /* An outbox of which nothing had been promised may begin anew, with another id. */
        if (id == c->ids[lane] || last > 0)
                outbox_try(c, lane, o, now, last);
        if (c->ids[lane] != 0 && last > 0 && id != c->ids[lane])
                broken(c, POWER_NUMBER, "outbox %u has another id", lane);
        if (last > 0)
                c->ids[lane] = id;
        c->n_repeated_max = MAX(c->n_repeated_max, c->n_repeated - n_before);
}

static void check_outboxes(PowerCheck *c, const char *directory) {
        OutboxesConfig config = { .directory = directory, .max_bytes = c->outbox_max_bytes };
        OutboxTime now = { .boot = 1, .boottime_us = USEC_PER_SEC, .realtime_us = realtime_us() };
        Outboxes *outboxes = NULL;
        int r;

        r = outboxes_open(&outboxes, c->disk, &config, &now);
        if (r < 0) {
                broken(c, POWER_UNREADABLE, "the outboxes: %s", strerror(-r));
                return;
        }
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                check_outbox(c, p, outboxes_get(outboxes, p), &now);
        outboxes = outboxes_free(outboxes);
}

/* ---- The inbox ---- */

static void on_ack(void *userdata, MqttAck ack) {
        PowerCheck *c = userdata;

        c->is_acked = true;
}

static void on_give(void *userdata, void *taker_userdata, const InboxMessage *message) {
        InboxMessage *last = taker_userdata;
        PowerCheck *c = userdata;
        unsigned n;

        c->is_given = message != NULL;
        if (!message)
                return;
        *last = *message;
        if (!body_parse(message->payload, 40503, 900, &n)) {
                broken(c, POWER_CHANGED, "message %" PRIu64 " from the cloud is '%.*s'", message->sequence,
                       MIN(az_span_size(message->payload), 40), (char *) az_span_ptr(message->payload));
                return;
        }
        for (size_t i = 0; i < c->n_c2ds; i++) {
                if (c->c2ds[i].n != n)
                        continue;
                if (c->c2ds[i].seen == c->image)
                        broken(c, POWER_ORDER, "message %u from the cloud is there twice", n);
                c->c2ds[i].seen = c->image;
        }
}

static void on_settled(void *userdata, void *token, int error) {
        if (error != 0)
                broken(userdata, POWER_UNREADABLE, "a message from the cloud cannot be settled: %s",
                       strerror(error));
}

static const InboxOps inbox_ops = { .ack = on_ack, .give = on_give, .settled = on_settled };

/* The hub repeats a message that is stored: it is known, and acknowledged at once. */
static void inbox_repeat(PowerCheck *c, Inbox *inbox, const InboxTime *now) {
        char body[BODY_SIZE], id[32];

        for (size_t i = 0; i < c->n_c2ds; i++) {
                InboxDelivery delivery = { .bag = AZ_SPAN_FROM_STR("again=1"),
                                           .ack = { .epoch = 1, .sequence = 1 } };

                if (c->c2ds[i].seen != c->image)
                        continue;
                (void) snprintf(id, sizeof(id), "c%u", c->c2ds[i].n);
                delivery.message_id = az_span_create_from_str(id);
                delivery.payload = az_span_create((uint8_t *) body,
                                                  (int32_t) body_format(body, c->c2ds[i].n, 40503, 900));
                c->is_acked = false;
                inbox_receive(inbox, &delivery, now);
                if (!c->is_acked)
                        broken(c, POWER_REPEAT_NOT_KNOWN, "message %u from the cloud", c->c2ds[i].n);
                return;
        }
}

static void inbox_compare(PowerCheck *c) {
        uint64_t newest = 0; /* the last one to come in among those that are acknowledged */

        for (size_t i = 0; i < c->n_c2ds; i++)
                if (had(c, c->c2ds[i].acked))
                        newest = MAX(newest, c->c2ds[i].received);

        for (size_t i = 0; i < c->n_c2ds; i++) {
                const C2d *c2d = &c->c2ds[i];
                bool is_there = c2d->seen == c->image;

                if (!is_there && !c2d->is_gone && had(c, c2d->acked) && !had(c, c2d->settling))
                        broken(c, POWER_LOST_C2D, "message %u from the cloud, acknowledged at %" PRIu64,
                               c2d->n, c2d->acked);
                if (!is_there || !had(c, c2d->settled) || c2d->is_back)
                        continue;
                c->n_again++;
                if (c2d->settled < newest)
                        broken(c, POWER_SETTLED_AGAIN, "message %u from the cloud, settled at %" PRIu64,
                               c2d->n, c2d->settled);
        }
}

static void check_inbox(PowerCheck *c, const char *directory) {
        InboxConfig config = { .directory = directory, .max_messages = 1000, .max_bytes = 16 << 20 };
        InboxTime now = { .boottime_us = USEC_PER_SEC, .realtime_us = realtime_us() };
        InboxTaker *taker = NULL;
        bool is_repeated = false;
        Inbox *inbox = NULL;
        InboxMessage last;

        if (inbox_open(&inbox, c->disk, &config, &inbox_ops, c, &c->log, &now) < 0 ||
            inbox_taker_new(&taker, inbox, &last) < 0)
                abort();
        do {
                c->is_given = false;
                if (inbox_taker_wait(taker, now.boottime_us + USEC_PER_SEC, &now) != 0)
                        abort();
                disk_drain(c->disk);
                if (c->is_given && !is_repeated)
                        inbox_repeat(c, inbox, &now);
                is_repeated = true;
                if (c->is_given && inbox_taker_settle(taker, last.sequence, c) != 0)
                        abort();
                disk_drain(c->disk);
        } while (c->is_given);
        inbox_compare(c);
        taker = inbox_taker_free(taker);
        inbox = inbox_free(inbox);
}

/* ---- Small files ---- */

static char *state_read(PowerCheck *c, const char *directory, const char *name) {
        StateFile *file = NULL;
        char *text = NULL;
        int r;

        if (state_file_new(&file, c->disk, directory, name) < 0)
                abort();
        r = state_file_read(file, &text);
        if (r != 0 && r != STATE_FILE_NONE)
                broken(c, POWER_UNREADABLE, "'%s' (%d)", name, r);
        file = state_file_free(file);
        return r == 0 ? text : NULL;
}

static void check_reports(PowerCheck *c, const char *directory) {
        unsigned told[KEYS_MAX] = {}, sent[KEYS_MAX] = {}, accepted[KEYS_MAX] = {};
        _cleanup_(freep) char *text = state_read(c, directory, "twin-reports");

        for (size_t i = 0; i < c->n_reports; i++)
                if (had(c, c->reports[i].told))
                        told[c->reports[i].key] = MAX(told[c->reports[i].key], c->reports[i].value);
        for (size_t i = 0; i < c->n_sents; i++) {
                const Sent *s = &c->sents[i];

                if (had(c, s->sent))
                        sent[s->key] = MAX(sent[s->key], s->value);
                if (had(c, s->accepted))
                        accepted[s->key] = MAX(accepted[s->key], s->value);
        }
        for (unsigned key = 0; key < KEYS_MAX; key++) {
                char member[16];
                const char *found;
                unsigned value = 0;

                (void) snprintf(member, sizeof(member), "\"k%u\":", key);
                found = text ? strstr(text, member) : NULL;
                if (found)
                        value = (unsigned) strtoul(found + strlen(member), NULL, 10);
                if (MAX(value, accepted[key]) < told[key])
                        broken(c, POWER_LOST_REPORT, "k%u was reported to be %u: %u is stored, %u at the hub",
                               key, told[key], value, accepted[key]);
                if (found && value < sent[key])
                        broken(c, POWER_REPORT_REGRESSED, "k%u would be %u again, and the hub was sent %u",
                               key, value, sent[key]);
        }
}

/* No file was found damaged, but for segments, of which outbox_events() has heard. */
static void check_aside(PowerCheck *c, const char *directory) {
        const struct dirent *entry;
        DIR *stream = opendir(directory);

        while (stream && (entry = readdir(stream)))
                if ((strstr(entry->d_name, ".damaged-") || strstr(entry->d_name, ".newer-")) &&
                    strncmp(entry->d_name, "segment-", 8) != 0)
                        broken(c, POWER_UNREADABLE, "'%s' was set aside", entry->d_name);
        if (stream)
                (void) closedir(stream);
}

static void check_history(PowerCheck *c, const char *directory) {
        History *history = NULL;

        if (history_new(&history, c->disk, directory, 1, &c->log) < 0)
                abort();
        history = history_free(history);
}

/* ---- All of it ---- */

void power_check_opened(PowerCheck *c, uint64_t time_us) {
        c->opened_us = time_us;
}

void power_check_image(PowerCheck *c, const char *directory, uint64_t index, uint64_t time_us,
                       const char *what) {
        static const char *const files[] = { "twin", "transport", "assignment", "counters" };
        static const char *const parts[] = { "", "/outbox", "/outbox/high", "/inbox" };
        char path[PATH_MAX];

        c->image++;
        c->index = index;
        c->time_us = time_us;
        c->what = what;

        (void) snprintf(path, sizeof(path), "%s/outbox", directory);
        check_outboxes(c, path);
        (void) snprintf(path, sizeof(path), "%s/inbox", directory);
        check_inbox(c, path);
        check_reports(c, directory);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                free(state_read(c, directory, files[i]));
        check_history(c, directory);
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                (void) snprintf(path, sizeof(path), "%s%s", directory, parts[i]);
                check_aside(c, path);
        }
}

void power_check_cut(PowerCheck *c, const char *directory, uint64_t index, uint64_t time_us) {
        power_check_image(c, directory, index, time_us, "for good");
        for (size_t i = 0; i < c->n_messages; i++)
                c->messages[i].is_gone |= had(c, c->messages[i].accepted) && c->messages[i].seen != c->image;
        for (size_t i = 0; i < c->n_c2ds; i++) {
                c->c2ds[i].is_gone |= had(c, c->c2ds[i].received) && c->c2ds[i].seen != c->image;
                c->c2ds[i].is_back |= c->c2ds[i].seen == c->image;
        }
}

unsigned power_check_report(const PowerCheck *c) {
        unsigned n = 0;

        printf("# %" PRIu64 " messages were handed out, at most %" PRIu64 " of an image again; of %" PRIu64
               " torn tails a copy was set aside; %" PRIu64
               " messages from the cloud came back just settled\n",
               c->n_handed_out, c->n_repeated_max, c->n_tails, c->n_again);
        for (unsigned rule = 0; rule < _POWER_RULE_MAX; rule++) {
                if (c->n_broken[rule] == 0)
                        continue;
                printf("broken %s %" PRIu64 "\n", power_rule_names[rule], c->n_broken[rule]);
                n++;
        }
        return n;
}
