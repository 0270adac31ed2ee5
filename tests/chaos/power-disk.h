/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A model of a disk on which files are changed, and of what is on it when the power fails.
 *
 * A file has what was synced, and writes and changes of its size that were not; a directory has the names
 * that were synced, and what happened to names since. fsync() of a file makes its bytes and its size safe and
 * says nothing of its name; fsync() of a directory makes its names safe. A sync covers what happened before
 * it began, once it has ended. This is what POSIX promises and less than what ext4 and xfs do.
 *
 * When the power fails, of what was not synced there may be on the disk:
 *  - of each sector of 512 bytes any state that it ever had, whatever other sectors have: in any order, torn;
 *  - any size that the file had, whether its bytes are there or not: what is not there is zeros;
 *  - of the names as much as was done up to some moment, as a journal keeps it, or any part of it, as POSIX
 * allows; whether the bytes of the file they name are there or not.
 */

#include "util/util.h"

#include "power-log.h"

typedef struct PowerDisk PowerDisk;

/* One way in which the power may fail. */
typedef enum PowerImage {
        POWER_IMAGE_SYNCED,    /* nothing that was not synced is there */
        POWER_IMAGE_WHOLE,     /* all of it is there */
        POWER_IMAGE_ORDERED,   /* all up to some moment is there */
        POWER_IMAGE_SECTORS,   /* each sector as it was at some moment of its own */
        POWER_IMAGE_BLOCKS,    /* each block of 4 KiB as it was at some moment of its own */
        POWER_IMAGE_TORN,      /* all is there but some sectors of the last write */
        POWER_IMAGE_FILES,     /* some files are as they were synced, the others whole */
        POWER_IMAGE_SIZES,     /* bytes are there, sizes of some other moment */
        POWER_IMAGE_EARLY,     /* names are there, and sizes, but no bytes */
        POWER_IMAGE_LATE,      /* bytes are there, but no names */
        POWER_IMAGE_UNORDERED, /* of names and of sectors any part */
        _POWER_IMAGE_MAX,
} PowerImage;

extern const char *const power_image_names[_POWER_IMAGE_MAX];

/*
 * 'lies': the disk says that a segment of the outbox is synced before it is, and writes its cursor first. No
 * disk may; it shows what would be found.
 */
int power_disk_new(PowerDisk **ret, bool lies);
PowerDisk *power_disk_free(PowerDisk *d);
DEFINE_CLEANUP(PowerDisk *, power_disk_free)

/* Does what the entry tells. 'index' counts the entries. -EPROTO: it cannot be. */
int power_disk_apply(PowerDisk *d, const PowerEntry *entry, uint64_t index);

/* The name of the file that an entry is about, or ""; valid until the next call. */
const char *power_disk_name(const PowerDisk *d, const PowerEntry *entry);

/* Whether anything is not synced: otherwise all images are the same. */
bool power_disk_is_pending(const PowerDisk *d);

/*
 * Makes 'directory' hold what is on the disk after a cut, and nothing else. *ret_hash tells images of the
 * same moment apart. A negative errno.
 */
int power_disk_image(PowerDisk *d, PowerImage image, uint64_t seed, const char *directory,
                     uint64_t *ret_hash);

/* The power fails: what power_disk_image() makes of the same arguments is all there is, and synced. */
void power_disk_cut(PowerDisk *d, PowerImage image, uint64_t seed);
