/* SPDX-License-Identifier: MIT */

/* Takers wait in the order in which they began to; each gets the oldest message that nobody has. */

#include "daemon/inbox-internal.h"

#include <assert.h>

/* The oldest message that may be given; expired ones may not, and are about to be removed. */
static InboxEntry *entry_to_give(const Inbox *inbox) {
        InboxEntry *entry;

        for (entry = TAILQ_FIRST(&inbox->stored); entry; entry = TAILQ_NEXT(entry, link))
                if (entry->state == INBOX_STORED && !inbox_is_expired(inbox, entry))
                        return entry;
        return NULL;
}

void inbox_give_next(Inbox *inbox) {
        InboxTaker *taker;
        InboxEntry *entry;

        if (inbox->now.boottime_us < inbox->read_retry_us)
                return;

        for (taker = TAILQ_FIRST(&inbox->takers); taker; taker = TAILQ_NEXT(taker, link)) {
                if (!taker->is_waiting || taker->is_promised)
                        continue;
                entry = entry_to_give(inbox);
                if (!entry)
                        return;
                inbox_read(entry, taker);
        }
}

void inbox_give(InboxEntry *entry, const InboxFile *file) {
        InboxTaker *taker = entry->taker;
        Inbox *inbox = entry->inbox;
        InboxMessage message = {
                .sequence = entry->sequence,
                .received_us = entry->received_us,
                .expires_us = entry->expires_us,
                .redelivered = entry->was_given,
                .bag = file->bag,
                .payload = file->payload,
        };

        entry->state = INBOX_TAKEN;
        entry->was_given = true;
        entry->n_failures = 0;
        taker->is_waiting = false;
        taker->n_unsettled++;
        inbox->ops->give(inbox->userdata, taker->userdata, &message);
}

/* Nobody has it any more. */
void inbox_return(InboxEntry *entry) {
        entry->state = INBOX_STORED;
        entry->taker = NULL;
        inbox_note_expiry(entry->inbox, entry);
}

int inbox_taker_new(InboxTaker **ret, Inbox *inbox, void *userdata) {
        InboxTaker *taker;

        taker = malloc(sizeof(*taker));
        if (!taker)
                return -ENOMEM;

        *taker = (InboxTaker){ .inbox = inbox, .userdata = userdata };
        TAILQ_INSERT_TAIL(&inbox->takers, taker, link);
        *ret = taker;
        return 0;
}

InboxTaker *inbox_taker_free(InboxTaker *taker) {
        InboxEntry *entry;
        Inbox *inbox;

        if (!taker)
                return NULL;

        inbox = taker->inbox;
        for (entry = TAILQ_FIRST(&inbox->stored); entry; entry = TAILQ_NEXT(entry, link)) {
                if (entry->taker != taker)
                        continue;
                entry->taker = NULL; /* what is being read or removed hears of it when that is done */
                if (entry->state == INBOX_TAKEN)
                        inbox_return(entry);
        }
        TAILQ_REMOVE(&inbox->takers, taker, link);
        free(taker);
        inbox_give_next(inbox);
        return NULL;
}

int inbox_taker_wait(InboxTaker *taker, uint64_t until_us, const InboxTime *now) {
        Inbox *inbox = taker->inbox;

        assert(!taker->is_waiting);

        if (taker->n_unsettled >= INBOX_UNSETTLED_MAX)
                return INBOX_TOO_MANY;

        inbox->now = *now;
        taker->is_waiting = true;
        taker->until_us = until_us;
        TAILQ_REMOVE(&inbox->takers, taker, link);
        TAILQ_INSERT_TAIL(&inbox->takers, taker, link);
        inbox_give_next(inbox);
        return 0;
}

void inbox_taker_cancel(InboxTaker *taker) {
        InboxEntry *entry;

        taker->is_waiting = false;
        if (!taker->is_promised)
                return;

        taker->is_promised = false;
        for (entry = TAILQ_FIRST(&taker->inbox->stored); entry; entry = TAILQ_NEXT(entry, link))
                if (entry->taker == taker && entry->state == INBOX_READING)
                        entry->taker = NULL;
}

int inbox_taker_settle(InboxTaker *taker, uint64_t sequence, void *token) {
        InboxEntry *entry;

        for (entry = TAILQ_FIRST(&taker->inbox->stored); entry; entry = TAILQ_NEXT(entry, link))
                if (entry->sequence == sequence && entry->taker == taker && entry->state == INBOX_TAKEN) {
                        entry->token = token;
                        inbox_remove(entry);
                        return 0;
                }
        return INBOX_GONE;
}

void inbox_settle_forget(Inbox *inbox, void *token) {
        InboxEntry *entry;

        for (entry = TAILQ_FIRST(&inbox->stored); entry; entry = TAILQ_NEXT(entry, link))
                if (entry->token == token)
                        entry->token = NULL;
}
