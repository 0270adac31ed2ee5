/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * libaziot: a program's side of aziotd, the daemon that keeps this device's session with Azure IoT Hub.
 *
 *      #include <aziot.h>
 *
 *      int main(void) {
 *              AziotMessage message = aziot_message("{\"temperature\":21.5}");
 *              Aziot *a;
 *              int r;
 *
 *              r = aziot_new(&a, NULL);
 *              if (r < 0)
 *                      return 1;
 *              r = aziot_send(a, &message, AZIOT_ACCEPTED, 0, NULL);
 *              if (r != 0)
 *                      fprintf(stderr, "%s\n", aziot_explain(a, r));
 *              aziot_free(a);
 *              return r != 0;
 *      }
 *
 * There are two ways to use it, on the same object and at the same time:
 *
 * Blocking. A function such as aziot_send() returns when the daemon has replied or the time is up
 * (aziot_set_timeout_us()). aziot_wait() returns when something has happened: the cloud calls a method, sends
 * a message, changes the twin. What happens while another function waits is kept for it.
 *
 * Driven by an event loop. A function whose name ends in _start returns at once, and its reply comes as an
 * event. The loop watches one file descriptor, and no function blocks:
 *
 *      for (;;) {
 *              const AziotEvent *event;
 *              struct pollfd p = { .fd = aziot_get_fd(a), .events = aziot_get_events(a) };
 *
 *              while (aziot_dispatch(a, &event) > 0)
 *                      on_event(event);
 *              poll(&p, 1, milliseconds until aziot_get_deadline_us(a));
 *      }
 *
 * Connections. Calls and replies of one object travel on one connection, in the order of the calls: a message
 * that waits to be AZIOT_DELIVERED holds up the replies behind it, so a program that needs two stages has an
 * object for each. Whatever is watched, served or taken has another connection of its own. All are made when
 * they are needed. A user may have 64 connections, and 16 that serve or take.
 *
 * When the daemon goes away, restarted or upgraded, connections are made again by themselves: at once, then
 * with growing pauses of at most 5 s. What was under way then depends on what it is:
 *
 * - aziot_get_twin() and aziot_get_status() are sent again: they change nothing. So are aziot_report() and
 *   aziot_acknowledge(): the same values twice are the same values.
 *
 * - aziot_send(), aziot_send_batch(), aziot_call() and their _start forms fail with -ECONNRESET: they may
 *   have been carried out or not. With AZIOT_REPEAT they are sent again.
 *
 * - aziot_flush() and aziot_reconnect() fail with -ECONNRESET.
 *
 * - What is watched is watched again, and begins anew with the whole state.
 *
 * - Methods and messages are taken again. What had been taken and not settled is no longer this program's,
 *   as AZIOT_EVENT_SETTLED tells: a message will be given out again, a method call has been answered 503.
 *
 * A call that finds no daemon to connect to fails at once with the reason, unless it has AZIOT_REPEAT;
 * whatever is watched, served or taken goes on trying.
 *
 * An object belongs to one thread at a time; different objects may be used by different threads. There are no
 * threads, no global state and no signals behind this: a broken connection raises no SIGPIPE.
 *
 * Texts are UTF-8 and end with a NUL; where one may hold a NUL, its size stands beside it. JSON goes through
 * as text, byte for byte, in both directions: 9007199254740993 and 1.10 stay what they are. Times are
 * RFC 3339 text in UTC (aziot_parse_time()). An argument is needed only until the function returns. What an
 * object hands out belongs to it, and is valid until the next aziot_dispatch(), aziot_wait() or blocking
 * function on that object.
 *
 * Results. 0: success; AZIOT_REFUSED and the others of AziotResult: conditions; negative: an errno:
 *
 *   -ENOENT, -ECONNREFUSED  aziotd is not running, or the path of its socket is another
 *   -EACCES       this user may not connect; root and group aziot may
 *   -ECONNRESET   the connection broke before the reply: the call may have been carried out or not
 *   -ETIME        no reply came in time: the call may still be carried out
 *   -EBADMSG      what listens there does not speak as aziotd does
 *   -EMSGSIZE     the call, or its reply, is larger than 512 KiB
 *   -EINVAL       an argument is not what is asked for below, such as JSON that is none
 *   -EILSEQ       a text is not UTF-8
 *   -ENOMEM
 *
 * After a failure the object is as good as before; nothing has to be made anew.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Aziot Aziot;

/* Conditions. */
typedef enum AziotResult {
        AZIOT_REFUSED = 1, /* the daemon replied by an error: aziot_get_error(), AziotEvent.error */
        AZIOT_FULL,        /* of a _start function: 1024 calls or 1 MiB wait for replies; dispatch first */
        AZIOT_GONE,        /* what was to be answered, settled or released has ended already */
        AZIOT_ABSENT,      /* aziot_json_find(): there is no such member */
} AziotResult;

/* How a call is made. */
typedef enum AziotFlags {
        /*
         * The call may be carried out more than once: when its connection breaks it is sent again, and when
         * there is no daemon to connect to it is kept until there is, in both cases while its time lasts. A
         * message without 'message_id' is given one, so that its receiver can tell a repeat.
         */
        AZIOT_REPEAT = 1 << 0,
        /* Of a _start function: no reply is sent, and no event comes. aziot_flush() counts them. */
        AZIOT_ONEWAY = 1 << 1,
        /*
         * Of aziot_send(), aziot_send_batch() and their _start forms: alarms. They go to the cloud before all
         * messages without this flag, however many of those wait, and keep their order among themselves.
         */
        AZIOT_HIGH_PRIORITY = 1 << 2,
} AziotFlags;

/* An error that the daemon replied by. */
typedef struct AziotError {
        const char *name;       /* in full: "io.aziotd.telemetry.OutboxFull" */
        const char *parameters; /* a JSON object: {"retryAfterMs":1000} */
        size_t parameters_size;
        const char *text; /* for a person: "the outbox is full, nothing was stored" */
} AziotError;

/* The object ------------------------------------------------------------------------------------------ */

/*
 * Makes an object for the daemon whose socket is at 'socket_path'; NULL: at $AZIOT_SOCKET, or else where an
 * installed aziotd listens, /run/aziotd/socket. Nothing is connected yet. -ENAMETOOLONG: more than 107 bytes.
 */
int aziot_new(Aziot **ret, const char *socket_path);

/* Closes everything and returns NULL. Calls may be carried out or not; what is taken is given back. */
Aziot *aziot_free(Aziot *a);

/*
 * How long a call may take from when it is made to its reply, 60 s unless told; UINT64_MAX: for ever. For a
 * stage beyond AZIOT_ACCEPTED the daemon is told the same limit in seconds, and then replies NotDelivered
 * with reason "timeout" by itself.
 */
void aziot_set_timeout_us(Aziot *a, uint64_t timeout_us);

/* The error of the last function or event whose result was AZIOT_REFUSED. */
const AziotError *aziot_get_error(const Aziot *a);

/*
 * Says in English what the result of the last function or event means: "Nobody listens at /run/aziotd/socket:
 * aziotd is not running", "the outbox is full, nothing was stored (...)".
 */
const char *aziot_explain(Aziot *a, int result);

/* Events ---------------------------------------------------------------------------------------------- */

typedef enum AziotEventType {
        AZIOT_EVENT_REPLY,        /* a call of a _start function has ended, or aziot_watch() has news */
        AZIOT_EVENT_METHOD,       /* the cloud calls a method: aziot_answer() */
        AZIOT_EVENT_MESSAGE,      /* the cloud sent a message: aziot_settle() */
        AZIOT_EVENT_SETTLED,      /* what became of either, or of WORK; exactly one follows each, save after
                                     aziot_release() */
        AZIOT_EVENT_TWIN,         /* the desired section, or what changed in it */
        AZIOT_EVENT_STATUS,       /* the state of device and link */
        AZIOT_EVENT_DISCONNECTED, /* what is watched, served or taken has lost its connection, or gets none;
                                   * told again when 'result' changes */
        AZIOT_EVENT_CONNECTED,    /* and has it again */
        AZIOT_EVENT_ENDED,        /* it was refused, and is not asked for again */
        AZIOT_EVENT_WORK,         /* of aziot_take(): aziot_settle_work() */
} AziotEventType;

/* The reply to a call. 'parameters' is empty ("{}") unless 'result' is 0. */
typedef struct AziotReply {
        const char *parameters; /* JSON object */
        size_t parameters_size;
        bool continues;   /* of aziot_watch(): more will come, otherwise this was all */
        int64_t sequence; /* of a message, or of the last one of a batch; otherwise -1 */
        int64_t version;  /* of the reported section, as from aziot_report(); otherwise -1 */
} AziotReply;

/* A direct method that the cloud calls. */
typedef struct AziotMethodCall {
        uint64_t handle;       /* for aziot_answer(); never used twice by an object */
        const char *id;        /* the daemon's, for logs */
        const char *name;      /* of the method, without its component */
        const char *component; /* of Plug and Play; NULL: none */
        const char *payload;   /* JSON, any value; NULL: none */
        size_t payload_size;
        uint64_t deadline_us; /* CLOCK_BOOTTIME; the daemon answers in place of the program then */
        const char *deadline; /* the same on the wall clock, as in AziotMessage.expires */
} AziotMethodCall;

/* A property of a message. */
typedef struct AziotProperty {
        const char *key, *value;
} AziotProperty;

/* A message from the cloud. Members that the sender did not set are NULL. */
typedef struct AziotCloudMessage {
        uint64_t handle;  /* for aziot_settle(); never used twice by an object */
        const char *id;   /* the daemon's, the same when the message is given again */
        const void *body; /* a NUL follows it */
        size_t body_size;
        bool is_json_object; /* so that nobody has to look */
        const char *content_type, *content_encoding, *message_id, *correlation_id, *user_id;
        const AziotProperty *properties;
        size_t n_properties;
        const char *enqueued; /* when the daemon got it */
        const char *expires;
        bool redelivered; /* it was given out before and not settled */
        const char *json; /* all that the daemon told: type Message of io.aziotd.messages */
        size_t json_size;
} AziotCloudMessage;

/* What a program is to do and to settle, of an interface for which there is no struct here. */
typedef struct AziotWork {
        uint64_t handle;  /* for aziot_settle_work(); never used twice by an object */
        const char *json; /* all that the daemon told: of io.aziotd.broker its type Request */
        size_t json_size;
} AziotWork;

/* What the cloud wants of this device: the twin's desired section. */
typedef struct AziotTwinUpdate {
        const char *desired; /* JSON object: all of it, or a patch in which null removes a member */
        size_t desired_size;
        int64_t version;
        bool complete;    /* it is all: forget what was known */
        bool stale;       /* the device is offline: the cloud may want something else by now */
        const char *json; /* all that the daemon told */
        size_t json_size;
} AziotTwinUpdate;

/* The link to the cloud. Texts that do not apply are NULL. */
typedef struct AziotLink {
        const char *state; /* "online", "connecting", "renewing", "waiting" ...; there may be new ones */
        bool is_online;    /* messages reach the cloud now, or after a planned pause of seconds */
        const char *since; /* since when it has been in this state */
        const char *hub;
        const char *last_error;   /* why the last attempt or connection ended */
        const char *next_attempt; /* when the next one will be made */
} AziotLink;

/* What waits on disk to be sent, and how much was given up since 'counted_since'. */
typedef struct AziotOutbox {
        int64_t n_messages, n_bytes, capacity_bytes;
        int64_t capacity_messages; /* 0: as many as have room in capacity_bytes */
        int64_t n_high_messages;   /* of n_messages: those with AZIOT_HIGH_PRIORITY */
        const char *oldest;        /* when the oldest message was accepted; NULL: there is none */
        int64_t n_expired;         /* not delivered within their time to live */
        int64_t n_overflow;        /* dropped to make room for newer ones */
        int64_t n_damaged;         /* they could not be read back */
        int64_t n_unsendable;      /* no hub takes them */
        int64_t n_poison;          /* the cloud closed the connection whenever one was sent */
        int64_t n_refused;         /* there was no room for them, and whoever sent one was told so */
        const char *counted_since;
        const char *reason; /* why messages cannot be stored at present; NULL: they can */
} AziotOutbox;

/* Messages from the cloud, on disk until a program has settled them. */
typedef struct AziotInbox {
        int64_t n_messages, n_bytes, capacity_messages, capacity_bytes;
        bool stalled;       /* messages have to wait at the cloud ... */
        const char *reason; /* ... and why; NULL: they need not */
        int64_t n_expired;  /* since the daemon started: before a program took them */
        int64_t n_damaged;  /* they could not be read back */
        int64_t n_repeated; /* the cloud sent them more than once; each was given out once */
} AziotInbox;

/* Who this device is, and how it fares. */
typedef struct AziotStatus {
        const char *device_id, *module_id, *model_id; /* NULL: not known, or it has none */
        AziotLink link;
        AziotOutbox outbox;
        AziotInbox inbox;
        const char *json; /* all that the daemon told */
        size_t json_size;
} AziotStatus;

/* Something that happened. */
typedef struct AziotEvent {
        AziotEventType type;
        void *userdata;          /* as given to the function that the event goes back to */
        int result;              /* REPLY, SETTLED, DISCONNECTED, ENDED: like the result of a function */
        const AziotError *error; /* if 'result' is AZIOT_REFUSED */
        union {
                AziotReply reply;
                AziotMethodCall method;
                AziotCloudMessage message;
                uint64_t settled; /* the handle */
                AziotTwinUpdate twin;
                AziotStatus status;
                AziotWork work;
        } as;
} AziotEvent;

/* To be polled for aziot_get_events(), the same one for the object's whole life. Do not read from it. */
int aziot_get_fd(const Aziot *a);

/* POLLIN, as for poll(). */
short aziot_get_events(const Aziot *a);

/*
 * When to call aziot_dispatch() even if the descriptor is silent, in microseconds of CLOCK_BOOTTIME;
 * UINT64_MAX: never, 0: now. Ask before every wait, as any function may change it.
 */
uint64_t aziot_get_deadline_us(const Aziot *a);

/*
 * Does all that can be done without waiting, up to the next event. 1: *ret is one; call again before the next
 * wait. 0: nothing is left to do. It does not fail: what fails is told by events.
 */
int aziot_dispatch(Aziot *a, const AziotEvent **ret);

/*
 * Waits for the next event. 1: *ret is one. 0: none came within 'timeout_us'; UINT64_MAX: wait for ever.
 * -EINTR: a signal came, which a program may want to end by.
 */
int aziot_wait(Aziot *a, uint64_t timeout_us, const AziotEvent **ret);

/* Telemetry ------------------------------------------------------------------------------------------- */

/* What a body is to the cloud. */
typedef enum AziotBody {
        AZIOT_BODY_AUTO, /* JSON if it is an object, else text if it is UTF-8, else data */
        AZIOT_BODY_JSON, /* one JSON value; its content type is application/json unless told */
        AZIOT_BODY_TEXT, /* UTF-8 */
        AZIOT_BODY_DATA, /* any bytes */
} AziotBody;

/* A message to the cloud. Members that are 0 or NULL have their defaults. */
typedef struct AziotMessage {
        const void *body;
        size_t body_size;
        AziotBody body_kind;
        const char *content_type, *content_encoding;
        const char *component;      /* of Plug and Play, that the message belongs to */
        const char *message_id;     /* names it for its receiver; the daemon makes one */
        const char *correlation_id; /* names the message that this one belongs to */
        const AziotProperty *properties;
        size_t n_properties;
        uint32_t ttl_s; /* drop it if it is not delivered by then; 0: as configured */
} AziotMessage;

/* A message with a text or JSON as its body, and no more. */
static inline AziotMessage aziot_message(const char *body) {
        AziotMessage message;

        memset(&message, 0, sizeof(message));
        message.body = body;
        message.body_size = strlen(body);
        return message;
}

/* How far a message must have come before its call is answered. */
typedef enum AziotStage {
        AZIOT_ACCEPTED,  /* it survives the daemon being killed */
        AZIOT_DURABLE,   /* it survives a power cut */
        AZIOT_DELIVERED, /* the hub has it */
} AziotStage;

/*
 * Sends a message. *ret_sequence, which may be NULL, is its number: numbers rise, also over restarts, and
 * there may be gaps; messages with AZIOT_HIGH_PRIORITY have numbers of their own. AZIOT_REFUSED:
 * io.aziotd.telemetry OutboxFull, RateExceeded, StorageFailed, NotDelivered, MessageTooLarge or
 * InvalidMessage; the first two tell 'retryAfterMs'. The event of the _start form tells 'sequence'.
 */
int aziot_send(Aziot *a, const AziotMessage *message, AziotStage stage, unsigned flags,
               uint64_t *ret_sequence);
int aziot_send_start(Aziot *a, const AziotMessage *message, AziotStage stage, unsigned flags, void *userdata);

/* The same for up to 1024 messages, all or none of them; their numbers are consecutive, the last is told. */
int aziot_send_batch(Aziot *a, const AziotMessage *messages, size_t n_messages, AziotStage stage,
                     unsigned flags, uint64_t *ret_last_sequence);
int aziot_send_batch_start(Aziot *a, const AziotMessage *messages, size_t n_messages, AziotStage stage,
                           unsigned flags, void *userdata);

/*
 * Waits until all that this object sent before has reached 'stage'. Tells how many of its AZIOT_ONEWAY
 * messages were accepted and refused since the last flush; both may be NULL. If the connection broke since,
 * those of the old one are not counted.
 */
int aziot_flush(Aziot *a, AziotStage stage, uint64_t *ret_accepted, uint64_t *ret_refused);
int aziot_flush_start(Aziot *a, AziotStage stage, void *userdata);

/* Direct methods -------------------------------------------------------------------------------------- */

/*
 * Serves direct methods by name ("reboot"; "thermostat*reboot" for a command of a component): each call comes
 * as AZIOT_EVENT_METHOD and is to be answered by aziot_answer(). One call at a time: the next one comes after
 * the answer. Whoever wants n at a time calls this n times. Other programs of this user may serve the same
 * names, and share the calls in turn. AZIOT_EVENT_ENDED: io.aziotd.methods NameClaimed, NotYourMethod or
 * TooManyTakers.
 */
int aziot_serve(Aziot *a, const char *const *names, size_t n_names, void *userdata);

/*
 * Answers a call. 'status' is for the caller, as in HTTP; 'payload' is any JSON, at most 128 KiB, NULL: none.
 * What became of it comes as AZIOT_EVENT_SETTLED. AZIOT_GONE: the call has ended already. -EINVAL: the
 * payload is not JSON, and the call still wants an answer.
 */
int aziot_answer(Aziot *a, uint64_t handle, int status, const char *payload);

/* Messages from the cloud ----------------------------------------------------------------------------- */

/*
 * Takes messages from the cloud, one at a time: each comes as AZIOT_EVENT_MESSAGE and is kept by the daemon
 * until aziot_settle(), after which the next one comes. Other programs may take, too; each message goes to
 * one.
 */
int aziot_take_messages(Aziot *a, void *userdata);

/* Tells that the message has been dealt with. What became of it comes as AZIOT_EVENT_SETTLED. AZIOT_GONE */
int aziot_settle(Aziot *a, uint64_t handle);

/*
 * Gives back what was taken: the message is given out again, to this program or another one; the method call
 * is answered 503. This program takes the next one after 'delay_us'. AZIOT_GONE
 */
int aziot_release(Aziot *a, uint64_t handle, uint64_t delay_us);

/* The twin -------------------------------------------------------------------------------------------- */

/* The last known twin. */
typedef struct AziotTwin {
        const char *desired, *reported; /* JSON objects */
        size_t desired_size, reported_size;
        int64_t desired_version, reported_version; /* -1: not known */
        bool stale;                                /* the device is offline: it may have changed */
        const char *as_of;                         /* when it was known to be so */
        const char *json;                          /* all that the daemon told */
        size_t json_size;
} AziotTwin;

/* Gets the twin. AZIOT_REFUSED: io.aziotd.twin.TwinUnavailable, the device has never been online. */
int aziot_get_twin(Aziot *a, const AziotTwin **ret);

/*
 * Watches the desired section, or that of one component: AZIOT_EVENT_TWIN comes with all of it as soon as
 * anything is known, then with each change; with all of it again after the daemon was restarted.
 */
int aziot_watch_twin(Aziot *a, const char *component, void *userdata);

/*
 * Merges a patch, a JSON object, into the reported section; null removes a member. With 'component' it is
 * about that component. Returns when the hub has taken it or, while offline, when it is stored: then
 * *ret_version, which may be NULL, is -1. AZIOT_REFUSED: io.aziotd.twin InvalidPatch, NotYourSection,
 * PatchRefused, TwinFull or StorageFailed.
 */
int aziot_report(Aziot *a, const char *patch, const char *component, int64_t *ret_version);
int aziot_report_start(Aziot *a, const char *patch, const char *component, void *userdata);

/* What a device says of a writable property that the cloud has set (Plug and Play conventions). */
typedef struct AziotAcknowledgement {
        const char *property;    /* its name */
        const char *value;       /* JSON: what holds now */
        int status;              /* "ac", as in HTTP: 200 done, 202 in progress, 400 not a possible value */
        int64_t version;         /* "av": AziotTwinUpdate.version of what is acknowledged */
        const char *description; /* "ad", for a person; NULL: none */
} AziotAcknowledgement;

/* Reports {"property":{"value":…,"ac":200,"av":4,"ad":"…"}}, for each of them. Otherwise like aziot_report().
 */
int aziot_acknowledge(Aziot *a, const AziotAcknowledgement *acknowledgements, size_t n_acknowledgements,
                      const char *component, int64_t *ret_version);
int aziot_acknowledge_start(Aziot *a, const AziotAcknowledgement *acknowledgements, size_t n_acknowledgements,
                            const char *component, void *userdata);

/* The device ------------------------------------------------------------------------------------------ */

/* Gets the present state. */
int aziot_get_status(Aziot *a, const AziotStatus **ret);

/* Watches it: AZIOT_EVENT_STATUS comes at once, then with each change. */
int aziot_watch_status(Aziot *a, void *userdata);

/* Connects to the cloud again, now; nothing is lost by it. AZIOT_REFUSED: it needs the grant 'admin'. */
int aziot_reconnect(Aziot *a);

/* Everything else ------------------------------------------------------------------------------------- */

/*
 * Calls any method of any Varlink interface. 'method' is its full name, 'parameters' a JSON object; NULL: {}.
 * *ret, which may be NULL, has the reply.
 */
int aziot_call(Aziot *a, const char *method, const char *parameters, unsigned flags, const AziotReply **ret);
int aziot_call_start(Aziot *a, const char *method, const char *parameters, unsigned flags, void *userdata);

/* Calls a method that replies again and again ("more"): each reply comes as AZIOT_EVENT_REPLY. */
int aziot_watch(Aziot *a, const char *method, const char *parameters, void *userdata);

/*
 * Takes work from any interface that has Take and Settle, such as "io.aziotd.broker": 'parameters' are those
 * of Take, a JSON object; NULL: {}. Each piece comes as AZIOT_EVENT_WORK and belongs to this program until
 * aziot_settle_work(), or until the connection ends; the next one comes after that.
 */
int aziot_take(Aziot *a, const char *interface, const char *parameters, void *userdata);

/*
 * Settles it: 'parameters' are those of Settle without its 'id', a JSON object; NULL: {}. What became of it
 * comes as AZIOT_EVENT_SETTLED. Work that the daemon would not let be settled so is given back. AZIOT_GONE
 */
int aziot_settle_work(Aziot *a, uint64_t handle, const char *parameters);

/* Texts ----------------------------------------------------------------------------------------------- */

/*
 * Finds a member of a JSON object by its name, or by a path, "a.b": *ret_value is where its JSON begins, in
 * 'json', and *ret_size its bytes. AZIOT_ABSENT: there is none. -EINVAL: 'json' is not a JSON object.
 *
 * A number can be read from there by strtod(), which ends at the first byte that is not part of it.
 */
int aziot_json_find(const char *json, size_t size, const char *path, const char **ret_value,
                    size_t *ret_size);

/*
 * Writes the text of a JSON string, its escapes undone, to 'buffer', which needs at most 'size' bytes, and
 * ends it by a NUL. -EINVAL: it is not a string. -ENOSPC: 'buffer' is too small.
 */
int aziot_json_get_text(const char *value, size_t size, char *buffer, size_t buffer_size);

/* Microseconds since 1970 of a time as the daemon tells it. -EINVAL: it is something else. */
int aziot_parse_time(const char *text, uint64_t *ret_realtime_us);

#ifdef __cplusplus
}
#endif
