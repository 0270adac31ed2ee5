/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_CREDENTIAL_H
#define _az_SESSION_CREDENTIAL_H

#include <azure/core/az_result.h>

_az_BEGIN_DECLS

/* What an identity proves itself with, to a hub and to the Device Provisioning Service. */
typedef enum {
        AZ_CREDENTIAL_SAS,  /* a token, signed anew for each attempt, that is the password of CONNECT */
        AZ_CREDENTIAL_X509, /* a certificate, shown by the caller in the TLS handshake: no password */
        _AZ_CREDENTIAL_MAX
} az_credential;

_az_END_DECLS

#endif
