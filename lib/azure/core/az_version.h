/* SPDX-License-Identifier: MIT */

#ifndef _az_VERSION_H
#define _az_VERSION_H

/* The version of the Azure SDK for Embedded C whose public API this library offers. */
#define AZ_SDK_VERSION_STRING     "1.6.0-beta.1"
#define AZ_SDK_VERSION_MAJOR      1
#define AZ_SDK_VERSION_MINOR      6
#define AZ_SDK_VERSION_PATCH      0
#define AZ_SDK_VERSION_PRERELEASE "beta.1"

#endif /* _az_VERSION_H */
