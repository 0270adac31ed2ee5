/* SPDX-License-Identifier: MIT */

#include "hubsim/counts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC "hubsim counts 1"

/* Numbers without a gap, the ends included. */
typedef struct Piece {
        uint64_t first, last;
} Piece;

typedef struct Row {
        char device[DEVICE_ID_MAX + 1], source[COUNTS_SOURCE_MAX + 1];
        uint64_t n_messages, n_repeated, n_disordered, n_untracked;
        uint64_t n_pieces;
        Piece pieces[COUNTS_PIECES_MAX]; /* rising, with at least one number between them */
} Row;

typedef struct File {
        char magic[sizeof(MAGIC)];
        uint64_t n_rows;
        Row rows[COUNTS_SOURCES_MAX];
} File;

struct Counts {
        File *file;
};

Counts *counts_free(Counts *counts) {
        if (!counts)
                return NULL;

        (void) munmap(counts->file, sizeof(File));
        free(counts);
        return NULL;
}

/* A file that was just made is allocated, so that a full disk is told now and not by SIGBUS. */
static int open_file(const char *path) {
        _cleanup_(close_fdp) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != 0 && st.st_size != sizeof(File))
                return -EBADMSG;
        r = posix_fallocate(fd, 0, sizeof(File));
        return r > 0 ? -r : TAKE_FD(fd);
}

int counts_open(const char *path, Counts **ret) {
        _cleanup_(counts_freep) Counts *counts = NULL;
        _cleanup_(close_fdp) int fd = open_file(path);
        void *p;

        if (fd < 0)
                return fd;
        p = mmap(NULL, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        counts = malloc(sizeof(*counts));
        if (!counts) {
                (void) munmap(p, sizeof(File));
                return -ENOMEM;
        }
        *counts = (Counts){ .file = p };

        if (counts->file->magic[0] == '\0')
                memcpy(counts->file->magic, MAGIC, sizeof(MAGIC));
        if (memcmp(counts->file->magic, MAGIC, sizeof(MAGIC)) != 0 ||
            counts->file->n_rows > COUNTS_SOURCES_MAX)
                return -EBADMSG;

        *ret = TAKE_PTR(counts);
        return 0;
}

static Row *find_row(File *file, const char *device, const char *source) {
        Row *row;

        for (size_t i = 0; i < file->n_rows; i++)
                if (strcmp(file->rows[i].source, source) == 0 && strcmp(file->rows[i].device, device) == 0)
                        return &file->rows[i];
        if (file->n_rows == COUNTS_SOURCES_MAX || strlen(device) > DEVICE_ID_MAX ||
            strlen(source) > COUNTS_SOURCE_MAX)
                return NULL;

        row = &file->rows[file->n_rows];
        *row = (Row){};
        memcpy(row->device, device, strlen(device) + 1);
        memcpy(row->source, source, strlen(source) + 1);
        file->n_rows++;
        return row;
}

/* Adds a number that stands between the pieces i - 1 and i; false: there are too many. */
static bool add_between(Row *row, size_t i, uint64_t number) {
        bool follows = i > 0 && row->pieces[i - 1].last + 1 == number,
             leads = i < row->n_pieces && row->pieces[i].first == number + 1;
        size_t n_above = row->n_pieces - i;

        if (follows && leads) {
                row->pieces[i - 1].last = row->pieces[i].last;
                memmove(&row->pieces[i], &row->pieces[i + 1], (n_above - 1) * sizeof(Piece));
                row->n_pieces--;
        } else if (follows)
                row->pieces[i - 1].last = number;
        else if (leads)
                row->pieces[i].first = number;
        else {
                if (row->n_pieces == COUNTS_PIECES_MAX)
                        return false;
                memmove(&row->pieces[i + 1], &row->pieces[i], n_above * sizeof(Piece));
                row->pieces[i] = (Piece){ .first = number, .last = number };
                row->n_pieces++;
        }
        return true;
}

static void add_number(Row *row, uint64_t number) {
        size_t i = row->n_pieces;

        while (i > 0 && row->pieces[i - 1].first > number)
                i--;
        if (i > 0 && number <= row->pieces[i - 1].last)
                row->n_repeated++;
        else {
                bool is_late = i < row->n_pieces;

                if (!add_between(row, i, number))
                        row->n_untracked++;
                else if (is_late)
                        row->n_disordered++;
        }
}

int counts_add(Counts *counts, const char *device, const char *source, const uint64_t *number) {
        Row *row = find_row(counts->file, device, source);

        if (!row)
                return -ENOSPC;
        if (number)
                add_number(row, *number);
        else
                row->n_untracked++;
        row->n_messages++;
        return 0;
}

bool counts_get(const Counts *counts, size_t index, Count *ret) {
        const Row *row = &counts->file->rows[index];

        if (index >= counts->file->n_rows)
                return false;

        *ret = (Count){
                .device = row->device,
                .source = row->source,
                .n_messages = row->n_messages,
                .has_numbers = row->n_pieces > 0,
                .n_repeated = row->n_repeated,
                .n_disordered = row->n_disordered,
                .n_untracked = row->n_untracked,
        };
        if (ret->has_numbers) {
                ret->first = row->pieces[0].first;
                ret->last = row->pieces[row->n_pieces - 1].last;
        }
        for (size_t i = 1; i < row->n_pieces; i++)
                ret->n_missing += row->pieces[i].first - row->pieces[i - 1].last - 1;
        return true;
}
