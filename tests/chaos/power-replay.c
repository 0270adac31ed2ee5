/* SPDX-License-Identifier: MIT */

/*
 * Lets the power fail at the moments of a log of power-recorder.c, and looks at what is left.
 *
 *      power-replay check LOG DIRECTORY NOTES MAXBYTES IMAGES SEED SHARD SHARDS [lie]
 *      power-replay image LOG DIRECTORY SEED
 *      power-replay whole LOG DIRECTORY
 *
 * 'check' makes IMAGES images in DIRECTORY, about as many after each kind of operation on each kind of file,
 * or with 0 all there are, opens the stores there (power-check.h) and prints how many there were of each
 * kind, as "cut IMAGES OPERATION FILE", and which rules were broken. 'image' leaves one that follows from the
 * seed behind the end of the log, 'whole' what the directory is without a cut.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "power-check.h"
#include "power-disk.h"

#define KINDS_MAX 256U

/* A moment right after a promise counts for so many others. */
#define PROMISE_WEIGHT 10U

/* An operation on a kind of file: their names without their numbers. */
typedef struct Kind {
        PowerType type;
        char name[96];
        uint64_t n_entries, n_images;
} Kind;

typedef struct Options {
        const char *directory;
        uint64_t n_images, seed, shard, n_shards;
} Options;

typedef struct Replay {
        const uint8_t *log;
        size_t n_log;
        uint64_t *times_us;
        uint64_t n_entries;
        PowerDisk *disk;
        PowerCheck *check;
        Kind kinds[KINDS_MAX];
        size_t n_kinds;
        uint64_t n_images;
} Replay;

static const char *const type_names[_POWER_TYPE_MAX] = {
        [POWER_START] = "start",       [POWER_OPEN] = "open",         [POWER_WRITE] = "write",
        [POWER_TRUNCATE] = "truncate", [POWER_ALLOCATE] = "allocate", [POWER_SYNC_BEGIN] = "syncing",
        [POWER_SYNC_END] = "synced",   [POWER_MAKE] = "mkdir",        [POWER_RENAME] = "rename",
        [POWER_REMOVE] = "unlink",     [POWER_REPLY] = "replied",     [POWER_SENT] = "sent",
        [POWER_RECEIVED] = "received", [POWER_CLOSED] = "closed",     [POWER_CUT] = "cut",
};

static int fail(int r, const char *what) {
        (void) fprintf(stderr, "power-replay: %s: %s\n", what, strerror(-r));
        return r;
}

/* ---- The log ---- */

static int log_map(Replay *p, const char *path) {
        _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        void *map;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        map = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        p->log = map;
        p->n_log = (size_t) st.st_size;
        return 0;
}

/* The entry at an offset, which is moved behind it; NULL: there is none. */
static const PowerEntry *log_next(const Replay *p, size_t *offset) {
        const PowerEntry *entry = (const PowerEntry *) (const void *) (p->log + *offset);

        if (*offset + sizeof(*entry) > p->n_log || *offset + entry->n_bytes > p->n_log ||
            entry->n_bytes < sizeof(*entry) || entry->type >= _POWER_TYPE_MAX)
                return NULL;
        *offset += entry->n_bytes;
        return entry;
}

static int apply(Replay *p, const PowerEntry *entry, uint64_t index) {
        int r;

        if (entry->type == POWER_CUT)
                power_disk_cut(p->disk, (PowerImage) (entry->a % _POWER_IMAGE_MAX), entry->a);
        r = power_disk_apply(p->disk, entry, index);
        if (r < 0)
                (void) fprintf(stderr, "entry %" PRIu64 ": %s '%s'\n", index, type_names[entry->type],
                               power_disk_name(p->disk, entry));
        return r;
}

/* ---- Kinds ---- */

/* After these the power may fail: what is heard or closed changes nothing. */
static bool is_moment(const PowerEntry *entry) {
        return entry->type != POWER_START && entry->type != POWER_RECEIVED && entry->type != POWER_CLOSED &&
               entry->type != POWER_CUT;
}

static Kind *kind_of(Replay *p, const PowerEntry *entry) {
        const char *from = power_disk_name(p->disk, entry);
        char name[96];
        size_t n = 0;

        for (; *from != '\0' && n < sizeof(name) - 1; from++) {
                bool is_digit = *from >= '0' && *from <= '9';

                if (!is_digit)
                        name[n++] = *from;
                else if (n == 0 || name[n - 1] != '*')
                        name[n++] = '*';
        }
        name[n] = '\0';
        if (entry->type == POWER_REPLY)
                (void) snprintf(name, sizeof(name), "programs");
        else if (entry->type == POWER_SENT)
                (void) snprintf(name, sizeof(name), "hub");
        else if (n == 0)
                (void) snprintf(name, sizeof(name), ".");

        for (size_t i = 0; i < p->n_kinds; i++)
                if (p->kinds[i].type == entry->type && strcmp(p->kinds[i].name, name) == 0)
                        return &p->kinds[i];
        if (p->n_kinds == KINDS_MAX)
                abort();
        p->kinds[p->n_kinds] = (Kind){ .type = entry->type };
        memcpy(p->kinds[p->n_kinds].name, name, sizeof(name));
        return &p->kinds[p->n_kinds++];
}

/* Goes through the log once, for its times and kinds. */
static int survey(Replay *p) {
        const PowerEntry *entry;
        size_t offset = 0;
        int r;

        while ((entry = log_next(p, &offset)))
                p->n_entries++;
        if (offset != p->n_log)
                return fail(-EPROTO, "the log");
        p->times_us = calloc(p->n_entries + 1, sizeof(*p->times_us));
        if (!p->times_us)
                return -ENOMEM;
        r = power_disk_new(&p->disk, false);
        if (r < 0)
                return r;
        offset = 0;
        for (uint64_t index = 0; (entry = log_next(p, &offset)); index++) {
                p->times_us[index] = entry->time_us;
                r = apply(p, entry, index);
                if (r < 0)
                        return fail(r, "the log");
                if (is_moment(entry))
                        kind_of(p, entry)->n_entries++;
        }
        return 0;
}

/* ---- Checking ---- */

/* Of how many images a kind has its share. What was just told to somebody is what has to hold. */
static uint64_t kind_share(const Kind *kind, uint64_t share) {
        bool is_promise = kind->type == POWER_REPLY || kind->type == POWER_SENT;

        return MIN(is_promise ? PROMISE_WEIGHT * share : share, kind->n_entries * _POWER_IMAGE_MAX);
}

static uint64_t count_images(const Replay *p, uint64_t share) {
        uint64_t n = 0;

        for (size_t i = 0; i < p->n_kinds; i++)
                n += kind_share(&p->kinds[i], share);
        return n;
}

static uint64_t find_share(const Replay *p, uint64_t n_images) {
        uint64_t low = 1, high = p->n_entries * _POWER_IMAGE_MAX;

        if (n_images == 0)
                return high;
        while (low < high) {
                uint64_t middle = (low + high) / 2;

                if (count_images(p, middle) < n_images)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static uint64_t next_random(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static int check_moment(Replay *p, const Options *o, const PowerEntry *entry, uint64_t index, uint64_t share,
                        uint64_t *random) {
        Kind *kind = kind_of(p, entry);
        uint64_t hashes[_POWER_IMAGE_MAX], all = MAX(kind->n_entries * _POWER_IMAGE_MAX, UINT64_C(1));
        size_t n_hashes = 0;
        int r;

        for (unsigned image = 0; image < _POWER_IMAGE_MAX; image++) {
                uint64_t seed = next_random(random), hash;
                bool is_known = false;
                char what[256];

                if (next_random(random) % all >= kind_share(kind, share) || index % o->n_shards != o->shard ||
                    (n_hashes > 0 && !power_disk_is_pending(p->disk)))
                        continue;
                r = power_disk_image(p->disk, image, seed, o->directory, &hash);
                if (r < 0)
                        return fail(r, o->directory);
                for (size_t i = 0; i < n_hashes; i++)
                        is_known |= hashes[i] == hash;
                if (is_known)
                        continue;
                hashes[n_hashes++] = hash;
                (void) snprintf(what, sizeof(what), "%s %s, image '%s'", type_names[kind->type], kind->name,
                                power_image_names[image]);
                power_check_image(p->check, o->directory, index, entry->time_us, what);
                kind->n_images++;
                p->n_images++;
        }
        return 0;
}

static int check_cut(Replay *p, const Options *o, const PowerEntry *entry, uint64_t index) {
        uint64_t hash;
        int r;

        r = power_disk_image(p->disk, (PowerImage) (entry->a % _POWER_IMAGE_MAX), entry->a, o->directory,
                             &hash);
        if (r < 0)
                return fail(r, o->directory);
        power_check_cut(p->check, o->directory, index, entry->time_us);
        return 0;
}

static int check_all(Replay *p, const Options *o) {
        uint64_t share = find_share(p, o->n_images), random = o->seed * 2 + 1;
        const PowerEntry *entry;
        size_t offset = 0;
        int r = 0;

        for (uint64_t index = 0; r >= 0 && (entry = log_next(p, &offset)); index++) {
                if (entry->type == POWER_CUT)
                        r = check_cut(p, o, entry, index);
                else if (entry->type == POWER_OPEN && strcmp(power_disk_name(p->disk, entry), "outbox") == 0)
                        power_check_opened(p->check, entry->time_us);
                if (r >= 0)
                        r = apply(p, entry, index);
                if (r >= 0 && is_moment(entry))
                        r = check_moment(p, o, entry, index, share, &random);
        }
        return r;
}

static int run_check(Replay *p, char **argv, bool lies) {
        Options o = {
                .directory = argv[3],
                .n_images = strtoull(argv[6], NULL, 10),
                .seed = strtoull(argv[7], NULL, 10),
                .shard = strtoull(argv[8], NULL, 10),
                .n_shards = strtoull(argv[9], NULL, 10),
        };
        int r;

        r = power_check_new(&p->check, argv[4], strtoull(argv[5], NULL, 10), p->times_us, p->n_entries);
        if (r < 0)
                return fail(r, argv[4]);
        p->disk = power_disk_free(p->disk);
        r = power_disk_new(&p->disk, lies);
        if (r >= 0)
                r = check_all(p, &o);
        if (r < 0)
                return r;
        for (size_t i = 0; i < p->n_kinds; i++)
                if (p->kinds[i].n_images > 0)
                        printf("cut %" PRIu64 " %s %s\n", p->kinds[i].n_images, type_names[p->kinds[i].type],
                               p->kinds[i].name);
        printf("images %" PRIu64 " of %" PRIu64 " entries\n", p->n_images, p->n_entries);
        (void) power_check_report(p->check);
        return 0;
}

static void replay_done(Replay *p) {
        p->disk = power_disk_free(p->disk);
        p->check = power_check_free(p->check);
        free(p->times_us);
        if (p->log)
                (void) munmap((void *) p->log, p->n_log);
}

int main(int argc, char **argv) {
        _cleanup_(replay_done) Replay replay = {};
        uint64_t seed, hash;
        int r;

        if (argc < 4)
                return 2;
        r = log_map(&replay, argv[2]);
        if (r < 0)
                return fail(r, argv[2]) < 0;
        r = survey(&replay);
        if (r < 0)
                return EXIT_FAILURE;
        if (strcmp(argv[1], "check") == 0 && argc >= 10)
                r = run_check(&replay, argv, argc > 10);
        else {
                seed = strcmp(argv[1], "image") == 0 && argc > 4 ? strtoull(argv[4], NULL, 10)
                                                                 : POWER_IMAGE_WHOLE;
                r = power_disk_image(replay.disk, (PowerImage) (seed % _POWER_IMAGE_MAX), seed, argv[3],
                                     &hash);
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
