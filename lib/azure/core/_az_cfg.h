/* SPDX-License-Identifier: MIT */

/* Compiler words shared by the public headers; nothing for applications. */

#ifndef _az_CFG_H
#define _az_CFG_H

#define AZ_INLINE static inline

#if defined(__GNUC__) || defined(__clang__)
#define AZ_NODISCARD __attribute__((warn_unused_result))
#else
#define AZ_NODISCARD
#endif

/* C++ has no compound literals, but a braced initializer after the type's name means the same. */
#ifdef __cplusplus
#define _az_LITERAL(type) type
#define _az_BEGIN_DECLS   extern "C" {
#define _az_END_DECLS     }
#else
#define _az_LITERAL(type) (type)
#define _az_BEGIN_DECLS
#define _az_END_DECLS
#endif

#endif /* _az_CFG_H */
