/* SPDX-License-Identifier: MIT */
#pragma once

/* What a certificate says, for people. */

#include <openssl/x509.h>

#include <mqtt/report.h>

/* Fills in names and dates. NULL: as if there were no certificate. */
void mqtt_certificate_describe(const X509 *certificate, MqttCertificate *ret);
