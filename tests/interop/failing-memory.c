/* SPDX-License-Identifier: MIT */
#include "failing-memory.h"

#include <dirent.h>

_Thread_local bool is_exempt;
int n_allocations, fails_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static bool allocation_fails(void) {
        return !is_exempt && __atomic_add_fetch(&n_allocations, 1, __ATOMIC_SEQ_CST) == fails_at;
}

void *__wrap_malloc(size_t size) {
        return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return allocation_fails() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s) {
        return allocation_fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n) {
        return allocation_fails() ? NULL : __real_strndup(s, n);
}

void must(bool ok, const char *what) {
        if (ok)
                return;
        printf("not ok 1 - allocation %d fails: %s\n1..1\n", fails_at, what);
        exit(EXIT_FAILURE);
}

unsigned count_fds(void) {
        bool was_exempt = is_exempt;
        unsigned n = 0;
        DIR *d;

        is_exempt = true;
        d = opendir("/proc/self/fd");
        must(d != NULL, "/proc is not there");
        while (readdir(d))
                n++;
        (void) closedir(d);
        is_exempt = was_exempt;
        return n;
}
