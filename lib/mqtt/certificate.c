/* SPDX-License-Identifier: MIT */

#include <mqtt/certificate.h>

#include <time.h>

#include "util/util.h"

DEFINE_CLEANUP(BIO *, BIO_free_all)

/* The peer chooses the names, of any length: they are cut. */
static void describe_name(const X509_NAME *name, char *ret, size_t size) {
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        int n = 0;

        /* XN_FLAG_RFC2253 escapes control characters and whatever is not ASCII. */
        if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
                n = BIO_read(bio, ret, (int) size - 1);
        ret[MAX(n, 0)] = '\0';
}

static int64_t describe_time(const ASN1_TIME *t) {
        struct tm tm;

        return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t) timegm(&tm) : 0;
}

void mqtt_certificate_describe(const X509 *certificate, MqttCertificate *ret) {
        *ret = (MqttCertificate){};
        if (!certificate)
                return;
        describe_name(X509_get_subject_name(certificate), ret->subject, sizeof(ret->subject));
        describe_name(X509_get_issuer_name(certificate), ret->issuer, sizeof(ret->issuer));
        ret->not_before_s = describe_time(X509_get0_notBefore(certificate));
        ret->not_after_s = describe_time(X509_get0_notAfter(certificate));
}
