/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the link share; nobody else includes it.
 *
 *      hub-link.c           life cycle, deadlines, status
 *      hub-link-identity.c  who the device is; a session for it
 *      hub-link-assignment.c  what is kept of the provisioning service's answer
 *      hub-link-recovery.c  what is done about a hub that cannot be reached
 *      hub-link-connect.c   the connection
 *      hub-link-session.c   the session and the connection meet
 *      hub-link-provisioning.c  the same with the provisioning service
 *      hub-link-traffic.c   what passes over a live link
 *      hub-link-rollover.c  keys and certificates that change
 *      hub-link-record.c    what went wrong
 */

#include <sys/queue.h>

#include <azure/iot/az_iot_hub_client.h>
#include <mqtt/probe.h>
#include <session/dps_session.h>
#include <session/hub_session.h>
#include <session/recovery.h>

#include "daemon/close-watch.h"
#include "daemon/diagnosis.h"
#include "daemon/enrollment.h"
#include "daemon/expiry.h"
#include <mqtt/file-watch.h>
#include "daemon/hub-link.h"
#include "daemon/rollover.h"
#include "daemon/route.h"
#include "daemon/state-file.h"
#include "daemon/telemetry-message.h"

/* Of an attempt: for the signature. */
#define SIGN_TIMEOUT_S 30U

/* "devices/{128}/modules/{128}/messages/events/", the bag, and a "$.mid" of ours. */
#define TOPIC_SIZE (TELEMETRY_BAG_MAX + 512U)

#define HUB_LINK_USER_AGENT AZ_SPAN_FROM_STR("aziotd%2F" AZIOT_VERSION)

/* The answer to a method that waits for room in the connection. */
typedef struct Answer {
        STAILQ_ENTRY(Answer) entry;
        az_span topic, payload; /* in 'bytes' */
        uint8_t bytes[];
} Answer;

/* How a run of the provisioning service ended. */
typedef struct ProvisioningResult {
        bool is_there; /* the connection is being ended, then the recovery hears of it */
        az_error_class error_class;
        uint32_t retry_after_s;
        Assignment assignment; /* error_class NONE */
} ProvisioningResult;

/* Without an enrollment none of it is used. */
typedef struct Provisioning {
        Enrollment enrollment;
        az_dps_session session;
        uint8_t *body; /* room for the request */
        ProvisioningResult result;
        Assignment assignment; /* the one in use; without a hub there is none */
        StateFile *file;       /* where it is kept */
        bool is_dirty;         /* another one is to be kept, when this one is */
        bool is_wished;        /* a run begins as soon as there is no connection in its way */
        bool run_is_wished;    /* so is the present one */
        uint64_t n_runs;       /* that have ended */
        char error[sizeof(((Diagnosis *) NULL)->text)]; /* why the last one failed; "": it did not */
        int64_t failed_clock_us;                        /* hub_link_clock_offset_us() when a run failed */
} Provisioning;

/* Keys and certificates that change. */
typedef struct HubLinkRollover {
        Rollover choice;
        uint8_t proven_files[MQTT_FILES_DIGEST_SIZE]; /* these two were accepted last */
        char *proven_key;
        FileWatch *watch;
        MqttProbe *probe;
        int epoll_fd;        /* of these two and the connection */
        uint64_t changed_us; /* when what has changed is to be taken up; UINT64_MAX: nothing has */
        bool is_told;        /* that what the files hold is not used */
        Expiry expiry;
} HubLinkRollover;

struct HubLink {
        const Config *config;
        const Log *log;
        const HubLinkOps *ops;
        void *userdata;

        Credential credential;
        bool is_outdated;  /* the configuration is another one: hub_link_take_config() */
        bool has_identity; /* 'credential' and 'recovery' are set up; if a hub is known, the session, too */
        uint16_t port;
        char *model_id; /* of the client */
        az_iot_hub_client client;
        az_hub_session session;
        az_recovery recovery;
        Provisioning provisioning;
        HubLinkRollover rollover;
        MqttLink *mqtt;
        Route *route;
        char *string_to_sign;     /* for this attempt; the session's is gone when it is needed again */
        bool is_open;             /* the transport is */
        bool is_accepted;         /* a CONNACK said yes */
        MqttReport report;        /* of the transport that is open */
        MqttConnect connect;      /* of this attempt; with a certificate it waits for the transport */
        const MqttEvent *message; /* that is being handed to the session */
        STAILQ_HEAD(AnswerQueue, Answer) answers;
        unsigned n_answers;
        unsigned n_in_flight; /* messages without PUBACK */
        LinkEnd end;          /* of the connection that is being given up */
        CloseWatch close_watch;

        LinkState state;
        uint64_t since_us;
        uint64_t next_attempt_us;
        Diagnosis cause; /* that the session is being told of */
        LinkRecord record;
        LinkCounts counts;        /* without what is going on */
        uint64_t online_since_us; /* 0: it is not online */
        int64_t clock_offset_us;  /* of the wall clock from CLOCK_BOOTTIME, when last looked at */
};

/* The present time, as the session wants it. */
az_hub_session_time hub_link_time(void);
/* NULL is empty. */
az_span hub_link_span(const char *s);

/* The one place where the state changes; tells on_status(). */
void hub_link_set_state(HubLink *link, LinkState state, uint64_t next_attempt_us);

/* For the next attempt, at the hub or at the provisioning service: hub_link_reconnect() ends it. */
bool hub_link_is_waiting(const HubLink *link);

/* With whom the attempt or connection is, and the present time. */
DiagnosisContext hub_link_context(const HubLink *link);
/*
 * The one place where a failure is recorded: as the last one, in the log, in the history. 'delay_us': until
 * the next attempt; 0: something else is tried at once. The state is to be set after it.
 */
void hub_link_record(HubLink *link, const Diagnosis *diagnosis, uint64_t delay_us);

/* A clock that is set by less has not been wrong, it may as well have drifted. */
#define CLOCK_STEP_US ((int64_t) (60 * USEC_PER_SEC))

/* How far the wall clock is ahead of the one that nobody sets. */
int64_t hub_link_clock_offset_us(void);
/* The clock was set, and the link, which was in this state, has done what there was to be done about it. */
void hub_link_note_clock(HubLink *link, LinkState before);
/* Tells on_event(). */
void hub_link_tell(const HubLink *link, HistoryEvent event, const HistoryFacts *facts);
/* The same of a connection that is up. */
void hub_link_tell_live(const HubLink *link, HistoryEvent event);

/* Sets up the session and returns true, or says what is missing and when it will be looked for again. */
bool hub_link_load_identity(HubLink *link);
/* The next dispatch loads it, and sets up sessions for it. */
void hub_link_forget_identity(HubLink *link);
/* Condition of hub_link_refresh_identity(): the files name somebody else. */
#define HUB_LINK_OTHER 2

/*
 * Takes what was corrected since the last attempt. 0; CONFIG_INVALID: *ret_cause says what is wrong, and what
 * was known before may do; HUB_LINK_OTHER: nothing is taken.
 */
int hub_link_refresh_identity(HubLink *link, Diagnosis *ret_cause);
/* Before an attempt: the same, and what is wrong is told. False: it is somebody else, for whom sessions are
 * set up soon. */
bool hub_link_prepare_identity(HubLink *link);

/* Whether the provisioning service tells the device its hub; of an identity that is known, that one. */
bool hub_link_is_enrolled(const HubLink *link);

/* Reads the assignment that was kept, if it is this device's. */
void hub_link_load_assignment(HubLink *link);
/* Makes the hub of the assignment the one to connect to; false: it has no session. */
bool hub_link_use_assignment(HubLink *link);
void hub_link_keep_assignment(HubLink *link);
/* The hub takes another key or certificate: the assignment holds for that as well. */
void hub_link_pass_on_assignment(HubLink *link);

/* For the random numbers of a session; never 0. */
uint64_t hub_link_random(void);
/* Whether the wall clock shows a time at which this program existed. */
bool hub_link_clock_is_plausible(void);

void hub_link_recovery_setup(HubLink *link);
/* Takes the result of an input and does what the recovery decides. */
void hub_link_run_recovery(HubLink *link, az_result input);
/*
 * Sets everything up anew if the configuration is another one and what is in flight is finished. True: it
 * did, and what there was of connections and attempts is gone.
 */
bool hub_link_take_config(HubLink *link);
/* Begins a run of the provisioning service that is wished, if nothing is in its way. */
void hub_link_grant_wish(HubLink *link);

/* Begins a run of the provisioning service. */
void hub_link_provision(HubLink *link);
/* Takes the result of an input and does what its session asks for next. */
void hub_link_run_provisioning(HubLink *link, az_result input);
/* What the connection reports during a run. */
void hub_link_provisioning_event(HubLink *link, const MqttEvent *event);

/* Whether the provisioning service has the word, and with it the connection. */
bool hub_link_is_provisioning(const HubLink *link);
/* With whom the next attempt, or the present one or connection, is. */
const char *hub_link_get_host(const HubLink *link);
uint16_t hub_link_get_port(const HubLink *link);
/* How long it may take to open the transport, with the signature. */
uint16_t hub_link_open_timeout_s(const HubLink *link);
/* From CONNECT to CONNACK; with a certificate the transport is opened in between. */
uint16_t hub_link_connect_timeout_s(const HubLink *link);
/* Where it is, over which transport, and with which files. route_forget_secret() is to follow. */
void hub_link_fill_endpoint(const HubLink *link, RouteTransport transport, MqttEndpoint *ret);
/* Opens the transport; 'string_to_sign' may be empty. 0, or a negative errno. */
int hub_link_open(HubLink *link, az_span string_to_sign);
/* Sends CONNECT. 0, or a negative errno. */
int hub_link_connect(HubLink *link);
/* Drops the attempt or connection, if there is one. */
void hub_link_close(HubLink *link);

/* Takes the result of an input and does what the session asks for next. */
void hub_link_run_session(HubLink *link, az_result input);
/* The session loses its link, or the attempt to have one, for this. */
void hub_link_session_lost(HubLink *link, const Diagnosis *cause);
/* The same of something that went wrong here; see diagnosis_make(). */
void hub_link_session_failed(HubLink *link, Problem problem, int error, const char *detail);
/* Publishes answers that waited, as many as fit now. */
void hub_link_flush_answers(HubLink *link);
void hub_link_drop_answers(HubLink *link);
/* Whether a renewal has nothing to wait for any more. */
bool hub_link_is_drained(const HubLink *link);
/* The connection is gone, and with it who waited for answers: on_lost(). */
void hub_link_forget_traffic(HubLink *link);

/* What the connection reports while the hub has the word. */
void hub_link_session_event(HubLink *link, const MqttEvent *event);

/* Needs 'mqtt'. -ENOMEM, -EMFILE. */
int hub_link_rollover_init(HubLink *link);
void hub_link_rollover_done(HubLink *link);
/* Takes up what has changed, and warns of what ends. */
void hub_link_run_rollover(HubLink *link);
uint64_t hub_link_rollover_deadline_us(const HubLink *link);
/* It is another device, of which nothing is known yet. */
void hub_link_forget_proven(HubLink *link);
/* The files are going to be read anew, whatever was found out about them. */
void hub_link_forget_changes(HubLink *link);
/* Watches the files that the present identity is made of. */
void hub_link_watch_files(HubLink *link);
/* What the present attempt signs with, if it does. */
const char *hub_link_get_key(const HubLink *link);
/* The transport is open, or failed to be. */
void hub_link_rollover_opened(HubLink *link, const MqttReport *report);
/* The hub takes what the present attempt has. */
void hub_link_rollover_live(HubLink *link);
/* What the files hold is of no use: what was used before is, and that is told. */
void hub_link_hold(HubLink *link, const Diagnosis *cause);
/* The attempt failed. True: the next one, with what was proven before, is to be made at once. */
bool hub_link_roll_back(HubLink *link, const Diagnosis *cause);
/* The transport could not be opened. True: it is being opened again, with what was proven before. */
bool hub_link_reopen(HubLink *link, const MqttReport *report, const Diagnosis *cause);
