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

#include "daemon/message-token.h"
#include "daemon/suspect.h"
#include "daemon/telemetry-message.h"
#include "daemon/token-bucket.h"

typedef struct HeldMessage {
        uint8_t *bytes; /* NULL: none is held */
        az_span bag, body;
        uint64_t token;
        uint64_t realtime_us;
        uint64_t age_us, since_us; /* how old it was when it was held, and when (CLOCK_BOOTTIME) that was */
        uint8_t flags;
} HeldMessage;

#define TOKEN_NAME_SIZE 32U

/* So many messages are published before local programs have their turn: what is left is published in the
 * next. */
#define PUBLISH_MAX 16U

struct Uplink {
        UplinkConfig c;

        HeldMessage held, withheld;
        Suspect suspect;
        bool is_filing; /* 'withheld' is being set aside */

        TokenBucket pace;
        bool is_draining;        /* normal messages wait since there was no link, or behind such */
        uint64_t paced_until_us; /* the next of them may go then (CLOCK_BOOTTIME); UINT64_MAX: nothing holds
                                    it */
        int storage_error;       /* of which there is a notice; 0: none */
};

/* For people, behind "message". */
static const char *token_format(uint64_t token, char *buffer, size_t size) {
        (void) snprintf(buffer, size, "%s%" PRIu64, token & TOKEN_HIGH ? "high-" : "", token_sequence(token));
        return buffer;
}

static Outbox *token_outbox(const Uplink *uplink, uint64_t token) {
        return outboxes_get(uplink->c.outboxes, token_priority(token));
}

int uplink_new(Uplink **ret, const UplinkConfig *config) {
        Uplink *uplink;

        uplink = malloc(sizeof(*uplink));
        if (!uplink)
                return -ENOMEM;

        *uplink = (Uplink){ .c = *config, .is_draining = true, .paced_until_us = UINT64_MAX };
        *ret = uplink;
        return 0;
}

void uplink_set_pace(Uplink *uplink, uint64_t per_s, uint64_t burst) {
        token_bucket_init(&uplink->pace, per_s, burst > 0 ? burst : MAX(per_s, UINT64_C(1)), boottime_us());
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
        return (OutboxTime){ .boot = uplink->c.boot,
                             .boottime_us = boottime_us(),
                             .realtime_us = realtime_us() };
}

/* Giving up ------------------------------------------------------------------------------------------- */

static void give_up(Uplink *uplink, uint64_t token, OutboxDropCause cause, int reason_code) {
        StageOutcome outcome = cause == OUTBOX_DROP_EXPIRED ? STAGE_EXPIRED : STAGE_REFUSED;
        uint64_t sequence = token_sequence(token);

        stage_waits_failed(uplink->c.waits[token_priority(token)], STAGE_DELIVERED, sequence, sequence,
                           outcome, reason_code);
        outbox_give_up(token_outbox(uplink, token), sequence, cause);
}

/* A message that can never be sent must not stand in the way of the others. */
static void give_up_unsendable(Uplink *uplink, uint64_t token) {
        char name[TOKEN_NAME_SIZE];

        log_message(uplink->c.log, MSG_MESSAGE_UNSENDABLE, "Message %s is none that a %s takes, dropping it",
                    token_format(token, name, sizeof(name)), uplink->c.ops->cloud);
        give_up(uplink, token, OUTBOX_DROP_UNSENDABLE, 0);
}

static void on_set_aside(void *userdata, const char *path, int error) {
        Uplink *uplink = userdata;
        uint64_t token = uplink->withheld.token;
        char name[TOKEN_NAME_SIZE];

        (void) token_format(token, name, sizeof(name));
        uplink->is_filing = false;
        held_done(&uplink->withheld);
        if (error < 0) {
                log_errno(uplink->c.log, MSG_MESSAGE_NOT_FILED, error,
                          "Message %s cannot be set aside: %m, trying it again", name);
                return;
        }
        log_message(uplink->c.log, MSG_MESSAGE_POISON,
                    "The hub closes the connection whenever message %s is sent: it is set aside as '%s' "
                    "and will not reach the hub",
                    name, path);
        uplink->c.ops->add_notice(uplink->c.userdata, PROBLEM_POISON_MESSAGE, 0, name);
        give_up(uplink, token, OUTBOX_DROP_POISON, 0);
}

static void set_aside(Uplink *uplink) {
        const HeldMessage *m = &uplink->withheld;
        DeadLetter letter = {
                .priority = token_priority(m->token),
                .sequence = token_sequence(m->token),
                .accepted_us = m->realtime_us,
                .properties = m->bag,
                .body = m->body,
        };
        int r;

        uplink->is_filing = true;
        r = dead_letters_add(uplink->c.dead_letters, &letter, on_set_aside, uplink);
        if (r < 0)
                on_set_aside(uplink, NULL, r);
}

/* It is gone for the cloud, whatever becomes of the letter. */
static void on_letter_filed(void *userdata, const char *path, int error) {
        Uplink *uplink = userdata;

        if (error < 0)
                log_errno(uplink->c.log, MSG_MESSAGE_NOT_FILED, error,
                          "A message that the %s refused cannot be set aside: %m", uplink->c.ops->cloud);
}

void uplink_expired(Uplink *uplink, uint64_t token) {
        suspect_acked(&uplink->suspect, token);
        give_up(uplink, token, OUTBOX_DROP_EXPIRED, 0);
}

void uplink_refused(Uplink *uplink, uint64_t token, uint8_t reason_code, const DeadLetter *letter) {
        DeadLetter named = *letter;
        char name[TOKEN_NAME_SIZE];
        int r;

        named.priority = token_priority(token);
        named.sequence = token_sequence(token);
        log_message(uplink->c.log, MSG_MESSAGE_REFUSED, "The %s refused message %s: %s (0x%02x)",
                    uplink->c.ops->cloud, token_format(token, name, sizeof(name)), letter->reason,
                    reason_code);
        r = dead_letters_add(uplink->c.dead_letters, &named, on_letter_filed, uplink);
        if (r < 0)
                on_letter_filed(uplink, NULL, r);
        suspect_acked(&uplink->suspect, token);
        give_up(uplink, token, OUTBOX_DROP_REJECTED, reason_code);
}

/* Publishing ------------------------------------------------------------------------------------------ */

static unsigned window_free(const Uplink *uplink) {
        return uplink->c.ops->window_free(uplink->c.userdata);
}

/* 0: published or given up. MQTT_WINDOW_FULL: not yet. Negative: the link is of no use any more. */
static int publish(Uplink *uplink, UplinkMessage *message) {
        char id[48];
        int r;

        (void) snprintf(id, sizeof(id), "%s-%" PRIu64, outbox_get_id(token_outbox(uplink, message->token)),
                        token_sequence(message->token));
        message->id = id;
        r = uplink->c.ops->publish(uplink->c.userdata, message);
        if (r == 0)
                suspect_published(&uplink->suspect, message->token);
        if (r != UPLINK_UNSENDABLE)
                return r;
        give_up_unsendable(uplink, message->token);
        return 0;
}

static int hold(HeldMessage *held, uint64_t token, const OutboxRecord *record) {
        size_t n_bag = (size_t) az_span_size(record->properties),
               n_body = (size_t) az_span_size(record->body);

        held->bytes = malloc(MAX(n_bag + n_body, (size_t) 1));
        if (!held->bytes)
                return -ENOMEM;

        held->bag = az_span_create(held->bytes, (int32_t) n_bag);
        held->body = az_span_create(held->bytes + n_bag, (int32_t) n_body);
        held->token = token;
        held->realtime_us = record->realtime_us;
        held->age_us = record->age_us;
        held->since_us = boottime_us();
        held->flags = record->flags;
        (void) az_span_copy(held->bag, record->properties);
        (void) az_span_copy(held->body, record->body);
        return 0;
}

/* The next ones return 1 if a message was published, 0 if there is none or no room, or as publish() does. */

static int publish_held(Uplink *uplink, const HeldMessage *held) {
        UplinkMessage message = {
                .token = held->token,
                .properties = held->bag,
                .body = held->body,
                .flags = held->flags,
                .age_us = held->age_us + (boottime_us() - held->since_us),
        };
        int r;

        r = publish(uplink, &message);
        if (r == MQTT_WINDOW_FULL)
                return 0;
        return r < 0 ? r : 1;
}

static int publish_record(Uplink *uplink, uint64_t token, const OutboxRecord *record) {
        UplinkMessage message = {
                .token = token,
                .properties = record->properties,
                .body = record->body,
                .flags = record->flags,
                .age_us = record->age_us,
        };
        int r;

        r = publish(uplink, &message);
        if (r == MQTT_WINDOW_FULL)
                return hold(&uplink->held, token, record);
        return r < 0 ? r : 1;
}

/* Whether the next message of this priority has to wait, although there is a link. */
static bool is_paced(Uplink *uplink, Priority priority, uint64_t now_us) {
        if (priority != PRIORITY_NORMAL || !uplink->is_draining)
                return false;
        if (!outbox_has_unsent(outboxes_get(uplink->c.outboxes, priority))) {
                uplink->is_draining = false;
                return false;
        }
        if (token_bucket_due_us(&uplink->pace) <= now_us)
                return false;
        uplink->paced_until_us = token_bucket_due_us(&uplink->pace);
        return true;
}

/* Of the highest priority that has one; while the suspect is to be sent alone, of its. */
static bool next_message(Uplink *uplink, OutboxRecord *ret, uint64_t *ret_token) {
        bool is_alone = suspect_permit(&uplink->suspect) == SUSPECT_ITSELF;
        OutboxTime now = uplink_now(uplink);

        for (Priority p = _PRIORITY_MAX; p-- > 0;) {
                if (is_alone && p != token_priority(uplink->suspect.token))
                        continue;
                if (is_paced(uplink, p, now.boottime_us) ||
                    outbox_next(outboxes_get(uplink->c.outboxes, p), &now, ret) == 0)
                        continue;
                if (p == PRIORITY_NORMAL && uplink->is_draining)
                        (void) token_bucket_take(&uplink->pace, now.boottime_us);
                *ret_token = token_make(p, ret->sequence);
                return true;
        }
        return false;
}

/* The suspect stands at the front of its priority; if another does, it is gone: expired, say. */
static void forget_gone(Uplink *uplink, uint64_t next_token) {
        Suspect *suspect = &uplink->suspect;

        if (!uplink->withheld.bytes && next_token != suspect->token &&
            token_priority(next_token) == token_priority(suspect->token) &&
            suspect_permit(suspect) != SUSPECT_ANY)
                suspect_forget(suspect);
}

static int publish_from_outbox(Uplink *uplink) {
        OutboxRecord record;
        uint64_t token;

        if (!next_message(uplink, &record, &token))
                return 0;
        forget_gone(uplink, token);
        return publish_record(uplink, token, &record);
}

static int publish_another(Uplink *uplink) {
        Priority priority = token_priority(uplink->suspect.token);
        OutboxTime now = uplink_now(uplink);
        OutboxRecord record;
        uint64_t token;
        int r;

        /* Before any other is sent: whatever becomes of that one, the suspect is at hand. */
        if (!uplink->withheld.bytes) {
                if (outbox_next(outboxes_get(uplink->c.outboxes, priority), &now, &record) == 0)
                        return 0;
                token = token_make(priority, record.sequence);
                if (token != uplink->suspect.token) {
                        suspect_forget(&uplink->suspect);
                        return publish_record(uplink, token, &record);
                }
                r = hold(&uplink->withheld, token, &record);
                if (r < 0)
                        return r;
        }
        r = publish_from_outbox(uplink);
        if (r == 0 && suspect_is_due(&uplink->suspect, now.boottime_us))
                return publish_held(uplink, &uplink->withheld);
        return r;
}

/* Whether the suspect is to be sent and cannot be: then nothing else would ever be. */
static bool suspect_is_gone(const Uplink *uplink) {
        uint64_t token = uplink->suspect.token;

        return token != 0 && outbox_get_head(token_outbox(uplink, token)) > token_sequence(token);
}

static int publish_next(Uplink *uplink) {
        SuspectPermit permit;
        int r;

        if (uplink->is_filing || window_free(uplink) == 0)
                return 0;
        if (suspect_is_gone(uplink)) {
                suspect_forget(&uplink->suspect);
                held_done(&uplink->withheld);
        }
        permit = suspect_permit(&uplink->suspect);
        if (permit == SUSPECT_NOTHING)
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

void uplink_acked(Uplink *uplink, uint64_t token) {
        suspect_acked(&uplink->suspect, token);
        outbox_acked(token_outbox(uplink, token), token_sequence(token));
        if (uplink->withheld.token == token && !uplink->is_filing)
                held_done(&uplink->withheld);
}

void uplink_lost(Uplink *uplink, LinkEnd end) {
        held_done(&uplink->held);
        if (suspect_lost(&uplink->suspect, end, boottime_us()))
                set_aside(uplink);
        if (!uplink->is_filing)
                held_done(&uplink->withheld);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                outbox_rewind(outboxes_get(uplink->c.outboxes, p));
        uplink->is_draining = true;
}

bool uplink_has_backlog(const Uplink *uplink) {
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                if (outbox_has_unsent(outboxes_get(uplink->c.outboxes, p)))
                        return true;
        return false;
}

uint64_t uplink_deadline_us(const Uplink *uplink) {
        if (!uplink->withheld.bytes || window_free(uplink) == 0)
                return uplink->paced_until_us;
        return MIN(uplink->paced_until_us, suspect_deadline_us(&uplink->suspect));
}

/* What the outbox tells ------------------------------------------------------------------------------- */

static void on_dropped(Uplink *uplink, Priority priority, const OutboxEvent *event) {
        StageOutcome outcome = event->cause == OUTBOX_DROP_EXPIRED ? STAGE_EXPIRED : STAGE_DROPPED;
        StageWaits *waits = uplink->c.waits[priority];

        log_message(uplink->c.log, MSG_MESSAGES_DROPPED,
                    "Messages %" PRIu64 " to %" PRIu64 "%s will not reach the %s: %s", event->first,
                    event->last, priority == PRIORITY_HIGH ? " of high priority" : "", uplink->c.ops->cloud,
                    outbox_drop_cause_to_string(event->cause));
        stage_waits_failed(waits, STAGE_DURABLE, event->first, event->last, outcome, 0);
        stage_waits_failed(waits, STAGE_DELIVERED, event->first, event->last, outcome, 0);
}

static void outbox_event(Uplink *uplink, Priority priority, const OutboxEvent *event) {
        StageWaits *waits = uplink->c.waits[priority];

        switch (event->type) {
        case OUTBOX_EVENT_READABLE:
        case OUTBOX_EVENT_SPACE:
                break;
        case OUTBOX_EVENT_SYNCED:
                stage_waits_reached(waits, STAGE_DURABLE, event->last);
                break;
        case OUTBOX_EVENT_SYNC_FAILED:
                log_errno(uplink->c.log, MSG_SYNC_FAILED, event->error,
                          "The outbox could not be synced: %m; whoever waits for it gets an error");
                stage_waits_failed(waits, STAGE_DURABLE, event->first, event->last, STAGE_STORAGE_FAILED,
                                   event->error);
                break;
        case OUTBOX_EVENT_DROPPED:
                on_dropped(uplink, priority, event);
                break;
        case OUTBOX_EVENT_DAMAGED:
                log_message(uplink->c.log, MSG_STATE_DAMAGED, "%s", event->text);
                break;
        case OUTBOX_EVENT_DISK_ERROR:
                log_errno(uplink->c.log, MSG_OUTBOX_DISK, event->error, "%s: %m, retrying", event->text);
                break;
        case _OUTBOX_EVENT_TYPE_MAX:
                break;
        }
}

/* Tells the waits what has become of the messages of a priority. */
static void tell_waits(Uplink *uplink, Priority priority) {
        Outbox *outbox = outboxes_get(uplink->c.outboxes, priority);
        OutboxEvent event;

        while (outbox_next_event(outbox, &event))
                outbox_event(uplink, priority, &event);
        /* Behind the events: who waits for a message that was dropped has heard of it. */
        stage_waits_reached(uplink->c.waits[priority], STAGE_DELIVERED, outbox_get_head(outbox) - 1);
}

/* Whether messages can be stored is good to know for who asks why. */
static void note_storage(Uplink *uplink) {
        int error = outboxes_get_storage_error(uplink->c.outboxes);

        if (error == uplink->storage_error)
                return;

        uplink->storage_error = error;
        if (error != 0) {
                uplink->c.ops->add_notice(uplink->c.userdata, PROBLEM_STORAGE, -error, strerror(error));
                return;
        }
        uplink->c.ops->remove_notice(uplink->c.userdata, PROBLEM_STORAGE);
        log_message(uplink->c.log, MSG_OUTBOX_WORKS, "The outbox can be written again");
}

bool uplink_run(Uplink *uplink) {
        unsigned n_published = 0;
        int r = 1;

        uplink->paced_until_us = UINT64_MAX;
        while (r > 0 && n_published < PUBLISH_MAX) {
                r = publish_next(uplink);
                n_published += r > 0;
        }
        /* What was handed out and not published must not be passed over: a new link begins with it. */
        if (r < 0)
                uplink->c.ops->fail(uplink->c.userdata, r);
        for (Priority p = 0; p < _PRIORITY_MAX; p++)
                tell_waits(uplink, p);
        note_storage(uplink);
        return n_published > 0;
}
