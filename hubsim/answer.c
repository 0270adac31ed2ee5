/* SPDX-License-Identifier: MIT */

#include "hubsim/answer.h"

#include "hubsim/buffer.h"
#include "hubsim/timestamp.h"
#include "hubsim/uuid.h"

struct DelayedAnswer {
        DelayedAnswer *next, **list;
        IpcBuffer topic, payload;
        AnswerSend send;
        void *userdata;
        sd_event_source *timer;
};

int answer_format_error(IpcJson *json, unsigned code, const char *message, uint64_t time_us,
                        char ret_tracking_id[static UUID_SIZE]) {
        char timestamp[TIMESTAMP_SIZE];
        int r;

        r = uuid_make(ret_tracking_id);
        if (r < 0)
                return r;
        timestamp_format(time_us, 7, timestamp);

        ipc_json_begin(json, NULL);
        ipc_json_int(json, "errorCode", code);
        ipc_json_cstring(json, "trackingId", ret_tracking_id);
        ipc_json_cstring(json, "message", message);
        ipc_json_cstring(json, "timestampUtc", timestamp);
        ipc_json_end(json);
        return 0;
}

static DelayedAnswer *answer_free(DelayedAnswer *answer) {
        if (!answer)
                return NULL;

        for (DelayedAnswer **p = answer->list; *p; p = &(*p)->next)
                if (*p == answer) {
                        *p = answer->next;
                        break;
                }
        sd_event_source_disable_unref(answer->timer);
        ipc_buffer_done(&answer->topic);
        ipc_buffer_done(&answer->payload);
        free(answer);
        return NULL;
}

DEFINE_CLEANUP(DelayedAnswer *, answer_free)

void answers_clear(DelayedAnswer **list) {
        while (*list)
                answer_free(*list);
}

static int on_delay(sd_event_source *source, uint64_t usec, void *userdata) {
        DelayedAnswer *answer = userdata;

        answer->send(buffer_span(&answer->topic), buffer_span(&answer->payload), answer->userdata);
        answer_free(answer);
        return 0;
}

int answer_delay(DelayedAnswer **list, sd_event *event, uint64_t delay_us, az_span topic, az_span payload,
                 AnswerSend send, void *userdata) {
        _cleanup_(answer_freep) DelayedAnswer *answer = NULL;
        int r;

        answer = malloc(sizeof(*answer));
        if (!answer)
                return -ENOMEM;
        *answer = (DelayedAnswer){ .next = *list, .list = list, .send = send, .userdata = userdata };
        *list = answer;
        r = buffer_append_span(&answer->topic, topic);
        if (r < 0)
                return r;
        r = buffer_append_span(&answer->payload, payload);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(event, &answer->timer, CLOCK_BOOTTIME, delay_us, 1, on_delay, answer);
        if (r < 0)
                return r;

        TAKE_PTR(answer);
        return 0;
}
