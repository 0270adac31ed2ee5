/* SPDX-License-Identifier: MIT */

/*
 * Preconditions: an argument that breaks the documented contract of a function (NULL where a pointer is
 * required, a negative size, a slice outside its span) is a mistake of the calling program, not of its input.
 * The library then calls the function set here. Built with AZ_NO_PRECONDITION_CHECKING, it does not check,
 * and behaviour is undefined. What comes from outside the program never fails a precondition: it gives an
 * error result.
 */

#ifndef _az_PRECONDITION_H
#define _az_PRECONDITION_H

#include <azure/core/_az_cfg.h>

_az_BEGIN_DECLS

/*
 * Called on a failed precondition. It must not return: it ends or restarts the program, or leaves by
 * longjmp(). If it does return, the program is stopped.
 */
typedef void (*az_precondition_failed_fn)(void);

/*
 * Sets the function to call on a failed precondition. The default one stops the program at once (a trap
 * instruction). Call it once, before any other function of the library: the setting is shared by all threads.
 */
void az_precondition_failed_set_callback(az_precondition_failed_fn az_precondition_failed_callback);

_az_END_DECLS

#endif /* _az_PRECONDITION_H */
