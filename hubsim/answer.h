/* SPDX-License-Identifier: MIT */
#pragma once

/* What answers to devices have in common, be they of a twin or of the provisioning service. */

#include <azure/core/az_span.h>
#include <systemd/sd-event.h>

#include "hubsim/uuid.h"
#include "ipc/json.h"
#include "util/util.h"

/* Writes the body of an answer that is an error: {"errorCode":…,"trackingId":…,"message":…,"timestampUtc":…}.
 */
int answer_format_error(IpcJson *json, unsigned code, const char *message, uint64_t time_us,
                        char ret_tracking_id[static UUID_SIZE]);

/* An answer that a fault delays, in a list. */
typedef struct DelayedAnswer DelayedAnswer;

typedef void (*AnswerSend)(az_span topic, az_span payload, void *userdata);

/* Adds one to the list: 'send' is called in so long, unless the list is cleared before. */
int answer_delay(DelayedAnswer **list, sd_event *event, uint64_t delay_us, az_span topic, az_span payload,
                 AnswerSend send, void *userdata);
void answers_clear(DelayedAnswer **list);
