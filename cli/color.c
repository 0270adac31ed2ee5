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

bool color_is_terminal(int fd) {
        const char *terminal = getenv("TERM");

        return terminal && terminal[0] && strcmp(terminal, "dumb") != 0 && isatty(fd);
}

static bool is_wanted(ColorMode mode) {
        const char *refused = getenv("NO_COLOR");

        if (mode != COLOR_AUTO)
                return mode == COLOR_ALWAYS;
        return !(refused && refused[0]) && color_is_terminal(STDOUT_FILENO);
}

const char *color_switch(ColorMode mode, Color color) {
        static const char *const sequences[_COLOR_MAX] = {
                [COLOR_NONE] = "\033[0m", [COLOR_GOOD] = "\033[32m",  [COLOR_WARNING] = "\033[33m",
                [COLOR_BAD] = "\033[31m", [COLOR_STRONG] = "\033[1m", [COLOR_FAINT] = "\033[2m",
        };

        return is_wanted(mode) ? sequences[color] : "";
}
