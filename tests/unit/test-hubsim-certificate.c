/* SPDX-License-Identifier: MIT */

#include "hubsim/certificate.h"

#include "hubsim/attestation.h"
#include "hubsim/pki.h"
#include "unit.h"

#define DAY_S UINT64_C(86400)

/* What a row of the table below may name; each is made once for each case. */
typedef enum Who {
        NOBODY,
        ROOT,
        INTERMEDIATE, /* by the root */
        OTHER_ROOT,
        DEVICE,         /* pump-17, by the root, for thirty days */
        FACTORY_DEVICE, /* pump-17, by the intermediate */
        SELF_SIGNED,    /* pump-17 */
        SERVER,         /* pump-17, by the root, for servers */
        GRANDCHILD,     /* pump-17, by DEVICE, which is no CA */
        _WHO_MAX,
} Who;

static const struct {
        IdentityUse use;
        unsigned n_authorities;
        Who authority;
} people[] = {
        [ROOT] = { IDENTITY_AUTHORITY, 1 },
        [INTERMEDIATE] = { IDENTITY_AUTHORITY, 0, ROOT },
        [OTHER_ROOT] = { IDENTITY_AUTHORITY, 1 },
        [DEVICE] = { IDENTITY_CLIENT, 0, ROOT },
        [FACTORY_DEVICE] = { IDENTITY_CLIENT, 0, INTERMEDIATE },
        [SELF_SIGNED] = { IDENTITY_CLIENT },
        [SERVER] = { IDENTITY_SERVER, 0, ROOT },
        [GRANDCHILD] = { IDENTITY_CLIENT, 0, DEVICE },
};

static Identity identities[_WHO_MAX];

static void make_people(void) {
        for (Who i = NOBODY + 1; i < _WHO_MAX; i++) {
                char name[16] = "pump-17";
                const IdentityTemplate template = {
                        .name = name,
                        .use = people[i].use,
                        .n_authorities = people[i].n_authorities,
                        .first_day = -1,
                        .last_day = 30,
                        .authority = people[i].authority == NOBODY ? NULL : &identities[people[i].authority],
                };

                if (people[i].use == IDENTITY_AUTHORITY)
                        (void) snprintf(name, sizeof(name), "CA %d", i);
                ck_assert_int_eq(identity_make(&template, &identities[i]), 0);
        }
}

static void free_people(void) {
        for (Who i = 0; i < _WHO_MAX; i++)
                identity_done(&identities[i]);
}

static const char *get_thumbprint(Who who, const EVP_MD *digest, char buffer[static THUMBPRINT_SIZE]) {
        if (who == NOBODY)
                return NULL;
        certificate_get_thumbprint(identities[who].certificate, digest, buffer);
        return buffer;
}

static const struct {
        const char *name;
        AttestationKind kind;
        Who primary, secondary; /* whose thumbprints it has */
        Who leaf, sent;         /* what the client shows */
        Who trusted[2];
        int day;            /* from now */
        const char *reason; /* NULL: it is the device */
} rows[] = {
        { "thumbprint of a certificate of its own", ATTESTATION_THUMBPRINT, SELF_SIGNED, NOBODY,
          SELF_SIGNED },
        { "the second one", ATTESTATION_THUMBPRINT, ROOT, SELF_SIGNED, SELF_SIGNED },
        { "another's", ATTESTATION_THUMBPRINT, ROOT, DEVICE, SELF_SIGNED,
          .reason = "the certificate has another thumbprint" },
        { "of a certificate that a CA has signed", ATTESTATION_THUMBPRINT, DEVICE, NOBODY, DEVICE },
        { "expired", ATTESTATION_THUMBPRINT, SELF_SIGNED, NOBODY, SELF_SIGNED, .day = 31,
          .reason = "the certificate has expired" },
        { "not valid yet", ATTESTATION_THUMBPRINT, SELF_SIGNED, NOBODY, SELF_SIGNED, .day = -2,
          .reason = "the certificate is not valid yet" },
        { "none at all", ATTESTATION_THUMBPRINT, SELF_SIGNED, .reason = "there is no client certificate" },
        { "a device with keys", ATTESTATION_KEYS, NOBODY, NOBODY, SELF_SIGNED,
          .reason = "it has keys and no certificate" },

        { "signed by the root", ATTESTATION_CA, NOBODY, NOBODY, DEVICE, NOBODY, { ROOT } },
        { "by the intermediate", ATTESTATION_CA, NOBODY, NOBODY, FACTORY_DEVICE, INTERMEDIATE, { ROOT } },
        { "by the intermediate, which is not sent",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          FACTORY_DEVICE,
          NOBODY,
          { ROOT },
          .reason = "the certificate does not lead to a CA that is trusted for devices" },
        { "the intermediate is trusted, not sent",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          FACTORY_DEVICE,
          NOBODY,
          { INTERMEDIATE } },
        { "the root is sent, not trusted",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          DEVICE,
          ROOT,
          { OTHER_ROOT },
          .reason = "the certificate does not lead to a CA that is trusted for devices" },
        { "a certificate of its own",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          SELF_SIGNED,
          NOBODY,
          { ROOT },
          .reason = "the certificate does not lead to a CA that is trusted for devices" },
        { "a chain that has expired",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          DEVICE,
          NOBODY,
          { ROOT },
          31,
          .reason = "the certificate has expired" },
        { "one for servers",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          SERVER,
          NOBODY,
          { ROOT },
          .reason = "unsuitable certificate purpose" },
        { "signed by a device",
          ATTESTATION_CA,
          NOBODY,
          NOBODY,
          GRANDCHILD,
          DEVICE,
          { ROOT },
          .reason = "invalid CA certificate" },

        { "this CA: it has signed",
          ATTESTATION_CA,
          INTERMEDIATE,
          NOBODY,
          FACTORY_DEVICE,
          INTERMEDIATE,
          { ROOT } },
        { "this CA: it stands above", ATTESTATION_CA, ROOT, NOBODY, FACTORY_DEVICE, INTERMEDIATE, { ROOT } },
        { "this CA: above one that is trusted, too",
          ATTESTATION_CA,
          ROOT,
          NOBODY,
          FACTORY_DEVICE,
          NOBODY,
          { INTERMEDIATE, ROOT } },
        { "this CA, or that one", ATTESTATION_CA, OTHER_ROOT, ROOT, DEVICE, NOBODY, { ROOT } },
        { "another CA",
          ATTESTATION_CA,
          INTERMEDIATE,
          NOBODY,
          DEVICE,
          NOBODY,
          { ROOT },
          .reason = "the certificate is of another CA" },
        { "the device itself is no CA",
          ATTESTATION_CA,
          DEVICE,
          NOBODY,
          DEVICE,
          NOBODY,
          { ROOT },
          .reason = "the certificate is of another CA" },
};

static const char *check(size_t row, const EVP_MD *digest, const char *name) {
        char primary[THUMBPRINT_SIZE], secondary[THUMBPRINT_SIZE];
        _cleanup_(peer_certificate_done) PeerCertificate peer = {
                .leaf = identities[rows[row].leaf].certificate,
                .chain = sk_X509_new_null(),
                .authorities = X509_STORE_new(),
        };
        const Attestation a = {
                .kind = rows[row].kind,
                .primary = (char *) get_thumbprint(rows[row].primary, digest, primary),
                .secondary = (char *) get_thumbprint(rows[row].secondary, digest, secondary),
        };
        const char *reason;

        if (rows[row].sent != NOBODY)
                ck_assert_int_gt(sk_X509_push(peer.chain, identities[rows[row].sent].certificate), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows[row].trusted); i++)
                if (rows[row].trusted[i] != NOBODY)
                        ck_assert_int_eq(X509_STORE_add_cert(peer.authorities,
                                                             identities[rows[row].trusted[i]].certificate),
                                         1);
        reason = attestation_check_certificate(&a, &peer, az_span_create_from_str((char *) name),
                                               realtime_us() / USEC_PER_SEC +
                                                       (uint64_t) rows[row].day * DAY_S);
        sk_X509_free(peer.chain);
        return reason;
}

START_TEST(certificate_is_the_devices_or_not) {
        const char *sha1 = check((size_t) _i, EVP_sha1(), "pump-17"),
                   *sha256 = check((size_t) _i, EVP_sha256(), "pump-17");

        ck_assert_msg(!sha256 == !rows[_i].reason && (!sha256 || strcmp(sha256, rows[_i].reason) == 0),
                      "%s: %s", rows[_i].name, sha256);
        ck_assert_pstr_eq(sha1, sha256);
}
END_TEST

START_TEST(common_name_counts_where_a_ca_vouches_for_it) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!rows[i].reason)
                        ck_assert_pstr_eq(check(i, EVP_sha256(), "pump-18"),
                                          rows[i].kind == ATTESTATION_CA
                                                  ? "the certificate's common name is another one"
                                                  : NULL);
}
END_TEST

START_TEST(attestation_by_thumbprint_is_made_from_a_certificate) {
        _cleanup_(attestation_done) Attestation a = ATTESTATION_NULL;
        const PeerCertificate peer = { .leaf = identities[DEVICE].certificate };

        ck_assert_int_eq(attestation_init_certificate(&a, identities[DEVICE].certificate), 0);
        ck_assert_uint_eq(strlen(a.primary), 64);
        ck_assert_pstr_eq(
                attestation_check_certificate(&a, &peer, AZ_SPAN_EMPTY, realtime_us() / USEC_PER_SEC), NULL);
}
END_TEST

static Suite *hubsim_certificate_suite(void) {
        Suite *s = suite_create("hubsim-certificate");
        TCase *t = tcase_create("attestation_check_certificate");

        tcase_add_checked_fixture(t, make_people, free_people);
        tcase_add_loop_test(t, certificate_is_the_devices_or_not, 0, ELEMENTSOF(rows));
        tcase_add_test(t, common_name_counts_where_a_ca_vouches_for_it);
        tcase_add_test(t, attestation_by_thumbprint_is_made_from_a_certificate);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(hubsim_certificate_suite)
