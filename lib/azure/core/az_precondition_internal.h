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

/* Calls the function set by az_precondition_failed_set_callback(), which does not return. */
#ifdef __clang_analyzer__
__attribute__((analyzer_noreturn))
#endif
void _az_precondition_failed(void);

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
