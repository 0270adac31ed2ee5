/* SPDX-License-Identifier: MIT */

#include "hubsim/pki.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>

#include "hubsim/files.h"

#define DAY_S 86400L

/* Some tens of certificates. */
#define PEM_MAX (64U * 1024U)

DEFINE_CLEANUP(BIO *, BIO_free)
DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free)

void identity_done(Identity *identity) {
        X509_free(identity->certificate);
        EVP_PKEY_free(identity->key);
        *identity = IDENTITY_NULL;
}

/* Making ---------------------------------------------------------------------------------------------- */

/* Appends an extension written in OpenSSL's configuration syntax. */
static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
        _cleanup_(X509_EXTENSION_freep) X509_EXTENSION *extension = NULL;
        X509V3_CTX context;

        X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        return extension && X509_add_ext(cert, extension, -1) == 1;
}

static bool add_host_names(X509 *cert, X509 *issuer, const char *const *hosts) {
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
        return add_extension(cert, issuer, NID_subject_alt_name, names);
}

static bool add_extensions(X509 *cert, X509 *issuer, const IdentityTemplate *template) {
        bool is_authority = template->use == IDENTITY_AUTHORITY;
        char constraints[64] = "critical,CA:FALSE";

        if (is_authority)
                (void) snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%u",
                                template->n_authorities);
        if (!add_extension(cert, issuer, NID_basic_constraints, constraints) ||
            !add_extension(cert, issuer, NID_key_usage,
                           is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
            !add_extension(cert, issuer, NID_subject_key_identifier, "hash"))
                return false;
        if (!is_authority && !add_extension(cert, issuer, NID_ext_key_usage,
                                            template->use == IDENTITY_SERVER ? "serverAuth" : "clientAuth"))
                return false;
        return issuer == cert || add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
}

/* A certificate without its extensions and signature yet. */
static X509 *cert_new(const IdentityTemplate *template, EVP_PKEY *key) {
        _cleanup_(X509_freep) X509 *cert = NULL;
        uint64_t serial;

        cert = X509_new();
        if (!cert || RAND_bytes((uint8_t *) &serial, sizeof(serial)) != 1 ||
            X509_set_version(cert, X509_VERSION_3) != 1 ||
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) != 1 ||
            !X509_gmtime_adj(X509_getm_notBefore(cert), template->first_day * DAY_S) ||
            !X509_gmtime_adj(X509_getm_notAfter(cert), template->last_day * DAY_S) ||
            X509_set_pubkey(cert, key) != 1)
                return NULL;

        return TAKE_PTR(cert);
}

int identity_make(const IdentityTemplate *template, Identity *ret) {
        _cleanup_(identity_done) Identity made = IDENTITY_NULL;
        X509_NAME *subject;
        X509 *issuer;

        made.key = EVP_EC_gen("P-256");
        if (!made.key)
                return -ENOMEM;
        made.certificate = cert_new(template, made.key);
        if (!made.certificate)
                return -ENOMEM;

        issuer = template->authority ? template->authority->certificate : made.certificate;
        subject = X509_get_subject_name(made.certificate);
        if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *) template->name, -1, -1,
                                       0) != 1)
                return -EINVAL;
        if (X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer)) != 1 ||
            !add_extensions(made.certificate, issuer, template))
                return -ENOMEM;
        if (template->hosts && !add_host_names(made.certificate, issuer, template->hosts))
                return -EINVAL;
        if (X509_sign(made.certificate, template->authority ? template->authority->key : made.key,
                      EVP_sha256()) == 0)
                return -ENOMEM;

        *ret = made;
        made = IDENTITY_NULL;
        return 0;
}

/* Files ----------------------------------------------------------------------------------------------- */

static int bio_save(BIO *bio, const char *path, mode_t mode) {
        char *text;
        long n;

        n = BIO_get_mem_data(bio, &text);
        return file_replace(path, mode, text, (size_t) n);
}

static bool append_certificates(BIO *bio, const STACK_OF(X509) * certificates) {
        for (int i = 0; i < sk_X509_num(certificates); i++)
                if (PEM_write_bio_X509(bio, sk_X509_value(certificates, i)) != 1)
                        return false;
        return true;
}

int certificates_save(const STACK_OF(X509) * certificates, const char *path) {
        _cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || !append_certificates(bio, certificates))
                return -ENOMEM;
        return bio_save(bio, path, 0644);
}

int identity_save(const Identity *identity, STACK_OF(X509) * chain, const char *certificate_path,
                  const char *key_path) {
        _cleanup_(BIO_freep) BIO *key = BIO_new(BIO_s_mem()), *certificate = BIO_new(BIO_s_mem());
        int r;

        if (!key || !certificate ||
            PEM_write_bio_PKCS8PrivateKey(key, identity->key, NULL, NULL, 0, NULL, NULL) != 1 ||
            PEM_write_bio_X509(certificate, identity->certificate) != 1 ||
            !append_certificates(certificate, chain))
                return -ENOMEM;

        r = bio_save(key, key_path, 0600);
        if (r < 0)
                return r;
        return bio_save(certificate, certificate_path, 0644);
}

/* Opens a file of PEM text that lives as long as '*text'. */
static int pem_open(const char *path, char **text, BIO **ret) {
        int r;

        r = file_read(path, PEM_MAX, text);
        if (r < 0)
                return r;
        *ret = BIO_new_mem_buf(*text, -1);
        return *ret ? 0 : -ENOMEM;
}

static int identity_load(const char *certificate_path, const char *key_path, Identity *ret) {
        _cleanup_(freep) char *cert_text = NULL, *key_text = NULL;
        _cleanup_(BIO_freep) BIO *cert_bio = NULL, *key_bio = NULL;
        _cleanup_(identity_done) Identity loaded = IDENTITY_NULL;
        int r;

        r = pem_open(certificate_path, &cert_text, &cert_bio);
        if (r < 0)
                return r;
        r = pem_open(key_path, &key_text, &key_bio);
        if (r < 0)
                return r;
        loaded.certificate = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
        loaded.key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
        if (!loaded.certificate || !loaded.key || X509_check_private_key(loaded.certificate, loaded.key) != 1)
                return -EBADMSG;

        *ret = loaded;
        loaded = IDENTITY_NULL;
        return 0;
}

int identity_open(const char *certificate_path, const char *key_path, const IdentityTemplate *template,
                  Identity *ret) {
        _cleanup_(identity_done) Identity made = IDENTITY_NULL;
        int r;

        r = identity_load(certificate_path, key_path, ret);
        if (r != -ENOENT)
                return r;
        r = identity_make(template, &made);
        if (r < 0)
                return r;
        r = identity_save(&made, NULL, certificate_path, key_path);
        if (r < 0)
                return r;

        *ret = made;
        made = IDENTITY_NULL;
        return 0;
}

int certificates_load(const char *path, STACK_OF(X509) * certificates) {
        _cleanup_(freep) char *text = NULL;
        _cleanup_(BIO_freep) BIO *bio = NULL;
        X509 *cert;
        int n = 0, r;

        r = pem_open(path, &text, &bio);
        if (r < 0)
                return r;

        ERR_clear_error();
        for (; (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)); n++)
                if (sk_X509_push(certificates, cert) == 0) {
                        X509_free(cert);
                        return -ENOMEM;
                }
        /* Behind the last one there is "no start line". */
        return n > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? 0 : -EBADMSG;
}

/* The server ------------------------------------------------------------------------------------------ */

/* What a certificate is worth is judged when its client says who it is: attestation.h. */
static int accept_any_certificate(X509_STORE_CTX *context, void *userdata) {
        return 1;
}

/* A resumed session has the client's certificate, but not those that came with it: they are to come again. */
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t n_name,
                                   SSL_TICKET_STATUS status, void *userdata) {
        if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
                return SSL_TICKET_RETURN_IGNORE_RENEW;
        if (SSL_SESSION_get0_peer(session))
                return SSL_TICKET_RETURN_IGNORE_RENEW;
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

int pki_make_context(const Identity *server, SSL_CTX **ret) {
        static const unsigned char session_id_context[] = "aziot-hubsim";
        _cleanup_(SSL_CTX_freep) SSL_CTX *context = NULL;

        context = SSL_CTX_new(TLS_server_method());
        if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
            SSL_CTX_use_certificate(context, server->certificate) != 1 ||
            SSL_CTX_use_PrivateKey(context, server->key) != 1 ||
            SSL_CTX_set_session_id_context(context, session_id_context, sizeof(session_id_context) - 1) !=
                    1 ||
            SSL_CTX_set_session_ticket_cb(context, NULL, on_ticket, NULL) != 1)
                return -ENOMEM;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, NULL);
        (void) SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                                 SSL_MODE_RELEASE_BUFFERS);

        *ret = TAKE_PTR(context);
        return 0;
}
