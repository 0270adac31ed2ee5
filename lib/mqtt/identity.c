/* SPDX-License-Identifier: MIT */

#include <mqtt/identity.h>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <mqtt/certificate.h>

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)

/* Where it is written what is wrong. */
typedef struct Words {
        char *text;
        size_t size;
} Words;

_printf_(3, 4) static int words_set(const Words *w, int error, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(w->text, w->size, format, arguments);
        va_end(arguments);
        return error;
}

/* What OpenSSL says of its last failure. */
static const char *openssl_reason(void) {
        return ERR_reason_error_string(ERR_peek_last_error()) ?: "it is damaged";
}

/* True if the last failure was that the file has no (further) block of the kind. */
static bool is_end_of_file(void) {
        unsigned long code = ERR_peek_last_error();

        return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Files ----------------------------------------------------------------------------------------------- */

static int copy_file(BIO *bio, int fd, size_t max, EVP_MD_CTX *digest) {
        uint8_t bytes[4096];
        size_t n = 0;
        int r = 0;

        while (r == 0) {
                ssize_t l = read(fd, bytes, sizeof(bytes));

                if (l <= 0) {
                        r = l < 0 ? -errno : 0;
                        break;
                }
                n += (size_t) l;
                if (n > max)
                        r = -EFBIG;
                else if (BIO_write(bio, bytes, (int) l) != l)
                        r = -ENOMEM;
                else if (digest)
                        (void) EVP_DigestUpdate(digest, bytes, (size_t) l);
        }
        explicit_bzero(bytes, sizeof(bytes));
        /* So that no byte of one file counts as one of the next. */
        if (digest)
                (void) EVP_DigestUpdate(digest, &n, sizeof(n));
        return r;
}

static int open_file(BIO **ret, const char *path, size_t max, EVP_MD_CTX *digest) {
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        _cleanup_(close_fdp) int fd = -1;
        struct stat st;
        int r;

        /* What is not a file could block for ever. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        bio = BIO_new(BIO_s_mem()); /* it wipes its memory */
        if (!bio)
                return -ENOMEM;
        r = copy_file(bio, fd, max, digest);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bio);
        return 0;
}

int mqtt_file_read(BIO **ret, const char *path, size_t max, const char *what, EVP_MD_CTX *digest,
                   char *ret_text, size_t text_size) {
        int r;

        r = open_file(ret, path, max, digest);
        if (r < 0)
                (void) snprintf(ret_text, text_size, "Cannot read the %s file '%s': %s", what, path,
                                r == -EINVAL ? "It is not a regular file" : strerror(-r));
        return r;
}

void mqtt_tls_files_done(MqttTlsFiles *f) {
        free(f->ca);
        free(f->certificate);
        free(f->private_key);
        free(f->password);
        *f = (MqttTlsFiles){};
}

int mqtt_tls_files_copy(MqttTlsFiles *ret, const MqttTlsFiles *from) {
        _cleanup_(mqtt_tls_files_done) MqttTlsFiles f = {};
        const struct {
                const char *from;
                char **to;
        } paths[] = {
                { from->ca, &f.ca },
                { from->certificate, &f.certificate },
                { from->private_key, &f.private_key },
                { from->password, &f.password },
        };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                *paths[i].to = paths[i].from ? strdup(paths[i].from) : NULL;
                if (paths[i].from && !*paths[i].to)
                        return -ENOMEM;
        }
        f.ca_only = from->ca_only;
        *ret = f;
        f = (MqttTlsFiles){};
        return 0;
}

/* Certificates ---------------------------------------------------------------------------------------- */

static int no_password(char *buffer, int size, int is_writing, void *userdata) {
        return -1;
}

static int read_certificate(X509 **ret, BIO *bio, const char *path, const Words *w) {
        ERR_clear_error();
        *ret = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (*ret)
                return 0;
        if (is_end_of_file())
                return words_set(w, -EBADMSG, "The certificate file '%s' has no certificate", path);
        return words_set(w, -EBADMSG, "The certificate file '%s' is damaged: %s", path, openssl_reason());
}

static int use_chain(SSL_CTX *ctx, BIO *bio, const char *path, const Words *w) {
        for (;;) {
                _cleanup_(X509_freep) X509 *c = NULL;

                ERR_clear_error();
                c = PEM_read_bio_X509(bio, NULL, no_password, NULL);
                if (!c && is_end_of_file())
                        return 0;
                if (!c || SSL_CTX_add1_chain_cert(ctx, c) != 1)
                        return words_set(w, -EBADMSG,
                                         "An intermediate certificate in the file '%s' cannot be used: %s",
                                         path, openssl_reason());
        }
}

static int use_certificates(SSL_CTX *ctx, BIO *bio, const char *path, const Words *w) {
        _cleanup_(X509_freep) X509 *c = NULL;
        int r;

        r = read_certificate(&c, bio, path, w);
        if (r < 0)
                return r;
        if (SSL_CTX_use_certificate(ctx, c) != 1)
                return words_set(w, -EBADMSG, "The certificate in '%s' cannot be used: %s", path,
                                 openssl_reason());
        return use_chain(ctx, bio, path, w);
}

/* The key --------------------------------------------------------------------------------------------- */

typedef struct Password {
        bool is_wanted; /* the key is encrypted */
        int size;       /* -1: there is none */
        char bytes[PEM_BUFSIZE];
} Password;

static int give_password(char *buffer, int size, int is_writing, void *userdata) {
        Password *p = userdata;

        p->is_wanted = true;
        if (p->size > size)
                return -1;
        if (p->size > 0)
                memcpy(buffer, p->bytes, (size_t) p->size);
        return p->size;
}

/* Its first line, so that an editor or echo may end it. */
static int read_password(Password *p, const char *path, const Words *w) {
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        int r;

        r = mqtt_file_read(&bio, path, sizeof(p->bytes) - 1, "password", NULL, w->text, w->size);
        if (r < 0)
                return r;
        p->size = BIO_gets(bio, p->bytes, sizeof(p->bytes));
        p->size = p->size > 0 ? (int) strcspn(p->bytes, "\r\n") : 0;
        if (p->size == 0)
                return words_set(w, -EBADMSG, "The password file '%s' is empty", path);
        return 0;
}

static int explain_key(const Password *p, const char *path, const char *password_path, const Words *w) {
        if (p->is_wanted && p->size < 0)
                return words_set(w, -EBADMSG,
                                 "The private key in '%s' is encrypted, and no password is given", path);
        if (p->is_wanted)
                return words_set(w, -EBADMSG, "The password in '%s' does not open the private key in '%s'",
                                 password_path, path);
        return words_set(w, -EBADMSG, "The private key file '%s' is damaged: %s", path, openssl_reason());
}

/* OpenSSL's reader of keys does not tell a file without one from a damaged one. */
static bool has_key(BIO *bio) {
        static const char begin[] = "PRIVATE KEY-----"; /* "BEGIN", "BEGIN EC", "BEGIN ENCRYPTED"... */
        char *text;
        long n = BIO_get_mem_data(bio, &text);

        return n > 0 && memmem(text, (size_t) n, begin, strlen(begin));
}

static int use_key(SSL_CTX *ctx, BIO *bio, const MqttTlsFiles *files, Password *p, const Words *w) {
        const char *path = files->private_key ?: files->certificate;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        int r;

        if (files->password) {
                r = read_password(p, files->password, w);
                if (r < 0)
                        return r;
        }
        if (!has_key(bio))
                return words_set(w, -EBADMSG, "The private key file '%s' has no private key", path);
        ERR_clear_error();
        key = PEM_read_bio_PrivateKey(bio, NULL, give_password, p);
        if (!key)
                return explain_key(p, path, files->password, w);
        if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
                return words_set(w, -EBADMSG,
                                 "The private key in '%s' does not belong to the first certificate in '%s'",
                                 path, files->certificate);
        if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
                return words_set(w, -EBADMSG, "The private key in '%s' cannot be used: %s", path,
                                 openssl_reason());
        return 0;
}

/* ----------------------------------------------------------------------------------------------------- */

int mqtt_identity_load(SSL_CTX *ctx, const MqttTlsFiles *files, EVP_MD_CTX *digest, char *ret_text,
                       size_t text_size) {
        const char *key_path = files->private_key ?: files->certificate;
        const Words w = { ret_text, text_size };
        _cleanup_(BIO_free_allp) BIO *certificates = NULL, *key = NULL;
        Password password = { .size = -1 };
        int r;

        r = mqtt_file_read(&certificates, files->certificate, MQTT_IDENTITY_FILE_MAX, "certificate", digest,
                           ret_text, text_size);
        if (r < 0)
                return r;
        r = mqtt_file_read(&key, key_path, MQTT_IDENTITY_FILE_MAX, "private key", digest, ret_text,
                           text_size);
        if (r < 0)
                return r;
        r = use_certificates(ctx, certificates, files->certificate, &w);
        if (r < 0)
                return r;
        r = use_key(ctx, key, files, &password, &w);
        explicit_bzero(&password, sizeof(password));
        return r;
}

static void describe_common_name(const X509 *c, MqttIdentity *ret) {
        const X509_NAME *name = X509_get_subject_name(c);
        int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
        unsigned char *text = NULL;
        int n;

        if (i < 0)
                return;
        n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
        if (n > 0 && (size_t) n < sizeof(ret->common_name) && !memchr(text, '\0', (size_t) n))
                memcpy(ret->common_name, text, (size_t) n);
        OPENSSL_free(text);
}

int mqtt_identity_describe(MqttIdentity *ret, const char *certificate_file, char *ret_text,
                           size_t text_size) {
        const Words w = { ret_text, text_size };
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        _cleanup_(X509_freep) X509 *c = NULL;
        int r;

        r = mqtt_file_read(&bio, certificate_file, MQTT_IDENTITY_FILE_MAX, "certificate", NULL, ret_text,
                           text_size);
        if (r < 0)
                return r;
        r = read_certificate(&c, bio, certificate_file, &w);
        if (r < 0)
                return r;

        *ret = (MqttIdentity){};
        if (X509_digest(c, EVP_sha256(), ret->fingerprint, NULL) != 1)
                return -ENOMEM;
        mqtt_certificate_describe(c, &ret->certificate);
        describe_common_name(c, ret);
        return 0;
}
