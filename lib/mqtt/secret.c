/* SPDX-License-Identifier: MIT */

#include <mqtt/secret.h>

#include <mqtt/identity.h>

int mqtt_secret_read(const char *path, uint8_t **ret, size_t *ret_size, char *ret_text, size_t text_size) {
        _cleanup_(BIO_free_allp) BIO *bio = NULL;
        uint8_t *copy;
        char *bytes;
        long n;
        int r;

        r = mqtt_file_read(&bio, path, MQTT_SECRET_MAX, "secret", NULL, ret_text, text_size);
        if (r < 0)
                return r;
        n = BIO_get_mem_data(bio, &bytes);
        if (n <= 0) {
                (void) snprintf(ret_text, text_size, "The secret file '%s' is empty", path);
                return -ENODATA;
        }
        copy = malloc((size_t) n);
        if (!copy) {
                (void) snprintf(ret_text, text_size, "Cannot read the secret file '%s': out of memory", path);
                return -ENOMEM;
        }
        *ret = memcpy(copy, bytes, (size_t) n);
        *ret_size = (size_t) n;
        return 0;
}

uint8_t *mqtt_secret_free(uint8_t *secret, size_t size) {
        if (secret)
                explicit_bzero(secret, size);
        free(secret);
        return NULL;
}
