/* SPDX-License-Identifier: MIT */
#include <session/error_class.h>

#include <stddef.h>

/* Codes that say more, or something else, than their first three digits. */
static const struct {
        uint32_t code;
        az_error_class error_class;
} codes[] = {
        { 400027, AZ_ERROR_CLASS_CONFLICT }, /* ConnectionForcefullyClosedOnNewConnection */
        { 400029, AZ_ERROR_CLASS_SERVICE },  /* closed and refused while the platform is upgraded */
        { 400030, AZ_ERROR_CLASS_SERVICE },
        { 400207, AZ_ERROR_CLASS_IDENTITY }, /* the custom allocation failed */
        { 400208, AZ_ERROR_CLASS_IDENTITY }, /* there is no hub to assign */
        { 400209, AZ_ERROR_CLASS_IDENTITY }, /* DPS may not write to the hub */
        { 401001, AZ_ERROR_CLASS_IDENTITY }, /* IotHubNotFound */
        { 404012, AZ_ERROR_CLASS_SERVICE },  /* IotHubFailingOver */
};

static const struct {
        uint32_t status;
        az_error_class error_class;
} statuses[] = {
        { 401, AZ_ERROR_CLASS_CREDENTIAL }, { 403, AZ_ERROR_CLASS_FORBIDDEN },
        { 404, AZ_ERROR_CLASS_IDENTITY },   { 408, AZ_ERROR_CLASS_TIMEOUT },
        { 409, AZ_ERROR_CLASS_CONFLICT },   { 412, AZ_ERROR_CLASS_CONFLICT },
        { 413, AZ_ERROR_CLASS_TOO_LARGE },  { 429, AZ_ERROR_CLASS_THROTTLED },
        { 499, AZ_ERROR_CLASS_TIMEOUT },
};

static const az_error_class hundreds[] = {
        [0] = AZ_ERROR_CLASS_PROTOCOL, [1] = AZ_ERROR_CLASS_PROTOCOL, [2] = AZ_ERROR_CLASS_NONE,
        [3] = AZ_ERROR_CLASS_PROTOCOL, [4] = AZ_ERROR_CLASS_CALLER,   [5] = AZ_ERROR_CLASS_SERVICE,
};

static const az_error_class connacks[] = {
        [0] = AZ_ERROR_CLASS_NONE,    [1] = AZ_ERROR_CLASS_PROTOCOL,   [2] = AZ_ERROR_CLASS_IDENTITY,
        [3] = AZ_ERROR_CLASS_SERVICE, [4] = AZ_ERROR_CLASS_CREDENTIAL, [5] = AZ_ERROR_CLASS_CREDENTIAL,
};

static const char *const names[_AZ_ERROR_CLASS_MAX] = {
        [AZ_ERROR_CLASS_NONE] = "none",         [AZ_ERROR_CLASS_LOCAL] = "local",
        [AZ_ERROR_CLASS_NETWORK] = "network",   [AZ_ERROR_CLASS_TIMEOUT] = "timeout",
        [AZ_ERROR_CLASS_SERVICE] = "service",   [AZ_ERROR_CLASS_THROTTLED] = "throttled",
        [AZ_ERROR_CLASS_CONFLICT] = "conflict", [AZ_ERROR_CLASS_CREDENTIAL] = "credential",
        [AZ_ERROR_CLASS_IDENTITY] = "identity", [AZ_ERROR_CLASS_FORBIDDEN] = "forbidden",
        [AZ_ERROR_CLASS_CALLER] = "caller",     [AZ_ERROR_CLASS_TOO_LARGE] = "too-large",
        [AZ_ERROR_CLASS_PROTOCOL] = "protocol",
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static az_error_class class_of(uint32_t status) {
        for (size_t i = 0; i < N_OF(statuses); i++) {
                if (statuses[i].status == status)
                        return statuses[i].error_class;
        }
        return status / 100 < N_OF(hundreds) ? hundreds[status / 100] : AZ_ERROR_CLASS_PROTOCOL;
}

az_error_class az_error_class_of_status(uint32_t status, uint32_t code) {
        for (size_t i = 0; i < N_OF(codes); i++) {
                if (codes[i].code == code)
                        return codes[i].error_class;
        }
        return class_of(code > 0 ? code / 1000 : status);
}

az_error_class az_error_class_of_connack(uint8_t code) {
        return code < N_OF(connacks) ? connacks[code] : AZ_ERROR_CLASS_PROTOCOL;
}

bool az_error_class_is_transient(az_error_class error_class) {
        return error_class == AZ_ERROR_CLASS_NETWORK || error_class == AZ_ERROR_CLASS_TIMEOUT ||
               error_class == AZ_ERROR_CLASS_SERVICE || error_class == AZ_ERROR_CLASS_THROTTLED ||
               error_class == AZ_ERROR_CLASS_CONFLICT;
}

char const *az_error_class_to_string(az_error_class error_class) {
        return (size_t) error_class < N_OF(names) ? names[error_class] : NULL;
}
