/* SPDX-License-Identifier: MIT */

/*
 * A reload reads the files into a configuration of its own and looks at it as --check-config does; only if
 * there is nothing wrong with it, what differs is exchanged. The configuration in use stays where it is, so
 * that whoever looks into it finds the new values; who has made something of the old ones is told here.
 */

#include "daemon/manager-internal.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#include "daemon/config-check.h"

/* A service manager starts a daemon whose configuration has mistakes again and again: no oftener than so. */
#define MISTAKE_PAUSE_S 5

/* Of the keys that have changed: more than that are named by their number. */
#define NAMES_SIZE 600U

static void log_messages(Manager *m, const ConfigMessages *messages) {
        char text[1024];

        for (size_t i = 0; i < messages->n; i++)
                log_message(&m->log,
                            messages->messages[i].level == LOG_ERR ? MSG_CONFIG_MISTAKE : MSG_CONFIG_REMARK,
                            "%s", config_message_format(&messages->messages[i], text, sizeof(text)));
        if (messages->n_left_out > 0)
                log_message(&m->log, MSG_CONFIG_MISTAKE, "There are %zu more mistakes", messages->n_left_out);
}

static const char *first_mistake(const ConfigMessages *messages, char *buffer, size_t size) {
        for (size_t i = 0; i < messages->n; i++)
                if (messages->messages[i].level == LOG_ERR)
                        return config_message_format(&messages->messages[i], buffer, size);
        return "see the log";
}

/*
 * Tells the service manager, if there is one, whose status a person looks at; and stays for a while, since it
 * forgets the status of what has ended, and starts it again and again. Nothing else runs yet.
 */
static void tell_mistakes(const ConfigMessages *messages) {
        const struct timespec pause = { .tv_sec = MISTAKE_PAUSE_S };
        char text[1024];
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);

        if (sd_notifyf(false, "STATUS=%zu mistake%s in the configuration; the first: %s", messages->n_errors,
                       messages->n_errors == 1 ? "" : "s", first_mistake(messages, text, sizeof(text))) > 0)
                (void) sigtimedwait(&mask, NULL, &pause);
}

/* Keys that contradict each other leave the device without an identity, but what programs say is accepted. */
int manager_load_config(Manager *m) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        const char *path = m->options.config_path;
        int r;

        r = config_load(&m->config, path, m->options.config_required, &messages);
        if (r == 0)
                r = config_check_keys(&m->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        log_messages(m, &messages);
        if (r == CONFIG_INVALID) {
                tell_mistakes(&messages);
                return -EBADMSG;
        }
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to load '%s': %m", path);

        log_init(&m->log, m->config.log.level);
        m->reloads.taken_us = boottime_us();
        return 0;
}

OutboxesConfig manager_outboxes_config(const Manager *m) {
        return (OutboxesConfig){
                .directory = m->config.outbox.directory,
                .max_bytes = m->config.outbox.max_bytes,
                .max_messages = m->config.outbox.max_messages,
                .ttl_s = (uint32_t) m->config.outbox.message_ttl_s,
                .sync_interval_us = m->config.outbox.sync_interval_s * USEC_PER_SEC,
                .policy = (OutboxPolicy) m->config.outbox.when_full,
        };
}

OutboxesConfig manager_outboxes_config_at(const Manager *m, char *path, size_t size) {
        OutboxesConfig config = manager_outboxes_config(m);

        if (config.directory)
                return config;
        (void) snprintf(path, size, "%s/outbox", m->options.state_dir);
        config.directory = path;
        return config;
}

/* Reload ---------------------------------------------------------------------------------------------- */

/*
 * 0; CONFIG_INVALID; a negative errno. What the link would use is looked at if it is going to be used, and an
 * identity if there is one to be lost: a device that never had any may still change its log level.
 */
static int read_next(const Manager *m, Config *next, ConfigReload *reload) {
        _cleanup_(config_identity_done) ConfigIdentity identity = CONFIG_IDENTITY_NULL;
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        ConfigMessages *messages = &reload->messages;
        int r;

        r = config_load(next, m->options.config_path, m->options.config_required, messages);
        if (r >= 0)
                r = config_check_keys(next, directory, messages);
        if (r < 0)
                return r;
        config_compare(&m->config, next, &reload->changes);
        if (config_changes_have(&reload->changes, CONFIG_APPLY_RECONNECT)) {
                bool wants_identity = messages->n_errors == 0 && hub_link_has_identity(m->link);

                r = config_check_files(next, directory, wants_identity ? &identity : NULL, messages);
                if (r < 0)
                        return r;
        }
        return messages->n_errors > 0 ? CONFIG_INVALID : 0;
}

static void apply_outbox(Manager *m) {
        OutboxesConfig outboxes = manager_outboxes_config(m);
        OutboxTime now = uplink_now(m->uplink);
        int r;

        r = outboxes_configure(m->outboxes, &outboxes, &now);
        if (r < 0)
                log_errno(&m->log, MSG_CONFIG_REMARK, r, "The outbox cannot have this size: %m, ignoring");
        uplink_set_pace(m->uplink, m->config.outbox.drain_per_s, m->config.outbox.drain_burst);
}

/* 'report' is taken over if it is wanted. */
static void apply(Manager *m, const ConfigChanges *changes, DropReport **report) {
        int r;

        m->log.max_level = m->config.log.level;
        methods_set_limit(m->methods, m->config.hub.method_timeout_s * USEC_PER_SEC);
        messages_configure(m->messages, &m->config);
        if (config_changes_have_section(changes, "Outbox"))
                apply_outbox(m);
        if (*report)
                m->drop_report = TAKE_PTR(*report);
        else if (!m->config.outbox.report_drops)
                m->drop_report = drop_report_free(m->drop_report);
        if (config_changes_have(changes, CONFIG_APPLY_RECONNECT))
                hub_link_configure(m->link);
        r = manager_apply_clouds(m);
        if (r < 0)
                log_errno(&m->log, MSG_CONFIG_REMARK, r, "The broker cannot be set up: %m, ignoring");
}

/* "Hub.KeepAliveSec, Outbox.MaxBytes, Access" of the keys that do or do not need a restart. */
static const char *list_names(const ConfigChanges *changes, bool need_restart,
                              char names[static NAMES_SIZE]) {
        size_t n = 0;

        names[0] = '\0';
        for (size_t i = 0; i < changes->n_keys && n < NAMES_SIZE; i++)
                if ((changes->keys[i]->apply == CONFIG_APPLY_RESTART) == need_restart)
                        n += (size_t) snprintf(names + n, NAMES_SIZE - n, "%s%s.%s", n > 0 ? ", " : "",
                                               changes->keys[i]->section, changes->keys[i]->key);
        if (changes->access && !need_restart && n < NAMES_SIZE)
                (void) snprintf(names + n, NAMES_SIZE - n, "%sAccess", n > 0 ? ", " : "");
        return names;
}

static void log_changes(Manager *m, const ConfigChanges *changes) {
        char applied[NAMES_SIZE], need_restart[NAMES_SIZE];

        list_names(changes, false, applied);
        list_names(changes, true, need_restart);
        log_message(&m->log, MSG_CONFIG_RELOADED, "Configuration loaded again: %s%s%s%s",
                    applied[0]        ? applied
                    : need_restart[0] ? "nothing"
                                      : "nothing has changed",
                    applied[0] || need_restart[0] ? " taken" : "",
                    need_restart[0] ? "; a restart is needed for " : "", need_restart);
}

static int reload(Manager *m, ConfigReload *ret) {
        _cleanup_(drop_report_freep) DropReport *report = NULL;
        _cleanup_(config_done) Config next = {};
        int r;

        r = read_next(m, &next, ret);
        log_messages(m, &ret->messages);
        if (r == 0 && next.outbox.report_drops && !m->drop_report)
                r = drop_report_new(&report, m->outboxes, m->disk, m->options.state_dir, &m->log);
        if (r == CONFIG_INVALID)
                log_message(&m->log, MSG_CONFIG_REFUSED,
                            "The configuration has mistakes (%zu): what is in use stays",
                            ret->messages.n_errors);
        else if (r < 0)
                log_errno(&m->log, MSG_CONFIG_REFUSED, r, "Failed to load the configuration again: %m");
        if (r != 0)
                return r;

        config_take(&m->config, &next, &ret->changes);
        manager_apply_access(m, &next.access);
        apply(m, &ret->changes, &report);
        log_changes(m, &ret->changes);
        return 0;
}

int manager_reload(void *userdata, ConfigReload *ret) {
        Manager *m = userdata;
        int r;

        if (!m->stopping)
                (void) sd_notify(false, "RELOADING=1");
        r = reload(m, ret);
        m->reloads.is_refused = r != 0;
        if (r == 0) {
                m->reloads.n_taken++;
                m->reloads.taken_us = boottime_us();
        } else
                m->reloads.n_refused++;
        if (!m->stopping)
                (void) sd_notify(false, "READY=1");
        return r;
}
