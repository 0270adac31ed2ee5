/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one client can make the server hold. Each number has its reason; a server that is created with other
 * ones (IpcServerConfig.limits) is a test.
 */

#include <stddef.h>
#include <stdint.h>

/* One message without its NUL: 256 KiB of payload, half again for base64 and quoting, and room for the rest.
 */
#define IPC_MESSAGE_MAX (512U * 1024U)

/* Objects and arrays inside each other, the message itself included. */
#define IPC_DEPTH_MAX 32

/* A client that reads more slowly than it asks is not read from while this much waits for it ... */
#define IPC_OUTPUT_PAUSE (256U * 1024U)

/* ... and is closed when this much does: only 'more' calls and deferred replies can get there ... */
#define IPC_OUTPUT_MAX (1024U * 1024U)

/* ... or when what waits has not been taken after this time: it hangs. */
#define IPC_OUTPUT_TIMEOUT_US (UINT64_C(10) * 1000 * 1000)

/* After this time with one connection, which is long for what one read brings, the others have their turn. */
#define IPC_TURN_US (UINT64_C(5) * 1000)

/* The same while other users are connected: they are not to notice a flood. Several ordinary calls. */
#define IPC_SHARED_TURN_US UINT64_C(25)

/*
 * A call cannot be interrupted, so a turn of a large one takes longer. As far as they pass a reserve, such
 * turns of a user get a 200th of the time while other users call again and again, so that not one in a
 * hundred of their calls meets one. A pause for them is never longer than the last.
 */
#define IPC_LONG_US      UINT64_C(150)
#define IPC_LONG_FREE_US (UINT64_C(5) * 1000)
#define IPC_LONG_SHARE   200U
#define IPC_PAUSE_MAX_US (UINT64_C(200) * 1000)

/* All users together: an fd and, idle, about 1 KiB each. */
#define IPC_CONNECTIONS_MAX 1024U

/* One uid: a connection for each worker and each stage, and still a sixteenth of all. */
#define IPC_CONNECTIONS_PER_UID 64U

/* Parked calls of IPC_METHOD_PARK per uid: a quarter of its connections, so that it can always still call. */
#define IPC_PARKED_PER_UID 16U

/* Calls of one uid that wait for somebody far away: a quarter of what there is memory for, so that whoever
 * waits for an answer that never comes does not keep others from asking. */
#define IPC_ERRANDS_PER_UID 256U

/* Calls of a connection that wait for their reply. A disk that syncs in 10 ms answers 100,000 a second so. */
#define IPC_REPLIES_OUTSTANDING 1024U

/* Elements of a decoded array. Every element is decoded before the call begins. */
#define IPC_ARRAY_MAX 1024U

/* Entries of a decoded map. Each key is compared with those before it. */
#define IPC_MAP_MAX 256U

/* How long nothing is accepted after accept() failed, say for want of fds: the socket stays readable
 * meanwhile. */
#define IPC_ACCEPT_RETRY_US (UINT64_C(1) * 1000 * 1000)

/* The same as one struct, so that a test can meet the limits soon. A member that is 0 has its default. */
typedef struct IpcLimits {
        size_t output_pause;
        size_t output_max;
        uint64_t output_timeout_us;
        uint64_t turn_us;
        uint64_t shared_turn_us;
        unsigned n_connections;
        unsigned n_connections_per_uid;
        unsigned n_parked_per_uid;
        unsigned n_replies_outstanding;
        uint64_t accept_retry_us;
} IpcLimits;
