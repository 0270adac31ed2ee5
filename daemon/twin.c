/* SPDX-License-Identifier: MIT */

#include "daemon/twin.h"

#include <assert.h>
#include <sys/random.h>

#include "daemon/az-errno.h"
#include "daemon/json-merge.h"
#include "daemon/twin-internal.h"

/* A twin that changes all the time does not wear out the flash. */
#define WRITE_INTERVAL_US (5 * USEC_PER_SEC)
#define WRITE_RETRY_US    (3 * USEC_PER_SEC)

static az_span text(const char *json) {
        return az_span_create_from_str((char *) json);
}

bool twin_is_online(const Twin *t) {
        LinkState state = hub_link_get_state(t->link);

        return state == LINK_ONLINE || state == LINK_RENEWING;
}

/* ---- The file ---- */

bool twin_load(Twin *t, const StateFile *file, const char *name, int (*parse)(Twin *t, az_span text)) {
        _cleanup_(freep) char *content = NULL;
        int r;

        r = state_file_read(file, &content);
        if (r == STATE_FILE_NONE)
                return false;
        if (r == 0) {
                r = parse(t, text(content));
                if (r == 0)
                        return true;
                if (r > 0)
                        r = r == TWIN_STATE_FOREIGN ? STATE_FILE_FOREIGN : STATE_FILE_DAMAGED;
        }
        if (r < 0) {
                log_errno(t->log, MSG_STATE_UNREADABLE, r,
                          "Failed to read '%s' in the state directory: %m, ignoring", name);
                return false;
        }

        state_file_set_aside(file, t->log, r, NULL);
        return false;
}

static int parse_copy(Twin *t, az_span content) {
        return twin_copy_parse(&t->known, content, t->device);
}

static void write_failed(Twin *t, int error, uint64_t now_us) {
        if (t->file_error != error)
                log_errno(t->log, MSG_STATE_UNWRITTEN, error,
                          "Failed to write '" TWIN_FILE "': %m, trying again");
        t->is_dirty = true;
        t->due_us = now_us + WRITE_RETRY_US;
}

static void on_written(void *userdata, int error) {
        Twin *t = userdata;

        if (error < 0)
                write_failed(t, error, boottime_us());
        t->file_error = error;
}

static void run_file(Twin *t, uint64_t now_us) {
        char *content;
        int r;

        if (!t->is_dirty || now_us < t->due_us || state_file_is_busy(t->file))
                return;

        t->is_dirty = false;
        t->due_us = now_us + WRITE_INTERVAL_US;
        r = twin_copy_format(&t->known, t->device, &content);
        if (r < 0)
                write_failed(t, r, now_us);
        else
                state_file_write(t->file, content, on_written, t);
}

/* ---- Which device ---- */

bool twin_identify(Twin *t) {
        char device[TWIN_DEVICE_SIZE];
        LinkStatus status;

        hub_link_get_status(t->link, &status);
        if (!status.device_id)
                return t->device[0] != '\0';
        (void) snprintf(device, sizeof(device), "%s%s%s", status.device_id, status.module_id ? "/" : "",
                        status.module_id ?: "");
        if (strcmp(device, t->device) == 0)
                return true;

        if (t->device[0] == '\0') {
                (void) snprintf(t->device, sizeof(t->device), "%s", device);
                (void) twin_load(t, t->file, TWIN_FILE, parse_copy);
                twin_reports_load(t);
                return true;
        }

        /* What programs have reported holds for this machine, whatever its name. */
        log_message(t->log, MSG_TWIN_REPLACED, "This is device '%s' now and no longer '%s': another twin",
                    device, t->device);
        (void) snprintf(t->device, sizeof(t->device), "%s", device);
        twin_copy_done(&t->known);
        t->is_fresh = t->is_dirty = false;
        twin_reports_touch(t);
        return true;
}

/* ---- From the hub ---- */

static void grow_stale(Twin *t) {
        if (!t->is_fresh)
                return;
        t->is_fresh = false;
        t->known.as_of_us = realtime_us();
}

/* What came cannot be used; the whole twin is asked for once the events are handled. */
static void useless(Twin *t, int r, const char *what) {
        grow_stale(t);
        t->wants_refresh = true;
        if (r < 0)
                log_errno(t->log, MSG_TWIN_USELESS, r, "Failed to take %s: %m, asking for the twin again",
                          what);
        else
                log_message(t->log, MSG_TWIN_USELESS,
                            "The hub sent %s that is of no use, asking for the twin again", what);
}

/* A section of a document, without what belongs to the hub, and without nulls, which no document holds. */
static int section_from_hub(az_span section, char **ret) {
        _cleanup_(freep) char *stripped = NULL;
        int r;

        r = json_merge_strip(section, &stripped);
        if (r != 0)
                return r;
        return json_merge_apply(AZ_SPAN_FROM_STR("{}"), text(stripped), ret);
}

/* The answer to a GET may be from before a report that was accepted since; what is known has it, if anything
 * is. */
static bool is_behind_reports(const Twin *t, const az_twin_document *document) {
        return document->reported_version >= 0 && document->reported_version < t->accepted_version;
}

static int copy_from_document(const Twin *t, const az_twin_document *document, TwinCopy *ret) {
        TwinCopy copy = {
                .desired_version = document->desired_version,
                .reported_version = document->reported_version,
        };
        az_span reported = document->reported;
        int r;

        if (is_behind_reports(t, document) && t->known.reported) {
                reported = text(t->known.reported);
                copy.reported_version = t->known.reported_version;
        } else if (az_span_size(reported) == 0)
                reported = t->known.reported ? text(t->known.reported) : AZ_SPAN_FROM_STR("{}");

        r = section_from_hub(document->desired, &copy.desired);
        if (r == 0)
                r = section_from_hub(reported, &copy.reported);
        if (r != 0) {
                twin_copy_done(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

static bool copies_are_equal(const TwinCopy *a, const TwinCopy *b) {
        return a->desired && b->desired && strcmp(a->desired, b->desired) == 0 &&
               strcmp(a->reported, b->reported) == 0 && a->desired_version == b->desired_version &&
               a->reported_version == b->reported_version;
}

static void take_document(Twin *t, const az_twin_document *document) {
        _cleanup_(twin_copy_done) TwinCopy before = TWIN_COPY_NULL;
        _cleanup_(freep) char *difference = NULL;
        TwinCopy copy = TWIN_COPY_NULL;
        int r;

        r = copy_from_document(t, document, &copy);
        if (r == 0 && t->known.desired)
                r = json_merge_diff(text(t->known.desired), text(copy.desired), &difference);
        if (r != 0)
                twin_copy_done(&copy);
        if (r < 0) {
                useless(t, r, "a twin");
                return;
        }
        if (r > 0) {
                grow_stale(t);
                log_message(t->log, MSG_TWIN_USELESS, "The hub has a twin that is of no use, ignoring");
                return;
        }

        before = t->known;
        t->known = copy;
        t->known.as_of_us = realtime_us();
        t->is_fresh = true;
        t->is_dirty |= !copies_are_equal(&before, &copy);
        t->wants_refresh |= is_behind_reports(t, document) && !before.reported;
        if (!difference || copy.desired_version < before.desired_version)
                twin_watch_replace(t);
        else
                twin_watch_change(t, text(before.desired), text(difference));
}

static void changed(Twin *t) {
        t->known.as_of_us = realtime_us();
        t->is_dirty = true;
}

static void take_change(Twin *t, az_span patch, int64_t version) {
        _cleanup_(freep) char *stripped = NULL, *before = NULL;
        char *desired;
        int r;

        if (!t->is_fresh)
                return; /* of what was of no use; all of it comes */
        r = json_merge_strip(patch, &stripped);
        if (r == 0)
                r = json_merge_apply(text(t->known.desired), text(stripped), &desired);
        if (r != 0) {
                useless(t, r, "a change of the twin");
                return;
        }

        before = t->known.desired;
        t->known.desired = desired;
        t->known.desired_version = version;
        changed(t);
        twin_watch_change(t, text(before), text(stripped));
}

void twin_apply_report(Twin *t, az_span patch, int64_t version) {
        char *reported;
        int r;

        t->accepted_version = MAX(t->accepted_version, version);
        if (!t->known.reported)
                return;
        r = json_merge_apply(text(t->known.reported), patch, &reported);
        if (r != 0) {
                useless(t, r, "a report");
                return;
        }

        free(t->known.reported);
        t->known.reported = reported;
        t->known.reported_version = version;
        changed(t);
}

static void publish(Twin *t, const az_twin_event *event) {
        int r;

        t->has_published = true;
        r = hub_link_publish_twin(t->link, event->as.publish.topic, event->as.publish.payload);
        if (r == 0)
                return;
        log_debug(t->log, "A request about the twin did not leave: %s", strerror(r < 0 ? -r : ENOBUFS));
        if (az_result_failed(az_twin_sync_unsent(&t->sync, event->as.publish.request, boottime_us())))
                log_debug(t->log, "It had ended before");
}

static void get_failed(Twin *t, const az_twin_event *event) {
        log_message(t->log, MSG_TWIN_MISSING, "The hub did not give the twin (%s %d), asking again in %.1f s",
                    event->as.get_failed.status == AZ_IOT_STATUS_UNKNOWN ? "no answer:" : "status",
                    (int) event->as.get_failed.status, (double) event->as.get_failed.delay_us / USEC_PER_SEC);
}

static void on_event(Twin *t, const az_twin_event *event) {
        switch (event->type) {
        case AZ_TWIN_EVENT_PUBLISH:
                publish(t, event);
                break;
        case AZ_TWIN_EVENT_DOCUMENT:
                take_document(t, &event->as.document);
                break;
        case AZ_TWIN_EVENT_DESIRED:
                take_change(t, event->as.desired.patch, event->as.desired.version);
                break;
        case AZ_TWIN_EVENT_GET_FAILED:
                get_failed(t, event);
                break;
        case AZ_TWIN_EVENT_REPORTED:
                twin_reports_ended(t, event);
                break;
        case AZ_TWIN_EVENT_READY:
                t->reports.is_ready = true;
                break;
        case _AZ_TWIN_EVENT_TYPE_MAX:
                assert(false);
        }
}

void twin_pump(Twin *t) {
        az_twin_event event;

        while (az_twin_sync_next_event(&t->sync, &event))
                on_event(t, &event);
}

static void input(Twin *t, az_result result) {
        if (az_result_failed(result))
                log_debug(t->log, "What came about the twin is ignored: %s",
                          strerror(-az_result_to_errno(result)));
        twin_pump(t);

        if (t->wants_refresh) {
                t->wants_refresh = false;
                if (az_result_failed(az_twin_sync_refresh(&t->sync, boottime_us())))
                        log_debug(t->log, "The twin is asked for with the next link");
                twin_pump(t);
        }
}

void twin_live(Twin *t) {
        (void) twin_identify(t);
        t->accepted_version = -1;
        input(t, az_twin_sync_live(&t->sync, boottime_us()));
}

void twin_lost(Twin *t) {
        t->reports.is_ready = false;
        az_twin_sync_lost(&t->sync);
        twin_pump(t);
}

void twin_message(Twin *t, const az_iot_hub_client_twin_response *response, az_span payload) {
        input(t, az_twin_sync_response(&t->sync, response, payload, boottime_us()));
}

/* ---- Sections ---- */

void twin_sections_done(TwinSections *s) {
        free(s->set);
        *s = (TwinSections){};
}

int twin_sections_update(TwinSections *s, const Access *access, const IpcPeer *peer) {
        int r;

        if (s->is_known && s->generation == access->generation)
                return 0;
        twin_sections_done(s);
        r = access_get_sections(access, peer, &s->set);
        if (r < 0)
                return r;
        s->is_known = true;
        s->generation = access->generation;
        return 0;
}

/* ---- Life ---- */

static int sync_init(Twin *t) {
        az_twin_sync_options options = az_twin_sync_options_default();

        if (getrandom(&options.random_seed, sizeof(options.random_seed), 0) < 0)
                options.random_seed = boottime_us();
        options.random_seed |= 1; /* 0 is refused */
        options.stash = AZ_SPAN_FROM_BUFFER(t->stash);
        return az_result_to_errno(az_twin_sync_init(&t->sync, hub_link_get_client(t->link), &options));
}

int twin_new(Twin **ret, HubLink *link, Disk *disk, const char *state_dir, const Access *access,
             ClientLog *clients) {
        _cleanup_(twin_freep) Twin *t = NULL;
        int r;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (Twin){
                .link = link,
                .log = clients->log,
                .clients = clients,
                .access = access,
                .known = TWIN_COPY_NULL,
                .accepted_version = -1,
        };
        TAILQ_INIT(&t->watchers);

        r = sync_init(t);
        if (r >= 0)
                r = state_file_new(&t->file, disk, state_dir, TWIN_FILE);
        if (r >= 0)
                r = twin_reports_init(t, disk, state_dir);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

Twin *twin_free(Twin *t) {
        if (!t)
                return NULL;

        assert(TAILQ_EMPTY(&t->watchers));
        twin_reports_done(t);
        t->file = state_file_free(t->file);
        twin_copy_done(&t->known);
        twin_sections_done(&t->sections);
        free(t);
        return NULL;
}

bool twin_is_drained(const Twin *t) {
        return !twin_pending_is_in_flight(t->reports.pending);
}

void twin_get_counts(const Twin *t, TwinCounts *ret) {
        *ret = (TwinCounts){
                .is_fresh = t->is_fresh,
                .desired_version = t->known.desired ? t->known.desired_version : -1,
                .reported_version = t->known.reported_version,
                .n_pending = twin_pending_count(t->reports.pending),
                .n_refused = t->reports.n_refused,
        };
}

uint64_t twin_deadline_us(const Twin *t) {
        uint64_t deadline_us = az_twin_sync_deadline_us(&t->sync);

        if (t->is_dirty && !state_file_is_busy(t->file))
                deadline_us = MIN(deadline_us, t->due_us);
        return MIN(deadline_us, twin_reports_deadline_us(t));
}

bool twin_run(Twin *t) {
        uint64_t now_us = boottime_us();
        bool has_published;

        if (!twin_identify(t))
                return false;
        if (!twin_is_online(t))
                grow_stale(t);
        if (az_twin_sync_deadline_us(&t->sync) <= now_us)
                input(t, az_twin_sync_timeout(&t->sync, now_us));
        run_file(t, now_us);
        twin_reports_run(t, now_us);

        has_published = t->has_published;
        t->has_published = false;
        return has_published;
}

void twin_close(Twin *t) {
        char *content;
        int r;

        if (t->device[0] == '\0')
                return;
        twin_reports_close(t);
        if (!t->known.desired)
                return;
        r = twin_copy_format(&t->known, t->device, &content);
        if (r >= 0)
                r = state_file_write_now(t->file, content);
        if (r < 0)
                (void) log_errno(t->log, MSG_STATE_UNWRITTEN, r,
                                 "Failed to write '" TWIN_FILE "': %m, ignoring");
}
