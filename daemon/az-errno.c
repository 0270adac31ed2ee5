/* SPDX-License-Identifier: MIT */

#include "daemon/az-errno.h"

#include <azure/iot/az_iot_common.h>

#include "util/util.h"

static const struct {
        az_result result;
        int error;
} errors[] = {
        { AZ_ERROR_ARG, -EINVAL },
        { AZ_ERROR_NOT_ENOUGH_SPACE, -ENOBUFS },
        { AZ_ERROR_ITEM_NOT_FOUND, -ENOENT },
        { AZ_ERROR_UNEXPECTED_CHAR, -EBADMSG },
        { AZ_ERROR_UNEXPECTED_END, -EBADMSG },
        { AZ_ERROR_NOT_SUPPORTED, -EOPNOTSUPP },
        { AZ_ERROR_OUT_OF_MEMORY, -ENOMEM },
        { AZ_ERROR_IOT_TOPIC_NO_MATCH, -ENOMSG },
};

int az_result_to_errno(az_result result) {
        if (az_result_succeeded(result))
                return 0;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].result == result)
                        return errors[i].error;
        return -EPROTO;
}
