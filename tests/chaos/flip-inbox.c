/* SPDX-License-Identifier: MIT */

/* What has to become of a damaged inbox: each message whose file is whole is given, unchanged. */

#include "daemon/inbox.h"
#include "tests/chaos/flip-store.h"
#include "tests/interop/must.h"

#define N_MESSAGES 3U

static const char *const texts[N_MESSAGES] = { "one", "two", "three" };

/* What one opening showed. */
typedef struct Sight {
        InboxTaker *taker;
        unsigned n_acks, n_given;
        bool is_seen[N_MESSAGES];
        uint64_t given; /* last; 0: none */
        const char *wrong;
} Sight;

static void on_ack(void *userdata, MqttAck ack) {
        ((Sight *) userdata)->n_acks++;
}

static void on_give(void *userdata, void *taker_userdata, const InboxMessage *message) {
        Sight *sight = userdata;
        uint64_t i = message->sequence - 1;

        sight->given = message->sequence;
        if (i >= N_MESSAGES || sight->is_seen[i] ||
            !flip_is(message->payload, (const uint8_t *) texts[i], strlen(texts[i])) ||
            !flip_is(message->bag, (const uint8_t *) "line=3", strlen("line=3")))
                sight->wrong = "a message is given that is not what came";
        else
                sight->is_seen[i] = true;
}

static void on_settled(void *userdata, void *token, int error) {
        if (error != 0)
                ((Sight *) userdata)->wrong = "a message cannot be settled";
}

static const InboxOps ops = { .ack = on_ack, .give = on_give, .settled = on_settled };
static const Log silent = { .max_level = -1 };
static const InboxTime now = { .boottime_us = USEC_PER_SEC,
                               .realtime_us = UINT64_C(1700000000) * USEC_PER_SEC };

static Inbox *open_inbox(FlipStore *store, Sight *sight) {
        InboxConfig config = { .directory = store->directory, .max_messages = 9, .max_bytes = 1024 * 1024 };
        Inbox *inbox = NULL;

        return inbox_open(&inbox, store->disk, &config, &ops, sight, &silent, &now) == 0 ? inbox : NULL;
}

static void receive(FlipStore *store, Inbox *inbox, const char *id, const char *text) {
        InboxDelivery delivery = {
                .bag = AZ_SPAN_FROM_STR("line=3"),
                .payload = az_span_create_from_str((char *) text),
                .message_id = az_span_create_from_str((char *) id),
                .ack = { .epoch = 1, .sequence = 1 },
        };

        inbox_receive(inbox, &delivery, &now);
        disk_drain(store->disk);
}

static void inbox_make(FlipStore *store) {
        Sight sight = {};
        Inbox *inbox;

        inbox = open_inbox(store, &sight);
        must(inbox, "an inbox");
        for (size_t i = 0; i < N_MESSAGES; i++)
                receive(store, inbox, i == 2 ? "" : texts[i], texts[i]);
        must(sight.n_acks == N_MESSAGES, "messages are stored");
        inbox_free(inbox);
}

static void take_all(FlipStore *store, Inbox *inbox, Sight *sight) {
        InboxTaker *taker;

        must(inbox_taker_new(&taker, inbox, NULL) == 0, "a taker");
        do {
                sight->given = 0;
                must(inbox_taker_wait(taker, now.boottime_us + USEC_PER_SEC, &now) == 0, "a wait");
                disk_drain(store->disk);
                if (sight->given == 0)
                        break;
                if (inbox_taker_settle(taker, sight->given, sight) != 0)
                        sight->wrong = "a message that was given cannot be settled";
                disk_drain(store->disk);
        } while (!sight->wrong);
        inbox_taker_cancel(taker);
        inbox_taker_free(taker);
}

static const char *inbox_check(FlipStore *store, const FlipDamage *damage) {
        bool is_ids = strcmp(store->files[damage->file].name, "ids") == 0, is_lost = false;
        Sight sight = {};
        Inbox *inbox;

        inbox = open_inbox(store, &sight);
        if (!inbox)
                return "it did not open";
        take_all(store, inbox, &sight);
        sight.n_acks = 0;
        receive(store, inbox, "fresh", "fresh");
        inbox_free(inbox);

        if (sight.wrong)
                return sight.wrong;
        if (sight.n_acks != 1)
                return "nothing is accepted any more";
        for (size_t i = 0; i < N_MESSAGES; i++) {
                char name[48];

                if (sight.is_seen[i])
                        continue;
                is_lost = true;
                (void) snprintf(name, sizeof(name), "message-%012zu", i + 1);
                if (is_ids || strcmp(store->files[damage->file].name, name) != 0)
                        return "a message was lost that was not damaged";
        }
        if (is_lost && flip_count_aside(store) == 0)
                return "what was damaged was not kept";
        if (flip_count_aside(store) > 0)
                store->n_told++;
        else
                store->n_read++;
        return NULL;
}

static void inbox_learn(FlipStore *store) {
        must(store->n_files == N_MESSAGES + 1, "a file for each message, and the ids");
}

const FlipKind flip_inbox = { "inbox", inbox_make, inbox_learn, inbox_check };
