/* SPDX-License-Identifier: MIT */

/*
 * The link can refuse a message for lack of room that it had promised (it also counts bytes). Then the
 * message is held in 'held' and goes first the next time.
 *
 * A message that is suspected to make the hub close the connection (daemon/suspect.h) is kept in 'withheld'
 * while the one behind it goes first.
 */

#include "daemon/uplink.h"

#include <inttypes.h>

#include <azure/core/az_span.h>

#include "daemon/suspect.h"
#include "daemon/telemetry-message.h"

typedef struct HeldMessage {
        uint8_t *bytes; /* NULL: none is held */
        az_span bag, body;
        uint64_t sequence;
        uint64_t realtime_us;
        uint8_t flags;
} HeldMessage;

struct Uplink {
        Outbox *outbox;
        HubLink *link;
        StageWaits *waits;
        DeadLetters *dead_letters;
        const Log *log;
        uint64_t boot;

        HeldMessage held, withheld;
        Suspect suspect;
        bool is_filing; /* 'withheld' is being set aside */
        UplinkStats stats;
};

int uplink_new(Uplink **ret, Outbox *outbox, HubLink *link, StageWaits *waits, DeadLetters *dead_letters,
               const Log *log, uint64_t boot) {
        Uplink *uplink;

        uplink = malloc(sizeof(*uplink));
        if (!uplink)
                return -ENOMEM;

        *uplink = (Uplink){
                .outbox = outbox,
                .link = link,
                .waits = waits,
                .dead_letters = dead_letters,
                .log = log,
                .boot = boot,
        };
        *ret = uplink;
        return 0;
}

static void held_done(HeldMessage *held) {
        free(held->bytes);
        *held = (HeldMessage){};
}

Uplink *uplink_free(Uplink *uplink) {
        if (!uplink)
                return NULL;

        held_done(&uplink->held);
        held_done(&uplink->withheld);
        free(uplink);
        return NULL;
}

OutboxTime uplink_now(const Uplink *uplink) {
        return (OutboxTime){ .boot = uplink->boot,
                             .boottime_us = boottime_us(),
                             .realtime_us = realtime_us() };
}

/* Giving up ------------------------------------------------------------------------------------------- */

static void give_up(Uplink *uplink, uint64_t sequence) {
        stage_waits_failed(uplink->waits, STAGE_DELIVERED, sequence, sequence, STAGE_REFUSED, 0);
        outbox_acked(uplink->outbox, sequence);
}

/* A message that can never be sent must not stand in the way of the others. */
static void give_up_unsendable(Uplink *uplink, uint64_t sequence) {
        log_warning(uplink->log, "Message %" PRIu64 " is none that a hub takes, dropping it", sequence);
        give_up(uplink, sequence);
        uplink->stats.n_unsendable++;
}

static void on_set_aside(void *userdata, const char *path, int error) {
        Uplink *uplink = userdata;
        uint64_t sequence = uplink->withheld.sequence;
        char name[24];

        uplink->is_filing = false;
        held_done(&uplink->withheld);
        if (error < 0) {
                log_error_errno(uplink->log, error,
                                "Message %" PRIu64 " cannot be set aside: %m, trying it again", sequence);
                return;
        }
        (void) log_full(uplink->log, LOG_ERR, 0, FIELDS("MESSAGE_ID=" MSG_MESSAGES_DROPPED),
                        "The hub closes the connection whenever message %" PRIu64
                        " is sent: it is set aside as '%s' and will not reach the hub",
                        sequence, path);
        (void) snprintf(name, sizeof(name), "%" PRIu64, sequence);
        hub_link_add_notice(uplink->link, PROBLEM_POISON_MESSAGE, 0, name);
        give_up(uplink, sequence);
        uplink->stats.n_poison++;
}

static void set_aside(Uplink *uplink) {
        const HeldMessage *m = &uplink->withheld;
        DeadLetter letter = {
                .sequence = m->sequence,
                .accepted_us = m->realtime_us,
                .properties = m->bag,
                .body = m->body,
        };
        int r;

        uplink->is_filing = true;
        r = dead_letters_add(uplink->dead_letters, &letter, on_set_aside, uplink);
        if (r < 0)
                on_set_aside(uplink, NULL, r);
}

/* Publishing ------------------------------------------------------------------------------------------ */

/* 0: published or given up. MQTT_WINDOW_FULL: not yet. Negative: the link is of no use any more. */
static int publish(Uplink *uplink, uint64_t sequence, uint8_t flags, az_span bag, az_span body) {
        char id[48];
        int n = 0, r;

        if (!(flags & TELEMETRY_HAS_MESSAGE_ID))
                n = snprintf(id, sizeof(id), "%s-%" PRIu64, outbox_get_id(uplink->outbox), sequence);

        r = hub_link_publish(uplink->link, bag, az_span_create((uint8_t *) id, n), body, sequence);
        if (r == 0)
                suspect_published(&uplink->suspect, sequence);
        if (r != HUB_LINK_UNSENDABLE)
                return r;
        give_up_unsendable(uplink, sequence);
        return 0;
}

static int hold(HeldMessage *held, const OutboxRecord *record) {
        size_t n_bag = (size_t) az_span_size(record->properties),
               n_body = (size_t) az_span_size(record->body);

        held->bytes = malloc(MAX(n_bag + n_body, (size_t) 1));
        if (!held->bytes)
                return -ENOMEM;

        held->bag = az_span_create(held->bytes, (int32_t) n_bag);
        held->body = az_span_create(held->bytes + n_bag, (int32_t) n_body);
        held->sequence = record->sequence;
        held->realtime_us = record->realtime_us;
        held->flags = record->flags;
        (void) az_span_copy(held->bag, record->properties);
        (void) az_span_copy(held->body, record->body);
        return 0;
}

/* The next ones return 1 if a message was published, 0 if there is none or no room, or as publish() does. */

static int publish_held(Uplink *uplink, const HeldMessage *held) {
        int r;

        r = publish(uplink, held->sequence, held->flags, held->bag, held->body);
        if (r == MQTT_WINDOW_FULL)
                return 0;
        return r < 0 ? r : 1;
}

static int publish_record(Uplink *uplink, const OutboxRecord *record) {
        int r;

        r = publish(uplink, record->sequence, record->flags, record->properties, record->body);
        if (r == MQTT_WINDOW_FULL)
                return hold(&uplink->held, record);
        return r < 0 ? r : 1;
}

static int publish_from_outbox(Uplink *uplink) {
        OutboxTime now = uplink_now(uplink);
        OutboxRecord record;

        if (outbox_next(uplink->outbox, &now, &record) == 0)
                return 0;
        /* It stood at the front; if it does so no more, it is gone: expired, say. */
        if (!uplink->withheld.bytes && record.sequence != uplink->suspect.sequence &&
            suspect_permit(&uplink->suspect) != SUSPECT_ANY)
                suspect_forget(&uplink->suspect);
        return publish_record(uplink, &record);
}

static int publish_another(Uplink *uplink) {
        OutboxTime now = uplink_now(uplink);
        OutboxRecord record;
        int r;

        if (!uplink->withheld.bytes) {
                if (outbox_next(uplink->outbox, &now, &record) == 0)
                        return 0;
                if (record.sequence != uplink->suspect.sequence) {
                        suspect_forget(&uplink->suspect);
                        return publish_record(uplink, &record);
                }
                r = hold(&uplink->withheld, &record);
                if (r < 0)
                        return r;
        }
        r = publish_from_outbox(uplink);
        if (r == 0 && suspect_is_due(&uplink->suspect, now.boottime_us))
                return publish_held(uplink, &uplink->withheld);
        return r;
}

static int publish_next(Uplink *uplink) {
        SuspectPermit permit = suspect_permit(&uplink->suspect);
        int r;

        if (permit == SUSPECT_NOTHING || uplink->is_filing || hub_link_window_free(uplink->link) == 0)
                return 0;
        if (uplink->held.bytes) {
                r = publish_held(uplink, &uplink->held);
                if (r > 0)
                        held_done(&uplink->held);
                return r;
        }
        if (permit == SUSPECT_ITSELF && uplink->withheld.bytes)
                return publish_held(uplink, &uplink->withheld);
        return permit == SUSPECT_ANOTHER ? publish_another(uplink) : publish_from_outbox(uplink);
}

void uplink_acked(Uplink *uplink, uint64_t sequence) {
        suspect_acked(&uplink->suspect, sequence);
        outbox_acked(uplink->outbox, sequence);
        if (uplink->withheld.sequence == sequence && !uplink->is_filing)
                held_done(&uplink->withheld);
}

void uplink_lost(Uplink *uplink, HubLinkEnd end) {
        held_done(&uplink->held);
        if (suspect_lost(&uplink->suspect, end, boottime_us()))
                set_aside(uplink);
        if (!uplink->is_filing)
                held_done(&uplink->withheld);
        outbox_rewind(uplink->outbox);
}

uint64_t uplink_deadline_us(const Uplink *uplink) {
        if (!uplink->withheld.bytes || hub_link_window_free(uplink->link) == 0)
                return UINT64_MAX;
        return suspect_deadline_us(&uplink->suspect);
}

/* What the outbox tells ------------------------------------------------------------------------------- */

static void on_dropped(Uplink *uplink, const OutboxEvent *event) {
        StageOutcome outcome = event->cause == OUTBOX_DROP_EXPIRED ? STAGE_EXPIRED : STAGE_DROPPED;

        (void) log_full(uplink->log, LOG_WARNING, 0, FIELDS("MESSAGE_ID=" MSG_MESSAGES_DROPPED),
                        "Messages %" PRIu64 " to %" PRIu64 " will not reach the hub: %s", event->first,
                        event->last, outbox_drop_cause_to_string(event->cause));
        stage_waits_failed(uplink->waits, STAGE_DURABLE, event->first, event->last, outcome, 0);
        stage_waits_failed(uplink->waits, STAGE_DELIVERED, event->first, event->last, outcome, 0);
}

static void outbox_event(Uplink *uplink, const OutboxEvent *event) {
        switch (event->type) {
        case OUTBOX_EVENT_READABLE:
        case OUTBOX_EVENT_SPACE:
                break;
        case OUTBOX_EVENT_SYNCED:
                stage_waits_reached(uplink->waits, STAGE_DURABLE, event->last);
                break;
        case OUTBOX_EVENT_SYNC_FAILED:
                log_warning_errno(uplink->log, event->error,
                                  "The outbox could not be synced: %m; whoever waits for it gets an error");
                stage_waits_failed(uplink->waits, STAGE_DURABLE, event->first, event->last,
                                   STAGE_STORAGE_FAILED, event->error);
                break;
        case OUTBOX_EVENT_DROPPED:
                on_dropped(uplink, event);
                break;
        case OUTBOX_EVENT_DAMAGED:
                (void) log_full(uplink->log, LOG_WARNING, 0, FIELDS("MESSAGE_ID=" MSG_STATE_DAMAGED), "%s",
                                event->text);
                break;
        case OUTBOX_EVENT_DISK_ERROR:
                log_warning_errno(uplink->log, event->error, "%s: %m, retrying", event->text);
                break;
        case _OUTBOX_EVENT_TYPE_MAX:
                break;
        }
}

bool uplink_run(Uplink *uplink) {
        bool has_published = false;
        OutboxEvent event;
        int r;

        while ((r = publish_next(uplink)) > 0)
                has_published = true;
        /* What was handed out and not published must not be passed over: a new link begins with it. */
        if (r < 0)
                hub_link_fail(uplink->link, r);
        while (outbox_next_event(uplink->outbox, &event))
                outbox_event(uplink, &event);
        /* Behind the events: who waits for a message that was dropped has heard of it. */
        stage_waits_reached(uplink->waits, STAGE_DELIVERED, outbox_get_head(uplink->outbox) - 1);
        return has_published;
}

void uplink_get_stats(const Uplink *uplink, UplinkStats *ret) {
        *ret = uplink->stats;
}
