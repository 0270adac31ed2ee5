/* SPDX-License-Identifier: MIT */

/*
 * Two exchanges that know nothing of each other, one that reads and one that writes, each with a deadline:
 *
 *      GET_OFF --live--> GET_SENT --answer--> GET_DONE --missed a change, refresh--> GET_WAITING or GET_SENT
 *                          |    ^
 *             failed, late |    | its time has come
 *                          v    |
 *                       GET_WAITING
 *
 *      REPORT_OFF --live--> REPORT_OFFERED --READY popped--> REPORT_READY --report--> REPORT_SENT
 *                             ^   ^                                                    |   |
 *                             |   +----------------- answer ---------------------------+   | failed, late
 *                             +----- its time has come ------ REPORT_WAITING <-------------+
 *
 * lost leads to OFF from everywhere.
 *
 * A change that comes while a GET is out may be newer or older than the answer, so it goes to the stash. What
 * came before the GET was sent is in its answer: that needs no stash, only 'noticed_version', which tells an
 * answer that is behind. The stash is replayed from where it lies, so nothing may be stashed before all of it
 * was popped; hence az_twin_sync_response() is refused until then.
 */

#include <session/twin_sync.h>

#include <string.h>

#include <session/retry.h>
#include <session/session_internal.h>
#include <session/twin_document_internal.h>

enum {
        GET_OFF,
        GET_WAITING,
        GET_SENT,
        GET_DONE
};

enum {
        REPORT_OFF,
        REPORT_OFFERED,
        REPORT_READY,
        REPORT_SENT,
        REPORT_WAITING
};

/* Digits of a request id. */
#define ID_MAX 20

static az_span write_id(uint64_t id, uint8_t digits[ID_MAX]) {
        az_span buffer = az_span_create(digits, ID_MAX), rest;

        if (az_result_failed(az_span_u64toa(buffer, id, &rest)))
                return AZ_SPAN_EMPTY; /* no: 64 bits have no more digits */
        return az_span_slice(buffer, 0, ID_MAX - az_span_size(rest));
}

/* What an answer says is wrong. */
typedef enum {
        FAULT_NONE,
        FAULT_PASSING,   /* the service, or nobody */
        FAULT_THROTTLED, /* too much was asked */
        FAULT_BLOCKED,   /* the identity, its rights or its quota */
        FAULT_REQUEST    /* the request */
} fault;

static fault fault_of(az_iot_status status) {
        int const code = (int) status;

        if (code == 401 || code == 403 || code == 404)
                return FAULT_BLOCKED;
        if (code == 429)
                return FAULT_THROTTLED;
        if (code >= 200 && code < 300)
                return FAULT_NONE;
        if (code >= 400 && code < 500 && code != 408 && code != 409 && code != 412 && code != 499)
                return FAULT_REQUEST;
        return FAULT_PASSING;
}

static uint64_t next_delay_us(az_twin_sync *s, _az_twin_exchange *exchange, fault cause) {
        uint32_t min_s = s->_internal.options.backoff_min_s, max_s = s->_internal.options.backoff_max_s;
        az_retry_policy policy = { min_s, max_s };

        if (cause == FAULT_THROTTLED)
                policy.min_s = max_s < 10 ? max_s : 10;
        else if (cause == FAULT_BLOCKED || cause == FAULT_REQUEST)
                policy = (az_retry_policy){ 30, 3600 };
        return az_retry_delay_us(&policy, ++exchange->n_failures, az_retry_draw(&s->_internal.random));
}

static az_twin_event *push(az_twin_sync *s, az_twin_event_type type) {
        az_twin_event *event = &s->_internal.events[s->_internal.n_events++];

        *event = (az_twin_event){ .type = type };
        return event;
}

static bool has_events(az_twin_sync const *s) {
        return s->_internal.n_events > 0 || s->_internal.replay_index < s->_internal.replay_end;
}

static void set_state(_az_twin_exchange *exchange, int state, uint64_t deadline_us) {
        exchange->state = state;
        exchange->deadline_us = deadline_us;
}

static void publish(az_twin_sync *s, az_twin_request request, az_span payload) {
        _az_twin_exchange *exchange =
                request == AZ_TWIN_REQUEST_GET ? &s->_internal.get : &s->_internal.report;
        az_twin_event *event = push(s, AZ_TWIN_EVENT_PUBLISH);

        exchange->id = ++s->_internal.last_id;
        event->as.publish.request = request;
        event->as.publish.payload = payload;
}

/* Sends a GET at 'at_us', or as soon after it as the interval allows. */
static void plan_get(az_twin_sync *s, uint64_t at_us, uint64_t now_us) {
        if (at_us < s->_internal.earliest_get_us)
                at_us = s->_internal.earliest_get_us;
        if (at_us > now_us) {
                set_state(&s->_internal.get, GET_WAITING, at_us);
                return;
        }
        set_state(&s->_internal.get, GET_SENT,
                  now_us + s->_internal.options.get_timeout_s * _az_USEC_PER_SEC);
        s->_internal.earliest_get_us = now_us + s->_internal.options.get_interval_s * _az_USEC_PER_SEC;
        s->_internal.wants_get = false;
        s->_internal.stash_size = 0;
        publish(s, AZ_TWIN_REQUEST_GET, AZ_SPAN_EMPTY);
}

/* Each change in the stash has this in front, of 16 bytes on every processor. */
typedef struct {
        int64_t version;
        int64_t size;
} stash_head;

/* A change for which there is no room is noticed nevertheless. */
static void stash(az_twin_sync *s, az_span patch, int64_t version) {
        az_span rest = az_span_slice_to_end(s->_internal.options.stash, s->_internal.stash_size);
        stash_head head = { .version = version, .size = az_span_size(patch) };

        if ((int64_t) az_span_size(rest) < (int64_t) sizeof(head) + head.size)
                return;
        memcpy(az_span_ptr(rest), &head, sizeof(head));
        memcpy(az_span_ptr(rest) + sizeof(head), az_span_ptr(patch), (size_t) head.size);
        s->_internal.stash_size += (int32_t) sizeof(head) + az_span_size(patch);
}

/* Returns the change at *index of the stash, and moves *index behind it. */
static az_span read_stash(az_twin_sync const *s, int32_t *index, int64_t *out_version) {
        uint8_t *p = az_span_ptr(s->_internal.options.stash) + *index;
        stash_head head;

        memcpy(&head, p, sizeof(head));
        *index += (int32_t) sizeof(head) + (int32_t) head.size;
        *out_version = head.version;
        return az_span_create(p + sizeof(head), (int32_t) head.size);
}

/* Finds the stashed changes that follow on the version that is known, and counts them as delivered. */
static void plan_replay(az_twin_sync *s) {
        int64_t version;

        s->_internal.replay_index = s->_internal.replay_end = 0;
        for (int32_t index = 0; index < s->_internal.stash_size;) {
                (void) read_stash(s, &index, &version);
                if (version <= s->_internal.version) {
                        s->_internal.replay_index = index;
                } else if (version - 1 == s->_internal.version) {
                        s->_internal.version = version;
                        s->_internal.replay_end = index;
                } else {
                        return;
                }
        }
}

static void fail_get(az_twin_sync *s, az_iot_status status, az_span body, fault cause, uint64_t now_us) {
        az_twin_event *event = push(s, AZ_TWIN_EVENT_GET_FAILED);

        if (s->_internal.version != AZ_TWIN_NO_VERSION)
                plan_replay(s);
        plan_get(s, now_us + next_delay_us(s, &s->_internal.get, cause), now_us);
        event->as.get_failed.status = status;
        event->as.get_failed.body = body;
        event->as.get_failed.delay_us = s->_internal.get.deadline_us - now_us;
}

static void on_document(az_twin_sync *s, az_twin_document const *document, uint64_t now_us) {
        s->_internal.version = document->desired_version;
        push(s, AZ_TWIN_EVENT_DOCUMENT)->as.document = *document;
        plan_replay(s);

        if (s->_internal.version < s->_internal.noticed_version) {
                plan_get(s, now_us + next_delay_us(s, &s->_internal.get, FAULT_PASSING), now_us);
                return;
        }
        s->_internal.get.n_failures = 0;
        set_state(&s->_internal.get, GET_DONE, UINT64_MAX);
        if (s->_internal.wants_get)
                plan_get(s, now_us, now_us);
}

static void on_get_answer(az_twin_sync *s, az_iot_status status, az_span body, uint64_t now_us) {
        fault cause = fault_of(status);
        az_twin_document document;

        /* "Accepted": the twin comes with it or is still to come. */
        if (status == AZ_IOT_STATUS_ACCEPTED && az_span_size(body) == 0)
                return;
        if (cause != FAULT_NONE) {
                fail_get(s, status, body, cause, now_us);
                return;
        }
        if (az_result_failed(_az_twin_read_document(body, &document)) ||
            document.desired_version < s->_internal.version) {
                fail_get(s, status, body, FAULT_PASSING, now_us);
                return;
        }
        on_document(s, &document, now_us);
}

static void on_change(az_twin_sync *s, az_span patch, uint64_t now_us) {
        bool is_getting = s->_internal.get.state == GET_SENT;
        az_twin_event *event;
        int64_t version;

        if (az_result_failed(_az_twin_read_version(patch, &version))) {
                s->_internal.wants_get = true;
                if (s->_internal.get.state == GET_DONE)
                        plan_get(s, now_us, now_us);
                return;
        }
        if (is_getting && version > s->_internal.noticed_version)
                stash(s, patch, version);
        if (version > s->_internal.noticed_version)
                s->_internal.noticed_version = version;
        if (is_getting || s->_internal.version == AZ_TWIN_NO_VERSION || version <= s->_internal.version)
                return;

        if (version - 1 != s->_internal.version) {
                if (s->_internal.get.state == GET_DONE)
                        plan_get(s, now_us, now_us);
                return;
        }
        s->_internal.version = version;
        event = push(s, AZ_TWIN_EVENT_DESIRED);
        event->as.desired.patch = patch;
        event->as.desired.version = version;
}

static az_twin_event *end_report(az_twin_sync *s, az_twin_outcome outcome, az_iot_status status) {
        az_twin_event *event = push(s, AZ_TWIN_EVENT_REPORTED);

        event->as.reported.outcome = outcome;
        event->as.reported.status = status;
        event->as.reported.version = AZ_TWIN_NO_VERSION;
        return event;
}

static void retry_report(az_twin_sync *s, fault cause, uint64_t now_us) {
        set_state(&s->_internal.report, REPORT_WAITING,
                  now_us + next_delay_us(s, &s->_internal.report, cause));
}

static void offer_report(az_twin_sync *s) {
        set_state(&s->_internal.report, REPORT_OFFERED, UINT64_MAX);
        (void) push(s, AZ_TWIN_EVENT_READY);
}

static void on_report_answer(az_twin_sync *s, az_iot_hub_client_twin_response const *response, az_span body,
                             uint64_t now_us) {
        fault cause = fault_of(response->status);
        az_twin_event *event;
        int64_t version;

        /* "Accepted", but not there yet. */
        if (response->status == AZ_IOT_STATUS_ACCEPTED)
                return;
        if (cause != FAULT_NONE && cause != FAULT_REQUEST) {
                end_report(s, AZ_TWIN_RETRY, response->status)->as.reported.body = body;
                retry_report(s, cause, now_us);
                return;
        }

        event = end_report(s, cause == FAULT_NONE ? AZ_TWIN_ACCEPTED : AZ_TWIN_REFUSED, response->status);
        event->as.reported.body = body;
        if (cause == FAULT_NONE && az_result_succeeded(az_span_atoi64(response->version, &version)) &&
            version >= 0)
                event->as.reported.version = version;
        s->_internal.report.n_failures = 0;
        offer_report(s);
}

az_twin_sync_options az_twin_sync_options_default(void) {
        return (az_twin_sync_options){
                .get_timeout_s = 30,
                .report_timeout_s = 60,
                .get_interval_s = 5,
                .backoff_min_s = 1,
                .backoff_max_s = 100,
        };
}

az_result az_twin_sync_init(az_twin_sync *s, az_iot_hub_client const *client,
                            az_twin_sync_options const *options) {
        if (options->random_seed == 0 || options->get_timeout_s == 0 || options->report_timeout_s == 0 ||
            options->get_interval_s == 0 || options->backoff_min_s == 0 ||
            options->backoff_min_s > options->backoff_max_s)
                return AZ_ERROR_ARG;

        *s = (az_twin_sync){
                ._internal = {
                        .client = client,
                        .options = *options,
                        .random = options->random_seed,
                        .get = { .state = GET_OFF, .deadline_us = UINT64_MAX },
                        .report = { .state = REPORT_OFF, .deadline_us = UINT64_MAX },
                },
        };
        /* Another run of the same device has other ids; 32 bits keep them short. */
        s->_internal.last_id = az_retry_draw(&s->_internal.random) >> 32;
        return AZ_OK;
}

/* Whether the link is as an input wants it. */
static az_result check_input(az_twin_sync const *s, bool is_live) {
        if ((s->_internal.get.state != GET_OFF) != is_live)
                return AZ_ERROR_NOT_SUPPORTED;
        return has_events(s) ? AZ_ERROR_NOT_ENOUGH_SPACE : AZ_OK;
}

az_result az_twin_sync_live(az_twin_sync *s, uint64_t now_us) {
        az_result r;

        r = check_input(s, false);
        if (az_result_failed(r))
                return r;

        s->_internal.version = AZ_TWIN_NO_VERSION;
        s->_internal.noticed_version = AZ_TWIN_NO_VERSION;
        s->_internal.earliest_get_us = now_us;
        plan_get(s, now_us, now_us);
        offer_report(s);
        return AZ_OK;
}

void az_twin_sync_lost(az_twin_sync *s) {
        bool is_reporting = s->_internal.report.state == REPORT_SENT;
        size_t n_kept = 0;

        for (size_t i = 0; i < s->_internal.n_events; i++) {
                if (s->_internal.events[i].type == AZ_TWIN_EVENT_REPORTED)
                        s->_internal.events[n_kept++] = s->_internal.events[i];
        }
        s->_internal.n_events = n_kept;
        s->_internal.replay_end = 0;
        set_state(&s->_internal.get, GET_OFF, UINT64_MAX);
        set_state(&s->_internal.report, REPORT_OFF, UINT64_MAX);
        if (is_reporting)
                (void) end_report(s, AZ_TWIN_RETRY, AZ_IOT_STATUS_UNKNOWN);
}

static bool answers(az_iot_hub_client_twin_response const *response, _az_twin_exchange const *exchange,
                    int sent) {
        uint8_t digits[ID_MAX];

        return exchange->state == sent &&
               az_span_is_content_equal(response->request_id, write_id(exchange->id, digits));
}

az_result az_twin_sync_response(az_twin_sync *s, az_iot_hub_client_twin_response const *response,
                                az_span payload, uint64_t now_us) {
        az_result r;

        r = check_input(s, true);
        if (az_result_failed(r))
                return r;

        if (response->response_type == AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES)
                on_change(s, payload, now_us);
        else if (answers(response, &s->_internal.get, GET_SENT))
                on_get_answer(s, response->status, payload, now_us);
        else if (answers(response, &s->_internal.report, REPORT_SENT))
                on_report_answer(s, response, payload, now_us);
        else
                return AZ_ERROR_ITEM_NOT_FOUND;
        return AZ_OK;
}

az_result az_twin_sync_report(az_twin_sync *s, az_span patch, uint64_t now_us) {
        if (az_span_size(patch) == 0)
                return AZ_ERROR_ARG;
        if (s->_internal.report.state != REPORT_READY)
                return AZ_ERROR_NOT_SUPPORTED;

        set_state(&s->_internal.report, REPORT_SENT,
                  now_us + s->_internal.options.report_timeout_s * _az_USEC_PER_SEC);
        publish(s, AZ_TWIN_REQUEST_REPORT, patch);
        return AZ_OK;
}

static void lose_get(az_twin_sync *s, uint64_t now_us) {
        fail_get(s, AZ_IOT_STATUS_UNKNOWN, AZ_SPAN_EMPTY, FAULT_PASSING, now_us);
}

static void lose_report(az_twin_sync *s, uint64_t now_us) {
        (void) end_report(s, AZ_TWIN_RETRY, AZ_IOT_STATUS_UNKNOWN);
        retry_report(s, FAULT_PASSING, now_us);
}

az_result az_twin_sync_unsent(az_twin_sync *s, az_twin_request request, uint64_t now_us) {
        if (request == AZ_TWIN_REQUEST_GET && s->_internal.get.state == GET_SENT)
                lose_get(s, now_us);
        else if (request == AZ_TWIN_REQUEST_REPORT && s->_internal.report.state == REPORT_SENT)
                lose_report(s, now_us);
        else
                return AZ_ERROR_NOT_SUPPORTED;
        return AZ_OK;
}

az_result az_twin_sync_refresh(az_twin_sync *s, uint64_t now_us) {
        az_result r;

        r = check_input(s, true);
        if (az_result_failed(r))
                return r;

        if (s->_internal.get.state == GET_DONE)
                plan_get(s, now_us, now_us);
        return AZ_OK;
}

az_result az_twin_sync_timeout(az_twin_sync *s, uint64_t now_us) {
        if (now_us < az_twin_sync_deadline_us(s))
                return AZ_OK;
        if (has_events(s))
                return AZ_ERROR_NOT_ENOUGH_SPACE;

        if (now_us >= s->_internal.get.deadline_us) {
                if (s->_internal.get.state == GET_SENT)
                        lose_get(s, now_us);
                else
                        plan_get(s, now_us, now_us);
        }
        if (now_us >= s->_internal.report.deadline_us) {
                if (s->_internal.report.state == REPORT_SENT)
                        lose_report(s, now_us);
                else
                        offer_report(s);
        }
        return AZ_OK;
}

/* The topic of a request is written when it is popped, so that one buffer is enough for two. */
static az_span write_topic(az_twin_sync *s, az_twin_request request) {
        bool is_get = request == AZ_TWIN_REQUEST_GET;
        az_result (*get_topic)(az_iot_hub_client const *, az_span, char *, size_t, size_t *) =
                is_get ? az_iot_hub_client_twin_document_get_publish_topic
                       : az_iot_hub_client_twin_patch_get_publish_topic;
        uint8_t digits[ID_MAX];
        az_span id = write_id(is_get ? s->_internal.get.id : s->_internal.report.id, digits);
        size_t length = 0;

        /* It cannot fail: _az_TWIN_TOPIC_SIZE is enough. */
        if (az_result_failed(get_topic(s->_internal.client, id, s->_internal.topic,
                                       sizeof(s->_internal.topic), &length)))
                return AZ_SPAN_EMPTY;
        return az_span_create((uint8_t *) s->_internal.topic, (int32_t) length);
}

bool az_twin_sync_next_event(az_twin_sync *s, az_twin_event *out_event) {
        az_twin_event *first = s->_internal.events;

        if (!has_events(s))
                return false;
        /* What was stashed goes on from the twin, and goes before all that is to be done next. */
        if (s->_internal.replay_index < s->_internal.replay_end &&
            (s->_internal.n_events == 0 || first->type != AZ_TWIN_EVENT_DOCUMENT)) {
                out_event->type = AZ_TWIN_EVENT_DESIRED;
                out_event->as.desired.patch =
                        read_stash(s, &s->_internal.replay_index, &out_event->as.desired.version);
                return true;
        }

        *out_event = *first;
        s->_internal.n_events--;
        memmove(first, first + 1, s->_internal.n_events * sizeof(*first));
        if (out_event->type == AZ_TWIN_EVENT_PUBLISH)
                out_event->as.publish.topic = write_topic(s, out_event->as.publish.request);
        else if (out_event->type == AZ_TWIN_EVENT_READY)
                s->_internal.report.state = REPORT_READY;
        return true;
}

uint64_t az_twin_sync_deadline_us(az_twin_sync const *s) {
        uint64_t get_us = s->_internal.get.deadline_us, report_us = s->_internal.report.deadline_us;

        return get_us < report_us ? get_us : report_us;
}

char const *az_twin_event_type_to_string(az_twin_event_type type) {
        static const char *const names[_AZ_TWIN_EVENT_TYPE_MAX] = {
                [AZ_TWIN_EVENT_PUBLISH] = "publish",   [AZ_TWIN_EVENT_DOCUMENT] = "document",
                [AZ_TWIN_EVENT_DESIRED] = "desired",   [AZ_TWIN_EVENT_GET_FAILED] = "get-failed",
                [AZ_TWIN_EVENT_REPORTED] = "reported", [AZ_TWIN_EVENT_READY] = "ready",
        };

        return (size_t) type < _AZ_TWIN_EVENT_TYPE_MAX ? names[type] : NULL;
}

char const *az_twin_outcome_to_string(az_twin_outcome outcome) {
        static const char *const names[_AZ_TWIN_OUTCOME_MAX] = {
                [AZ_TWIN_ACCEPTED] = "accepted",
                [AZ_TWIN_REFUSED] = "refused",
                [AZ_TWIN_RETRY] = "retry",
        };

        return (size_t) outcome < _AZ_TWIN_OUTCOME_MAX ? names[outcome] : NULL;
}
