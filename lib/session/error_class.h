/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_ERROR_CLASS_H
#define _az_SESSION_ERROR_CLASS_H

/*
 * The many ways in which IoT Hub and the Device Provisioning Service say no, and those in which one does not
 * get as far as that, in as few classes as there are things to be done about them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* What went wrong. */
typedef enum {
        AZ_ERROR_CLASS_NONE,
        /* On this device, before anything was sent: the clock is not set, nothing was signed. */
        AZ_ERROR_CLASS_LOCAL,
        /* The service was not reached, or it was not certain who answered: name, TCP, TLS and proxy. It says
         * nothing about the identity, however often it happens: a captive portal does all that too. */
        AZ_ERROR_CLASS_NETWORK,
        /* Transient, as is NETWORK: the same again, later, may succeed. */
        AZ_ERROR_CLASS_TIMEOUT,
        AZ_ERROR_CLASS_SERVICE,
        AZ_ERROR_CLASS_THROTTLED, /* too much, or too often: wait for longer than after the others */
        AZ_ERROR_CLASS_CONFLICT,  /* somebody else did something at the same time, or has the same identity */
        /* The proof of the identity is not taken: key, token or certificate. A wrong clock does that too. */
        AZ_ERROR_CLASS_CREDENTIAL,
        /* The service does not know the identity, or has no place for it (yet). */
        AZ_ERROR_CLASS_IDENTITY,
        /* It is known and locked out: disabled, suspended, out of quota, not in this tier. */
        AZ_ERROR_CLASS_FORBIDDEN,
        /* What was sent is wrong, and will be so the next time. */
        AZ_ERROR_CLASS_CALLER,
        AZ_ERROR_CLASS_TOO_LARGE,
        /* What came is not what the protocol allows. */
        AZ_ERROR_CLASS_PROTOCOL,
        _AZ_ERROR_CLASS_MAX
} az_error_class;

/*
 * Classifies an answer.
 *
 *   status  as in a topic or in HTTP: az_iot_status, or any other
 *   code  of six digits ("errorCode" in the body), which knows more; 0: there is none
 *
 * NONE for a success and no code. What is not known is classified by its hundreds; 0 and what is no status at
 * all is PROTOCOL.
 *
 * Source: IoT Hub and DPS, "Error codes".
 */
AZ_NODISCARD az_error_class az_error_class_of_status(uint32_t status, uint32_t code);

/*
 * Classifies the code of a CONNACK of MQTT 3.1.1, from IoT Hub or the Device Provisioning Service: 3 ("server
 * unavailable") is SERVICE, 4 and 5 ("bad user name or password", "not authorized") are CREDENTIAL, 2
 * ("identifier rejected") is IDENTITY. NONE for 0; PROTOCOL for 1 and what there is not.
 *
 * Source: MQTT 3.1.1, table 3.1.
 */
AZ_NODISCARD az_error_class az_error_class_of_connack(uint8_t code);

/* Says whether the same again, later, may succeed, with nothing done about it in between. */
AZ_NODISCARD bool az_error_class_is_transient(az_error_class error_class);

/* A name for logs and status: lower case, hyphenated; NULL: no such constant. */
AZ_NODISCARD char const *az_error_class_to_string(az_error_class error_class);

_az_END_DECLS

#endif
