/* SPDX-License-Identifier: MIT */

/* Constants that size things inside the library. */

#ifndef _az_CONFIG_H
#define _az_CONFIG_H

/* How many arrays and objects may be open at once in JSON: one bit each of a 64-bit word. */
#define AZ_JSON_NESTING_MAX 64

enum {
        /* The longest log message; it is composed on the stack. */
        AZ_LOG_MESSAGE_BUFFER_SIZE = 1024
};

#endif /* _az_CONFIG_H */
