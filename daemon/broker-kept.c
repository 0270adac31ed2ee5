/* SPDX-License-Identifier: MIT */

/*
 * What programs serve, kept on disk: a broker that has kept our session delivers requests as soon as the
 * daemon is back, before the programs are. Without an executor they would be acknowledged, and nobody would
 * answer them.
 */

#include "daemon/broker-commands-internal.h"
#include "daemon/command-file.h"
#include "daemon/state-json.h"

#define FILE_NAME "broker-commands"

static void on_written(void *userdata, int error) {
        BrokerCommands *c = userdata;

        if (error < 0)
                log_errno(c->log, MSG_STATE_UNWRITTEN, error,
                          "Failed to write '" FILE_NAME "': %m, ignoring");
        if (c->is_dirty)
                broker_commands_keep(c);
}

void broker_commands_keep(BrokerCommands *c) {
        char *text;
        int r;

        c->is_dirty = state_file_is_busy(c->file);
        if (c->is_dirty)
                return;
        r = command_file_format(c->server, &text);
        if (r < 0)
                on_written(c, r);
        else
                state_file_write(c->file, text, on_written, c);
}

static void restore(BrokerCommands *c, const CommandRecord *records, size_t n) {
        for (size_t i = 0; i < n; i++)
                /* What is not possible any more, say with another namespace, is not served. */
                (void) command_server_restore(c->server, &records[i].offer, records[i].uid,
                                              broker_link_time());
}

void broker_commands_restore(BrokerCommands *c) {
        _cleanup_(ipc_document_done) IpcDocument document = IPC_DOCUMENT_NULL;
        _cleanup_(freep) CommandRecord *records = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;
        int r;

        r = state_file_read(c->file, &text);
        if (r == STATE_FILE_NONE)
                return;
        if (r == 0) {
                r = command_file_parse(&document, az_span_create_from_str(text), &records, &n);
                if (r == STATE_JSON_INVALID)
                        r = STATE_FILE_DAMAGED;
        }
        if (r > 0)
                state_file_set_aside(c->file, c->log, r, "serving what programs ask for");
        else if (r < 0)
                log_errno(c->log, MSG_STATE_UNREADABLE, r, "Failed to read '" FILE_NAME "': %m, ignoring");
        else
                restore(c, records, n);
}

int broker_commands_open_file(BrokerCommands *c, Disk *disk, const char *state_dir) {
        return state_file_new(&c->file, disk, state_dir, FILE_NAME);
}

void broker_commands_close_file(BrokerCommands *c) {
        char *text;

        if (c->is_dirty && c->server && command_file_format(c->server, &text) == 0)
                (void) state_file_write_now(c->file, text);
        c->file = state_file_free(c->file);
}
