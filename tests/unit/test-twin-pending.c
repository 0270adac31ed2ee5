/* SPDX-License-Identifier: MIT */

#include "daemon/twin-pending.h"

#include "daemon/json-merge.h"
#include "daemon/twin-state.h"

#include "tests/unit/unit-span.h"

#define NEVER UINT64_MAX
#define SEEDS 100

/* Authors are the letters of their patches; what they hear goes to 'trace', one word each. */
typedef struct Scene {
        TwinPending *pending;
        char trace[512];
} Scene;

static void trace(Scene *s, const char *who, const char *what) {
        size_t n = strlen(s->trace);

        (void) snprintf(s->trace + n, sizeof(s->trace) - n, "%s:%s ", who, what);
}

static void on_answer(void *userdata, void *author, const TwinReportResult *result) {
        static const char *const names[_TWIN_REPORT_OUTCOME_MAX] = {
                [TWIN_REPORT_ACCEPTED] = "accepted",
                [TWIN_REPORT_REFUSED] = "refused",
                [TWIN_REPORT_STORED] = "stored",
                [TWIN_REPORT_STORAGE_FAILED] = "failed",
        };

        trace(userdata, author, names[result->outcome]);
}

static void on_gave_up(void *userdata, uid_t uid, const TwinReportResult *result) {
        char who[32];

        (void) snprintf(who, sizeof(who), "uid%u", uid);
        trace(userdata, who, "gone");
}

static const TwinPendingOps ops = { .answer = on_answer, .gave_up = on_gave_up };

static void scene_init(Scene *s) {
        *s = (Scene){};
        ck_assert_int_eq(twin_pending_new(&s->pending, &ops, s), 0);
}

static void scene_done(Scene *s) {
        s->pending = twin_pending_free(s->pending);
}

static void add(Scene *s, uid_t uid, const char *patch, uint64_t now_us, const char *author) {
        ck_assert_int_eq(twin_pending_add(s->pending, uid, str(patch), now_us, (void *) author), 0);
}

/* What is sent next; NULL: nothing is left. */
static void check_begin(Scene *s, const char *patch) {
        az_span sent;

        ck_assert_int_eq(twin_pending_begin(s->pending, &sent), patch ? 0 : TWIN_PENDING_NONE);
        if (patch)
                ck_assert_span_eq(sent, patch);
}

static void end(Scene *s, TwinReportOutcome outcome) {
        twin_pending_end(s->pending, &(TwinReportResult){ .outcome = outcome, .version = 2, .status = 400 });
}

static void stored(Scene *s, uint64_t generation, uint64_t since_us) {
        twin_pending_stored(s->pending, generation, since_us,
                            &(TwinReportResult){ .outcome = TWIN_REPORT_STORED });
}

static void check_pending(const Scene *s, const char *expected) {
        _cleanup_(freep) char *text = NULL;

        ck_assert_int_eq(twin_reports_format(s->pending, "d", &text), 0);
        ck_assert_str_eq(text + strlen("{\"device\":\"d\",\"patches\":"), expected);
}

/* ---- When and what is sent ---- */

START_TEST(patches_of_a_user_are_sent_at_once) {
        Scene s;

        scene_init(&s);
        ck_assert_uint_eq(twin_pending_due_us(s.pending), NEVER);
        add(&s, 1, "{\"a\":1}", 1000000, "A");
        ck_assert_uint_eq(twin_pending_due_us(s.pending), 1200000);
        add(&s, 1, "{\"b\":1}", 1150000, "B");
        ck_assert_uint_eq(twin_pending_due_us(s.pending), 1350000);
        add(&s, 1, "{\"a\":2}", 1900000, "C");
        ck_assert_uint_eq(twin_pending_due_us(s.pending), 2000000);

        check_begin(&s, "{\"b\":1,\"a\":2}");
        ck_assert_uint_eq(twin_pending_due_us(s.pending), NEVER);
        end(&s, TWIN_REPORT_ACCEPTED);
        ck_assert_str_eq(s.trace, "A:accepted B:accepted C:accepted ");
        ck_assert(twin_pending_is_empty(s.pending));
        check_begin(&s, NULL);
        scene_done(&s);
}
END_TEST

START_TEST(users_are_sent_one_after_the_other) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"a\":1}", 0, "A");
        add(&s, 2, "{\"b\":1}", 0, "B");
        add(&s, 1, "{\"c\":1}", 0, "C");
        check_begin(&s, "{\"a\":1,\"c\":1}");
        add(&s, 1, "{\"d\":1}", 0, "D"); /* not into what is in flight */
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"d\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        ck_assert_str_eq(s.trace, "A:accepted C:accepted B:accepted D:accepted ");
        scene_done(&s);
}
END_TEST

/* ---- Nothing regresses ---- */

START_TEST(later_value_of_another_user_wins) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"a\":1,\"b\":1}", 0, "A");
        add(&s, 2, "{\"a\":2}", 0, "B");
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"a\":2}");
        scene_done(&s);
}
END_TEST

START_TEST(failed_patch_goes_under_what_came_after_it) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"a\":1,\"b\":1}", 0, "A");
        check_begin(&s, "{\"a\":1,\"b\":1}");
        add(&s, 1, "{\"a\":2}", 0, "B");
        end(&s, TWIN_REPORT_RETRY);
        ck_assert_uint_eq(twin_pending_due_us(s.pending), 0); /* it has waited before */
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"a\":2}");
        end(&s, TWIN_REPORT_ACCEPTED);
        ck_assert_str_eq(s.trace, "A:accepted B:accepted ");
        scene_done(&s);
}
END_TEST

START_TEST(what_is_overwritten_in_flight_is_not_sent_again) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"a\":1}", 0, "A");
        check_begin(&s, "{\"a\":1}");
        add(&s, 2, "{\"a\":2}", 0, "B");
        end(&s, TWIN_REPORT_RETRY);
        check_begin(&s, "{\"a\":2}");
        ck_assert_str_eq(s.trace, "A:accepted ");
        scene_done(&s);
}
END_TEST

/* An object in place of what was removed is a second patch: one alone would keep the old members. */
START_TEST(removal_before_an_object_is_sent_before_it) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"x\":1}", 0, NULL);
        add(&s, 2, "{\"a\":null}", 0, NULL);
        add(&s, 1, "{\"a\":{\"b\":1}}", 0, NULL); /* cannot join the first */
        add(&s, 2, "{\"y\":1}", 0, NULL);         /* can */
        check_pending(&s, "[{\"uid\":1,\"patch\":{\"x\":1}},{\"uid\":2,\"patch\":{\"a\":null}},"
                          "{\"uid\":2,\"patch\":{\"y\":1}},{\"uid\":1,\"patch\":{\"a\":{\"b\":1}}}]}");
        scene_done(&s);
}
END_TEST

/* ---- Refusals ---- */

START_TEST(only_the_guilty_hear_of_a_refusal) {
        Scene s;

        scene_init(&s);
        add(&s, 1, "{\"a\":1}", 0, "A");
        add(&s, 1, "{\"b\":1}", 0, "B");
        add(&s, 1, "{\"c\":1}", 0, "C");
        add(&s, 2, "{\"d\":1}", 0, "D");
        check_begin(&s, "{\"a\":1,\"b\":1,\"c\":1}");
        end(&s, TWIN_REPORT_REFUSED);
        ck_assert_str_eq(s.trace, "");

        add(&s, 1, "{\"e\":1,\"c\":2}", 0, "E"); /* apart from what is on trial */
        check_begin(&s, "{\"a\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_RETRY);
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_REFUSED);
        check_begin(&s, "{\"d\":1}"); /* nothing is left of C */
        end(&s, TWIN_REPORT_ACCEPTED);
        check_begin(&s, "{\"e\":1,\"c\":2}");
        end(&s, TWIN_REPORT_REFUSED);
        ck_assert_str_eq(s.trace, "A:accepted B:refused C:accepted D:accepted E:refused ");
        ck_assert(twin_pending_is_empty(s.pending));
        scene_done(&s);
}
END_TEST

START_TEST(refusal_that_nobody_waits_for_is_told_with_the_user) {
        Scene s;

        scene_init(&s);
        add(&s, 7, "{\"a\":1}", 0, "A");
        add(&s, 7, "{\"b\":1}", 0, "B");
        stored(&s, twin_pending_get_generation(s.pending), NEVER);
        check_begin(&s, "{\"a\":1,\"b\":1}");
        end(&s, TWIN_REPORT_REFUSED);
        check_begin(&s, "{\"a\":1}");
        end(&s, TWIN_REPORT_REFUSED);
        check_begin(&s, "{\"b\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        ck_assert_str_eq(s.trace, "A:stored B:stored uid7:gone ");
        scene_done(&s);
}
END_TEST

/* ---- Waiting ---- */

START_TEST(stored_is_said_to_whoever_waits_long_enough) {
        uint64_t generation;
        Scene s;

        scene_init(&s);
        ck_assert_uint_eq(twin_pending_waiting_since_us(s.pending), NEVER);
        add(&s, 1, "{\"a\":1}", 10, "A");
        add(&s, 1, "{\"b\":1}", 20, "B");
        generation = twin_pending_get_generation(s.pending);
        add(&s, 1, "{\"c\":1}", 20, "C");
        ck_assert_uint_eq(twin_pending_waiting_since_us(s.pending), 10);

        stored(&s, generation, 15);
        ck_assert_str_eq(s.trace, "A:stored ");
        stored(&s, generation, 20);
        ck_assert_str_eq(s.trace, "A:stored B:stored ");

        twin_pending_forget(s.pending, "C");
        ck_assert_uint_eq(twin_pending_waiting_since_us(s.pending), NEVER);
        check_begin(&s, "{\"a\":1,\"b\":1,\"c\":1}");
        end(&s, TWIN_REPORT_ACCEPTED);
        ck_assert_str_eq(s.trace, "A:stored B:stored ");
        scene_done(&s);
}
END_TEST

/* ---- Bounds ---- */

/* {"name":"000…"} of so many bytes. */
static const char *large(char patch[static TWIN_PENDING_BYTES_MAX], char name, size_t n_bytes) {
        (void) snprintf(patch, TWIN_PENDING_BYTES_MAX, "{\"%c\":\"%0*d\"}", name, (int) n_bytes - 8, 0);
        return patch;
}

START_TEST(bytes_and_patches_are_bounded) {
        static char patch[TWIN_PENDING_BYTES_MAX];
        Scene s;

        scene_init(&s);
        add(&s, 1, large(patch, 'a', TWIN_PENDING_USER_BYTES_MAX / 2 - 8), 0, NULL);
        add(&s, 1, large(patch, 'b', TWIN_PENDING_USER_BYTES_MAX / 2 - 8), 0, NULL);
        ck_assert_int_eq(twin_pending_add(s.pending, 1, str("{\"c\":\"0123456789\"}"), 0, NULL),
                         TWIN_PENDING_FULL);
        add(&s, 1, large(patch, 'a', TWIN_PENDING_USER_BYTES_MAX / 2 - 8), 0,
            NULL); /* it takes the place of the first */
        add(&s, 1, "{\"a\":1,\"b\":1}", 0, NULL);

        for (unsigned i = 1; i < TWIN_PENDING_PATCHES_MAX / 2; i++) {
                char small[32];

                (void) snprintf(small, sizeof(small), "{\"b\":%u}", i);
                add(&s, 1, small, 0, "A");
        }
        ck_assert_int_eq(twin_pending_add(s.pending, 1, str("{}"), 0, NULL), TWIN_PENDING_FULL);
        check_begin(&s, "{\"a\":1,\"b\":127}");
        end(&s, TWIN_REPORT_ACCEPTED);
        add(&s, 1, "{\"a\":2}", 0, NULL);
        scene_done(&s);
}
END_TEST

START_TEST(whoever_takes_what_he_can_leaves_room_for_others) {
        static char patch[TWIN_PENDING_BYTES_MAX];
        unsigned n_patches[8] = {};
        Scene s;

        scene_init(&s);
        add(&s, 1, large(patch, 'a', TWIN_PENDING_USER_BYTES_MAX), 0, NULL);
        add(&s, 2, large(patch, 'b', TWIN_PENDING_USER_BYTES_MAX / 2), 0, NULL);
        ck_assert_int_eq(twin_pending_add(s.pending, 2, str("{\"c\":1}"), 0, NULL), TWIN_PENDING_FULL);
        add(&s, 3, "{\"c\":1}", 0, NULL);
        scene_done(&s);

        scene_init(&s);
        for (uid_t uid = 0; uid < ELEMENTSOF(n_patches); uid++)
                while (twin_pending_add(s.pending, uid, str("{\"a\":1}"), 0, (void *) "A") == 0)
                        n_patches[uid]++;
        ck_assert_uint_eq(n_patches[0], TWIN_PENDING_PATCHES_MAX / 2);
        for (size_t i = 1; i < ELEMENTSOF(n_patches); i++)
                ck_assert_uint_eq(n_patches[i], MAX(n_patches[i - 1] / 2, 1U));
        scene_done(&s);
}
END_TEST

/* The one who came second is first in the file, and has more than would be left for others then. */
START_TEST(what_was_there_before_a_restart_is_taken_again) {
        static char patch[TWIN_PENDING_BYTES_MAX];
        Scene s;

        scene_init(&s);
        ck_assert_int_eq(
                twin_pending_restore(s.pending, 2, str(large(patch, 'b', TWIN_PENDING_BYTES_MAX / 4))), 0);
        ck_assert_int_eq(
                twin_pending_restore(s.pending, 1, str(large(patch, 'a', TWIN_PENDING_BYTES_MAX / 2))), 0);
        ck_assert_int_eq(
                twin_pending_restore(s.pending, 1, str(large(patch, 'c', TWIN_PENDING_BYTES_MAX / 2))),
                TWIN_PENDING_FULL);
        scene_done(&s);
}
END_TEST

START_TEST(white_space_takes_no_room) {
        static char patch[2 * TWIN_PENDING_BYTES_MAX];
        Scene s;

        scene_init(&s);
        (void) snprintf(patch, sizeof(patch), "{%*s\"a\":1}", (int) TWIN_PENDING_BYTES_MAX, "");
        add(&s, 1, patch, 0, NULL);
        check_pending(&s, "[{\"uid\":1,\"patch\":{\"a\":1}}]}");
        scene_done(&s);
}
END_TEST

/* Stored for days: the properties of a device, not the history of their values. */
START_TEST(stored_patches_of_a_user_become_few) {
        _cleanup_(freep) char *text = NULL;
        unsigned n = 0;
        Scene s;

        scene_init(&s);
        for (unsigned i = 0; i < 1000; i++) {
                char patch[64];

                (void) snprintf(patch, sizeof(patch), "{\"p%u\":{\"n\":%u}}", i % 50, i);
                add(&s, 1, patch, i, NULL);
        }
        ck_assert_int_eq(twin_reports_format(s.pending, "d", &text), 0);
        for (const char *p = text; (p = strstr(p, "\"uid\"")); p++)
                n++;
        ck_assert_uint_le(n, 17);
        ck_assert_ptr_nonnull(strstr(text, "\"p49\":{\"n\":999}"));
        ck_assert_uint_le(strlen(text), 50 * 32);
        scene_done(&s);
}
END_TEST

/* ---- Random writers, losses and restarts ---- */

/* xorshift */
static unsigned draw(uint64_t *state, unsigned below) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return (unsigned) (*state >> 33) % below;
}

static size_t put_random(uint64_t *state, char *out, size_t n, int depth) {
        size_t used = (size_t) snprintf(out, n, "{");

        for (const char *name = "abc"; *name; name++) {
                if (draw(state, 2) == 0)
                        continue;
                used += (size_t) snprintf(out + used, n - used, "%s\"%c\":", used > 1 ? "," : "", *name);
                if (draw(state, 2) == 0 && depth < 3)
                        used += put_random(state, out + used, n - used, depth + 1);
                else if (draw(state, 4) == 0)
                        used += (size_t) snprintf(out + used, n - used, "null");
                else
                        used += (size_t) snprintf(out + used, n - used, "%u", draw(state, 1000));
        }
        return used + (size_t) snprintf(out + used, n - used, "}");
}

static void apply(char **document, az_span patch) {
        char *merged;

        ck_assert_int_eq(json_merge_apply(str(*document), patch, &merged), 0);
        free(*document);
        *document = merged;
}

static void check_same(const char *a, const char *b) {
        _cleanup_(freep) char *difference = NULL;

        ck_assert_int_eq(json_merge_diff(str(a), str(b), &difference), 0);
        ck_assert_msg(strcmp(difference, "{}") == 0, "%s is not %s", a, b);
}

/* Sends the next batch to 'hub', which may lose it, or the answer. */
static void send_one(Scene *s, uint64_t *state, char **hub, bool is_reliable) {
        bool arrives = is_reliable || draw(state, 3) > 0;
        az_span patch;

        if (twin_pending_begin(s->pending, &patch) == TWIN_PENDING_NONE)
                return;
        if (arrives)
                apply(hub, patch);
        /* Time passes, others write. */
        if (!is_reliable && draw(state, 2) == 0)
                return;
        end(s, arrives && (is_reliable || draw(state, 3) > 0) ? TWIN_REPORT_ACCEPTED : TWIN_REPORT_RETRY);
}

static void run_writers(uint64_t seed) {
        _cleanup_(freep) char *hub = strdup("{}"), *wanted = strdup("{}");
        uint64_t state = seed;
        Scene s;

        scene_init(&s);
        for (unsigned i = 0; i < 60; i++) {
                if (draw(&state, 3) > 0) {
                        char patch[1024];

                        (void) put_random(&state, patch, sizeof(patch), 1);
                        apply(&wanted, str(patch));
                        add(&s, draw(&state, 3), patch, i, draw(&state, 2) ? "A" : NULL);
                } else if (twin_pending_is_in_flight(s.pending))
                        end(&s, TWIN_REPORT_RETRY); /* whether it has arrived or not */
                else
                        send_one(&s, &state, &hub, false);
                s.trace[0] = '\0';
        }

        if (twin_pending_is_in_flight(s.pending))
                end(&s, TWIN_REPORT_RETRY);
        while (!twin_pending_is_empty(s.pending))
                send_one(&s, &state, &hub, true);
        check_same(hub, wanted);
        scene_done(&s);
}

START_TEST(hub_gets_what_was_written_in_its_order) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
                run_writers(seed);
}
END_TEST

/* Values rise; 'promised' is what was accepted or is on disk. */
typedef struct Device {
        Scene scene;
        uint64_t state;
        unsigned n_written, hub[4], written[4], promised[4];
        char *disk;
        uint64_t disk_generation;
} Device;

static void device_save(Device *d) {
        free(d->disk);
        d->disk = NULL;
        d->disk_generation = twin_pending_get_generation(d->scene.pending);
        if (twin_pending_is_empty(d->scene.pending))
                return;
        ck_assert_int_eq(twin_reports_format(d->scene.pending, "d", &d->disk), 0);
        memcpy(d->promised, d->written, sizeof(d->promised));
}

static void device_crash(Device *d) {
        scene_done(&d->scene);
        scene_init(&d->scene);
        if (d->disk)
                ck_assert_int_eq(twin_reports_parse(d->scene.pending, str(d->disk), "d"), 0);
        d->disk_generation = twin_pending_get_generation(d->scene.pending);
        memcpy(d->written, d->promised, sizeof(d->written));
}

static void device_write(Device *d) {
        unsigned key = draw(&d->state, ELEMENTSOF(d->hub));
        char patch[64];

        d->written[key] = ++d->n_written;
        (void) snprintf(patch, sizeof(patch), "{\"%c\":%u}", 'a' + key, d->n_written);
        add(&d->scene, draw(&d->state, 3), patch, d->n_written, NULL);
}

/* What the hub gets is never older than what it has. */
static void device_send(Device *d, bool is_reliable) {
        bool arrives = is_reliable || draw(&d->state, 3) > 0;
        unsigned arrived[ELEMENTSOF(d->hub)] = {};
        az_span patch;

        /* The daemon's rule: while there is anything on disk, nothing is sent that is not. */
        if (d->disk && d->disk_generation != twin_pending_get_generation(d->scene.pending))
                device_save(d);
        if (twin_pending_begin(d->scene.pending, &patch) == TWIN_PENDING_NONE)
                return;

        for (unsigned i = 0; i < ELEMENTSOF(d->hub) && arrives; i++) {
                const char name[] = { '"', (char) ('a' + i), '"', ':', '\0' };
                const char *found = strstr((const char *) az_span_ptr(patch), name);

                if (!found)
                        continue;
                arrived[i] = (unsigned) strtoul(found + 4, NULL, 10);
                ck_assert_uint_ge(arrived[i], d->hub[i]);
                d->hub[i] = arrived[i];
        }
        if (!is_reliable && draw(&d->state, 4) == 0) {
                device_crash(d);
                return;
        }
        if (!arrives || (!is_reliable && draw(&d->state, 3) == 0)) {
                end(&d->scene, TWIN_REPORT_RETRY);
                return;
        }
        end(&d->scene, TWIN_REPORT_ACCEPTED);
        for (unsigned i = 0; i < ELEMENTSOF(d->hub); i++)
                d->promised[i] = MAX(d->promised[i], arrived[i]);
}

static void run_device(uint64_t seed) {
        Device d = { .state = seed };

        scene_init(&d.scene);
        for (unsigned i = 0; i < 100; i++)
                switch (draw(&d.state, 8)) {
                case 0:
                        device_crash(&d);
                        break;
                case 1:
                        device_save(&d);
                        break;
                case 2:
                case 3:
                        device_send(&d, false);
                        break;
                default:
                        device_write(&d);
                        break;
                }

        while (!twin_pending_is_empty(d.scene.pending))
                device_send(&d, true);
        for (unsigned i = 0; i < ELEMENTSOF(d.hub); i++)
                ck_assert_uint_ge(d.hub[i], d.promised[i]);
        free(d.disk);
        scene_done(&d.scene);
}

START_TEST(restart_brings_nothing_old_and_loses_no_promise) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
                run_device(seed);
}
END_TEST

static Suite *twin_pending_suite(void) {
        Suite *s = suite_create("twin-pending");
        TCase *t = tcase_create("pending");

        tcase_add_test(t, patches_of_a_user_are_sent_at_once);
        tcase_add_test(t, users_are_sent_one_after_the_other);
        tcase_add_test(t, later_value_of_another_user_wins);
        tcase_add_test(t, failed_patch_goes_under_what_came_after_it);
        tcase_add_test(t, what_is_overwritten_in_flight_is_not_sent_again);
        tcase_add_test(t, removal_before_an_object_is_sent_before_it);
        tcase_add_test(t, only_the_guilty_hear_of_a_refusal);
        tcase_add_test(t, refusal_that_nobody_waits_for_is_told_with_the_user);
        tcase_add_test(t, stored_is_said_to_whoever_waits_long_enough);
        tcase_add_test(t, bytes_and_patches_are_bounded);
        tcase_add_test(t, whoever_takes_what_he_can_leaves_room_for_others);
        tcase_add_test(t, what_was_there_before_a_restart_is_taken_again);
        tcase_add_test(t, white_space_takes_no_room);
        tcase_add_test(t, stored_patches_of_a_user_become_few);
        suite_add_tcase(s, t);

        t = tcase_create("random");
        tcase_add_test(t, hub_gets_what_was_written_in_its_order);
        tcase_add_test(t, restart_brings_nothing_old_and_loses_no_promise);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(twin_pending_suite)
