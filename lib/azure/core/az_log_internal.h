/* SPDX-License-Identifier: MIT */

/* How the library logs. */

#ifndef _az_LOG_INTERNAL_H
#define _az_LOG_INTERNAL_H

#include <azure/core/az_log.h>

_az_BEGIN_DECLS
/*
 * _az_log_should_write() tells whether somebody wants messages of this classification: ask before composing
 * one. _az_log_write() hands the message over, if somebody does; where nobody listens it is one comparison.
 */
#ifdef AZ_NO_LOGGING
AZ_NODISCARD AZ_INLINE bool _az_log_should_write(az_log_classification classification) {
        (void) classification;
        return false;
}

AZ_INLINE void _az_log_write(az_log_classification classification, az_span message) {
        (void) classification;
        (void) message;
}
#else
/* As az_log_set_message_callback() left it. */
/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables) */
extern az_log_message_fn _az_log_message_callback;

AZ_NODISCARD bool _az_log_should_write(az_log_classification classification);

/* _az_log_write(), with somebody listening. */
void _az_log_write_message(az_log_classification classification, az_span message);

AZ_INLINE void _az_log_write(az_log_classification classification, az_span message) {
        if (_az_log_message_callback != NULL)
                _az_log_write_message(classification, message);
}
#endif

_az_END_DECLS

#endif /* _az_LOG_INTERNAL_H */
