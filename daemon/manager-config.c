/* SPDX-License-Identifier: MIT */

#include "daemon/config-check.h"
#include "daemon/manager-internal.h"

static void log_messages(Manager *m, const ConfigMessages *messages) {
        char text[1024];

        for (size_t i = 0; i < messages->n; i++)
                log_message(&m->log,
                            messages->messages[i].level == LOG_ERR ? MSG_CONFIG_MISTAKE : MSG_CONFIG_REMARK,
                            "%s", config_message_format(&messages->messages[i], text, sizeof(text)));
        if (messages->n_left_out > 0)
                log_message(&m->log, MSG_CONFIG_MISTAKE, "There are %zu more mistakes", messages->n_left_out);
}

/* Keys that contradict each other leave the device without an identity, but what programs say is accepted. */
int manager_load_config(Manager *m, const ManagerOptions *options) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        int r;

        r = config_load(&m->config, options->config_path, options->config_required, &messages);
        if (r == 0)
                r = config_check_keys(&m->config, getenv("CREDENTIALS_DIRECTORY"), &messages);
        log_messages(m, &messages);
        if (r == CONFIG_INVALID)
                return -EBADMSG;
        if (r < 0)
                return log_errno(&m->log, MSG_START_FAILED, r, "Failed to load '%s': %m",
                                 options->config_path);

        log_init(&m->log, m->config.log.level);
        return 0;
}
