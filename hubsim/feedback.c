/* SPDX-License-Identifier: MIT */

#include "hubsim/feedback.h"

static void feedback_remove(Feedback *feedback, FeedbackRecord **place) {
        FeedbackRecord *record = *place;

        *place = record->next;
        feedback->n_records--;
        free(record->message_id);
        free(record);
}

int feedback_add(Feedback *feedback, const Device *device, const char *message_id, C2dStatus status,
                 uint64_t time_us) {
        _cleanup_(freep) char *id = strdup(message_id);
        FeedbackRecord *record, **end = &feedback->first;

        record = malloc(sizeof(*record));
        if (!record || !id) {
                free(record);
                return -ENOMEM;
        }
        *record = (FeedbackRecord){
                .device = device, .message_id = TAKE_PTR(id), .status = status, .time_us = time_us
        };

        while (*end)
                end = &(*end)->next;
        *end = record;
        feedback->n_records++;
        if (feedback->n_records > FEEDBACK_MAX)
                feedback_remove(feedback, &feedback->first);
        return 0;
}

void feedback_clear(Feedback *feedback, const Device *device) {
        for (FeedbackRecord **p = &feedback->first; *p;)
                if (!device || (*p)->device == device)
                        feedback_remove(feedback, p);
                else
                        p = &(*p)->next;
}
