/* SPDX-License-Identifier: MIT */
#ifndef _az_IOT_COMMON_H
#define _az_IOT_COMMON_H

/*
 * What IoT Hub and the Device Provisioning Service share: message properties, status codes, retry delays.
 *
 * Every function that writes text takes a buffer and its size, writes a terminating NUL, and reports a length
 * without it. A buffer that is too small gives AZ_ERROR_NOT_ENOUGH_SPACE: nothing is written past its end,
 * what is in it then is unspecified, and the reported length is left as it was.
 *
 * Every function calls the precondition callback (azure/core/az_precondition.h) when an argument breaks the
 * contract that stands beside it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_log.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* What azure-sdk-for-c suggests. */
enum {
        AZ_IOT_DEFAULT_MQTT_CONNECT_PORT = 8883,
        AZ_IOT_DEFAULT_MQTT_CONNECT_KEEPALIVE_SECONDS = 240,
};

/* Results of azure/iot, beside those of azure/core. */
enum az_result_iot {
        /* The topic is of another kind: let the next parser try. */
        AZ_ERROR_IOT_TOPIC_NO_MATCH = _az_RESULT_MAKE_ERROR(_az_FACILITY_IOT, 1),
        /* The last property was read already. */
        AZ_ERROR_IOT_END_OF_PROPERTIES = _az_RESULT_MAKE_ERROR(_az_FACILITY_IOT, 2),
};

/* What azure/iot says through the log callback, and the text that comes with it; the others are names only.
 */
enum az_log_classification_iot {
        /* A topic that a parser took as its own: the topic. */
        AZ_LOG_MQTT_RECEIVED_TOPIC = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT_MQTT, 1),
        /* A payload that a parser took with its topic: the payload. */
        AZ_LOG_MQTT_RECEIVED_PAYLOAD = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT_MQTT, 2),
        /* A retry delay was calculated: no text. */
        AZ_LOG_IOT_RETRY = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT, 1),
        /* A SAS token is being made: the text that is to be signed, which holds no secret. */
        AZ_LOG_IOT_SAS_TOKEN = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT, 2),
        AZ_LOG_IOT_AZURERTOS = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT, 3),
        AZ_LOG_IOT_ADU = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_IOT, 4),
};

/* Names of the hub's system properties, as they are written in a topic. */
#define AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID       "%24.mid"
#define AZ_IOT_MESSAGE_PROPERTIES_CORRELATION_ID   "%24.cid"
#define AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE     "%24.ct"
#define AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING "%24.ce"
#define AZ_IOT_MESSAGE_PROPERTIES_USER_ID          "%24.uid"
#define AZ_IOT_MESSAGE_PROPERTIES_CREATION_TIME    "%24.ctime"
#define AZ_IOT_MESSAGE_COMPONENT_NAME              "%24.sub"

/* Status of the service, as in HTTP. */
typedef enum {
        AZ_IOT_STATUS_UNKNOWN = 0,

        AZ_IOT_STATUS_OK = 200,
        AZ_IOT_STATUS_ACCEPTED = 202,
        AZ_IOT_STATUS_NO_CONTENT = 204,

        AZ_IOT_STATUS_BAD_REQUEST = 400,
        AZ_IOT_STATUS_UNAUTHORIZED = 401,
        AZ_IOT_STATUS_FORBIDDEN = 403,
        AZ_IOT_STATUS_NOT_FOUND = 404,
        AZ_IOT_STATUS_NOT_ALLOWED = 405,
        AZ_IOT_STATUS_NOT_CONFLICT = 409, /* means: conflict */
        AZ_IOT_STATUS_PRECONDITION_FAILED = 412,
        AZ_IOT_STATUS_REQUEST_TOO_LARGE = 413,
        AZ_IOT_STATUS_UNSUPPORTED_TYPE = 415,
        AZ_IOT_STATUS_THROTTLED = 429,
        AZ_IOT_STATUS_CLIENT_CLOSED = 499,

        AZ_IOT_STATUS_SERVER_ERROR = 500,
        AZ_IOT_STATUS_BAD_GATEWAY = 502,
        AZ_IOT_STATUS_SERVICE_UNAVAILABLE = 503,
        AZ_IOT_STATUS_TIMEOUT = 504,
} az_iot_status;

/*
 * Says whether the service did, or took on, what was asked: 2xx and 3xx.
 *
 * Differs from azure-sdk-for-c, which also calls AZ_IOT_STATUS_UNKNOWN (0) a success.
 */
AZ_NODISCARD AZ_INLINE bool az_iot_status_succeeded(az_iot_status status) {
        return status >= AZ_IOT_STATUS_OK && status < AZ_IOT_STATUS_BAD_REQUEST;
}

/*
 * Says whether the same request, sent again later, may succeed: 429 and every 5xx.
 *
 * Differs from azure-sdk-for-c, which knows 429 and 500 alone: 502, 503 and 504 are what a hub answers while
 * it fails over or is updated, and a device that takes them for final stays offline. 401, 409 and 412 are not
 * retriable here, because something else has to be done before the request is sent again.
 */
AZ_NODISCARD AZ_INLINE bool az_iot_status_retriable(az_iot_status status) {
        return status == AZ_IOT_STATUS_THROTTLED ||
               (status >= AZ_IOT_STATUS_SERVER_ERROR && _az_CAST(uint32_t, status) < 600);
}

/*
 * Calculates how long to wait before trying again: the minimum doubled 'attempt' times, at most the maximum,
 * plus jitter, less the time that the failed operation took.
 *
 *   operation_msec  how long the failed operation took, >= 0
 *   attempt  how many retries there were before, >= 0
 *   min_retry_delay_msec, max_retry_delay_msec  >= 0; 1000 and 100000 suit a hub
 *   random_jitter_msec  drawn anew by the caller for each call, >= 0; from 0 to 5000 suits a hub
 *
 * Returns milliseconds from 0 to max_retry_delay_msec.
 *
 * Jitter that does not fit below the maximum is taken off instead, so that devices which lost the same hub do
 * not come back in step once they all wait the maximum; unless it is more than a quarter of the maximum,
 * which is no jitter any more and is left out. Differs from azure-sdk-for-c, which has no jitter at the
 * maximum and whose product overflows from attempt 22 on (with the numbers above it is 0 at attempts 29 and
 * 30).
 */
AZ_NODISCARD int32_t az_iot_calculate_retry_delay(int32_t operation_msec, int16_t attempt,
                                                  int32_t min_retry_delay_msec, int32_t max_retry_delay_msec,
                                                  int32_t random_jitter_msec);

/*
 * The properties of a message, "name=value&name=value", in a buffer of the caller that has to outlive it.
 *
 * Names and values are as in the topic: percent-encoded. Encode each byte but A-Z a-z 0-9 - _ . ~ before
 * appending (an unescaped '#', '+', '&', '=', '/' or space makes the hub drop the connection), and decode
 * what was found.
 */
typedef struct {
        struct {
                az_span properties_buffer;
                int32_t properties_written;
                int32_t next_property_index;
        } _internal;
} az_iot_message_properties;

/*
 * Makes 'buffer' the place of 'properties'.
 *
 *   buffer  may be empty
 *   written_length  how many of its first bytes are properties already, 0 to its size
 *
 * Always AZ_OK.
 */
AZ_NODISCARD az_result az_iot_message_properties_init(az_iot_message_properties *properties, az_span buffer,
                                                      int32_t written_length);

/*
 * Appends a property, copied as it is. A name that is there already is not noticed.
 *
 *   name, value  not empty
 *
 * NOT_ENOUGH_SPACE: the buffer is full; nothing was appended.
 */
AZ_NODISCARD az_result az_iot_message_properties_append(az_iot_message_properties *properties, az_span name,
                                                        az_span value);

/*
 * Finds the first property called 'name', compared byte for byte.
 *
 *   name  not empty
 *   out_value  part of the buffer; empty for "name=" and, with a NULL pointer, for a "name" without '='
 *
 * ITEM_NOT_FOUND: there is none. Differs from azure-sdk-for-c, which reads "a&b=1" as one property "a&b".
 */
AZ_NODISCARD az_result az_iot_message_properties_find(az_iot_message_properties *properties, az_span name,
                                                      az_span *out_value);

/*
 * Reads the next property, from the first on. Empty places ("a=1&&b=2") are passed over.
 *
 *   out_name, out_value  parts of the buffer; value as for az_iot_message_properties_find()
 *
 * END_OF_PROPERTIES: there are no more; the next call says so again.
 */
AZ_NODISCARD az_result az_iot_message_properties_next(az_iot_message_properties *properties,
                                                      az_span *out_name, az_span *out_value);

_az_END_DECLS

#endif
