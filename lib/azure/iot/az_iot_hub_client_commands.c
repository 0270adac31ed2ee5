/* SPDX-License-Identifier: MIT */
#include <azure/core/az_precondition_internal.h>
#include <azure/iot/az_iot_hub_client.h>

az_result az_iot_hub_client_commands_parse_received_topic(az_iot_hub_client const *client,
                                                          az_span received_topic,
                                                          az_iot_hub_client_command_request *out_request) {
        az_iot_hub_client_method_request method;
        int32_t separator;
        az_result r;

        _az_PRECONDITION_NOT_NULL(out_request);

        r = az_iot_hub_client_methods_parse_received_topic(client, received_topic, &method);
        if (az_result_failed(r))
                return r;

        separator = az_span_find(method.name, AZ_SPAN_FROM_STR("*"));
        *out_request = (az_iot_hub_client_command_request){
                .request_id = method.request_id,
                .component_name = separator > 0 ? az_span_slice(method.name, 0, separator) : AZ_SPAN_EMPTY,
                .command_name =
                        separator > 0 ? az_span_slice_to_end(method.name, separator + 1) : method.name,
        };
        return AZ_OK;
}

az_result az_iot_hub_client_commands_response_get_publish_topic(az_iot_hub_client const *client,
                                                                az_span request_id, uint16_t status,
                                                                char *mqtt_topic, size_t mqtt_topic_size,
                                                                size_t *out_mqtt_topic_length) {
        return az_iot_hub_client_methods_response_get_publish_topic(client, request_id, status, mqtt_topic,
                                                                    mqtt_topic_size, out_mqtt_topic_length);
}
