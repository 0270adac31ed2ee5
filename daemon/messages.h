/* SPDX-License-Identifier: MIT */
#pragma once

/* io.aziotd.messages: what the cloud has for local programs, by way of the inbox. */

#include "daemon/hub-link.h"
#include "daemon/inbox.h"
#include "ipc/server.h"

typedef struct Messages Messages;

/* The inbox is a directory of 'state_dir'. All pointers but that must outlive it. */
int messages_new(Messages **ret, HubLink *link, Disk *disk, const Config *config, const char *state_dir,
                 const Log *log);
/* All connections must be gone: free the IpcServer first. */
Messages *messages_free(Messages *messages);
DEFINE_CLEANUP(Messages *, messages_free)

/* The configuration has changed; what is stored stays, whatever the limits say now. */
void messages_configure(Messages *messages, const Config *config);

/* A message has come over the link; what is needed of it is copied. */
void messages_c2d(Messages *messages, const az_iot_hub_client_c2d_request *request, az_span payload, bool dup,
                  MqttAck ack);
/* The link is gone. */
void messages_lost(Messages *messages);
/* No message is on its way to the disk. */
bool messages_is_drained(const Messages *messages);

/* The program may not take messages any more: what it has is given to others. Nothing of it waits. */
void messages_revoke(IpcConnection *connection);

uint64_t messages_deadline_us(const Messages *messages);
void messages_run_due(Messages *messages, uint64_t now_us);

void messages_get_stats(const Messages *messages, InboxStats *ret);

/* Since the daemon started. */
typedef struct MessagesCounts {
        uint64_t n_received; /* deliveries of the hub, repeats included */
        uint64_t n_settled;
} MessagesCounts;

/* Valid as long as 'messages'. */
const MessagesCounts *messages_get_counts(const Messages *messages);

/* Its userdata is a Messages. */
extern const IpcInterface messages_interface;
