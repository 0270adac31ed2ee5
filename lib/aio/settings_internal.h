/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_SETTINGS_INTERNAL_H
#define _az_AIO_SETTINGS_INTERNAL_H

/* What the sources of settings share; not part of the public API. */

#include <aio/settings.h>

_az_BEGIN_DECLS

/* A text of the library as a span, not to be written to. */
AZ_NODISCARD AZ_INLINE az_span _aio_settings_text(char const *text) {
        return az_span_create_from_str((char *) text);
}

/* Reports "invalid configuration" and returns AZ_ERROR_ARG. 'property' and 'message' live for ever. */
AZ_NODISCARD az_result _aio_settings_refuse(aio_error *out_error, char const *property, az_span value,
                                            char const *message);

_az_END_DECLS

#endif
