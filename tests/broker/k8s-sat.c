/* SPDX-License-Identifier: MIT */

/*
 * What a stock mosquitto lacks as a broker of Azure IoT Operations: clients that authenticate with a
 * Kubernetes service account token, by MQTT 5's enhanced authentication with the method K8S-SAT, and again
 * while they are connected. Says in mosquitto's log what became of each:
 *
 *      k8s-sat: CLIENT connected with NAME             k8s-sat: CLIENT refused
 *      k8s-sat: CLIENT reauthenticated with NAME       k8s-sat: CLIENT refused again
 *      k8s-sat: CLIENT expired
 *
 * Its options:
 *
 *      tokens FILE
 *              The tokens that count now, a line each: NAME, the time at which it ends in milliseconds since
 *              1970 (0: never), and its bytes in hexadecimal digits. A client whose token ends, or goes from
 *              this file, is disconnected, with reason 0x98; Azure's broker says nothing. Without this
 *              option nobody is asked for a token.
 *
 *      ledger FILE
 *              Is given a line for each PUBLISH that comes: client, topic and payload, with tabs between. It
 *              is there before the broker acknowledges, so that it tells after a kill -9 what had come.
 *
 *      challenge true
 *              Asks for the token once more, by AUTH with reason 0x18, whenever one comes.
 */

#include <fcntl.h>
#include <inttypes.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "util/util.h"

#define METHOD "K8S-SAT"

/* More than any test connects at once. */
#define CLIENTS_MAX 64

/* A token has at most 65535 bytes, as it stands in an MQTT property. */
#define LINE_MAX_BYTES (2 * UINT16_MAX + 256)

/* A connection that authenticates, or has done so. */
typedef struct Client {
        struct mosquitto *connection; /* NULL: a free entry */
        char *token;                  /* in hexadecimal digits; NULL until it has been accepted */
        bool is_challenged;
} Client;

typedef struct Plugin {
        mosquitto_plugin_id_t *id;
        const char *tokens_path;
        int ledger_fd;
        bool challenges;
        Client clients[CLIENTS_MAX];
        char line[LINE_MAX_BYTES];
} Plugin;

static char *hex_new(const uint8_t *data, size_t n_bytes) {
        char *hex = calloc(1, 2 * n_bytes + 1);

        for (size_t i = 0; hex && i < n_bytes; i++)
                (void) sprintf(hex + 2 * i, "%02x", data[i]);
        return hex;
}

/* Cuts the next word off a line; NULL: there is none. */
static char *take_word(char **line) {
        char *word = *line + strspn(*line, " ");

        *line = word + strcspn(word, " \n");
        if (**line != '\0')
                *(*line)++ = '\0';
        return word[0] != '\0' ? word : NULL;
}

/* Looks a token up among those that count now; its name, until the next call. NULL: it is not there. */
static const char *token_find(Plugin *p, const char *token) {
        _cleanup_(fclosep) FILE *f = fopen(p->tokens_path, "re");

        while (f && fgets(p->line, sizeof(p->line), f)) {
                char *rest = p->line, *name = take_word(&rest), *ends = take_word(&rest),
                     *hex = take_word(&rest);
                uint64_t ends_ms = hex ? strtoull(ends, NULL, 10) : 0;

                if (hex && strcmp(hex, token) == 0 &&
                    (ends_ms == 0 || ends_ms > realtime_us() / USEC_PER_MSEC))
                        return name;
        }
        return NULL;
}

/* The entry of this connection, else a free one; NULL: there is none. */
static Client *client_get(Plugin *p, struct mosquitto *connection) {
        Client *found = NULL;

        for (Client *c = p->clients; c < p->clients + CLIENTS_MAX; c++) {
                if (c->connection == connection)
                        return c;
                if (!c->connection)
                        found = c;
        }
        if (found)
                found->connection = connection;
        return found;
}

static void client_forget(Client *c) {
        free(c->token);
        *c = (Client){};
}

static int client_challenge(Client *c, struct mosquitto_evt_extended_auth *event) {
        event->data_out = mosquitto_malloc(1);
        if (!event->data_out)
                return MOSQ_ERR_NOMEM;
        *(char *) event->data_out = '?';
        event->data_out_len = 1;
        c->is_challenged = true;
        return MOSQ_ERR_AUTH_CONTINUE;
}

/* AUTH with 0x19 starts it as CONNECT does, and AUTH with 0x18 goes on with either. */
static int on_auth(int type, void *data, void *userdata) {
        struct mosquitto_evt_extended_auth *event = data;
        const char *id = mosquitto_client_id(event->client);
        _cleanup_(freep) char *token = NULL;
        Plugin *p = userdata;
        const char *name;
        Client *c;

        /* mosquitto does not tell it when a challenge is answered. */
        if (event->auth_method && strcmp(event->auth_method, METHOD) != 0)
                return MOSQ_ERR_NOT_SUPPORTED;
        c = client_get(p, event->client);
        token = hex_new(event->data_in, event->data_in_len);
        if (!c || !token)
                return MOSQ_ERR_NOMEM;

        name = token_find(p, token);
        if (!name) {
                mosquitto_log_printf(MOSQ_LOG_NOTICE, "k8s-sat: %s refused%s", id, c->token ? " again" : "");
                client_forget(c);
                return MOSQ_ERR_AUTH;
        }
        if (p->challenges && !c->is_challenged)
                return client_challenge(c, event);

        mosquitto_log_printf(MOSQ_LOG_NOTICE, "k8s-sat: %s %s with %s", id,
                             c->token ? "reauthenticated" : "connected", name);
        free(c->token);
        c->token = TAKE_PTR(token);
        c->is_challenged = false;
        return MOSQ_ERR_SUCCESS;
}

static int on_disconnect(int type, void *data, void *userdata) {
        struct mosquitto_evt_disconnect *event = data;
        Client *c = client_get(userdata, event->client);

        if (c)
                client_forget(c);
        return MOSQ_ERR_SUCCESS;
}

static int on_tick(int type, void *data, void *userdata) {
        Plugin *p = userdata;
        const char *id;

        for (Client *c = p->clients; c < p->clients + CLIENTS_MAX; c++)
                if (c->token && !token_find(p, c->token)) {
                        id = mosquitto_client_id(c->connection);
                        mosquitto_log_printf(MOSQ_LOG_NOTICE, "k8s-sat: %s expired", id);
                        (void) mosquitto_kick_client_by_clientid(id, true);
                }
        return MOSQ_ERR_SUCCESS;
}

static int on_message(int type, void *data, void *userdata) {
        struct mosquitto_evt_message *event = data;
        Plugin *p = userdata;

        /* One write(), so that there are no half lines. */
        (void) snprintf(p->line, sizeof(p->line), "%.256s\t%.1024s\t%.*s\n",
                        mosquitto_client_id(event->client), event->topic,
                        (int) MIN(event->payloadlen, (uint32_t) UINT16_MAX),
                        event->payload ? (const char *) event->payload : "");
        return write(p->ledger_fd, p->line, strlen(p->line)) < 0 ? MOSQ_ERR_ERRNO : MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int supported_version_count, const int *supported_versions) {
        for (int i = 0; i < supported_version_count; i++)
                if (supported_versions[i] == MOSQ_PLUGIN_VERSION)
                        return MOSQ_PLUGIN_VERSION;
        return -1;
}

static int plugin_register(Plugin *p) {
        const struct {
                int event;
                MOSQ_FUNC_generic_callback callback;
                bool is_wanted;
        } rows[] = {
                { MOSQ_EVT_EXT_AUTH_START, on_auth, p->tokens_path != NULL },
                { MOSQ_EVT_EXT_AUTH_CONTINUE, on_auth, p->tokens_path != NULL },
                { MOSQ_EVT_DISCONNECT, on_disconnect, p->tokens_path != NULL },
                { MOSQ_EVT_TICK, on_tick, p->tokens_path != NULL },
                { MOSQ_EVT_MESSAGE, on_message, p->ledger_fd >= 0 },
        };
        int r = MOSQ_ERR_SUCCESS;

        for (size_t i = 0; i < ELEMENTSOF(rows) && r == MOSQ_ERR_SUCCESS; i++)
                if (rows[i].is_wanted)
                        r = mosquitto_callback_register(p->id, rows[i].event, rows[i].callback, NULL, p);
        return r;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata, struct mosquitto_opt *options,
                          int option_count) {
        Plugin *p = malloc(sizeof(*p));

        if (!p)
                return MOSQ_ERR_NOMEM;
        *p = (Plugin){ .id = identifier, .ledger_fd = -1 };
        *userdata = p;

        for (int i = 0; i < option_count; i++)
                if (strcmp(options[i].key, "tokens") == 0)
                        p->tokens_path = options[i].value;
                else if (strcmp(options[i].key, "challenge") == 0)
                        p->challenges = strcmp(options[i].value, "true") == 0;
                else if (strcmp(options[i].key, "ledger") == 0)
                        p->ledger_fd =
                                open(options[i].value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        return plugin_register(p);
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count) {
        Plugin *p = userdata;

        for (Client *c = p->clients; c < p->clients + CLIENTS_MAX; c++)
                client_forget(c);
        (void) close_fd(p->ledger_fd);
        free(p);
        return MOSQ_ERR_SUCCESS;
}
