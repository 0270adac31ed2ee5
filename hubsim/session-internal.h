/* SPDX-License-Identifier: MIT */
#pragma once

/* What session.c, the life of a connection, session-packet.c and session-dps.c, what its packets do at the
 * hub and at the provisioning service, know of each other. */

#include "hubsim/certificate.h"
#include "hubsim/mqtt-codec.h"
#include "hubsim/session.h"

typedef struct DpsClient DpsClient;

struct Session {
        Session *next;
        Hub *hub;
        Stream stream;
        Device *device; /* NULL before CONNECT, and for whoever talks to the provisioning service ... */
        DpsClient *dps; /* ... which this is then */
        bool is_clean;
        bool has_api_version;    /* in its user name */
        uint64_t silence_max_us; /* closed after this long without a whole packet */
        uint64_t last_in_us, last_packet_us;
        uint64_t expires_s;                            /* with its token, by the hub's clock; 0: never */
        sd_event_source *timer, *expiry, *end, *fault; /* the last two are for faults */
        bool is_frozen;
        IpcBuffer held_pubacks; /* HeldPuback, oldest first */
        bool has_will;
        bool will_retain;
        IpcBuffer will_topic, will_payload;
};

/* A condition of session_on_packet(): the client said that it goes. */
#define SESSION_ENDED 1

/* Whose it is, for the log; NULL before CONNECT. */
const char *session_name(const Session *s);

/* Carries out a packet. SESSION_ENDED, or < 0: the connection is to be closed; why has been logged. */
int session_on_packet(Session *s, MqttPacket *packet);

/* Refuses a CONNECT. < 0: the connection is to be closed. */
int session_refuse(Session *s, const MqttConnect *connect, MqttConnackCode code, unsigned error,
                   const char *reason);

/* Refuses it as a fault: with a code of CONNACK, or without one if that is 0. */
int session_refuse_on_demand(Session *s, const MqttConnect *connect, unsigned code);

/* Acknowledges a message when the rest of the turn is sent, or so much later, or still later if that was
 * asked for. */
int session_puback(Session *s, uint16_t packet_id, uint64_t delay_us);

/* The faults that a device asks for itself (session-fault.c): looks for them in the properties of a message,
 * and does what they ask for. < 0: the connection is to be closed. */
int session_take_fault_words(Session *s, az_span properties);
int session_check_fault(Session *s);
int session_refuse_by_fault(Session *s, const MqttConnect *connect, const Device *device);

/* Closes the connection in so many microseconds, as a fault. */
int session_end_in(Session *s, uint64_t delay_us);

/* Closes the connection when its token ends, in seconds since 1970. */
int session_end_at(Session *s, uint64_t expires_s);

/* The same for connections to the provisioning service: session-dps.c. */
int session_on_dps_connect(Session *s, const MqttConnect *connect, const PeerCertificate *peer);
int session_on_dps_packet(Session *s, MqttPacket *packet);
const char *dps_client_get_name(const DpsClient *client);
DpsClient *dps_client_free(DpsClient *client);
