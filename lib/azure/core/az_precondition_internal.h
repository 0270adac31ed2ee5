/* SPDX-License-Identifier: MIT */

/* The checks that functions of the library open with. */

#ifndef _az_PRECONDITION_INTERNAL_H
#define _az_PRECONDITION_INTERNAL_H

#include <azure/core/az_precondition.h>
#include <azure/core/az_span.h>

#ifdef AZ_NO_PRECONDITION_CHECKING
#define _az_PRECONDITION(condition) ((void) 0)
#else

_az_BEGIN_DECLS

/*
 * Calls the function set by az_precondition_failed_set_callback(). That it does not return is what makes the
 * checks cheap: the functions that open with them need not keep anything for afterwards.
 */
_az_NORETURN void _az_precondition_failed(void);

_az_END_DECLS

#define _az_PRECONDITION(condition)                \
        do {                                       \
                if (!(condition))                  \
                        _az_precondition_failed(); \
        } while (0)
#endif

#define _az_PRECONDITION_NOT_NULL(pointer)       _az_PRECONDITION((pointer) != NULL)
#define _az_PRECONDITION_RANGE(low, value, high) _az_PRECONDITION((low) <= (value) && (value) <= (high))
#define _az_PRECONDITION_VALID_SPAN(span, min_size)          \
        _az_PRECONDITION(az_span_size(span) >= (min_size) && \
                         (az_span_size(span) == 0 || az_span_ptr(span) != NULL))

#endif /* _az_PRECONDITION_INTERNAL_H */
