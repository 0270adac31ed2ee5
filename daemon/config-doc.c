/* SPDX-License-Identifier: MIT */

/*
 * Writes what a person reads of the configuration table: "conf" the commented conf/aziotd.conf, "man" the
 * manual page aziotd.conf(5).
 */

#include <stdio.h>

#include "daemon/config-table.h"

/* Wraps 'text' into comment lines. */
static void print_comment(const char *text) {
        size_t column = 0;

        while (*text) {
                size_t n = strcspn(text, " ");

                if (column == 0 || column + 1 + n > 100)
                        column = (size_t) printf("%s#", column == 0 ? "" : "\n");
                column += (size_t) printf(" %.*s", (int) n, text);
                text += n;
                text += strspn(text, " ");
        }
        putchar('\n');
}

static const char *apply_text(const ConfigKey *key) {
        static const char *const texts[] = {
                [CONFIG_APPLY_LIVE] = "reload: at once",
                [CONFIG_APPLY_RECONNECT] = "reload: by connecting again",
                [CONFIG_APPLY_RESTART] = "needs a restart",
        };
        return texts[key->apply];
}

static void print_conf(void) {
        char text[2048];

        printf("# Configuration of aziotd; see aziotd.conf(5). Every key is shown with its default.\n"
               "# Put changes into a file of your own in /etc/aziotd/aziotd.conf.d/, named *.conf: it wins "
               "over this\n"
               "# one. Check them with: aziotd --check-config\n");

        for (const struct ConfigSection *section = config_sections; section->name; section++) {
                putchar('\n');
                print_comment(section->help);
                printf("[%s]\n", section->name);
                for (const ConfigKey *key = config_table; key->section; key++) {
                        if (strcmp(key->section, section->name) != 0)
                                continue;
                        putchar('\n');
                        (void) snprintf(text, sizeof(text), "%s (%s)", key->help, apply_text(key));
                        print_comment(text);
                        printf("#%s=%s\n", key->key, key->default_text ?: "");
                }
        }
}

static const char *type_text(const ConfigKey *key) {
        static const char *const texts[] = {
                [CONFIG_STRING] = "text",
                [CONFIG_HOST] = "host name",
                [CONFIG_NAMESPACE] = "topic namespace",
                [CONFIG_ID] = "id",
                [CONFIG_PATH_NAME] = "absolute path",
                [CONFIG_NUMBER] = "number",
                [CONFIG_SECONDS] = "time, as in 90s or 1h 30min",
                [CONFIG_BYTES] = "size, as in 64M",
                [CONFIG_ENUM] = "word",
                [CONFIG_PROXY] = "URL",
                [CONFIG_USER] = "name or number",
                [CONFIG_GROUP] = "name or number",
                [CONFIG_UNIT] = "name",
                [CONFIG_SECTION] = "JSON pointer; once for each",
                [CONFIG_PATTERNS] = "names, with * and ?",
                [CONFIG_FILTERS] = "filters of MQTT",
                [CONFIG_GRANTS] = "words",
        };
        return texts[key->type];
}

/* A backslash has a meaning to mdoc, and a sentence begins a line there. */
static void print_text(const char *text) {
        for (char before = 0; *text; before = *text++)
                if (*text == '\\')
                        fputs("\\e", stdout);
                else
                        putchar(*text == ' ' && before == '.' ? '\n' : *text);
}

static void print_key(const ConfigKey *key) {
        printf(".It Li %s=\n", key->key);
        print_text(key->help);
        printf("\n.br\n(%s", type_text(key));
        for (size_t i = 0; key->names && key->names[i]; i++)
                printf("%s %s", i == 0 ? ":" : ",", key->names[i]);
        if (key->type == CONFIG_NUMBER || key->type == CONFIG_SECONDS || key->type == CONFIG_BYTES)
                printf(", from %llu to %llu", (unsigned long long) key->min, (unsigned long long) key->max);
        printf("; %s%s; %s)\n", key->default_text ? "default: " : "no default", key->default_text ?: "",
               apply_text(key));
}

static void print_man(void) {
        printf(".\\\" SPDX-License-Identifier: MIT\n"
               ".Dd November 22, 2026\n.Dt AZIOTD.CONF 5\n.Os\n"
               ".Sh NAME\n.Nm aziotd.conf\n.Nd configuration of aziotd\n"
               ".Sh SYNOPSIS\n.Pa /etc/aziotd/aziotd.conf\n.Pp\n.Pa /etc/aziotd/aziotd.conf.d/*.conf\n"
               ".Sh DESCRIPTION\n"
               "The file is read when\n.Xr aziotd 8\nstarts, then the drop-ins in the order of their names;\n"
               "what is read later wins.\n"
               "It has sections in brackets, assignments\n.Ql Key=value ,\nand comments that begin with\n.Ql "
               "#\nor\n"
               ".Ql \\&; .\nA line that ends with a backslash goes on in the next one.\n"
               "An empty assignment sets a key back to its default.\n"
               "Sections and keys that are not known are mistakes, as are values that cannot be used:\n"
               "the daemon does not start with them, and a reload changes nothing.\n"
               ".Ql aziotd --check-config\nnames every one, and what may have been meant.\n"
               ".Pp\n"
               ".Ql systemctl reload aziotd\nreads the files again.\n"
               "Of each key is said below how it takes a change: at once; by connecting again, when what is "
               "in\n"
               "flight is finished; or not without a restart of the daemon.\n"
               ".Ql aziot config\nshows what is in use and where it was set.\n"
               ".Pp\nSecrets are not written into this file, but into files of their own or systemd "
               "credentials.\n");

        for (const struct ConfigSection *section = config_sections; section->name; section++) {
                printf(".Sh SECTION [%s]\n", section->name);
                print_text(section->help);
                printf("\n.Bl -tag -width Ds\n");
                for (const ConfigKey *key = config_table; key->section; key++)
                        if (strcmp(key->section, section->name) == 0)
                                print_key(key);
                printf(".El\n");
        }
        printf(".Sh SEE ALSO\n.Xr aziot 1 ,\n.Xr systemd.exec 5 ,\n.Xr aziotd 8\n");
}

int main(int argc, char *argv[]) {
        if (argc == 2 && strcmp(argv[1], "conf") == 0)
                print_conf();
        else if (argc == 2 && strcmp(argv[1], "man") == 0)
                print_man();
        else {
                fprintf(stderr, "Usage: config-doc conf|man\n");
                return EXIT_FAILURE;
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
