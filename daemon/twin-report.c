/* SPDX-License-Identifier: MIT */

/*
 * While the link is up and nothing is on disk, a patch lives in memory alone: its author waits until the hub
 * has it. Whoever cannot be answered so is answered once the patches are on disk.
 *
 * While there is anything on disk, nothing is sent that is not: after a crash the file is sent again, and
 * what it says must not be older than what the hub got before. So the file is written before a patch is sent,
 * and again when the hub has accepted it. If writing fails, patches are sent all the same.
 */

#include <assert.h>

#include "daemon/json-object.h"
#include "daemon/twin-internal.h"

/* Local clients give up after 45 s of silence. */
#define WAIT_MAX_US (30 * USEC_PER_SEC)

#define WRITE_RETRY_US (2 * USEC_PER_SEC)
#define SEND_RETRY_US  USEC_PER_SEC

/* As much of the hub's own words as goes into a reply and the log. */
#define MESSAGE_SIZE 512U

/* ---- Authors ---- */

/* The "message" of the hub's answer; empty: there is none. */
static void message_read(az_span body, char message[static MESSAGE_SIZE]) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        const JsonMember *member;
        JsonObject object;
        az_span text;

        message[0] = '\0';
        if (ipc_document_parse(&document, body) != 0 || json_object_read(&document, 0, &object) < 0)
                return;
        member = json_object_find(&object, AZ_SPAN_FROM_STR("message"));
        if (!member || json_value_kind(&document, member->token) != AZ_JSON_TOKEN_STRING ||
            ipc_document_get_string(&document, member->token, &text) < 0)
                return;
        az_span_to_str(message, MESSAGE_SIZE,
                       az_span_slice(text, 0, MIN(az_span_size(text), (int32_t) MESSAGE_SIZE - 1)));
}

static void reply_version(IpcCall *call, int64_t version) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        if (version >= 0)
                ipc_json_int(&json, "version", version);
        else
                ipc_json_null(&json, "version");
        ipc_json_end(&json);
        (void) ipc_call_reply_json(call, &json);
}

static void reply_refused(IpcCall *call, const TwinReportResult *result) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char message[MESSAGE_SIZE];

        message_read(result->body, message);
        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "status", result->status);
        ipc_json_cstring(&json, "message", message[0] ? message : NULL);
        ipc_json_end(&json);
        (void) ipc_call_error_json(call, "io.aziotd.twin.PatchRefused", &json);
}

/* An author is the call that waits. */
static void on_answer(void *userdata, void *author, const TwinReportResult *result) {
        switch (result->outcome) {
        case TWIN_REPORT_ACCEPTED:
                reply_version(author, result->version);
                break;
        case TWIN_REPORT_STORED:
                reply_version(author, -1);
                break;
        case TWIN_REPORT_REFUSED:
                reply_refused(author, result);
                break;
        case TWIN_REPORT_STORAGE_FAILED:
                (void) ipc_call_error_cstring(author, "io.aziotd.twin.StorageFailed", "reason",
                                              strerror(-result->error));
                break;
        case TWIN_REPORT_RETRY:
        case _TWIN_REPORT_OUTCOME_MAX:
                break;
        }
}

static void on_gave_up(void *userdata, uid_t uid, const TwinReportResult *result) {
        char message[MESSAGE_SIZE];
        Twin *t = userdata;
        uint64_t n_before = t->reports.n_refused++;

        message_read(result->body, message);
        (void) log_full(
                t->log, MSG_REPORT_REFUSED, 0, LOG_FACTS(.uid = &uid),
                "The hub refused a stored twin patch of uid %u with status %d%s%s; dropped, as were %ju "
                "before it",
                uid, result->status, message[0] ? ": " : "", message, (uintmax_t) n_before);
}

static void on_gone(IpcCall *call, void *userdata) {
        Twin *t = userdata;

        twin_pending_forget(t->reports.pending, call);
}

static const TwinPendingOps pending_ops = { .answer = on_answer, .gave_up = on_gave_up };

/* ---- Life ---- */

int twin_reports_init(Twin *t, Disk *disk, const char *state_dir) {
        int r;

        r = twin_pending_new(&t->reports.pending, &pending_ops, t);
        if (r < 0)
                return r;
        return state_file_new(&t->reports.file, disk, state_dir, TWIN_REPORTS_FILE);
}

void twin_reports_done(Twin *t) {
        t->reports.file = state_file_free(t->reports.file);
        t->reports.pending = twin_pending_free(t->reports.pending);
}

static int parse(Twin *t, az_span text) {
        return twin_reports_parse(t->reports.pending, text, t->device);
}

void twin_reports_load(Twin *t) {
        TwinReports *reports = &t->reports;

        reports->is_on_disk = twin_load(t, reports->file, TWIN_REPORTS_FILE, parse) &&
                              !twin_pending_is_empty(reports->pending);
        if (reports->is_on_disk)
                reports->written = twin_pending_get_generation(reports->pending);
}

void twin_reports_touch(Twin *t) {
        t->reports.written = t->reports.writing = 0; /* generations begin at 1 */
}

int twin_report(Twin *t, IpcCall *call, az_span patch) {
        const IpcPeer *peer = ipc_connection_get_peer(ipc_call_get_connection(call));
        bool is_oneway = ipc_call_is_oneway(call);
        int r;

        r = twin_pending_add(t->reports.pending, peer->uid, patch, boottime_us(), is_oneway ? NULL : call);
        if (r == 0 && !is_oneway)
                ipc_call_set_on_gone(call, on_gone, t);
        return r;
}

/* ---- To disk ---- */

static bool is_written(const TwinReports *reports) {
        return reports->written == twin_pending_get_generation(reports->pending);
}

/* Who waits longer than this is answered by the disk: everybody, while the link is down. */
static uint64_t answer_since_us(const Twin *t, uint64_t now_us) {
        if (!twin_is_online(t))
                return now_us;
        return now_us > WAIT_MAX_US ? now_us - WAIT_MAX_US : 0;
}

static void answer_stored(Twin *t, uint64_t now_us) {
        twin_pending_stored(t->reports.pending, t->reports.written, answer_since_us(t, now_us),
                            &(TwinReportResult){ .outcome = TWIN_REPORT_STORED });
}

static void write_finish(Twin *t, int error) {
        TwinReportResult result = { .outcome = TWIN_REPORT_STORAGE_FAILED, .error = error };
        TwinReports *reports = &t->reports;
        uint64_t now_us = boottime_us();

        if (error < 0) {
                if (!reports->is_write_failed)
                        log_errno(t->log, MSG_STATE_UNWRITTEN, error,
                                  "Failed to write '" TWIN_REPORTS_FILE "': %m, trying again");
                reports->retry_us = now_us + WRITE_RETRY_US;
                twin_pending_stored(reports->pending, reports->writing, answer_since_us(t, now_us), &result);
        } else {
                if (reports->is_write_failed)
                        log_message(t->log, MSG_STATE_WORKS, "'" TWIN_REPORTS_FILE "' can be written again");
                reports->is_on_disk = !reports->is_writing_empty;
                reports->written = reports->writing;
                reports->retry_us = 0;
                answer_stored(t, now_us);
        }
        reports->is_write_failed = error < 0;
}

static void on_written(void *userdata, int error) {
        write_finish(userdata, error);
}

/* What to write; NULL in *ret: nothing, the file is to go. */
static int write_begin(Twin *t, char **ret) {
        TwinReports *reports = &t->reports;

        reports->writing = twin_pending_get_generation(reports->pending);
        reports->is_writing_empty = twin_pending_is_empty(reports->pending);
        *ret = NULL;
        return reports->is_writing_empty ? 0 : twin_reports_format(reports->pending, t->device, ret);
}

/* Whether patches are to be on disk that are not, or the other way round. */
static bool wants_write(const Twin *t, uint64_t now_us) {
        const TwinReports *reports = &t->reports;
        uint64_t since_us;

        if (is_written(reports))
                return false;
        if (reports->is_on_disk)
                return true;
        if (twin_pending_is_empty(reports->pending))
                return false;
        since_us = twin_pending_waiting_since_us(reports->pending);
        return !twin_is_online(t) || (since_us != UINT64_MAX && since_us + WAIT_MAX_US <= now_us);
}

static void run_disk(Twin *t, uint64_t now_us) {
        TwinReports *reports = &t->reports;
        char *text;
        int r;

        if (reports->is_on_disk)
                answer_stored(t, now_us);
        if (state_file_is_busy(reports->file) || now_us < reports->retry_us || !wants_write(t, now_us))
                return;

        r = write_begin(t, &text);
        if (r < 0)
                write_finish(t, r);
        else
                state_file_write(reports->file, text, on_written, t);
}

void twin_reports_close(Twin *t) {
        TwinReports *reports = &t->reports;
        char *text;
        int r;

        if (is_written(reports) || (twin_pending_is_empty(reports->pending) && !reports->is_on_disk))
                return;
        r = write_begin(t, &text);
        write_finish(t, r < 0 ? r : state_file_write_now(reports->file, text));
}

/* ---- To the hub ---- */

/* The link takes a patch, and the disk, if need be, has it. What is just being written may be there already.
 */
static bool can_send(const Twin *t) {
        const TwinReports *reports = &t->reports;
        bool may_be_on_disk = reports->is_on_disk || state_file_is_busy(reports->file);

        return reports->is_ready && hub_link_get_state(t->link) == LINK_ONLINE &&
               (!may_be_on_disk || is_written(reports) || reports->is_write_failed);
}

static uint64_t send_due_us(const TwinReports *reports) {
        return MAX(twin_pending_due_us(reports->pending), reports->retry_send_us);
}

static void end_batch(Twin *t, const TwinReportResult *result) {
        t->reports.sent = AZ_SPAN_EMPTY;
        twin_pending_end(t->reports.pending, result);
}

static void run_hub(Twin *t, uint64_t now_us) {
        TwinReports *reports = &t->reports;
        int r;

        if (!can_send(t) || now_us < send_due_us(reports))
                return;

        r = twin_pending_begin(reports->pending, &reports->sent);
        if (r < 0) {
                reports->retry_send_us = now_us + SEND_RETRY_US;
                log_errno(t->log, MSG_REPORT_FAILED, r,
                          "Failed to make a patch of what was reported: %m, trying again");
        }
        if (r != 0)
                return;

        reports->is_ready = false;
        if (az_result_failed(az_twin_sync_report(&t->sync, reports->sent, now_us)))
                end_batch(t, &(TwinReportResult){ .outcome = TWIN_REPORT_RETRY });
        twin_pump(t);
}

void twin_reports_ended(Twin *t, const az_twin_event *event) {
        TwinReportResult result = {
                .version = event->as.reported.version,
                .status = (int) event->as.reported.status,
                .body = event->as.reported.body,
        };

        switch (event->as.reported.outcome) {
        case AZ_TWIN_ACCEPTED:
                result.outcome = TWIN_REPORT_ACCEPTED;
                twin_apply_report(t, t->reports.sent, result.version);
                break;
        case AZ_TWIN_REFUSED:
                result.outcome = TWIN_REPORT_REFUSED;
                break;
        case AZ_TWIN_RETRY:
                result.outcome = TWIN_REPORT_RETRY;
                log_debug(t->log, "A patch did not reach the twin (status %d), trying again", result.status);
                break;
        case _AZ_TWIN_OUTCOME_MAX:
                assert(false);
        }
        end_batch(t, &result);
}

uint64_t twin_reports_deadline_us(const Twin *t) {
        const TwinReports *reports = &t->reports;
        uint64_t deadline_us = UINT64_MAX, since_us;

        if (can_send(t))
                deadline_us = send_due_us(reports);
        if (state_file_is_busy(reports->file) || is_written(reports))
                return deadline_us;

        since_us = twin_pending_waiting_since_us(reports->pending);
        if (wants_write(t, boottime_us()))
                deadline_us = MIN(deadline_us, reports->retry_us);
        else if (since_us != UINT64_MAX)
                deadline_us = MIN(deadline_us, since_us + WAIT_MAX_US);
        return deadline_us;
}

void twin_reports_run(Twin *t, uint64_t now_us) {
        run_disk(t, now_us);
        run_hub(t, now_us);
}
