/* SPDX-License-Identifier: MIT */

#include "daemon/wall-clock.h"

#include <sys/timerfd.h>

uint64_t wall_clock_build_s(void) {
        return AZIOT_BUILD_UNIX_S;
}

int wall_clock_watch(void) {
        const struct itimerspec never = { .it_value.tv_sec = sizeof(time_t) == 8 ? INT64_MAX : INT32_MAX };
        _cleanup_(close_fdp) int fd = -1;

        fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* timerfd_create(2): "read(2) fails with the error ECANCELED if the real-time clock undergoes a discontinuous
 * change". The timer stays set. */
void wall_clock_acknowledge(int fd) {
        uint64_t n_expirations;

        (void) !read(fd, &n_expirations, sizeof(n_expirations));
}
