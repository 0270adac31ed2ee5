/* SPDX-License-Identifier: MIT */

#include "hubsim/server-certificate.h"

#include <limits.h>

#include "hubsim/log.h"
#include "hubsim/pki.h"

/* Longer than any run; some clients refuse a leaf of more than 825 days. */
#define SERVER_DAYS 365

static const char *const foreign_hosts[] = { "wrong-name.invalid", NULL };

/* What each does not have is as it should be. */
static const struct {
        const char *const *hosts;
        long first_day, last_day;
        bool is_of_stranger;
} kinds[] = {
        [SERVER_CERTIFICATE_GOOD] = { NULL, -1, SERVER_DAYS,
                                      false }, /* from yesterday, for clocks that lag */
        [SERVER_CERTIFICATE_WRONG_NAME] = { foreign_hosts, -1, SERVER_DAYS, false },
        [SERVER_CERTIFICATE_EXPIRED] = { NULL, -SERVER_DAYS, -1, false },
        [SERVER_CERTIFICATE_NOT_YET_VALID] = { NULL, 1, SERVER_DAYS, false },
        [SERVER_CERTIFICATE_UNTRUSTED] = { NULL, -1, SERVER_DAYS, true },
};

static int open_authority(const char *state_dir, bool is_stranger, Identity *ret) {
        char certificate_path[PATH_MAX], key_path[PATH_MAX];
        const IdentityTemplate template = {
                .name = is_stranger ? "a CA that nobody knows" : "aziot-hubsim CA",
                .use = IDENTITY_AUTHORITY,
                .first_day = -1,
                .last_day = AUTHORITY_DAYS,
        };

        if (is_stranger)
                return identity_make(&template, ret);
        if ((size_t) snprintf(certificate_path, PATH_MAX, "%s/ca.pem", state_dir) >= PATH_MAX ||
            (size_t) snprintf(key_path, PATH_MAX, "%s/ca-key.pem", state_dir) >= PATH_MAX)
                return -ENAMETOOLONG;
        return identity_open(certificate_path, key_path, &template, ret);
}

static int make_context(const char *state_dir, const char *const *hosts, ServerCertificate kind,
                        SSL_CTX **ret) {
        _cleanup_(identity_done) Identity authority = IDENTITY_NULL, server = IDENTITY_NULL;
        const IdentityTemplate template = {
                .name = "aziot-hubsim",
                .use = IDENTITY_SERVER,
                .hosts = kinds[kind].hosts ? kinds[kind].hosts : hosts,
                .first_day = kinds[kind].first_day,
                .last_day = kinds[kind].last_day,
                .authority = &authority,
        };
        int r;

        r = open_authority(state_dir, kinds[kind].is_of_stranger, &authority);
        if (r < 0)
                return r;
        r = identity_make(&template, &server);
        if (r < 0)
                return r;
        return pki_make_context(&server, ret);
}

int server_certificate_make_context(const char *state_dir, const char *const *hosts, ServerCertificate kind,
                                    SSL_CTX **ret) {
        int r;

        r = make_context(state_dir, hosts, kind, ret);
        if (r < 0)
                log_event(NULL, 0, "cannot make a certificate with %s/ca.pem: %s", state_dir, strerror(-r));
        return r;
}
