/* SPDX-License-Identifier: MIT */

#include "daemon/outboxes.h"

#include <sys/stat.h>

#include "ipc/limits.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

typedef struct Fixture {
        char directory[SCRATCH_SIZE];
        OutboxesConfig config; /* the smallest there is; change it before outboxes are opened */
        OutboxTime now;
        /* Of what append() appends. */
        uint32_t owner, ttl_s;
        const OutboxLimits *limits;
        Disk *disk;
        Outboxes *outboxes;
} Fixture;

static Fixture fixture;
static Fixture *const f = &fixture;

static void setup(void) {
        *f = (Fixture){
                .config.max_bytes = OUTBOXES_BYTES_MIN,
                .now = { .boot = 1,
                         .boottime_us = USEC_PER_SEC,
                         .realtime_us = UINT64_C(1700000000) * USEC_PER_SEC },
        };
        scratch_init(f->directory, "outboxes");
        f->config.directory = f->directory;
        ck_assert_int_eq(disk_new(&f->disk), 0);
}

static void teardown(void) {
        f->outboxes = outboxes_free(f->outboxes);
        f->disk = disk_free(f->disk);
        scratch_done(f->directory);
}

static void open_all(void) {
        ck_assert_int_eq(outboxes_open(&f->outboxes, f->disk, &f->config, &f->now), 0);
}

static void restart(void) {
        ck_assert_int_eq(outboxes_close(f->outboxes), 0);
        f->outboxes = outboxes_free(f->outboxes);
        open_all();
}

/* Appends as soon as a segment is ready. */
static int append(Priority priority, az_span body) {
        OutboxMessage message = { .body = body, .owner = f->owner, .ttl_s = f->ttl_s };
        uint64_t sequence;
        int r;

        while ((r = outboxes_append(f->outboxes, priority, &message, 1, f->limits, &f->now, &sequence)) ==
               OUTBOX_BUSY)
                disk_drain(f->disk);
        return r;
}

/* Appends the largest messages until one is refused; returns their number. */
static size_t fill(Priority priority) {
        uint8_t *body = calloc(1, OUTBOX_BODY_MAX);
        size_t n = 0;

        while (append(priority, az_span_create(body, OUTBOX_BODY_MAX)) == 0)
                n++;
        free(body);
        return n;
}

/* The bodies of what is handed out, each followed by a space. */
static const char *read_all(Priority priority, char *buffer, size_t n) {
        Outbox *outbox = outboxes_get(f->outboxes, priority);
        OutboxRecord record;
        size_t length = 0;

        buffer[0] = '\0';
        for (unsigned n_tries = 0; n_tries < 3; n_tries++) {
                while (outbox_next(outbox, &f->now, &record) > 0)
                        length += (size_t) snprintf(buffer + length, n - length, "%.*s ",
                                                    az_span_size(record.body),
                                                    (const char *) az_span_ptr(record.body));
                disk_drain(f->disk);
        }
        return buffer;
}

static OutboxStats stats(void) {
        OutboxStats ret;

        outboxes_get_stats(f->outboxes, &ret);
        return ret;
}

static uint64_t bytes_on_disk(void) {
        char path[SCRATCH_SIZE + 64];
        uint64_t n = 0;
        struct stat st;

        for (unsigned number = 0; number < 100; number++)
                for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                        (void) snprintf(path, sizeof(path), "%s%s/segment-%04u", f->directory,
                                        p == PRIORITY_HIGH ? "/high" : "", number);
                        if (stat(path, &st) == 0)
                                n += (uint64_t) st.st_size;
                }
        return n;
}

START_TEST(each_priority_has_an_order_of_its_own_also_after_a_restart) {
        char all[32];

        open_all();
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("a")), 0);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("A")), 0);
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("b")), 0);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("B")), 0);
        ck_assert_uint_eq(stats().messages, 4);
        ck_assert_uint_eq(stats().oldest_realtime_us, f->now.realtime_us);
        restart();
        ck_assert_str_eq(read_all(PRIORITY_NORMAL, all, sizeof(all)), "a b ");
        ck_assert_str_eq(read_all(PRIORITY_HIGH, all, sizeof(all)), "A B ");
}
END_TEST

START_TEST(a_message_is_named_by_the_id_of_its_own_log) {
        open_all();
        ck_assert_str_ne(outbox_get_id(outboxes_get(f->outboxes, PRIORITY_NORMAL)),
                         outbox_get_id(outboxes_get(f->outboxes, PRIORITY_HIGH)));
}
END_TEST

START_TEST(a_full_log_of_one_priority_leaves_room_for_the_other) {
        f->config.max_bytes = UINT64_C(8) << 20;
        open_all();
        ck_assert_uint_gt(fill(PRIORITY_NORMAL), 3);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("alarm")), 0);
        (void) fill(PRIORITY_HIGH);
        ck_assert_uint_le(bytes_on_disk(), f->config.max_bytes);
        ck_assert_uint_gt(bytes_on_disk(), f->config.max_bytes * 3 / 4);
}
END_TEST

START_TEST(the_smallest_outbox_takes_the_largest_message_three_times_in_each_priority) {
        open_all();
        ck_assert_uint_ge(fill(PRIORITY_NORMAL), 3);
        ck_assert_uint_ge(fill(PRIORITY_HIGH), 3);
        ck_assert_uint_le(bytes_on_disk(), f->config.max_bytes);
}
END_TEST

START_TEST(an_outbox_of_sixteen_mebibytes_takes_the_largest_batch_of_a_call_in_each_priority) {
        static uint8_t body[IPC_MESSAGE_MAX / IPC_ARRAY_MAX];
        OutboxMessage messages[IPC_ARRAY_MAX];
        uint64_t first;

        for (size_t i = 0; i < IPC_ARRAY_MAX; i++)
                messages[i] = (OutboxMessage){ .body = AZ_SPAN_FROM_BUFFER(body) };
        f->config.max_bytes = UINT64_C(16) << 20;
        open_all();
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                ck_assert_int_eq(
                        outboxes_append(f->outboxes, p, messages, IPC_ARRAY_MAX, NULL, &f->now, &first), 0);
}
END_TEST

static const struct {
        uint64_t max_messages;
        unsigned n[_PRIORITY_MAX];
} message_limits[] = {
        { 1, { 1, 1 } }, /* none would do for either */
        { 2, { 1, 1 } }, { 7, { 6, 1 } }, { 8, { 7, 1 } }, { 10, { 9, 1 } }, { 100, { 88, 12 } },
};

START_TEST(an_eighth_of_the_messages_is_kept_for_high_priority) {
        f->config.max_messages = message_limits[_i].max_messages;
        open_all();
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                for (unsigned i = 0; i < message_limits[_i].n[p]; i++)
                        ck_assert_int_eq(append(p, AZ_SPAN_FROM_STR("a")), 0);
                ck_assert_int_eq(append(p, AZ_SPAN_FROM_STR("a")), OUTBOX_FULL);
        }
}
END_TEST

static const OutboxLimits two_messages = { .max_messages = 2 };
/* Records of a body of one byte have 72. */
static const OutboxLimits two_records = { .max_bytes = 144 };
static const OutboxLimits *const two[] = { &two_messages, &two_records };

START_TEST(an_application_may_have_as_much_as_its_limits_say_over_both_priorities) {
        open_all();
        f->limits = two[_i];
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("a")), 0);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("b")), 0);
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("c")), OUTBOX_OVER_LIMIT);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("d")), OUTBOX_OVER_LIMIT);
        restart();
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("c")), OUTBOX_OVER_LIMIT);

        f->owner++;
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("e")), 0);
}
END_TEST

START_TEST(an_application_at_its_limit_goes_on_as_its_messages_are_delivered) {
        OutboxRecord record;
        Outbox *high;

        open_all();
        f->limits = two[_i];
        high = outboxes_get(f->outboxes, PRIORITY_HIGH);
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("a")), 0);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("b")), 0);
        ck_assert_int_eq(outbox_next(high, &f->now, &record), 1);
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("c")), OUTBOX_OVER_LIMIT);
        outbox_acked(high, record.sequence);
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("c")), 0);
}
END_TEST

START_TEST(what_has_expired_makes_room_in_the_limits_of_its_application) {
        open_all();
        f->limits = two[_i];
        f->ttl_s = 60;
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                ck_assert_int_eq(append(p, AZ_SPAN_FROM_STR("a")), 0);
        f->now.boottime_us += 60 * USEC_PER_SEC;
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("b")), 0);
        ck_assert_uint_eq(stats().n_dropped[OUTBOX_DROP_EXPIRED], 2);
}
END_TEST

START_TEST(a_limit_never_drops_what_is_there_whatever_the_policy) {
        f->config.policy = OUTBOX_DROP_OLDEST;
        open_all();
        f->limits = two[_i];
        for (unsigned i = 0; i < 5; i++)
                ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("a")),
                                 i < 2 ? 0 : OUTBOX_OVER_LIMIT);
        ck_assert_uint_eq(stats().messages, 2);
        ck_assert_uint_eq(stats().n_dropped[OUTBOX_DROP_OLDER], 0);
}
END_TEST

START_TEST(a_batch_that_will_never_be_in_the_limit_is_too_large) {
        OutboxMessage messages[3] = {};
        uint64_t first;

        open_all();
        ck_assert_int_eq(outboxes_append(f->outboxes, PRIORITY_NORMAL, messages, 3, two[_i], &f->now, &first),
                         OUTBOX_TOO_LARGE);
        ck_assert_uint_eq(stats().messages, 0);
        ck_assert_int_eq(outboxes_append(f->outboxes, PRIORITY_NORMAL, messages, 2, two[_i], &f->now, &first),
                         0);
}
END_TEST

START_TEST(what_a_log_without_priorities_has_left_is_sent_as_normal) {
        OutboxConfig whole = { .directory = f->directory, .max_bytes = UINT64_C(64) << 20 };
        OutboxMessage message = { .body = AZ_SPAN_FROM_STR("old") };
        Outbox *outbox = NULL;
        uint64_t sequence;
        char all[32];

        ck_assert_int_eq(outbox_open(&outbox, f->disk, &whole, &f->now), 0);
        ck_assert_int_eq(outbox_append(outbox, &message, 1, &f->now, &sequence), 0);
        ck_assert_int_eq(outbox_close(outbox), 0);
        outbox = outbox_free(outbox);

        f->config.max_bytes = whole.max_bytes;
        open_all();
        ck_assert_int_eq(append(PRIORITY_NORMAL, AZ_SPAN_FROM_STR("new")), 0);
        ck_assert_str_eq(read_all(PRIORITY_NORMAL, all, sizeof(all)), "old new ");
        ck_assert_str_eq(read_all(PRIORITY_HIGH, all, sizeof(all)), "");
}
END_TEST

START_TEST(the_next_deadline_is_the_earlier_one) {
        OutboxRecord record;
        Outbox *high;

        open_all();
        ck_assert_uint_eq(outboxes_deadline_us(f->outboxes), UINT64_MAX);
        high = outboxes_get(f->outboxes, PRIORITY_HIGH);
        ck_assert_int_eq(append(PRIORITY_HIGH, AZ_SPAN_FROM_STR("a")), 0);
        ck_assert_int_eq(outbox_next(high, &f->now, &record), 1);
        outbox_acked(high, record.sequence);
        ck_assert_uint_eq(outboxes_deadline_us(f->outboxes), outbox_deadline_us(high));
        ck_assert_uint_lt(outboxes_deadline_us(f->outboxes), UINT64_MAX);

        f->now.boottime_us = outboxes_deadline_us(f->outboxes);
        outboxes_run_due(f->outboxes, f->now.boottime_us);
        disk_drain(f->disk);
        ck_assert_uint_eq(outboxes_deadline_us(f->outboxes), UINT64_MAX);
}
END_TEST

START_TEST(the_sync_interval_holds_for_both) {
        f->config.sync_interval_us = 5 * USEC_PER_SEC;
        open_all();
        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                ck_assert_int_eq(append(p, AZ_SPAN_FROM_STR("a")), 0);
                ck_assert_uint_eq(outbox_deadline_us(outboxes_get(f->outboxes, p)),
                                  f->now.boottime_us + 5 * USEC_PER_SEC);
        }
}
END_TEST

START_TEST(less_than_three_segments_for_each_is_a_bad_configuration) {
        f->config.max_bytes = OUTBOXES_BYTES_MIN - 1;
        ck_assert_int_eq(outboxes_open(&f->outboxes, f->disk, &f->config, &f->now), -EINVAL);
}
END_TEST

static Suite *outboxes_suite(void) {
        Suite *s = suite_create("outboxes");
        TCase *t = tcase_create("outboxes");

        tcase_add_checked_fixture(t, setup, teardown);
        tcase_add_test(t, each_priority_has_an_order_of_its_own_also_after_a_restart);
        tcase_add_test(t, a_message_is_named_by_the_id_of_its_own_log);
        tcase_add_test(t, a_full_log_of_one_priority_leaves_room_for_the_other);
        tcase_add_test(t, the_smallest_outbox_takes_the_largest_message_three_times_in_each_priority);
        tcase_add_test(t, an_outbox_of_sixteen_mebibytes_takes_the_largest_batch_of_a_call_in_each_priority);
        tcase_add_loop_test(t, an_eighth_of_the_messages_is_kept_for_high_priority, 0,
                            ELEMENTSOF(message_limits));
        tcase_add_loop_test(t, an_application_may_have_as_much_as_its_limits_say_over_both_priorities, 0,
                            ELEMENTSOF(two));
        tcase_add_loop_test(t, an_application_at_its_limit_goes_on_as_its_messages_are_delivered, 0,
                            ELEMENTSOF(two));
        tcase_add_loop_test(t, what_has_expired_makes_room_in_the_limits_of_its_application, 0,
                            ELEMENTSOF(two));
        tcase_add_loop_test(t, a_limit_never_drops_what_is_there_whatever_the_policy, 0, ELEMENTSOF(two));
        tcase_add_loop_test(t, a_batch_that_will_never_be_in_the_limit_is_too_large, 0, ELEMENTSOF(two));
        tcase_add_test(t, what_a_log_without_priorities_has_left_is_sent_as_normal);
        tcase_add_test(t, the_next_deadline_is_the_earlier_one);
        tcase_add_test(t, the_sync_interval_holds_for_both);
        tcase_add_test(t, less_than_three_segments_for_each_is_a_bad_configuration);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(outboxes_suite)
