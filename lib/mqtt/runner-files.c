/* SPDX-License-Identifier: MIT */

/*
 * The watch says that something may have changed; whether it has, what the files hold decides. Kubernetes
 * puts several files into one volume and swaps all of them when one is new: a token that is renewed each hour
 * must not take down the connection for the sake of a CA next to it. What cannot be read at the moment has
 * not changed: it is being written.
 */

#include <mqtt/runner-internal.h>

#include <openssl/evp.h>
#include <sys/epoll.h>

#include <mqtt/ca-files.h>
#include <mqtt/identity.h>
#include <mqtt/secret.h>

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

static void digest_bytes(const uint8_t *bytes, size_t n, RunnerDigest *ret) {
        unsigned size = sizeof(ret->bytes);

        if (EVP_Digest(bytes, n, ret->bytes, &size, EVP_sha256(), NULL) != 1)
                *ret = (RunnerDigest){ .bytes = { 0 } };
}

static bool is_same(const RunnerDigest *a, const RunnerDigest *b) {
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool digest_file(const char *path, EVP_MD_CTX *digest) {
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        char text[256];

        return !path || mqtt_file_read(&bio, path, CA_FILE_MAX, "", digest, text, sizeof(text)) >= 0;
}

static bool digest_authorities(const char *path, EVP_MD_CTX *digest) {
        _cleanup_(ca_files_done) CaFiles list = {};

        if (path && ca_files_list(&list, path) < 0)
                return false;
        for (size_t i = 0; i < list.n_paths; i++)
                if (!digest_file(list.paths[i], digest))
                        return false;
        return true;
}

/* All files of the connection but the token. False: one cannot be read. */
static bool digest_files(const MqttRunner *r, RunnerDigest *ret) {
        const MqttRunnerConfig *c = &r->config;
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();

        return digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
               digest_authorities(c->ca_file, digest) && digest_file(c->certificate_file, digest) &&
               digest_file(c->private_key_file, digest) &&
               digest_file(c->private_key_password_file, digest) && digest_file(c->password_file, digest) &&
               EVP_DigestFinal_ex(digest, ret->bytes, NULL) == 1;
}

void runner_note_files(MqttRunner *r) {
        RunnerDigest digest;

        if (r->file_watch && digest_files(r, &digest))
                r->files = digest;
}

void runner_note_token(MqttRunner *r, az_span token) {
        digest_bytes(az_span_ptr(token), (size_t) az_span_size(token), &r->token);
}

static void look_at_token(MqttRunner *r) {
        RunnerDigest digest;
        uint8_t *token;
        char text[256];
        size_t n;

        if (mqtt_secret_read(r->config.token_file, &token, &n, text, sizeof(text)) < 0)
                return;
        digest_bytes(token, n, &digest);
        (void) mqtt_secret_free(token, n);
        if (!is_same(&digest, &r->token))
                runner_feed(r, az_broker_session_token_changed(&r->session, r->now_us));
}

static void look_at_files(MqttRunner *r) {
        RunnerDigest digest;

        if (digest_files(r, &digest) && !is_same(&digest, &r->files))
                runner_feed(r, az_broker_session_renew(&r->session, r->now_us));
}

/* The files first: a new connection takes a new token, too. */
void runner_dispatch_files(MqttRunner *r) {
        if (r->file_watch && file_watch_dispatch(r->file_watch, r->now_us))
                look_at_files(r);
        if (r->token_watch && file_watch_dispatch(r->token_watch, r->now_us))
                look_at_token(r);
}

uint64_t runner_files_deadline_us(const MqttRunner *r) {
        uint64_t a = r->file_watch ? file_watch_deadline_us(r->file_watch) : UINT64_MAX;
        uint64_t b = r->token_watch ? file_watch_deadline_us(r->token_watch) : UINT64_MAX;

        return MIN(a, b);
}

/* Makes a watch of those paths that there are; none without any. */
static int watch(MqttRunner *r, FileWatch **ret, const char *const *paths, size_t n_paths) {
        _cleanup_(file_watch_freep) FileWatch *w = NULL;
        struct epoll_event event = { .events = EPOLLIN };
        size_t n = 0;
        int e;

        for (size_t i = 0; i < n_paths; i++)
                n += paths[i] != NULL;
        if (n == 0)
                return 0;
        e = file_watch_new(&w);
        if (e < 0)
                return e;
        e = file_watch_set(w, paths, n_paths);
        if (e < 0)
                return e;
        if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, file_watch_get_fd(w), &event) < 0)
                return -errno;
        *ret = TAKE_PTR(w);
        return 0;
}

int runner_watch_files(MqttRunner *r) {
        const MqttRunnerConfig *c = &r->config;
        const char *const files[] = { c->ca_file, c->certificate_file, c->private_key_file,
                                      c->private_key_password_file, c->password_file };
        int e;

        e = watch(r, &r->token_watch, &c->token_file, 1);
        if (e < 0)
                return e;
        return watch(r, &r->file_watch, files, ELEMENTSOF(files));
}
