/* SPDX-License-Identifier: MIT */

/*
 * Preloaded into aziotd, it loses something for each TLS connection that is freed: memory if AZIOT_TEST_LEAK
 * has the word "memory", a KiB or AZIOT_TEST_LEAK_BYTES; a descriptor if it has the word "descriptor". With
 * it tests/chaos/reconnects and tests/chaos/soak have to fail, or they would not notice a daemon that does so
 * by itself.
 */

#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAK_BYTES 1024U

static void lose_memory(void) {
        const char *bytes = getenv("AZIOT_TEST_LEAK_BYTES");
        size_t n = bytes ? strtoul(bytes, NULL, 10) : LEAK_BYTES;
        volatile char *lost = malloc(n);

        for (size_t i = 0; lost && i < n; i++)
                lost[i] = 1;
}

void SSL_free(SSL *ssl) {
        const char *what = getenv("AZIOT_TEST_LEAK");
        void (*free_ssl)(SSL * ssl);
        void *found = dlsym(RTLD_NEXT, "SSL_free");

        memcpy(&free_ssl, &found, sizeof(free_ssl));
        free_ssl(ssl);
        if (!ssl || !what)
                return;
        if (strstr(what, "descriptor") && dup(STDERR_FILENO) < 0)
                abort();
        if (strstr(what, "memory"))
                lose_memory();
}
