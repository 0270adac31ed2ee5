/* SPDX-License-Identifier: MIT */

#include "hubsim/certificate.h"

#include <ctype.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define SHA1_DIGITS   40U
#define SHA256_DIGITS 64U

DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)

void peer_certificate_done(PeerCertificate *peer) {
        X509_STORE_free(peer->authorities);
        *peer = PEER_CERTIFICATE_NULL;
}

void certificate_get_thumbprint(const X509 *certificate, const EVP_MD *digest,
                                char ret[static THUMBPRINT_SIZE]) {
        uint8_t raw[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (X509_digest(certificate, digest, raw, &n) != 1)
                n = 0;
        for (unsigned i = 0; i < n && i < SHA256_DIGITS / 2; i++)
                (void) snprintf(ret + i * 2, 3, "%02X", raw[i]);
        ret[MIN(n * 2, SHA256_DIGITS)] = '\0';
}

int thumbprint_parse(const char *text, char ret[static THUMBPRINT_SIZE]) {
        size_t n = 0;

        for (; *text; text++) {
                if (*text == ':')
                        continue;
                if (!isxdigit((unsigned char) *text) || n == SHA256_DIGITS)
                        return -EINVAL;
                ret[n++] = (char) toupper((unsigned char) *text);
        }
        ret[n] = '\0';
        return n == SHA1_DIGITS || n == SHA256_DIGITS ? 0 : -EINVAL;
}

bool certificate_has_thumbprint(const X509 *certificate, const char *thumbprint) {
        char own[THUMBPRINT_SIZE];

        if (!thumbprint)
                return false;
        certificate_get_thumbprint(certificate, strlen(thumbprint) == SHA1_DIGITS ? EVP_sha1() : EVP_sha256(),
                                   own);
        return own[0] != '\0' && strcmp(own, thumbprint) == 0;
}

az_span certificate_get_common_name(const X509 *certificate, uint8_t buffer[static COMMON_NAME_MAX]) {
        const X509_NAME *subject = X509_get_subject_name(certificate);
        const X509_NAME_ENTRY *entry;
        az_span name = AZ_SPAN_EMPTY;
        uint8_t *text;
        int n, i;

        i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        entry = i < 0 ? NULL : X509_NAME_get_entry(subject, i);
        n = entry ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry)) : -1;
        if (n < 0)
                return name;

        if (n <= COMMON_NAME_MAX) {
                memcpy(buffer, text, (size_t) n);
                name = az_span_create(buffer, n);
        }
        OPENSSL_free(text);
        return name;
}

static void format_name(const X509_NAME *name, const char *member, IpcJson *json) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long n;

        if (bio &&
            X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long) ASN1_STRFLGS_ESC_MSB) >= 0) {
                n = BIO_get_mem_data(bio, &text);
                ipc_json_string(json, member, az_span_create((uint8_t *) text, (int32_t) n));
        }
        (void) BIO_free(bio);
}

static void format_time(const ASN1_TIME *time, const char *member, IpcJson *json) {
        char text[sizeof("2147483647-01-01T00:00:00Z")];
        struct tm tm;

        if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return;
        ipc_json_cstring(json, member, text);
}

static void format_serial_number(const X509 *certificate, const char *member, IpcJson *json) {
        BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
        char *text = number ? BN_bn2hex(number) : NULL;

        if (text)
                ipc_json_cstring(json, member, text);
        OPENSSL_free(text);
        BN_free(number);
}

void certificate_format(const X509 *certificate, const char *name, IpcJson *json) {
        char sha1[THUMBPRINT_SIZE], sha256[THUMBPRINT_SIZE];

        certificate_get_thumbprint(certificate, EVP_sha1(), sha1);
        certificate_get_thumbprint(certificate, EVP_sha256(), sha256);
        ipc_json_begin(json, name);
        format_name(X509_get_subject_name(certificate), "subjectName", json);
        ipc_json_cstring(json, "sha1Thumbprint", sha1);
        ipc_json_cstring(json, "sha256Thumbprint", sha256);
        format_name(X509_get_issuer_name(certificate), "issuerName", json);
        format_time(X509_get0_notBefore(certificate), "notBeforeUtc", json);
        format_time(X509_get0_notAfter(certificate), "notAfterUtc", json);
        format_serial_number(certificate, "serialNumber", json);
        ipc_json_int(json, "version", X509_get_version(certificate) + 1);
        ipc_json_end(json);
}

const char *certificate_check_time(const X509 *certificate, uint64_t now_s) {
        time_t now = (time_t) now_s;

        if (X509_cmp_time(X509_get0_notBefore(certificate), &now) >= 0)
                return "the certificate is not valid yet";
        if (X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0)
                return "the certificate has expired";
        return NULL;
}

/* Returns the error of OpenSSL; X509_V_OK with the chain that it has built in 'context'. */
static int verify(X509_STORE_CTX *context, const PeerCertificate *peer, unsigned long flags, uint64_t now_s) {
        X509_STORE_CTX_cleanup(context);
        if (X509_STORE_CTX_init(context, peer->authorities, peer->leaf, peer->chain) != 1 ||
            X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) != 1)
                return X509_V_ERR_OUT_OF_MEM;
        X509_STORE_CTX_set_flags(context, flags);
        X509_STORE_CTX_set_time(context, 0, (time_t) now_s);
        return X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
}

/* Is one of the thumbprints that of a CA on the way? Without any, every way will do. */
static bool chain_has_authority(X509_STORE_CTX *context, const char *primary, const char *secondary) {
        const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

        if (!primary && !secondary)
                return true;
        for (int i = 1; i < sk_X509_num(chain); i++)
                if (certificate_has_thumbprint(sk_X509_value(chain, i), primary) ||
                    certificate_has_thumbprint(sk_X509_value(chain, i), secondary))
                        return true;
        return false;
}

static const char *describe(int error) {
        switch (error) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
                return "the certificate does not lead to a CA that is trusted for devices";
        default:
                return X509_verify_cert_error_string(error);
        }
}

/*
 * A CA in the middle may be trusted by itself, without those above it. Then the way ends there; so it is
 * tried first whether there is one up to a root, lest it ends below the CA that is asked for.
 */
const char *certificate_check_chain(const PeerCertificate *peer, const char *primary, const char *secondary,
                                    uint64_t now_s) {
        static const unsigned long flags[] = { 0, X509_V_FLAG_PARTIAL_CHAIN };
        _cleanup_(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
        const char *reason = "out of memory";

        for (size_t i = 0; context && i < ELEMENTSOF(flags); i++) {
                int error = verify(context, peer, flags[i], now_s);

                if (error == X509_V_OK && chain_has_authority(context, primary, secondary))
                        return NULL;
                reason = error == X509_V_OK ? "the certificate is of another CA" : describe(error);
        }
        return reason;
}
