/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_JSON_INTERNAL_H
#define _az_IOT_JSON_INTERNAL_H

/* How azure/iot writes JSON; not part of the public API. */

#include <azure/core/az_json.h>

_az_BEGIN_DECLS

/* JSON being written. After an error nothing more is written: append everything and look once, at the end. */
typedef struct {
        az_json_writer *writer;
        az_result result;
} _az_iot_json;

/* Append the begin of an object, with a name or without, and its end. */
void _az_iot_json_begin(_az_iot_json *json);
void _az_iot_json_begin_named(_az_iot_json *json, az_span name);
void _az_iot_json_end(_az_iot_json *json);

/* Append a name and its value; of the first one the value is to follow. */
void _az_iot_json_append_name(_az_iot_json *json, az_span name);
void _az_iot_json_append_text(_az_iot_json *json, az_span name, az_span text);
void _az_iot_json_append_int32(_az_iot_json *json, az_span name, int32_t number);

_az_END_DECLS

#endif
