/* SPDX-License-Identifier: MIT */

#include <mqtt/ca-files.h>

#include <dirent.h>
#include <sys/stat.h>

void ca_files_done(CaFiles *f) {
        for (size_t i = 0; i < f->n_paths; i++)
                free(f->paths[i]);
        free(f->paths);
        *f = (CaFiles){};
}

static bool is_type(const char *path, mode_t type) {
        struct stat st;

        return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

static int add(CaFiles *f, char *path) {
        char **paths = path ? reallocarray(f->paths, f->n_paths + 1, sizeof(*paths)) : NULL;

        if (!paths) {
                free(path);
                return -ENOMEM;
        }
        f->paths = paths;
        f->paths[f->n_paths++] = path;
        return f->n_paths > CA_FILES_MAX ? -E2BIG : 0;
}

static int add_from(CaFiles *f, DIR *directory, const char *path) {
        struct dirent *e;
        char *file;
        int r = 0;

        while (r >= 0 && (e = readdir(directory))) {
                if (e->d_name[0] == '.')
                        continue;
                if (asprintf(&file, "%s/%s", path, e->d_name) < 0)
                        return -ENOMEM;
                if (is_type(file, S_IFREG))
                        r = add(f, file);
                else
                        free(file);
        }
        return r < 0 ? r : f->n_paths > 0 ? 0 : -ENOENT;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int ca_files_list(CaFiles *ret, const char *path) {
        _cleanup_(ca_files_done) CaFiles f = {};
        DIR *directory;
        int r;

        if (is_type(path, S_IFDIR)) {
                directory = opendir(path);
                if (!directory)
                        return -errno;
                r = add_from(&f, directory, path);
                (void) closedir(directory);
        } else
                r = add(&f, strdup(path));
        if (r < 0)
                return r;
        qsort(f.paths, f.n_paths, sizeof(*f.paths), compare);
        *ret = f;
        f = (CaFiles){};
        return 0;
}
