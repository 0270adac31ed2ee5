/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the link to the broker share; nobody else includes it.
 *
 *      broker-link.c         life, settings, deadlines
 *      broker-link-traffic.c what the runner tells and the client wishes
 *      broker-link-record.c  state, failures, status
 */

#include <aio/uuid.h>
#include <sys/queue.h>

#include "daemon/broker-link.h"
#include "daemon/expiry.h"

/* A subscription that the client wants, or wants no more. */
typedef struct Filter {
        TAILQ_ENTRY(Filter) entry;
        bool is_pending;     /* the client waits for the answer, by 'token' */
        bool is_unsubscribe; /* while it is pending */
        uint64_t token;
        int32_t size;
        uint8_t text[];
} Filter;

/* What an MqttRunner is in need of when it stops, and what becomes of it then. */
typedef enum AfterStop {
        AFTER_STOP_NOTHING, /* the daemon ends, or the link does */
        AFTER_STOP_START,   /* another one, with the settings of then */
        _AFTER_STOP_MAX,
} AfterStop;

struct BrokerLink {
        const Config *config;
        const Log *log;
        const BrokerLinkOps *ops;
        void *userdata;
        char *runtime_dir;
        int epoll_fd; /* of the runner */

        bool is_started;
        bool is_outdated;     /* the configuration is another one */
        uint64_t settings_us; /* when settings are looked for again; UINT64_MAX: there are some */
        BrokerSettings settings;
        MqttRunner *runner;  /* NULL: without settings */
        uint64_t generation; /* of it */
        AfterStop after_stop;

        bool has_client;
        char *client_id, *topic_namespace; /* of the client: those of the first settings */
        aio_client client;
        aio_client_memory memory;
        aio_hlc_clock clock;
        uint8_t node[AIO_UUID_TEXT_SIZE];
        int64_t clock_offset_us; /* of the wall clock from CLOCK_BOOTTIME, at most since the clock was made */
        TAILQ_HEAD(FilterList, Filter) filters;
        unsigned n_published; /* of broker_link_publish(), not told of yet */

        LinkState state;
        uint64_t since_us, next_attempt_us;
        bool is_open, is_accepted; /* as of DiagnosisContext */
        bool is_renewing;          /* planned */
        MqttReport report;
        Expiry expiry;
        LinkRecord record;
        BrokerLinkCounts counts; /* without what is going on */
        MqttTraffic traffic;     /* of runners that are gone */
        uint64_t online_since_us;
};

/* Of runner tokens: the bits of message-token.h are those of the client. */
#define RUNNER_TOKEN_HIGH   (UINT64_C(1) << 62)
#define RUNNER_TOKEN_FILTER (UINT64_C(1) << 61) /* a subscription that nobody waits for */

/* broker-link-traffic.c ------------------------------------------------------------------------------- */

/* Makes the client, for the settings. -ENOMEM. */
int broker_link_make_client(BrokerLink *link);
void broker_link_free_client(BrokerLink *link);
/* The runner has been started: it gets all subscriptions. */
void broker_link_subscribe_all(BrokerLink *link);
/* Takes all that the runner has to tell. */
void broker_link_take_events(BrokerLink *link);

/* broker-link-record.c -------------------------------------------------------------------------------- */

/* Sets the state by what the runner is at; tells on_status() of a change. */
void broker_link_update_state(BrokerLink *link);
DiagnosisContext broker_link_context(const BrokerLink *link);
/* The one place where a failure is recorded. 'delay_us': until the next attempt. */
void broker_link_record(BrokerLink *link, const Diagnosis *diagnosis, bool was_connected, uint64_t delay_us);
/* The connection stands. */
void broker_link_record_live(BrokerLink *link, bool was_planned);
/* The broker had lost the session. */
void broker_link_record_session_lost(BrokerLink *link);
/* It has taken a new token over the connection that there is. */
void broker_link_record_token(BrokerLink *link);
/* Warns of a certificate that ends soon. */
void broker_link_check_expiry(BrokerLink *link);

/* broker-link.c --------------------------------------------------------------------------------------- */

/* The runner has stopped. */
void broker_link_stopped(BrokerLink *link);
