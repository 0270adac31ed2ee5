/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How an attempt to open a connection went: how far it came, how long each stage took, what was seen on the
 * way, and, if it failed, which problem it is. Comes with MQTT_EVENT_OPENED and MQTT_EVENT_OPEN_FAILED.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where an attempt is, and in this order. Each has a time limit of its own. */
typedef enum MqttStage {
        MQTT_STAGE_IDENTITY, /* the files are read: certificates to trust, our certificate and key, secret */
        MQTT_STAGE_SIGN,
        MQTT_STAGE_NAME, /* of the host, or of the proxy, if there is one: the proxy resolves the host */
        MQTT_STAGE_TCP,
        MQTT_STAGE_PROXY, /* the proxy is asked to connect to the host */
        MQTT_STAGE_TLS,
        MQTT_STAGE_WEBSOCKET, /* the server is asked to speak WebSocket */
        _MQTT_STAGE_MAX,
} MqttStage;

/* Gives "identity", "sign", "name", "tcp", "proxy", "tls" or "websocket". */
const char *mqtt_stage_to_string(MqttStage stage);

/* What is wrong. An attempt that a time limit ended is MQTT_PROBLEM_TIMEOUT, except as said here. */
typedef enum MqttProblem {
        MQTT_PROBLEM_NONE,          /* the connection is open */
        MQTT_PROBLEM_LOCAL,         /* this machine: out of memory, of fds, of threads */
        MQTT_PROBLEM_SIGNING,       /* the sign job failed or took too long */
        MQTT_PROBLEM_IDENTITY_FILE, /* our certificate or key cannot be read or used */
        MQTT_PROBLEM_SECRET_FILE,   /* the file with the token or password cannot be read, or is empty */
        MQTT_PROBLEM_TRUST_FILE,    /* the certificates to trust cannot be read */
        MQTT_PROBLEM_NAME_UNKNOWN,  /* the resolver says that there is no such name, or no address of it */
        MQTT_PROBLEM_NAME_SERVER,   /* the resolver failed, or did not answer in time */
        MQTT_PROBLEM_UNREACHABLE,   /* no route, or the way is forbidden */
        MQTT_PROBLEM_REFUSED,       /* nothing listens at the port */
        MQTT_PROBLEM_RESET,         /* the peer, or something in between, broke the connection */
        MQTT_PROBLEM_TIMEOUT,
        MQTT_PROBLEM_PROXY_AUTHENTICATION, /* the proxy wants a user and password, or others (407) */
        MQTT_PROBLEM_PROXY_REFUSED,        /* the proxy answered with another status than 200 */
        MQTT_PROBLEM_PROXY_ANSWER,         /* the proxy does not speak HTTP */
        MQTT_PROBLEM_NOT_TLS,              /* the peer speaks something else: wrong port, captive portal */
        MQTT_PROBLEM_NOT_TLS_BUT_HTTP,     /* the same, and it is HTTP */
        MQTT_PROBLEM_TLS_PROTOCOL,         /* no common version or cipher, or TLS went wrong */
        MQTT_PROBLEM_CERTIFICATE_UNTRUSTED,
        MQTT_PROBLEM_CERTIFICATE_SELF_SIGNED,   /* nobody vouches for it: a captive portal, a box of one's own
                                                 */
        MQTT_PROBLEM_CERTIFICATE_NAME,          /* it is for another host */
        MQTT_PROBLEM_CERTIFICATE_EXPIRED,       /* or our clock is ahead */
        MQTT_PROBLEM_CERTIFICATE_NOT_YET_VALID, /* or our clock is behind */
        MQTT_PROBLEM_CLIENT_CERTIFICATE,        /* the server refused ours, or wants one */
        MQTT_PROBLEM_WEBSOCKET_REFUSED,         /* the server answered with another status than 101 */
        MQTT_PROBLEM_WEBSOCKET_ANSWER,          /* what it answered is not WebSocket */
        _MQTT_PROBLEM_MAX,
} MqttProblem;

/* Gives the name in lower case with hyphens: "certificate-expired". */
const char *mqtt_problem_to_string(MqttProblem problem);

/* A certificate. Names are as in RFC 2253, "CN=hub,O=Example", in ASCII: everything else is escaped. */
typedef struct MqttCertificate {
        char subject[256]; /* "": there is no certificate */
        char issuer[256];
        int64_t not_before_s, not_after_s; /* since 1970; 0: not known */
} MqttCertificate;

/* Of a stage in MqttReport.stage_us: it did not run. */
#define MQTT_STAGE_NOT_RUN UINT64_MAX

/* SHA-256. */
#define MQTT_FILES_DIGEST_SIZE 32U

typedef struct MqttReport {
        MqttProblem problem;
        MqttStage stage;                    /* the last that ran: the one that failed, if one did */
        uint64_t stage_us[_MQTT_STAGE_MAX]; /* how long each took, the failed one too */
        char host[256];
        char proxy[256];      /* what name and address are of, instead; "": there is none */
        char address[64];     /* "[::1]:8883": connected, or tried last; "": none was tried */
        unsigned n_addresses; /* of the name */
        int http_status; /* of the proxy, of the WebSocket's server, or of who is there instead; 0: none */
        MqttCertificate server; /* what the server showed; if one was refused, the one that was */
        /* Of what the files held: equal if their contents are. 0: they were not read, or cannot be used. */
        uint8_t files[MQTT_FILES_DIGEST_SIZE];
        MqttCertificate own;  /* what we have for the server */
        bool is_own_wanted;   /* the server asked for it */
        char tls_version[16]; /* "TLSv1.3" */
        char tls_cipher[64];  /* "TLS_AES_256_GCM_SHA384" */
        bool is_resumed;      /* the TLS session is that of an earlier connection */
} MqttReport;

#ifdef __cplusplus
}
#endif
