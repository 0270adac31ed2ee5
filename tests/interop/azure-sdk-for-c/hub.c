/* SPDX-License-Identifier: MIT */

/* A device and a module of an IoT hub. */

#include "firmware-sign.h"

static az_span const hub_hostname = AZ_SPAN_LITERAL_FROM_STR("hub-lab.azure-devices.net");

static void password(char const *name, az_iot_hub_client const *client, az_span key_name) {
        uint8_t to_sign_buffer[256];
        uint8_t base64_buffer[64];
        char text[512];
        size_t length;
        az_span to_sign = AZ_SPAN_FROM_BUFFER(to_sign_buffer);
        az_span signature;
        az_result rc;
        int32_t lf;

        if (az_result_failed(rc = az_iot_hub_client_sas_get_signature(client, EXPIRY, to_sign, &to_sign))) {
                say_rc(name, rc);
                return;
        }
        lf = az_span_find(to_sign, AZ_SPAN_FROM_STR("\n"));
        signature = hmac_base64(AZ_SPAN_FROM_STR("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="), to_sign,
                                AZ_SPAN_FROM_BUFFER(base64_buffer));
        printf("%s.to-sign-uri: %.*s\n", name, SPAN(az_span_slice(to_sign, 0, lf)));
        printf("%s.to-sign-epoch: %.*s\n", name, SPAN(az_span_slice_to_end(to_sign, lf + 1)));
        printf("%s.signature: %.*s\n", name, SPAN(signature));
        if (az_result_failed(rc = az_iot_hub_client_sas_get_password(client, EXPIRY, signature, key_name,
                                                                     text, sizeof(text), &length))) {
                say_rc(name, rc);
                return;
        }
        printf("%s.password: %s\n", name, text);
        printf("%s.password-length: %d\n", name, (int) length);
}

static void connect_as_device(void) {
        az_iot_hub_client client;
        char text[512];
        char small[80];
        size_t length = 0;

        if (az_result_failed(az_iot_hub_client_init(&client, hub_hostname,
                                                    az_span_create_from_str((char *) "pump-17"), NULL))) {
                return;
        }
        say("default.user-agent", client._internal.options.user_agent);
        say_rc("default.user-name.rc", az_iot_hub_client_get_user_name(&client, text, sizeof(text), &length));
        say_str("default.user-name", text);
        say_int("default.user-name-length", (long long) length);
        say_rc("default.client-id.rc", az_iot_hub_client_get_client_id(&client, text, sizeof(text), NULL));
        say_str("default.client-id", text);
        say_rc("default.client-id.8", az_iot_hub_client_get_client_id(&client, small, 8, NULL));
        say_rc("default.client-id.7", az_iot_hub_client_get_client_id(&client, small, 7, NULL));
        say_rc("default.user-name.80", az_iot_hub_client_get_user_name(&client, small, sizeof small, NULL));
        password("device", &client, AZ_SPAN_EMPTY);
        password("policy", &client, AZ_SPAN_FROM_STR("iothubowner"));
        say_rc("password.small",
               az_iot_hub_client_sas_get_password(&client, EXPIRY, AZ_SPAN_FROM_STR("c2ln"), AZ_SPAN_EMPTY,
                                                  small, sizeof small, &length));
        {
                uint8_t few[20];
                az_span out;
                say_rc("signature.small",
                       az_iot_hub_client_sas_get_signature(&client, EXPIRY, AZ_SPAN_FROM_BUFFER(few), &out));
        }
}

static void connect_as_module(void) {
        az_iot_hub_client client;
        az_iot_hub_client copy;
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        char text[512];

        say_int("options.component-names-length", options.component_names_length);
        say_int("options.module-id-size", az_span_size(options.module_id));
        options.module_id = AZ_SPAN_FROM_STR("logger");
        options.model_id = AZ_SPAN_FROM_STR("dtmi:contoso:Pump;1");
        options.user_agent = AZ_SPAN_FROM_STR("contoso-pump%2F3.1");
        if (az_result_failed(
                    az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), &options))) {
                return;
        }
        say("module.model-id", client._internal.options.model_id);
        if (az_result_succeeded(az_iot_hub_client_get_user_name(&client, text, sizeof(text), NULL))) {
                say_str("module.user-name", text);
        }
        if (az_result_succeeded(az_iot_hub_client_get_client_id(&client, text, sizeof(text), NULL))) {
                say_str("module.client-id", text);
        }
        password("module", &client, AZ_SPAN_EMPTY);

        options = az_iot_hub_client_options_default();
        options.model_id = AZ_SPAN_FROM_STR("dtmi:contoso:Pump;1");
        if (az_result_failed(
                    az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), &options))) {
                return;
        }
        copy = client;
        if (az_result_succeeded(az_iot_hub_client_get_user_name(&copy, text, sizeof(text), NULL))) {
                say_str("model.user-name", text);
        }

        options = az_iot_hub_client_options_default();
        options.user_agent = AZ_SPAN_EMPTY;
        if (az_result_failed(az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump#17@site"),
                                                    &options))) {
                return;
        }
        if (az_result_succeeded(az_iot_hub_client_get_user_name(&client, text, sizeof(text), NULL))) {
                say_str("odd.user-name", text);
        }
        password("odd", &client, AZ_SPAN_EMPTY);
}

/* A buffer for the user name that is too small, somewhere in the model id. */
static void tight_buffers(void) {
        az_iot_hub_client client;
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        char small[80];
        size_t length = 0;

        options.user_agent = AZ_SPAN_EMPTY;
        options.model_id = AZ_SPAN_FROM_STR("dtmi:a:b;1");
        if (az_result_failed(az_iot_hub_client_init(&client, AZ_SPAN_FROM_STR("a.b"), AZ_SPAN_FROM_STR("c"),
                                                    &options))) {
                return;
        }
        say_rc("tight.56", az_iot_hub_client_get_user_name(&client, small, 56, &length));
        say_str("tight.user-name", small);
        say_int("tight.length", (long long) length);
        say_rc("tight.55", az_iot_hub_client_get_user_name(&client, small, 55, NULL));
        say_rc("tight.31", az_iot_hub_client_get_user_name(&client, small, 31, NULL));
        say_rc("tight.36", az_iot_hub_client_get_user_name(&client, small, 36, NULL));
}

static void constants(void) {
        say_str("websocket", AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH);
        say_str("websocket.no-cert", AZ_IOT_HUB_CLIENT_WEB_SOCKET_PATH_NO_X509_CLIENT_CERT);
        say_int("port", AZ_IOT_DEFAULT_MQTT_CONNECT_PORT);
        say_int("keepalive", AZ_IOT_DEFAULT_MQTT_CONNECT_KEEPALIVE_SECONDS);
        say_int("qos", AZ_HUB_CLIENT_DEFAULT_MQTT_TELEMETRY_QOS);
        say_str("subscribe.c2d", AZ_IOT_HUB_CLIENT_C2D_SUBSCRIBE_TOPIC);
        say_str("subscribe.methods", AZ_IOT_HUB_CLIENT_METHODS_SUBSCRIBE_TOPIC);
        say_str("subscribe.commands", AZ_IOT_HUB_CLIENT_COMMANDS_SUBSCRIBE_TOPIC);
        say_str("subscribe.twin", AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_SUBSCRIBE_TOPIC);
        say_str("subscribe.patch", AZ_IOT_HUB_CLIENT_TWIN_PATCH_SUBSCRIBE_TOPIC);
        say_str("subscribe.properties", AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_SUBSCRIBE_TOPIC);
        say_str("subscribe.writable", AZ_IOT_HUB_CLIENT_PROPERTIES_WRITABLE_UPDATES_SUBSCRIBE_TOPIC);
}

static void telemetry(void) {
        az_iot_hub_client device;
        az_iot_hub_client module;
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_iot_message_properties properties;
        uint8_t buffer[128];
        char topic[256];
        size_t length;
        az_span value;
        az_span name;

        options.module_id = AZ_SPAN_FROM_STR("logger");
        if (az_result_failed(
                    az_iot_hub_client_init(&device, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), NULL)) ||
            az_result_failed(
                    az_iot_hub_client_init(&module, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), &options))) {
                return;
        }
        say_rc("telemetry.rc",
               az_iot_hub_client_telemetry_get_publish_topic(&device, NULL, topic, sizeof(topic), &length));
        say_str("telemetry.topic", topic);
        say_int("telemetry.length", (long long) length);

        say_rc("telemetry.init", az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(buffer), 0));
        say_rc("telemetry.empty-bag.rc", az_iot_hub_client_telemetry_get_publish_topic(
                                                 &device, &properties, topic, sizeof(topic), &length));
        say_str("telemetry.empty-bag", topic);
        say_rc("telemetry.append",
               az_iot_message_properties_append(&properties,
                                                AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_TYPE),
                                                AZ_SPAN_FROM_STR("application%2Fjson")));
        say_rc("telemetry.append2",
               az_iot_message_properties_append(&properties,
                                                AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_CONTENT_ENCODING),
                                                AZ_SPAN_FROM_STR("utf-8")));
        say_rc("telemetry.append3",
               az_iot_message_properties_append(&properties, AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_COMPONENT_NAME),
                                                AZ_SPAN_FROM_STR("thermo")));
        say_rc("telemetry.append4", az_iot_message_properties_append(&properties, AZ_SPAN_FROM_STR("line"),
                                                                     AZ_SPAN_FROM_STR("a b&c")));
        say_rc("telemetry.append-again",
               az_iot_message_properties_append(&properties, AZ_SPAN_FROM_STR("line"),
                                                AZ_SPAN_FROM_STR("3")));
        if (az_result_succeeded(az_iot_hub_client_telemetry_get_publish_topic(&device, &properties, topic,
                                                                              sizeof(topic), &length))) {
                say_str("telemetry.bag", topic);
        }
        if (az_result_succeeded(az_iot_hub_client_telemetry_get_publish_topic(&module, &properties, topic,
                                                                              sizeof(topic), &length))) {
                say_str("telemetry.module", topic);
        }
        say_rc("telemetry.small",
               az_iot_hub_client_telemetry_get_publish_topic(&module, &properties, topic, 60, &length));
        say_rc("telemetry.exact",
               az_iot_hub_client_telemetry_get_publish_topic(&device, NULL, topic, 33, &length));
        say_rc("telemetry.short",
               az_iot_hub_client_telemetry_get_publish_topic(&device, NULL, topic, 32, &length));

        {
                uint8_t few[11];
                az_iot_message_properties bag;
                if (az_result_succeeded(az_iot_message_properties_init(&bag, AZ_SPAN_FROM_BUFFER(few), 0))) {
                        say_rc("bag.fits", az_iot_message_properties_append(&bag, AZ_SPAN_FROM_STR("name"),
                                                                            AZ_SPAN_FROM_STR("value")));
                        say_rc("bag.full", az_iot_message_properties_append(&bag, AZ_SPAN_FROM_STR("a"),
                                                                            AZ_SPAN_FROM_STR("b")));
                }
        }
        say_rc("bag.find.rc", az_iot_message_properties_find(&properties, AZ_SPAN_FROM_STR("line"), &value));
        say("bag.find", value);
        say_rc("bag.find-sub.rc",
               az_iot_message_properties_find(&properties, AZ_SPAN_FROM_STR("%24.sub"), &value));
        say("bag.find-sub", value);
        say_rc("bag.find-missing",
               az_iot_message_properties_find(&properties, AZ_SPAN_FROM_STR("thermo"), &value));

        az_span message = AZ_SPAN_FROM_STR("a=1&bb=22&ccc=");
        if (az_result_succeeded(
                    az_iot_message_properties_init(&properties, message, az_span_size(message)))) {
                while (az_result_succeeded(az_iot_message_properties_next(&properties, &name, &value))) {
                        printf("bag.next: %.*s -> %.*s\n", SPAN(name), SPAN(value));
                }
                say_rc("bag.end", az_iot_message_properties_next(&properties, &name, &value));
        }
}

static void received(void) {
        az_iot_hub_client client;
        az_iot_hub_client_c2d_request c2d;
        az_iot_hub_client_method_request method;
        az_iot_hub_client_command_request command;
        char topic[128];
        size_t length;
        az_span name;
        az_span value;

        if (az_result_failed(
                    az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), NULL))) {
                return;
        }
        say_rc("c2d.rc",
               az_iot_hub_client_c2d_parse_received_topic(
                       &client,
                       AZ_SPAN_FROM_STR(
                               "devices/pump-17/messages/devicebound/%24.to=%2Fdevices%2Fpump-17%2Fmessages%"
                               "2FdeviceBound&%24.mid=c2d-0041&iothub-ack=full&line=3"),
                       &c2d));
        while (az_result_succeeded(az_iot_message_properties_next(&c2d.properties, &name, &value))) {
                printf("c2d.next: %.*s -> %.*s\n", SPAN(name), SPAN(value));
        }
        say_rc("c2d.find.rc",
               az_iot_message_properties_find(
                       &c2d.properties, AZ_SPAN_FROM_STR(AZ_IOT_MESSAGE_PROPERTIES_MESSAGE_ID), &value));
        say("c2d.find", value);
        say_rc("c2d.empty",
               az_iot_hub_client_c2d_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("devices/pump-17/messages/devicebound/"), &c2d));
        say_rc("c2d.empty.next", az_iot_message_properties_next(&c2d.properties, &name, &value));
        say_rc("c2d.other-device",
               az_iot_hub_client_c2d_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("devices/pump-18/messages/devicebound/a=1"), &c2d));
        say_rc("c2d.no-match",
               az_iot_hub_client_c2d_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/drain/?$rid=1f"), &c2d));
        say_rc("c2d.bare.rc",
               az_iot_hub_client_c2d_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("devices/pump-17/messages/devicebound/a&b=1"), &c2d));
        say_rc("c2d.bare.find-a",
               az_iot_message_properties_find(&c2d.properties, AZ_SPAN_FROM_STR("a"), &value));
        say_rc("c2d.bare.find-b",
               az_iot_message_properties_find(&c2d.properties, AZ_SPAN_FROM_STR("b"), &value));
        while (az_result_succeeded(az_iot_message_properties_next(&c2d.properties, &name, &value))) {
                printf("c2d.bare.next: %.*s -> %.*s\n", SPAN(name), SPAN(value));
        }

        say_rc("method.rc",
               az_iot_hub_client_methods_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/drain/?$rid=1f"), &method));
        say("method.name", method.name);
        say("method.rid", method.request_id);
        if (az_result_succeeded(az_iot_hub_client_methods_response_get_publish_topic(
                    &client, method.request_id, 200, topic, sizeof(topic), &length))) {
                say_str("method.response", topic);
                say_int("method.response-length", (long long) length);
        }
        if (az_result_succeeded(az_iot_hub_client_methods_response_get_publish_topic(
                    &client, method.request_id, AZ_IOT_STATUS_NOT_FOUND, topic, sizeof(topic), NULL))) {
                say_str("method.response-404", topic);
        }
        say_rc("method.response-small", az_iot_hub_client_methods_response_get_publish_topic(
                                                &client, method.request_id, 200, topic, 31, NULL));
        say_rc("method.response-exact", az_iot_hub_client_methods_response_get_publish_topic(
                                                &client, method.request_id, 200, topic, 35, NULL));
        say_rc("method.no-match",
               az_iot_hub_client_methods_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=5"), &method));

        say_rc("command.rc",
               az_iot_hub_client_commands_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/thermo*reboot/?$rid=2a"), &command));
        say("command.component", command.component_name);
        say("command.name", command.command_name);
        say("command.rid", command.request_id);
        say_rc("command.plain.rc",
               az_iot_hub_client_commands_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/reboot/?$rid=2b"), &command));
        say_int("command.plain.component-size", az_span_size(command.component_name));
        say("command.plain.name", command.command_name);
        say_rc("command.star.rc",
               az_iot_hub_client_commands_parse_received_topic(
                       &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/*reboot/?$rid=2c"), &command));
        say_int("command.star.component-size", az_span_size(command.component_name));
        say("command.star.name", command.command_name);
        if (az_result_succeeded(az_iot_hub_client_commands_response_get_publish_topic(
                    &client, command.request_id, 501, topic, sizeof(topic), NULL))) {
                say_str("command.response", topic);
        }
}

static void twin_topic(char const *name, az_iot_hub_client const *client, az_span topic) {
        az_iot_hub_client_twin_response twin;
        az_result rc = az_iot_hub_client_twin_parse_received_topic(client, topic, &twin);
        if (az_result_failed(rc)) {
                say_rc(name, rc);
                return;
        }
        printf("%s: type %d status %d rid [%.*s] version [%.*s]\n", name, (int) twin.response_type,
               (int) twin.status, SPAN(twin.request_id), SPAN(twin.version));
}

static void properties_topic(char const *name, az_iot_hub_client const *client, az_span topic) {
        az_iot_hub_client_properties_message message;
        az_result rc = az_iot_hub_client_properties_parse_received_topic(client, topic, &message);
        if (az_result_failed(rc)) {
                say_rc(name, rc);
                return;
        }
        printf("%s: type %d status %d rid [%.*s]\n", name, (int) message.message_type, (int) message.status,
               SPAN(message.request_id));
}

static void twin(void) {
        az_iot_hub_client client;
        char topic[128];
        size_t length;

        if (az_result_failed(
                    az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), NULL))) {
                return;
        }
        if (az_result_succeeded(az_iot_hub_client_twin_document_get_publish_topic(
                    &client, AZ_SPAN_FROM_STR("get-1"), topic, sizeof(topic), &length))) {
                say_str("twin.get", topic);
                say_int("twin.get-length", (long long) length);
        }
        if (az_result_succeeded(az_iot_hub_client_twin_patch_get_publish_topic(
                    &client, AZ_SPAN_FROM_STR("patch-2"), topic, sizeof(topic), &length))) {
                say_str("twin.patch", topic);
                say_int("twin.patch-length", (long long) length);
        }
        if (az_result_succeeded(az_iot_hub_client_properties_document_get_publish_topic(
                    &client, AZ_SPAN_FROM_STR("get-3"), topic, sizeof(topic), &length))) {
                say_str("properties.get", topic);
        }
        if (az_result_succeeded(az_iot_hub_client_properties_get_reported_publish_topic(
                    &client, AZ_SPAN_FROM_STR("patch-4"), topic, sizeof(topic), &length))) {
                say_str("properties.reported", topic);
        }
        say_rc("twin.get-small", az_iot_hub_client_twin_document_get_publish_topic(
                                         &client, AZ_SPAN_FROM_STR("get-1"), topic, 29, &length));
        twin_topic("twin.200", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=get-1"));
        twin_topic("twin.202", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/202/?$rid=get-1"));
        twin_topic("twin.204", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/204/?$rid=patch-2&$version=9"));
        twin_topic("twin.204-bare", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/204/?$rid=patch-2"));
        twin_topic("twin.400", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/400/?$rid=patch-2"));
        twin_topic("twin.429", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/429/?$rid=patch-2"));
        twin_topic("twin.504", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/504/?$rid=5"));
        twin_topic("twin.desired", &client,
                   AZ_SPAN_FROM_STR("$iothub/twin/PATCH/properties/desired/?$version=7"));
        twin_topic("twin.no-rid", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$version=7"));
        twin_topic("twin.cut", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200"));
        twin_topic("twin.no-match", &client, AZ_SPAN_FROM_STR("$iothub/methods/POST/drain/?$rid=1f"));
        twin_topic("twin.cut-slash", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/"));
        properties_topic("properties.200", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/200/?$rid=get-3"));
        properties_topic("properties.204", &client,
                         AZ_SPAN_FROM_STR("$iothub/twin/res/204/?$rid=patch-4&$version=9"));
        properties_topic("properties.413", &client, AZ_SPAN_FROM_STR("$iothub/twin/res/413/?$rid=patch-4"));
        properties_topic("properties.writable", &client,
                         AZ_SPAN_FROM_STR("$iothub/twin/PATCH/properties/desired/?$version=7"));
        properties_topic("properties.no-match", &client,
                         AZ_SPAN_FROM_STR("devices/pump-17/messages/devicebound/a=1"));
}

static void iterate(char const *name, az_iot_hub_client const *client, az_span document,
                    az_iot_hub_client_properties_message_type message_type,
                    az_iot_hub_client_property_type property_type) {
        az_json_reader jr;
        az_span component = AZ_SPAN_EMPTY;
        int32_t version = -1;
        char line[64];
        az_result rc;

        if (az_result_failed(rc = az_json_reader_init(&jr, document, NULL))) {
                say_rc(name, rc);
                return;
        }
        rc = az_iot_hub_client_properties_get_properties_version(client, &jr, message_type, &version);
        snprintf(line, sizeof line, "%s.version.rc", name);
        say_rc(line, rc);
        snprintf(line, sizeof line, "%s.version", name);
        say_int(line, version);
        if (az_result_failed(rc = az_json_reader_init(&jr, document, NULL))) {
                return;
        }
        while (az_result_succeeded(rc = az_iot_hub_client_properties_get_next_component_property(
                                           client, &jr, message_type, property_type, &component))) {
                az_span const property = jr.token.slice;
                if (az_result_failed(rc = az_json_reader_next_token(&jr))) {
                        break;
                }
                printf("%s: [%.*s] %.*s = %.*s (%d)\n", name, SPAN(component), SPAN(property),
                       SPAN(jr.token.slice), (int) jr.token.kind);
                if (az_result_failed(rc = az_json_reader_skip_children(&jr)) ||
                    az_result_failed(rc = az_json_reader_next_token(&jr))) {
                        break;
                }
        }
        snprintf(line, sizeof line, "%s.end", name);
        say_rc(line, rc);
}

static void plug_and_play(void) {
        az_span component_names[] = { AZ_SPAN_LITERAL_FROM_STR("thermo"), AZ_SPAN_LITERAL_FROM_STR("pump") };
        az_iot_hub_client client;
        az_iot_hub_client_options options = az_iot_hub_client_options_default();
        az_json_writer jw;
        uint8_t payload[256];

        options.component_names = component_names;
        options.component_names_length = (int32_t) (sizeof(component_names) / sizeof(component_names[0]));
        if (az_result_failed(
                    az_iot_hub_client_init(&client, hub_hostname, AZ_SPAN_FROM_STR("pump-17"), &options))) {
                return;
        }
        if (az_result_failed(az_json_writer_init(&jw, AZ_SPAN_FROM_BUFFER(payload), NULL)) ||
            az_result_failed(az_json_writer_append_begin_object(&jw)) ||
            az_result_failed(az_iot_hub_client_properties_writer_begin_component(
                    &client, &jw, AZ_SPAN_FROM_STR("thermo"))) ||
            az_result_failed(az_iot_hub_client_properties_writer_begin_response_status(
                    &client, &jw, AZ_SPAN_FROM_STR("target"), 200, 7, AZ_SPAN_FROM_STR("applied"))) ||
            az_result_failed(az_json_writer_append_double(&jw, 21.5, 2)) ||
            az_result_failed(az_iot_hub_client_properties_writer_end_response_status(&client, &jw)) ||
            az_result_failed(az_json_writer_append_property_name(&jw, AZ_SPAN_FROM_STR("serial"))) ||
            az_result_failed(az_json_writer_append_string(&jw, AZ_SPAN_FROM_STR("x9"))) ||
            az_result_failed(az_iot_hub_client_properties_writer_end_component(&client, &jw)) ||
            az_result_failed(az_iot_hub_client_properties_writer_begin_response_status(
                    &client, &jw, AZ_SPAN_FROM_STR("interval"), 203, 0, AZ_SPAN_EMPTY)) ||
            az_result_failed(az_json_writer_append_int32(&jw, 30)) ||
            az_result_failed(az_iot_hub_client_properties_writer_end_response_status(&client, &jw)) ||
            az_result_failed(az_json_writer_append_end_object(&jw))) {
                say_str("pnp.payload", "failed");
                return;
        }
        say("pnp.payload", az_json_writer_get_bytes_used_in_destination(&jw));

        az_span const twin = AZ_SPAN_FROM_STR(
                "{\"desired\":{\"thermo\":{\"__t\":\"c\",\"target\":21.5},\"interval\":30,\"other\":{\"x\":1}"
                ","
                "\"pump\":{\"speed\":3,\"mode\":{\"a\":[1,2]}},\"$version\":7},"
                "\"reported\":{\"thermo\":{\"__t\":\"c\",\"temp\":20},\"serial\":\"x9\",\"$version\":3}}");
        iterate("pnp.desired", &client, twin, AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE,
                AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE);
        iterate("pnp.reported", &client, twin, AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_GET_RESPONSE,
                AZ_IOT_HUB_CLIENT_PROPERTY_REPORTED_FROM_DEVICE);
        iterate("pnp.patch", &client,
                AZ_SPAN_FROM_STR(
                        "{\"thermo\":{\"__t\":\"c\",\"target\":22},\"interval\":null,\"$version\":8}"),
                AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED,
                AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE);
        iterate("pnp.first", &client, AZ_SPAN_FROM_STR("{\"$version\":9,\"interval\":32}"),
                AZ_IOT_HUB_CLIENT_PROPERTIES_MESSAGE_TYPE_WRITABLE_UPDATED,
                AZ_IOT_HUB_CLIENT_PROPERTY_WRITABLE);
}

static void retry(void) {
        say_int("retry.ref1", az_iot_calculate_retry_delay(5, 1, 500, 100000, 1234));
        say_int("retry.ref2", az_iot_calculate_retry_delay(5000, 1, 500, 100000, 4321));
        say_int("retry.ref3", az_iot_calculate_retry_delay(10000, 1, 500, 100000, 4321));
        say_int("retry.ref4", az_iot_calculate_retry_delay(5, 5, 500, 10000, 4321));
        for (int16_t attempt = 0; attempt < 9; attempt++) {
                say_int("retry.n", az_iot_calculate_retry_delay(0, attempt, 1000, 100000, 250));
        }
        say_int("retry.dropped", az_iot_calculate_retry_delay(0, 6, 1000, 100000, 40000));
        say_int("retry.29", az_iot_calculate_retry_delay(0, 29, 1000, 100000, 250));
        say_int("retry.30", az_iot_calculate_retry_delay(0, 30, 1000, 100000, 250));
        say_int("retry.31", az_iot_calculate_retry_delay(0, 31, 1000, 100000, 250));
        static az_iot_status const statuses[] = { AZ_IOT_STATUS_UNKNOWN,
                                                  AZ_IOT_STATUS_OK,
                                                  AZ_IOT_STATUS_NO_CONTENT,
                                                  AZ_IOT_STATUS_BAD_REQUEST,
                                                  AZ_IOT_STATUS_THROTTLED,
                                                  AZ_IOT_STATUS_SERVER_ERROR,
                                                  AZ_IOT_STATUS_SERVICE_UNAVAILABLE,
                                                  AZ_IOT_STATUS_TIMEOUT };
        for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
                printf("status.%d: succeeded %d retriable %d\n", (int) statuses[i],
                       az_iot_status_succeeded(statuses[i]), az_iot_status_retriable(statuses[i]));
        }
}

#ifndef AZ_NO_PRECONDITION_CHECKING

/* The firmware's own mistakes. */
static void broken(void) {
        static az_iot_hub_client client;
        static az_iot_message_properties properties;
        static az_span const none = AZ_SPAN_LITERAL_EMPTY;
        static az_span const some = AZ_SPAN_LITERAL_FROM_STR("some");
        static uint8_t bag[16];
        static char small[80];

        (void) !az_iot_hub_client_init(&client, hub_hostname, some, NULL);
        (void) !az_iot_message_properties_init(&properties, AZ_SPAN_FROM_BUFFER(bag), 0);
        SAY_BROKEN("hub.empty-host", az_iot_hub_client_init(&client, none, some, NULL));
        SAY_BROKEN("hub.empty-device", az_iot_hub_client_init(&client, hub_hostname, none, NULL));
        SAY_BROKEN("hub.null-client", az_iot_hub_client_init(NULL, hub_hostname, some, NULL));
        SAY_BROKEN("hub.null-buffer", az_iot_hub_client_get_user_name(&client, NULL, 10, NULL));
        SAY_BROKEN("hub.no-buffer", az_iot_hub_client_get_user_name(&client, small, 0, NULL));
        SAY_BROKEN("hub.empty-rid", az_iot_hub_client_twin_document_get_publish_topic(&client, none, small,
                                                                                      sizeof small, NULL));
        SAY_BROKEN("bag.empty-value", az_iot_message_properties_append(&properties, some, none));
        SAY_BROKEN("bag.empty-name", az_iot_message_properties_append(&properties, none, some));
}

#endif

int main(void) {
#ifndef AZ_NO_PRECONDITION_CHECKING
        az_precondition_failed_set_callback(on_precondition_failed);
        broken();
#endif
        connect_as_device();
        connect_as_module();
        tight_buffers();
        constants();
        telemetry();
        received();
        twin();
        plug_and_play();
        retry();
        return 0;
}
