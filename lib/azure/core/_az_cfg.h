/* SPDX-License-Identifier: MIT */

/* Words of the compiler that the public headers use. */

#ifndef _az_CFG_H
#define _az_CFG_H

/* Before a function that is defined in a header, one whose result must not be ignored, one that does not
 * return. */
#define AZ_INLINE static inline
#if defined(__GNUC__) || defined(__clang__)
#define AZ_NODISCARD __attribute__((warn_unused_result))
#define _az_NORETURN __attribute__((noreturn, cold))
#else
#define AZ_NODISCARD
#define _az_NORETURN
#endif

/*
 * C++ has no compound literals, but a braced initializer after the type's name means the same; and its
 * programs may be compiled with -Wold-style-cast, so numbers and pointers to bytes are cast in its own words.
 */
#ifdef __cplusplus
#define _az_LITERAL(type)     type
#define _az_CAST(type, value) (static_cast<type>(value))
#define _az_BYTES(pointer)    (const_cast<uint8_t *>(reinterpret_cast<uint8_t const *>(pointer)))
#define _az_BEGIN_DECLS       extern "C" {
#define _az_END_DECLS         }
#else
#define _az_LITERAL(type)     (type)
#define _az_CAST(type, value) ((type) (value))
#define _az_BYTES(pointer)    ((uint8_t *) (pointer))
#define _az_BEGIN_DECLS
#define _az_END_DECLS
#endif

#endif /* _az_CFG_H */
