/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <session/twin_sync.h>

#include "unit-span.h"

#define NEVER UINT32_MAX

/* An input and what it brings. */
typedef enum {
        END_OF_SCRIPT,
        LIVE,
        LOST,
        ANSWER, /* status; id: of the request, counted from 1; text: the body; version */
        CHANGE, /* text: the payload */
        REPORT, /* text: the patch */
        UNSENT, /* id: az_twin_request */
        REFRESH,
        TIMEOUT,
} Input;

typedef struct {
        uint32_t at_s; /* when it comes */
        Input input;
        int status;
        unsigned id;
        const char *text, *version;
        const char *events;            /* what follows, as describe() writes it; NULL: nothing */
        uint32_t deadline_s, latest_s; /* the deadline after it, or the range that chance chooses it from */
        az_result result;              /* 0: AZ_OK */
} Step;

/* A synchronization, its stash and the id before that of its first request. */
typedef struct {
        az_iot_hub_client client;
        az_twin_sync sync;
        uint8_t stash[256];
        uint64_t first_id;
} World;

static az_twin_sync_options options(World *w) {
        az_twin_sync_options o = az_twin_sync_options_default();

        o.random_seed = 42;
        o.stash = AZ_SPAN_FROM_BUFFER(w->stash);
        return o;
}

static void init_with(World *w, const az_twin_sync_options *o) {
        ck_assert_int_eq(
                az_iot_hub_client_init(&w->client, str("hub-lab.azure-devices.net"), str("pump-17"), NULL),
                AZ_OK);
        ck_assert_int_eq(az_twin_sync_init(&w->sync, &w->client, o), AZ_OK);
        w->first_id = 0;
}

static void init(World *w) {
        az_twin_sync_options o = options(w);

        init_with(w, &o);
}

/* Reads the number behind "$rid=", and counts from the first request on. */
static unsigned id_of(World *w, az_span topic) {
        int32_t at = az_span_find(topic, str("$rid="));
        uint64_t id = 0;

        ck_assert_int_gt(at, 0);
        ck_assert_int_eq(az_span_atou64(az_span_slice_to_end(topic, at + 5), &id), AZ_OK);
        if (w->first_id == 0)
                w->first_id = id;
        return (unsigned) (id - w->first_id + 1);
}

static void describe_publish(World *w, const az_twin_event *event, char *text, size_t size) {
        bool is_get = event->as.publish.request == AZ_TWIN_REQUEST_GET;
        az_span topic = event->as.publish.topic;

        ck_assert_int_ge(az_span_find(topic, str(is_get ? "$iothub/twin/GET/?$rid="
                                                        : "$iothub/twin/PATCH/properties/reported/?$rid=")),
                         0);
        (void) snprintf(text, size, "%s#%u%.*s", is_get ? "get" : "report", id_of(w, topic),
                        az_span_size(event->as.publish.payload),
                        is_get ? "" : (char *) az_span_ptr(event->as.publish.payload));
}

static void describe(World *w, const az_twin_event *event, char *text, size_t size) {
        switch (event->type) {
        case AZ_TWIN_EVENT_PUBLISH:
                describe_publish(w, event, text, size);
                return;
        case AZ_TWIN_EVENT_DOCUMENT:
                (void) snprintf(text, size, "twin %" PRIi64 "/%" PRIi64, event->as.document.desired_version,
                                event->as.document.reported_version);
                return;
        case AZ_TWIN_EVENT_DESIRED:
                (void) snprintf(text, size, "desired %" PRIi64 " %.*s", event->as.desired.version,
                                az_span_size(event->as.desired.patch),
                                (char *) az_span_ptr(event->as.desired.patch));
                return;
        case AZ_TWIN_EVENT_GET_FAILED:
                (void) snprintf(text, size, "get failed %d", (int) event->as.get_failed.status);
                return;
        case AZ_TWIN_EVENT_REPORTED:
                (void) snprintf(text, size, "%s %d v%" PRIi64,
                                az_twin_outcome_to_string(event->as.reported.outcome),
                                (int) event->as.reported.status, event->as.reported.version);
                return;
        case AZ_TWIN_EVENT_READY:
                (void) snprintf(text, size, "ready");
                return;
        case _AZ_TWIN_EVENT_TYPE_MAX:
                ck_abort();
        }
}

/* Pops all events, and describes them in 'text', with commas between them. */
static void pop_all(World *w, char *text, size_t size) {
        az_twin_event event;
        size_t n = 0;

        text[0] = '\0';
        while (az_twin_sync_next_event(&w->sync, &event)) {
                if (n > 0)
                        n += (size_t) snprintf(text + n, size - n, ", ");
                describe(w, &event, text + n, size - n);
                n += strlen(text + n);
        }
}

static az_result give_answer(World *w, const Step *step, uint64_t now_us) {
        az_iot_hub_client_twin_response response;
        char topic[128];

        (void) snprintf(topic, sizeof(topic), "$iothub/twin/res/%03d/?$rid=%" PRIu64 "%s%s", step->status,
                        w->first_id + step->id - 1, step->version ? "&$version=" : "", step->version ?: "");
        ck_assert_int_eq(az_iot_hub_client_twin_parse_received_topic(&w->client, str(topic), &response),
                         AZ_OK);
        return az_twin_sync_response(&w->sync, &response, step->text ? str(step->text) : AZ_SPAN_EMPTY,
                                     now_us);
}

static az_result give_change(World *w, const char *payload, uint64_t now_us) {
        az_iot_hub_client_twin_response response;

        ck_assert_int_eq(
                az_iot_hub_client_twin_parse_received_topic(
                        &w->client, str("$iothub/twin/PATCH/properties/desired/?$version=1"), &response),
                AZ_OK);
        return az_twin_sync_response(&w->sync, &response, payload ? str(payload) : AZ_SPAN_EMPTY, now_us);
}

static az_result give(World *w, const Step *step) {
        uint64_t now_us = step->at_s * USEC_PER_SEC;

        switch (step->input) {
        case LIVE:
                return az_twin_sync_live(&w->sync, now_us);
        case LOST:
                az_twin_sync_lost(&w->sync);
                return AZ_OK;
        case ANSWER:
                return give_answer(w, step, now_us);
        case CHANGE:
                return give_change(w, step->text, now_us);
        case REPORT:
                return az_twin_sync_report(&w->sync, str(step->text), now_us);
        case UNSENT:
                return az_twin_sync_unsent(&w->sync, (az_twin_request) step->id, now_us);
        case REFRESH:
                return az_twin_sync_refresh(&w->sync, now_us);
        case TIMEOUT:
                return az_twin_sync_timeout(&w->sync, now_us);
        case END_OF_SCRIPT:
                break;
        }
        return AZ_ERROR_NOT_IMPLEMENTED;
}

/* Gives inputs whose events do not matter. */
static void run(World *w, const Step *steps, size_t n_steps) {
        char events[512];

        for (size_t i = 0; i < n_steps; i++) {
                ck_assert_int_eq(give(w, &steps[i]), AZ_OK);
                pop_all(w, events, sizeof(events));
        }
}

static void check_deadline(const World *w, const Step *step) {
        uint64_t deadline_us = az_twin_sync_deadline_us(&w->sync);
        uint32_t latest_s = step->latest_s > 0 ? step->latest_s : step->deadline_s;

        if (step->deadline_s == NEVER) {
                ck_assert_uint_eq(deadline_us, UINT64_MAX);
                return;
        }
        ck_assert_uint_ge(deadline_us, step->deadline_s * USEC_PER_SEC);
        ck_assert_uint_le(deadline_us, latest_s * USEC_PER_SEC);
}

/* clang-format off */
#define TWIN(desired, reported) \
        "{\"desired\":{\"a\":1,\"$version\":" #desired "},\"reported\":{\"$version\":" #reported "}}"
#define PATCH(version)   "{\"$version\":" #version "}"
#define DESIRED(version) "desired " #version " {\"$version\":" #version "}"
#define ERROR            "{\"errorCode\":400004}"
#define GET_             AZ_TWIN_REQUEST_GET
#define REPORT_          AZ_TWIN_REQUEST_REPORT

/* From nothing to a twin of desired version 7 at second 1. A GET may follow from second 5 on. */
#define UNTIL_LIVE { 0, LIVE, .events = "get#1, ready", .deadline_s = 30 }
#define UNTIL_TWIN UNTIL_LIVE, \
                   { 1, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER }

static const struct {
        const char *name;
        Step steps[12];
} scripts[] = {
        { .name = "reads the twin, follows it, is lost, reads it again", .steps = {
                UNTIL_TWIN,
                { 2, CHANGE, .text = PATCH(8), .events = DESIRED(8), .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(9), .events = DESIRED(9), .deadline_s = NEVER },
                { 4, LOST, .deadline_s = NEVER },
                { 5, LIVE, .events = "get#2, ready", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(12, 4), .events = "twin 12/4", .deadline_s = NEVER },
                { 7, CHANGE, .text = PATCH(13), .events = DESIRED(13), .deadline_s = NEVER },
        } },
        { .name = "another twin of the same name begins from 1: a link trusts no earlier one", .steps = {
                UNTIL_TWIN,
                { 2, LOST, .deadline_s = NEVER },
                { 3, LIVE, .events = "get#2, ready", .deadline_s = 33 },
                { 4, ANSWER, 200, 2, TWIN(1, 1), .events = "twin 1/1", .deadline_s = NEVER },
                { 5, CHANGE, .text = PATCH(2), .events = DESIRED(2), .deadline_s = NEVER },
        } },
        { .name = "what was noticed on one link does not count on the next", .steps = {
                UNTIL_TWIN,
                { 2, CHANGE, .text = PATCH(20), .deadline_s = 5 },
                { 2, LOST, .deadline_s = NEVER },
                { 3, LIVE, .events = "get#2, ready", .deadline_s = 33 },
                { 4, ANSWER, 200, 2, TWIN(9, 3), .events = "twin 9/3", .deadline_s = NEVER },
        } },

        /* The race of GET and changes. */
        { .name = "a change before the answer is delivered if it is later, and dropped if it is not", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = PATCH(6), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(7), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(8), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(9), .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3, " DESIRED(8) ", " DESIRED(9),
                  .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(10), .events = DESIRED(10), .deadline_s = NEVER },
        } },
        { .name = "changes that are all in the answer are dropped", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = PATCH(6), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(7), .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(9, 3), .events = "twin 9/3", .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(9), .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(8), .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(10), .events = DESIRED(10), .deadline_s = NEVER },
        } },
        { .name = "a change that comes twice is delivered once", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = PATCH(8), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(8), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(9), .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3, " DESIRED(8) ", " DESIRED(9),
                  .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(9), .deadline_s = NEVER },
        } },
        { .name = "a gap before the answer leads to another GET", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = PATCH(8), .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(10), .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3, " DESIRED(8), .deadline_s = 5 },
                { 5, TIMEOUT, .events = "get#2", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(10, 3), .events = "twin 10/3", .deadline_s = NEVER },
        } },
        { .name = "an answer that is behind the changes leads to another GET, later each time", .steps = {
                { 0, LIVE, .events = "get#1, ready", .deadline_s = 30 },
                { 1, CHANGE, .text = PATCH(9), .deadline_s = 30 },
                { 10, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3", .deadline_s = 11, .latest_s = 12 },
                { 12, TIMEOUT, .events = "get#2", .deadline_s = 42 },
                { 20, ANSWER, 200, 2, TWIN(8, 3), .events = "twin 8/3", .deadline_s = 22, .latest_s = 24 },
                { 24, TIMEOUT, .events = "get#3", .deadline_s = 54 },
                { 30, ANSWER, 200, 3, TWIN(9, 3), .events = "twin 9/3", .deadline_s = NEVER },
        } },
        { .name = "a change on top of a twin that is asked for again is delivered", .steps = {
                UNTIL_TWIN,
                { 10, REFRESH, .events = "get#2", .deadline_s = 40 },
                { 11, CHANGE, .text = PATCH(8), .deadline_s = 40 },
                { 12, ANSWER, 200, 2, TWIN(7, 3), .events = "twin 7/3, " DESIRED(8), .deadline_s = NEVER },
                { 20, REFRESH, .events = "get#3", .deadline_s = 50 },
                { 21, CHANGE, .text = PATCH(9), .deadline_s = 50 },
                { 50, TIMEOUT, .events = DESIRED(9) ", get failed 0", .deadline_s = 51, .latest_s = 52 },
        } },
        { .name = "an answer behind what was delivered on this link is none", .steps = {
                UNTIL_TWIN,
                { 10, REFRESH, .events = "get#2", .deadline_s = 40 },
                { 11, CHANGE, .text = PATCH(8), .deadline_s = 40 },
                { 20, ANSWER, 200, 2, TWIN(6, 3), .events = DESIRED(8) ", get failed 200",
                  .deadline_s = 21, .latest_s = 22 },
                { 22, TIMEOUT, .events = "get#3", .deadline_s = 52 },
                { 23, ANSWER, 200, 3, TWIN(8, 3), .events = "twin 8/3", .deadline_s = NEVER },
        } },
        { .name = "nothing is on top of a twin that is not known", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = PATCH(0), .deadline_s = 30 },
                { 30, TIMEOUT, .events = "get failed 0", .deadline_s = 31, .latest_s = 32 },
                { 30, CHANGE, .text = PATCH(0), .deadline_s = 31, .latest_s = 32 },
        } },

        /* Gaps. */
        { .name = "a missed change leads to a GET, a late one is still delivered", .steps = {
                UNTIL_TWIN,
                { 2, CHANGE, .text = PATCH(9), .deadline_s = 5 },
                { 3, CHANGE, .text = PATCH(10), .deadline_s = 5 },
                { 3, CHANGE, .text = PATCH(8), .events = DESIRED(8), .deadline_s = 5 },
                { 5, TIMEOUT, .events = "get#2", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(10, 3), .events = "twin 10/3", .deadline_s = NEVER },
                { 20, CHANGE, .text = PATCH(12), .events = "get#3", .deadline_s = 50 },
                { 21, CHANGE, .text = PATCH(13), .deadline_s = 50 },
                { 22, ANSWER, 200, 3, TWIN(12, 3), .events = "twin 12/3, " DESIRED(13), .deadline_s = NEVER },
        } },
        { .name = "a change that is not valid leads to a GET, after that under way if need be", .steps = {
                UNTIL_LIVE,
                { 1, CHANGE, .text = "{}", .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3", .deadline_s = 5 },
                { 3, CHANGE, .text = "{}", .deadline_s = 5 },
                { 5, TIMEOUT, .events = "get#2", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
                { 20, CHANGE, .text = "{}", .events = "get#3", .deadline_s = 50 },
        } },
        { .name = "versions are of 64 bits", .steps = {
                UNTIL_LIVE,
                { 1, ANSWER, 200, 1, TWIN(9223372036854775806, 0), .events = "twin 9223372036854775806/0",
                  .deadline_s = NEVER },
                { 2, CHANGE, .text = PATCH(9223372036854775807), .events = DESIRED(9223372036854775807),
                  .deadline_s = NEVER },
                { 3, CHANGE, .text = PATCH(0), .deadline_s = NEVER },
        } },

        /* A GET that fails. */
        { .name = "a GET without answer is repeated, and the late answer ignored", .steps = {
                UNTIL_LIVE,
                { 29, TIMEOUT, .deadline_s = 30 },
                { 30, TIMEOUT, .events = "get failed 0", .deadline_s = 31, .latest_s = 32 },
                { 30, ANSWER, 200, 1, TWIN(7, 3), .deadline_s = 31, .latest_s = 32,
                  .result = AZ_ERROR_ITEM_NOT_FOUND },
                { 32, TIMEOUT, .events = "get#2", .deadline_s = 62 },
                { 33, ANSWER, 200, 1, TWIN(7, 3), .deadline_s = 62, .result = AZ_ERROR_ITEM_NOT_FOUND },
                { 34, ANSWER, 200, 2, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
        } },
        { .name = "failures wait longer and longer, until one succeeds", .steps = {
                UNTIL_LIVE,
                { 10, ANSWER, 500, 1, ERROR, .events = "get failed 500", .deadline_s = 11, .latest_s = 12 },
                { 12, TIMEOUT, .events = "get#2", .deadline_s = 42 },
                { 20, ANSWER, 408, 2, ERROR, .events = "get failed 408", .deadline_s = 22, .latest_s = 24 },
                { 24, TIMEOUT, .events = "get#3", .deadline_s = 54 },
                { 30, ANSWER, 499, 3, ERROR, .events = "get failed 499", .deadline_s = 34, .latest_s = 38 },
                { 38, TIMEOUT, .events = "get#4", .deadline_s = 68 },
                { 40, ANSWER, 200, 4, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
                { 50, REFRESH, .events = "get#5", .deadline_s = 80 },
                { 60, ANSWER, 504, 5, ERROR, .events = "get failed 504", .deadline_s = 61, .latest_s = 62 },
        } },
        { .name = "a throttled GET waits from 10 s up", .steps = {
                UNTIL_LIVE,
                { 10, ANSWER, 429, 1, ERROR, .events = "get failed 429", .deadline_s = 20, .latest_s = 30 },
        } },
        { .name = "a refused GET waits from 30 s up", .steps = {
                UNTIL_LIVE,
                { 10, ANSWER, 400, 1, ERROR, .events = "get failed 400", .deadline_s = 40, .latest_s = 70 },
                { 70, TIMEOUT, .events = "get#2", .deadline_s = 100 },
                { 80, ANSWER, 404, 2, ERROR, .events = "get failed 404", .deadline_s = 140, .latest_s = 200 },
        } },
        { .name = "202 is the answer if the twin comes with it", .steps = {
                UNTIL_LIVE,
                { 1, ANSWER, 202, 1, .deadline_s = 30 },
                { 2, ANSWER, 202, 1, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
        } },
        { .name = "what is no twin is no answer", .steps = {
                UNTIL_LIVE,
                { 10, ANSWER, 200, 1, "{\"desired\":{}}", .events = "get failed 200", .deadline_s = 11,
                  .latest_s = 12 },
        } },
        { .name = "204 is no answer to a GET", .steps = {
                UNTIL_LIVE,
                { 10, ANSWER, 204, 1, .version = "3", .events = "get failed 204", .deadline_s = 11,
                  .latest_s = 12 },
        } },
        { .name = "a GET that cannot be sent has failed", .steps = {
                UNTIL_LIVE,
                { 0, UNSENT, .id = GET_, .events = "get failed 0", .deadline_s = 5 },
                { 0, UNSENT, .id = GET_, .deadline_s = 5, .result = AZ_ERROR_NOT_SUPPORTED },
                { 5, TIMEOUT, .events = "get#2", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
                { 7, UNSENT, .id = GET_, .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
        } },
        { .name = "asking again keeps to the interval, and to one GET at a time", .steps = {
                UNTIL_LIVE,
                { 1, REFRESH, .deadline_s = 30 },
                { 2, ANSWER, 200, 1, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
                { 3, REFRESH, .deadline_s = 5 },
                { 4, REFRESH, .deadline_s = 5 },
                { 5, TIMEOUT, .events = "get#2", .deadline_s = 35 },
                { 6, ANSWER, 200, 2, TWIN(7, 3), .events = "twin 7/3", .deadline_s = NEVER },
        } },

        /* Reports. */
        { .name = "reports one after the other, while the twin is read", .steps = {
                UNTIL_LIVE,
                { 1, REPORT, .text = "{\"a\":1}", .events = "report#2{\"a\":1}", .deadline_s = 30 },
                { 1, REPORT, .text = "{\"b\":1}", .deadline_s = 30, .result = AZ_ERROR_NOT_SUPPORTED },
                { 2, ANSWER, 204, 2, .version = "4", .events = "accepted 204 v4, ready", .deadline_s = 30 },
                { 2, ANSWER, 204, 2, .version = "4", .deadline_s = 30, .result = AZ_ERROR_ITEM_NOT_FOUND },
                { 3, REPORT, .text = "{\"b\":1}", .events = "report#3{\"b\":1}", .deadline_s = 30 },
                { 4, ANSWER, 200, 1, TWIN(7, 4), .events = "twin 7/4", .deadline_s = 63 },
                { 5, ANSWER, 204, 3, .events = "accepted 204 v-1, ready", .deadline_s = NEVER },
                { 6, REPORT, .text = "", .deadline_s = NEVER, .result = AZ_ERROR_ARG },
        } },
        { .name = "a report without answer may be sent again after a while", .steps = {
                UNTIL_TWIN,
                { 2, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 62 },
                { 62, TIMEOUT, .events = "retry 0 v-1", .deadline_s = 63, .latest_s = 64 },
                { 62, ANSWER, 204, 2, .deadline_s = 63, .latest_s = 64, .result = AZ_ERROR_ITEM_NOT_FOUND },
                { 62, REPORT, .text = "{}", .deadline_s = 63, .latest_s = 64, .result = AZ_ERROR_NOT_SUPPORTED },
                { 64, TIMEOUT, .events = "ready", .deadline_s = NEVER },
                { 64, REPORT, .text = "{}", .events = "report#3{}", .deadline_s = 124 },
        } },
        { .name = "a lost link ends a report", .steps = {
                UNTIL_TWIN,
                { 2, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 62 },
                { 3, LOST, .events = "retry 0 v-1", .deadline_s = NEVER },
                { 4, LOST, .deadline_s = NEVER },
                { 5, LIVE, .events = "get#3, ready", .deadline_s = 35 },
                { 6, ANSWER, 204, 2, .deadline_s = 35, .result = AZ_ERROR_ITEM_NOT_FOUND },
                { 6, REPORT, .text = "{}", .events = "report#4{}", .deadline_s = 35 },
                { 7, ANSWER, 204, 4, .version = "9", .events = "accepted 204 v9, ready", .deadline_s = 35 },
        } },
        { .name = "a report that cannot be sent may be sent again", .steps = {
                UNTIL_TWIN,
                { 2, UNSENT, .id = REPORT_, .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 2, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 62 },
                { 2, UNSENT, .id = REPORT_, .events = "retry 0 v-1", .deadline_s = 3, .latest_s = 4 },
                { 4, TIMEOUT, .events = "ready", .deadline_s = NEVER },
        } },
        { .name = "a report that was taken ends a row of failures", .steps = {
                UNTIL_TWIN,
                { 2, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 62 },
                { 3, ANSWER, 503, 2, .events = "retry 503 v-1", .deadline_s = 4, .latest_s = 5 },
                { 5, TIMEOUT, .events = "ready", .deadline_s = NEVER },
                { 6, REPORT, .text = "{}", .events = "report#3{}", .deadline_s = 66 },
                { 7, ANSWER, 204, 3, .events = "accepted 204 v-1, ready", .deadline_s = NEVER },
                { 8, REPORT, .text = "{}", .events = "report#4{}", .deadline_s = 68 },
                { 9, ANSWER, 503, 4, .events = "retry 503 v-1", .deadline_s = 10, .latest_s = 11 },
        } },
        { .name = "202 does not end a report", .steps = {
                UNTIL_TWIN,
                { 2, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 62 },
                { 3, ANSWER, 202, 2, .deadline_s = 62 },
                { 4, ANSWER, 204, 2, .version = "4", .events = "accepted 204 v4, ready", .deadline_s = NEVER },
        } },
        { .name = "two deadlines that have passed are both kept", .steps = {
                UNTIL_LIVE,
                { 1, REPORT, .text = "{}", .events = "report#2{}", .deadline_s = 30 },
                { 100, TIMEOUT, .events = "get failed 0, retry 0 v-1", .deadline_s = 101, .latest_s = 102 },
                { 102, TIMEOUT, .events = "get#3, ready", .deadline_s = 132 },
        } },

        { .name = "without a link nothing is taken", .steps = {
                { 0, CHANGE, .text = PATCH(8), .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 0, ANSWER, 200, 1, TWIN(7, 3), .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 0, REPORT, .text = "{}", .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 0, REFRESH, .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 0, UNSENT, .id = GET_, .deadline_s = NEVER, .result = AZ_ERROR_NOT_SUPPORTED },
                { 0, TIMEOUT, .deadline_s = NEVER },
                { 0, LOST, .deadline_s = NEVER },
                UNTIL_LIVE,
                { 0, LIVE, .deadline_s = 30, .result = AZ_ERROR_NOT_SUPPORTED },
        } },
};
/* clang-format on */

START_TEST(script_is_followed) {
        World w;

        init(&w);
        for (const Step *step = scripts[_i].steps; step->input != END_OF_SCRIPT; step++) {
                char events[512];

                ck_assert_int_eq(give(&w, step), step->result == 0 ? AZ_OK : step->result);
                pop_all(&w, events, sizeof(events));
                ck_assert_msg(strcmp(events, step->events ?: "") == 0, "%s, step %td: \"%s\", not \"%s\"",
                              scripts[_i].name, step - scripts[_i].steps, events, step->events ?: "");
                check_deadline(&w, step);
        }
}
END_TEST

/* What a report's answer leads to, and from when to when the next report has to wait. */
static const struct {
        int status;
        const char *version;
        const char *events;
        uint32_t least_s, most_s;
} answers[] = {
        { 204, "5", "accepted 204 v5, ready", NEVER, NEVER },
        { 204, NULL, "accepted 204 v-1, ready", NEVER, NEVER },
        { 204, "x", "accepted 204 v-1, ready", NEVER, NEVER },
        { 204, "-5", "accepted 204 v-1, ready", NEVER, NEVER },
        { 204, "9223372036854775807", "accepted 204 v9223372036854775807, ready", NEVER, NEVER },
        { 204, "9223372036854775808", "accepted 204 v-1, ready", NEVER, NEVER },
        { 200, "5", "accepted 200 v-1, ready", NEVER, NEVER }, /* the version is that of 204 */

        { 400, NULL, "refused 400 v-1, ready", NEVER, NEVER },
        { 405, NULL, "refused 405 v-1, ready", NEVER, NEVER },
        { 413, NULL, "refused 413 v-1, ready", NEVER, NEVER },
        { 415, NULL, "refused 415 v-1, ready", NEVER, NEVER },
        { 422, NULL, "refused 422 v-1, ready", NEVER, NEVER },

        { 408, NULL, "retry 408 v-1", 1, 2 },
        { 409, NULL, "retry 409 v-1", 1, 2 },
        { 412, NULL, "retry 412 v-1", 1, 2 },
        { 499, NULL, "retry 499 v-1", 1, 2 },
        { 500, NULL, "retry 500 v-1", 1, 2 },
        { 502, NULL, "retry 502 v-1", 1, 2 },
        { 503, NULL, "retry 503 v-1", 1, 2 },
        { 504, NULL, "retry 504 v-1", 1, 2 },
        { 599, NULL, "retry 599 v-1", 1, 2 },
        { 0, NULL, "retry 0 v-1", 1, 2 },
        { 302, NULL, "retry 302 v-1", 1, 2 },
        { 429, NULL, "retry 429 v-1", 10, 20 },
        { 401, NULL, "retry 401 v-1", 30, 60 },
        { 403, NULL, "retry 403 v-1", 30, 60 },
        { 404, NULL, "retry 404 v-1", 30, 60 },
};

START_TEST(report_ends_by_the_class_of_its_answer) {
        static const Step until_reported[] = { UNTIL_TWIN, { 2, REPORT, .text = "{}" } };
        Step answer = { 3, ANSWER, answers[_i].status, 2, .version = answers[_i].version };
        char events[256];
        World w;

        init(&w);
        run(&w, until_reported, ELEMENTSOF(until_reported));
        ck_assert_int_eq(give(&w, &answer), AZ_OK);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, answers[_i].events);

        answer.deadline_s = answers[_i].least_s == NEVER ? NEVER : answer.at_s + answers[_i].least_s;
        answer.latest_s = answers[_i].most_s == NEVER ? 0 : answer.at_s + answers[_i].most_s;
        check_deadline(&w, &answer);
}
END_TEST

START_TEST(spans_of_an_event_are_those_of_the_message) {
        static const Step live = UNTIL_LIVE;
        static const char *const twin = TWIN(7, 3), *const error = ERROR;
        Step answer = { 10, ANSWER, 200, 1, twin }, refresh = { 20, REFRESH },
             failure = { 30, ANSWER, 500, 2, error };
        az_twin_event event;
        World w;

        init(&w);
        run(&w, &live, 1);
        ck_assert_int_eq(give(&w, &answer), AZ_OK);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_span_eq(event.as.document.desired, "{\"a\":1,\"$version\":7}");
        ck_assert_span_eq(event.as.document.reported, "{\"$version\":3}");
        ck_assert_ptr_eq(az_span_ptr(event.as.document.desired), strchr(twin + 1, '{'));

        run(&w, &refresh, 1);
        ck_assert_int_eq(give(&w, &failure), AZ_OK);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_ptr_eq(az_span_ptr(event.as.get_failed.body), error);
        ck_assert_span_eq(event.as.get_failed.body, error);
        ck_assert_uint_eq(az_twin_sync_deadline_us(&w.sync),
                          30 * USEC_PER_SEC + event.as.get_failed.delay_us);
}
END_TEST

/* The stash holds this many bytes; two changes come before the answer, which is before both. */
static const struct {
        int32_t size;
        const char *events;
        uint32_t deadline_s; /* of the GET that is to find the rest */
} stashes[] = {
        { 0, "twin 7/3", 5 },
        { 1, "twin 7/3", 5 },
        { 15 + 14, "twin 7/3", 5 },
        { 16 + 14, "twin 7/3, " DESIRED(8), 5 },
        { 2 * (16 + 14) - 1, "twin 7/3, " DESIRED(8), 5 },
        { 2 * (16 + 14), "twin 7/3, " DESIRED(8) ", " DESIRED(9), NEVER },
};

START_TEST(change_that_the_stash_cannot_hold_is_asked_for) {
        static const Step before_answer[] = { UNTIL_LIVE,
                                              { 1, CHANGE, .text = PATCH(8) },
                                              { 1, CHANGE, .text = PATCH(9) } };
        Step answer = { 2, ANSWER, 200, 1, TWIN(7, 3), .deadline_s = stashes[_i].deadline_s };
        az_twin_sync_options o;
        char events[256];
        World w;

        o = options(&w);
        o.stash = stashes[_i].size == 0 ? AZ_SPAN_EMPTY : az_span_slice(o.stash, 0, stashes[_i].size);
        init_with(&w, &o);
        run(&w, before_answer, ELEMENTSOF(before_answer));
        ck_assert_int_eq(give(&w, &answer), AZ_OK);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, stashes[_i].events);
        check_deadline(&w, &answer);
}
END_TEST

START_TEST(inputs_that_lead_to_events_wait_until_all_are_popped) {
        static const Step refused[] = {
                { 1, LIVE, .result = AZ_ERROR_NOT_SUPPORTED }, /* it is live */
                { 1, ANSWER, 200, 1, TWIN(7, 3) },
                { 1, CHANGE, .text = PATCH(8) },
                { 1, REFRESH },
                { 99, TIMEOUT },
                { 1, REPORT, .text = "{}", .result = AZ_ERROR_NOT_SUPPORTED }, /* READY was not popped */
        };
        static const Step live = UNTIL_LIVE;
        az_twin_event event;
        char events[256];
        World w;

        init(&w);
        ck_assert_int_eq(give(&w, &live), AZ_OK);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        (void) id_of(&w, event.as.publish.topic);
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                ck_assert_int_eq(give(&w, &refused[i]),
                                 refused[i].result == 0 ? AZ_ERROR_NOT_ENOUGH_SPACE : refused[i].result);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, "ready");
        check_deadline(&w, &live);
}
END_TEST

START_TEST(what_an_event_asks_for_may_be_done_before_the_next_is_popped) {
        static const Step live = UNTIL_LIVE, unsent_get = { 0, UNSENT, .id = GET_ },
                          report = { 0, REPORT, .text = "{}" }, unsent_report = { 0, UNSENT, .id = REPORT_ };
        az_twin_event event;
        char events[256];
        World w;

        init(&w);
        ck_assert_int_eq(give(&w, &live), AZ_OK);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_int_eq(event.type, AZ_TWIN_EVENT_PUBLISH);
        (void) id_of(&w, event.as.publish.topic);
        ck_assert_int_eq(give(&w, &unsent_get), AZ_OK);

        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_int_eq(event.type, AZ_TWIN_EVENT_READY);
        ck_assert_int_eq(give(&w, &report), AZ_OK);

        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_int_eq(event.type, AZ_TWIN_EVENT_GET_FAILED);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_int_eq(event.type, AZ_TWIN_EVENT_PUBLISH);
        ck_assert_int_eq(give(&w, &unsent_report), AZ_OK);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, "retry 0 v-1");
}
END_TEST

START_TEST(a_lost_link_drops_what_waits_but_the_end_of_a_report) {
        static const Step until_reported[] = { UNTIL_TWIN, { 2, REPORT, .text = "{}" } },
                          refused = { 3, ANSWER, 400, 2, ERROR }, lost = { 4, LOST, .deadline_s = NEVER },
                          live = { 5, LIVE, .deadline_s = 35 };
        char events[256];
        World w;

        init(&w);
        run(&w, until_reported, ELEMENTSOF(until_reported));
        ck_assert_int_eq(give(&w, &refused), AZ_OK);
        ck_assert_int_eq(give(&w, &lost), AZ_OK);
        check_deadline(&w, &lost);
        ck_assert_int_eq(give(&w, &live), AZ_ERROR_NOT_ENOUGH_SPACE);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, "refused 400 v-1");

        ck_assert_int_eq(give(&w, &live), AZ_OK);
        ck_assert_int_eq(give(&w, &lost), AZ_OK);
        pop_all(&w, events, sizeof(events));
        ck_assert_str_eq(events, "");
}
END_TEST

START_TEST(a_lost_link_drops_what_was_stashed) {
        static const Step before_answer[] = { UNTIL_LIVE, { 1, CHANGE, .text = PATCH(8) } },
                          answer = { 2, ANSWER, 200, 1, TWIN(7, 3) }, lost = { 3, LOST };
        az_twin_event event;
        World w;

        init(&w);
        run(&w, before_answer, ELEMENTSOF(before_answer));
        ck_assert_int_eq(give(&w, &answer), AZ_OK);
        ck_assert(az_twin_sync_next_event(&w.sync, &event));
        ck_assert_int_eq(event.type, AZ_TWIN_EVENT_DOCUMENT);
        ck_assert_int_eq(give(&w, &lost), AZ_OK);
        ck_assert(!az_twin_sync_next_event(&w.sync, &event));
}
END_TEST

START_TEST(request_ids_of_two_runs_differ) {
        World w[2];
        az_twin_event event;
        unsigned id;

        for (size_t i = 0; i < 2; i++) {
                az_twin_sync_options o = options(&w[i]);

                o.random_seed = 1 + i;
                init_with(&w[i], &o);
                ck_assert_int_eq(az_twin_sync_live(&w[i].sync, 0), AZ_OK);
                ck_assert(az_twin_sync_next_event(&w[i].sync, &event));
                id = id_of(&w[i], event.as.publish.topic);
                ck_assert_uint_eq(id, 1);
        }
        ck_assert_uint_ne(w[0].first_id, w[1].first_id);
}
END_TEST

static const struct {
        const char *name;
        az_twin_sync_options options;
        az_result result;
} option_sets[] = {
        { "least", { 1, 1, 1, 1, 1, 1 }, AZ_OK },
        { "most", { UINT64_MAX, UINT16_MAX, UINT16_MAX, UINT16_MAX, UINT32_MAX, UINT32_MAX }, AZ_OK },
        { "no seed", { 0, 30, 60, 5, 1, 100 }, AZ_ERROR_ARG },
        { "no time for a GET", { 1, 0, 60, 5, 1, 100 }, AZ_ERROR_ARG },
        { "no time for a report", { 1, 30, 0, 5, 1, 100 }, AZ_ERROR_ARG },
        { "no interval", { 1, 30, 60, 0, 1, 100 }, AZ_ERROR_ARG },
        { "no back-off", { 1, 30, 60, 5, 0, 100 }, AZ_ERROR_ARG },
        { "back-off the wrong way round", { 1, 30, 60, 5, 2, 1 }, AZ_ERROR_ARG },
};

START_TEST(options_are_checked) {
        az_iot_hub_client client;
        az_twin_sync sync;

        ck_assert_int_eq(az_iot_hub_client_init(&client, str("h"), str("d"), NULL), AZ_OK);
        ck_assert_int_eq(az_twin_sync_init(&sync, &client, &option_sets[_i].options), option_sets[_i].result);
}
END_TEST

START_TEST(names_are_known_up_to_the_last_constant) {
        ck_assert_str_eq(az_twin_event_type_to_string(AZ_TWIN_EVENT_PUBLISH), "publish");
        ck_assert_str_eq(az_twin_event_type_to_string(AZ_TWIN_EVENT_READY), "ready");
        for (az_twin_event_type t = 0; t < _AZ_TWIN_EVENT_TYPE_MAX; t++)
                ck_assert_ptr_nonnull(az_twin_event_type_to_string(t));
        ck_assert_ptr_null(az_twin_event_type_to_string(_AZ_TWIN_EVENT_TYPE_MAX));
        for (az_twin_outcome o = 0; o < _AZ_TWIN_OUTCOME_MAX; o++)
                ck_assert_ptr_nonnull(az_twin_outcome_to_string(o));
        ck_assert_ptr_null(az_twin_outcome_to_string(_AZ_TWIN_OUTCOME_MAX));
}
END_TEST

static Suite *twin_sync_suite(void) {
        Suite *s = suite_create("twin-sync");
        TCase *t;

        t = tcase_create("scripts");
        tcase_add_loop_test(t, script_is_followed, 0, ELEMENTSOF(scripts));
        suite_add_tcase(s, t);

        t = tcase_create("az_twin_sync_response");
        tcase_add_loop_test(t, report_ends_by_the_class_of_its_answer, 0, ELEMENTSOF(answers));
        tcase_add_test(t, spans_of_an_event_are_those_of_the_message);
        tcase_add_loop_test(t, change_that_the_stash_cannot_hold_is_asked_for, 0, ELEMENTSOF(stashes));
        suite_add_tcase(s, t);

        t = tcase_create("az_twin_sync_next_event");
        tcase_add_test(t, inputs_that_lead_to_events_wait_until_all_are_popped);
        tcase_add_test(t, what_an_event_asks_for_may_be_done_before_the_next_is_popped);
        tcase_add_test(t, a_lost_link_drops_what_waits_but_the_end_of_a_report);
        tcase_add_test(t, a_lost_link_drops_what_was_stashed);
        tcase_add_test(t, request_ids_of_two_runs_differ);
        suite_add_tcase(s, t);

        t = tcase_create("az_twin_sync_init");
        tcase_add_loop_test(t, options_are_checked, 0, ELEMENTSOF(option_sets));
        tcase_add_test(t, names_are_known_up_to_the_last_constant);
        suite_add_tcase(s, t);

        return s;
}

UNIT_MAIN(twin_sync_suite)
