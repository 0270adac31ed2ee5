/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_H
#define DEVICE_H

/*
 * The application: a thermostat. Its Plug and Play model has one component, "thermostat":
 *
 *      telemetry   thermostat: temperature
 *      commands    echo (answers what it was given); thermostat: getMaxMin
 *      properties  serialNumber; interval (writable: seconds between two messages);
 *                  thermostat: maxTemperature; targetTemperature (writable)
 *
 * It knows topics and payloads, and neither connections nor credentials.
 */

#include "port.h"

#include <azure/az_iot.h>
#include <session/twin_sync.h>

/* The name of the model, which hub and provisioning service are told. */
#define DEVICE_MODEL_ID "dtmi:com:example:Thermostat;1"

/* The properties that the cloud sets and the device answers for. */
enum {
        INTERVAL,
        TARGET,
        N_WRITABLES
};

/* One of them. */
typedef struct Writable {
        az_span component, name; /* component: empty for the model itself */
        double min, max;
        double value;            /* in force */
        int32_t status, version; /* of the answer: "ac" and "av" */
        az_span description;     /* "ad"; may be empty */
} Writable;

/* Lives where it was initialized. */
typedef struct Device {
        az_iot_hub_client client;
        az_span components[1];
        az_twin_sync twin;
        Mqtt *mqtt; /* NULL: there is no link */
        bool may_report, has_news;
        Writable writables[N_WRITABLES];
        double temperature, min, max;
        uint64_t next_message_us;
        uint8_t stash[4096]; /* for changes of the twin that overtake it */
        char patch[512];
} Device;

/* Makes it the device of that name at that hub; both must outlive it. */
void device_init(Device *d, az_span host, az_span device_id, uint64_t random);

/* The link is up, and the device may publish; then it is down, or about to be. */
void device_on_live(Device *d, Mqtt *mqtt, uint64_t now_us);
void device_on_down(Device *d);

/* What the hub sends, between the two and, but for the twin, around them as well. */
void device_on_command(Device *d, Mqtt *mqtt, az_span name, az_span request_id, az_span payload);
void device_on_message(az_iot_hub_client_c2d_request *request, az_span payload);
void device_on_twin(Device *d, const az_iot_hub_client_twin_response *response, az_span payload,
                    uint64_t now_us);

/* Does what is due. */
void device_run(Device *d, uint64_t now_us);

/* When something is due; UINT64_MAX: nothing is, for there is no link. */
uint64_t device_deadline_us(const Device *d);

#endif
