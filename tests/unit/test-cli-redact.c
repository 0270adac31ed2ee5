/* SPDX-License-Identifier: MIT */

#include "cli/redact.h"

#include "tests/unit/unit.h"

static const struct {
        const char *text, *redacted;
} rows[] = {
        { "", "" },
        { "Connected to 'hub' as 'demo'\n", "Connected to 'hub' as 'demo'\n" },
        { "HostName=h;DeviceId=d;SharedAccessKey=Zm9v=;x=y\n",
          "HostName=h;DeviceId=d;SharedAccessKey=*****;x=y\n" },
        { "\"a;sharedaccesskey=Zm9v\" SharedAccessKey=YQ==",
          "\"a;sharedaccesskey=****\" SharedAccessKey=****" },
        { "SharedAccessSignature sr=h&sig=ab%2Fc%3D&se=7", "SharedAccessSignature sr=h&sig=*********&se=7" },
        { "SharedAccessKey=", "SharedAccessKey=" },
        { "Proxy=http://user:pass@proxy:3128/", "Proxy=http://*********@proxy:3128/" },
        { "http://proxy:3128/a@b mqtts://hub", "http://proxy:3128/a@b mqtts://hub" },
        { "run --password=secret now", "run --password=****** now" },
        { "-----BEGIN EC PRIVATE KEY-----MHcCAQ\n", "-----BEGIN EC PRIVATE KEY-----******\n" },
        { "-----BEGIN CERTIFICATE-----MIIB\n", "-----BEGIN CERTIFICATE-----MIIB\n" },
};

START_TEST(secrets_are_covered_and_nothing_else) {
        char text[256];

        (void) snprintf(text, sizeof(text), "%s", rows[_i].text);
        redact(text);
        ck_assert_str_eq(text, rows[_i].redacted);
}
END_TEST

static Suite *redact_suite(void) {
        Suite *s = suite_create("cli-redact");
        TCase *t = tcase_create("redact");

        tcase_add_loop_test(t, secrets_are_covered_and_nothing_else, 0, ELEMENTSOF(rows));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(redact_suite)
