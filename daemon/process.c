/* SPDX-License-Identifier: MIT */

#include "daemon/process.h"

#include <dirent.h>
#include <sys/resource.h>

#define UNKNOWN UINT64_MAX

static uint64_t timeval_us(struct timeval t) {
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_usec;
}

static uint64_t get_cpu_us(void) {
        struct rusage use;

        if (getrusage(RUSAGE_SELF, &use) < 0)
                return UNKNOWN;
        return timeval_us(use.ru_utime) + timeval_us(use.ru_stime);
}

/* proc(5): "statm ... size (1) total program size ... resident (2)", in pages. */
static void get_memory(ProcessUse *use) {
        uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
        FILE *file = fopen("/proc/self/statm", "re");
        char line[128], *end;

        if (!file)
                return;
        if (fgets(line, sizeof(line), file)) {
                use->virtual_bytes = strtoull(line, &end, 10) * page;
                use->resident_bytes = strtoull(end, NULL, 10) * page;
        }
        (void) fclose(file);
}

static uint64_t count_descriptors(void) {
        DIR *directory = opendir("/proc/self/fd");
        const struct dirent *entry;
        uint64_t n = 0;

        if (!directory)
                return UNKNOWN;
        while ((entry = readdir(directory)))
                n += entry->d_name[0] != '.';
        (void) closedir(directory);
        return n - 1; /* without that of the directory */
}

void process_get_use(ProcessUse *ret) {
        struct rlimit limit;

        *ret = (ProcessUse){
                .cpu_us = get_cpu_us(),
                .resident_bytes = UNKNOWN,
                .virtual_bytes = UNKNOWN,
                .n_descriptors = count_descriptors(),
                .max_descriptors = UNKNOWN,
        };
        get_memory(ret);
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                ret->max_descriptors = limit.rlim_cur;
}
