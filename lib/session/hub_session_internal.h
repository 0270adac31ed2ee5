/* SPDX-License-Identifier: MIT */
#ifndef _az_HUB_SESSION_INTERNAL_H
#define _az_HUB_SESSION_INTERNAL_H

/* What the files of the hub session share; not part of the public API. */

#include <session/hub_session.h>
#include <session/session_internal.h>

_az_BEGIN_DECLS

/* Every feature that there is. */
#define _az_HUB_SESSION_FEATURES (AZ_HUB_SESSION_METHODS | AZ_HUB_SESSION_C2D | AZ_HUB_SESSION_TWIN)

/* hub_session_table.c: returns the row, or NULL if there is none. */
AZ_NODISCARD az_hub_session_transition const *_az_hub_session_find_transition(az_hub_session_state from,
                                                                              az_hub_session_trigger on);

/* hub_session_schedule.c: when what happens. */

/* The session is stopped: nothing counts any more. */
void _az_hub_session_forget_losses(az_hub_session *s);

/* Returns how long the first attempt waits, in microseconds, never 0. */
AZ_NODISCARD uint64_t _az_hub_session_splay_us(az_hub_session *s);

/* Whether the clock is before the build date and may yet be set. */
AZ_NODISCARD bool _az_hub_session_waits_for_clock(az_hub_session const *s, az_hub_session_time time);

/* Whether the clock is to blame for the last loss and has been set since. */
AZ_NODISCARD bool _az_hub_session_is_mended_by_clock(az_hub_session const *s, az_hub_session_time time);

/* An attempt begins; if with a token, sets when it expires and when it is to be renewed. */
void _az_hub_session_date_attempt(az_hub_session *s, az_hub_session_time time);

/* Returns when the link that is live has to be renewed; UINT64_MAX: never. */
AZ_NODISCARD uint64_t _az_hub_session_renewal_us(az_hub_session const *s, az_hub_session_time time);

/* A link ends: if it lived for a minute then all was well, and earlier failures are forgotten. */
void _az_hub_session_judge_link(az_hub_session *s, uint64_t now_us);

/* Counts a loss, may find another reason for it, and sets how long to wait before the next attempt. */
void _az_hub_session_judge_loss(az_hub_session *s, az_hub_event *lost, uint64_t now_us);

/* hub_session_message.c: what is subscribed to, and what comes of it. */

/*
 * Leaves out the features that the identity does not have, and writes the filters of the others; the client
 * id must be written. AZ_ERROR_ARG: no feature is left.
 */
AZ_NODISCARD az_result _az_hub_session_write_filters(az_hub_session *s);

/* Whether a SUBACK with these codes grants each filter, with its QoS. */
AZ_NODISCARD bool _az_hub_session_is_granted(az_hub_session const *s, uint8_t const *codes, size_t n_codes);

/* Parses a message of the hub: the event that it makes and what triggers that. */
AZ_NODISCARD az_result _az_hub_session_parse_message(az_hub_session const *s, az_span topic, az_span payload,
                                                     az_hub_event *out_event,
                                                     az_hub_session_trigger *out_trigger);

_az_END_DECLS

#endif
