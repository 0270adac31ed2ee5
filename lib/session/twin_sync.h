/* SPDX-License-Identifier: MIT */
#ifndef _az_TWIN_SYNC_H
#define _az_TWIN_SYNC_H

/*
 * The twin of a device, kept in step with its IoT Hub: asks for it after each connect, follows the changes of
 * desired properties by their versions, and sends patches of reported properties, one at a time.
 *
 * It does no I/O, reads no clock and allocates nothing. The caller tells what happened (an input), pops what
 * follows from it (events), and calls az_twin_sync_timeout() when az_twin_sync_deadline_us() has passed. It
 * needs a link whose two filters of the twin were granted (session/hub_session.h), or else answers are lost.
 *
 * An input can lead to several events, to be popped until there is none left and acted on in that order.
 * While events wait only az_twin_sync_report(), az_twin_sync_unsent() and az_twin_sync_lost() are taken, so
 * that what an event asks for can be done at once. What an event points to lives:
 *
 * - a topic: until the next call that takes the az_twin_sync as other than const;
 * - the patch of a PUBLISH: as long as the caller of az_twin_sync_report() keeps it;
 * - what came with a message: as long as the caller of az_twin_sync_response() keeps the payload;
 * - a change that was stashed: until the next az_twin_sync_response(), and so at least until all are popped.
 *
 * Reading. A hub tells changes only to whoever is connected, and they may overtake the answer to a GET. So
 * while an answer is awaited changes are stashed, and those that are later than the twin in the answer are
 * delivered after it. Whoever applies DOCUMENT and DESIRED as they come has the desired properties of the
 * hub: a DESIRED has the version after that of the DOCUMENT or DESIRED before it, and on one link no DOCUMENT
 * has an earlier one. A version that was missed, a change that is not valid, or no room in the stash leads to
 * another GET, at most one in 'get_interval_s'. A GET that fails is repeated, for ever, with growing delays;
 * so is one whose answer is older than what is known already.
 *
 * Writing. Between READY and the next READY one patch may be sent, and each ends in exactly one REPORTED. A
 * patch may be in the twin without having been ACCEPTED: the answer can be lost. As a patch does the same
 * when it comes again, the remedy is to send it again, unless something newer has replaced it.
 *
 * Every input but az_twin_sync_lost() can return, besides AZ_OK and what its comment says, and changes
 * nothing when it does:
 *
 * AZ_ERROR_NOT_SUPPORTED: it does not go with the state; of a message, late news that is to be ignored.
 *
 * AZ_ERROR_NOT_ENOUGH_SPACE: events wait; pop them first.
 *
 * Pointers must not be NULL.
 *
 * Source: IoT Hub documentation, "Understand and use device twins in IoT Hub".
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>
#include <azure/iot/az_iot_hub_client.h>

_az_BEGIN_DECLS

/* Stands where the hub told no version; its versions are not negative. */
#define AZ_TWIN_NO_VERSION (-1)

/*
 * Each is followed by its default. How long to wait after a failure is the business of session/retry.h: with
 * the two numbers given here; after throttling (429) from 10 s up; when something else has to be repaired
 * before a request can succeed (4xx of a GET; 401, 403 and 404 of a patch) from 30 s to an hour.
 */
typedef struct {
        uint64_t random_seed; /* from the system's random source; 0 is refused, so that it is not forgotten */
        uint16_t get_timeout_s;    /* 30: from GET to its answer */
        uint16_t report_timeout_s; /* 60: from a patch to its answer */
        uint16_t get_interval_s;   /* 5: between two GETs on one link, at least */
        uint32_t backoff_min_s;    /* 1 */
        uint32_t backoff_max_s;    /* 100 */
        az_span stash;             /* none: a buffer for changes, which must outlive the az_twin_sync */
} az_twin_sync_options;

/* What is asked of the hub. */
typedef enum {
        AZ_TWIN_REQUEST_GET,
        AZ_TWIN_REQUEST_REPORT
} az_twin_request;

/* How a report ended. */
typedef enum {
        AZ_TWIN_ACCEPTED, /* the hub has it */
        AZ_TWIN_REFUSED,  /* the patch is at fault: the hub will refuse it again */
        AZ_TWIN_RETRY,    /* it may be sent again after READY */
        _AZ_TWIN_OUTCOME_MAX
} az_twin_outcome;

/* What follows from an input. */
typedef enum {
        /* Publish with QoS 0; if that cannot be done, say az_twin_sync_unsent(). */
        AZ_TWIN_EVENT_PUBLISH,
        /* The whole twin, in place of all that was known of it. */
        AZ_TWIN_EVENT_DOCUMENT,
        /* A change of desired properties. */
        AZ_TWIN_EVENT_DESIRED,
        /* A GET failed; the next one comes by itself. */
        AZ_TWIN_EVENT_GET_FAILED,
        /* A report has ended. */
        AZ_TWIN_EVENT_REPORTED,
        /* A report may be sent. It follows REPORTED at once, or, after RETRY, when a delay has passed. */
        AZ_TWIN_EVENT_READY,
        _AZ_TWIN_EVENT_TYPE_MAX
} az_twin_event_type;

/* The twin as the hub tells it: two JSON objects, of which "$version" and its like are the hub's. */
typedef struct {
        az_span desired;
        int64_t desired_version;
        az_span reported;         /* empty: the hub left it out */
        int64_t reported_version; /* may be AZ_TWIN_NO_VERSION */
} az_twin_document;

/* 'as' has a member for each type but READY. */
typedef struct {
        az_twin_event_type type;
        union {
                struct {
                        az_twin_request request;
                        az_span topic;   /* followed by a NUL */
                        az_span payload; /* empty if GET */
                } publish;
                az_twin_document document;
                struct {
                        az_span patch; /* JSON object to be merged (RFC 7386), "$version" included */
                        int64_t version;
                } desired;
                struct {
                        az_iot_status status; /* UNKNOWN: there was no answer; OK: its twin was of no use */
                        az_span body;         /* of the answer, may be empty */
                        uint64_t delay_us;    /* until the next GET, > 0 */
                } get_failed;
                struct {
                        az_twin_outcome outcome;
                        az_iot_status status; /* UNKNOWN: there was no answer */
                        int64_t version;      /* of reported properties if ACCEPTED, or AZ_TWIN_NO_VERSION */
                        az_span body;         /* of the answer, may be empty */
                } reported;
        } as;
} az_twin_event;

/* Room for "$iothub/twin/PATCH/properties/reported/?$rid=", a number of 64 bits and a NUL. */
#define _az_TWIN_TOPIC_SIZE 72

/* Two of an input and, before they are popped, a report and two that are unsent. */
#define _az_TWIN_EVENTS_MAX 5

/* A kind of request. */
typedef struct {
        int state;
        uint64_t id; /* of the one that is out */
        uint64_t deadline_us;
        uint32_t n_failures; /* in a row */
} _az_twin_exchange;

/* Lives wherever the caller puts it, and stays there; its members are private. */
typedef struct {
        struct {
                az_iot_hub_client const *client;
                az_twin_sync_options options;
                uint64_t random;
                uint64_t last_id;
                _az_twin_exchange get;
                _az_twin_exchange report;
                uint64_t earliest_get_us;
                int64_t version;         /* of desired properties, as delivered on this link */
                int64_t noticed_version; /* the latest that a change had */
                bool wants_get;          /* a change of unknown version came while getting */
                int32_t stash_size;      /* bytes that are in use */
                int32_t replay_index;    /* from here to there are changes to be delivered */
                int32_t replay_end;
                az_twin_event events[_az_TWIN_EVENTS_MAX];
                size_t n_events;
                char topic[_az_TWIN_TOPIC_SIZE];
        } _internal;
} az_twin_sync;

/* Returns the defaults that the comments of az_twin_sync_options name, without seed and stash. */
AZ_NODISCARD az_twin_sync_options az_twin_sync_options_default(void);

/*
 * Initializes 's', without a link.
 *
 *   client  must outlive 's'
 *   options  copied
 *
 * AZ_ERROR_ARG: an option is 0 that must not be, or backoff_min_s is more than backoff_max_s.
 */
AZ_NODISCARD az_result az_twin_sync_init(az_twin_sync *s, az_iot_hub_client const *client,
                                         az_twin_sync_options const *options);

/* The link is up and its filters are granted (PUBLISH of a GET, READY). */
AZ_NODISCARD az_result az_twin_sync_live(az_twin_sync *s, uint64_t now_us);

/*
 * The link is down (REPORTED with RETRY if a report is under way). Other events that wait are dropped, but
 * for REPORTED. Does nothing when there is no link.
 */
void az_twin_sync_lost(az_twin_sync *s);

/*
 * Takes a message about the twin. A GET's answer leads to DOCUMENT and perhaps DESIRED and PUBLISH, or to
 * GET_FAILED; a change to DESIRED, PUBLISH or nothing yet; a report's answer to REPORTED and perhaps READY.
 *
 *   response  as az_iot_hub_client_twin_parse_received_topic() made it
 *   payload  of the message, may be empty
 *
 * AZ_ERROR_ITEM_NOT_FOUND: the answer to nothing that is under way; ignore it.
 */
AZ_NODISCARD az_result az_twin_sync_response(az_twin_sync *s, az_iot_hub_client_twin_response const *response,
                                             az_span payload, uint64_t now_us);

/*
 * Sends a patch of reported properties (PUBLISH).
 *
 *   patch  a JSON object, which the hub checks and this does not; it must live until PUBLISH is dealt with
 *
 * AZ_ERROR_NOT_SUPPORTED: READY was not popped since the last one. AZ_ERROR_ARG: 'patch' is empty.
 */
AZ_NODISCARD az_result az_twin_sync_report(az_twin_sync *s, az_span patch, uint64_t now_us);

/*
 * PUBLISH, which was popped, could not be carried, although the link is up (GET_FAILED, or REPORTED with
 * RETRY).
 *
 *   request  as the event had it
 */
AZ_NODISCARD az_result az_twin_sync_unsent(az_twin_sync *s, az_twin_request request, uint64_t now_us);

/*
 * Asks for the twin again (PUBLISH, now or when 'get_interval_s' allows it), for a caller that wants to be
 * sure of it. Does nothing when that is under way anyway.
 */
AZ_NODISCARD az_result az_twin_sync_refresh(az_twin_sync *s, uint64_t now_us);

/*
 * The deadline has passed (GET_FAILED or PUBLISH of a GET; REPORTED with RETRY, or READY). A call before it
 * does nothing.
 */
AZ_NODISCARD az_result az_twin_sync_timeout(az_twin_sync *s, uint64_t now_us);

/* Pops the next event; false: there is none. */
AZ_NODISCARD bool az_twin_sync_next_event(az_twin_sync *s, az_twin_event *out_event);

/* When to call az_twin_sync_timeout(), in CLOCK_BOOTTIME microseconds; UINT64_MAX: never. */
AZ_NODISCARD uint64_t az_twin_sync_deadline_us(az_twin_sync const *s);

/* Names for logs and tests: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_twin_event_type_to_string(az_twin_event_type type);
AZ_NODISCARD char const *az_twin_outcome_to_string(az_twin_outcome outcome);

_az_END_DECLS

#endif
