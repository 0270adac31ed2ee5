/* SPDX-License-Identifier: MIT */

#include <mqtt/tls-context.h>

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/stat.h>

#include <mqtt/ca-files.h>

/* What a context was read from. A file that is missing is all zero. */
typedef struct FileId {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec mtime;
} FileId;

enum {
        SOURCE_CA_FILE,
        SOURCE_CERTIFICATE,
        SOURCE_PRIVATE_KEY,
        SOURCE_PASSWORD,
        SOURCE_SYSTEM_FILE,
        SOURCE_SYSTEM_DIRECTORY,
        _SOURCE_MAX,
};

struct MqttTlsCache {
        pthread_mutex_t lock;
        MqttTlsContext current; /* of 'files', as they were when they had the identities in 'sources' */
        MqttTlsFiles files;
        FileId sources[_SOURCE_MAX];
        MqttTlsContext proven;
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

void mqtt_tls_context_done(MqttTlsContext *c) {
        SSL_CTX_free(c->ctx);
        *c = (MqttTlsContext){};
}

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
        mqtt_tls_context_done(&c->current);
        mqtt_tls_context_done(&c->proven);
        mqtt_tls_files_done(&c->files);
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

/* All of them together. */
static FileId file_ids(const CaFiles *list) {
        FileId id = {};

        for (size_t i = 0; i < list->n_paths; i++) {
                FileId f = file_id(list->paths[i]);

                id.device ^= f.device;
                id.inode ^= f.inode;
                id.size += f.size;
                if (f.mtime.tv_sec > id.mtime.tv_sec ||
                    (f.mtime.tv_sec == id.mtime.tv_sec && f.mtime.tv_nsec > id.mtime.tv_nsec))
                        id.mtime = f.mtime;
        }
        return id;
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

static int ctx_trust_file(SSL_CTX *ctx, const char *path, EVP_MD_CTX *digest, char *ret_text,
                          size_t text_size) {
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        unsigned n = 0;
        int r;

        r = mqtt_file_read(&bio, path, CA_FILE_MAX, "CA", digest, ret_text, text_size);
        if (r < 0)
                return r;
        for (;; n++) {
                _cleanup_(X509_freep) X509 *c = NULL;

                ERR_clear_error();
                c = PEM_read_bio_X509_AUX(bio, NULL, NULL, (void *) "");
                if (c && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), c) == 1)
                        continue;
                if (!c && n > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
                        return 0;
                break;
        }
        if (n == 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
                (void) snprintf(ret_text, text_size, "The CA file '%s' has no certificate", path);
        else
                (void) snprintf(ret_text, text_size, "The CA file '%s' is damaged: %s", path,
                                ERR_reason_error_string(ERR_peek_last_error()) ?: "out of memory");
        return -EBADMSG;
}

static int ctx_new(SSL_CTX **ret, bool trusts_system, char *ret_text, size_t text_size) {
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
        /* No chain of our own making: what is in the file is sent. */
        (void) SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                             SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
        /* One read() for a record instead of two. */
        SSL_CTX_set_read_ahead(ctx, 1);

        r = trusts_system ? ctx_trust_system(ctx) : 0;
        if (r < 0) {
                (void) snprintf(ret_text, text_size, "Cannot read the system's CA certificates");
                return r;
        }
        *ret = TAKE_PTR(ctx);
        return 0;
}

static int context_load(MqttTlsContext *ret, const MqttTlsFiles *files, const CaFiles *trusted,
                        MqttProblem *ret_problem, char *ret_text, size_t text_size) {
        _cleanup_(mqtt_tls_context_done) MqttTlsContext c = {};
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
        int r;

        if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        *ret_problem = MQTT_PROBLEM_TRUST_FILE;
        r = ctx_new(&c.ctx, !files->ca_only, ret_text, text_size);
        for (size_t i = 0; i < trusted->n_paths && r >= 0; i++)
                r = ctx_trust_file(c.ctx, trusted->paths[i], digest, ret_text, text_size);
        if (r < 0)
                return r;

        /* Another context, whatever the files hold. */
        if (files->ca_only)
                (void) EVP_DigestUpdate(digest, &files->ca_only, sizeof(files->ca_only));

        *ret_problem = MQTT_PROBLEM_IDENTITY_FILE;
        if (files->certificate) {
                r = mqtt_identity_load(c.ctx, files, digest, ret_text, text_size);
                if (r < 0)
                        return r;
        }
        if (EVP_DigestFinal_ex(digest, c.files, NULL) != 1)
                return -ENOMEM;
        *ret = c;
        c = (MqttTlsContext){};
        return 0;
}

/* The cache ------------------------------------------------------------------------------------------- */

/* Both NULL, or both the same text. */
static bool path_equal(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool files_equal(const MqttTlsFiles *a, const MqttTlsFiles *b) {
        return path_equal(a->ca, b->ca) && path_equal(a->certificate, b->certificate) &&
               path_equal(a->private_key, b->private_key) && path_equal(a->password, b->password) &&
               a->ca_only == b->ca_only;
}

static bool sources_equal(const FileId *a, const FileId *b, size_t first) {
        for (size_t i = first; i < _SOURCE_MAX; i++)
                if (!file_id_equal(&a[i], &b[i]))
                        return false;
        return true;
}

static void context_ref(const MqttTlsContext *c, MqttTlsContext *ret) {
        (void) SSL_CTX_up_ref(c->ctx);
        *ret = *c;
}

/* True if the files are those that the present context was read from. */
static bool cache_find(MqttTlsCache *c, const MqttTlsFiles *files, const FileId *sources,
                       MqttTlsContext *ret) {
        bool is_same;

        (void) pthread_mutex_lock(&c->lock);
        is_same = c->current.ctx && files_equal(&c->files, files) && sources_equal(c->sources, sources, 0);
        if (is_same)
                context_ref(&c->current, ret);
        (void) pthread_mutex_unlock(&c->lock);
        return is_same;
}

/* Takes what was loaded, and leaves what it replaces for the caller to drop. */
static void cache_replace(MqttTlsCache *c, MqttTlsFiles *files, const FileId *sources, MqttTlsContext *loaded,
                          MqttTlsContext *ret) {
        MqttTlsFiles files_before;
        MqttTlsContext before;

        (void) pthread_mutex_lock(&c->lock);
        files_before = c->files;
        before = c->current;
        c->files = *files;
        *files = files_before;
        /* The same contents in another file make no other context. The system's are not in the digest. */
        if (!sources_equal(c->sources, sources, SOURCE_SYSTEM_FILE) ||
            memcmp(before.files, loaded->files, sizeof(before.files)) != 0) {
                c->current = *loaded;
                *loaded = before;
        }
        memcpy(c->sources, sources, sizeof(c->sources));
        context_ref(&c->current, ret);
        (void) pthread_mutex_unlock(&c->lock);
}

static int list_trusted(CaFiles *ret, const MqttTlsFiles *files, MqttProblem *ret_problem, char *ret_text,
                        size_t text_size) {
        int r = files->ca ? ca_files_list(ret, files->ca) : 0;

        if (r >= 0)
                return 0;
        *ret_problem = MQTT_PROBLEM_TRUST_FILE;
        (void) snprintf(ret_text, text_size, "The CA directory '%s' cannot be used: %s", files->ca,
                        r == -ENOENT ? "there is no file in it" : strerror(-r));
        return r;
}

static void identify_sources(FileId sources[static _SOURCE_MAX], const MqttTlsFiles *files,
                             const CaFiles *trusted) {
        sources[SOURCE_CA_FILE] = file_ids(trusted);
        sources[SOURCE_CERTIFICATE] = file_id(files->certificate);
        sources[SOURCE_PRIVATE_KEY] = file_id(files->private_key);
        sources[SOURCE_PASSWORD] = file_id(files->password);
        sources[SOURCE_SYSTEM_FILE] = file_id(system_ca_file());
        sources[SOURCE_SYSTEM_DIRECTORY] = file_id(system_ca_directory());
}

/*
 * Identities are taken before the files are read: a change in between is seen the next time. Files are read
 * without the lock: that may take long, and mqtt_tls_cache_set_proven() must not.
 */
int mqtt_tls_cache_get(MqttTlsCache *c, const MqttTlsFiles *files, MqttTlsContext *ret,
                       MqttProblem *ret_problem, char *ret_text, size_t text_size) {
        _cleanup_(ca_files_done) CaFiles trusted = {};
        _cleanup_(mqtt_tls_context_done) MqttTlsContext loaded = {};
        _cleanup_(mqtt_tls_files_done) MqttTlsFiles copy = {};
        FileId sources[_SOURCE_MAX];
        int r;

        r = list_trusted(&trusted, files, ret_problem, ret_text, text_size);
        if (r < 0)
                return r;
        identify_sources(sources, files, &trusted);
        if (cache_find(c, files, sources, ret))
                return 0;
        r = context_load(&loaded, files, &trusted, ret_problem, ret_text, text_size);
        if (r < 0)
                return r;
        r = mqtt_tls_files_copy(&copy, files);
        if (r < 0)
                return r;
        cache_replace(c, &copy, sources, &loaded, ret);
        return 0;
}

void mqtt_tls_cache_set_proven(MqttTlsCache *c, const SSL_CTX *ctx) {
        (void) pthread_mutex_lock(&c->lock);
        if (ctx == c->current.ctx && ctx != c->proven.ctx) {
                mqtt_tls_context_done(&c->proven);
                context_ref(&c->current, &c->proven);
        }
        (void) pthread_mutex_unlock(&c->lock);
}

int mqtt_tls_cache_get_proven(MqttTlsCache *c, MqttTlsContext *ret) {
        int r = -ENOENT;

        (void) pthread_mutex_lock(&c->lock);
        if (c->proven.ctx) {
                context_ref(&c->proven, ret);
                r = 0;
        }
        (void) pthread_mutex_unlock(&c->lock);
        return r;
}
