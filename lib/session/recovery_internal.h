/* SPDX-License-Identifier: MIT */
#ifndef _az_SESSION_RECOVERY_INTERNAL_H
#define _az_SESSION_RECOVERY_INTERNAL_H

/* What the files of the recovery share; not part of the public API. */

#include <session/recovery.h>

_az_BEGIN_DECLS

/* The set of one class. */
#define _az_ERROR_CLASS_BIT(error_class) (UINT32_C(1) << (error_class))

/*
 * recovery_table.c: returns the next row behind 'after' (NULL: the first) for the trigger in the state and,
 * if 'error_class' is not NONE, for the class; NULL: there is none.
 */
AZ_NODISCARD az_recovery_transition const *_az_recovery_find_transition(az_recovery_transition const *after,
                                                                        az_recovery_state from,
                                                                        az_recovery_trigger on,
                                                                        az_error_class error_class);

_az_END_DECLS

#endif
