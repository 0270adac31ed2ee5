/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_CLIENT_H
#define _az_AIO_CLIENT_H

/*
 * Telemetry and commands of Azure IoT Operations over one MQTT 5 session: an aio_client, and on it any number
 * of senders and receivers (aio/telemetry.h), invokers (aio/command_invoker.h) and executors
 * (aio/command_executor.h).
 *
 * It does no I/O, reads no clock and allocates nothing. The caller tells what happened (an input), pops what
 * follows from it (events), and calls aio_client_timeout() when aio_client_deadline_us() has passed. Four
 * kinds of events are wishes, which have to be carried out on the session at once; the rest are news for the
 * program. So the glue between a session and a client is this, here for <mqtt/runner.h>:
 *
 *      static void carry(MqttRunner *runner, aio_client *client, aio_event const *wish);
 *
 *      static void pump(MqttRunner *runner, aio_client *client) {
 *              aio_event event;
 *
 *              while (aio_client_next_event(client, &event)) {
 *                      if (event.type <= AIO_EVENT_WISHES_LAST)
 *                              carry(runner, client, &event);
 *                      else
 *                              program_on_event(&event);
 *              }
 *      }
 *
 *      SUBSCRIBE, UNSUBSCRIBE   mqtt_runner_subscribe(), _unsubscribe() of 'filter', with 'token'
 *      PUBLISH                  mqtt_runner_publish() of 'message', with 'token'
 *      ACK                      mqtt_runner_ack() of 'ack'
 *
 * and for what comes from the session, each followed by pump():
 *
 *      a message                aio_client_received()
 *      the end of a PUBLISH     aio_client_published()
 *      room after none          aio_client_room()
 *      SUBACK, UNSUBACK         aio_client_subscribed(), aio_client_unsubscribed()
 *      the session is lost      aio_client_session_lost()
 *
 * The session keeps messages until they are acknowledged, subscriptions over losses of the connection, and
 * the order of acknowledgements; a client knows nothing of connections. What cannot be published or
 * subscribed to, as the session refuses it, is told by the same inputs.
 *
 * What an event points to lives until the next call that takes the client, or anything on it, as other than
 * const, unless its comment says that it lives for longer. What such a call is given must live until it
 * returns; of aio_client_received(): until all events were popped.
 *
 * Acknowledging. A message that comes with QoS 1 is acknowledged once everyone here whose topic it matches is
 * done with it: a receiver when the event after TELEMETRY is asked for or, by an option, when the program
 * says so; an executor when its response was acknowledged; an invoker at once. What nobody here wants is
 * acknowledged at once.
 *
 * Tokens of wishes have the highest bit set. So a caller may publish and subscribe on the same session for
 * other purposes, with tokens below, and tell apart whose a result is.
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Telemetry" and "Remote procedure calls"; MQTT 5.0.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aio/client_arena.h>
#include <aio/client_timer.h>
#include <aio/error.h>
#include <aio/hlc.h>
#include <aio/metadata.h>
#include <aio/time.h>
#include <aio/topic.h>
#include <aio/uuid.h>
#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

typedef struct aio_client aio_client;
typedef struct aio_telemetry_receiver aio_telemetry_receiver;
typedef struct aio_command_invoker aio_command_invoker;
typedef struct aio_command_executor aio_command_executor;

/* This bit is set in the token of every wish. */
#define AIO_TOKEN_BIT (UINT64_C(1) << 63)

/* Fills 'bytes' from the system's random source. */
typedef void (*aio_random_fn)(void *context, uint8_t *bytes, size_t n_bytes);

/* What the client needs of the program. It is copied; what it points to must outlive the client. */
typedef struct {
        az_span client_id;    /* of the MQTT connection */
        aio_hlc_clock *clock; /* the program's, which all its clients share */
        aio_random_fn random; /* for correlation data and ids of cloud events */
        void *random_context;
} aio_client_options;

/* Names a message of the session which is to be acknowledged: two numbers of the caller's, such as an MqttAck
 * has, which come back in ACK. */
typedef struct {
        uint64_t epoch;
        uint64_t sequence;
} aio_ack;

/* ---- What is on a client ---- */

/* What an aio_endpoint is a part of. */
typedef enum {
        AIO_ENDPOINT_TELEMETRY_RECEIVER,
        AIO_ENDPOINT_COMMAND_INVOKER,
        AIO_ENDPOINT_COMMAND_EXECUTOR,
        _AIO_ENDPOINT_KIND_MAX
} aio_endpoint_kind;

/* Where it is. */
typedef enum {
        AIO_ENDPOINT_STOPPED,
        AIO_ENDPOINT_STARTING, /* waits for SUBACK; takes messages already */
        AIO_ENDPOINT_STARTED,
        AIO_ENDPOINT_STOPPING, /* waits for UNSUBACK, and for the end of requests */
        _AIO_ENDPOINT_STATE_MAX
} aio_endpoint_state;

/* Private: which levels of a filter are not wildcards. */
typedef struct {
        uint32_t literals; /* a bit for each of the first 32 levels */
        int32_t n_levels;  /* without a '#' at the end */
        bool is_open;      /* there is one */
} _aio_shape;

/* What receivers, invokers and executors have in common. They lie wherever the caller puts them, and stay
 * there from start to STOPPED. */
typedef struct aio_endpoint {
        aio_endpoint_kind kind;
        void *context; /* the caller's, from the options */
        struct {
                aio_client *client;
                aio_topic_pattern pattern; /* of what is subscribed to */
                aio_endpoint_state state;
                bool wants_stop;
                az_span filter; /* with "$share/" */
                void *filter_block;
                uint64_t token;
                struct aio_endpoint *next, *previous; /* on the client */
                struct aio_endpoint *next_due;        /* of those that have a wish or news */
                struct aio_endpoint *next_match;      /* of those that a message is for */
                struct aio_endpoint *next_hashed, *next_shape;
                _aio_shape shape;
                uint32_t hash;
                bool is_filter;  /* it has a filter, and no pattern */
                bool is_indexed; /* messages find it */
                bool is_due, has_wish, has_news;
                bool is_refused;      /* by SUBACK */
                bool is_unsubscribed; /* nothing more is to be done for that */
                aio_error error;      /* of STARTED or STOPPED */
        } _internal;
} aio_endpoint;

/* Returns where 'endpoint' is. */
AZ_NODISCARD aio_endpoint_state aio_endpoint_get_state(aio_endpoint const *endpoint);

/* Returns the filter that is subscribed to, which lives until STOPPED. */
AZ_NODISCARD az_span aio_endpoint_get_filter(aio_endpoint const *endpoint);

/* ---- Events ---- */

/* What is told of. */
typedef enum {
        /* Wishes. */
        AIO_EVENT_SUBSCRIBE,   /* with QoS 1; answer with aio_client_subscribed() */
        AIO_EVENT_UNSUBSCRIBE, /* answer with aio_client_unsubscribed() */
        AIO_EVENT_PUBLISH,     /* answer with aio_client_published() */
        AIO_EVENT_ACK,         /* let the PUBACK of this message go */

        /* News. */
        AIO_EVENT_STARTED,      /* an endpoint is subscribed, or was refused; that is its last event */
        AIO_EVENT_STOPPED,      /* the last event of an endpoint, which may be reused */
        AIO_EVENT_SENT,         /* how telemetry came out */
        AIO_EVENT_TELEMETRY,    /* telemetry came */
        AIO_EVENT_REQUEST,      /* a command is to be executed: aio_command_executor_respond() */
        AIO_EVENT_REQUEST_GONE, /* it need not be executed any more */
        AIO_EVENT_RESPONSE,     /* how an invocation came out */
        AIO_EVENT_IGNORED,      /* for a log: a message for an endpoint was of no use, and went no further */
        _AIO_EVENT_TYPE_MAX
} aio_event_type;

/* The types up to this one are wishes. */
#define AIO_EVENT_WISHES_LAST AIO_EVENT_ACK

/* A message for an endpoint, in parts. */
typedef struct {
        az_mqtt_message
                message;       /* with all its user properties; a cloud event: aio_cloud_event_read() of it */
        aio_metadata metadata; /* the reserved ones; 'source_id' is who sent it, if it says */
        az_mqtt_user_property const *user_properties; /* the program's, in their order */
        int32_t n_user_properties;
        bool has_timestamp;
        aio_hlc timestamp;
        aio_topic_tokens tokens; /* resident ones and those of the topic */
} aio_received;

/* Why a request need not be executed any more. What is responded to it after that is refused. */
typedef enum {
        AIO_GONE_EXPIRED, /* the invoker does not wait any more */
        AIO_GONE_TIMEOUT, /* it took longer than the executor allows; the invoker was told (408) */
        AIO_GONE_STOPPED, /* the executor was stopped; the invoker was told (500) */
        _AIO_GONE_MAX
} aio_gone;

/* 'as' has a member for each type; STARTED and STOPPED share one. */
typedef struct {
        aio_event_type type;
        union {
                struct {
                        az_span filter; /* lives until it is answered */
                        uint64_t token;
                } subscribe, unsubscribe;
                struct {
                        az_mqtt_message message;
                        uint64_t token;
                } publish;
                struct {
                        aio_ack ack;
                } ack;
                struct {
                        aio_endpoint *endpoint;
                        aio_error error; /* AIO_ERROR_NONE, or "mqtt error" */
                } endpoint;
                struct {
                        uint64_t token;  /* as aio_telemetry_sender_send() was given it */
                        aio_error error; /* AIO_ERROR_NONE: the broker has it */
                } sent;
                struct {
                        aio_telemetry_receiver *receiver;
                        aio_received received;
                        uint64_t ack_id; /* for aio_telemetry_receiver_ack(); 0: that is not needed */
                } telemetry;
                struct {
                        aio_command_executor *executor;
                        uint64_t id;           /* never 0 */
                        aio_received received; /* lives until it is responded to or REQUEST_GONE */
                        uint64_t deadline_us;  /* REQUEST_GONE comes then */
                } request;
                struct {
                        aio_command_executor *executor;
                        uint64_t id;
                        aio_gone why;
                } request_gone;
                struct {
                        aio_command_invoker *invoker;
                        uint64_t id;           /* as aio_command_invoker_invoke() returned it */
                        void *context;         /* of the request */
                        aio_error error;       /* AIO_ERROR_NONE: 'received' has what the command returned */
                        aio_received received; /* without one that is {0} */
                } response;
                struct {
                        aio_endpoint *endpoint;
                        az_mqtt_message message;
                        aio_error
                                error; /* what is wrong with it; of a request: what was answered, if it was */
                        bool is_unacknowledged; /* and stays so: what is behind it waits, until the broker
                                                   sends it again, on the next connection */
                } ignored;
        } as;
} aio_event;

/* ---- Memory ---- */

/* No entry. */
#define _aio_NONE UINT32_MAX

/* A request, while it is executed and as long as its response is kept for a repeat of it; or telemetry until
 * it is acknowledged. Private. */
typedef struct _aio_task {
        int state;
        uint32_t generation;
        uint32_t hashed_first, hashed_next; /* of requests with the same hash: entries of the array */
        _aio_timer timer;
        struct _aio_task *next, *previous;           /* in the list of its state */
        struct _aio_task *peer_next, *peer_previous; /* of those that one message made */
        struct _aio_task *repeats;                   /* those that wait for this request, linked by 'next' */
        aio_endpoint *endpoint;
        bool is_hashed;
        bool needs_ack;
        aio_ack ack;
        aio_ack due_ack; /* an entry of the ring of those that are due; not of this task */
        uint64_t expires_us;
        az_mqtt_message *request; /* blocks of the arena */
        az_mqtt_message *response;
        aio_topic_token *tokens;
        int32_t n_tokens;
        int32_t n_user_properties;
        aio_gone gone;
} aio_task;

/* An invocation that is under way; private. */
typedef struct _aio_invocation {
        int state;
        uint32_t generation;
        uint32_t hashed_first, hashed_next;
        _aio_timer timer;
        struct _aio_invocation *next; /* in the list of those that are free, or ended */
        aio_command_invoker *invoker;
        void *context;
        uint64_t timeout_us;
        uint8_t correlation[AIO_UUID_SIZE];
        aio_error_kind ended; /* why, when it has */
        uint8_t reason_code;
        az_result result;
} aio_invocation;

/*
 * What the client works with. All must outlive it; any may be missing that is not needed.
 *
 * A request has a task while it is executed or waits for it, and is then remembered with its response until
 * it expires, so that a repeat of it is answered and not executed again. So has telemetry that the program
 * acknowledges itself. There should be more than twice as many as the Receive Maximum of the session, as
 * messages come again after a loss of the connection.
 *
 * When tasks or blocks are used up the oldest responses are forgotten. If that does not help, a request is
 * answered 503 ("invalid state", AIO_PROPERTY_CAPACITY); telemetry stays unacknowledged and is IGNORED, so
 * that the broker sends it again on the next connection.
 */
typedef struct {
        aio_task *tasks;
        uint32_t n_tasks;
        aio_invocation *invocations; /* those that are under way */
        uint32_t n_invocations;

        /* Of a message that is written or received: as many as one has at most, those of the program and
         * AIO_METADATA_RESPONSE_MAX + AIO_CLOUD_EVENT_MAX more. */
        az_mqtt_user_property *user_properties;
        int32_t n_user_properties;

        aio_topic_token *tokens; /* of a topic that is received */
        int32_t n_tokens;
        az_span scratch; /* for topic and response topic of a message, and AIO_CLIENT_SCRATCH_SIZE() more */
        az_span blocks;  /* for the filters of endpoints, and for requests and responses */
} aio_client_memory;

/* What the scratch needs besides topics, with a clock whose node has 'node_size' bytes. */
#define AIO_CLIENT_SCRATCH_SIZE(node_size) \
        (AIO_METADATA_SCRATCH_SIZE(node_size) + AIO_CLOUD_EVENT_SCRATCH_SIZE)

/* The name in the errors of requests for which there is no memory. */
#define AIO_PROPERTY_CAPACITY "Capacity"

/* Private: a list of tasks. */
typedef struct {
        aio_task *first, *last;
} _aio_task_list;

/* Private: as many chains of endpoints whose filters have the same hash. */
#define _aio_BUCKETS 64

/* Lives wherever the caller puts it, and stays there; its members are private. */
struct aio_client {
        struct {
                aio_client_options options;
                aio_client_memory memory;
                _aio_arena arena;
                _aio_timers task_timers, invocation_timers;
                uint64_t last_token;

                aio_endpoint *endpoints;
                aio_endpoint *due_first, *due_last;
                aio_endpoint *shapes;
                aio_endpoint *buckets[_aio_BUCKETS];

                _aio_task_list free_tasks, offered, answered, gone, done;
                uint32_t acks_first, n_acks; /* a ring in the tasks */
                uint32_t n_open, n_done;     /* requests that have not ended; that are kept for repeats */
                uint64_t n_evicted;

                aio_invocation *free_invocations;
                aio_invocation *ended_first, *ended_last;
                uint32_t n_invocations;

                bool has_message; /* one is being dealt with: */
                az_mqtt_message message;
                aio_time time;
                aio_endpoint *matches;  /* whom it is still for */
                aio_task peers;         /* the message itself, among the tasks that it made */
                bool is_unacknowledged; /* it stays so */
                bool is_response_taken; /* an invoker has dealt with it */

                bool is_full;     /* the session takes no responses for now */
                bool has_publish; /* a response that no task has */
                az_mqtt_message publish;
                bool has_news; /* SENT */
                aio_event news;
                uint8_t duration[AIO_DURATION_SIZE_MAX]; /* the text in the last "timeout" */
        } _internal;
};

/*
 * Initializes 'out_client', without an endpoint.
 *
 * AZ_ERROR_ARG: no client id, clock or random source.
 */
AZ_NODISCARD az_result aio_client_init(aio_client *out_client, aio_client_options const *options,
                                       aio_client_memory const *memory);

/* ---- Inputs ---- */

/*
 * A message has come (TELEMETRY, REQUEST, RESPONSE, IGNORED, PUBLISH, ACK, in any number).
 *
 *   message  lives until all events were popped
 *   ack      comes back in ACK; of QoS 0 it does not matter
 *
 * NOT_ENOUGH_SPACE: events wait; pop them first. Nothing happened.
 */
AZ_NODISCARD az_result aio_client_received(aio_client *client, az_mqtt_message const *message, aio_ack ack,
                                           aio_time time);

/*
 * A PUBLISH has come to its end (SENT, RESPONSE, ACK, or nothing).
 *
 *   token        as the wish had it; one without AIO_TOKEN_BIT is somebody else's, and does nothing
 *   result       AZ_OK: the broker acknowledged it. NOT_ENOUGH_SPACE: the session has no room for it now; a
 *                response comes again after aio_client_room(). Anything else: it did not and will not be
 *                delivered, as it was dropped, or the session ended. Goes into 'cause' of the error
 *   reason_code  of the PUBACK; 0 if there was none
 *
 * NOT_ENOUGH_SPACE: events wait; pop them first. Nothing happened.
 */
AZ_NODISCARD az_result aio_client_published(aio_client *client, uint64_t token, az_result result,
                                            uint8_t reason_code, aio_time time);

/* The session has room again for what is published (PUBLISH of responses for which there was none). */
void aio_client_room(aio_client *client);

/*
 * SUBSCRIBE or UNSUBSCRIBE has come to its end (STARTED; STOPPED). One that is not under way does nothing.
 * Arguments are as of aio_client_published().
 */
void aio_client_subscribed(aio_client *client, uint64_t token, az_result result, uint8_t reason_code);
void aio_client_unsubscribed(aio_client *client, uint64_t token, az_result result, uint8_t reason_code);

/*
 * The broker has lost the session, so responses to what was invoked may never come (RESPONSE with "mqtt
 * error" for each). Endpoints stay as they are: the session subscribes again, or is at its end.
 */
void aio_client_session_lost(aio_client *client);

/* The deadline has passed (RESPONSE with "timeout"; REQUEST_GONE, PUBLISH, ACK). Before it: does nothing. */
void aio_client_timeout(aio_client *client, aio_time time);

/* ---- Outputs ---- */

/* Pops the next event; false: there is none. */
AZ_NODISCARD bool aio_client_next_event(aio_client *client, aio_event *out_event);

/* When to call aio_client_timeout(), as 'now_us' of aio_time; UINT64_MAX: never. */
AZ_NODISCARD uint64_t aio_client_deadline_us(aio_client const *client);

/* What a status page or a metric shows. */
typedef struct {
        uint32_t n_invocations; /* under way */
        uint32_t n_requests;    /* executed, or waiting for it or for the acknowledgement of their response */
        uint32_t n_responses;   /* kept for repeats */
        uint32_t n_used_bytes;  /* of 'blocks' */
        uint64_t n_evicted;     /* responses forgotten before they expired: a repeat would have been executed
                                   again */
} aio_client_status;

/* Returns the status. */
AZ_NODISCARD aio_client_status aio_client_get_status(aio_client const *client);

/* Names for logs and tests: lower case, of one word or hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *aio_event_type_to_string(aio_event_type type);
AZ_NODISCARD char const *aio_endpoint_state_to_string(aio_endpoint_state state);
AZ_NODISCARD char const *aio_gone_to_string(aio_gone gone);

_az_END_DECLS

#endif
