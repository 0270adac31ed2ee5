/* SPDX-License-Identifier: MIT */
#include "cli/color.h"

#include "util/util.h"

int color_mode_parse(const char *text, ColorMode *ret) {
        static const char *const modes[_COLOR_MODE_MAX] = {
                [COLOR_AUTO] = "auto",
                [COLOR_ALWAYS] = "always",
                [COLOR_NEVER] = "never",
        };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (strcmp(text, modes[i]) == 0) {
                        *ret = (ColorMode) i;
                        return 0;
                }
        return -EINVAL;
}

static bool is_set(const char *variable) {
        const char *value = getenv(variable);

        return value && value[0];
}

static bool is_wanted(ColorMode mode) {
        if (mode != COLOR_AUTO)
                return mode == COLOR_ALWAYS;
        return !is_set("NO_COLOR") && is_set("TERM") && strcmp(getenv("TERM"), "dumb") != 0 &&
               isatty(STDOUT_FILENO);
}

const char *color_switch(ColorMode mode, Color color) {
        static const char *const sequences[_COLOR_MAX] = {
                [COLOR_NONE] = "\033[0m", [COLOR_GOOD] = "\033[32m",  [COLOR_WARNING] = "\033[33m",
                [COLOR_BAD] = "\033[31m", [COLOR_STRONG] = "\033[1m", [COLOR_FAINT] = "\033[2m",
        };

        return is_wanted(mode) ? sequences[color] : "";
}
