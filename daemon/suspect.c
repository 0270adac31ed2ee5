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

void suspect_published(Suspect *s, uint64_t token) {
        Priority p = token_priority(token);

        if (s->fronts[p].first == 0)
                s->fronts[p].first = token;
        s->n_in_flight++;
        s->is_sent = s->is_sent || (s->stage != SUSPECT_NONE && token == s->token);
}

void suspect_acked(Suspect *s, uint64_t token) {
        Priority p = token_priority(token);

        if (s->n_in_flight > 0)
                s->n_in_flight--;
        s->n_acked++;
        s->fronts[p].is_heard = true;
        /* One that is not sent alone has to be found at the front anew. */
        if (token == s->token || (s->stage == SUSPECT_NONE && p == token_priority(s->token)))
                suspect_forget(s);
}

void suspect_forget(Suspect *s) {
        s->stage = SUSPECT_NONE;
        s->token = 0;
        s->n_losses = 0;
        s->pause_us = 0;
        s->is_sent = false;
}

static void suspect_withhold(Suspect *s, uint64_t now_us) {
        s->stage = SUSPECT_WITHHELD;
        s->pause_us = MIN(MAX(2 * s->pause_us, PAUSE_MIN_US), PAUSE_MAX_US);
        s->retry_us = now_us + s->pause_us;
}

/* The oldest message of a priority of which nothing was acknowledged; 0: there is none. */
static uint64_t suspect_find(const Suspect *s) {
        uint64_t found = 0;

        for (Priority p = 0; p < _PRIORITY_MAX; p++) {
                if (s->fronts[p].first == 0 || s->fronts[p].is_heard)
                        continue;
                if (s->fronts[p].first == s->token)
                        return s->token;
                found = s->fronts[p].first;
        }
        return found;
}

static void suspect_accuse(Suspect *s, uint64_t token) {
        if (s->token != token)
                s->n_losses = 0;
        s->token = token;
        if (++s->n_losses >= LOSSES_MIN)
                s->stage = SUSPECT_ALONE;
}

static bool suspect_judge(Suspect *s, LinkEnd end, uint64_t now_us) {
        uint64_t found = suspect_find(s);

        if (end == LINK_END_OTHER || s->n_in_flight == 0)
                return false;

        switch (s->stage) {
        case SUSPECT_NONE:
                if (found != 0)
                        suspect_accuse(s, found);
                return false;
        case SUSPECT_ALONE:
                if (++s->n_losses >= LOSSES_MAX || end == LINK_END_CLOSED)
                        suspect_withhold(s, now_us);
                return false;
        case SUSPECT_WITHHELD:
                if (!s->is_sent || end != LINK_END_CLOSED)
                        s->stage = SUSPECT_ALONE;
                else if (s->n_acked > 0)
                        return true;
                else
                        suspect_withhold(s, now_us);
                return false;
        }
        return false;
}

bool suspect_lost(Suspect *s, LinkEnd end, uint64_t now_us) {
        bool is_convicted = suspect_judge(s, end, now_us);

        if (is_convicted)
                suspect_forget(s);
        memset(s->fronts, 0, sizeof(s->fronts));
        s->n_in_flight = s->n_acked = 0;
        s->is_sent = false;
        return is_convicted;
}
