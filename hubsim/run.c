/* SPDX-License-Identifier: MIT */

#include "hubsim/run.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "hubsim/control.h"
#include "hubsim/files.h"
#include "hubsim/hub.h"
#include "hubsim/log.h"

#define HOSTS_MAX 32U

/* One certificate of our own making. */
#define CA_FILE_MAX (64U * 1024U)

/* Made on first run when no --device says otherwise. */
static const char *const demo_devices[] = { "demo", NULL };

static const char *const own_hosts[] = { "localhost", "127.0.0.1", "::1" };

/* A client that falls back from MQTT to WebSocket finds one without being told more, so there always is one,
 * unless it is not wanted. */
static int parse_endpoints(const RunOptions *options, HubConfig *ret) {
        if (endpoint_parse(options->listen, &ret->mqtt) < 0) {
                log_event(NULL, 0, "not ADDRESS:PORT with a numeric address: '%s'", options->listen);
                return -EINVAL;
        }
        if (!options->listen_websocket) {
                ret->websocket = ret->mqtt;
                endpoint_set_port(&ret->websocket, 0);
        } else if (strcmp(options->listen_websocket, "off") == 0)
                ret->websocket = ENDPOINT_NULL;
        else if (endpoint_parse(options->listen_websocket, &ret->websocket) < 0) {
                log_event(NULL, 0, "neither ADDRESS:PORT with a numeric address nor 'off': '%s'",
                          options->listen_websocket);
                return -EINVAL;
        }
        return 0;
}

static int ensure_devices(Hub *hub, const char *const *ids) {
        if (!ids[0] && !registry_first(hub->registry))
                ids = demo_devices;

        for (; *ids; ids++) {
                Device *device;
                int r;

                r = registry_add(hub->registry, *ids, &device);
                if (r == -EINVAL)
                        log_event(NULL, 0, "not a device id: '%s'", *ids);
                else if (r < 0 && r != -EEXIST)
                        log_event(NULL, 0, "cannot add device '%s': %s", *ids, strerror(-r));
                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

/* Writes a file below the state directory, which its owner alone can read. */
static int save(const RunOptions *options, const char *name, const char *text, size_t n) {
        char path[PATH_MAX];

        if ((size_t) snprintf(path, sizeof(path), "%s/%s", options->state_dir, name) >= sizeof(path))
                return -ENAMETOOLONG;
        return file_replace(path, 0600, text, n);
}

/* What a device needs to know of this hub, named as systemd credentials of aziotd are. */
static int save_credentials(const RunOptions *options, const char *connection_string) {
        _cleanup_(freep) char *ca = NULL;
        char path[PATH_MAX];
        int r;

        if ((size_t) snprintf(path, sizeof(path), "%s/credentials", options->state_dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = directory_make(path);
        if (r < 0)
                return r;
        if ((size_t) snprintf(path, sizeof(path), "%s/ca.pem", options->state_dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = file_read(path, CA_FILE_MAX, &ca);
        if (r < 0)
                return r;
        r = save(options, "credentials/aziotd.trusted-ca", ca, strlen(ca));
        if (r < 0)
                return r;
        return save(options, "credentials/aziotd.connection-string", connection_string,
                    strlen(connection_string));
}

/* Writes the connection string of the device that was named first, else of the oldest one. */
static int save_identity(const Hub *hub, const RunOptions *options) {
        const char *id = options->devices[0];
        const Device *device =
                id ? registry_find(hub->registry, id, strlen(id)) : registry_first(hub->registry);
        _cleanup_(freep) char *text = hub_format_connection_string(hub, device), *line = NULL;
        int n, r;

        if (!text)
                return -ENOMEM;
        n = asprintf(&line, "%s\n", text);
        if (n < 0)
                return -ENOMEM;
        r = save(options, "connection-string", line, (size_t) n);
        return r < 0 ? r : save_credentials(options, line);
}

/* As it was asked for, with the port that it is. */
static void print_endpoint(const char *text, const Endpoint *e) {
        printf("%.*s:%u\n", (int) (strrchr(text, ':') - text), text, endpoint_get_port(e));
}

static void print_banner(const Hub *hub, const RunOptions *options) {
        _cleanup_(freep) char *absolute = realpath(options->state_dir, NULL);
        const char *dir = absolute ? absolute : options->state_dir;

        printf("aziot-hubsim: listening on ");
        print_endpoint(options->listen, &hub->mqtt);
        if (hub->websocket.address_size > 0) {
                printf("  WebSocket:          ");
                print_endpoint(options->listen_websocket ? options->listen_websocket : options->listen,
                               &hub->websocket);
        }
        printf("  devices:\n");
        for (const Device *d = registry_first(hub->registry); d; d = d->next) {
                _cleanup_(freep) char *text = hub_format_connection_string(hub, d);

                if (text)
                        printf("    %s\n", text);
        }
        printf("  CA certificate:     %s/ca.pem\n", dir);
        printf("  id scope:           %s (aziot-hubsim enrollment add NAME)\n",
               enrollments_get_scope(hub->enrollments));
        if (hub->counts)
                printf("  telemetry:          counted, not kept (aziot-hubsim counts)\n");
        else
                printf("  log of telemetry:   %s/telemetry.jsonl\n", dir);
        printf("  for aziotd:         [Hub] ConnectionStringFile=%s/connection-string\n", dir);
        printf("                            TrustedCAFile=%s/ca.pem\n", dir);
        printf("                      or as systemd credentials: %s/credentials/\n", dir);
        printf("  for Azure's SDKs:   NODE_EXTRA_CA_CERTS or SSL_CERT_FILE=%s/ca.pem\n", dir);
        (void) fflush(stdout);
}

static int add_signals(sd_event *event) {
        static const int signals[] = { SIGTERM, SIGINT };
        sigset_t set;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                r = sd_event_add_signal(event, NULL, signals[i], NULL, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* As many connections as this user may have. */
static void raise_fd_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

/* --host names first, then what is always ours. */
static int collect_hosts(const RunOptions *options, const char *ret[static HOSTS_MAX]) {
        size_t n = 0;

        for (const char *const *host = options->hosts; *host; host++) {
                if (n + ELEMENTSOF(own_hosts) + 1 >= HOSTS_MAX)
                        return -E2BIG;
                ret[n++] = *host;
        }
        for (size_t i = 0; i < ELEMENTSOF(own_hosts); i++)
                ret[n++] = own_hosts[i];
        ret[n] = NULL;
        return 0;
}

static int serve(sd_event *event, const HubConfig *config, const RunOptions *options) {
        _cleanup_(hub_freep) Hub *hub = NULL;
        _cleanup_(control_freep) Control *control = NULL;
        int r;

        r = hub_new(event, config, &hub);
        if (r < 0)
                return r;
        r = ensure_devices(hub, options->devices);
        if (r < 0)
                return r;
        r = save_identity(hub, options);
        if (r < 0) {
                log_event(NULL, 0, "cannot write the connection string to %s: %s", options->state_dir,
                          strerror(-r));
                return r;
        }
        r = control_new(hub, options->socket, &control);
        if (r < 0) {
                log_event(NULL, 0, "cannot serve %s: %s", options->socket, strerror(-r));
                return r;
        }

        print_banner(hub, options);
        (void) sd_notify(false, "READY=1");
        return sd_event_loop(event);
}

int run(const RunOptions *options) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        const char *hosts[HOSTS_MAX];
        HubConfig config = {
                .state_dir = options->state_dir,
                .hosts = hosts,
                .expiry_grace_s = options->expiry_grace_s,
                .counts = options->counts,
                .is_basic = options->is_basic,
        };
        int r;

        if (parse_endpoints(options, &config) < 0)
                return EXIT_FAILURE;
        if (collect_hosts(options, hosts) < 0) {
                log_event(NULL, 0, "too many --host names");
                return EXIT_FAILURE;
        }
        r = directory_make(options->state_dir);
        if (r < 0) {
                log_event(NULL, 0, "cannot make %s: %s", options->state_dir, strerror(-r));
                return EXIT_FAILURE;
        }

        raise_fd_limit();
        r = sd_event_new(&event);
        if (r >= 0)
                r = add_signals(event);
        if (r < 0) {
                log_event(NULL, 0, "cannot start: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return serve(event, &config, options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
