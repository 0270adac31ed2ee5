/* SPDX-License-Identifier: MIT */

#include "hubsim/device-ca.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/x509v3.h>
#include <sys/file.h>

#include "hubsim/files.h"
#include "hubsim/registry.h"

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

/* Whoever changes the files has it, so that two commands, or a command and the hub, do not make two roots. */
static int lock(const char *state_dir, int *ret_fd) {
        _cleanup_(close_fdp) int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int open_authority(const char *state_dir, const char *file, const IdentityTemplate *template,
                          Identity *ret) {
        char certificate_path[PATH_MAX], key_path[PATH_MAX];

        if ((size_t) snprintf(certificate_path, PATH_MAX, "%s/%s.pem", state_dir, file) >= PATH_MAX ||
            (size_t) snprintf(key_path, PATH_MAX, "%s/%s.key", state_dir, file) >= PATH_MAX)
                return -ENAMETOOLONG;
        return identity_open(certificate_path, key_path, template, ret);
}

int device_ca_open(const char *state_dir, const char *intermediate, Identity *ret) {
        _cleanup_(identity_done) Identity root = IDENTITY_NULL;
        _cleanup_(close_fdp) int fd = -1;
        char file[PATH_MAX], name[256];
        IdentityTemplate template = {
                .name = "aziot-hubsim device CA",
                .use = IDENTITY_AUTHORITY,
                .n_authorities = 1,
                .first_day = -1,
                .last_day = AUTHORITY_DAYS,
        };
        int r;

        if (intermediate && !device_id_is_valid(intermediate))
                return -EINVAL;
        r = lock(state_dir, &fd);
        if (r < 0)
                return r;
        r = open_authority(state_dir, "device-ca", &template, &root);
        if (r < 0)
                return r;
        if (!intermediate) {
                *ret = root;
                root = IDENTITY_NULL;
                return 0;
        }

        (void) snprintf(file, sizeof(file), "intermediate-%s", intermediate);
        (void) snprintf(name, sizeof(name), "aziot-hubsim %s", intermediate);
        template.name = name;
        template.n_authorities = 0;
        template.authority = &root;
        return open_authority(state_dir, file, &template, ret);
}

static int load_foreign(const char *state_dir, char path[static PATH_MAX], STACK_OF(X509) * authorities) {
        int r;

        if ((size_t) snprintf(path, PATH_MAX, "%s/trusted-ca.pem", state_dir) >= PATH_MAX)
                return -ENAMETOOLONG;
        r = certificates_load(path, authorities);
        return r == -ENOENT ? 0 : r;
}

static bool contains(const STACK_OF(X509) * certificates, const X509 *certificate) {
        for (int i = 0; i < sk_X509_num(certificates); i++)
                if (X509_cmp(sk_X509_value(certificates, i), certificate) == 0)
                        return true;
        return false;
}

int device_ca_trust(const char *state_dir, const STACK_OF(X509) * authorities) {
        _cleanup_(certificates_freep) STACK_OF(X509) *all = sk_X509_new_null();
        _cleanup_(close_fdp) int fd = -1;
        char path[PATH_MAX];
        int n_new = 0, r;

        if (!all)
                return -ENOMEM;
        r = lock(state_dir, &fd);
        if (r < 0)
                return r;
        r = load_foreign(state_dir, path, all);
        if (r < 0)
                return r;
        for (int i = 0; i < sk_X509_num(authorities); i++) {
                X509 *authority = sk_X509_value(authorities, i);

                if (X509_check_ca(authority) == 0)
                        return -EINVAL;
                if (contains(all, authority))
                        continue;
                if (sk_X509_push(all, authority) == 0)
                        return -ENOMEM;
                (void) X509_up_ref(authority);
                n_new++;
        }
        r = n_new > 0 ? certificates_save(all, path) : 0;
        return r < 0 ? r : n_new;
}

int device_ca_list(const char *state_dir, STACK_OF(X509) * authorities) {
        char path[PATH_MAX];
        int r;

        if ((size_t) snprintf(path, sizeof(path), "%s/device-ca.pem", state_dir) >= sizeof(path))
                return -ENAMETOOLONG;
        r = certificates_load(path, authorities);
        if (r < 0 && r != -ENOENT)
                return r;
        return load_foreign(state_dir, path, authorities);
}

int device_ca_load(const char *state_dir, X509_STORE **ret) {
        _cleanup_(certificates_freep) STACK_OF(X509) *all = sk_X509_new_null();
        _cleanup_(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        int r;

        if (!all || !store)
                return -ENOMEM;
        r = device_ca_list(state_dir, all);
        if (r < 0)
                return r;
        for (int i = 0; i < sk_X509_num(all); i++)
                if (X509_STORE_add_cert(store, sk_X509_value(all, i)) != 1)
                        return -ENOMEM;

        *ret = TAKE_PTR(store);
        return 0;
}
