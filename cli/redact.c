/* SPDX-License-Identifier: MIT */

#include "cli/redact.h"

#include "util/util.h"

/* What a value ends with, in a connection string, a URL, a command line or JSON. */
#define ENDS "; \t\r\n&\"',\\"

static void cover(char *text, size_t n) {
        memset(text, '*', n);
}

static void redact_values(char *text, const char *name) {
        while ((text = strcasestr(text, name))) {
                text += strlen(name);
                cover(text, strcspn(text, ENDS));
        }
}

/* "http://user:password@proxy": an '@' behind a '/' is of the path. */
static void redact_users(char *text) {
        while ((text = strstr(text, "://"))) {
                size_t n;

                text += strlen("://");
                n = strcspn(text, "/@" ENDS);
                if (text[n] == '@')
                        cover(text, n);
        }
}

static void redact_keys(char *text) {
        char *begin = strstr(text, "-----BEGIN "), *key;

        key = begin ? strstr(begin, "KEY-----") : NULL;
        if (key)
                cover(key + strlen("KEY-----"), strcspn(key + strlen("KEY-----"), "\n"));
}

void redact(char *text) {
        redact_values(text, "SharedAccessKey=");
        redact_values(text, "sig=");
        redact_values(text, "password=");
        redact_users(text);
        redact_keys(text);
}
