/* SPDX-License-Identifier: MIT */

#include "daemon/manager.h"

#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#include "daemon/hub-uplink.h"
#include "daemon/lock.h"
#include "daemon/manager-internal.h"
#include "daemon/socket.h"
#include "daemon/wall-clock.h"

/* Programs that belong to this group may read, send and serve (aziotd.socket lets no others in). */
#define CLIENT_GROUP "aziot"

/* Timers may be this late: nothing here is exact, and a device that sleeps longer wakes less. */
#define TIMER_ACCURACY_US (10 * USEC_PER_MSEC)

/* After so long with the link local programs have their turn; a round that has begun is finished. */
#define ROUNDS_US 20

/* Local programs -------------------------------------------------------------------------------------- */

static int manager_listen(Manager *m, const char *socket_path) {
        const struct group *group = getgrnam(CLIENT_GROUP);
        IpcServerConfig config = {
                .vendor = "aziotd contributors",
                .product = "aziotd",
                .version = AZIOT_VERSION,
                .url = "man:aziotd(8)",
                .policy = manager_get_grants,
                .policy_source = manager_get_grants_source,
                .unavailable = manager_get_unavailable,
                .notice = manager_on_notice,
                .userdata = m,
                .error_too_many_connections = "io.aziotd.device.TooManyConnections",
                .error_out_of_memory = "io.aziotd.device.OutOfMemory",
        };
        int fd = -1, r;

        m->config.access.group = group ? group->gr_gid : 0;
        r = ipc_server_new(&m->ipc, m->event, &config);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &telemetry_interface, m->telemetry);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &methods_interface, m->methods);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &messages_interface, m->messages);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &twin_interface, m->twin);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &device_interface, m->device);
        if (r >= 0)
                r = ipc_server_add_interface(m->ipc, &broker_interface, m->broker);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to set up the interfaces: %m");

        r = socket_get(socket_path, &fd);
        if (r == -ENOENT && !socket_path)
                return log_errno(&m->log, MSG_SOCKET_FAILED, r,
                                 "No socket to serve: start aziotd.socket, or give --socket");
        if (r < 0)
                return log_errno(&m->log, MSG_SOCKET_FAILED, r, "Failed to listen on '%s': %m",
                                 socket_path ?: "systemd's socket");

        r = ipc_server_listen(m->ipc, fd);
        if (r < 0)
                return log_errno(&m->log, MSG_SOCKET_FAILED, r, "Failed to serve the socket: %m");
        return 0;
}

/* Loop ------------------------------------------------------------------------------------------------ */

static int manager_arm_timer(Manager *m) {
        uint64_t deadline_us = UINT64_MAX;
        int r;

        deadline_us = MIN(deadline_us, hub_link_deadline_us(m->link));
        deadline_us = MIN(deadline_us, network_watch_deadline_us(m->network));
        deadline_us = MIN(deadline_us, outboxes_deadline_us(m->outboxes));
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                deadline_us = MIN(deadline_us, stage_waits_deadline_us(m->waits[p]));
        deadline_us = MIN(deadline_us, methods_deadline_us(m->methods));
        deadline_us = MIN(deadline_us, messages_deadline_us(m->messages));
        deadline_us = MIN(deadline_us, twin_deadline_us(m->twin));
        deadline_us = MIN(deadline_us, device_deadline_us(m->device));
        deadline_us = MIN(deadline_us, check_deadline_us(m->check));
        deadline_us = MIN(deadline_us, uplink_deadline_us(m->uplink));
        deadline_us = MIN(deadline_us, broker_deadline_us(m->broker));
        if (m->drop_report)
                deadline_us = MIN(deadline_us, drop_report_deadline_us(m->drop_report));
        if (deadline_us == UINT64_MAX)
                return sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);

        r = sd_event_source_set_time(m->timer, deadline_us);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

/* Everything accepted is in the kernel already; this makes it durable and answers who waits for that. */
static int manager_finish(Manager *m) {
        int r, k;

        r = outboxes_close(m->outboxes);
        k = broker_close(m->broker);
        if (r >= 0)
                r = k;
        if (r < 0)
                (void) log_errno(&m->log, MSG_STOPPED_UNCLEAN, r,
                                 "The outbox was not closed cleanly: %m, ignoring");
        (void) uplink_run(m->uplink);
        twin_close(m->twin);
        history_add(m->history, HISTORY_STOPPED, NULL);
        history_close(m->history);
        return sd_event_exit(m->event, 0);
}

/* Once all that was accepted has left, not while it does: what expired is known only then. */
static void manager_report_drops(Manager *m) {
        bool is_recovered = hub_link_get_state(m->link) == LINK_ONLINE && !uplink_has_backlog(m->uplink);
        OutboxTime now = uplink_now(m->uplink);

        drop_report_run_due(m->drop_report, is_recovered, &now);
}

static int manager_turn(Manager *m) {
        uint64_t now_us = boottime_us();
        bool has_published;
        int r;

        network_watch_run_due(m->network, now_us);
        outboxes_run_due(m->outboxes, now_us);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                stage_waits_run_due(m->waits[p], now_us);
        methods_run_due(m->methods, now_us);
        messages_run_due(m->messages, now_us);

        do {
                r = hub_link_dispatch(m->link);
                if (r < 0)
                        return log_errno(&m->log, MSG_LOOP_FAILED, r, "The link to the hub cannot work: %m");
                if (ipc_server_is_wanted(m->ipc))
                        break;
                has_published = uplink_run(m->uplink);
                has_published |= twin_run(m->twin);
        } while (has_published && boottime_us() < now_us + ROUNDS_US);
        broker_run(m->broker, now_us);

        if (m->drop_report)
                manager_report_drops(m);
        check_dispatch(m->check);
        device_run_due(m->device, now_us);
        if (m->stopping && hub_link_get_state(m->link) == LINK_STOPPED && broker_is_stopped(m->broker))
                return manager_finish(m);
        return manager_arm_timer(m);
}

static int manager_on_turn(sd_event_source *source, void *userdata) {
        Manager *m = userdata;
        int r;

        r = manager_turn(m);
        if (r < 0)
                return sd_event_exit(m->event, r);
        return 0;
}

static int manager_on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        return 0; /* manager_on_turn() follows */
}

static int manager_on_link(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        return 0; /* manager_on_turn() follows */
}

static int manager_on_clock(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;

        wall_clock_acknowledge(fd);
        hub_link_clock_changed(m->link);
        broker_clock_changed(m->broker);
        return 0;
}

static int manager_on_network(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;

        network_watch_dispatch(m->network, boottime_us());
        return 0;
}

static int manager_on_disk(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *m = userdata;

        disk_dispatch(m->disk);
        return 0;
}

static int manager_on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *m = userdata;

        if (m->stopping)
                return 0;
        m->stopping = true;
        log_message(&m->log, MSG_STOPPING, "Stopping");
        (void) sd_notify(false, "STOPPING=1");
        ipc_server_stop_accepting(m->ipc);
        methods_stop(m->methods);
        hub_link_stop(m->link);
        broker_stop(m->broker);
        return 0;
}

static int manager_on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        _cleanup_(config_reload_done) ConfigReload reload = {};

        (void) manager_reload(userdata, &reload); /* how it went is in the log */
        return 0;
}

static int manager_watch_clock(Manager *m) {
        _cleanup_(close_fdp) int fd = -1;
        int r;

        fd = wall_clock_watch();
        if (fd < 0)
                return fd;
        r = sd_event_add_io(m->event, &m->clock_source, fd, EPOLLIN, manager_on_clock, m);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(m->clock_source, true);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        return 0;
}

static int manager_add_sources(Manager *m) {
        sd_event_source **sources[] = { &m->disk_source, &m->link_source, &m->broker_source, &m->check_source,
                                        &m->timer };
        static const struct {
                int number;
                sd_event_signal_handler_t handler;
        } signals[] = { { SIGTERM, manager_on_signal },
                        { SIGINT, manager_on_signal },
                        { SIGHUP, manager_on_hangup } };
        sigset_t mask;
        int r = 0;

        (void) sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&mask, signals[i].number);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);

        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(m->event, &m->signals[i], signals[i].number, signals[i].handler, m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->disk_source, disk_get_fd(m->disk), EPOLLIN, manager_on_disk,
                                    m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->link_source, hub_link_get_fd(m->link), EPOLLIN,
                                    manager_on_link, m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->broker_source, broker_get_fd(m->broker), EPOLLIN,
                                    manager_on_link, m);
        if (r >= 0 && network_watch_get_fd(m->network) >= 0)
                r = sd_event_add_io(m->event, &m->network_source, network_watch_get_fd(m->network), EPOLLIN,
                                    manager_on_network, m);
        if (r >= 0)
                r = sd_event_add_io(m->event, &m->check_source, check_get_fd(m->check), EPOLLIN,
                                    manager_on_link, m);
        if (r >= 0)
                r = manager_watch_clock(m);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->timer, CLOCK_BOOTTIME, UINT64_MAX, TIMER_ACCURACY_US,
                                      manager_on_timer, m);
        for (size_t i = 0; i < ELEMENTSOF(sources) && r >= 0; i++)
                r = *sources[i] ? sd_event_source_set_priority(*sources[i], IPC_PRIORITY_BUSY) : 0;
        if (r >= 0)
                r = sd_event_add_post(m->event, &m->turn, manager_on_turn, m);
        /* Who is not busy is served before it. */
        if (r >= 0)
                r = sd_event_source_set_priority(m->turn, IPC_PRIORITY_BUSY);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        return r;
}

/* Life ------------------------------------------------------------------------------------------------ */

static int manager_refuse(const Manager *m, const char *locked, const char *directory) {
        char holder[320];

        lock_describe_holder(locked, holder, sizeof(holder));
        return log_errno(&m->log, MSG_STATE_LOCKED, -EBUSY,
                         "Another aziotd has '%s' (%s), and two would ruin it: not starting", directory,
                         holder);
}

/* Without a place for the lock there is none for anything else either, and the daemon works without. */
static int manager_lock(Manager *m, const char *state_dir) {
        char path[PATH_MAX];
        int r;

        r = lock_take_directory(state_dir, &m->lock_fd);
        if (r == -EBUSY) {
                (void) snprintf(path, sizeof(path), "%s/" LOCK_FILE, state_dir);
                return manager_refuse(m, path, state_dir);
        }
        if (r < 0)
                log_errno(&m->log, MSG_LOCK_FAILED, r, "Failed to lock '%s': %m, ignoring", state_dir);
        return 0;
}

static int manager_open_outbox(Manager *m, OutboxTime *ret_now) {
        OutboxTime now = { .boottime_us = boottime_us(), .realtime_us = realtime_us() };
        char path[PATH_MAX];
        OutboxesConfig config = manager_outboxes_config_at(m, path, sizeof(path));
        int r;

        r = outbox_boot_get(&now.boot);
        if (r >= 0)
                r = disk_new(&m->disk);
        if (r >= 0)
                r = outboxes_open(&m->outboxes, m->disk, &config, &now);
        if (r == -EBUSY)
                return manager_refuse(m, config.directory, config.directory);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to open the outbox in '%s': %m",
                                 config.directory);

        *ret_now = now;
        return 0;
}

/* What lies between the programs that send and the link. */
static int manager_make_uplink(Manager *m, const char *state_dir, uint64_t boot) {
        UplinkConfig config = {
                .outboxes = m->outboxes,
                .waits = m->waits,
                .log = &m->log,
                .boot = boot,
                .ops = &hub_uplink_ops,
                .userdata = m->link,
        };
        Sender sender = {
                .config = &m->config,
                .outboxes = m->outboxes,
                .waits = m->waits,
                .clients = &m->client_log,
                .rates = &m->rates,
        };
        int r = 0;

        for (Priority p = 0; p < _PRIORITY_MAX && r >= 0; p++)
                r = stage_waits_new(&m->waits[p]);
        if (r >= 0)
                r = dead_letters_new(&m->dead_letters, m->disk, state_dir, "dead-letters");
        config.dead_letters = m->dead_letters;
        if (r >= 0)
                r = uplink_new(&m->uplink, &config);
        sender.uplink = m->uplink;
        if (r >= 0)
                r = telemetry_new(&m->telemetry, &sender);
        if (r >= 0 && m->config.outbox.report_drops)
                r = drop_report_new(&m->drop_report, m->outboxes, m->disk, state_dir, &m->log);
        if (r >= 0)
                uplink_set_pace(m->uplink, m->config.outbox.drain_per_s, m->config.outbox.drain_burst);
        return r;
}

static int manager_make_check(Manager *m, const char *state_dir) {
        const CheckConfig config = {
                .config = &m->config,
                .state_dir = state_dir,
                .link = m->link,
                .broker = m->broker,
                .outboxes = m->outboxes,
                .disk = m->disk,
        };

        return check_new(&m->check, &config);
}

static int manager_make_device(Manager *m) {
        const DeviceParts parts = {
                .config = &m->config,
                .log = &m->log,
                .link = m->link,
                .broker = m->broker,
                .outboxes = m->outboxes,
                .messages = m->messages,
                .methods = m->methods,
                .twin = m->twin,
                .client_log = &m->client_log,
                .history = m->history,
                .config_path = m->options.config_path,
                .config_required = m->options.config_required,
                .reload = manager_reload,
                .reloads = &m->reloads,
                .userdata = m,
                .check = m->check,
        };

        return device_new(&m->device, &parts);
}

static int manager_build(Manager *m, const ManagerOptions *options) {
        HubLinkEnvironment environment = {
                .config = &m->config,
                .log = &m->log,
                .state_dir = options->state_dir,
                .runtime_dir = options->runtime_dir,
        };
        OutboxTime now = {};
        int r;

        r = manager_lock(m, options->state_dir);
        if (r < 0)
                return r;
        r = manager_open_outbox(m, &now);
        if (r < 0)
                return r;
        environment.disk = m->disk;

        r = history_new(&m->history, m->disk, options->state_dir, now.boot, &m->log);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to read the history: %m");
        history_add(m->history, HISTORY_STARTED, &(HistoryFacts){ .text = "aziotd " AZIOT_VERSION });

        r = hub_link_new(&m->link, &environment, &manager_link_ops, m);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r,
                                 "Failed to set up the link in '%s' (it has to be our own, mode 0700): %m",
                                 options->runtime_dir);

        r = route_remember(hub_link_get_route(m->link), m->disk, options->state_dir);
        if (r >= 0)
                r = network_watch_new(&m->network, &m->log, &manager_network_ops, m);
        if (r >= 0)
                r = manager_make_broker(m, now.boot);
        if (r >= 0)
                r = manager_make_uplink(m, options->state_dir, now.boot);
        if (r >= 0)
                r = methods_new(&m->methods, m->link, &m->config.access, &m->client_log,
                                m->config.hub.method_timeout_s * USEC_PER_SEC);
        if (r >= 0)
                r = twin_new(&m->twin, m->link, m->disk, options->state_dir, &m->config.access,
                             &m->client_log);
        if (r >= 0)
                r = messages_new(&m->messages, m->link, m->disk, &m->config, options->state_dir, &m->log);
        if (r >= 0)
                r = manager_make_check(m, options->state_dir);
        if (r >= 0)
                r = manager_make_device(m);
        if (r >= 0)
                r = manager_add_sources(m);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to start: %m");
        return manager_listen(m, options->socket_path);
}

int manager_new(Manager **ret, const ManagerOptions *options) {
        _cleanup_(manager_freep) Manager *m = NULL;
        sigset_t hangup;
        Log log;
        int r;

        log_init(&log, LOG_INFO);
        m = malloc(sizeof(*m));
        if (!m)
                return log_errno(&log, MSG_START_FAILED, -ENOMEM, "Failed to start: %m");
        *m = (Manager){ .options = *options, .log = log, .lock_fd = -1 };
        client_log_init(&m->client_log, &m->log);

        /* By default it would end the daemon, which begins to listen for it at last. */
        (void) sigemptyset(&hangup);
        (void) sigaddset(&hangup, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &hangup, NULL);

        r = manager_load_config(m);
        if (r < 0)
                return r;
        r = sd_event_new(&m->event);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to make an event loop: %m");
        r = manager_build(m, options);
        if (r < 0)
                return r;

        r = manager_apply_clouds(m);
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to set up the broker: %m");
        r = manager_turn(m);
        if (r < 0)
                return r;
        /* Who waits for it would wait in vain. */
        r = sd_notify(false, "READY=1");
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to tell the service manager: %m");

        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;

        /* Connections first: their calls and workers hold on to all that follows. */
        m->ipc = ipc_server_free(m->ipc);
        m->turn = sd_event_source_disable_unref(m->turn);
        m->timer = sd_event_source_disable_unref(m->timer);
        m->clock_source = sd_event_source_disable_unref(m->clock_source);
        m->network_source = sd_event_source_disable_unref(m->network_source);
        m->link_source = sd_event_source_disable_unref(m->link_source);
        m->broker_source = sd_event_source_disable_unref(m->broker_source);
        m->check_source = sd_event_source_disable_unref(m->check_source);
        m->disk_source = sd_event_source_disable_unref(m->disk_source);
        for (size_t i = 0; i < ELEMENTSOF(m->signals); i++)
                m->signals[i] = sd_event_source_disable_unref(m->signals[i]);

        m->device = device_free(m->device);
        m->check = check_free(m->check);
        m->messages = messages_free(m->messages);
        m->twin = twin_free(m->twin);
        m->methods = methods_free(m->methods);
        m->telemetry = telemetry_free(m->telemetry);
        m->broker = broker_free(m->broker);
        m->drop_report = drop_report_free(m->drop_report);
        m->uplink = uplink_free(m->uplink);
        m->dead_letters = dead_letters_free(m->dead_letters);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                m->waits[p] = stage_waits_free(m->waits[p]);
        m->network = network_watch_free(m->network);
        m->link = hub_link_free(m->link);
        m->outboxes = outboxes_free(m->outboxes);
        m->history = history_free(m->history);
        m->disk = disk_free(m->disk);
        m->event = sd_event_unref(m->event);
        send_rates_done(&m->rates);
        config_done(&m->config);
        close_fd(m->lock_fd);
        free(m);
        return NULL;
}

int manager_run(Manager *m) {
        return sd_event_loop(m->event);
}
