/* SPDX-License-Identifier: MIT */

#include "hubsim/certificate-command.h"

#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "hubsim/certificate.h"
#include "hubsim/device-ca.h"
#include "hubsim/files.h"
#include "hubsim/registry.h"

DEFINE_CLEANUP(BIO *, BIO_free)

static int fail(const char *what, const char *path, int error) {
        fprintf(stderr, "aziot-hubsim: %s %s: %s\n", what, path,
                error == -EBADMSG ? "no certificates in PEM form, or damaged" : strerror(-error));
        return EXIT_FAILURE;
}

/* Opens the CA that is to sign. Returns an exit code above 0 if it cannot; why has been said. */
static int open_ca(const CertificateOptions *options, Identity *ret) {
        int r;

        r = directory_make(options->state_dir);
        if (r >= 0)
                r = device_ca_open(options->state_dir, options->intermediate, ret);
        if (r == -EINVAL)
                return fail("not a name:", options->intermediate, r);
        return r < 0 ? fail("cannot open the CA in", options->state_dir, r) : 0;
}

static void print_time(const ASN1_TIME *time) {
        struct tm tm;
        char text[sizeof("2026-11-22")];

        if (ASN1_TIME_to_tm(time, &tm) == 1 && strftime(text, sizeof(text), "%Y-%m-%d", &tm) > 0)
                printf("%s", text);
}

/* As a word that a shell takes for what it is. */
static void print_word(const char *text) {
        static const char plain[] = "-./:_,@0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

        if (text[strspn(text, plain)] == '\0') {
                printf(" %s", text);
                return;
        }
        printf(" '");
        for (; *text; text++)
                if (*text == '\'')
                        printf("'\\''");
                else
                        printf("%c", *text);
        printf("'");
}

static void print_thumbprint(const char *title, const X509 *certificate, const EVP_MD *digest) {
        char thumbprint[THUMBPRINT_SIZE];

        certificate_get_thumbprint(certificate, digest, thumbprint);
        printf("%s%s", title, thumbprint);
}

/* One that has to be typed now. 'authority' is NULL if the certificate is of no CA. */
static void print_command(const char *command, const CertificateOptions *options, const char *name,
                          const Identity *made, const Identity *authority) {
        printf("%s", command);
        print_word(name);
        if (authority)
                printf(" --ca");
        else
                print_thumbprint(" --thumbprint ", made->certificate, EVP_sha256());
        if (options->names_state_dir) {
                printf(" --state-dir");
                print_word(options->state_dir);
        }
        printf("\n");
}

static void print_created(const CertificateOptions *options, const char *name, const Identity *made,
                          const Identity *authority, const char *certificate_path, const char *key_path) {
        printf("certificate: %s\nkey:         %s", certificate_path, key_path);
        print_thumbprint("\nSHA-256:     ", made->certificate, EVP_sha256());
        print_thumbprint("\nSHA-1:       ", made->certificate, EVP_sha1());
        if (authority)
                print_thumbprint("\nits CA:      ", authority->certificate, EVP_sha256());
        printf("\nvalid:       ");
        print_time(X509_get0_notBefore(made->certificate));
        printf(" to ");
        print_time(X509_get0_notAfter(made->certificate));
        printf("\n");
        print_command("to register: aziot-hubsim device add", options, name, made, authority);
        print_command("to enroll:   aziot-hubsim enrollment add", options, name, made, authority);
}

/* Makes it with its chain, and saves both. 'authority' is NULL if it signs itself. */
static int create(const CertificateOptions *options, const char *name, const Identity *authority,
                  const char *certificate_path, const char *key_path) {
        const IdentityTemplate template = {
                .name = name,
                .use = IDENTITY_CLIENT,
                .first_day = options->first_day,
                .last_day = options->last_day,
                .authority = authority,
        };
        _cleanup_(identity_done) Identity made = IDENTITY_NULL;
        STACK_OF(X509) *chain = NULL;
        int r;

        r = identity_make(&template, &made);
        if (r == -EINVAL) {
                fprintf(stderr, "aziot-hubsim: a common name has at most 64 characters: %s\n", name);
                return EXIT_FAILURE;
        }
        if (r < 0)
                return fail("cannot make a certificate for", name, r);
        if (authority && options->intermediate) {
                chain = sk_X509_new_null();
                if (!chain || sk_X509_push(chain, authority->certificate) == 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = identity_save(&made, chain, certificate_path, key_path);
        sk_X509_free(chain); /* the certificates in it are the authority's */
        if (r < 0)
                return fail("cannot write", certificate_path, r);

        print_created(options, name, &made, authority, certificate_path, key_path);
        return EXIT_SUCCESS;
}

int certificate_create(const CertificateOptions *options, const char *name, const char *directory) {
        _cleanup_(identity_done) Identity authority = IDENTITY_NULL;
        char absolute[PATH_MAX], certificate_path[PATH_MAX], key_path[PATH_MAX];
        int r;

        if (!device_id_is_valid(name))
                return fail("not a device id:", name, -EINVAL);
        r = directory_make(directory);
        if (r >= 0 && !realpath(directory, absolute))
                r = -errno;
        if (r < 0)
                return fail("cannot make", directory, r);
        if ((size_t) snprintf(certificate_path, PATH_MAX, "%s/%s.pem", absolute, name) >= PATH_MAX ||
            (size_t) snprintf(key_path, PATH_MAX, "%s/%s.key", absolute, name) >= PATH_MAX)
                return fail("cannot write to", directory, -ENAMETOOLONG);
        if (access(key_path, F_OK) == 0)
                return fail("will not replace", key_path, -EEXIST);
        if (access(certificate_path, F_OK) == 0)
                return fail("will not replace", certificate_path, -EEXIST);
        if (!options->is_self_signed) {
                r = open_ca(options, &authority);
                if (r > 0)
                        return r;
        }
        return create(options, name, options->is_self_signed ? NULL : &authority, certificate_path, key_path);
}

int certificate_print_ca(const CertificateOptions *options) {
        _cleanup_(identity_done) Identity ca = IDENTITY_NULL;
        int r;

        r = open_ca(options, &ca);
        if (r > 0)
                return r;
        return PEM_write_X509(stdout, ca.certificate) == 1 && fflush(stdout) == 0 ? EXIT_SUCCESS
                                                                                  : EXIT_FAILURE;
}

/* "0123… 2026-11-21 to 2036-11-19 CN = aziot-hubsim device CA" */
static void print_authorities(const STACK_OF(X509) * authorities) {
        for (int i = 0; i < sk_X509_num(authorities); i++) {
                const X509 *authority = sk_X509_value(authorities, i);
                char thumbprint[THUMBPRINT_SIZE];

                certificate_get_thumbprint(authority, EVP_sha256(), thumbprint);
                printf("%s ", thumbprint);
                print_time(X509_get0_notBefore(authority));
                printf(" to ");
                print_time(X509_get0_notAfter(authority));
                printf(" ");
                (void) X509_NAME_print_ex_fp(stdout, X509_get_subject_name(authority), 0,
                                             XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
                printf("\n");
        }
}

int certificate_trust(const CertificateOptions *options, const char *path) {
        _cleanup_(certificates_freep) STACK_OF(X509) *authorities = sk_X509_new_null();
        int r;

        if (!authorities)
                return fail("cannot read", path, -ENOMEM);
        r = certificates_load(path, authorities);
        if (r < 0)
                return fail("cannot read", path, r);
        r = directory_make(options->state_dir);
        if (r >= 0)
                r = device_ca_trust(options->state_dir, authorities);
        if (r == -EINVAL) {
                fprintf(stderr, "aziot-hubsim: %s: not all of these are certificates of CAs\n", path);
                return EXIT_FAILURE;
        }
        if (r < 0)
                return fail("cannot write to", options->state_dir, r);

        print_authorities(authorities);
        return EXIT_SUCCESS;
}

int certificate_untrust(const CertificateOptions *options, const char *thumbprint) {
        int r;

        r = device_ca_distrust(options->state_dir, thumbprint);
        if (r == -ENOENT || r == -EINVAL) {
                fprintf(stderr, "aziot-hubsim: %s: %s\n",
                        r == -EINVAL ? "not a thumbprint" : "no CA that is trusted has this thumbprint",
                        thumbprint);
                return EXIT_FAILURE;
        }
        return r < 0 ? fail("cannot write to", options->state_dir, r) : EXIT_SUCCESS;
}

int certificate_list(const CertificateOptions *options) {
        _cleanup_(certificates_freep) STACK_OF(X509) *authorities = sk_X509_new_null();
        int r;

        r = authorities ? device_ca_list(options->state_dir, authorities) : -ENOMEM;
        if (r < 0)
                return fail("cannot read the CAs in", options->state_dir, r);

        print_authorities(authorities);
        return EXIT_SUCCESS;
}
