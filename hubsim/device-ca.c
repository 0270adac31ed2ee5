/* SPDX-License-Identifier: MIT */

#include "hubsim/device-ca.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/x509v3.h>
#include <sys/file.h>

#include "hubsim/certificate.h"
#include "hubsim/files.h"
#include "hubsim/registry.h"

#define ROOT       "device-ca.pem"
#define TRUSTED    "trusted-ca.pem"
#define DISTRUSTED "distrusted-ca.pem"

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

/* Appends the certificates of a file of the state directory, if it is there. */
static int load(const char *state_dir, const char *file, STACK_OF(X509) * certificates) {
        char path[PATH_MAX];
        int r;

        if ((size_t) snprintf(path, PATH_MAX, "%s/%s", state_dir, file) >= PATH_MAX)
                return -ENAMETOOLONG;
        r = certificates_load(path, certificates);
        return r == -ENOENT ? 0 : r;
}

/* Replaces the file by these; without any, there is none. */
static int save(const char *state_dir, const char *file, const STACK_OF(X509) * certificates) {
        char path[PATH_MAX];

        if ((size_t) snprintf(path, PATH_MAX, "%s/%s", state_dir, file) >= PATH_MAX)
                return -ENAMETOOLONG;
        if (sk_X509_num(certificates) > 0)
                return certificates_save(certificates, path);
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* Where it is among them, -1: nowhere. */
static int find(const STACK_OF(X509) * certificates, const X509 *certificate) {
        for (int i = 0; i < sk_X509_num(certificates); i++)
                if (X509_cmp(sk_X509_value(certificates, i), certificate) == 0)
                        return i;
        return -1;
}

static int find_thumbprint(const STACK_OF(X509) * certificates, const char *thumbprint) {
        for (int i = 0; i < sk_X509_num(certificates); i++)
                if (certificate_has_thumbprint(sk_X509_value(certificates, i), thumbprint))
                        return i;
        return -1;
}

/* Adds those that are not among them yet; returns how many. */
static int add_new(STACK_OF(X509) * all, const STACK_OF(X509) * authorities) {
        int n_new = 0;

        for (int i = 0; i < sk_X509_num(authorities); i++) {
                X509 *authority = sk_X509_value(authorities, i);

                if (X509_check_ca(authority) == 0)
                        return -EINVAL;
                if (find(all, authority) >= 0)
                        continue;
                if (sk_X509_push(all, authority) == 0)
                        return -ENOMEM;
                (void) X509_up_ref(authority);
                n_new++;
        }
        return n_new;
}

/* Is the root one of these, and distrusted? Then it no longer is. */
static int trust_root_again(const char *state_dir, const STACK_OF(X509) * authorities) {
        _cleanup_(certificates_freep) STACK_OF(X509) *distrusted = sk_X509_new_null();
        int n_new = 0, r;

        if (!distrusted)
                return -ENOMEM;
        r = load(state_dir, DISTRUSTED, distrusted);
        if (r < 0)
                return r;
        for (int i = sk_X509_num(distrusted); i-- > 0;)
                if (find(authorities, sk_X509_value(distrusted, i)) >= 0) {
                        X509_free(sk_X509_delete(distrusted, i));
                        n_new++;
                }
        r = n_new > 0 ? save(state_dir, DISTRUSTED, distrusted) : 0;
        return r < 0 ? r : n_new;
}

int device_ca_trust(const char *state_dir, const STACK_OF(X509) * authorities) {
        _cleanup_(certificates_freep) STACK_OF(X509) *all = sk_X509_new_null();
        _cleanup_(close_fdp) int fd = -1;
        int n_new, n_again, r;

        if (!all)
                return -ENOMEM;
        r = lock(state_dir, &fd);
        if (r < 0)
                return r;
        r = load(state_dir, TRUSTED, all);
        if (r < 0)
                return r;
        n_new = add_new(all, authorities);
        if (n_new < 0)
                return n_new;
        n_again = trust_root_again(state_dir, authorities);
        if (n_again < 0)
                return n_again;
        r = n_new > 0 ? save(state_dir, TRUSTED, all) : 0;
        return r < 0 ? r : n_new + n_again;
}

/* Takes one of the foreign CAs out. */
static int distrust_foreign(const char *state_dir, const char *thumbprint) {
        _cleanup_(certificates_freep) STACK_OF(X509) *all = sk_X509_new_null();
        int i, r;

        r = all ? load(state_dir, TRUSTED, all) : -ENOMEM;
        if (r < 0)
                return r;
        i = find_thumbprint(all, thumbprint);
        if (i < 0)
                return -ENOENT;
        X509_free(sk_X509_delete(all, i));
        return save(state_dir, TRUSTED, all);
}

/* The root goes on signing, so it stays where it is, and stands among the distrusted as well. */
static int distrust_root(const char *state_dir, const char *thumbprint) {
        _cleanup_(certificates_freep) STACK_OF(X509) *root = sk_X509_new_null(),
                                                     *distrusted = sk_X509_new_null();
        int r;

        r = root && distrusted ? load(state_dir, ROOT, root) : -ENOMEM;
        if (r < 0)
                return r;
        if (find_thumbprint(root, thumbprint) < 0)
                return -ENOENT;
        r = load(state_dir, DISTRUSTED, distrusted);
        if (r < 0)
                return r;
        if (find_thumbprint(distrusted, thumbprint) >= 0)
                return -ENOENT;
        r = add_new(distrusted, root);
        return r < 0 ? r : save(state_dir, DISTRUSTED, distrusted);
}

int device_ca_distrust(const char *state_dir, const char *thumbprint) {
        _cleanup_(close_fdp) int fd = -1;
        char normal[THUMBPRINT_SIZE];
        int r, q;

        if (thumbprint_parse(thumbprint, normal) < 0)
                return -EINVAL;
        r = lock(state_dir, &fd);
        if (r < 0)
                return r;
        r = distrust_foreign(state_dir, normal); /* the root may be among them */
        if (r < 0 && r != -ENOENT)
                return r;
        q = distrust_root(state_dir, normal);
        return q == -ENOENT ? r : q;
}

int device_ca_list(const char *state_dir, STACK_OF(X509) * authorities) {
        _cleanup_(certificates_freep) STACK_OF(X509) *distrusted = sk_X509_new_null();
        int r;

        if (!distrusted)
                return -ENOMEM;
        r = load(state_dir, ROOT, authorities);
        if (r < 0)
                return r;
        r = load(state_dir, TRUSTED, authorities);
        if (r < 0)
                return r;
        r = load(state_dir, DISTRUSTED, distrusted);
        if (r < 0)
                return r;
        for (int i = sk_X509_num(authorities); i-- > 0;)
                if (find(distrusted, sk_X509_value(authorities, i)) >= 0)
                        X509_free(sk_X509_delete(authorities, i));
        return 0;
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
