/* SPDX-License-Identifier: MIT */
#pragma once

/* Why a link was lost: from the words of lib/mqtt to those of lib/session, and to those of people. */

#include <mqtt/link.h>
#include <session/hub_session.h>

az_hub_loss hub_loss_from_stage(MqttStage stage);
/* Of an MQTT_EVENT_LOST. */
az_hub_loss hub_loss_from_end(MqttLost cause, int error);

/* What there is to check when this stage fails, to be put behind what failed; may be empty. */
const char *hub_loss_advice(MqttStage stage);

/* The same when a connection ends in this way. */
const char *hub_loss_advice_on_cause(MqttLost cause);

/*
 * Describes a loss that the session found itself, of an AZ_HUB_EVENT_LOST of 'host' at the wall time
 * 'unix_us': what happened, and what there is to check. Returns false, and leaves 'text' as it is, for losses
 * that lib/mqtt has described.
 */
bool hub_loss_describe(const az_hub_event *lost, const char *host, uint64_t unix_us, char *text, size_t size);
