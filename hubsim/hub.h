/* SPDX-License-Identifier: MIT */
#pragma once

/* The hub: its listener, its connections, its devices, and the faults that it was asked to show. */

#include <openssl/ssl.h>
#include <systemd/sd-event.h>

#include "hubsim/endpoint.h"
#include "hubsim/enrollment.h"
#include "hubsim/faults.h"
#include "hubsim/feedback.h"
#include "hubsim/limits.h"
#include "hubsim/method.h"
#include "hubsim/registry.h"
#include "hubsim/state.h"
#include "hubsim/telemetry.h"

typedef struct Hub Hub;

typedef struct HubConfig {
        const char *state_dir; /* outlives us */
        Endpoint mqtt;         /* port 0: the one used last, else any that is free */
        Endpoint websocket;    /* the same; or none */
        const char *const
                *hosts; /* our names, that of connection strings first; ends with NULL, outlives us */
        bool counts;    /* telemetry is counted, not kept */
        bool is_basic;  /* of the tier without twins, methods and messages from the cloud */
        uint64_t expiry_grace_s; /* a connection lives so much longer than its token */
} HubConfig;

struct Hub {
        sd_event *event;
        const char *state_dir;
        const char *const *hosts;
        uint64_t expiry_grace_s;
        bool is_basic;
        Registry *registry;
        Enrollments *enrollments;
        Journal *journal;
        Counts *counts; /* NULL: telemetry is kept in the journal */
        SSL_CTX *tls;

        Endpoint mqtt, websocket;
        sd_event_source *resume_timer;
        uint64_t resume_us; /* when it does; 0: it is listening */

        Session *sessions;
        MethodCall *calls;
        Feedback feedback;
        State *state;
        Faults faults;
        Limits limits;

        /* Called after messages have reached the journal; may be NULL. */
        void (*on_telemetry)(void *userdata);
        void (*on_removal)(const Device *device,
                           void *userdata); /* of one that is about to go; may be NULL */
        void *userdata;
};

/* Opens the state directory and listens. What fails is said on standard error. */
int hub_new(sd_event *event, const HubConfig *config, Hub **ret);
Hub *hub_free(Hub *hub);
DEFINE_CLEANUP(Hub *, hub_free)

unsigned hub_get_port(const Hub *hub);

/* "localhost:8884", without the port if it is MQTT's own; to be freed. NULL: out of memory. */
char *hub_format_host(const Hub *hub, const char *host);

/* Is it this hub, by whichever of its names, that devices find there? */
bool hub_is_at(const Hub *hub, const char *host);

/* "HostName=…;DeviceId=…;SharedAccessKey=…", or "…;x509=true", to be freed; NULL: out of memory. */
char *hub_format_connection_string(const Hub *hub, const Device *device);

/* Drops all connections and, unless 'seconds' is 0, refuses new ones for so long. Everything else is kept. */
int hub_cut(Hub *hub, uint64_t seconds);

/* Keeps or counts a message: telemetry_store(), telemetry_count(). It is safe after hub_flush_journal(). */
int hub_take_telemetry(Hub *hub, const Telemetry *telemetry);

/* Writes what was added to the journal and tells on_telemetry(). */
int hub_flush_journal(Hub *hub);

/* Holds PUBACKs back, or lets go those that are held. */
int hub_hold_pubacks(Hub *hub, bool hold);

/* The time by its clock, on which tokens, certificates and days end: that of the system, or as far from it as
 * was asked for. */
uint64_t hub_realtime_us(const Hub *hub);
int hub_set_clock_offset(Hub *hub, int64_t seconds);

/* Shows such a certificate to so many of the next connections (FAULT_FOR_GOOD: to all). */
int hub_show_certificate(Hub *hub, ServerCertificate kind, unsigned n_connections);

/* What the next connection is to be served with. */
SSL_CTX *hub_take_tls(Hub *hub);

/* Removes a device with all that was kept for it, or lets it connect no more; a connection is closed. */
int hub_remove_device(Hub *hub, Device *device);
int hub_enable_device(Hub *hub, Device *device, bool is_enabled);

/* Counts something that a back end or a device asks for, with so many bytes; returns the six digits by which
 * it is refused, 0: it is not. */
unsigned hub_meter(Hub *hub, LimitKind kind, az_span body);

/* Ends all faults. */
int hub_clear_faults(Hub *hub);
