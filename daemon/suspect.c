/* SPDX-License-Identifier: MIT */

#include "daemon/suspect.h"

/* So often a message has to be found at the front before it is sent alone. */
#define LOSSES_MIN 2U
/* So often in all before it is withheld although nothing says that it was the hub who ended the connection.
 */
#define LOSSES_MAX 5U

#define PAUSE_MIN_US (60 * USEC_PER_SEC)
#define PAUSE_MAX_US (3600 * USEC_PER_SEC)

SuspectPermit suspect_permit(const Suspect *s) {
        switch (s->stage) {
        case SUSPECT_NONE:
                return SUSPECT_ANY;
        case SUSPECT_ALONE:
                return s->n_in_flight > 0 ? SUSPECT_NOTHING : SUSPECT_ITSELF;
        case SUSPECT_WITHHELD:
                if (s->n_in_flight > 0)
                        return SUSPECT_NOTHING;
                return s->n_acked > 0 ? SUSPECT_ITSELF : SUSPECT_ANOTHER;
        }
        return SUSPECT_ANY;
}

bool suspect_is_due(const Suspect *s, uint64_t now_us) {
        return suspect_deadline_us(s) <= now_us;
}

uint64_t suspect_deadline_us(const Suspect *s) {
        return suspect_permit(s) == SUSPECT_ANOTHER ? s->retry_us : UINT64_MAX;
}

void suspect_published(Suspect *s, uint64_t sequence) {
        if (s->first == 0)
                s->first = sequence;
        s->n_in_flight++;
        s->is_sent = s->is_sent || (s->stage != SUSPECT_NONE && sequence == s->sequence);
}

void suspect_acked(Suspect *s, uint64_t sequence) {
        if (s->n_in_flight > 0)
                s->n_in_flight--;
        s->n_acked++;
        /* One that is not sent alone has to be found at the front anew. */
        if (s->stage == SUSPECT_NONE || sequence == s->sequence)
                suspect_forget(s);
}

void suspect_forget(Suspect *s) {
        s->stage = SUSPECT_NONE;
        s->sequence = 0;
        s->n_losses = 0;
        s->pause_us = 0;
        s->is_sent = false;
}

static void suspect_withhold(Suspect *s, uint64_t now_us) {
        s->stage = SUSPECT_WITHHELD;
        s->pause_us = MIN(MAX(2 * s->pause_us, PAUSE_MIN_US), PAUSE_MAX_US);
        s->retry_us = now_us + s->pause_us;
}

/* Nothing was acknowledged before the end. */
static void suspect_accuse(Suspect *s) {
        if (s->sequence != s->first)
                s->n_losses = 0;
        s->sequence = s->first;
        if (++s->n_losses >= LOSSES_MIN)
                s->stage = SUSPECT_ALONE;
}

static bool suspect_judge(Suspect *s, HubLinkEnd end, uint64_t now_us) {
        if (end == HUB_LINK_END_OTHER || s->n_in_flight == 0)
                return false;

        switch (s->stage) {
        case SUSPECT_NONE:
                if (s->n_acked == 0)
                        suspect_accuse(s);
                return false;
        case SUSPECT_ALONE:
                if (++s->n_losses >= LOSSES_MAX || end == HUB_LINK_END_CLOSED)
                        suspect_withhold(s, now_us);
                return false;
        case SUSPECT_WITHHELD:
                if (!s->is_sent || end != HUB_LINK_END_CLOSED)
                        s->stage = SUSPECT_ALONE;
                else if (s->n_acked > 0)
                        return true;
                else
                        suspect_withhold(s, now_us);
                return false;
        }
        return false;
}

bool suspect_lost(Suspect *s, HubLinkEnd end, uint64_t now_us) {
        bool is_convicted = suspect_judge(s, end, now_us);

        if (is_convicted)
                suspect_forget(s);
        s->first = 0;
        s->n_in_flight = s->n_acked = 0;
        s->is_sent = false;
        return is_convicted;
}
