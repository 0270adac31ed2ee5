/* SPDX-License-Identifier: MIT */

#include "daemon/rollover.h"

void rollover_changed(Rollover *r) {
        r->use = ROLLOVER_FILES;
}

void rollover_hold(Rollover *r) {
        if (r->has_proven)
                r->use = ROLLOVER_PROVEN;
}

void rollover_opened(Rollover *r, bool is_proven) {
        r->is_new = !is_proven;
}

bool rollover_accepted(Rollover *r) {
        bool is_news = !r->has_proven || r->is_new;

        r->has_proven = true;
        r->is_new = r->is_proven_refused = false;
        return is_news;
}

bool rollover_refused(Rollover *r) {
        bool is_at_once = !r->is_proven_refused;

        if (!r->has_proven || (r->use == ROLLOVER_FILES && !r->is_new))
                return false; /* there is nothing else */
        if (r->use == ROLLOVER_PROVEN)
                r->is_proven_refused = true;
        r->use = r->use == ROLLOVER_PROVEN ? ROLLOVER_FILES : ROLLOVER_PROVEN;
        return is_at_once;
}
