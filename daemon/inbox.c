/* SPDX-License-Identifier: MIT */

#include "daemon/inbox-internal.h"

#include <assert.h>

/* Messages -------------------------------------------------------------------------------------------- */

bool inbox_is_expired(const Inbox *inbox, const InboxEntry *entry) {
        return entry->expires_us > 0 && entry->expires_us <= inbox->now.realtime_us;
}

void inbox_note_expiry(Inbox *inbox, const InboxEntry *entry) {
        if (entry->expires_us > 0)
                inbox->expiry_us = MIN(inbox->expiry_us, entry->expires_us);
}

void inbox_add_stored(Inbox *inbox, InboxEntry *entry) {
        entry->state = INBOX_STORED;
        TAILQ_INSERT_TAIL(&inbox->stored, entry, link);
        inbox->n_stored++;
        inbox->n_stored_bytes += entry->size;
        inbox_note_expiry(inbox, entry);
}

static void copy_free(InboxEntry *entry) {
        Inbox *inbox = entry->inbox;

        inbox->n_waiting--;
        inbox->n_waiting_bytes -= entry->size;
        free(entry->copy);
        entry->copy = NULL;
}

/* The message is safe, or nobody wants it any more: the hub may forget it. */
void inbox_release_copy(InboxEntry *entry) {
        Inbox *inbox = entry->inbox;

        for (unsigned i = 0; i < entry->copy->n_acks; i++)
                inbox->ops->ack(inbox->userdata, entry->copy->acks[i]);
        copy_free(entry);
}

/* Of one that is stored: takes it out of the list, too. */
void inbox_free_entry(InboxEntry *entry) {
        Inbox *inbox = entry->inbox;

        TAILQ_REMOVE(&inbox->stored, entry, link);
        inbox->n_stored--;
        inbox->n_stored_bytes -= entry->size;
        free(entry);
}

/* The disk -------------------------------------------------------------------------------------------- */

void inbox_storage_failed(Inbox *inbox, int error, const char *what) {
        if (inbox->storage_error != error)
                log_errno(inbox->log, MSG_INBOX_DISK, error, "Failed to %s: %m, retrying every %u s", what,
                          (unsigned) (INBOX_RETRY_US / USEC_PER_SEC));
        inbox->storage_error = error;
        inbox->retry_us = inbox->now.boottime_us + INBOX_RETRY_US;
}

static bool may_try(const Inbox *inbox) {
        return inbox->directory_fd >= 0 && inbox->retry_us == 0;
}

/* Whether 'size' bytes more are too many. */
static bool is_full(const Inbox *inbox, uint32_t size) {
        return inbox->n_stored >= inbox->config.max_messages ||
               inbox->n_stored_bytes + size > inbox->config.max_bytes;
}

/* What waits for more than its turn, or NULL. */
static const InboxEntry *entry_stalled(const Inbox *inbox) {
        const InboxEntry *entry = TAILQ_FIRST(&inbox->waiting);

        return entry && entry->state == INBOX_WAITING ? entry : NULL;
}

static void stall_describe(const Inbox *inbox, char *ret, size_t n) {
        const InboxEntry *entry = entry_stalled(inbox);

        ret[0] = '\0';
        if (!entry)
                return;
        if (is_full(inbox, entry->size))
                (void) snprintf(ret, n,
                                "the inbox is full with %" PRIu64 " messages that no program has settled",
                                inbox->n_stored);
        else
                (void) snprintf(ret, n, "the disk failed: %s", strerror(inbox->storage_error));
}

static void stall_update(Inbox *inbox) {
        char reason[sizeof((InboxStats){}.stalled)];

        if (!inbox->is_stalled && entry_stalled(inbox)) {
                inbox->is_stalled = true;
                stall_describe(inbox, reason, sizeof(reason));
                log_message(inbox->log, MSG_INBOX_STALLED,
                            "Messages from the cloud have to wait at the hub: %s", reason);
        } else if (inbox->is_stalled && TAILQ_EMPTY(&inbox->waiting)) {
                inbox->is_stalled = false;
                /* What was not kept track of can come at once, and be stored. */
                if (inbox->reconnect_us < UINT64_MAX)
                        inbox->reconnect_us = inbox->now.boottime_us;
                log_message(inbox->log, MSG_INBOX_WORKS, "Messages from the cloud are stored again");
        }
}

void inbox_store_next(Inbox *inbox) {
        InboxEntry *entry = TAILQ_FIRST(&inbox->waiting);

        if (entry && entry->state == INBOX_WAITING && may_try(inbox) && !is_full(inbox, entry->size))
                inbox_store(entry);
        stall_update(inbox);
}

/* From the hub ---------------------------------------------------------------------------------------- */

/* It will come again. As PUBACKs leave in order, those behind it cannot before there is a new connection. */
static void delivery_forget(Inbox *inbox) {
        inbox->reconnect_us = MIN(inbox->reconnect_us, inbox->now.boottime_us + INBOX_LOCK_US);
}

static void delivery_note(InboxEntry *entry, const InboxDelivery *delivery) {
        InboxCopy *copy = entry->copy;

        copy->delivered_us = entry->inbox->now.boottime_us;
        if (copy->n_acks < INBOX_DELIVERIES_MAX)
                copy->acks[copy->n_acks++] = delivery->ack;
        else
                delivery_forget(entry->inbox);
}

static bool is_repeat_of_waiting(const InboxEntry *entry, const InboxDelivery *delivery) {
        uint64_t lock_us = delivery->dup ? INBOX_LOCK_US / 2 : INBOX_LOCK_US;
        const InboxCopy *copy = entry->copy;

        return entry->is_named || copy->n_acks == 0 ||
               entry->inbox->now.boottime_us >= copy->delivered_us + lock_us;
}

static InboxEntry *waiting_find_repeated(Inbox *inbox, const InboxDelivery *delivery, const InboxId *id) {
        InboxEntry *entry;

        for (entry = TAILQ_FIRST(&inbox->waiting); entry; entry = TAILQ_NEXT(entry, link))
                if (inbox_id_is_equal(&entry->id, id) && is_repeat_of_waiting(entry, delivery))
                        return entry;
        return NULL;
}

static bool is_repeat_of_stored(Inbox *inbox, const InboxDelivery *delivery, const InboxId *id) {
        bool is_named = az_span_size(delivery->message_id) > 0;
        InboxEntry *entry;

        if (is_named && inbox_ids_has(&inbox->ids, id))
                return true;
        for (entry = TAILQ_FIRST(&inbox->stored); entry; entry = TAILQ_NEXT(entry, link))
                if (inbox_id_is_equal(&entry->id, id) && (is_named || entry->is_owed)) {
                        entry->is_owed = false;
                        return true;
                }
        return false;
}

static InboxEntry *entry_new(Inbox *inbox, const InboxDelivery *delivery, const InboxId *id, size_t size) {
        InboxCopy *copy;
        InboxEntry *entry;

        entry = malloc(sizeof(*entry));
        copy = malloc(sizeof(*copy) + size);
        if (!entry || !copy) {
                free(entry);
                free(copy);
                return NULL;
        }

        *copy = (InboxCopy){ .bag_size = (uint32_t) az_span_size(delivery->bag) };
        (void) az_span_copy(az_span_copy(az_span_create(copy->bytes + INBOX_FILE_HEADER_BYTES,
                                                        (int32_t) (size - INBOX_FILE_HEADER_BYTES)),
                                         delivery->bag),
                            delivery->payload);
        *entry = (InboxEntry){
                .inbox = inbox,
                .state = INBOX_WAITING,
                .is_named = az_span_size(delivery->message_id) > 0,
                .received_us = inbox->now.realtime_us,
                .expires_us = delivery->expires_us,
                .size = (uint32_t) size,
                .id = *id,
                .copy = copy,
        };
        return entry;
}

/* A message that is new. -ENOBUFS: as many wait as may. */
static int waiting_add(Inbox *inbox, const InboxDelivery *delivery, const InboxId *id) {
        size_t size = inbox_file_size(&(InboxFile){ .bag = delivery->bag, .payload = delivery->payload });
        InboxEntry *entry;

        if (inbox->n_waiting >= INBOX_WAITING_MAX || inbox->n_waiting_bytes + size > INBOX_WAITING_BYTES_MAX)
                return -ENOBUFS;
        entry = entry_new(inbox, delivery, id, size);
        if (!entry)
                return -ENOMEM;

        delivery_note(entry, delivery);
        inbox_note_expiry(inbox, entry);
        inbox->n_waiting++;
        inbox->n_waiting_bytes += size;
        TAILQ_INSERT_TAIL(&inbox->waiting, entry, link);
        return 0;
}

void inbox_receive(Inbox *inbox, const InboxDelivery *delivery, const InboxTime *now) {
        InboxEntry *entry;
        InboxId id;
        int r;

        inbox->now = *now;
        r = inbox_id_make(&id, delivery->message_id, delivery->bag, delivery->payload);
        if (r < 0) {
                delivery_forget(inbox);
                return;
        }

        entry = waiting_find_repeated(inbox, delivery, &id);
        if (entry) {
                inbox->n_repeated++;
                delivery_note(entry, delivery);
        } else if (is_repeat_of_stored(inbox, delivery, &id)) {
                inbox->n_repeated++;
                inbox->ops->ack(inbox->userdata, delivery->ack);
        } else if (waiting_add(inbox, delivery, &id) < 0)
                delivery_forget(inbox);
        else
                inbox_run_due(inbox, now);
}

void inbox_lost(Inbox *inbox) {
        InboxEntry *entry;

        for (entry = TAILQ_FIRST(&inbox->waiting); entry; entry = TAILQ_NEXT(entry, link))
                entry->copy->n_acks = 0;
        inbox->reconnect_us = UINT64_MAX;
}

bool inbox_is_drained(const Inbox *inbox) {
        return TAILQ_EMPTY(&inbox->waiting) || entry_stalled(inbox);
}

bool inbox_wants_reconnect(Inbox *inbox) {
        if (inbox->now.boottime_us < inbox->reconnect_us)
                return false;
        inbox->reconnect_us = UINT64_MAX;
        return true;
}

/* Life ------------------------------------------------------------------------------------------------ */

/* Forgets what inbox_recover() found. */
static void inbox_clear(Inbox *inbox) {
        InboxEntry *entry;

        while ((entry = TAILQ_FIRST(&inbox->stored)))
                inbox_free_entry(entry);
        inbox->ids_fd = close_fd(inbox->ids_fd);
        inbox->directory_fd = close_fd(inbox->directory_fd);
}

static int inbox_start(Inbox *inbox) {
        int r;

        r = inbox_recover(inbox);
        if (r < 0) {
                inbox_clear(inbox);
                inbox_storage_failed(inbox, -r, "open the inbox");
                return r;
        }
        inbox->storage_error = 0;
        return 0;
}

int inbox_open(Inbox **ret, Disk *disk, const InboxConfig *config, const InboxOps *ops, void *userdata,
               const Log *log, const InboxTime *now) {
        _cleanup_(inbox_freep) Inbox *inbox = NULL;
        int r;

        inbox = malloc(sizeof(*inbox));
        if (!inbox)
                return -ENOMEM;
        *inbox = (Inbox){
                .config = *config,
                .ops = ops,
                .userdata = userdata,
                .log = log,
                .disk = disk,
                .directory_fd = -1,
                .ids_fd = -1,
                .now = *now,
                .expiry_us = UINT64_MAX,
                .reconnect_us = UINT64_MAX,
        };
        TAILQ_INIT(&inbox->waiting);
        TAILQ_INIT(&inbox->stored);
        TAILQ_INIT(&inbox->takers);

        inbox->config.directory = inbox->directory = strdup(config->directory);
        if (!inbox->directory)
                return -ENOMEM;
        r = inbox_start(inbox);
        if (r == -ENOMEM)
                return r;

        *ret = TAKE_PTR(inbox);
        return 0;
}

Inbox *inbox_free(Inbox *inbox) {
        InboxEntry *entry;

        if (!inbox)
                return NULL;

        assert(TAILQ_EMPTY(&inbox->takers));

        disk_drain(inbox->disk);
        while ((entry = TAILQ_FIRST(&inbox->waiting))) {
                TAILQ_REMOVE(&inbox->waiting, entry, link);
                copy_free(entry);
                free(entry);
        }
        inbox_clear(inbox);
        free(inbox->directory);
        free(inbox);
        return NULL;
}

void inbox_get_stats(const Inbox *inbox, InboxStats *ret) {
        *ret = (InboxStats){
                .messages = inbox->n_stored,
                .bytes = inbox->n_stored_bytes,
                .capacity_messages = inbox->config.max_messages,
                .capacity_bytes = inbox->config.max_bytes,
                .n_waiting = inbox->n_waiting,
                .n_repeated = inbox->n_repeated,
                .n_expired = inbox->n_expired,
                .n_damaged = inbox->n_damaged,
        };
        stall_describe(inbox, ret->stalled, sizeof(ret->stalled));
}

/* Time ------------------------------------------------------------------------------------------------ */

static void waiting_drop_expired(Inbox *inbox) {
        InboxEntry *entry, *next;

        for (entry = TAILQ_FIRST(&inbox->waiting); entry; entry = next) {
                next = TAILQ_NEXT(entry, link);
                if (entry->state != INBOX_WAITING || !inbox_is_expired(inbox, entry))
                        continue;
                inbox->n_expired++;
                inbox_release_copy(entry);
                TAILQ_REMOVE(&inbox->waiting, entry, link);
                free(entry);
        }
}

/* What is taken stays with its taker; what the disk thread has is looked at when it comes back. */
static void drop_expired(Inbox *inbox) {
        uint64_t n_before = inbox->n_expired;
        InboxEntry *entry;

        inbox->expiry_us = UINT64_MAX;
        waiting_drop_expired(inbox);
        for (entry = TAILQ_FIRST(&inbox->waiting); entry; entry = TAILQ_NEXT(entry, link))
                if (!inbox_is_expired(inbox, entry))
                        inbox_note_expiry(inbox, entry);

        for (entry = TAILQ_FIRST(&inbox->stored); entry; entry = TAILQ_NEXT(entry, link)) {
                if (entry->state != INBOX_STORED)
                        continue;
                if (!inbox_is_expired(inbox, entry)) {
                        inbox_note_expiry(inbox, entry);
                        continue;
                }
                if (!entry->is_counted)
                        inbox->n_expired++;
                entry->is_counted = true;
                if (may_try(inbox))
                        inbox_remove(entry);
        }

        if (inbox->n_expired > n_before)
                log_message(inbox->log, MSG_INBOX_EXPIRED,
                            "%" PRIu64 " messages from the cloud expired before a program took them",
                            inbox->n_expired - n_before);
}

static void takers_time_out(Inbox *inbox) {
        InboxTaker *taker, *next;

        for (taker = TAILQ_FIRST(&inbox->takers); taker; taker = next) {
                next = TAILQ_NEXT(taker, link);
                if (!taker->is_waiting || taker->until_us > inbox->now.boottime_us)
                        continue;
                inbox_taker_cancel(taker);
                inbox->ops->give(inbox->userdata, taker->userdata, NULL);
        }
}

void inbox_set_limits(Inbox *inbox, uint64_t max_messages, uint64_t max_bytes) {
        inbox->config.max_messages = max_messages;
        inbox->config.max_bytes = max_bytes;
}

uint64_t inbox_deadline_us(const Inbox *inbox) {
        uint64_t deadline_us = inbox->reconnect_us;
        const InboxTaker *taker;

        if (inbox->retry_us > 0)
                deadline_us = MIN(deadline_us, inbox->retry_us);
        if (inbox->read_retry_us > 0)
                deadline_us = MIN(deadline_us, inbox->read_retry_us);
        if (inbox->expiry_us < UINT64_MAX)
                deadline_us = MIN(deadline_us,
                                  inbox->now.boottime_us + (MAX(inbox->expiry_us, inbox->now.realtime_us) -
                                                            inbox->now.realtime_us));
        for (taker = TAILQ_FIRST(&inbox->takers); taker; taker = TAILQ_NEXT(taker, link))
                if (taker->is_waiting)
                        deadline_us = MIN(deadline_us, taker->until_us);
        return deadline_us;
}

void inbox_run_due(Inbox *inbox, const InboxTime *now) {
        inbox->now = *now;

        if (inbox->retry_us > 0 && now->boottime_us >= inbox->retry_us) {
                inbox->retry_us = 0;
                inbox->expiry_us = 0; /* look for what could not be removed */
                if (inbox->directory_fd < 0)
                        (void) inbox_start(inbox);
        }
        if (inbox->read_retry_us > 0 && now->boottime_us >= inbox->read_retry_us)
                inbox->read_retry_us = 0;
        if (now->realtime_us >= inbox->expiry_us)
                drop_expired(inbox);
        inbox_store_next(inbox);
        inbox_give_next(inbox);
        takers_time_out(inbox);
}
