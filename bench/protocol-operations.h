/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What bench-protocol measures: operations of the protocol library on inputs as a device has them. Names and
 * inputs are those that azure-sdk-for-c was measured with, protocol-original.csv.
 */

#include <stddef.h>
#include <stdint.h>

#include <azure/core/az_json.h>
#include <azure/iot/az_iot_hub_client.h>
#include <azure/iot/az_iot_hub_client_properties.h>
#include <azure/iot/az_iot_provisioning_client.h>

/* The objects that operations work with, and what they write. */
typedef struct Bench {
        az_iot_hub_client_options options;
        az_iot_hub_client hub;           /* of a plain device */
        az_iot_hub_client component_hub; /* of one with a user agent, a model and a component */
        az_span component_names[1];
        az_iot_provisioning_client dps;
        az_iot_provisioning_client_payload_options payload_options;
        az_iot_message_properties three_properties;
        uint8_t three_properties_buffer[256];

        int16_t attempt;

        char text[1024];
        size_t n_text;
        int32_t number;
        az_iot_hub_client new_client;
        az_iot_hub_client_c2d_request c2d;
        az_iot_hub_client_method_request method;
        az_iot_hub_client_command_request command;
        az_iot_hub_client_twin_response twin;
        az_iot_hub_client_properties_message properties_message;
        az_iot_provisioning_client_register_response answer;
        int n_properties;
        az_span value;
        uint8_t buffer[512];
        az_iot_message_properties properties;
        az_json_reader reader;
} Bench;

/* An operation: 'run' is what is measured, 'show' writes what came of it to b->text, as 'expected' has it. */
typedef struct Operation {
        const char *name;
        void (*run)(Bench *b);
        void (*show)(Bench *b); /* NULL: 'run' wrote it itself */
        const char *expected;
} Operation;

extern const Operation protocol_operations[];
extern const size_t n_protocol_operations;

void bench_init(Bench *b);
