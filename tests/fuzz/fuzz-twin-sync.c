/* SPDX-License-Identifier: MIT */

/*
 * The input is what happens to a twin, one thing a line:
 *
 *      l             the link is live           x             it is lost
 *      g200 {...}    answer to the last GET     p204 12       answer to the last report, and a version
 *      c{...}        a change                   r{...}        a report
 *      u             asks for the twin again    t             the deadline passes
 *      s             the next PUBLISH is unsent
 *
 * What is delivered must be JSON within what came, and in the order of its versions.
 */

#include <stdlib.h>
#include <string.h>

#include <azure/core/az_json.h>
#include <session/twin_sync.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
        az_twin_sync sync;
        uint64_t now_us;
        uint8_t stash[128];
        char ids[2][32]; /* of the last GET and report */
        bool is_live, is_unsent, is_reporting, has_document;
        int64_t version;
} World;

static void check(bool condition) {
        if (!condition)
                abort();
}

static bool is_within(az_span part, az_span whole) {
        return az_span_ptr(part) >= az_span_ptr(whole) &&
               az_span_ptr(part) + az_span_size(part) <= az_span_ptr(whole) + az_span_size(whole);
}

static void on_publish(World *w, const az_twin_event *event) {
        az_twin_request request = event->as.publish.request;
        az_span topic = event->as.publish.topic;
        int32_t id = az_span_find(topic, AZ_SPAN_FROM_STR("$rid="));

        check(w->is_live && id > 0);
        az_span_to_str(w->ids[request], sizeof(w->ids[request]), az_span_slice_to_end(topic, id + 5));
        if (w->is_unsent)
                check(az_twin_sync_unsent(&w->sync, request, w->now_us) == AZ_OK);
        w->is_unsent = false;
}

static void on_document(World *w, const az_twin_document *document, az_span payload) {
        check(is_within(document->desired, payload) && az_json_validate(document->desired) == AZ_OK);
        if (az_span_size(document->reported) > 0)
                check(is_within(document->reported, payload) &&
                      az_json_validate(document->reported) == AZ_OK);
        check(document->desired_version >= 0 && document->reported_version >= AZ_TWIN_NO_VERSION);
        check(!w->has_document || document->desired_version >= w->version);
        w->has_document = true;
        w->version = document->desired_version;
}

static void on_event(World *w, const az_twin_event *event, az_span payload) {
        az_span patch;

        switch (event->type) {
        case AZ_TWIN_EVENT_PUBLISH:
                on_publish(w, event);
                return;
        case AZ_TWIN_EVENT_DOCUMENT:
                on_document(w, &event->as.document, payload);
                return;
        case AZ_TWIN_EVENT_DESIRED:
                patch = event->as.desired.patch;
                check(w->has_document && event->as.desired.version - 1 == w->version);
                check(is_within(patch, payload) || is_within(patch, AZ_SPAN_FROM_BUFFER(w->stash)));
                check(az_json_validate(patch) == AZ_OK);
                w->version = event->as.desired.version;
                return;
        case AZ_TWIN_EVENT_GET_FAILED:
                check(event->as.get_failed.delay_us > 0);
                return;
        case AZ_TWIN_EVENT_REPORTED:
                check(w->is_reporting && event->as.reported.version >= AZ_TWIN_NO_VERSION);
                w->is_reporting = false;
                return;
        case AZ_TWIN_EVENT_READY:
                check(w->is_live && !w->is_reporting);
                return;
        case _AZ_TWIN_EVENT_TYPE_MAX:
                abort();
        }
}

/* "{status}{version}" or "{status}{body}" as the answer to the last such request. */
static void answer(World *w, az_twin_request request, az_span text) {
        az_iot_hub_client_twin_response response = {
                .request_id = az_span_create_from_str(w->ids[request]),
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET,
        };
        uint32_t status;

        if (az_span_size(text) < 3 || az_span_atou32(az_span_slice(text, 0, 3), &status) != AZ_OK)
                return;
        text = az_span_slice_to_end(text, 3);
        response.status = (az_iot_status) status;
        response.version = text;
        (void) (az_twin_sync_response(&w->sync, &response, text, w->now_us) == AZ_OK);
}

static void give_line(World *w, az_span line) {
        az_iot_hub_client_twin_response change = {
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES,
                .status = AZ_IOT_STATUS_OK,
        };
        az_span rest = az_span_slice_to_end(line, 1);
        az_result r = AZ_OK;

        switch (az_span_ptr(line)[0]) {
        case 'l':
                r = az_twin_sync_live(&w->sync, w->now_us);
                w->is_live = true;
                break;
        case 'x':
                az_twin_sync_lost(&w->sync);
                w->is_live = w->has_document = false;
                break;
        case 'g':
        case 'p':
                answer(w, az_span_ptr(line)[0] == 'g' ? AZ_TWIN_REQUEST_GET : AZ_TWIN_REQUEST_REPORT, rest);
                break;
        case 'c':
                r = az_twin_sync_response(&w->sync, &change, rest, w->now_us);
                break;
        case 'r':
                r = az_twin_sync_report(&w->sync, rest, w->now_us);
                w->is_reporting |= r == AZ_OK;
                break;
        case 'u':
                r = az_twin_sync_refresh(&w->sync, w->now_us);
                break;
        case 's':
                w->is_unsent = true;
                break;
        case 't':
                if (w->is_live && az_twin_sync_deadline_us(&w->sync) != UINT64_MAX)
                        w->now_us = az_twin_sync_deadline_us(&w->sync);
                r = az_twin_sync_timeout(&w->sync, w->now_us);
                break;
        default:
                break;
        }
        check(r == AZ_OK || r == AZ_ERROR_NOT_SUPPORTED || r == AZ_ERROR_ARG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        World w = { .now_us = 1 };
        az_twin_sync_options options = az_twin_sync_options_default();
        az_iot_hub_client client;
        az_twin_event event;

        if (size > 65536)
                return 0;
        options.random_seed = 1;
        options.stash = AZ_SPAN_FROM_BUFFER(w.stash);
        check(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("h"), AZ_SPAN_FROM_STR("d"), NULL) == AZ_OK);
        check(az_twin_sync_init(&w.sync, &client, &options) == AZ_OK);

        for (az_span rest = az_span_create((uint8_t *) data, (int32_t) size); az_span_size(rest) > 0;) {
                int32_t end = az_span_find(rest, AZ_SPAN_FROM_STR("\n"));
                az_span line = end < 0 ? rest : az_span_slice(rest, 0, end);

                rest = az_span_slice_to_end(rest, end < 0 ? az_span_size(rest) : end + 1);
                if (az_span_size(line) == 0)
                        continue;
                w.now_us += 1000000;
                give_line(&w, line);
                while (az_twin_sync_next_event(&w.sync, &event))
                        on_event(&w, &event, line);

                /* No busy loop. */
                check(az_twin_sync_timeout(&w.sync, w.now_us) == AZ_OK);
                while (az_twin_sync_next_event(&w.sync, &event))
                        on_event(&w, &event, line);
                check(az_twin_sync_deadline_us(&w.sync) > w.now_us);
        }
        return 0;
}
