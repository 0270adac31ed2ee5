/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files of the twin share; nobody else includes it.
 *
 *      twin.c            life, the hub's side, the last known twin
 *      twin-report.c     patches on their way to the hub, and to disk
 *      twin-watch.c      watchers
 *      twin-interface.c  the methods
 */

#include <sys/queue.h>

#include <session/twin_sync.h>

#include "daemon/state-file.h"
#include "daemon/twin-state.h"
#include "daemon/twin.h"

/* "DEVICE/MODULE", of 128 bytes each. */
#define TWIN_DEVICE_SIZE 260U

/* Changes that come while the twin is being read; without room it is just read again. */
#define TWIN_STASH_BYTES 4096U

typedef struct TwinWatcher TwinWatcher;
typedef TAILQ_HEAD(TwinWatcherList, TwinWatcher) TwinWatcherList;

/* A set of sections (twin-section.h) that was found in the rules when they were of this generation. */
typedef struct TwinSections {
        bool is_known;
        uint64_t generation;
        char *set; /* NULL: there is none */
} TwinSections;

/* Patches, and what of them is on disk. */
typedef struct TwinReports {
        TwinPending *pending;
        StateFile *file;
        az_span sent;         /* in flight */
        bool is_ready;        /* the hub takes the next one */
        bool is_on_disk;      /* the file holds patches: those of 'written' */
        bool is_write_failed; /* the last time */
        uint64_t written;     /* generation */
        uint64_t writing;     /* the same, while the file is busy */
        bool is_writing_empty;
        uint64_t retry_us;      /* not before, after a failed write */
        uint64_t retry_send_us; /* the same, if there was no memory */
        uint64_t n_refused;     /* that nobody waited for, since the daemon started */
} TwinReports;

struct Twin {
        HubLink *link;
        const Log *log;
        ClientLog *clients;
        const Access *access;
        TwinSections sections;         /* of all programs */
        char device[TWIN_DEVICE_SIZE]; /* whose twin it is; empty: not known yet */

        az_twin_sync sync;
        uint8_t stash[TWIN_STASH_BYTES];
        bool has_published;
        bool wants_refresh;

        TwinCopy known;
        bool is_fresh;            /* 'known' is what the hub has */
        int64_t accepted_version; /* of the reported section, by a report on this link; -1: there was none */
        StateFile *file;
        bool is_dirty; /* the file has to be written, at 'due_us' */
        uint64_t due_us;
        int file_error; /* that was logged */

        TwinReports reports;
        TwinWatcherList watchers;
};

/* twin.c ---------------------------------------------------------------------------------------------- */

/* Finds out which device this is, and what is known of its twin. False: that is not known yet. */
bool twin_identify(Twin *t);
/* The link is up, or is just being renewed, which nobody is to notice. */
bool twin_is_online(const Twin *t);
/* Pops and handles what the last input of 'sync' led to. */
void twin_pump(Twin *t);
/* The hub has accepted the patch that was sent. */
void twin_apply_report(Twin *t, az_span patch, int64_t version);
/*
 * Reads a state file and parses it by 'parse', which returns 0, a condition of twin-state.h or a negative
 * errno. What cannot be used is set aside and logged. Returns true if there was something.
 */
bool twin_load(Twin *t, const StateFile *file, const char *name, int (*parse)(Twin *t, az_span text));

/*
 * Looks for the sections of a program, or, if 'peer' is NULL, of all, unless they are those of the present
 * rules already. -ENOMEM: they are not known.
 */
int twin_sections_update(TwinSections *s, const Access *access, const IpcPeer *peer);
void twin_sections_done(TwinSections *s);

/* twin-report.c --------------------------------------------------------------------------------------- */

int twin_reports_init(Twin *t, Disk *disk, const char *state_dir);
void twin_reports_done(Twin *t);
void twin_reports_load(Twin *t);
/* Writes the file anew, although nothing has changed. */
void twin_reports_touch(Twin *t);
uint64_t twin_reports_deadline_us(const Twin *t);
void twin_reports_run(Twin *t, uint64_t now_us);
/* Adds a patch, as twin_pending_add(); the call is answered later unless that failed. */
int twin_report(Twin *t, IpcCall *call, az_span patch);
/* REPORTED: what became of the patch that was sent. */
void twin_reports_ended(Twin *t, const az_twin_event *event);
void twin_reports_close(Twin *t);

/* twin-watch.c ---------------------------------------------------------------------------------------- */

/* Keeps a call to Watch and tells it what is known. 'component': empty for all. */
int twin_watch(Twin *t, IpcCall *call, az_span component);
/* The desired section was 'before' and has changed by 'patch', or is another one. */
void twin_watch_change(Twin *t, az_span before, az_span patch);
void twin_watch_replace(Twin *t);
