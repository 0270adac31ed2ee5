/* SPDX-License-Identifier: MIT */

/* What has to become of the small files of the state directory when they are damaged, and of the history. */

#include <fcntl.h>

#include "daemon/assignment.h"
#include "daemon/drop-report-file.h"
#include "daemon/file.h"
#include "daemon/history.h"
#include "daemon/route-file.h"
#include "daemon/state-file.h"
#include "daemon/twin-state.h"
#include "tests/chaos/flip-store.h"
#include "tests/interop/must.h"

static const Log silent = { .max_level = -1 };

/* ---- Small files: the old text or none, and the damaged bytes are kept ---- */

static const struct {
        const char *name, *text;
} texts[] = {
        { ASSIGNMENT_FILE,
          "{\"idScope\":\"0ne00000001\",\"registrationId\":\"pump-17\",\"credential\":\"5f0c\","
          "\"hub\":\"hall.azure-devices.net\",\"port\":0,\"deviceId\":\"pump-17\",\"substatus\":null,"
          "\"payload\":\"{\\\"site\\\":7}\",\"assigned\":1700000000000000}" },
        { DROP_REPORT_FILE,
          "{\"since\":\"2026-11-22T10:00:00.000Z\",\"normal\":{\"since\":\"2026-11-22T09:00:00.000Z\","
          "\"expired\":7,\"overflow\":0,\"damaged\":1,\"unsendable\":0,\"poison\":0,\"refused\":3},\"high\":{"
          "\"since\":\"2026-11-22T09:00:00.000Z\",\"expired\":1,\"overflow\":0,\"damaged\":0,\"unsendable\":"
          "0,"
          "\"poison\":0,\"refused\":0}}" },
        { ROUTE_FILE, "{\"worked\":\"websocket\",\"preferredFailed\":1700000000}" },
        { TWIN_FILE,
          "{\"device\":\"pump-17\",\"asOf\":1700000000000000,\"desiredVersion\":4,\"reportedVersion\":9,"
          "\"desired\":{\"interval\":5},\"reported\":{\"firmware\":\"1.2\"}}" },
        { TWIN_REPORTS_FILE,
          "{\"device\":\"pump-17\",\"patches\":[{\"uid\":1000,\"patch\":{\"temperature\":21.5}}]}" },
};

static StateFile *open_file(FlipStore *store, size_t i) {
        StateFile *f;

        must(state_file_new(&f, store->disk, store->directory, texts[i].name) == 0, "a state file");
        return f;
}

static void state_make(FlipStore *store) {
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                StateFile *f = open_file(store, i);

                must(state_file_write_now(f, strdup(texts[i].text)) == 0, "a state file is written");
                state_file_free(f);
        }
}

static void state_learn(FlipStore *store) {
        must(store->n_files == ELEMENTSOF(texts), "a file for each text");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                must(strcmp(store->files[i].name, texts[i].name) == 0,
                     "texts are in the order of their names");
}

static bool is_kept(const FlipStore *store, const char *name) {
        _cleanup_(freep) char *bytes = NULL;
        char path[256];
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/%s.damaged-1", store->directory, name);
        return file_read(path, STATE_FILE_MAX, &bytes, &n) == 0;
}

static const char *check_one(FlipStore *store, StateFile *f, size_t i) {
        _cleanup_(freep) char *text = NULL, *again = NULL;
        int r;

        r = state_file_read(f, &text);
        if (r < 0)
                return "it cannot be read";
        if (r == 0) {
                if (strcmp(text, texts[i].text) != 0)
                        return "another text is read than was written";
                store->n_read++;
                return NULL;
        }
        if (r != STATE_FILE_DAMAGED)
                return "it is not taken for damaged";
        state_file_set_aside(f, &silent, r, NULL);
        if (!is_kept(store, texts[i].name))
                return "what was damaged was not kept";
        if (state_file_read(f, &text) != STATE_FILE_NONE)
                return "it is still there";
        if (state_file_write_now(f, strdup("{}")) != 0 || state_file_read(f, &again) != 0)
                return "nothing can be written any more";
        store->n_told++;
        return NULL;
}

static const char *state_check(FlipStore *store, const FlipDamage *damage) {
        const char *wrong = NULL;

        /* The damaged one, and one beside it. */
        for (size_t n = 0; n < 2 && !wrong; n++) {
                size_t i = (damage->file + n) % ELEMENTSOF(texts);
                StateFile *f = open_file(store, i);
                unsigned n_told = store->n_told;

                wrong = check_one(store, f, i);
                if (i != damage->file && store->n_told != n_told)
                        wrong = "a file was lost that was not damaged";
                state_file_free(f);
        }
        return wrong;
}

const FlipKind flip_state_files = { "state-files", state_make, state_learn, state_check };

/* ---- The history ---- */

#define N_EVENTS 3U
#define BOOT     7U

static const HistoryEvent events[N_EVENTS] = { HISTORY_STARTED, HISTORY_CONNECTED, HISTORY_LOST };

static void history_make(FlipStore *store) {
        History *h;

        must(history_new(&h, store->disk, store->directory, BOOT, &silent) == 0, "a history");
        for (size_t i = 0; i < N_EVENTS; i++)
                history_add_at(h, events[i], &(HistoryFacts){ .host = "hall.azure-devices.net" }, 1000 + i,
                               UINT64_C(1700000000) * USEC_PER_SEC);
        history_close(h);
        history_free(h);
}

static void history_learn(FlipStore *store) {
        must(store->n_files == 1 && store->files[0].n == HISTORY_FILE_BYTES, "a history of its full size");
}

static const char *look(const History *h, bool is_seen[static N_EVENTS]) {
        for (const HistoryRecord *r = history_next(h, 0); r; r = history_next(h, r->sequence)) {
                uint64_t i = r->sequence - 1;

                if (i >= N_EVENTS ||
                    strcmp(r->texts[HISTORY_TEXT_EVENT], history_event_to_string(events[i])) != 0 ||
                    strcmp(r->texts[HISTORY_TEXT_HOST], "hall.azure-devices.net") != 0 ||
                    r->boottime_us != 1000 + i)
                        return "an event is told that did not happen";
                is_seen[i] = true;
        }
        return NULL;
}

static const char *history_check(FlipStore *store, const FlipDamage *damage) {
        bool is_header = damage->offset < HISTORY_HEADER_BYTES, is_seen[N_EVENTS] = {};
        const char *wrong;
        History *h;

        if (history_new(&h, store->disk, store->directory, BOOT, &silent) != 0)
                return "it did not open";
        wrong = look(h, is_seen);
        if (!wrong && (history_add(h, HISTORY_STOPPED, NULL), !history_next(h, 0)))
                wrong = "nothing can be added any more";
        history_free(h);
        for (size_t i = 0; i < N_EVENTS && !wrong; i++) {
                size_t begin = HISTORY_HEADER_BYTES + i * HISTORY_RECORD_BYTES,
                       end = begin + HISTORY_RECORD_BYTES;
                bool is_touched = damage->offset < end && (damage->is_cut || damage->offset >= begin);

                if (!is_seen[i] && !is_header && !is_touched)
                        wrong = "an event was lost that was not damaged";
        }
        /* What was cut is told in the log alone. */
        if (!wrong && is_header && !damage->is_cut && !is_seen[0] && flip_count_aside(store) == 0)
                wrong = "what was damaged was not kept";
        if (flip_count_aside(store) > 0)
                store->n_told++;
        else
                store->n_read++;
        return wrong;
}

const FlipKind flip_history = { "history", history_make, history_learn, history_check };
