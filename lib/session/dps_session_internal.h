/* SPDX-License-Identifier: MIT */
#ifndef _az_DPS_SESSION_INTERNAL_H
#define _az_DPS_SESSION_INTERNAL_H

/* What the files of the registration share; not part of the public API. */

#include <session/dps_session.h>
#include <session/session_internal.h>

_az_BEGIN_DECLS

/* What the keys of enrollments are called in a token. */
#define _az_DPS_KEY_NAME AZ_SPAN_FROM_STR("registration")

/* What an input brings with it; each has its own few of these. */
typedef struct {
        az_hub_session_time time;
        az_span signature;
        az_dps_error error; /* loss NONE: nothing went wrong */
        az_span payload;    /* these two are of the allocation */
        az_span substatus;
} _az_dps_input;

/* dps_session_table.c: returns the row, or NULL if there is none. */
AZ_NODISCARD az_dps_session_transition const *_az_dps_session_find_transition(az_dps_session_state from,
                                                                              az_dps_session_trigger on);

/* dps_session_schedule.c: when what happens. */

/* Returns a loss that is no answer as an error; 'connack_code' counts if it is REFUSED. */
AZ_NODISCARD az_dps_error _az_dps_session_error_of(az_dps_loss loss, uint8_t connack_code);

/* Whether a loss may pass by itself. */
AZ_NODISCARD bool _az_dps_session_may_pass(az_dps_error const *error);

/* Whether the clock is before the build date, no attempt of the run was made, and it may yet be set. */
AZ_NODISCARD bool _az_dps_session_waits_for_clock(az_dps_session const *s, az_hub_session_time time);

/* Returns how long to wait because of the error, or between polls if it is none; microseconds, never 0. */
AZ_NODISCARD uint64_t _az_dps_session_delay_us(az_dps_session *s, az_dps_error const *error, uint64_t now_us);

/* dps_session_answer.c: what the service says. */

/* Parses the topic of the answer to the last request. NO_MATCH: it is not. Others: it is malformed. */
AZ_NODISCARD az_result _az_dps_session_parse_topic(az_dps_session const *s, az_span topic,
                                                   az_iot_provisioning_client_received_topic *out_topic);

/* Takes the answer to the last request: keeps what it says, and returns what that triggers. */
AZ_NODISCARD az_dps_session_trigger
_az_dps_session_take_answer(az_dps_session *s, az_span topic, az_span payload,
                            az_iot_provisioning_client_received_topic const *parsed, _az_dps_input *in);

_az_END_DECLS

#endif
