/* SPDX-License-Identifier: MIT */

#include "hubsim/log.h"

#include <ctype.h>
#include <stdarg.h>

/* What clients sent is in it, and may be read on a terminal. */
static void replace_control_characters(char *text) {
        for (; *text; text++)
                if (iscntrl((unsigned char) *text))
                        *text = '?';
}

void log_event(const char *device, unsigned code, const char *format, ...) {
        char name[192] = "", text[512], number[16] = "";
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        replace_control_characters(text);
        if (device)
                (void) snprintf(name, sizeof(name), "%s: ", device);
        replace_control_characters(name);
        if (code > 0)
                (void) snprintf(number, sizeof(number), "%u ", code);

        fprintf(stderr, "aziot-hubsim: %s%s%s\n", name, number, text);
}
