/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it serves everybody in turn, however much they take. With it tests/chaos/hostile has
 * to fail, or it would not notice that good ones wait.
 */

#include <systemd/sd-event.h>

int sd_event_source_set_priority(sd_event_source *source, int64_t priority) {
        return 0;
}
