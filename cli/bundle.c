/* SPDX-License-Identifier: MIT */

/*
 * aziot bundle: what whoever helps wants to see, in one archive. Each part is what a command prints; one that
 * fails says so in its place, and the others are there all the same.
 *
 * Secrets are kept out at their sources: no command here prints keys, payloads or the environment of a
 * process. The lines go through redact() all the same.
 */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/redact.h"
#include "cli/replacement.h"

/* A check tries each way to the cloud, each step of which has its time; nothing else takes seconds. */
#define PART_TIMEOUT "120"

#define UNITS "aziotd.service", "aziotd.socket"
#define STATE "/var/lib/aziotd"

/* Not Environment= and what else may hold what somebody has put there. */
#define UNIT_PROPERTIES                                                                               \
        "--property=Id,LoadState,ActiveState,SubState,Result,UnitFileState,FragmentPath,DropInPaths," \
        "NeedDaemonReload,ActiveEnterTimestamp,InactiveEnterTimestamp,NRestarts,ExecMainStatus,"      \
        "ExecMainCode,"                                                                               \
        "MainPID,MemoryCurrent,CPUUsageNSec,TasksCurrent,LimitNOFILE,WatchdogTimestamp,NAccepted,"    \
        "NConnections"

static const Help help = {
        .usage = "bundle [OPTION]... [FILE | -]",
        .what = "Collects what whoever helps wants to see: state, history, configuration,\n"
                "metrics, journal. FILE is a compressed tar archive, named after the device and\n"
                "the time unless told otherwise; '-' is standard output. No keys, tokens or\n"
                "payloads are in it. As root it has all; for others some parts only say that they\n"
                "may not be seen.\n",
};

static const struct option options[] = {
        CLI_OPTIONS,
        {},
};

/* The command of a part is a verb of ours if it begins so. */
#define AZIOT "aziot"

#define ARGUMENTS_MAX 8

static const struct {
        const char *file;
        const char *command[ARGUMENTS_MAX + 1];
} parts[] = {
        { "version.txt", { AZIOT, "--version" } },
        { "daemon.json", { AZIOT, "call", "org.varlink.service.GetInfo" } },
        { "status.txt", { AZIOT, "status" } },
        { "why.txt", { AZIOT, "why" } },
        { "check.txt", { AZIOT, "check" } },
        { "history.txt", { AZIOT, "history" } },
        { "config.json", { AZIOT, "call", "io.aziotd.device.GetConfig" } },
        { "access.txt", { AZIOT, "access" } },
        { "log-level.txt", { AZIOT, "log-level" } },
        { "metrics.txt", { AZIOT, "metrics" } },
        { "packages.txt",
          { "dpkg-query", "--show", "aziot*", "libaziot*", "libmosquitto1", "libssl3*", "systemd" } },
        { "os.txt", { "cat", "/etc/os-release" } },
        { "kernel.txt", { "uname", "-a" } },
        { "uptime.txt", { "uptime" } },
        { "time.txt", { "date", "--iso-8601=seconds" } },
        { "units.txt", { "systemctl", "show", "--no-pager", UNIT_PROPERTIES, UNITS } },
        { "state.txt", { "ls", "-lanR", "--time-style=full-iso", STATE } },
        { "disk.txt", { "df", "-h", STATE } },
        { "journal.txt",
          { "journalctl", "--no-pager", "--output=short-iso-precise", "--lines=20000",
            "--unit=aziotd.service", "--unit=aziotd.socket" } },
};

static const char readme[] =
        "A support bundle of aziotd: each file is what one command printed; what failed says so at its\n"
        "end. Keys, tokens and payloads are left out, but names are not: of the device and its hub, of\n"
        "users and units, addresses. Look through it before you send it.\n";

/* Where it is collected. */
typedef struct Bundle {
        const Cli *cli;
        char self[PATH_MAX];           /* this program */
        char directory[64];            /* of our own */
        char name[HOST_NAME_MAX + 64]; /* of the folder in the archive, which is in it */
} Bundle;

/* Commands -------------------------------------------------------------------------------------------- */

/* Returns its pid or a negative errno. */
static pid_t start(char *const argv[], int output_fd, int error_fd) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        pid_t pid = -1;
        sigset_t none;
        int r;

        (void) sigemptyset(&none);
        (void) posix_spawnattr_init(&attributes);
        (void) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        (void) posix_spawnattr_setsigmask(&attributes, &none);
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
        if (r == 0)
                r = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attributes);
        return r == 0 ? pid : -r;
}

/* Takes what start() returned. Returns its exit code; a negative errno if it has none. */
static int finish(pid_t pid) {
        int status;

        if (pid < 0)
                return pid;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static void copy_lines(FILE *from, FILE *to) {
        char *line = NULL;
        size_t n = 0;

        while (getline(&line, &n, from) > 0) {
                redact(line);
                (void) fputs(line, to);
        }
        free(line);
}

/* Runs it, and writes what it says. Returns its exit code or a negative errno. */
static int run(char *const argv[], FILE *to) {
        FILE *from;
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = start(argv, fds[1], fds[1]);
        (void) close(fds[1]);
        from = pid < 0 ? NULL : fdopen(fds[0], "r");
        if (!from)
                (void) close(fds[0]);
        else {
                copy_lines(from, to);
                (void) fclose(from);
        }
        return finish(pid);
}

/* The parts ------------------------------------------------------------------------------------------- */

static FILE *open_file(const Bundle *b, const char *file) {
        char path[sizeof(b->directory) + sizeof(b->name) + NAME_MAX];

        (void) snprintf(path, sizeof(path), "%s/%s/%s", b->directory, b->name, file);
        return fopen(path, "we");
}

/* Returns a negative errno if not all of it has been written. */
static int close_file(FILE *file) {
        int r = ferror(file) ? -EIO : 0;

        return fclose(file) != 0 ? -errno : r;
}

static int collect(Bundle *b, const char *file, const char *const command[]) {
        char *argv[ARGUMENTS_MAX + 9] = { (char *) "timeout", (char *) "--foreground",
                                          (char *) "--kill-after=2", (char *) PART_TIMEOUT };
        FILE *to = open_file(b, file);
        int n = 4, code;

        if (!to)
                return -errno;
        if (strcmp(command[0], AZIOT) == 0) {
                argv[n++] = b->self;
                argv[n++] = (char *) "--color=never";
                argv[n++] = (char *) "--socket";
                argv[n++] = (char *) b->cli->socket_path;
                command++;
        }
        while (*command)
                argv[n++] = (char *) *command++;

        code = run(argv, to);
        if (code < 0)
                (void) fprintf(to, "[failed: %s]\n", strerror(-code));
        else if (code > 0)
                (void) fprintf(to, "[exit code %d]\n", code);
        return close_file(to);
}

/* The signals are blocked, so that nothing is left behind. */
static bool is_interrupted(void) {
        sigset_t pending;

        return sigpending(&pending) == 0 &&
               (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
                sigismember(&pending, SIGHUP) == 1);
}

static int collect_all(Bundle *b) {
        FILE *to = open_file(b, "README");
        Progress progress;
        int r;

        if (!to)
                return -errno;
        (void) fputs(readme, to);
        r = close_file(to);

        progress_begin(&progress, b->cli);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(parts) && !is_interrupted(); i++) {
                progress_show(&progress, "%zu of %zu: %s", i + 1, ELEMENTSOF(parts), parts[i].file);
                r = collect(b, parts[i].file, parts[i].command);
        }
        progress_clear(&progress);
        return r;
}

/* The archive ----------------------------------------------------------------------------------------- */

static int bundle_init(Bundle *b, const Cli *cli) {
        char path[sizeof(b->directory) + sizeof(b->name)], host[HOST_NAME_MAX + 1] = "device";
        const char *parent = getenv("TMPDIR");
        time_t now = time(NULL);
        ssize_t n;

        *b = (Bundle){ .cli = cli };
        n = readlink("/proc/self/exe", b->self, sizeof(b->self) - 1);
        if (n < 0)
                return -errno;
        b->self[n] = '\0';
        (void) gethostname(host, sizeof(host) - 1);
        n = snprintf(b->name, sizeof(b->name), "aziotd-bundle-%s-", host);
        (void) strftime(b->name + n, sizeof(b->name) - (size_t) n, "%Y%m%dT%H%M%SZ", gmtime(&now));

        if (!parent || strlen(parent) > sizeof(b->directory) - sizeof("/aziot-XXXXXX"))
                parent = "/tmp";
        (void) snprintf(b->directory, sizeof(b->directory), "%s/aziot-XXXXXX", parent);
        if (!mkdtemp(b->directory)) {
                b->directory[0] = '\0';
                return -errno;
        }
        (void) snprintf(path, sizeof(path), "%s/%s", b->directory, b->name);
        return mkdir(path, 0700) < 0 ? -errno : 0;
}

static void bundle_done(Bundle *b) {
        char *argv[] = { (char *) "rm", (char *) "-r", (char *) "--", b->directory, NULL };

        if (b->directory[0] != '\0')
                (void) finish(start(argv, STDERR_FILENO, STDERR_FILENO));
}

/* Returns the exit code of tar, or a negative errno. */
static int pack(const Bundle *b, int fd) {
        char *argv[] = { (char *) "tar",
                         (char *) "--create",
                         (char *) "--gzip",
                         (char *) "--owner=root:0",
                         (char *) "--group=root:0",
                         (char *) "--directory",
                         (char *) b->directory,
                         (char *) b->name,
                         NULL };

        return finish(start(argv, fd, STDERR_FILENO));
}

static int write_file(const Bundle *b, const char *file) {
        _cleanup_(replacement_done) Replacement replacement = REPLACEMENT_NULL;
        int r;

        r = replacement_begin(&replacement, file);
        if (r < 0)
                return cli_error("Cannot write '%s': %s", file, strerror(-r));
        r = pack(b, replacement.fd);
        if (r == 0)
                r = replacement_finish(&replacement, 0600);
        if (r != 0)
                return cli_error("Cannot write '%s': %s", file, r < 0 ? strerror(-r) : "tar failed");
        (void) puts(file);
        return cli_flush();
}

static int write_archive(const Bundle *b, const char *file) {
        char name[sizeof(b->name) + sizeof(".tar.gz")];

        if (file && strcmp(file, "-") == 0)
                return pack(b, STDOUT_FILENO) == 0 ? CLI_OK : cli_error("tar failed");
        (void) snprintf(name, sizeof(name), "%s.tar.gz", b->name);
        return write_file(b, file ?: name);
}

static int make_bundle(const Cli *cli, const char *file) {
        _cleanup_(bundle_done) Bundle b = { .cli = cli };
        int r;

        r = bundle_init(&b, cli);
        if (r < 0)
                return cli_error("Cannot collect anything: %s", strerror(-r));
        r = collect_all(&b);
        if (r < 0)
                return cli_error("Cannot collect anything in '%s': %s", b.directory, strerror(-r));
        return is_interrupted() ? CLI_ERROR : write_archive(&b, file);
}

int bundle_main(Cli *cli, int argc, char **argv) {
        sigset_t mask, before;
        const char *file;
        int option, code;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                code = cli_option(cli, option, &help);
                if (code >= 0)
                        return code;
        }
        if (argc - optind > 1)
                return cli_usage("bundle takes one file at most");
        file = argv[optind];
        if (file && strcmp(file, "-") == 0 && isatty(STDOUT_FILENO))
                return cli_usage("A terminal has no use for an archive");

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGINT);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &mask, &before);
        code = make_bundle(cli, file);
        (void) sigprocmask(SIG_SETMASK, &before, NULL); /* one that came takes effect now */
        return code;
}
