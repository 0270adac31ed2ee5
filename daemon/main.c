/* SPDX-License-Identifier: MIT */

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include "daemon/check-config.h"
#include "daemon/manager.h"

typedef struct Arguments {
        ManagerOptions manager;
        bool check_config;
} Arguments;

static void help(void) {
        printf("aziotd [OPTION...]\n"
               "\n"
               "Owns the device's session with Azure IoT Hub, and with the broker of Azure IoT\n"
               "Operations, and shares it with local programs.\n"
               "\n"
               "  -h --help              Show this help\n"
               "     --version           Show the version\n"
               "     --check-config      Check the configuration and the files that it names, and exit\n"
               "     --config=FILE       Configuration file, with drop-ins in FILE.d/ (" CONFIG_PATH ")\n"
               "     --state-dir=DIR     What must survive a restart ($STATE_DIRECTORY, or /var/lib/aziotd)\n"
               "     --runtime-dir=DIR   Private directory, mode 0700 ($RUNTIME_DIRECTORY, or "
               "/run/aziotd-link)\n"
               "     --socket=PATH       Listen here when systemd passes no socket\n"
               "\n"
               "See aziotd(8) and aziotd.conf(5).\n");
}

/* 1: go on. 0: done. Negative errno: the command line is wrong, and was told so. */
static int parse_argv(Arguments *args, int argc, char *argv[]) {
        enum {
                ARG_VERSION = 0x100,
                ARG_CHECK_CONFIG,
                ARG_CONFIG,
                ARG_STATE_DIR,
                ARG_RUNTIME_DIR,
                ARG_SOCKET
        };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, ARG_VERSION },
                { "check-config", no_argument, NULL, ARG_CHECK_CONFIG },
                { "config", required_argument, NULL, ARG_CONFIG },
                { "state-dir", required_argument, NULL, ARG_STATE_DIR },
                { "runtime-dir", required_argument, NULL, ARG_RUNTIME_DIR },
                { "socket", required_argument, NULL, ARG_SOCKET },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        help();
                        return 0;
                case ARG_VERSION:
                        printf("aziotd " AZIOT_VERSION "\n");
                        return 0;
                case ARG_CHECK_CONFIG:
                        args->check_config = true;
                        break;
                case ARG_CONFIG:
                        args->manager.config_path = optarg;
                        args->manager.config_required = true;
                        break;
                case ARG_STATE_DIR:
                        args->manager.state_dir = optarg;
                        break;
                case ARG_RUNTIME_DIR:
                        args->manager.runtime_dir = optarg;
                        break;
                case ARG_SOCKET:
                        args->manager.socket_path = optarg;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                fprintf(stderr, "aziotd takes no arguments; see aziotd --help\n");
                return -EINVAL;
        }
        return 1;
}

/* Why it does not start: a manager that tries again may have better luck, but for what a person has to mend.
 */
static int exit_code(int error) {
        switch (error) {
        case -EBUSY:
                return EX_TEMPFAIL;
        case -EBADMSG:
                return EX_CONFIG;
        }
        return EXIT_FAILURE;
}

/* The directory that systemd made for us; of a list of several none is ours. */
static const char *dir_from_environment(const char *name, const char *otherwise) {
        const char *dir = getenv(name);

        return dir && dir[0] == '/' && !strchr(dir, ':') ? dir : otherwise;
}

int main(int argc, char *argv[]) {
        Arguments args = {
                .manager = {
                        .config_path = CONFIG_PATH,
                        .state_dir = dir_from_environment("STATE_DIRECTORY", "/var/lib/aziotd"),
                        .runtime_dir = dir_from_environment("RUNTIME_DIRECTORY", "/run/aziotd-link"),
                },
        };
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        r = parse_argv(&args, argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (args.check_config)
                return check_config(args.manager.config_path, args.manager.config_required) != 0
                               ? EXIT_FAILURE
                               : EXIT_SUCCESS;

        r = manager_new(&m, &args.manager);
        if (r < 0)
                return exit_code(r);

        r = manager_run(m);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
