/* SPDX-License-Identifier: MIT */
#pragma once

/* The head of an HTTP/1.1 answer, RFC 9112: what a proxy says to CONNECT, and a server to a WebSocket. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of the whole head. An answer to CONNECT has some hundred bytes, with all that a proxy likes to add. */
#define MQTT_HTTP_HEAD_MAX 8192U

typedef struct MqttHttpHead {
        char text[MQTT_HTTP_HEAD_MAX + 1]; /* when complete: one string for each line */
        size_t size;
        bool is_complete;
        int status; /* 100..599, once complete */
} MqttHttpHead;

/*
 * Takes bytes of an answer. Returns how many of them belong to the head: fewer than 'n' once it is complete,
 * and what follows is not HTTP any more. -EPROTO: this is no HTTP/1 answer. -EMSGSIZE: it is too long.
 */
ssize_t mqtt_http_feed(MqttHttpHead *h, const uint8_t *bytes, size_t n);

/* Gives the first line of a complete head, "HTTP/1.1 403 Forbidden", in printable ASCII. */
const char *mqtt_http_status_line(const MqttHttpHead *h);

/* Counts the fields of this name, in any case, and gives the first one's value, or NULL. */
unsigned mqtt_http_find(const MqttHttpHead *h, const char *name, const char **ret_value);

/* True if one of the fields of this name lists the token, in any case: "Connection: keep-alive, Upgrade". */
bool mqtt_http_has_token(const MqttHttpHead *h, const char *name, const char *token);
