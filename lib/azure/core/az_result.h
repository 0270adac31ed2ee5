/* SPDX-License-Identifier: MIT */

/*
 * az_result: what every function of the library that can fail returns.
 *
 * Bit 31 is set in errors, bits 16 to 30 are the facility, bits 0 to 15 the code. Compare with the names
 * below; test for success with az_result_failed() or az_result_succeeded(), because a success may be other
 * than AZ_OK.
 */

#ifndef _az_RESULT_H
#define _az_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include <azure/core/_az_cfg.h>

_az_BEGIN_DECLS

/* A result; its possible values are in az_result_core and in az_result_iot of azure/iot/az_iot_common.h. */
typedef int32_t az_result;

/* Facilities. */
enum {
        _az_FACILITY_CORE = 0x1,
        _az_FACILITY_CORE_PLATFORM = 0x2,
        _az_FACILITY_CORE_JSON = 0x3,
        _az_FACILITY_CORE_HTTP = 0x4,
        _az_FACILITY_IOT = 0x5,
        _az_FACILITY_IOT_MQTT = 0x6
};

#define _az_RESULT_MAKE_SUCCESS(facility, code) \
        _az_CAST(az_result, (_az_CAST(uint32_t, facility) << 16U) | _az_CAST(uint32_t, code))
#define _az_RESULT_MAKE_ERROR(facility, code) \
        _az_CAST(az_result, 0x80000000U | (_az_CAST(uint32_t, facility) << 16U) | _az_CAST(uint32_t, code))

enum az_result_core {
        AZ_OK = _az_RESULT_MAKE_SUCCESS(_az_FACILITY_CORE, 0),

        AZ_ERROR_CANCELED = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 0),
        AZ_ERROR_ARG = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 1), /* an argument is out of range */
        AZ_ERROR_NOT_ENOUGH_SPACE =
                _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 2), /* the caller's buffer is too small */
        AZ_ERROR_NOT_IMPLEMENTED = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 3),
        AZ_ERROR_ITEM_NOT_FOUND = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 4),
        AZ_ERROR_UNEXPECTED_CHAR = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 5), /* the input is malformed */
        AZ_ERROR_UNEXPECTED_END = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 6),  /* the input ends too early */
        AZ_ERROR_NOT_SUPPORTED = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 7),
        AZ_ERROR_DEPENDENCY_NOT_PROVIDED = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE, 8),

        AZ_ERROR_OUT_OF_MEMORY = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_PLATFORM, 1),
        AZ_ERROR_CLOCK = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_PLATFORM, 2),

        AZ_ERROR_JSON_INVALID_STATE =
                _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_JSON, 1), /* another kind of token */
        AZ_ERROR_JSON_NESTING_OVERFLOW =
                _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_JSON, 2), /* AZ_JSON_NESTING_MAX */
        AZ_ERROR_JSON_READER_DONE = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_JSON, 3), /* no token is left */

        /* Nothing here returns these; they are kept for code that names them. */
        AZ_ERROR_HTTP_INVALID_STATE = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 1),
        AZ_ERROR_HTTP_PIPELINE_INVALID_POLICY = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 2),
        AZ_ERROR_HTTP_INVALID_METHOD_VERB = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 3),
        AZ_ERROR_HTTP_AUTHENTICATION_FAILED = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 4),
        AZ_ERROR_HTTP_RESPONSE_OVERFLOW = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 5),
        AZ_ERROR_HTTP_RESPONSE_COULDNT_RESOLVE_HOST = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 6),
        AZ_ERROR_HTTP_CORRUPT_RESPONSE_HEADER = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 7),
        AZ_ERROR_HTTP_END_OF_HEADERS = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 8),
        AZ_ERROR_HTTP_ADAPTER = _az_RESULT_MAKE_ERROR(_az_FACILITY_CORE_HTTP, 9)
};

/* Tells whether 'result' is an error. */
AZ_NODISCARD AZ_INLINE bool az_result_failed(az_result result) {
        return result < 0;
}

/* Tells whether 'result' is a success: AZ_OK or another one. */
AZ_NODISCARD AZ_INLINE bool az_result_succeeded(az_result result) {
        return !az_result_failed(result);
}

_az_END_DECLS

#endif /* _az_RESULT_H */
