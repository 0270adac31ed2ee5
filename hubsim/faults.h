/* SPDX-License-Identifier: MIT */
#pragma once

/* Faults on demand, of the hub and its provisioning service as a whole; those of a twin are in twin.h. */

#include <limits.h>

#include "hubsim/c2d-message.h"
#include "hubsim/registry.h"
#include "hubsim/server-certificate.h"
#include "ipc/json.h"

/* A count that does not go down. */
#define FAULT_FOR_GOOD UINT_MAX

/* What becomes of a message to a device that has never connected. */
typedef enum NeverConnected {
        NEVER_CONNECTED_QUEUE,
        NEVER_CONNECTED_DROP,
        NEVER_CONNECTED_REFUSE,
        _NEVER_CONNECTED_MAX,
} NeverConnected;

/* Their names, ended by NULL. */
extern const char *const never_connected_names[];

/* Of the provisioning service; all zero is one without any. */
typedef struct DpsFaults {
        unsigned n_refuse; /* as those of the hub below, for connections to the service */
        unsigned refuse_code;
        unsigned n_closes;             /* so many requests are answered by the end of their connection */
        unsigned n_registers, n_polls; /* so many requests of each kind are answered with 'status' ... */
        unsigned status;
        unsigned error_code;  /* ... whose six digits these are, 0: any ... */
        bool has_retry_after; /* ... and this */
        uint64_t retry_after_s;
        unsigned n_dropped; /* so many requests are carried out and not answered */
        uint64_t delay_us;  /* answers come so much later */
        unsigned n_foreign; /* so many answers come behind an error that answers another request */
        unsigned
                n_unassigned; /* so many polls of operations that are not over are answered by "unassigned" */
        unsigned n_null_states; /* so many final answers have no registration state but null */
} DpsFaults;

/* All zero is a hub without any. */
typedef struct Faults {
        DpsFaults dps;

        unsigned n_server_certificate; /* so many connections are shown a certificate of this kind */
        ServerCertificate server_certificate;
        SSL_CTX *server_tls;

        unsigned
                n_refuse_websocket; /* so many requests for a WebSocket are answered by this status of HTTP */
        unsigned refuse_websocket_status;
        uint32_t websocket_fragment_size; /* messages of WebSockets that begin from now on come in such pieces
                                           */

        int64_t clock_offset_s; /* how far the hub's clock is ahead of the system's */

        unsigned n_refuse;    /* so many CONNECTs are answered with 'refuse_code' ... */
        unsigned refuse_code; /* ... a code of CONNACK, or 0 to close without one */

        unsigned n_close; /* so many connections are closed this long after CONNACK ... */
        uint64_t close_after_us;
        const Device *close_device; /* ... those of this device; NULL: of all */

        unsigned n_poison; /* so many messages that contain this are not taken and cost the connection */
        char *poison;

        uint64_t puback_delay_us;
        bool hold_pubacks;
        unsigned n_drop_before_puback; /* so many messages are logged, and the connection closed without
                                          PUBACK */

        unsigned n_suback_failures; /* so many SUBSCRIBEs are answered with failure */
        unsigned n_suback_drops;    /* so many are carried out and not answered */
        bool early_messages;        /* what a SUBSCRIBE lets flow comes before its SUBACK */

        uint64_t lock_us; /* how long a cloud-to-device message is locked; 0: as the hub does */
        C2dForm form;
        NeverConnected never_connected;
} Faults;

/* Appends those of the hub that are active to an array, each as the words behind "aziot-hubsim fault" that
 * ask for it.
 */
void faults_list(const Faults *faults, IpcJson *json);

/* Ends all of them. */
void faults_done(Faults *faults);
