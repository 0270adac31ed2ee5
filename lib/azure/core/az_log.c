/* SPDX-License-Identifier: MIT */

#include <azure/core/az_log.h>

#include <azure/core/az_log_internal.h>
#include <azure/core/az_precondition_internal.h>

#ifndef AZ_NO_LOGGING

/* The settings of a program, as the setters of az_log.h have no object to keep them in. */
/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
az_log_message_fn _az_log_message_callback;
static az_log_classification_filter_fn classification_filter;
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

void az_log_set_message_callback(az_log_message_fn log_message_callback) {
        _az_log_message_callback = log_message_callback;
}

void az_log_set_classification_filter_callback(az_log_classification_filter_fn message_filter_callback) {
        classification_filter = message_filter_callback;
}

bool _az_log_should_write(az_log_classification classification) {
        return _az_log_message_callback != NULL &&
               (classification_filter == NULL || classification_filter(classification));
}

void _az_log_write_message(az_log_classification classification, az_span message) {
        _az_PRECONDITION_VALID_SPAN(message, 0);

        if (_az_log_should_write(classification))
                _az_log_message_callback(classification, message);
}

#endif /* AZ_NO_LOGGING */
