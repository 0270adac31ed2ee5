/* SPDX-License-Identifier: MIT */

/*
 * Log messages of the library: what each is about is its classification. Nothing is logged until a callback
 * is set. Built with AZ_NO_LOGGING, the library has no messages and the setters do nothing.
 */

#ifndef _az_LOG_H
#define _az_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* Bits 16 to 30 are the facility, bits 0 to 15 the code. azure/iot/az_iot_common.h has more of them. */
typedef int32_t az_log_classification;

#define _az_LOG_MAKE_CLASSIFICATION(facility, code) \
        _az_CAST(az_log_classification, (_az_CAST(uint32_t, facility) << 16U) | _az_CAST(uint32_t, code))

/* Nothing here logs these; they are kept for code that names them. */
enum az_log_classification_core {
        AZ_LOG_HTTP_REQUEST = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_CORE_HTTP, 1),
        AZ_LOG_HTTP_RESPONSE = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_CORE_HTTP, 2),
        AZ_LOG_HTTP_RETRY = _az_LOG_MAKE_CLASSIFICATION(_az_FACILITY_CORE_HTTP, 3)
};

/* Receives a message; 'message' is valid during the call and is not NUL-terminated. */
typedef void (*az_log_message_fn)(az_log_classification classification, az_span message);

/* Tells whether messages of this classification are wanted. */
typedef bool (*az_log_classification_filter_fn)(az_log_classification classification);

/*
 * Set who receives the messages and which are wanted; NULL: nobody, and all. Call them once, before any other
 * function of the library: the settings are shared by all threads.
 */
#ifdef AZ_NO_LOGGING
AZ_INLINE void az_log_set_message_callback(az_log_message_fn log_message_callback) {
        (void) log_message_callback;
}
AZ_INLINE void az_log_set_classification_filter_callback(
        az_log_classification_filter_fn message_filter_callback) {
        (void) message_filter_callback;
}
#else
void az_log_set_message_callback(az_log_message_fn log_message_callback);
void az_log_set_classification_filter_callback(az_log_classification_filter_fn message_filter_callback);
#endif

_az_END_DECLS

#endif /* _az_LOG_H */
