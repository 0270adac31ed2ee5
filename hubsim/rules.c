/* SPDX-License-Identifier: MIT */

#include "hubsim/rules.h"

#include "util/util.h"

#define MQTT_PAGE      "Communicate with an IoT hub using the MQTT protocol"
#define SAS_PAGE       "Control access to IoT Hub with shared access signatures"
#define ERRORS_PAGE    "Understand and resolve Azure IoT Hub errors"
#define C2D_PAGE       "Understand cloud-to-device messaging from an IoT hub"
#define METHODS_PAGE   "Understand and invoke direct methods from IoT Hub"
#define TWINS_PAGE     "Understand and use device twins in IoT Hub"
#define X509_PAGE      "Authenticate identities with X.509 certificates"
#define DPS_PAGE       "Communicate with DPS using the MQTT protocol"
#define FAULTS_PAGE    "the end-to-end tests of Azure's device SDKs"
#define LIMITS_PAGE    "IoT Hub quotas and throttling"
#define QUOTAS_PAGE    "Azure IoT Hub Device Provisioning Service quotas and limits"
#define RESULT_PAGE    "Runtime Registration - Operation Status Lookup"
#define WEBSOCKET_PAGE "RFC 6455"
#define TIERS_PAGE     "Choose the right IoT Hub tier for your solution"

/*
 * Numbers are for ever: tests and logs of tests name them. One that is missing is a rule that is known and
 * not enforced. The manual page has the same words.
 */
static const struct {
        unsigned number;
        const char *text;
        const char *codes; /* in the log, or what a back end or a device is answered; "": none */
        const char *source;
} rules[] = {
        { 1,
          "The client id is that of a device, and the user name names this hub, the same device and a known "
          "api-version; otherwise CONNECT is refused.",
          "400004, 401001, 401003", MQTT_PAGE },
        { 2, "The device is registered and enabled; otherwise CONNECT is refused.", "403012, 404001",
          ERRORS_PAGE },
        { 3,
          "The password is a SAS token with its fields in any order, signed with either key of the device "
          "or, "
          "with skn, of the policy that may connect devices, for the device or a whole-segment prefix of it, "
          "and not expired; otherwise CONNECT is refused.",
          "401003", SAS_PAGE },
        { 4,
          "A device that has a certificate shows it in the TLS handshake and has no password: valid now, "
          "with "
          "one of the device's thumbprints, or of a trusted CA and with the device id as common name; a "
          "device "
          "that has keys shows none; otherwise CONNECT is refused.",
          "401003", X509_PAGE },
        { 5,
          "Without an api-version in the user name a device connects, and each of its twin requests is "
          "answered by 400.",
          "400004", MQTT_PAGE },
        { 6, "A second connection of a device ends the first one.", "400027", ERRORS_PAGE },
        { 7, "A connection ends when its token has expired and the grace time has passed.", "401003",
          MQTT_PAGE },
        { 8, "A subscription to a topic that is not the hub's, and a sixth one, ends the connection.",
          "400004", MQTT_PAGE },
        { 9, "A subscription with QoS 2 is granted QoS 1.", "", MQTT_PAGE },
        { 10, "A message of QoS 2 ends the connection.", "400004", MQTT_PAGE },
        { 11, "Nothing is retained; telemetry that asks for it gets the property mqtt-retain.", "",
          MQTT_PAGE },
        { 12,
          "A message to another topic than the device's own, and malformed properties in it, end the "
          "connection.",
          "400004", MQTT_PAGE },
        { 13, "Telemetry whose body and properties are more than 256 KiB ends the connection.", "413001",
          MQTT_PAGE },
        { 14, "A question mark before the properties of telemetry is part of the first name.", "",
          MQTT_PAGE },
        { 15, "The will is telemetry of the device itself; otherwise CONNECT is refused.", "400004",
          MQTT_PAGE },
        { 16,
          "When a connection ends without DISCONNECT, its will becomes telemetry with the property "
          "iothub-MessageType.",
          "", MQTT_PAGE },
        { 17,
          "A connection ends when no whole packet has come for 1.5 times its keep-alive, and for 1767 "
          "seconds "
          "whatever that is.",
          "404104", MQTT_PAGE },
        { 18,
          "A session is kept with its subscriptions and messages, which come straight after CONNACK; a clean "
          "session ends it and drops them.",
          "", MQTT_PAGE },
        { 19,
          "A device has at most 50 messages of 64 KiB from the cloud, each with its time to live; a delivery "
          "locks it for a minute, PUBACK completes it while the lock holds, ten lost deliveries drop it, and "
          "feedback tells who asked.",
          "403004, 412002, 413001", C2D_PAGE },
        { 20, "On demand, a message to a device that has never connected is dropped or refused.", "404103",
          C2D_PAGE },
        { 21,
          "A method call fails when the device is not there or does not answer in time; it waits for a "
          "device "
          "that is to connect.",
          "403800, 404103, 404104, 413001, 504101", METHODS_PAGE },
        { 22,
          "An answer to a method that is not JSON ends the connection; one that nobody waits for is passed "
          "over.",
          "400012", METHODS_PAGE },
        { 23, "A twin request of a device that does not subscribe to its answers is not answered.", "",
          MQTT_PAGE },
        { 24,
          "Desired and reported properties are JSON objects within the limits of size, depth, names and "
          "values; a patch is merged, null deletes.",
          "400004, 400012, 413001", TWINS_PAGE },
        { 25,
          "Desired and reported properties have versions of their own, which rise by one with each change.",
          "", TWINS_PAGE },
        { 26,
          "A change of the desired properties is told to a device that is connected and subscribed, and "
          "never "
          "told again.",
          "", TWINS_PAGE },
        { 27,
          "On demand, a change of the desired properties and the answer to a request for the twin cross in "
          "each order.",
          "", TWINS_PAGE },
        { 28,
          "Twin requests beyond the limits, of all devices and of one, are answered by 429; and any number "
          "on demand.",
          "429001, 429005", LIMITS_PAGE },
        { 29,
          "Telemetry beyond its limit waits for its PUBACK, then ends the connection; beyond the limits, "
          "connections "
          "are refused, methods and messages from the cloud fail, and once the messages of the day are used "
          "up all of "
          "these, until midnight.",
          "403002, 429001, 429002", LIMITS_PAGE },
        { 31,
          "A client of the provisioning service has its registration id as client id, a user name with a "
          "known id scope "
          "and api-version and without a question mark, and either a token for itself, whose skn, if any, is "
          "registration, signed with a key of its enrollment or with one that is made for it of its group's, "
          "or a "
          "certificate in its name; otherwise CONNECT is refused.",
          "400004, 401002", DPS_PAGE },
        { 32,
          "A client of the provisioning service may subscribe to its answers alone, and one before that is "
          "lost; a registration and as many polls as its enrollment says are answered by 202 with "
          "retry-after, then they are by 200.",
          "400004", DPS_PAGE },
        { 33,
          "A poll before retry-after has passed, a sixth one in ten seconds and registrations beyond their "
          "limit are "
          "answered by 429, a poll of another operation by 404.",
          "404202, 429001", QUOTAS_PAGE },
        { 34,
          "On demand, a registration fails or is disabled, is assigned another device id or hub, and is "
          "answered with any payload or without its state.",
          "", RESULT_PAGE },
        { 38, "A hub of the basic tier has no twins, methods or messages from the cloud.", "403010",
          TIERS_PAGE },
        { 39,
          "Tokens and certificates are judged by the hub's clock, which on demand is ahead or behind, and "
          "steps.",
          "401003", SAS_PAGE },
        { 40, "Each refused or closed connection is a line on standard error with the device and six digits.",
          "", ERRORS_PAGE },
        { 41,
          "A WebSocket is asked for by a GET of /$iothub/websocket of this host with the sub-protocol mqtt; "
          "otherwise "
          "it is refused by a status of HTTP. By iothub-no-client-cert=true the client has no certificate.",
          "400004", MQTT_PAGE },
        { 42,
          "Over WebSocket, packets are in masked binary frames, in pieces or not; anything else ends the "
          "connection.",
          "400004", WEBSOCKET_PAGE },
        { 43,
          "Telemetry with the property AzIoTHub_FaultOperationType asks for a fault of its device's own "
          "connection, as "
          "at a test hub of Microsoft's.",
          "400030, 401003, 403002, 404104, 429002", FAULTS_PAGE },
};

void rules_print(FILE *out) {
        for (size_t i = 0; i < ELEMENTSOF(rules); i++)
                fprintf(out, "%u\t%s\t%s\t%s\n", rules[i].number, rules[i].text, rules[i].codes,
                        rules[i].source);
}
