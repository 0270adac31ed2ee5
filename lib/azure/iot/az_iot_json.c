/* SPDX-License-Identifier: MIT */
#include <azure/iot/az_iot_json_internal.h>

void _az_iot_json_begin(_az_iot_json *json) {
        if (az_result_succeeded(json->result))
                json->result = az_json_writer_append_begin_object(json->writer);
}

void _az_iot_json_begin_named(_az_iot_json *json, az_span name) {
        _az_iot_json_append_name(json, name);
        _az_iot_json_begin(json);
}

void _az_iot_json_end(_az_iot_json *json) {
        if (az_result_succeeded(json->result))
                json->result = az_json_writer_append_end_object(json->writer);
}

void _az_iot_json_append_name(_az_iot_json *json, az_span name) {
        if (az_result_succeeded(json->result))
                json->result = az_json_writer_append_property_name(json->writer, name);
}

void _az_iot_json_append_text(_az_iot_json *json, az_span name, az_span text) {
        _az_iot_json_append_name(json, name);
        if (az_result_succeeded(json->result))
                json->result = az_json_writer_append_string(json->writer, text);
}

void _az_iot_json_append_int32(_az_iot_json *json, az_span name, int32_t number) {
        _az_iot_json_append_name(json, name);
        if (az_result_succeeded(json->result))
                json->result = az_json_writer_append_int32(json->writer, number);
}
