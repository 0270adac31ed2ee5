/* SPDX-License-Identifier: MIT */

#include "pki.h"

#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "must.h"

#define YEAR_S (365L * 24 * 3600)

typedef struct Authority {
        EVP_PKEY *key;
        X509 *certificate;
} Authority;

const char *pki_path(const Pki *p, const char *name, char buffer[static PATH_MAX]) {
        (void) snprintf(buffer, PATH_MAX, "%s/%s", p->dir, name);
        return buffer;
}

static FILE *pki_create(const Pki *p, const char *name, const char *suffix) {
        char file[64], path[PATH_MAX];
        FILE *f;

        (void) snprintf(file, sizeof(file), "%s%s", name, suffix);
        f = fopen(pki_path(p, file, path), "we");
        must(f != NULL, path);
        return f;
}

static void write_certificate(const Pki *p, const char *name, X509 *certificate) {
        FILE *f = pki_create(p, name, ".pem");

        must(PEM_write_X509(f, certificate) == 1 && fclose(f) == 0, name);
}

static void write_key(const Pki *p, const char *name, EVP_PKEY *key) {
        FILE *f = pki_create(p, name, ".key");

        must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(f) == 0, name);
}

static void add_extension(X509 *certificate, int nid, const char *value) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        must(extension && X509_add_ext(certificate, extension, -1) == 1, value);
        X509_EXTENSION_free(extension);
}

static X509 *certificate_new(const char *common_name, EVP_PKEY *key, long from_s, long until_s) {
        X509 *c = X509_new();

        must(c && key && X509_set_version(c, X509_VERSION_3) == 1, common_name);
        must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), (uint64_t) (uintptr_t) c) == 1, common_name);
        must(ASN1_TIME_set(X509_getm_notBefore(c), from_s) && ASN1_TIME_set(X509_getm_notAfter(c), until_s),
             common_name);
        must(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                        (const unsigned char *) common_name, -1, -1, 0) == 1,
             common_name);
        must(X509_set_pubkey(c, key) == 1, common_name);
        return c;
}

static Authority authority_make(const Pki *p, const char *name) {
        Authority a = { .key = EVP_EC_gen("P-256") };
        long now_s = (long) time(NULL);

        a.certificate = certificate_new(name, a.key, now_s - YEAR_S, now_s + YEAR_S);
        must(X509_set_issuer_name(a.certificate, X509_get_subject_name(a.certificate)) == 1, name);
        add_extension(a.certificate, NID_basic_constraints, "critical,CA:TRUE");
        must(X509_sign(a.certificate, a.key, EVP_sha256()) > 0, name);
        write_certificate(p, name, a.certificate);
        return a;
}

static void authority_done(Authority *a) {
        EVP_PKEY_free(a->key);
        X509_free(a->certificate);
}

/* Without an authority it vouches for itself. */
static void server_make(const Pki *p, const Authority *a, const char *name, const char *hosts, long from_s,
                        long until_s) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *c = certificate_new(name, key, from_s, until_s);

        must(X509_set_issuer_name(c, X509_get_subject_name(a ? a->certificate : c)) == 1, name);
        add_extension(c, NID_subject_alt_name, hosts);
        must(X509_sign(c, a ? a->key : key, EVP_sha256()) > 0, name);
        write_certificate(p, name, c);
        write_key(p, name, key);
        X509_free(c);
        EVP_PKEY_free(key);
}

/* Behind what is in the file already. */
static void append_certificate(const Pki *p, const char *name, X509 *certificate) {
        char path[PATH_MAX];
        FILE *f = fopen(pki_path(p, name, path), "ae");

        must(f && PEM_write_X509(f, certificate) == 1 && fclose(f) == 0, name);
}

static void device_make(const Pki *p, const Authority *root, long until_s) {
        EVP_PKEY *key = EVP_EC_gen("P-256"), *intermediate_key = EVP_EC_gen("P-256");
        X509 *intermediate = certificate_new("intermediate", intermediate_key, 0, until_s);
        X509 *c = certificate_new("device", key, 0, until_s);
        FILE *f;

        must(X509_set_issuer_name(intermediate, X509_get_subject_name(root->certificate)) == 1, "device");
        add_extension(intermediate, NID_basic_constraints, "critical,CA:TRUE");
        must(X509_sign(intermediate, root->key, EVP_sha256()) > 0, "device");
        must(X509_set_issuer_name(c, X509_get_subject_name(intermediate)) == 1, "device");
        must(X509_sign(c, intermediate_key, EVP_sha256()) > 0, "device");

        write_certificate(p, "device", c);
        append_certificate(p, "device.pem", intermediate);
        write_key(p, "device", key);
        f = pki_create(p, "locked", ".key");
        must(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL) == 1 &&
                     fclose(f) == 0,
             "locked");
        X509_free(c);
        X509_free(intermediate);
        EVP_PKEY_free(key);
        EVP_PKEY_free(intermediate_key);
}

void pki_make(Pki *p) {
        long later_s = (long) time(NULL) + YEAR_S;
        Authority ca, stranger;
        FILE *f;

        (void) snprintf(p->dir, sizeof(p->dir), "/tmp/test-mqtt-XXXXXX");
        must(mkdtemp(p->dir) != NULL, p->dir);
        ca = authority_make(p, "ca");
        stranger = authority_make(p, "stranger");
        server_make(p, &ca, "server", "DNS:localhost,IP:127.0.0.1", 0, later_s);
        server_make(p, &ca, "other", "DNS:other.example", 0, later_s);
        server_make(p, &ca, "expired", "DNS:localhost", 0, YEAR_S);
        server_make(p, &ca, "future", "DNS:localhost", later_s, later_s + YEAR_S);
        server_make(p, NULL, "portal", "DNS:localhost", 0, later_s);
        device_make(p, &ca, later_s);
        f = pki_create(p, "none", ".pem");
        must(fputs("no certificate\n", f) >= 0 && fclose(f) == 0, "none");
        authority_done(&ca);
        authority_done(&stranger);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void) remove(path);
        return 0;
}

void pki_remove(Pki *p) {
        (void) nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
