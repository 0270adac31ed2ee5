/* SPDX-License-Identifier: MIT */

/* GetHistory: what became of the link. */

#include "daemon/device-internal.h"

#include <inttypes.h>

typedef struct GetHistoryParams {
        int64_t limit;
} GetHistoryParams;

static const IpcField get_history_fields[] = {
        { "limit", IPC_FIELD_INT, offsetof(GetHistoryParams, limit), IPC_FIELD_NULLABLE, .min = 1,
          .max = HISTORY_RECORDS, .absent = HISTORY_RECORDS },
};
const IpcStruct device_get_history_struct = IPC_STRUCT(GetHistoryParams, get_history_fields);

static void write_text(IpcJson *json, const char *name, const char *text) {
        if (text[0] != '\0')
                ipc_json_cstring(json, name, text);
}

static void write_record(IpcJson *json, const HistoryRecord *r) {
        char boot[sizeof("0123456789abcdef")];

        (void) snprintf(boot, sizeof(boot), "%" PRIx64, r->boot);
        ipc_json_begin(json, NULL);
        ipc_json_int(json, "sequence", (int64_t) r->sequence);
        ipc_json_cstring(json, "event", r->texts[HISTORY_TEXT_EVENT]);
        ipc_json_int(json, "count", r->count);
        device_write_time(json, "first", r->first_realtime_us);
        device_write_time(json, "last", r->realtime_us);
        ipc_json_cstring(json, "boot", boot);
        ipc_json_int(json, "uptimeSeconds", (int64_t) (r->boottime_us / USEC_PER_SEC));
        write_text(json, "problem", r->texts[HISTORY_TEXT_PROBLEM]);
        write_text(json, "layer", r->texts[HISTORY_TEXT_LAYER]);
        write_text(json, "transport", r->texts[HISTORY_TEXT_TRANSPORT]);
        write_text(json, "host", r->texts[HISTORY_TEXT_HOST]);
        write_text(json, "address", r->texts[HISTORY_TEXT_ADDRESS]);
        if (r->is_resumed)
                ipc_json_bool(json, "resumed", true);
        write_text(json, "text", r->texts[HISTORY_TEXT_REASON]);
        ipc_json_end(json);
}

/* The sequence behind which there are 'limit' records. */
static uint64_t find_begin(const History *h, uint64_t limit) {
        uint64_t n = 0, before = 0;
        const HistoryRecord *r = NULL;

        while ((r = history_next(h, r ? r->sequence : 0)))
                n++;
        while (n-- > limit)
                before = history_next(h, before)->sequence;
        return before;
}

static void write_history(IpcJson *json, const History *h, uint64_t limit) {
        const HistoryRecord *r;
        uint64_t before = find_begin(h, limit);

        ipc_json_begin(json, NULL);
        ipc_json_begin_array(json, "events");
        while ((r = history_next(h, before))) {
                write_record(json, r);
                before = r->sequence;
        }
        ipc_json_end_array(json);
        ipc_json_end(json);
}

int device_get_history(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const GetHistoryParams *p = params;
        Device *d = userdata;
        int r;

        write_history(&json, d->history, (uint64_t) p->limit);
        if (!ipc_call_wants_more(call))
                return ipc_call_reply_json(call, &json);

        r = ipc_call_reply_continues_json(call, &json);
        return r < 0 ? r : device_watch(&d->history_watchers, call);
}

void device_history_added(void *userdata, const HistoryRecord *record) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Device *d = userdata;

        if (!d->history_watchers)
                return;
        ipc_json_begin(&json, NULL);
        ipc_json_begin_array(&json, "events");
        write_record(&json, record);
        ipc_json_end_array(&json);
        ipc_json_end(&json);
        for (Watcher *w = d->history_watchers; w; w = w->next)
                (void) ipc_call_reply_continues_json(w->call, &json);
}
