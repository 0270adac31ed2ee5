/* SPDX-License-Identifier: MIT */

#include "hubsim/log.h"

#include <ctype.h>
#include <stdarg.h>

void log_event(const char *device, unsigned code, const char *format, ...) {
        char text[512], number[16] = "";
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        for (char *p = text; *p; p++) /* what clients sent is in it, and may be read on a terminal */
                if (iscntrl((unsigned char) *p))
                        *p = '?';
        if (code > 0)
                (void) snprintf(number, sizeof(number), "%u ", code);

        fprintf(stderr, "aziot-hubsim: %s%s%s%s\n", device ? device : "", device ? ": " : "", number, text);
}
