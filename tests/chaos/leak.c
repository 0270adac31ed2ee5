/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it loses something for each TLS connection that is freed: a KiB of memory for
 * AZIOT_TEST_LEAK=memory, a descriptor for AZIOT_TEST_LEAK=descriptor. With it tests/chaos/reconnects has to
 * fail, or it would not notice a daemon that does so by itself.
 */

#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAK_BYTES 1024U

void SSL_free(SSL *ssl) {
        const char *what = getenv("AZIOT_TEST_LEAK");
        void (*free_ssl)(SSL * ssl);
        void *found = dlsym(RTLD_NEXT, "SSL_free");
        volatile char *lost;

        memcpy(&free_ssl, &found, sizeof(free_ssl));
        free_ssl(ssl);
        if (!ssl || !what)
                return;
        if (strcmp(what, "descriptor") == 0)
                (void) dup(STDERR_FILENO);
        if (strcmp(what, "memory") == 0 && (lost = malloc(LEAK_BYTES)))
                for (unsigned i = 0; i < LEAK_BYTES; i++)
                        lost[i] = 1;
}
