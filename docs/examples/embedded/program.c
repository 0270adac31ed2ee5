/* SPDX-License-Identifier: MIT */

#define _POSIX_C_SOURCE 200809L

#include "program.h"

#include <azure/core/az_platform.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define US_PER_S UINT64_C(1000000)

void program_init(Program *p, int argc, char **argv) {
        const char *port = getenv("AZIOT_PORT");
        sigset_t set;

        setvbuf(stdout, NULL, _IOLBF, 0);
        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);

        *p = (Program){ .end_us = UINT64_MAX, .key_file = getenv("AZIOT_KEY_FILE") };
        p->connection.host = program_setting("AZIOT_HOST");
        p->connection.port = port ? (int) strtol(port, NULL, 10) : AZ_IOT_DEFAULT_MQTT_CONNECT_PORT;
        p->connection.ca_file = getenv("AZIOT_CA_FILE");
        if (!p->key_file) {
                p->connection.certificate_file = program_setting("AZIOT_CERTIFICATE_FILE");
                p->connection.private_key_file = program_setting("AZIOT_PRIVATE_KEY_FILE");
        }
        if (argc > 1)
                p->end_us = program_now_us() + (uint64_t) strtol(argv[1], NULL, 10) * US_PER_S;
}

const char *program_setting(const char *name) {
        const char *value = getenv(name);

        if (!value) {
                fprintf(stderr, "%s is not set; README.md says what is needed\n", name);
                exit(EXIT_FAILURE);
        }
        return value;
}

az_credential program_credential(const Program *p) {
        return p->key_file ? AZ_CREDENTIAL_SAS : AZ_CREDENTIAL_X509;
}

uint64_t program_now_us(void) {
        int64_t now_ms = 0;

        must(az_platform_clock_msec(&now_ms));
        return (uint64_t) now_ms * 1000;
}

az_hub_session_time program_time(void) {
        return (az_hub_session_time){ program_now_us(), (uint64_t) time(NULL) };
}

bool program_clock_is_plausible(void) {
        return program_time().unix_s >= PROGRAM_BUILD_UNIX_S;
}

uint64_t program_random(void) {
        uint64_t random = 0;
        FILE *f = fopen("/dev/urandom", "rb");

        if (!f)
                must(AZ_ERROR_DEPENDENCY_NOT_PROVIDED);
        else {
                must(fread(&random, sizeof(random), 1, f) == 1 ? AZ_OK : AZ_ERROR_DEPENDENCY_NOT_PROVIDED);
                fclose(f);
        }
        return random | 1;
}

int program_wait_ms(uint64_t due_us) {
        uint64_t now_us = program_now_us();

        if (due_us <= now_us)
                return 0;
        return due_us - now_us < US_PER_S ? (int) ((due_us - now_us) / 1000 + 1) : 1000;
}

void program_sleep(int milliseconds) {
        must(az_platform_sleep_msec(milliseconds));
}

bool program_is_over(const Program *p) {
        sigset_t pending;

        sigpending(&pending);
        return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
               program_now_us() >= p->end_us;
}

bool program_has_new_credential(void) {
        sigset_t set;
        int number;

        sigpending(&set);
        if (!sigismember(&set, SIGHUP))
                return false;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigwait(&set, &number);
        return true;
}

void must(az_result result) {
        if (az_result_succeeded(result))
                return;
        fprintf(stderr, "unexpected result %08x\n", (unsigned) result);
        exit(EXIT_FAILURE);
}

void told(az_result result) {
        if (result != AZ_ERROR_NOT_SUPPORTED)
                must(result);
}
