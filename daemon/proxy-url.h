/* SPDX-License-Identifier: MIT */
#pragma once

#include <azure/core/az_span.h>

#include "util/util.h"

/* Where an HTTP proxy is: "http://host:port"; the port is 3128 unless given. */
typedef struct ProxyUrl {
        char host[254]; /* a name or an address; that of IPv6 without its brackets */
        uint16_t port;
} ProxyUrl;

/* Returns NULL, or a sentence on what is wrong, which quotes nothing. */
const char *proxy_url_parse(ProxyUrl *ret, az_span text);
