/* SPDX-License-Identifier: MIT */
#pragma once

/* What packets and lines are put together with, on top of ipc/'s buffer. -ENOMEM: nothing was appended. */

#include <azure/core/az_span.h>

#include "ipc/buffer.h"
#include "util/util.h"

/* What is in it; lives until the next call that changes the buffer. */
az_span buffer_span(const IpcBuffer *b);

int buffer_append(IpcBuffer *b, const void *data, size_t n);
int buffer_append_span(IpcBuffer *b, az_span data);

/* In base64; and what base64 says, -EBADMSG if it is none. */
int buffer_append_base64(IpcBuffer *b, az_span data);
int buffer_append_decoded(IpcBuffer *b, az_span base64);

int buffer_printf(IpcBuffer *b, const char *format, ...) _printf_(2, 3);
