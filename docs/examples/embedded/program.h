/* SPDX-License-Identifier: MIT */
#ifndef PROGRAM_H
#define PROGRAM_H

/* What a program on a POSIX system gets from its surroundings: settings, clocks, chance, and when to stop. */

#include <stdbool.h>

#include "port.h"

typedef struct Program {
        MqttSettings connection; /* without what a session decides */
        const char *key_file;    /* NULL: the device has a certificate */
        uint64_t end_us;         /* when to stop; UINT64_MAX: on a signal */
} Program;

/*
 * Reads the environment, and how many seconds to run from the command line:
 *
 *      AZIOT_HOST              the hub, or the endpoint of the Device Provisioning Service
 *      AZIOT_PORT              8883 if not set
 *      AZIOT_CA_FILE           who may have certified it; whom the system trusts if not set
 *      AZIOT_KEY_FILE          a symmetric key in base64, or instead of it
 *      AZIOT_CERTIFICATE_FILE  a certificate and its chain, and
 *      AZIOT_PRIVATE_KEY_FILE  its key
 *
 * Ends the program if something is missing. From here on SIGINT, SIGTERM and SIGHUP wait to be looked for.
 */
void program_init(Program *p, int argc, char **argv);

/* Returns a setting that has to be there; ends the program if it is not. */
const char *program_setting(const char *name);

/* What the device proves itself with. */
az_credential program_credential(const Program *p);

/* A clock that only rises, in microseconds, and the two that a session wants. */
uint64_t program_now_us(void);
az_hub_session_time program_time(void);

/* No wall clock that is right shows a time before this one; firmware has the date of its build here. */
#define PROGRAM_BUILD_UNIX_S UINT64_C(1704067200)

/* The wall clock has been set. A device without a battery begins in 1970, and its tokens are refused. */
bool program_clock_is_plausible(void);

/* 64 random bits that are not 0: two devices that lost their hub must not come back in step. */
uint64_t program_random(void);

/* How long to wait for something that is due at 'due_us': a second at most, so that a signal is noticed. */
int program_wait_ms(uint64_t due_us);

/* Waits so long, for nothing. */
void program_sleep(int milliseconds);

/* Somebody wants it to stop. */
bool program_is_over(const Program *p);

/* SIGHUP came: the key or the certificate was replaced. Tells it once. */
bool program_has_new_credential(void);

/* Ends the program if a function of the library failed that cannot fail here: buffers are large enough. */
void must(az_result result);

/* The same for what a session was told: it takes no news of a connection that has gone meanwhile. */
void told(az_result result);

#endif
