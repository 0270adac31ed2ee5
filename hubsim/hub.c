/* SPDX-License-Identifier: MIT */

#include "hubsim/hub.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>

#include "hubsim/c2d.h"
#include "hubsim/files.h"
#include "hubsim/log.h"
#include "hubsim/server-certificate.h"
#include "hubsim/session.h"
#include "hubsim/twin-file.h"
#include "hubsim/twin.h"

/* Without free file descriptors there is no accept(); some may come back meanwhile. */
#define ACCEPT_RETRY_S 1

static int state_path(char ret[static PATH_MAX], const char *state_dir, const char *name) {
        return (size_t) snprintf(ret, PATH_MAX, "%s/%s", state_dir, name) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

unsigned hub_get_port(const Hub *hub) {
        return endpoint_get_port(&hub->mqtt);
}

static void hub_stop_listening(Hub *hub) {
        endpoint_close(&hub->mqtt);
        endpoint_close(&hub->websocket);
}

static int hub_pause(Hub *hub, uint64_t seconds);

static int hub_accept(Hub *hub, int listen_fd, bool has_websocket) {
        int fd, on = 1;

        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
                if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
                        return 0; /* the client's fault, or nothing there any more */
                log_event(NULL, 0, "cannot accept a connection: %m, retrying in %d s", ACCEPT_RETRY_S);
                return hub_pause(hub, ACCEPT_RETRY_S);
        }
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (session_new(hub, fd, has_websocket) < 0)
                log_event(NULL, 0, "out of memory, connection closed");
        return 0;
}

static int on_mqtt(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return hub_accept(userdata, fd, false);
}

static int on_websocket(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return hub_accept(userdata, fd, true);
}

static int hub_listen(Hub *hub) {
        int r;

        r = endpoint_listen(&hub->mqtt, hub->event, on_mqtt, hub);
        if (r < 0)
                return r;
        return endpoint_listen(&hub->websocket, hub->event, on_websocket, hub);
}

static int on_resume(sd_event_source *source, uint64_t usec, void *userdata) {
        Hub *hub = userdata;
        int r;

        r = hub_listen(hub);
        if (r < 0) {
                log_event(NULL, 0, "cannot listen again: %s", strerror(-r));
                return sd_event_exit(hub->event, r);
        }
        hub->resume_us = 0;
        log_event(NULL, 0, "listening again");
        return 0;
}

static int hub_pause(Hub *hub, uint64_t seconds) {
        int r;

        r = endpoint_bind(&hub->mqtt);
        if (r >= 0 && hub->websocket.address_size > 0)
                r = endpoint_bind(&hub->websocket);
        if (r < 0)
                return r;
        hub->resume_timer = sd_event_source_disable_unref(hub->resume_timer);
        hub->resume_us = boottime_us() + seconds * USEC_PER_SEC;
        return sd_event_add_time(hub->event, &hub->resume_timer, CLOCK_BOOTTIME, hub->resume_us, 1, on_resume,
                                 hub);
}

int hub_cut(Hub *hub, uint64_t seconds) {
        log_event(NULL, 0, "cut for %llu s, as it was asked to", (unsigned long long) seconds);
        while (hub->sessions)
                session_close(hub->sessions, SESSION_END_QUIET, 404104);

        return seconds == 0 ? 0 : hub_pause(hub, seconds);
}

int hub_take_telemetry(Hub *hub, const Telemetry *telemetry) {
        return hub->counts ? telemetry_count(hub->counts, telemetry)
                           : telemetry_store(hub->journal, telemetry);
}

int hub_flush_journal(Hub *hub) {
        uint64_t before = journal_get_next(hub->journal);
        int r;

        r = journal_flush(hub->journal);
        if (r < 0)
                return r;
        if (hub->on_telemetry && journal_get_next(hub->journal) != before)
                hub->on_telemetry(hub->userdata);
        return 0;
}

int hub_hold_pubacks(Hub *hub, bool hold) {
        int r;

        hub->faults.hold_pubacks = hold;
        for (Session *s = hub->sessions; s; s = session_get_next(s)) {
                r = session_release_pubacks(s);
                if (r < 0)
                        return r;
        }
        return 0;
}

uint64_t hub_realtime_us(const Hub *hub) {
        return realtime_us() + (uint64_t) hub->faults.clock_offset_s * USEC_PER_SEC;
}

int hub_set_clock_offset(Hub *hub, int64_t seconds) {
        hub->faults.clock_offset_s = seconds;
        for (Session *s = hub->sessions; s; s = session_get_next(s)) {
                int r;

                r = session_arm_expiry(s);
                if (r < 0)
                        return r;
        }
        return 0;
}

int hub_show_certificate(Hub *hub, ServerCertificate kind, unsigned n_connections) {
        SSL_CTX *context = NULL;
        int r;

        if (kind != SERVER_CERTIFICATE_GOOD && n_connections > 0) {
                r = server_certificate_make_context(hub->state_dir, hub->hosts, kind, &context);
                if (r < 0)
                        return r;
        }
        SSL_CTX_free(hub->faults.server_tls);
        hub->faults.server_tls = context;
        hub->faults.server_certificate = kind;
        hub->faults.n_server_certificate = context ? n_connections : 0;
        return 0;
}

SSL_CTX *hub_take_tls(Hub *hub) {
        if (hub->faults.n_server_certificate == 0)
                return hub->tls;
        if (hub->faults.n_server_certificate != FAULT_FOR_GOOD)
                hub->faults.n_server_certificate--;
        return hub->faults.server_tls;
}

unsigned hub_meter(Hub *hub, LimitKind kind, az_span body) {
        if (limits_take(&hub->limits, kind, boottime_us(), NULL) == LIMIT_EXCEEDED)
                return 429001;
        return limits_take_message(&hub->limits, (size_t) az_span_size(body), hub_realtime_us(hub)) ? 0
                                                                                                    : 403002;
}

/* What its session file says of it must not be what a later device of this id finds. */
static int forget_device(Hub *hub, Device *device) {
        int r;

        r = c2d_purge(hub, device);
        if (r < 0)
                return r;
        r = state_clear_feedback(hub->state, device);
        if (r < 0)
                return r;
        feedback_clear(&hub->feedback, device);
        device_forget_subscriptions(device);
        device->was_connected = device->has_stored_session = false;
        r = state_save_session(hub->state, device);
        if (r < 0)
                return r;
        return twin_file_remove(hub->state_dir, device->id);
}

int hub_remove_device(Hub *hub, Device *device) {
        int r;

        if (device->session) {
                log_event(device->id, 404001, "closed: the device has been removed");
                session_close(device->session, SESSION_END_LOST, 404001);
        }
        method_on_removed(hub, device);
        if (hub->on_removal)
                hub->on_removal(device, hub->userdata);
        r = forget_device(hub, device);
        if (r < 0)
                return r;
        if (hub->faults.close_device == device) {
                hub->faults.close_device = NULL;
                hub->faults.n_close = 0;
        }
        return registry_remove(hub->registry, device);
}

int hub_enable_device(Hub *hub, Device *device, bool is_enabled) {
        int r;

        r = registry_enable(hub->registry, device, is_enabled);
        if (r < 0)
                return r;
        if (!is_enabled && device->session) {
                log_event(device->id, 403012, "closed: the device has been disabled");
                session_close(device->session, SESSION_END_LOST, 403012);
        }
        return 0;
}

int hub_clear_faults(Hub *hub) {
        int r;

        faults_done(&hub->faults);
        r = hub_set_clock_offset(hub, 0);
        if (r < 0)
                return r;
        for (Device *d = registry_first(hub->registry); d; d = d->next) {
                d->fault = (DeviceFault){};
                if (d->twin)
                        twin_set_faults(d->twin, &(TwinFaults){});
                if (d->session && session_is_frozen(d->session))
                        session_close(d->session, SESSION_END_LOST, 404104);
        }
        if (hub->resume_us > 0) {
                r = hub_pause(hub, 0);
                if (r < 0)
                        return r;
        }
        return hub_hold_pubacks(hub, false);
}

char *hub_format_host(const Hub *hub, const char *host) {
        unsigned port = hub_get_port(hub);
        char *text;
        int r;

        r = port == 8883 ? asprintf(&text, "%s", host) : asprintf(&text, "%s:%u", host, port);
        return r < 0 ? NULL : text;
}

bool hub_is_at(const Hub *hub, const char *host) {
        for (const char *const *name = hub->hosts; *name; name++) {
                _cleanup_(freep) char *own = hub_format_host(hub, *name);

                if (own && strcasecmp(own, host) == 0)
                        return true;
        }
        return false;
}

char *hub_format_connection_string(const Hub *hub, const Device *device) {
        _cleanup_(freep) char *host = hub_format_host(hub, hub->hosts[0]);
        char *text;
        int r;

        if (!host)
                return NULL;
        if (device->attestation.kind == ATTESTATION_KEYS)
                r = asprintf(&text, "HostName=%s;DeviceId=%s;SharedAccessKey=%s", host, device->id,
                             device->attestation.primary);
        else
                r = asprintf(&text, "HostName=%s;DeviceId=%s;x509=true", host, device->id);
        return r < 0 ? NULL : text;
}

/* With port 0, the port of the last run is used again, so that connection strings stay good. */
static int recall_port(Endpoint *e, const char *path) {
        _cleanup_(freep) char *text = NULL;
        unsigned long port;
        int r;

        if (endpoint_get_port(e) != 0)
                return 0;
        r = file_read(path, 16, &text);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        port = strtoul(text, NULL, 10);
        if (port == 0 || port > UINT16_MAX)
                return -EBADMSG;
        endpoint_set_port(e, (uint16_t) port);
        return 0;
}

/* Listens, and writes down where. */
static int hub_open_endpoint(Hub *hub, Endpoint *e, const char *file, sd_event_io_handler_t handler) {
        bool is_recalled = e == &hub->websocket && endpoint_get_port(e) == 0; /* any other will do, then */
        char path[PATH_MAX], port[16];
        int n, r;

        r = state_path(path, hub->state_dir, file);
        if (r < 0)
                return r;
        r = recall_port(e, path);
        if (r < 0) {
                log_event(NULL, 0, "cannot read %s: %s", path, strerror(-r));
                return r;
        }
        r = endpoint_open(e, hub->event, handler, hub);
        if (r == -EADDRINUSE && is_recalled) {
                endpoint_set_port(e, 0);
                r = endpoint_open(e, hub->event, handler, hub);
        }
        if (r < 0) {
                log_event(NULL, 0, "cannot listen on port %u: %s", endpoint_get_port(e), strerror(-r));
                return r;
        }
        n = snprintf(port, sizeof(port), "%u\n", endpoint_get_port(e));
        return file_replace(path, 0644, port, (size_t) n);
}

static int hub_start_listening(Hub *hub) {
        char path[PATH_MAX];
        int r;

        r = hub_open_endpoint(hub, &hub->mqtt, "port", on_mqtt);
        if (r < 0)
                return r;
        if (hub->websocket.address_size == 0) {
                r = state_path(path, hub->state_dir, "websocket-port");
                if (r >= 0)
                        (void) unlink(path); /* of a run before */
                return r;
        }
        return hub_open_endpoint(hub, &hub->websocket, "websocket-port", on_websocket);
}

static int hub_open_journal(Hub *hub, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = state_path(path, state_dir, "telemetry.jsonl");
        if (r < 0)
                return r;
        r = journal_open(path, &hub->journal);
        if (r == -EBUSY)
                log_event(NULL, 0, "another aziot-hubsim runs in %s", state_dir);
        else if (r < 0)
                log_event(NULL, 0, "cannot open %s: %s", path, strerror(-r));
        return r;
}

static int hub_open_counts(Hub *hub, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = state_path(path, state_dir, "counts");
        if (r < 0)
                return r;
        r = counts_open(path, &hub->counts);
        if (r < 0)
                log_event(NULL, 0, "cannot open %s: %s", path, strerror(-r));
        return r;
}

static int hub_open_registry(Hub *hub, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = state_path(path, state_dir, "devices.json");
        if (r < 0)
                return r;
        r = registry_open(path, &hub->registry);
        if (r < 0)
                log_event(NULL, 0, "cannot read %s: %s", path, strerror(-r));
        return r;
}

static int hub_open_enrollments(Hub *hub, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = state_path(path, state_dir, "enrollments.json");
        if (r < 0)
                return r;
        r = enrollments_open(path, &hub->enrollments);
        if (r < 0)
                log_event(NULL, 0, "cannot read or write %s: %s", path, strerror(-r));
        return r;
}

static int hub_open_state(Hub *hub, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = state_path(path, state_dir, "sessions.jsonl");
        if (r < 0)
                return r;
        r = state_open(hub, path, &hub->state);
        for (Device *d = registry_first(hub->registry); d && r >= 0; d = d->next)
                r = c2d_deliver(hub, d); /* the time of some may have passed */
        if (r < 0)
                log_event(NULL, 0, "cannot read or write %s: %s", path, strerror(-r));
        return r;
}

Hub *hub_free(Hub *hub) {
        if (!hub)
                return NULL;

        hub->state = state_free(hub->state); /* what ends now goes on at the next start */
        while (hub->sessions)
                session_close(hub->sessions, SESSION_END_QUIET, 404104);
        assert(!hub->calls);
        hub_stop_listening(hub);
        sd_event_source_disable_unref(hub->resume_timer);
        SSL_CTX_free(hub->tls);
        feedback_clear(&hub->feedback, NULL);
        journal_free(hub->journal);
        counts_free(hub->counts);
        faults_done(&hub->faults);
        enrollments_free(hub->enrollments);
        registry_free(hub->registry);
        free(hub);
        return NULL;
}

int hub_new(sd_event *event, const HubConfig *config, Hub **ret) {
        _cleanup_(hub_freep) Hub *hub = NULL;
        int r;

        hub = malloc(sizeof(*hub));
        if (!hub)
                return -ENOMEM;
        *hub = (Hub){
                .event = event,
                .state_dir = config->state_dir,
                .hosts = config->hosts,
                .expiry_grace_s = config->expiry_grace_s,
                .is_basic = config->is_basic,
                .limits = LIMITS_DEFAULT,
                .mqtt = config->mqtt,
                .websocket = config->websocket,
        };

        r = hub_open_journal(hub, config->state_dir); /* first: it locks the directory */
        if (r < 0)
                return r;
        if (config->counts) {
                r = hub_open_counts(hub, config->state_dir);
                if (r < 0)
                        return r;
        }
        r = hub_open_registry(hub, config->state_dir);
        if (r < 0)
                return r;
        r = hub_open_enrollments(hub, config->state_dir);
        if (r < 0)
                return r;
        r = hub_open_state(hub, config->state_dir);
        if (r < 0)
                return r;
        r = server_certificate_make_context(config->state_dir, hub->hosts, SERVER_CERTIFICATE_GOOD,
                                            &hub->tls);
        if (r < 0)
                return r;
        r = hub_start_listening(hub);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(hub);
        return 0;
}
