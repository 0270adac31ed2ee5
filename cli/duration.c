/* SPDX-License-Identifier: MIT */

#include "cli/duration.h"

#include <inttypes.h>

#include "ipc/aziot.h"
#include "util/util.h"

const char *duration_format(char buffer[DURATION_TEXT_MAX], uint64_t duration_us) {
        uint64_t s = duration_us / USEC_PER_SEC;

        if (s < 60)
                (void) snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 " s", s);
        else if (s < 3600)
                (void) snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 " min", s / 60);
        else if (s < 86400)
                (void) snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
                                s / 60 % 60);
        else
                (void) snprintf(buffer, DURATION_TEXT_MAX, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
                                s / 3600 % 24);
        return buffer;
}

const char *duration_from_now(char buffer[DURATION_TEXT_MAX], const char *time) {
        uint64_t then_us, now_us = realtime_us();

        if (aziot_parse_time(time, &then_us) < 0)
                return "?";
        return duration_format(buffer, then_us > now_us ? then_us - now_us : now_us - then_us);
}
