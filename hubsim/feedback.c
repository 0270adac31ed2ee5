/* SPDX-License-Identifier: MIT */

#include "hubsim/feedback.h"

static void feedback_remove(Feedback *feedback, FeedbackRecord **place) {
        FeedbackRecord *record = *place;

        *place = record->next;
        feedback->n_records--;
        free(record->message_id);
        free(record);
}

int feedback_add(Feedback *feedback, const FeedbackRecord *record) {
        _cleanup_(freep) char *id = strdup(record->message_id);
        FeedbackRecord *copy, **end = &feedback->first;

        copy = malloc(sizeof(*copy));
        if (!copy || !id) {
                free(copy);
                return -ENOMEM;
        }
        *copy = *record;
        copy->next = NULL;
        copy->message_id = TAKE_PTR(id);

        while (*end)
                end = &(*end)->next;
        *end = copy;
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
