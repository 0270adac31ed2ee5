/* SPDX-License-Identifier: MIT */

#include "hubsim/pki.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>

#include "hubsim/files.h"

#define CA_DAYS 3650
/* Longer than any run; some clients refuse a leaf of more than 825 days. */
#define SERVER_DAYS 365
#define PEM_MAX     (64U * 1024U)

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)
DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free)

/* Appends an extension written in OpenSSL's configuration syntax. */
static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
        _cleanup_(X509_EXTENSION_freep) X509_EXTENSION *extension = NULL;
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        return extension && X509_add_ext(cert, extension, -1) == 1;
}

/* A certificate without its extensions and signature yet; valid from yesterday, for clocks that lag. */
static X509 *cert_new(const char *name, int days, EVP_PKEY *key, X509 *issuer) {
        _cleanup_(X509_freep) X509 *cert = NULL;
        X509_NAME *subject;
        uint64_t serial;

        cert = X509_new();
        if (!cert || RAND_bytes((uint8_t *) &serial, sizeof(serial)) != 1)
                return NULL;

        subject = X509_get_subject_name(cert);
        if (X509_set_version(cert, X509_VERSION_3) != 1 ||
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) != 1 ||
            !X509_gmtime_adj(X509_getm_notBefore(cert), -24L * 3600) ||
            !X509_gmtime_adj(X509_getm_notAfter(cert), days * 24L * 3600) ||
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *) name, -1, -1, 0) !=
                    1 ||
            X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject) != 1 ||
            X509_set_pubkey(cert, key) != 1)
                return NULL;

        return TAKE_PTR(cert);
}

static int pem_save(const char *path, mode_t mode, X509 *cert, EVP_PKEY *key) {
        _cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        long n;

        if (!bio || (cert ? PEM_write_bio_X509(bio, cert)
                          : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) != 1)
                return -ENOMEM;

        n = BIO_get_mem_data(bio, &text);
        return file_replace(path, mode, text, (size_t) n);
}

static int authority_make(const char *ca_path, const char *key_path, X509 **ret_cert, EVP_PKEY **ret_key) {
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
        _cleanup_(X509_freep) X509 *cert = NULL;
        int r;

        if (!key)
                return -ENOMEM;
        cert = cert_new("aziot-hubsim CA", CA_DAYS, key, NULL);
        if (!cert || !add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
            !add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
            !add_extension(cert, cert, NID_subject_key_identifier, "hash") ||
            X509_sign(cert, key, EVP_sha256()) == 0)
                return -ENOMEM;

        r = pem_save(key_path, 0600, NULL, key);
        if (r < 0)
                return r;
        r = pem_save(ca_path, 0644, cert, NULL);
        if (r < 0)
                return r;

        *ret_cert = TAKE_PTR(cert);
        *ret_key = TAKE_PTR(key);
        return 0;
}

static int authority_load(const char *ca_path, const char *key_path, X509 **ret_cert, EVP_PKEY **ret_key) {
        _cleanup_(freep) char *cert_text = NULL, *key_text = NULL;
        _cleanup_(BIO_freep) BIO *cert_bio = NULL, *key_bio = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        _cleanup_(X509_freep) X509 *cert = NULL;
        int r;

        r = file_read(ca_path, PEM_MAX, &cert_text);
        if (r < 0)
                return r;
        r = file_read(key_path, PEM_MAX, &key_text);
        if (r < 0)
                return r;

        cert_bio = BIO_new_mem_buf(cert_text, -1);
        key_bio = BIO_new_mem_buf(key_text, -1);
        if (!cert_bio || !key_bio)
                return -ENOMEM;
        cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
        key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        if (!cert || !key || X509_check_private_key(cert, key) != 1)
                return -EBADMSG;

        *ret_cert = TAKE_PTR(cert);
        *ret_key = TAKE_PTR(key);
        return 0;
}

static bool add_host_names(X509 *cert, X509 *ca, const char *const *hosts) {
        char names[4096];
        size_t n = 0;

        for (; *hosts; hosts++) {
                uint8_t address[sizeof(struct in6_addr)];
                bool is_address =
                        inet_pton(AF_INET, *hosts, address) == 1 || inet_pton(AF_INET6, *hosts, address) == 1;
                int k = snprintf(names + n, sizeof(names) - n, "%s%s:%s", n > 0 ? "," : "",
                                 is_address ? "IP" : "DNS", *hosts);

                if (k < 0 || (size_t) k >= sizeof(names) - n)
                        return false;
                n += (size_t) k;
        }
        return add_extension(cert, ca, NID_subject_alt_name, names);
}

static int certificate_make(X509 *ca, EVP_PKEY *ca_key, const char *const *hosts, X509 **ret_cert,
                            EVP_PKEY **ret_key) {
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
        _cleanup_(X509_freep) X509 *cert = NULL;

        if (!key)
                return -ENOMEM;
        cert = cert_new("aziot-hubsim", SERVER_DAYS, key, ca);
        if (!cert || !add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
            !add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") ||
            !add_extension(cert, ca, NID_ext_key_usage, "serverAuth") ||
            !add_extension(cert, ca, NID_authority_key_identifier, "keyid"))
                return -ENOMEM;
        if (!add_host_names(cert, ca, hosts))
                return -EINVAL;
        if (X509_sign(cert, ca_key, EVP_sha256()) == 0)
                return -ENOMEM;

        *ret_cert = TAKE_PTR(cert);
        *ret_key = TAKE_PTR(key);
        return 0;
}

/* The hub asks each client for a certificate and lets it go without; session.c refuses whoever brings one. */
static int accept_any_certificate(int preverified, X509_STORE_CTX *context) {
        return 1;
}

int pki_make_context(const char *ca_path, const char *key_path, const char *const *hosts, SSL_CTX **ret) {
        static const unsigned char session_id_context[] = "aziot-hubsim";
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *ca_key = NULL, *key = NULL;
        _cleanup_(X509_freep) X509 *ca = NULL, *cert = NULL;
        _cleanup_(SSL_CTX_freep) SSL_CTX *context = NULL;
        int r;

        r = authority_load(ca_path, key_path, &ca, &ca_key);
        if (r == -ENOENT)
                r = authority_make(ca_path, key_path, &ca, &ca_key);
        if (r < 0)
                return r;
        r = certificate_make(ca, ca_key, hosts, &cert, &key);
        if (r < 0)
                return r;

        context = SSL_CTX_new(TLS_server_method());
        if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
            SSL_CTX_use_certificate(context, cert) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1 ||
            SSL_CTX_set_session_id_context(context, session_id_context, sizeof(session_id_context) - 1) != 1)
                return -ENOMEM;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any_certificate);
        (void) SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                                 SSL_MODE_RELEASE_BUFFERS);

        *ret = TAKE_PTR(context);
        return 0;
}
