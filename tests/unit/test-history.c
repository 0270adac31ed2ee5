/* SPDX-License-Identifier: MIT */

#include "daemon/history.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/unit/fault.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit-span.h"

#define BOOT     UINT64_C(0x1234)
#define MINUTE   (60 * USEC_PER_SEC)
#define HOUR     (60 * MINUTE)
#define DAY      (24 * HOUR)
#define WALL_US  (UINT64_C(1800000000) * USEC_PER_SEC)
#define FILE_MAX (HISTORY_FILE_BYTES + 1)

static const Log silent = { .max_level = -1 };

/* A directory with a history in it, and what time it is. */
typedef struct Scene {
        char directory[SCRATCH_SIZE];
        char path[PATH_MAX];
        Disk *disk;
        History *history;
        uint64_t now_us;
} Scene;

static void scene_open(Scene *s) {
        ck_assert_int_eq(disk_new(&s->disk), 0);
        ck_assert_int_eq(history_new(&s->history, s->disk, s->directory, BOOT, &silent), 0);
}

static void scene_init(Scene *s) {
        *s = (Scene){ .now_us = HOUR };
        scratch_init(s->directory, "test-history");
        scratch_path(s->directory, "history", s->path, sizeof(s->path));
        scene_open(s);
}

/* As SIGKILL would: what is with the disk thread is written. */
static void scene_kill(Scene *s) {
        s->history = history_free(s->history);
        s->disk = disk_free(s->disk);
}

static void scene_restart(Scene *s) {
        history_close(s->history);
        scene_kill(s);
        scene_open(s);
}

static void scene_done(Scene *s) {
        scene_kill(s);
        scratch_done(s->directory);
}

static void add(Scene *s, HistoryEvent event, const HistoryFacts *facts) {
        history_add_at(s->history, event, facts, s->now_us, WALL_US + s->now_us);
}

static void add_problem(Scene *s, HistoryEvent event, const char *problem) {
        add(s, event, &(HistoryFacts){ .problem = problem });
}

/* What is in the history: "started failed(tcp)×3 connected". */
static const char *summary(const History *h, char *ret, size_t size) {
        const HistoryRecord *r = NULL;
        size_t n = 0;

        ret[0] = '\0';
        while (n < size && (r = history_next(h, r ? r->sequence : 0))) {
                const char *problem = r->texts[HISTORY_TEXT_PROBLEM];

                n += (size_t) snprintf(ret + n, size - n, "%s%s%s%s%s", n > 0 ? " " : "",
                                       r->texts[HISTORY_TEXT_EVENT], problem[0] ? "(" : "", problem,
                                       problem[0] ? ")" : "");
                if (r->count > 1 && n < size)
                        n += (size_t) snprintf(ret + n, size - n, "x%u", r->count);
        }
        return ret;
}

static unsigned count(const History *h) {
        const HistoryRecord *r = NULL;
        unsigned n = 0;

        while ((r = history_next(h, r ? r->sequence : 0)))
                n++;
        return n;
}

static void check_summary(const Scene *s, const char *expected) {
        char text[1024];

        ck_assert_str_eq(summary(s->history, text, sizeof(text)), expected);
}

/* ---- What is kept ---- */

START_TEST(an_event_comes_back_after_a_restart_with_all_that_is_known_of_it) {
        const HistoryFacts facts = { .problem = "refused",
                                     .layer = "tcp",
                                     .transport = "mqtt",
                                     .host = "hub.example",
                                     .address = "[::1]:8883",
                                     .text = "Cannot connect to 'hub.example' port 8883: Connection refused",
                                     .is_resumed = true };
        const HistoryRecord *r;
        Scene s;

        scene_init(&s);
        add(&s, HISTORY_STARTED, NULL);
        add(&s, HISTORY_FAILED, &facts);
        scene_kill(&s);
        scene_open(&s);

        r = history_next(s.history, 0);
        ck_assert_uint_eq(r->sequence, 1);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_EVENT], "started");
        for (size_t i = HISTORY_TEXT_PROBLEM; i < _HISTORY_TEXT_MAX; i++)
                ck_assert_str_eq(r->texts[i], "");
        r = history_next(s.history, r->sequence);
        ck_assert_uint_eq(r->sequence, 2);
        ck_assert_uint_eq(r->count, 1);
        ck_assert_uint_eq(r->boot, BOOT);
        ck_assert_uint_eq(r->boottime_us, HOUR);
        ck_assert_uint_eq(r->realtime_us, WALL_US + HOUR);
        ck_assert_uint_eq(r->first_realtime_us, WALL_US + HOUR);
        ck_assert(r->is_resumed);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_PROBLEM], facts.problem);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_LAYER], facts.layer);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_TRANSPORT], facts.transport);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_HOST], facts.host);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_ADDRESS], facts.address);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_REASON], facts.text);
        ck_assert_ptr_null(history_next(s.history, 2));

        add(&s, HISTORY_CONNECTED, NULL);
        ck_assert_uint_eq(history_next(s.history, 2)->sequence, 3);
        scene_done(&s);
}
END_TEST

START_TEST(each_event_has_a_name) {
        CHECK_NAMES(history_event_to_string, _HISTORY_EVENT_MAX);
}
END_TEST

#define A50  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A500 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50

START_TEST(texts_are_cut_at_a_character_and_cannot_move_a_cursor) {
        const HistoryFacts facts = { .problem =
                                             "0123456789012345678901234567890123456789012345\xc3\xa4\xc3\xa4",
                                     .layer = A500,
                                     .transport = A500,
                                     .host = A500,
                                     .address = A500,
                                     .text = "\x1b[2J one\ntwo\x7f " A500 };
        const HistoryRecord *r;
        Scene s;

        scene_init(&s);
        add(&s, HISTORY_IDENTITY_ROLLED_BACK, &facts);
        r = history_next(s.history, 0);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_PROBLEM],
                         "0123456789012345678901234567890123456789012345\xc3\xa4");
        ck_assert_uint_eq(strlen(r->texts[HISTORY_TEXT_HOST]), 144);
        ck_assert_int_eq(strncmp(r->texts[HISTORY_TEXT_REASON], " [2J one two  " A50 A50, 114), 0);
        ck_assert_uint_ge(strlen(r->texts[HISTORY_TEXT_REASON]), 128);

        /* What was cut is a repeat of what was cut. */
        add(&s, HISTORY_IDENTITY_ROLLED_BACK, &facts);
        ck_assert_uint_eq(history_next(s.history, 0)->count, 2);
        scene_done(&s);
}
END_TEST

/* ---- Repeats ---- */

typedef struct Happening {
        uint64_t after_us; /* the one before */
        HistoryEvent event;
        const char *problem;
} Happening;

static const struct {
        Happening happenings[12];
        const char *summary;
} repeats[] = {
        /* The same failure, however long it lasts. */
        { { { 0, HISTORY_STARTED, NULL },
            { 1, HISTORY_FAILED, "tcp" },
            { HOUR, HISTORY_FAILED, "tcp" },
            { DAY, HISTORY_FAILED, "tcp" } },
          "started failed(tcp)x3" },
        /* Two transports that fail in turn. */
        { { { 0, HISTORY_FAILED, "tcp" },
            { 1, HISTORY_FAILED, "proxy" },
            { 1, HISTORY_FAILED, "tcp" },
            { 1, HISTORY_FAILED, "proxy" },
            { 1, HISTORY_FAILED, "proxy" } },
          "failed(tcp)x2 failed(proxy)x3" },
        /* A link that comes and goes. */
        { { { 0, HISTORY_CONNECTED, NULL },
            { MINUTE, HISTORY_LOST, "closed" },
            { MINUTE, HISTORY_CONNECTED, NULL },
            { 58 * MINUTE, HISTORY_LOST, "closed" } },
          "connectedx2 lost(closed)x2" },
        /* Once a day is worth a record each. */
        { { { 0, HISTORY_CONNECTED, NULL },
            { HOUR, HISTORY_LOST, "closed" },
            { MINUTE, HISTORY_CONNECTED, NULL },
            { HOUR, HISTORY_LOST, "closed" } },
          "connected lost(closed) connected lost(closed)" },
        /* Eight others lie between. */
        { { { 0, HISTORY_FAILED, "1" },
            { 1, HISTORY_FAILED, "2" },
            { 1, HISTORY_FAILED, "3" },
            { 1, HISTORY_FAILED, "4" },
            { 1, HISTORY_FAILED, "5" },
            { 1, HISTORY_FAILED, "6" },
            { 1, HISTORY_FAILED, "7" },
            { 1, HISTORY_FAILED, "8" },
            { 1, HISTORY_FAILED, "9" },
            { 1, HISTORY_FAILED, "1" } },
          "failed(1) failed(2) failed(3) failed(4) failed(5) failed(6) failed(7) failed(8) failed(9) "
          "failed(1)" },
};

START_TEST(what_repeats_is_counted_in_one_record) {
        Scene s;

        scene_init(&s);
        for (size_t i = 0; i < 12 && repeats[_i].happenings[i].after_us + (i == 0) > 0; i++) {
                s.now_us += repeats[_i].happenings[i].after_us;
                add_problem(&s, repeats[_i].happenings[i].event, repeats[_i].happenings[i].problem);
        }
        check_summary(&s, repeats[_i].summary);
        scene_restart(&s);
        check_summary(&s, repeats[_i].summary);
        scene_done(&s);
}
END_TEST

START_TEST(a_repeat_has_the_first_time_the_last_time_and_the_last_text) {
        const HistoryRecord *r;
        Scene s;

        scene_init(&s);
        add(&s, HISTORY_FAILED,
            &(HistoryFacts){ .problem = "tcp", .address = "192.0.2.1:8883", .text = "one" });
        s.now_us += MINUTE;
        add(&s, HISTORY_FAILED,
            &(HistoryFacts){ .problem = "tcp", .address = "192.0.2.2:8883", .text = "two" });
        scene_restart(&s);
        r = history_next(s.history, 0);
        ck_assert_uint_eq(r->count, 2);
        ck_assert_uint_eq(r->sequence, 2);
        ck_assert_uint_eq(r->first_realtime_us, WALL_US + HOUR);
        ck_assert_uint_eq(r->realtime_us, WALL_US + HOUR + MINUTE);
        ck_assert_str_eq(r->texts[HISTORY_TEXT_ADDRESS], "192.0.2.2:8883");
        ck_assert_str_eq(r->texts[HISTORY_TEXT_REASON], "two");
        scene_done(&s);
}
END_TEST

START_TEST(a_month_offline_pushes_nothing_out_and_hardly_writes) {
        char problem[16];
        int n_syncs;
        Scene s;

        scene_init(&s);
        for (unsigned i = 0; i < 200; i++) {
                (void) snprintf(problem, sizeof(problem), "%u", i);
                add_problem(&s, HISTORY_LOST, problem);
        }
        disk_drain(s.disk);
        (void) fault_take_syncs();
        for (unsigned i = 0; i < 30 * 24 * 12; i++) {
                s.now_us += 5 * MINUTE;
                add_problem(&s, HISTORY_FAILED, i % 2 == 0 ? "tcp" : "proxy");
                if (i % 3 == 0) {
                        add_problem(&s, HISTORY_NETWORK_DOWN, NULL);
                        add_problem(&s, HISTORY_NETWORK_UP, NULL);
                }
                disk_drain(s.disk);
        }
        n_syncs = fault_take_syncs();
        ck_assert_int_le(n_syncs, 4 * 30 * 24 + 100); /* four kinds, each at most once an hour */
        ck_assert_uint_eq(count(s.history), 204);
        scene_kill(&s);
        scene_open(&s);
        ck_assert_uint_eq(count(s.history), 204);
        ck_assert_str_eq(history_next(s.history, 0)->texts[HISTORY_TEXT_PROBLEM], "0");
        scene_done(&s);
}
END_TEST

START_TEST(a_device_that_crashes_for_ever_counts_on) {
        char text[64];
        Scene s;

        scene_init(&s);
        for (unsigned i = 1; i <= 20; i++) {
                s.now_us = 30 * USEC_PER_SEC; /* each time the same after it has booted */
                add(&s, HISTORY_STARTED, NULL);
                scene_kill(&s);
                scene_open(&s);
                (void) snprintf(text, sizeof(text), "started");
                if (i > 1)
                        (void) snprintf(text, sizeof(text), "startedx%u", i);
                check_summary(&s, text);
        }
        scene_done(&s);
}
END_TEST

START_TEST(the_newest_are_kept) {
        const HistoryRecord *r;
        char problem[16];
        Scene s;

        scene_init(&s);
        for (unsigned i = 1; i <= 1000; i++) {
                (void) snprintf(problem, sizeof(problem), "%u", i);
                add_problem(&s, HISTORY_FAILED, problem);
        }
        for (unsigned twice = 0; twice < 2; twice++) {
                ck_assert_uint_eq(count(s.history), HISTORY_RECORDS);
                r = history_next(s.history, 0);
                ck_assert_uint_eq(r->sequence, 1000 - HISTORY_RECORDS + 1);
                ck_assert_str_eq(r->texts[HISTORY_TEXT_PROBLEM], "745");
                scene_restart(&s);
        }
        scene_done(&s);
}
END_TEST

static void on_added(void *userdata, const HistoryRecord *record) {
        *(uint64_t *) userdata = record->sequence * 100 + record->count;
}

START_TEST(a_listener_hears_of_each_event_and_each_repeat) {
        uint64_t heard = 0;
        Scene s;

        scene_init(&s);
        history_set_listener(s.history, on_added, &heard);
        add_problem(&s, HISTORY_STARTED, NULL);
        ck_assert_uint_eq(heard, 101);
        add_problem(&s, HISTORY_STARTED, NULL);
        ck_assert_uint_eq(heard, 202);
        scene_done(&s);
}
END_TEST

/* ---- What happens to files ---- */

static uint8_t *read_file(const Scene *s) {
        uint8_t *bytes = calloc(1, FILE_MAX);
        int fd = open(s->path, O_RDONLY | O_CLOEXEC);

        ck_assert_ptr_nonnull(bytes);
        ck_assert_int_eq(read(fd, bytes, FILE_MAX), HISTORY_FILE_BYTES);
        close_fd(fd);
        return bytes;
}

static void write_file(const Scene *s, const uint8_t *bytes, size_t n) {
        int fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_eq(write(fd, bytes, n), (int) n);
        close_fd(fd);
}

/* Starts with these bytes, adds an event, starts again: there is one more. Returns how many there were. */
static unsigned check_start(Scene *s, const uint8_t *bytes, size_t n) {
        unsigned n_records;

        write_file(s, bytes, n);
        scene_open(s);
        n_records = count(s->history);
        add_problem(s, HISTORY_NETWORK_UP, "after");
        scene_kill(s);
        scene_open(s);
        ck_assert_uint_eq(count(s->history), n_records + 1);
        scene_kill(s);
        (void) unlink(s->path);
        return n_records;
}

/* A file with three records, and nothing open. */
static uint8_t *three_records(Scene *s) {
        scene_init(s);
        add_problem(s, HISTORY_STARTED, NULL);
        add_problem(s, HISTORY_FAILED, "tcp");
        add_problem(s, HISTORY_CONNECTED, NULL);
        scene_kill(s);
        return read_file(s);
}

START_TEST(a_byte_that_is_wrong_costs_one_record_at_most) {
        const size_t n_used = HISTORY_HEADER_BYTES + 3 * HISTORY_RECORD_BYTES;
        char path[PATH_MAX];
        uint8_t *bytes;
        Scene s;

        bytes = three_records(&s);
        for (size_t i = 0; i < n_used + HISTORY_RECORD_BYTES; i++) {
                /* Of zeros and texts, not each byte is another case. */
                if (i % HISTORY_RECORD_BYTES > 100 && i % 7 != 0)
                        continue;
                bytes[i] ^= (uint8_t) (1U << i % 8);
                ck_assert_uint_eq(check_start(&s, bytes, HISTORY_FILE_BYTES), i < HISTORY_HEADER_BYTES ? 0
                                                                              : i < n_used             ? 2
                                                                                                       : 3);
                bytes[i] ^= (uint8_t) (1U << i % 8);
                scratch_path(s.directory, "history.damaged-1", path, sizeof(path));
                ck_assert_int_eq(access(path, F_OK) == 0, i < HISTORY_HEADER_BYTES);
                (void) unlink(path);
        }
        free(bytes);
        scratch_done(s.directory);
}
END_TEST

START_TEST(a_file_that_was_cut_short_or_is_too_long_is_read_as_far_as_it_goes) {
        char path[PATH_MAX];
        uint8_t *bytes;
        Scene s;

        bytes = three_records(&s);
        scratch_path(s.directory, "history.damaged-1", path, sizeof(path));
        for (size_t n = 0; n <= FILE_MAX; n += n < 2200 ? 11 : 5000) {
                size_t n_whole = n < HISTORY_HEADER_BYTES ? 0 : n / HISTORY_RECORD_BYTES - 1;
                unsigned n_records = check_start(&s, bytes, n);

                /* One is whole already when no more than zeros are missing. */
                ck_assert_uint_ge(n_records, (unsigned) MIN(n_whole, 3U));
                ck_assert_uint_le(n_records, (unsigned) MIN(n_whole + (n >= HISTORY_HEADER_BYTES), 3U));
                (void) unlink(path);
        }
        ck_assert_uint_eq(check_start(&s, bytes, FILE_MAX), 3);
        free(bytes);
        scratch_done(s.directory);
}
END_TEST

START_TEST(a_torn_count_leaves_the_old_one) {
        uint8_t *before, *after, *torn;
        char text[256];
        Scene s;

        before = three_records(&s);
        scene_open(&s);
        add_problem(&s, HISTORY_FAILED, "tcp");
        scene_kill(&s);
        after = read_file(&s);
        torn = malloc(FILE_MAX);
        ck_assert_ptr_nonnull(torn);
        for (size_t n = 0; n <= HISTORY_HEADER_BYTES + 5 * HISTORY_RECORD_BYTES; n += 13) {
                memcpy(torn, before, FILE_MAX);
                memcpy(torn, after, n);
                write_file(&s, torn, HISTORY_FILE_BYTES);
                scene_open(&s);
                (void) summary(s.history, text, sizeof(text));
                ck_assert_msg(strcmp(text, "started failed(tcp) connected") == 0 ||
                                      strcmp(text, "started connected failed(tcp)x2") == 0,
                              "%zu bytes of the write: %s", n, text);
                scene_kill(&s);
        }
        ck_assert_str_eq(text, "started connected failed(tcp)x2");
        free(before);
        free(after);
        free(torn);
        scratch_done(s.directory);
}
END_TEST

START_TEST(what_a_newer_program_wrote_is_kept) {
        char path[PATH_MAX];
        uint8_t *bytes;
        Scene s;

        bytes = three_records(&s);
        bytes[7] = '2';
        ck_assert_uint_eq(check_start(&s, bytes, HISTORY_FILE_BYTES), 0);
        scratch_path(s.directory, "history.newer-1", path, sizeof(path));
        ck_assert_int_eq(access(path, F_OK), 0);
        free(bytes);
        scratch_done(s.directory);
}
END_TEST

START_TEST(what_is_no_file_is_set_aside_and_where_none_can_be_memory_serves) {
        char path[PATH_MAX];
        Scene s;

        scene_init(&s);
        scene_kill(&s);
        ck_assert_int_eq(unlink(s.path), 0);
        ck_assert_int_eq(symlink("/dev/zero", s.path), 0);
        scene_open(&s);
        add_problem(&s, HISTORY_STARTED, NULL);
        scene_restart(&s);
        check_summary(&s, "started");
        scene_kill(&s);

        scratch_path(s.directory, "missing/too", path, sizeof(path));
        ck_assert_int_eq(disk_new(&s.disk), 0);
        ck_assert_int_eq(history_new(&s.history, s.disk, path, BOOT, &silent), 0);
        add_problem(&s, HISTORY_STARTED, NULL);
        history_close(s.history);
        check_summary(&s, "started");
        scene_done(&s);
}
END_TEST

/* ---- A disk, and a memory, that fail ---- */

/* False: not even the history could be made. */
static bool tell_story(Scene *s) {
        if (history_new(&s->history, s->disk, s->directory, BOOT, &silent) < 0)
                return false;
        add_problem(s, HISTORY_STARTED, NULL);
        for (unsigned i = 0; i < 3; i++) {
                add_problem(s, HISTORY_FAILED, "tcp");
                disk_drain(s->disk);
        }
        add_problem(s, HISTORY_CONNECTED, NULL);
        history_close(s->history);
        return true;
}

START_TEST(whatever_fails_it_starts_and_what_was_kept_is_whole) {
        const FaultCase *c = &fault_cases[_i];
        bool was_hit = true;

        for (int n = 1; was_hit; n++) {
                bool was_made;
                char text[256];
                Scene s = { .now_us = HOUR };

                scratch_init(s.directory, "test-history");
                ck_assert_int_eq(disk_new(&s.disk), 0);
                fault_begin_case(c, n);
                was_made = tell_story(&s);
                was_hit = fault_end();
                ck_assert(was_made || c->kind == FAULT_MEMORY);
                if (was_made && c->kind != FAULT_MEMORY)
                        check_summary(&s, "started failed(tcp)x3 connected");
                scene_kill(&s);

                scene_open(&s);
                if (!was_hit)
                        check_summary(&s, "started failed(tcp)x3 connected");
                ck_assert_uint_le(strlen(summary(s.history, text, sizeof(text))), 31);
                add_problem(&s, HISTORY_LOST, "after");
                scene_restart(&s);
                ck_assert_ptr_nonnull(strstr(summary(s.history, text, sizeof(text)), "lost(after)"));
                scene_done(&s);
        }
}
END_TEST

static Suite *history_suite(void) {
        Suite *s = suite_create("history");
        TCase *t = tcase_create("history");

        tcase_add_test(t, an_event_comes_back_after_a_restart_with_all_that_is_known_of_it);
        tcase_add_test(t, each_event_has_a_name);
        tcase_add_test(t, texts_are_cut_at_a_character_and_cannot_move_a_cursor);
        tcase_add_loop_test(t, what_repeats_is_counted_in_one_record, 0, ELEMENTSOF(repeats));
        tcase_add_test(t, a_repeat_has_the_first_time_the_last_time_and_the_last_text);
        tcase_add_test(t, a_month_offline_pushes_nothing_out_and_hardly_writes);
        tcase_add_test(t, a_device_that_crashes_for_ever_counts_on);
        tcase_add_test(t, the_newest_are_kept);
        tcase_add_test(t, a_listener_hears_of_each_event_and_each_repeat);
        tcase_add_test(t, a_byte_that_is_wrong_costs_one_record_at_most);
        tcase_add_test(t, a_file_that_was_cut_short_or_is_too_long_is_read_as_far_as_it_goes);
        tcase_add_test(t, a_torn_count_leaves_the_old_one);
        tcase_add_test(t, what_a_newer_program_wrote_is_kept);
        tcase_add_test(t, what_is_no_file_is_set_aside_and_where_none_can_be_memory_serves);
        tcase_add_loop_test(t, whatever_fails_it_starts_and_what_was_kept_is_whole, 0, FAULT_CASES_MAX);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(history_suite)
