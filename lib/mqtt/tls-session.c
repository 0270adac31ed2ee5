/* SPDX-License-Identifier: MIT */

#include <mqtt/tls-session.h>

#include <pthread.h>

/* A device talks to a provisioning service and to its hub, in turn. */
#define SESSIONS_MAX 2

typedef struct Entry {
        SSL_CTX *ctx;         /* NULL: there is nothing here */
        SSL_SESSION *session; /* NULL: a connection has it */
        char host[256];
} Entry;

struct MqttTlsSessions {
        pthread_mutex_t lock;
        Entry entries[SESSIONS_MAX]; /* the latest first */
};

static void entry_done(Entry *e) {
        SSL_SESSION_free(e->session);
        SSL_CTX_free(e->ctx);
        *e = (Entry){};
}

int mqtt_tls_sessions_new(MqttTlsSessions **ret) {
        MqttTlsSessions *s = malloc(sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (MqttTlsSessions){ .lock = PTHREAD_MUTEX_INITIALIZER };
        *ret = s;
        return 0;
}

MqttTlsSessions *mqtt_tls_sessions_free(MqttTlsSessions *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < SESSIONS_MAX; i++)
                entry_done(&s->entries[i]);
        (void) pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
}

/* NULL: it was dialled by address, and a session would not say whose it is. */
static const char *host_of(const SSL *ssl) {
        return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
}

/* The entry of this host, or the one to give up for it. */
static size_t find_host(const MqttTlsSessions *s, const char *host) {
        size_t i = 0;

        while (i < SESSIONS_MAX - 1 && strcmp(s->entries[i].host, host) != 0)
                i++;
        return i;
}

static void sessions_add(MqttTlsSessions *s, const Entry *entry) {
        size_t i = find_host(s, entry->host);

        entry_done(&s->entries[i]);
        memmove(s->entries + 1, s->entries, i * sizeof(s->entries[0]));
        s->entries[0] = *entry;
}

void mqtt_tls_sessions_keep(MqttTlsSessions *s, SSL *ssl) {
        const char *host = host_of(ssl);
        Entry entry = {};

        if (!host || strlen(host) >= sizeof(entry.host) || !SSL_is_init_finished(ssl))
                return;
        /* A copy: OpenSSL spoils the session of a connection that does not end well. */
        entry.session = SSL_SESSION_dup(SSL_get0_session(ssl));
        if (!entry.session || !SSL_SESSION_is_resumable(entry.session)) {
                entry_done(&entry);
                return;
        }
        (void) snprintf(entry.host, sizeof(entry.host), "%s", host);
        entry.ctx = SSL_get_SSL_CTX(ssl);
        (void) SSL_CTX_up_ref(entry.ctx);
        (void) pthread_mutex_lock(&s->lock);
        sessions_add(s, &entry);
        (void) pthread_mutex_unlock(&s->lock);
}

static void sessions_drop_others(MqttTlsSessions *s, const SSL_CTX *ctx) {
        for (size_t i = 0; i < SESSIONS_MAX; i++)
                if (s->entries[i].ctx != ctx)
                        entry_done(&s->entries[i]);
}

/* Who takes a session again shows no certificate: the one that was seen last has to be right still. */
static bool session_is_valid(const SSL_SESSION *session) {
        const X509 *c = SSL_SESSION_get0_peer((SSL_SESSION *) session);

        return c && X509_cmp_current_time(X509_get0_notBefore(c)) < 0 &&
               X509_cmp_current_time(X509_get0_notAfter(c)) > 0;
}

bool mqtt_tls_sessions_offer(MqttTlsSessions *s, SSL *ssl) {
        const char *host = host_of(ssl);
        bool is_offered = false;
        Entry *e;

        if (!host)
                return false;
        (void) pthread_mutex_lock(&s->lock);
        sessions_drop_others(s, SSL_get_SSL_CTX(ssl));
        e = &s->entries[find_host(s, host)];
        if (e->session && strcmp(e->host, host) == 0) {
                is_offered = session_is_valid(e->session) && SSL_set_session(ssl, e->session) == 1;
                SSL_SESSION_free(TAKE_PTR(e->session));
        }
        (void) pthread_mutex_unlock(&s->lock);
        return is_offered;
}
