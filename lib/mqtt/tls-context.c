/* SPDX-License-Identifier: MIT */

#include <mqtt/tls-context.h>

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/stat.h>

/* What a context was read from. A file that is missing is all zero. */
typedef struct FileId {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec mtime;
} FileId;

enum {
        SOURCE_CA_FILE,
        SOURCE_SYSTEM_FILE,
        SOURCE_SYSTEM_DIRECTORY,
        _SOURCE_MAX,
};

struct MqttTlsCache {
        pthread_mutex_t lock;
        SSL_CTX *ctx;
        char *ca_file;
        FileId sources[_SOURCE_MAX];
};

int mqtt_tls_cache_new(MqttTlsCache **ret) {
        MqttTlsCache *c;
        int r;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (MqttTlsCache){};

        r = pthread_mutex_init(&c->lock, NULL);
        if (r != 0) {
                free(c);
                return -r;
        }
        *ret = c;
        return 0;
}

MqttTlsCache *mqtt_tls_cache_free(MqttTlsCache *c) {
        if (!c)
                return NULL;
        SSL_CTX_free(c->ctx);
        free(c->ca_file);
        (void) pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}

static FileId file_id(const char *path) {
        struct stat st;

        if (!path || stat(path, &st) < 0)
                return (FileId){};
        return (FileId){ .device = st.st_dev, .inode = st.st_ino, .size = st.st_size, .mtime = st.st_mtim };
}

static bool file_id_equal(const FileId *a, const FileId *b) {
        return a->device == b->device && a->inode == b->inode && a->size == b->size &&
               a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* The environment variables are OpenSSL's own, and as in OpenSSL a set-user-ID program does not believe them.
 */
static const char *system_ca_file(void) {
        const char *path = secure_getenv(X509_get_default_cert_file_env());

        return path ?: X509_get_default_cert_file();
}

static const char *system_ca_directory(void) {
        const char *path = secure_getenv(X509_get_default_cert_dir_env());

        return path ?: X509_get_default_cert_dir();
}

/* True if the directory holds certificates under the names by which OpenSSL finds them, "5ad8a5d6.0". */
static bool directory_is_hashed(const char *path) {
        DIR *d = opendir(path);
        bool is_hashed = false;

        if (!d)
                return false;
        for (struct dirent *e = readdir(d); e && !is_hashed; e = readdir(d))
                is_hashed = strspn(e->d_name, "0123456789abcdef") == 8 && e->d_name[8] == '.';
        (void) closedir(d);
        return is_hashed;
}

/*
 * Debian has the same certificates in one file and in a directory. From the directory OpenSSL reads only
 * those that a chain needs; the file costs 22 ms and 1.4 MiB for good.
 */
static int ctx_trust_system(SSL_CTX *ctx) {
        bool is_file_chosen = secure_getenv(X509_get_default_cert_file_env()) != NULL;
        bool ok;

        if (!is_file_chosen && directory_is_hashed(system_ca_directory()))
                ok = SSL_CTX_set_default_verify_dir(ctx);
        else
                ok = SSL_CTX_set_default_verify_paths(ctx);
        return ok ? 0 : -EIO;
}

static int ctx_trust_file(SSL_CTX *ctx, const char *ca_file, char *ret_text, size_t text_size) {
        _cleanup_(fclosep) FILE *f = fopen(ca_file, "re");

        if (!f) {
                int error = -errno;

                (void) snprintf(ret_text, text_size, "Cannot read the CA file '%s': %s", ca_file,
                                strerror(-error));
                return error;
        }
        if (SSL_CTX_load_verify_file(ctx, ca_file) != 1) {
                (void) snprintf(ret_text, text_size, "The CA file '%s' has no certificate", ca_file);
                return -EBADMSG;
        }
        return 0;
}

static int ctx_new(SSL_CTX **ret, const char *ca_file, char *ret_text, size_t text_size) {
        _cleanup_(SSL_CTX_freep) SSL_CTX *ctx = NULL;
        int r;

        ERR_clear_error();
        ctx = SSL_CTX_new(TLS_client_method());
        if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
                (void) snprintf(ret_text, text_size, "Cannot set up TLS: %s",
                                ERR_reason_error_string(ERR_peek_last_error()) ?: "out of memory");
                return -EIO;
        }
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        (void) SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
        (void) SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                             SSL_MODE_RELEASE_BUFFERS);
        /* One read() for a record instead of two. */
        SSL_CTX_set_read_ahead(ctx, 1);

        r = ctx_trust_system(ctx);
        if (r < 0) {
                (void) snprintf(ret_text, text_size, "Cannot read the system's CA certificates");
                return r;
        }
        if (ca_file) {
                r = ctx_trust_file(ctx, ca_file, ret_text, text_size);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(ctx);
        return 0;
}

/* Both NULL, or both the same text. */
static bool path_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool cache_is_fresh(const MqttTlsCache *c, const char *ca_file, const FileId sources[_SOURCE_MAX]) {
        if (!c->ctx || !path_equal(c->ca_file, ca_file))
                return false;
        for (size_t i = 0; i < _SOURCE_MAX; i++)
                if (!file_id_equal(&c->sources[i], &sources[i]))
                        return false;
        return true;
}

/* Identities are taken before the files are read: a change in between is seen the next time. */
static int cache_refresh(MqttTlsCache *c, const char *ca_file, char *ret_text, size_t text_size) {
        const FileId sources[_SOURCE_MAX] = {
                [SOURCE_CA_FILE] = file_id(ca_file),
                [SOURCE_SYSTEM_FILE] = file_id(system_ca_file()),
                [SOURCE_SYSTEM_DIRECTORY] = file_id(system_ca_directory()),
        };
        _cleanup_(SSL_CTX_freep) SSL_CTX *ctx = NULL;
        _cleanup_(freep) char *path = NULL;
        int r;

        if (cache_is_fresh(c, ca_file, sources))
                return 0;
        if (ca_file) {
                path = strdup(ca_file);
                if (!path)
                        return -ENOMEM;
        }
        r = ctx_new(&ctx, ca_file, ret_text, text_size);
        if (r < 0)
                return r;

        SSL_CTX_free(c->ctx);
        free(c->ca_file);
        c->ctx = TAKE_PTR(ctx);
        c->ca_file = TAKE_PTR(path);
        memcpy(c->sources, sources, sizeof(sources));
        return 0;
}

int mqtt_tls_cache_get(MqttTlsCache *c, const char *ca_file, SSL_CTX **ret, char *ret_text,
                       size_t text_size) {
        int r;

        (void) pthread_mutex_lock(&c->lock);
        r = cache_refresh(c, ca_file, ret_text, text_size);
        if (r >= 0) {
                (void) SSL_CTX_up_ref(c->ctx);
                *ret = c->ctx;
        }
        (void) pthread_mutex_unlock(&c->lock);
        return r;
}
