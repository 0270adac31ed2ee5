/* SPDX-License-Identifier: MIT */

/*
 * A model of a hub behind a network that loses, delays and swaps messages, and what must hold whatever
 * happens: the tables of test-twin-sync.c say what happens, this says what never does. Once the network
 * behaves, the properties that were delivered are those of the hub.
 */

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <azure/core/az_json.h>
#include <session/twin_sync.h>

#include "unit-span.h"

#define N_EPISODES   100
#define N_STEPS      250
#define N_PROPERTIES 4
#define N_MESSAGES   32
#define INTERVAL_US  (5 * USEC_PER_SEC)

/* Desired properties: "k0" to "k3", each a number; 0: there is none. */
typedef struct {
        unsigned values[N_PROPERTIES];
        int64_t version;
} Properties;

/* A message on its way: a request to the hub, or what the hub says. */
typedef struct {
        char topic[96];
        char payload[256];
} Message;

typedef struct {
        Message messages[N_MESSAGES];
        size_t n;
} Wire;

typedef struct {
        uint64_t random, now_us;
        az_iot_hub_client client;
        az_twin_sync sync;
        uint8_t stash[512];
        bool is_calm; /* the network behaves */

        Properties desired; /* as the hub has them */
        Properties behind;  /* as a part of the hub has them that is behind */
        unsigned reported;  /* the last number that it took */
        int64_t reported_version;
        Wire to_hub, to_device;

        Properties delivered; /* to the caller, on this link */
        bool is_live, has_document, is_getting, is_reporting, is_ready;
        unsigned report; /* the number under way, or the last one */
        uint64_t last_get_us;
        char last_topic[96];
        unsigned n_documents, n_changes, n_failures, n_outcomes[_AZ_TWIN_OUTCOME_MAX];
} World;

static uint64_t draw(World *w, uint64_t n) {
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (w->random >> 33) % n;
}

/* One in 'n', while the network misbehaves. */
static bool fails(World *w, uint64_t n) {
        return !w->is_calm && draw(w, n) == 0;
}

static void push(World *w, Wire *wire, const char *topic, const char *payload) {
        Message *m = &wire->messages[wire->n];

        if (wire->n == N_MESSAGES) /* lost */
                return;
        (void) snprintf(m->topic, sizeof(m->topic), "%s", topic);
        (void) snprintf(m->payload, sizeof(m->payload), "%s", payload);
        wire->n++;
        if (wire == &w->to_device && wire->n >= 2 && draw(w, 8) == 0) {
                Message last = *m;

                *m = m[-1];
                m[-1] = last;
        }
}

static bool pop(Wire *wire, Message *ret) {
        if (wire->n == 0)
                return false;
        *ret = wire->messages[0];
        wire->n--;
        memmove(&wire->messages[0], &wire->messages[1], wire->n * sizeof(Message));
        return true;
}

/* The hub. */

/* Writes the properties of 'p', those that 'which' has a bit for; what there is not is null if 'nulls'. */
static void print(const Properties *p, unsigned which, bool nulls, char *text, size_t size) {
        size_t n = (size_t) snprintf(text, size, "{");

        for (unsigned i = 0; i < N_PROPERTIES; i++) {
                if (!(which & 1U << i))
                        continue;
                if (p->values[i] > 0)
                        n += (size_t) snprintf(text + n, size - n, "\"k%u\":%u,", i, p->values[i]);
                else if (nulls)
                        n += (size_t) snprintf(text + n, size - n, "\"k%u\":null,", i);
        }
        (void) snprintf(text + n, size - n, "\"$version\":%" PRIi64 "}", p->version);
}

static void change_desired(World *w) {
        unsigned which = (unsigned) draw(w, 1U << N_PROPERTIES);
        char payload[128], topic[96];

        for (unsigned i = 0; i < N_PROPERTIES; i++) {
                if (which & 1U << i)
                        w->desired.values[i] = (unsigned) draw(w, 5);
        }
        w->desired.version += fails(w, 20) ? 3 : 1;
        print(&w->desired, which, true, payload, sizeof(payload));
        (void) snprintf(topic, sizeof(topic), "$iothub/twin/PATCH/properties/desired/?$version=%" PRIi64,
                        w->desired.version);
        if (w->is_live && !fails(w, 15))
                push(w, &w->to_device, topic, fails(w, 40) ? "{\"k0\":" : payload);
}

static void answer(World *w, int status, const char *id, const char *more, const char *payload) {
        char topic[96];

        if (fails(w, 20)) /* lost, or very late */
                return;
        (void) snprintf(topic, sizeof(topic), "$iothub/twin/res/%d/?%s%s", status, id, more);
        push(w, &w->to_device, topic, payload);
}

static void answer_get(World *w, const char *id) {
        char desired[128], twin[256];

        if (!fails(w, 10))
                w->behind = w->desired;
        print(&w->behind, UINT_MAX, false, desired, sizeof(desired));
        (void) snprintf(twin, sizeof(twin), "{\"desired\":%s,\"reported\":{\"$version\":%" PRIi64 "}}",
                        desired, w->reported_version);
        if (fails(w, 10))
                answer(w, 202, id, "", "");
        answer(w, 200, id, "", fails(w, 20) ? "{}" : twin);
}

static void take_report(World *w, const Message *request, const char *id) {
        char version[32];

        w->reported = (unsigned) strtoul(strchr(request->payload, ':') + 1, NULL, 10);
        (void) snprintf(version, sizeof(version), "&$version=%" PRIi64, ++w->reported_version);
        answer(w, 204, id, fails(w, 5) ? "" : version, "");
}

static void run_hub(World *w) {
        static const int faults[] = { 400, 401, 403, 404, 408, 413, 429, 499, 500, 502, 503, 504 };
        Message request;
        const char *id;

        if (!pop(&w->to_hub, &request))
                return;
        id = strstr(request.topic, "$rid=");
        ck_assert_ptr_nonnull(id);
        if (fails(w, 8))
                answer(w, faults[draw(w, ELEMENTSOF(faults))], id, "", "{\"errorCode\":1}");
        else if (strstr(request.topic, "/GET/"))
                answer_get(w, id);
        else
                take_report(w, &request, id);
}

/* The caller. */

static void merge(Properties *p, az_span json) {
        az_json_reader reader;

        ck_assert_int_eq(az_json_reader_init(&reader, json, NULL), AZ_OK);
        ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
        while (az_json_reader_next_token(&reader) == AZ_OK &&
               reader.token.kind == AZ_JSON_TOKEN_PROPERTY_NAME) {
                az_span name = reader.token.slice;
                uint32_t value = 0;

                ck_assert_int_eq(az_json_reader_next_token(&reader), AZ_OK);
                if (az_span_ptr(name)[0] != 'k')
                        continue;
                if (reader.token.kind != AZ_JSON_TOKEN_NULL)
                        ck_assert_int_eq(az_json_token_get_uint32(&reader.token, &value), AZ_OK);
                p->values[az_span_ptr(name)[1] - '0'] = value;
        }
}

static void on_publish(World *w, const az_twin_event *event) {
        bool is_get = event->as.publish.request == AZ_TWIN_REQUEST_GET;
        char topic[96], payload[64];

        ck_assert_msg(w->is_live, "a publish without a link");
        az_span_to_str(topic, sizeof(topic), event->as.publish.topic);
        az_span_to_str(payload, sizeof(payload), event->as.publish.payload);
        ck_assert_ptr_nonnull(strstr(topic, is_get ? "$iothub/twin/GET/?$rid="
                                                   : "$iothub/twin/PATCH/properties/reported/?$rid="));
        ck_assert_str_ne(strchr(topic, '='), w->last_topic);
        (void) snprintf(w->last_topic, sizeof(w->last_topic), "%s", strchr(topic, '='));
        if (is_get) {
                ck_assert(!w->is_getting);
                ck_assert(w->last_get_us == 0 || w->now_us >= w->last_get_us + INTERVAL_US);
                w->last_get_us = w->now_us;
                w->is_getting = true;
        } else {
                ck_assert(w->is_reporting);
        }
        if (fails(w, 30))
                ck_assert_int_eq(az_twin_sync_unsent(&w->sync, event->as.publish.request, w->now_us), AZ_OK);
        else
                push(w, &w->to_hub, topic, payload);
}

static void on_document(World *w, const az_twin_document *document) {
        ck_assert(w->is_live && w->is_getting);
        if (w->has_document)
                ck_assert_int_ge(document->desired_version, w->delivered.version);
        ck_assert_int_ge(document->reported_version, 1);
        w->is_getting = false;
        w->has_document = true;
        w->delivered = (Properties){ .version = document->desired_version };
        merge(&w->delivered, document->desired);
        w->n_documents++;
}

static void on_reported(World *w, const az_twin_event *event) {
        ck_assert(w->is_reporting);
        ck_assert(!w->is_ready);
        if (event->as.reported.outcome == AZ_TWIN_ACCEPTED) {
                ck_assert_uint_eq(w->reported, w->report);
                ck_assert_int_le(event->as.reported.version, w->reported_version);
        }
        w->is_reporting = false;
        w->n_outcomes[event->as.reported.outcome]++;
}

static void on_event(World *w, const az_twin_event *event) {
        switch (event->type) {
        case AZ_TWIN_EVENT_PUBLISH:
                on_publish(w, event);
                return;
        case AZ_TWIN_EVENT_DOCUMENT:
                on_document(w, &event->as.document);
                return;
        case AZ_TWIN_EVENT_DESIRED:
                ck_assert(w->is_live && w->has_document);
                ck_assert_int_eq(event->as.desired.version, w->delivered.version + 1);
                w->delivered.version++;
                merge(&w->delivered, event->as.desired.patch);
                w->n_changes++;
                return;
        case AZ_TWIN_EVENT_GET_FAILED:
                ck_assert(w->is_live && w->is_getting);
                ck_assert_uint_gt(event->as.get_failed.delay_us, 0);
                w->is_getting = false;
                w->n_failures++;
                return;
        case AZ_TWIN_EVENT_REPORTED:
                on_reported(w, event);
                return;
        case AZ_TWIN_EVENT_READY:
                ck_assert(w->is_live && !w->is_ready && !w->is_reporting);
                w->is_ready = true;
                return;
        case _AZ_TWIN_EVENT_TYPE_MAX:
                ck_abort();
        }
}

static void pop_events(World *w) {
        az_twin_event event;

        while (az_twin_sync_next_event(&w->sync, &event))
                on_event(w, &event);
}

/* The inputs. */

static void go_live(World *w) {
        w->is_live = true;
        w->last_get_us = 0;
        ck_assert_int_eq(az_twin_sync_live(&w->sync, w->now_us), AZ_OK);
}

static void lose_link(World *w) {
        az_twin_sync_lost(&w->sync);
        w->to_hub.n = w->to_device.n = 0;
        w->is_live = w->has_document = w->is_getting = w->is_ready = false;
}

static void receive(World *w) {
        az_iot_hub_client_twin_response response;
        Message m;
        az_result r;

        if (!pop(&w->to_device, &m))
                return;
        ck_assert_int_eq(az_iot_hub_client_twin_parse_received_topic(&w->client, str(m.topic), &response),
                         AZ_OK);
        r = az_twin_sync_response(&w->sync, &response, str(m.payload), w->now_us);
        ck_assert(r == AZ_OK || r == AZ_ERROR_ITEM_NOT_FOUND);
        pop_events(w); /* before the payload goes */
}

static void report(World *w) {
        static char patch[32]; /* it outlives the call */

        (void) snprintf(patch, sizeof(patch), "{\"r\":%u}", w->report + 1);
        if (!w->is_ready) {
                ck_assert_int_eq(az_twin_sync_report(&w->sync, str(patch), w->now_us),
                                 AZ_ERROR_NOT_SUPPORTED);
                return;
        }
        w->report++;
        w->is_ready = false;
        w->is_reporting = true;
        ck_assert_int_eq(az_twin_sync_report(&w->sync, str(patch), w->now_us), AZ_OK);
}

static void give_input(World *w) {
        if (!w->is_live) {
                if (draw(w, 3) == 0)
                        go_live(w);
                else
                        change_desired(w);
                return;
        }
        switch (draw(w, 16)) {
        case 0 ... 3:
                run_hub(w);
                return;
        case 4 ... 8:
                receive(w);
                return;
        case 9 ... 11:
                change_desired(w);
                return;
        case 12 ... 13:
                report(w);
                return;
        case 14:
                ck_assert_int_eq(az_twin_sync_refresh(&w->sync, w->now_us), AZ_OK);
                return;
        default:
                if (draw(w, 5) == 0)
                        lose_link(w);
                return;
        }
}

/* Time passes a little, or to the deadline or past it, which is rare while an answer may still come. */
static void pass_time(World *w) {
        uint64_t deadline_us = az_twin_sync_deadline_us(&w->sync);

        w->now_us += draw(w, USEC_PER_SEC / 2);
        if (draw(w, w->is_getting || w->is_reporting ? 60 : 6) == 0 && deadline_us != UINT64_MAX &&
            deadline_us > w->now_us)
                w->now_us = deadline_us + draw(w, 2);
}

static void run_due(World *w) {
        ck_assert_int_eq(az_twin_sync_timeout(&w->sync, w->now_us), AZ_OK);
        pop_events(w);
        /* No busy loop: once the deadline is dealt with, the next one is later than now. */
        ck_assert_uint_gt(az_twin_sync_deadline_us(&w->sync), w->now_us);
        ck_assert(w->is_live || az_twin_sync_deadline_us(&w->sync) == UINT64_MAX);
}

/* The network behaves, and a last change comes through: everything that was missed is found. */
static void settle(World *w) {
        w->is_calm = true;
        if (!w->is_live)
                go_live(w);
        pop_events(w);
        if (draw(w, 2) == 0)
                run_hub(w);
        change_desired(w);
        for (unsigned i = 0; i < 1000; i++) {
                pop_events(w);
                run_hub(w);
                receive(w);
                if (w->to_hub.n > 0 || w->to_device.n > 0)
                        continue;
                if (az_twin_sync_deadline_us(&w->sync) == UINT64_MAX)
                        break;
                w->now_us = az_twin_sync_deadline_us(&w->sync);
                run_due(w);
        }
        ck_assert_uint_eq(az_twin_sync_deadline_us(&w->sync), UINT64_MAX);
        ck_assert(!w->is_getting && !w->is_reporting && w->is_ready);
        ck_assert_int_eq(w->delivered.version, w->desired.version);
        ck_assert_mem_eq(w->delivered.values, w->desired.values, sizeof(w->desired.values));
        w->is_calm = false;
}

START_TEST(nothing_impossible_happens_and_in_the_end_the_twin_is_that_of_the_hub) {
        static const int32_t stash_sizes[] = { 0, 64, 512 };
        az_twin_sync_options options = az_twin_sync_options_default();
        World w = { .random = UINT64_C(20261122) + (unsigned) _i,
                    .now_us = 1,
                    .desired.version = 1,
                    .behind.version = 1,
                    .reported_version = 1 };

        options.random_seed = 7;
        options.stash = az_span_slice(AZ_SPAN_FROM_BUFFER(w.stash), 0, stash_sizes[_i]);
        ck_assert_int_eq(az_iot_hub_client_init(&w.client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_twin_sync_init(&w.sync, &w.client, &options), AZ_OK);

        for (unsigned i = 0; i < N_EPISODES * N_STEPS; i++) {
                pass_time(&w);
                give_input(&w);
                pop_events(&w);
                run_due(&w);
                if (i % N_STEPS == N_STEPS - 1)
                        settle(&w);
        }

        /* The inputs reached everything, or the checks above prove little. */
        ck_assert_uint_gt(w.n_documents, 250);
        ck_assert_uint_gt(w.n_changes, 250);
        ck_assert_uint_gt(w.n_failures, 250);
        ck_assert_uint_gt(w.n_outcomes[AZ_TWIN_ACCEPTED], 250);
        ck_assert_uint_gt(w.n_outcomes[AZ_TWIN_RETRY], 250);
        ck_assert_uint_gt(w.n_outcomes[AZ_TWIN_REFUSED], 5);
}
END_TEST

static Suite *twin_sync_properties_suite(void) {
        Suite *s = suite_create("twin-sync-properties");
        TCase *t = tcase_create("az_twin_sync");

        tcase_add_loop_test(t, nothing_impossible_happens_and_in_the_end_the_twin_is_that_of_the_hub, 0, 3);
        tcase_set_timeout(t, 60);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(twin_sync_properties_suite)
