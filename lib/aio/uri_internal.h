/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_URI_INTERNAL_H
#define _az_AIO_URI_INTERNAL_H

/* URIs by the grammar of RFC 3986, appendix A; not part of the public API. */

#include <stdbool.h>

#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* Tells whether 'text' is a URI-reference: a URI, or relative, be it empty. */
AZ_NODISCARD bool _aio_is_uri_reference(az_span text);

/* Tells whether 'text' is a URI: one with a scheme. It may have a fragment. */
AZ_NODISCARD bool _aio_is_uri(az_span text);

_az_END_DECLS

#endif
