/* SPDX-License-Identifier: MIT */

#include "daemon/hub-loss.h"

#include <stdio.h>

#include "ipc/rfc3339.h"

az_hub_loss hub_loss_from_stage(MqttStage stage) {
        static const az_hub_loss losses[] = {
                [MQTT_STAGE_IDENTITY] = AZ_HUB_LOSS_SIGNING, [MQTT_STAGE_SIGN] = AZ_HUB_LOSS_SIGNING,
                [MQTT_STAGE_NAME] = AZ_HUB_LOSS_NAME,        [MQTT_STAGE_TCP] = AZ_HUB_LOSS_TCP,
                [MQTT_STAGE_PROXY] = AZ_HUB_LOSS_TCP,        [MQTT_STAGE_TLS] = AZ_HUB_LOSS_TLS,
                [MQTT_STAGE_WEBSOCKET] = AZ_HUB_LOSS_TLS,
        };
        return losses[stage];
}

const char *hub_loss_advice(MqttStage stage) {
        static const char *const advice[] = {
                [MQTT_STAGE_IDENTITY] = "",
                [MQTT_STAGE_SIGN] = "; check the key",
                [MQTT_STAGE_NAME] = "; check the name of the hub, and DNS",
                [MQTT_STAGE_TCP] = "",
                [MQTT_STAGE_PROXY] = "; check the proxy",
                [MQTT_STAGE_TLS] = "; check the clock, and TrustedCAFile= if the hub is not Microsoft's",
                [MQTT_STAGE_WEBSOCKET] = "",
        };
        return advice[stage];
}

az_hub_loss hub_loss_from_end(MqttLost cause, int error) {
        static const az_hub_loss losses[] = {
                [MQTT_LOST_ASKED] = AZ_HUB_LOSS_CLOSED,
                [MQTT_LOST_CLOSED] = AZ_HUB_LOSS_CLOSED,
                [MQTT_LOST_NETWORK] = AZ_HUB_LOSS_TCP,
                [MQTT_LOST_REFUSED] = AZ_HUB_LOSS_CLOSED,
                [MQTT_LOST_CLIENT_CERTIFICATE] = AZ_HUB_LOSS_TLS,
                [MQTT_LOST_CONNACK_TIMEOUT] = AZ_HUB_LOSS_TIMEOUT,
                [MQTT_LOST_PING_TIMEOUT] = AZ_HUB_LOSS_KEEP_ALIVE,
                [MQTT_LOST_PUBACK_TIMEOUT] = AZ_HUB_LOSS_THROTTLED,
                [MQTT_LOST_PROTOCOL] = AZ_HUB_LOSS_PROTOCOL,
                [MQTT_LOST_TOO_LARGE] = AZ_HUB_LOSS_PROTOCOL,
                [MQTT_LOST_INTERNAL] = AZ_HUB_LOSS_PROTOCOL,
        };

        /* A hub that closes before it has read all that was sent resets the connection by that. */
        if (cause == MQTT_LOST_NETWORK && (error == -ECONNRESET || error == -EPIPE))
                return AZ_HUB_LOSS_CLOSED;
        return losses[cause];
}

const char *hub_loss_advice_on_cause(MqttLost cause) {
        switch (cause) {
        case MQTT_LOST_PING_TIMEOUT:
                return "; the network in between may have dropped the connection without a word";
        case MQTT_LOST_PUBACK_TIMEOUT:
                return "; the hub may be overloaded, or throttle this device";
        case MQTT_LOST_ASKED:
        case MQTT_LOST_CLOSED:
        case MQTT_LOST_NETWORK:
        case MQTT_LOST_REFUSED:
        case MQTT_LOST_CLIENT_CERTIFICATE:
        case MQTT_LOST_CONNACK_TIMEOUT:
        case MQTT_LOST_PROTOCOL:
        case MQTT_LOST_TOO_LARGE:
        case MQTT_LOST_INTERNAL:
        case _MQTT_LOST_MAX:
                break;
        }
        return "";
}

/* MQTT 3.1.1, table 3.1, and what a hub means by it. */
static const char *const connack_texts[] = {
        [1] = "it does not speak MQTT 3.1.1",
        [2] = "it does not take this device id; check the device id",
        [3] = "it is not available at the moment",
        [4] = "bad user name or password; check the key and the clock",
        [5] = "not authorized; check the key, the clock, and that the device exists and is enabled",
};

bool hub_loss_describe(const az_hub_event *lost, const char *host, uint64_t unix_us, char *text,
                       size_t size) {
        uint8_t code = lost->as.lost.connack_code;
        char time[RFC3339_SIZE];
        const char *refusal = code < ELEMENTSOF(connack_texts) ? connack_texts[code] : NULL;

        if (lost->as.lost.loss == AZ_HUB_LOSS_REFUSED)
                (void) snprintf(text, size, "The hub '%s' refused the connection (CONNACK %u): %s", host,
                                code, refusal ?: "for a reason that MQTT 3.1.1 does not know");
        else if (lost->as.lost.loss == AZ_HUB_LOSS_SUBSCRIBE)
                (void) snprintf(text, size, "The hub '%s' refused a subscription", host);
        else if (lost->as.lost.loss == AZ_HUB_LOSS_DUPLICATE)
                (void) snprintf(
                        text, size,
                        "The hub '%s' closed three connections within seconds of their beginning; check "
                        "whether something else connects as the same device",
                        host);
        else if (lost->as.lost.loss == AZ_HUB_LOSS_CLOCK)
                (void) snprintf(
                        text, size,
                        "The clock says %s, before this program was built: waiting for the time, five "
                        "minutes at most",
                        rfc3339_format(time, unix_us));
        else if (lost->as.lost.loss == AZ_HUB_LOSS_TIMEOUT)
                (void) snprintf(text, size, "The hub '%s' did not answer in time (%s)", host,
                                az_hub_session_state_to_string(lost->as.lost.from));
        else
                return false;
        return true;
}
