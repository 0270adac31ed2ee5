/* SPDX-License-Identifier: MIT */
#include "recovery-fixture.h"

uint64_t us(uint32_t second) {
        return second == NEVER ? UINT64_MAX : second * USEC_PER_SEC;
}

az_result give_lost(az_recovery *r, az_hub_loss loss, int code, az_hub_session_state from,
                    bool clock_is_plausible, uint64_t now_us) {
        az_hub_event lost = { .type = AZ_HUB_EVENT_LOST };

        lost.as.lost.loss = loss;
        lost.as.lost.connack_code = (uint8_t) code;
        lost.as.lost.from = from;
        lost.as.lost.delay_us = BACKOFF_S * USEC_PER_SEC;
        return az_recovery_hub_lost(r, &lost, clock_is_plausible, now_us);
}

az_result give(az_recovery *r, Input input, int arg, uint64_t now_us) {
        switch (input) {
        case START:
        case START_UNASSIGNED:
                return az_recovery_start(r, input == START, now_us);
        case STOP:
                az_recovery_stop(r);
                return AZ_OK;
        case LIVE:
                return az_recovery_hub_live(r, now_us);
        case LOST:
                return give_lost(r, (az_hub_loss) arg, 0, AZ_HUB_SESSION_CONNECTING, true, now_us);
        case LOST_LATER:
                return give_lost(r, (az_hub_loss) arg, 0, AZ_HUB_SESSION_SUBSCRIBING, true, now_us);
        case LOST_SIGNING:
                return give_lost(r, (az_hub_loss) arg, 0, AZ_HUB_SESSION_SIGNING, true, now_us);
        case REFUSED:
        case REFUSED_UNSET:
                return give_lost(r, AZ_HUB_LOSS_REFUSED, arg, AZ_HUB_SESSION_CONNECTING, input == REFUSED,
                                 now_us);
        case ASSIGNED:
        case ASSIGNED_SAME:
                return az_recovery_assigned(r, input == ASSIGNED_SAME, now_us);
        case FAILED:
        case FAILED_UNSET:
                return az_recovery_failed(r, (az_error_class) arg, 0, input == FAILED, now_us);
        case THROTTLED:
                return az_recovery_failed(r, AZ_ERROR_CLASS_THROTTLED, (uint32_t) arg, true, now_us);
        case PROVISION_NOW:
                return az_recovery_provision_now(r, now_us);
        case TIMEOUT:
                return az_recovery_timeout(r, now_us);
        case END:
        case _INPUT_MAX:
                break;
        }
        ck_abort();
}

az_recovery new_recovery(bool has_provisioning, uint32_t n_credentials) {
        az_recovery_options o = az_recovery_options_default();
        az_recovery r;

        o.random_seed = 42;
        o.has_provisioning = has_provisioning;
        if (n_credentials > 0)
                o.n_credentials = n_credentials;
        ck_assert_int_eq(az_recovery_init(&r, &o), AZ_OK);
        return r;
}

az_recovery_event give_and_pop(az_recovery *r, Input input, int arg, uint64_t now_us) {
        az_recovery_event event;

        ck_assert_int_eq(give(r, input, arg, now_us), AZ_OK);
        ck_assert(az_recovery_next_event(r, &event));
        return event;
}
