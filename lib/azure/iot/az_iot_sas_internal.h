/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_SAS_INTERNAL_H
#define _az_IOT_SAS_INTERNAL_H

/*
 * What tokens for a hub and for the Device Provisioning Service have in common; not part of the public API.
 * Both check the signature over the resource as it stands in the password: what is signed has to begin with
 * the same text that is appended between the two functions for passwords.
 */

#include <azure/iot/az_iot_text_internal.h>

_az_BEGIN_DECLS

/* Ends the text that is to be signed, behind the resource. NOT_ENOUGH_SPACE: it did not fit. */
AZ_NODISCARD az_result _az_iot_sas_end_signature(_az_iot_text *text, uint64_t expires_unix_s,
                                                 az_span *out_signature);

/* Begins a password, up to the resource. */
AZ_NODISCARD _az_iot_text _az_iot_sas_begin_password(char *buffer, size_t size);

/* Ends it, behind the resource; no key name if that is empty. NOT_ENOUGH_SPACE: it did not fit. */
AZ_NODISCARD az_result _az_iot_sas_end_password(_az_iot_text *text, az_span base64_signature,
                                                uint64_t expires_unix_s, az_span key_name,
                                                size_t *out_length);

_az_END_DECLS

#endif
