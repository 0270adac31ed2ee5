/* SPDX-License-Identifier: MIT */

/* What has to become of a damaged outbox: each message that the damage did not touch is sent, unchanged. */

#include "daemon/outbox.h"
#include "daemon/segment.h"
#include "tests/chaos/flip-store.h"
#include "tests/interop/must.h"

#define MESSAGES_MAX 16U

typedef struct Message {
        uint64_t sequence;
        az_span properties, body; /* in the files of the store */
        size_t file, begin, end;  /* of the batch to which it belongs */
        bool is_pending;          /* not acknowledged */
} Message;

static Message messages[MESSAGES_MAX];
static size_t n_messages;

static const OutboxTime now = { .boot = 1,
                                .boottime_us = USEC_PER_SEC,
                                .realtime_us = UINT64_C(1700000000) * USEC_PER_SEC };

/* What one opening showed. */
typedef struct Sight {
        bool is_seen[MESSAGES_MAX];
        unsigned n_damaged, n_dropped; /* events */
        const char *wrong;
} Sight;

static Outbox *open_outbox(const FlipStore *store) {
        OutboxConfig config = {
                .directory = store->directory,
                .max_bytes = 32 * 1024,
                .segment_bytes = 8 * 1024,
        };
        Outbox *o = NULL;

        return outbox_open(&o, store->disk, &config, &now) == 0 ? o : NULL;
}

static bool settle(FlipStore *store, Outbox *o, Sight *sight) {
        bool is_readable = false;
        OutboxEvent event;

        disk_drain(store->disk);
        while (outbox_next_event(o, &event)) {
                is_readable |= event.type == OUTBOX_EVENT_READABLE;
                sight->n_damaged += event.type == OUTBOX_EVENT_DAMAGED;
                sight->n_dropped += event.type == OUTBOX_EVENT_DROPPED;
                if (event.type == OUTBOX_EVENT_DISK_ERROR)
                        sight->wrong = "a disk error was told, and there was none";
        }
        return is_readable;
}

static bool next(FlipStore *store, Outbox *o, Sight *sight, OutboxRecord *ret) {
        for (;;) {
                if (outbox_next(o, &now, ret) == 1)
                        return true;
                if (!settle(store, o, sight))
                        return false;
        }
}

static void see(Sight *sight, const OutboxRecord *record, uint64_t *last) {
        if (record->sequence <= *last)
                sight->wrong = "messages are not in their order";
        *last = record->sequence;
        for (size_t i = 0; i < n_messages; i++) {
                const Message *m = &messages[i];

                if (m->sequence != record->sequence)
                        continue;
                sight->is_seen[i] = true;
                if (!az_span_is_content_equal(m->body, record->body) ||
                    !az_span_is_content_equal(m->properties, record->properties))
                        sight->wrong = "a message is sent that is not what was accepted";
                return;
        }
        sight->wrong = "a message is sent that nobody had accepted";
}

/* Sends all there is, and then a new one. */
static void look(FlipStore *store, Outbox *o, Sight *sight) {
        static const OutboxMessage fresh = { .body = AZ_SPAN_LITERAL_FROM_STR("{\"fresh\":true}") };
        uint64_t last = 0, sequence;
        OutboxRecord record;

        (void) settle(store, o, sight);
        while (next(store, o, sight, &record))
                see(sight, &record, &last);
        if (outbox_append(o, &fresh, 1, &now, &sequence) != 0)
                sight->wrong = "nothing is accepted any more";
        else if (sequence <= last)
                sight->wrong = "a sequence is used twice";
        else if (!next(store, o, sight, &record) || !az_span_is_content_equal(record.body, fresh.body))
                sight->wrong = "what is accepted now is not sent";
}

static bool may_be_lost(const Message *m, const FlipDamage *damage) {
        if (m->file != damage->file)
                return false;
        if (damage->is_cut)
                return damage->offset < m->end;
        return damage->offset < SEGMENT_HEADER_BYTES ||
               (damage->offset >= m->begin && damage->offset < m->end);
}

static const char *judge(const FlipStore *store, const Sight *sight, const FlipDamage *damage) {
        bool is_lost = false;

        if (sight->wrong)
                return sight->wrong;
        for (size_t i = 0; i < n_messages; i++) {
                if (!messages[i].is_pending || sight->is_seen[i])
                        continue;
                is_lost = true;
                if (!may_be_lost(&messages[i], damage))
                        return "a message was lost that was not damaged";
        }
        if (is_lost && sight->n_damaged == 0)
                return "a message was lost, and no file was named";
        if (is_lost && sight->n_dropped == 0)
                return "a message was lost and not counted";
        if (sight->n_damaged > 0 && flip_count_aside(store) == 0)
                return "what was damaged was not kept";
        return NULL;
}

static const char *outbox_check(FlipStore *store, const FlipDamage *damage) {
        Sight first = {}, second = {};
        const char *wrong;
        Outbox *o;

        o = open_outbox(store);
        if (!o)
                return "it did not open";
        look(store, o, &first);
        outbox_free(o);
        wrong = judge(store, &first, damage);
        if (wrong)
                return wrong;
        if (first.n_damaged > 0)
                store->n_told++;
        else
                store->n_read++;

        o = open_outbox(store);
        if (!o)
                return "it did not open again";
        (void) settle(store, o, &second);
        outbox_free(o);
        return second.n_damaged > 0 ? "the same damage was found twice" : second.wrong;
}

/* ---- What is in it ---- */

static void scan(const FlipFile *file, size_t number) {
        az_span bytes = az_span_create(file->bytes, (int32_t) file->n);
        SegmentHeader header;
        SegmentItem item;
        SegmentScan s;
        size_t begin = 0;

        must(segment_header_parse(&header, bytes), "a segment has no header");
        segment_scan_init(&s, &header, bytes);
        while ((item = segment_scan_next(&s)).type == SEGMENT_ITEM_RECORD) {
                must(n_messages < MESSAGES_MAX, "too many messages");
                if (item.record.batch_index == 0)
                        begin = item.offset;
                messages[n_messages++] = (Message){
                        .sequence = item.record.sequence,
                        .properties = item.record.properties,
                        .body = item.record.body,
                        .file = number,
                        .begin = begin,
                };
                for (size_t i = 0; i < n_messages; i++)
                        if (messages[i].file == number && messages[i].begin == begin)
                                messages[i].end = item.offset + item.size;
        }
}

static void outbox_learn(FlipStore *store) {
        size_t n_pending = 0;
        Sight sight = {};
        Outbox *o;

        for (size_t i = 0; i < store->n_files; i++)
                if (strncmp(store->files[i].name, "segment-", strlen("segment-")) == 0)
                        scan(&store->files[i], i);
        o = open_outbox(store);
        must(o, "the whole outbox does not open");
        look(store, o, &sight);
        outbox_free(o);
        must(!sight.wrong && sight.n_damaged == 0, "the whole outbox is not whole");
        for (size_t i = 0; i < n_messages; i++) {
                messages[i].is_pending = sight.is_seen[i];
                n_pending += sight.is_seen[i];
        }
        must(n_pending >= 6 && n_pending < n_messages, "messages that wait, and one that does not");
}

/* ---- Making it ---- */

static void append(Outbox *o, const OutboxMessage *list, size_t n) {
        uint64_t sequence;

        must(outbox_append(o, list, n, &now, &sequence) == 0, "a message is not accepted");
}

static void append_text(Outbox *o, const char *text) {
        append(o, &(OutboxMessage){ .body = az_span_create_from_str((char *) text) }, 1);
}

static void outbox_make(FlipStore *store) {
        static const OutboxMessage batch[] = {
                { .properties = AZ_SPAN_LITERAL_FROM_STR("line=3"),
                  .body = AZ_SPAN_LITERAL_FROM_STR("{\"n\":3}") },
                { .body = AZ_SPAN_LITERAL_FROM_STR("{\"n\":4}") },
        };
        char large[3000] = "{\"n\":5}";
        OutboxRecord record;
        Sight sight = {};
        Outbox *o;

        memset(large + strlen(large), ' ', sizeof(large) - strlen(large) - 1);
        o = open_outbox(store);
        must(o, "an outbox");
        append_text(o, "{\"n\":1}");
        append_text(o, "{\"n\":2}");
        append(o, batch, ELEMENTSOF(batch));
        append_text(o, large);
        (void) settle(store, o, &sight);
        large[1000] = '\0'; /* has no room in the first segment */
        append_text(o, large);
        append_text(o, "{\"n\":7}");
        must(next(store, o, &sight, &record), "a message to send");
        outbox_acked(o, record.sequence);
        must(outbox_close(o) == 0, "a clean end");
        outbox_free(o);
}

const FlipKind flip_outbox = { "outbox", outbox_make, outbox_learn, outbox_check };
const FlipKind flip_outbox_version_1 = { "outbox-version-1", NULL, outbox_learn, outbox_check };
