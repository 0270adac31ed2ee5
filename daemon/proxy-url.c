/* SPDX-License-Identifier: MIT */

#include "daemon/proxy-url.h"

/* What most proxies for HTTP listen at. */
#define PORT_DEFAULT 3128U

static bool skip_prefix(az_span *text, const char *prefix) {
        int32_t n = (int32_t) strlen(prefix);

        if (az_span_size(*text) < n ||
            strncasecmp((const char *) az_span_ptr(*text), prefix, (size_t) n) != 0)
                return false;
        *text = az_span_slice_to_end(*text, n);
        return true;
}

/* The index of the first of these characters, or the size. */
static int32_t find_any(az_span text, const char *characters) {
        int32_t i = 0;

        while (i < az_span_size(text) && !strchr(characters, az_span_ptr(text)[i]))
                i++;
        return i;
}

static bool host_is_valid(az_span host) {
        for (int32_t i = 0; i < az_span_size(host); i++) {
                uint8_t c = az_span_ptr(host)[i];

                if (c <= ' ' || c >= 0x7f || strchr("[]%", c))
                        return false;
        }
        return az_span_size(host) > 0 && az_span_size(host) < (int32_t) sizeof(((ProxyUrl *) 0)->host);
}

static bool port_parse(az_span text, uint16_t *ret) {
        uint32_t port;

        if (az_span_size(text) == 0 || az_span_ptr(text)[0] < '0' || az_span_ptr(text)[0] > '9' ||
            az_result_failed(az_span_atou32(text, &port)) || port < 1 || port > UINT16_MAX)
                return false;
        *ret = (uint16_t) port;
        return true;
}

const char *proxy_url_parse(ProxyUrl *ret, az_span text) {
        ProxyUrl url = { .port = PORT_DEFAULT };
        az_span host;
        int32_t n;

        if (skip_prefix(&text, "https://"))
                return "a proxy that is spoken to over TLS is not supported, and not needed: what passes "
                       "through the proxy is TLS from end to end; write http://host:port";
        if (skip_prefix(&text, "socks"))
                return "a SOCKS proxy is not supported, only one for HTTP; write http://host:port";
        if (!skip_prefix(&text, "http://"))
                return "a proxy is written http://host:port";
        if (find_any(text, "@") < az_span_size(text))
                return "user and password do not belong here, where everybody can read them; put them into "
                       "the file that ProxyCredentialFile= names";

        if (az_span_size(text) > 0 && az_span_ptr(text)[az_span_size(text) - 1] == '/')
                text = az_span_slice(text, 0, az_span_size(text) - 1);
        if (find_any(text, "/?#") < az_span_size(text))
                return "a proxy has no path; write http://host:port";

        if (skip_prefix(&text, "[")) {
                n = find_any(text, "]");
                host = az_span_slice(text, 0, n);
                if (n == az_span_size(text) || find_any(host, ":") == n)
                        return "there is no IPv6 address in the brackets";
                text = az_span_slice_to_end(text, n + 1);
        } else {
                n = find_any(text, ":");
                host = az_span_slice(text, 0, n);
                text = az_span_slice_to_end(text, n);
        }
        if (!host_is_valid(host))
                return "the host of the proxy is not a host name";
        if (az_span_size(text) > 0 && (!skip_prefix(&text, ":") || !port_parse(text, &url.port)))
                return "the port of the proxy is not a number from 1 to 65535 (an IPv6 address stands in "
                       "brackets)";

        memcpy(url.host, az_span_ptr(host), (size_t) az_span_size(host));
        *ret = url;
        return NULL;
}
