/* SPDX-License-Identifier: MIT */
#include <session/dps_session_internal.h>

#include <session/retry.h>

/* "5 polls in 10 seconds per device" is what the service allows. */
#define DELAY_LEAST_US (2 * _az_USEC_PER_SEC)

/* An overloaded service is given more time. */
#define THROTTLED_MIN_S 10

/* How long a clock that cannot be right is waited for. */
#define CLOCK_WAIT_US (300 * _az_USEC_PER_SEC)

static const az_error_class classes[_AZ_DPS_LOSS_MAX] = {
        [AZ_DPS_LOSS_NONE] = AZ_ERROR_CLASS_NONE,          [AZ_DPS_LOSS_SIGNING] = AZ_ERROR_CLASS_LOCAL,
        [AZ_DPS_LOSS_NAME] = AZ_ERROR_CLASS_NETWORK,       [AZ_DPS_LOSS_TCP] = AZ_ERROR_CLASS_NETWORK,
        [AZ_DPS_LOSS_TLS] = AZ_ERROR_CLASS_NETWORK,        [AZ_DPS_LOSS_TIMEOUT] = AZ_ERROR_CLASS_TIMEOUT,
        [AZ_DPS_LOSS_SUBSCRIBE] = AZ_ERROR_CLASS_PROTOCOL, [AZ_DPS_LOSS_CLOSED] = AZ_ERROR_CLASS_SERVICE,
        [AZ_DPS_LOSS_KEEP_ALIVE] = AZ_ERROR_CLASS_NETWORK, [AZ_DPS_LOSS_PROTOCOL] = AZ_ERROR_CLASS_PROTOCOL,
        [AZ_DPS_LOSS_DISABLED] = AZ_ERROR_CLASS_FORBIDDEN, [AZ_DPS_LOSS_DEADLINE] = AZ_ERROR_CLASS_TIMEOUT,
        [AZ_DPS_LOSS_CLOCK] = AZ_ERROR_CLASS_LOCAL,
};

az_dps_error _az_dps_session_error_of(az_dps_loss loss, uint8_t connack_code) {
        return (az_dps_error){
                .loss = loss,
                .error_class =
                        loss == AZ_DPS_LOSS_REFUSED ? az_error_class_of_connack(connack_code) : classes[loss],
                .connack_code = connack_code,
        };
}

bool _az_dps_session_may_pass(az_dps_error const *error) {
        return error->error_class == AZ_ERROR_CLASS_LOCAL || az_error_class_is_transient(error->error_class);
}

bool _az_dps_session_waits_for_clock(az_dps_session const *s, az_hub_session_time time) {
        return s->_internal.run_end_us == 0 && time.unix_s < s->_internal.options.build_unix_s &&
               (s->_internal.clock_until_us == 0 || time.now_us < s->_internal.clock_until_us);
}

static uint64_t clock_delay_us(az_dps_session *s, uint64_t delay_us, uint64_t now_us) {
        if (s->_internal.clock_until_us == 0)
                s->_internal.clock_until_us = now_us + CLOCK_WAIT_US;
        return delay_us < s->_internal.clock_until_us - now_us ? delay_us
                                                               : s->_internal.clock_until_us - now_us;
}

static uint64_t back_off_us(az_dps_session *s, az_dps_error const *error) {
        uint32_t min_s = s->_internal.options.backoff_min_s, max_s = s->_internal.options.backoff_max_s;
        bool is_busy = error->loss == AZ_DPS_LOSS_REFUSED || error->error_class == AZ_ERROR_CLASS_THROTTLED;
        az_retry_policy policy = { min_s, max_s };

        if (error->loss == AZ_DPS_LOSS_CLOCK)
                policy = (az_retry_policy){ 1, 60 };
        else if (is_busy && min_s < THROTTLED_MIN_S)
                policy.min_s = max_s < THROTTLED_MIN_S ? max_s : THROTTLED_MIN_S;
        return az_retry_delay_us(&policy, s->_internal.n_failures + 1, az_retry_draw(&s->_internal.random));
}

uint64_t _az_dps_session_delay_us(az_dps_session *s, az_dps_error const *error, uint64_t now_us) {
        uint64_t delay_us;

        if (error->retry_after_s > 0)
                delay_us = error->retry_after_s * _az_USEC_PER_SEC;
        else if (error->loss == AZ_DPS_LOSS_NONE)
                delay_us = s->_internal.options.poll_delay_s * _az_USEC_PER_SEC;
        else
                delay_us = back_off_us(s, error);

        if (error->loss == AZ_DPS_LOSS_CLOCK)
                return clock_delay_us(s, delay_us, now_us);
        return delay_us > DELAY_LEAST_US ? delay_us : DELAY_LEAST_US;
}
