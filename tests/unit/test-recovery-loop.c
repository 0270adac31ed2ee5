/* SPDX-License-Identifier: MIT */

/*
 * A device as recovery.h describes its main loop, with both sessions and the recovery, in a world of which a
 * story sets what is up and who knows the device. Time jumps from one deadline to the next.
 */

#include <session/dps_session.h>
#include <session/hub_session.h>
#include <session/recovery.h>

#include "unit-span.h"

#define MINUTE       UINT64_C(60)
#define HOUR         (60 * MINUTE)
#define UNIX_S       UINT64_C(1893456000)
#define SIGNATURE    "skva+5dc1tXqjwbBB10W6Aon9alCD10WBtVPwNr3U1Q="
#define A            "a.example"
#define B            "b.example"
#define ROUNDTRIP_US (100 * USEC_PER_MSEC)
#define NEVER        UINT64_MAX

/* How DPS answers a registration. */
#define ASSIGNS(hub)                                                                                         \
        "{\"operationId\":\"o\",\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"" hub "\"," \
        "\"deviceId\":\"pump-17\",\"status\":\"assigned\"}}"
#define DISABLED "{\"operationId\":\"o\",\"status\":\"disabled\"}"

/* From 'at_s' on the world is so; a member that is 0 leaves it as it was. */
typedef struct {
        uint64_t at_s;
        const char *home;    /* the hub that knows the device */
        const char *answer;  /* of DPS */
        int network;         /* 1: up, -1: down */
        unsigned credential; /* which is taken, from 1 on */
} Change;

/* Who is on the line, and what it is about to answer. */
typedef enum {
        QUIET,
        HUB_CONNECTS,
        HUB_SUBSCRIBES,
        DPS_CONNECTS,
        DPS_SUBSCRIBES,
        DPS_ANSWERS,
} Pending;

typedef struct {
        /* the world */
        uint64_t now_us;
        Change world;
        /* the device */
        az_iot_hub_client client;
        az_hub_session hub;
        az_dps_session dps;
        az_recovery recovery;
        char host[64]; /* of its hub; "": it has none */
        unsigned credential;
        /* the line between them */
        Pending pending;
        uint64_t answer_us;
        char topic[128];
        /* what is seen of it */
        bool is_live;
        uint64_t live_us, n_runs, n_connects;
} Device;

static az_hub_session_time time_of(const Device *d) {
        return (az_hub_session_time){ .now_us = d->now_us, .unix_s = UNIX_S + d->now_us / USEC_PER_SEC };
}

static void expect_answer(Device *d, Pending pending) {
        d->pending = pending;
        d->answer_us = d->now_us + ROUNDTRIP_US;
}

/* The device ------------------------------------------------------------------------------------------ */

static void connect_to(Device *d, az_span host) {
        az_hub_session_options options = az_hub_session_options_default();

        options.random_seed = 1;
        az_span_to_str(d->host, sizeof(d->host), host);
        ck_assert_int_eq(az_iot_hub_client_init(&d->client, str(d->host), str("pump-17"), NULL), AZ_OK);
        ck_assert_int_eq(az_hub_session_init(&d->hub, &d->client, &options), AZ_OK);
}

static void on_hub_event(Device *d, const az_hub_event *event) {
        if (event->type == AZ_HUB_EVENT_SIGN)
                ck_assert_int_eq(az_hub_session_signed(&d->hub, str(SIGNATURE), time_of(d)), AZ_OK);
        if (event->type == AZ_HUB_EVENT_CONNECT)
                expect_answer(d, HUB_CONNECTS);
        if (event->type == AZ_HUB_EVENT_SUBSCRIBE)
                expect_answer(d, HUB_SUBSCRIBES);
        if (event->type == AZ_HUB_EVENT_DRAIN)
                ck_assert_int_eq(az_hub_session_drained(&d->hub, time_of(d)), AZ_OK);
        if (event->type == AZ_HUB_EVENT_DISCONNECT)
                ck_assert_int_eq(az_hub_session_closed(&d->hub, time_of(d)), AZ_OK);
        if (event->type == AZ_HUB_EVENT_LIVE) {
                d->is_live = true;
                d->live_us = d->now_us;
                ck_assert_int_eq(az_recovery_hub_live(&d->recovery, d->now_us), AZ_OK);
        }
        if (event->type == AZ_HUB_EVENT_LOST) {
                d->is_live = false;
                ck_assert_int_eq(az_recovery_hub_lost(&d->recovery, event, true, d->now_us), AZ_OK);
        }
}

static void on_dps_event(Device *d, const az_dps_event *event) {
        const az_dps_error *error = &event->as.failed.error;
        bool is_same;

        if (event->type == AZ_DPS_EVENT_SIGN)
                ck_assert_int_eq(az_dps_session_signed(&d->dps, str(SIGNATURE), time_of(d)), AZ_OK);
        if (event->type == AZ_DPS_EVENT_CONNECT)
                expect_answer(d, DPS_CONNECTS);
        if (event->type == AZ_DPS_EVENT_SUBSCRIBE)
                expect_answer(d, DPS_SUBSCRIBES);
        if (event->type == AZ_DPS_EVENT_PUBLISH) {
                az_span_to_str(d->topic, sizeof(d->topic), event->as.publish.topic);
                expect_answer(d, DPS_ANSWERS);
        }
        if (event->type == AZ_DPS_EVENT_ASSIGNED) {
                is_same = az_span_is_content_equal(event->as.assigned.hub, str(d->host));
                if (!is_same)
                        connect_to(d, event->as.assigned.hub);
                ck_assert_int_eq(az_recovery_assigned(&d->recovery, is_same, d->now_us), AZ_OK);
        }
        if (event->type == AZ_DPS_EVENT_FAILED)
                ck_assert_int_eq(az_recovery_failed(&d->recovery, error->error_class, error->retry_after_s,
                                                    true, d->now_us),
                                 AZ_OK);
}

static void on_recovery_event(Device *d, const az_recovery_event *event) {
        if (event->type == AZ_RECOVERY_EVENT_CONNECT)
                ck_assert_int_eq(az_hub_session_start(&d->hub, time_of(d)), AZ_OK);
        if (event->type == AZ_RECOVERY_EVENT_NEW_CREDENTIAL)
                d->credential = event->credential;
        if (event->type == AZ_RECOVERY_EVENT_PROVISION) {
                d->n_runs++;
                ck_assert_int_eq(az_dps_session_start(&d->dps, time_of(d)), AZ_OK);
        }
}

static void run_events(Device *d) {
        az_recovery_event todo;
        az_hub_event hub_event;
        az_dps_event dps_event;
        bool is_busy;

        do {
                is_busy = false;
                for (; az_hub_session_next_event(&d->hub, &hub_event); is_busy = true)
                        on_hub_event(d, &hub_event);
                for (; az_dps_session_next_event(&d->dps, &dps_event); is_busy = true)
                        on_dps_event(d, &dps_event);
                for (; az_recovery_next_event(&d->recovery, &todo); is_busy = true)
                        on_recovery_event(d, &todo);
        } while (is_busy);
}

static bool is_at_hub(const Device *d) {
        return az_recovery_get_status(&d->recovery).state == AZ_RECOVERY_HUB;
}

static uint64_t deadline_us(const Device *d) {
        uint64_t session_us =
                is_at_hub(d) ? az_hub_session_deadline_us(&d->hub) : az_dps_session_deadline_us(&d->dps);

        return MIN(session_us, az_recovery_deadline_us(&d->recovery));
}

static void on_deadline(Device *d) {
        ck_assert_int_eq(az_recovery_timeout(&d->recovery, d->now_us), AZ_OK);
        if (is_at_hub(d))
                ck_assert_int_eq(az_hub_session_timeout(&d->hub, time_of(d)), AZ_OK);
        else
                ck_assert_int_eq(az_dps_session_timeout(&d->dps, time_of(d)), AZ_OK);
}

/* The world ------------------------------------------------------------------------------------------- */

static az_result answer_registration(Device *d) {
        const char *id = strchr(d->topic, '=') + 1;
        char topic[128];

        (void) snprintf(topic, sizeof(topic), "$dps/registrations/res/200/?$rid=%.*s", (int) strcspn(id, "&"),
                        id);
        return az_dps_session_message(&d->dps, str(topic), str(d->world.answer), time_of(d));
}

static az_result answer_hub_connect(Device *d) {
        d->n_connects++;
        if (d->world.network < 0)
                return az_hub_session_lost(&d->hub, AZ_HUB_LOSS_NAME, time_of(d));
        if (strcmp(d->host, d->world.home) != 0 || d->credential + 1 != d->world.credential)
                return az_hub_session_refused(&d->hub, 5, time_of(d));
        return az_hub_session_connected(&d->hub, true, time_of(d));
}

static az_result answer_dps_connect(Device *d) {
        if (d->world.network < 0)
                return az_dps_session_lost(&d->dps, AZ_DPS_LOSS_NAME, time_of(d));
        if (d->credential + 1 != d->world.credential)
                return az_dps_session_refused(&d->dps, 5, time_of(d));
        return az_dps_session_connected(&d->dps, time_of(d));
}

static az_result answer(Device *d, Pending pending) {
        uint8_t const of_hub[] = { 0, 1, 0, 0 }, of_dps[] = { 1 };

        switch (pending) {
        case QUIET:
                break;
        case HUB_CONNECTS:
                return answer_hub_connect(d);
        case HUB_SUBSCRIBES:
                return az_hub_session_suback(&d->hub, of_hub, ELEMENTSOF(of_hub), time_of(d));
        case DPS_CONNECTS:
                return answer_dps_connect(d);
        case DPS_SUBSCRIBES:
                return az_dps_session_suback(&d->dps, of_dps, ELEMENTSOF(of_dps), time_of(d));
        case DPS_ANSWERS:
                return answer_registration(d);
        }
        ck_abort();
}

/* A link that is live ends when the network does, or when the hub forgets the device. */
static void change(Device *d, const Change *change) {
        if (change->home)
                d->world.home = change->home;
        if (change->answer)
                d->world.answer = change->answer;
        if (change->network != 0)
                d->world.network = change->network;
        if (change->credential != 0)
                d->world.credential = change->credential;
        if (d->is_live)
                ck_assert_int_eq(az_hub_session_lost(&d->hub, AZ_HUB_LOSS_CLOSED, time_of(d)), AZ_OK);
        run_events(d);
}

static void run_until(Device *d, uint64_t until_us) {
        for (;;) {
                Pending pending = d->pending;
                uint64_t next_us = pending == QUIET ? deadline_us(d) : d->answer_us;

                ck_assert_uint_ne(next_us, NEVER);
                if (next_us > until_us)
                        break;
                d->now_us = MAX(d->now_us, next_us);
                d->pending = QUIET;
                if (pending == QUIET)
                        on_deadline(d);
                else
                        ck_assert_int_eq(answer(d, pending), AZ_OK);
                run_events(d);
        }
        d->now_us = until_us;
}

/* Stories --------------------------------------------------------------------------------------------- */

typedef struct {
        uint64_t least, most;
} Range;

/* clang-format off */
static const struct {
        const char *name;
        const char *host; /* of the assignment that the device has kept; NULL: none */
        bool has_no_dps;
        uint32_t n_credentials;
        Change changes[4]; /* the first says how the world begins */
        uint64_t until_s;
        Range live_s, n_runs, n_connects; /* when it went live last; runs of DPS; connections to hubs */
} stories[] = {
        { "a new device asks DPS and goes to its hub", NULL, false, 1,
          { { 0, A, ASSIGNS(A), 1, 1 } },
          10, { 0, 1 }, { 1, 1 }, { 1, 1 } },
        { "a device with an assignment does not ask DPS", A, false, 1,
          { { 0, A, ASSIGNS(A), 1, 1 } },
          40 * MINUTE, { 0, 1 }, { 0, 0 }, { 1, 1 } },
        { "a device that was moved is refused three times and finds its new hub", A, false, 1,
          { { 0, B, ASSIGNS(B), 1, 1 } },
          HOUR / 2, { 30, 65 }, { 1, 1 }, { 4, 4 } },
        { "so it does when it was online", A, false, 1,
          { { 0, A, ASSIGNS(A), 1, 1 }, { HOUR / 2, B, ASSIGNS(B) } },
          HOUR, { HOUR / 2 + 30, HOUR / 2 + 70 }, { 1, 1 }, { 5, 5 } },
        { "a hub that refuses what DPS still assigns to it is asked less and less", A, false, 1,
          { { 0, "nowhere", ASSIGNS(A), 1, 1 } },
          24 * HOUR, { NEVER, NEVER }, { 20, 30 }, { 30, 45 } },
        { "what is repaired is found within two hours", A, false, 1,
          { { 0, "nowhere", ASSIGNS(A), 1, 1 }, { 24 * HOUR, B, ASSIGNS(B) } },
          26 * HOUR, { 24 * HOUR, 26 * HOUR }, { 20, 30 }, { 30, 50 } },
        { "a new device without network is there soon after it", NULL, false, 1,
          { { 0, A, ASSIGNS(A), -1, 1 }, { HOUR, NULL, NULL, 1 } },
          HOUR + 10 * MINUTE, { HOUR, HOUR + 5 * MINUTE }, { 10, 13 }, { 1, 1 } },
        { "a device that was offline for hours is back soon after its network", A, false, 1,
          { { 0, A, ASSIGNS(A), 1, 1 }, { HOUR / 2, NULL, NULL, -1 }, { 5 * HOUR, NULL, NULL, 1 } },
          5 * HOUR + 30 * MINUTE, { 5 * HOUR, 5 * HOUR + 3 * MINUTE }, { 3, 12 }, { 150, 250 } },
        { "a disabled enrollment is looked at again within the hour", NULL, false, 1,
          { { 0, A, DISABLED, 1, 1 }, { 10 * HOUR, NULL, ASSIGNS(A) } },
          11 * HOUR, { 10 * HOUR, 11 * HOUR }, { 11, 22 }, { 1, 2 } },
        { "without DPS the second key is taken when the first was changed", A, true, 2,
          { { 0, A, NULL, 1, 2 } },
          HOUR / 2, { 30, 2 * MINUTE }, { 0, 0 }, { 3, 3 } },
        { "and the first again", A, true, 2,
          { { 0, A, NULL, 1, 2 }, { HOUR / 2, NULL, NULL, 0, 1 } },
          HOUR, { HOUR / 2, HOUR / 2 + 2 * MINUTE }, { 0, 0 }, { 6, 6 } },
        { "with DPS the second key is taken when DPS refuses the first", NULL, false, 2,
          { { 0, A, ASSIGNS(A), 1, 2 } },
          HOUR / 2, { 10 * MINUTE, 20 * MINUTE + 2 }, { 2, 2 }, { 1, 1 } },
        { "or when the hub does, and then DPS", A, false, 2,
          { { 0, A, ASSIGNS(A), 1, 2 } },
          HOUR / 2, { 30, 4 * MINUTE }, { 1, 1 }, { 4, 4 } },
};
/* clang-format on */

static void init(Device *d, const char *host, uint32_t n_credentials, bool has_dps) {
        az_recovery_options options = az_recovery_options_default();
        az_dps_session_options dps_options = az_dps_session_options_default();

        *d = (Device){};
        options.random_seed = dps_options.random_seed = 1;
        options.has_provisioning = has_dps;
        options.n_credentials = n_credentials;
        ck_assert_int_eq(az_recovery_init(&d->recovery, &options), AZ_OK);
        ck_assert_int_eq(az_dps_session_init(&d->dps, str("dps.example"), str("0ne00ABCDEF"), str("pump-17"),
                                             &dps_options),
                         AZ_OK);
        if (host)
                connect_to(d, str(host));
}

static void check_range(const char *story, const char *what, const Range *range, uint64_t value) {
        ck_assert_msg(range->least <= value && value <= range->most, "'%s': %s %.0f", story, what,
                      (double) value);
}

START_TEST(device_lives_through_the_story) {
        const Change *changes = stories[_i].changes;
        Device d;

        init(&d, stories[_i].host, stories[_i].n_credentials, !stories[_i].has_no_dps);
        change(&d, &changes[0]);
        ck_assert_int_eq(az_recovery_start(&d.recovery, stories[_i].host != NULL, d.now_us), AZ_OK);
        run_events(&d);
        for (size_t i = 1; i < ELEMENTSOF(stories[_i].changes) && changes[i].at_s > 0; i++) {
                run_until(&d, changes[i].at_s * USEC_PER_SEC);
                change(&d, &changes[i]);
        }
        run_until(&d, stories[_i].until_s * USEC_PER_SEC);

        check_range(stories[_i].name, "live since", &stories[_i].live_s,
                    d.is_live ? d.live_us / USEC_PER_SEC : NEVER);
        check_range(stories[_i].name, "runs", &stories[_i].n_runs, d.n_runs);
        check_range(stories[_i].name, "connections", &stories[_i].n_connects, d.n_connects);
}
END_TEST

static Suite *recovery_loop_suite(void) {
        Suite *s = suite_create("recovery-loop");
        TCase *t = tcase_create("a device");

        tcase_add_loop_test(t, device_lives_through_the_story, 0, ELEMENTSOF(stories));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(recovery_loop_suite)
