/* SPDX-License-Identifier: MIT */

/* What can go wrong: one row each. For whoever reads it at night, so in plain words and with the values. */

#include "daemon/diagnosis.h"

static const char *const layers[_LAYER_MAX] = {
        [LAYER_DEVICE] = "device",
        [LAYER_IDENTITY] = "identity",
        [LAYER_CLOCK] = "clock",
        [LAYER_NAME] = "name",
        [LAYER_ROUTE] = "route",
        [LAYER_PROXY] = "proxy",
        [LAYER_TCP] = "tcp",
        [LAYER_TLS] = "tls",
        [LAYER_WEBSOCKET] = "websocket",
        [LAYER_CONNACK] = "connack",
        [LAYER_SUBSCRIPTION] = "subscription",
        [LAYER_LINK] = "link",
        [LAYER_PROVISIONING] = "provisioning",
};

const char *layer_to_string(Layer layer) {
        return (unsigned) layer < _LAYER_MAX ? layers[layer] : NULL;
}

const char *cloud_service_to_string(CloudService service) {
        static const char *const names[_CLOUD_MAX] = {
                [CLOUD_HUB] = "hub",
                [CLOUD_PROVISIONING] = "provisioning",
                [CLOUD_BROKER] = "broker",
        };

        return (unsigned) service < _CLOUD_MAX ? names[service] : NULL;
}

#define ROW(problem, word, layer, error_class, loss, sentence, advice)                                     \
        [PROBLEM_##problem] = { word,     LAYER_##layer, AZ_ERROR_CLASS_##error_class, AZ_HUB_LOSS_##loss, \
                                sentence, advice }

/* What several rows advise. */
#define NOT_THE_IDENTITY " The device's key or certificate is not to blame."
#define BY_ITSELF        "Nothing has to be done: it is tried again by itself. "
#define TRY_WEBSOCKET \
        "<{if-azure} Where only port 443 is open, 'websocket' has to be among Transports= in [Network].>"
#define CERTIFICATE_SHOWN  "< (subject {subject}, issuer {issuer})>"
#define PROVISIONING_CODES "<: {message}>< (code {code})><, tracking id {tracking-id}><, {timestamp}>"

static const ProblemInfo rows[_PROBLEM_MAX] = {
        /* clang-format off */
        [PROBLEM_NONE] = { "none", LAYER_LINK, AZ_ERROR_CLASS_NONE, AZ_HUB_LOSS_NONE, "", "" },

        ROW(LOCAL, "local", DEVICE, LOCAL, LOCAL,
            "The link could not be made or kept, for want of something on this machine<: {detail}>",
            "Look for what uses up its memory, file descriptors or disk: 'systemctl status aziotd', "
            "'journalctl -u aziotd'."),

        /* Identity and clock: nothing was sent. */
        ROW(IDENTITY_MISSING, "identity-missing", IDENTITY, LOCAL, SIGNING,
            "Who this device is cannot be found out<: {detail}>",
            "Correct [Hub] or [Provisioning] in /etc/aziotd/aziotd.conf, or the file that it names "
            "(aziotd.conf(5)). It is looked at again every minute."),
        ROW(IDENTITY_FILE, "identity-file", IDENTITY, LOCAL, SIGNING,
            "The key, certificate or connection string of this device cannot be used<: {detail}>",
            "Correct that file, or let the user aziotd read it. It is read again at the next attempt."),
        ROW(IDENTITY_NAMES, "identity-names", IDENTITY, LOCAL, SIGNING,
            "The names of the hub and of the device are longer than a hub allows",
            "Check the connection string, or Host= and DeviceId= in [Hub]."),
        ROW(SIGNING, "signing", IDENTITY, LOCAL, SIGNING,
            "The key of this device did not sign<: {detail}>",
            "Check the key, and what keeps it."),
        ROW(CLOCK_BEFORE_BUILD, "clock-before-build", CLOCK, LOCAL, CLOCK,
            "The clock says {clock}, before this program was built: waiting for the time, five minutes at most",
            "Set the clock, or let something set it ('timedatectl' tells whether anything does). As soon as "
            "it is right the device connects."),

        /* The network. Nothing of it says anything about the identity. */
        ROW(NAME_UNKNOWN, "name-unknown", NAME, NETWORK, NAME,
            "There is no host of the name '{host}'",
            "Check {host-key}.<{if-hub} A hub that was moved or deleted has no name any more: then this device "
            "needs its new connection string, or [Provisioning], which asks where it belongs.>"),
        ROW(NAME_SERVER, "name-server", NAME, NETWORK, NAME,
            "No name server tells the address of '{host}'",
            "Check the network, and the name servers: 'resolvectl status', /etc/resolv.conf."),
        ROW(NO_NETWORK, "no-network", ROUTE, NETWORK, TCP,
            "This device is not connected to any network<: {detail}>",
            "Look at the cable, the radio or the modem: 'ip address' shows what there is. The link comes "
            "back as soon as there is an address."),
        ROW(NO_ROUTE, "no-route", ROUTE, NETWORK, TCP,
            "This device has no way to {address-or-host}<: {error}>",
            "Look at the network: 'ip address', 'ip route'. The link comes back as soon as there is a way."),

        ROW(PROXY_NAME, "proxy-name", PROXY, NETWORK, NAME,
            "The address of the proxy '{proxy}' cannot be found",
            "Check Proxy= in [Network], and the name servers: 'resolvectl status'."),
        ROW(PROXY_UNREACHABLE, "proxy-unreachable", PROXY, NETWORK, TCP,
            "The proxy '{proxy}' cannot be reached<: {error}>",
            "Check Proxy= in [Network], and whether the proxy runs."),
        ROW(PROXY_TIMEOUT, "proxy-timeout", PROXY, NETWORK, TCP,
            "The proxy '{proxy}' does not answer",
            "Check Proxy= in [Network], and whether the proxy runs, or is overloaded."),
        ROW(PROXY_AUTHENTICATION, "proxy-authentication", PROXY, NETWORK, TCP,
            "The proxy '{proxy}' wants a user and password, or other ones (HTTP status 407)",
            "Put 'user:password' into the file that ProxyCredentialFile= in [Network] names." NOT_THE_IDENTITY),
        ROW(PROXY_REFUSED, "proxy-refused", PROXY, NETWORK, TCP,
            "The proxy '{proxy}' does not connect to '{host}' port {port} (HTTP status {http})",
            "Ask whoever runs the proxy to allow CONNECT to '{host}' port {port}." NOT_THE_IDENTITY),
        ROW(PROXY_ANSWER, "proxy-answer", PROXY, NETWORK, TCP,
            "What answers as the proxy '{proxy}' is no HTTP proxy",
            "Check Proxy= in [Network]: host, port, and that it is an HTTP proxy."),

        ROW(TCP_REFUSED, "tcp-refused", TCP, NETWORK, TCP,
            "The {peer} cannot be reached: connection refused by {address-or-host}",
            "Check the host and the port {port}, and whether a firewall forbids it." TRY_WEBSOCKET),
        ROW(TCP_RESET, "tcp-reset", TCP, NETWORK, TCP,
            "The connection to the {peer} was broken at its beginning<: {error}>",
            "Check whether a firewall forbids port {port}." TRY_WEBSOCKET),
        ROW(TCP_TIMEOUT, "tcp-timeout", TCP, NETWORK, TCP,
            "Nothing answers at {address-or-host}, the address of the {peer}",
            "Check the network, and whether a firewall drops what goes to port {port}." TRY_WEBSOCKET),

        ROW(TRUST_FILE, "trust-file", TLS, LOCAL, TLS,
            "The certificates to trust cannot be read<: {detail}>",
            "Correct TrustedCAFile= in {section}<{if-azure}, or remove it if the hub is Microsoft's>."),
        ROW(NOT_TLS, "not-tls", TLS, NETWORK, TLS,
            "What answers at {address-or-host} does not speak TLS, so it is not the {peer}",
            "Check the port {port}. Something in between may answer in place of the {service}: a firewall, or "
            "the login page of a network." NOT_THE_IDENTITY),
        ROW(CAPTIVE_PORTAL, "captive-portal", TLS, NETWORK, TLS,
            "In place of the {peer} a web server answers at {address-or-host}: the login page of the network "
            "(captive portal), or a proxy",
            "Log in to the network with a browser, or use another one. If it has a proxy, name it in Proxy= in "
            "[Network]." NOT_THE_IDENTITY),
        ROW(TLS_PROTOCOL, "tls-protocol", TLS, NETWORK, TLS,
            "TLS with the {peer} failed<: {detail}>",
            "Something in between may answer in place of the {service}; of a server of your own, check that it "
            "speaks TLS 1.2 or newer." NOT_THE_IDENTITY),
        ROW(TLS_RESET, "tls-reset", TLS, NETWORK, TLS,
            "The connection to the {peer} was broken during the TLS handshake<: {error}>",
            "Check whether a firewall or proxy in between allows TLS to '{host}'." TRY_WEBSOCKET),
        ROW(TLS_TIMEOUT, "tls-timeout", TLS, NETWORK, TLS,
            "The {peer} did not finish the TLS handshake in time",
            "The network may be slow, or drop what is large; then a longer TLSTimeoutSec= in [Network], or a "
            "smaller MTU, helps." NOT_THE_IDENTITY),
        ROW(CERTIFICATE_UNTRUSTED, "certificate-untrusted", TLS, NETWORK, TLS,
            "The certificate shown for '{host}' is signed by nobody that this device trusts" CERTIFICATE_SHOWN,
            "If it is the certificate of a {service} or firewall of your own, name its CA in TrustedCAFile= in "
            "{section}. If it is neither, something stands in between, as the login page of a network does.<{if-azure} For "
            "Microsoft's, the package ca-certificates has to be installed.>" NOT_THE_IDENTITY),
        ROW(CERTIFICATE_SELF_SIGNED, "certificate-self-signed", TLS, NETWORK, TLS,
            "The certificate shown for '{host}' is vouched for by nobody that this device trusts" CERTIFICATE_SHOWN,
            "If it is the certificate of a {service} of your own, name its CA in TrustedCAFile= in {section}. If it is "
            "not, something stands in between: a firewall, or the login page of a network." NOT_THE_IDENTITY),
        ROW(CERTIFICATE_NAME, "certificate-name", TLS, NETWORK, TLS,
            "The certificate shown for '{host}' belongs to another host" CERTIFICATE_SHOWN,
            "Check {host-key}. If it is right, something stands in between, as the login page of a network "
            "does." NOT_THE_IDENTITY),
        ROW(CERTIFICATE_EXPIRED, "certificate-expired", TLS, NETWORK, TLS,
            "The certificate of '{host}' was valid until {not-after}, and the clock of this device says "
            "{clock}" CERTIFICATE_SHOWN,
            "Check the clock first ('timedatectl'). If it is right, whoever runs that server has to renew "
            "the certificate." NOT_THE_IDENTITY),
        ROW(CERTIFICATE_NOT_YET_VALID, "certificate-not-yet-valid", TLS, NETWORK, TLS,
            "The certificate of '{host}' is valid from {not-before}, and the clock of this device says "
            "{clock}" CERTIFICATE_SHOWN,
            "Set the clock, or let something set it ('timedatectl'): it is probably behind." NOT_THE_IDENTITY),
        ROW(OWN_CERTIFICATE_EXPIRED, "own-certificate-expired", TLS, CREDENTIAL, TLS,
            "The certificate of this device was valid until {own-not-after}, and the {peer} refused it"
            "< (subject {own-subject})>",
            "Put a new certificate into the file that CertificateFile= in {section} names: it is taken at once."),
        ROW(OWN_CERTIFICATE_REFUSED, "own-certificate-refused", TLS, CREDENTIAL, TLS,
            "The {peer} refused the certificate of this device<: {detail}>< (subject {own-subject}, "
            "issuer {own-issuer})>",
            "Check that it is the one that was registered, or is signed by a CA that was; that the file has "
            "the intermediate certificates, too; and the clock."),

        ROW(WEBSOCKET_REFUSED, "websocket-refused", WEBSOCKET, NETWORK, TLS,
            "The {peer} does not take WebSocket connections (HTTP status {http})",
            "Something in between may answer in place of the {service}. If it does not serve WebSocket, use "
            "'Transports=mqtt' in [Network]." NOT_THE_IDENTITY),
        ROW(WEBSOCKET_ANSWER, "websocket-answer", WEBSOCKET, NETWORK, TLS,
            "What answers for the {peer} does not speak WebSocket",
            "Something in between answers in place of the {service}: a firewall or a proxy. If it does not "
            "serve WebSocket, use 'Transports=mqtt' in [Network]." NOT_THE_IDENTITY),
        ROW(WEBSOCKET_RESET, "websocket-reset", WEBSOCKET, NETWORK, TLS,
            "The connection to the {peer} was broken when it was asked for WebSocket<: {error}>",
            "Check whether a firewall or proxy in between allows WebSocket to '{host}'."),
        ROW(WEBSOCKET_TIMEOUT, "websocket-timeout", WEBSOCKET, NETWORK, TLS,
            "The {peer} did not answer in time when it was asked for WebSocket",
            "Check whether a firewall or proxy in between allows WebSocket to '{host}'."),

        /* The hub answers, or does not. */
        ROW(CONNACK_TIMEOUT, "connack-timeout", CONNACK, TIMEOUT, TIMEOUT,
            "The {peer} took the connection and did not answer to MQTT in time",
            BY_ITSELF "If it stays so, something in between may hold the connection."),
        ROW(CONNACK_CLOSED, "connack-closed", CONNACK, SERVICE, CLOSED,
            "The {peer} closed the connection instead of an answer to MQTT",
            BY_ITSELF "A {service} that is overloaded does so, and some things that stand in between."),
        ROW(MQTT_VERSION, "mqtt-version", CONNACK, PROTOCOL, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): it does not speak MQTT 3.1.1",
            "Check {host-key}: this is no IoT Hub."),
        ROW(DEVICE_UNKNOWN, "device-unknown", CONNACK, IDENTITY, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): it does not take this device id",
            "Check the device id, and that the device is registered at this hub: it may have been deleted, or "
            "moved to another hub."),
        ROW(HUB_UNAVAILABLE, "hub-unavailable", CONNACK, SERVICE, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): it is not available at the moment",
            BY_ITSELF "If it stays so: Azure's status page, and whether the hub's daily quota is used up, "
            "which begins anew at 00:00 UTC."),
        ROW(KEY_REFUSED, "key-refused", CONNACK, CREDENTIAL, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): bad user name or password",
            "Check the key, and the clock of this device, which says {clock}."),
        ROW(NOT_AUTHORIZED, "not-authorized", CONNACK, CREDENTIAL, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): this device is not authorized",
            "Check the key or certificate; the clock of this device, which says {clock}; that the device "
            "exists at this hub, and has not been moved or deleted; and that it is enabled there."),
        ROW(SUBSCRIPTION_REFUSED, "subscription-refused", SUBSCRIPTION, FORBIDDEN, SUBSCRIBE,
            "The {peer} refused a subscription",
            "Check the tier of the hub: one of the basic tier has no methods, no twin, and no messages to "
            "devices."),
        ROW(SUBSCRIPTION_TIMEOUT, "subscription-timeout", SUBSCRIPTION, TIMEOUT, TIMEOUT,
            "The {peer} did not answer to the subscriptions in time",
            BY_ITSELF "The {service} may be overloaded."),

        /* The link was up. */
        ROW(CLOSED, "closed", LINK, SERVICE, CLOSED,
            "The {peer} closed the connection",
            BY_ITSELF "A {service} does so now and then, as when it is updated. If it is often, see 'aziot "
            "history'."),
        ROW(CLOSED_ON_PUBLISH, "closed-on-publish", LINK, CALLER, PUBLISH,
            "The {peer} closed the connection when it was sent a message",
            BY_ITSELF "If it was the message's fault, it will be found and set aside; if the device is "
            "throttled, it is sent later."),
        ROW(BROKEN, "broken", LINK, NETWORK, TCP,
            "The connection to the {peer} broke<: {error}>",
            BY_ITSELF "If it is often, look at the network."),
        ROW(HALF_OPEN, "half-open", LINK, TIMEOUT, KEEP_ALIVE,
            "The connection to the {peer} is dead<: {detail}>; the network in between may have dropped the "
            "connection without a word",
            BY_ITSELF "If it is often, a shorter KeepAliveSec= in {section} keeps the way open."),
        ROW(PUBACK_TIMEOUT, "puback-timeout", LINK, THROTTLED, THROTTLED,
            "The {peer} answers, but has not acknowledged a message for a minute: it is overloaded, or "
            "throttles this device",
            "Send less, or give the hub more units. Messages are kept and sent later."),
        ROW(HUB_THROTTLES, "hub-throttles", LINK, THROTTLED, THROTTLED,
            "The {peer} closes the connection when it is sent a message; perhaps it throttles this device, or "
            "its daily quota is used up",
            "Send less, or give the hub more units. Messages are kept and sent later; a daily quota begins "
            "anew at 00:00 UTC<, in {quota-wait}>."),
        ROW(QUOTA, "quota", LINK, THROTTLED, THROTTLED,
            "The {peer} takes no messages<, for {detail} now>; its daily quota is probably used up, until "
            "00:00 UTC<, in {quota-wait}>",
            "Give the hub more units or another tier, or send less. Messages are kept and sent later."),
        ROW(DUPLICATE_IDENTITY, "duplicate-identity", LINK, CONFLICT, DUPLICATE,
            "The {peer} closed three connections within seconds of their beginning: probably something else "
            "connects as the same device",
            "Find the other one: a second program, a device that was cloned, a tool on somebody's desk. Give "
            "each an identity of its own."),
        ROW(PROTOCOL, "protocol", LINK, PROTOCOL, PROTOCOL,
            "The {peer} sent what MQTT does not allow<: {detail}>",
            "Check {host-key}: something else may answer.<{if-hub} If it is an IoT Hub, please report a bug.>"),
        ROW(TOO_LARGE, "too-large", LINK, PROTOCOL, PROTOCOL,
            "The {peer} sent more than a {service} may<: {detail}>",
            "Check {host-key}: something else may answer.<{if-hub} If it is an IoT Hub, please report a bug.>"),

        /* DPS. */
        ROW(PROVISIONING_REFUSED, "provisioning-refused", CONNACK, CREDENTIAL, REFUSED,
            "The {peer} refused the connection (CONNACK {connack})",
            "Check IdScope=, the registration id, the key or certificate of the enrollment, and the clock of "
            "this device, which says {clock}."),
        ROW(PROVISIONING_UNAVAILABLE, "provisioning-unavailable", CONNACK, SERVICE, REFUSED,
            "The {peer} refused the connection (CONNACK {connack}): it is not available at the moment",
            BY_ITSELF "If it stays so, look at Azure's status page."),
        ROW(PROVISIONING_UNAUTHORIZED, "provisioning-unauthorized", PROVISIONING, CREDENTIAL, REFUSED,
            "The {peer} does not accept this device's proof of who it is" PROVISIONING_CODES,
            "Check the registration id, the key or certificate of the enrollment, and the clock of this "
            "device, which says {clock}."),
        ROW(PROVISIONING_UNKNOWN, "provisioning-unknown", PROVISIONING, IDENTITY, REFUSED,
            "The {peer} has no enrollment for this device" PROVISIONING_CODES,
            "Check IdScope= and the registration id, or add an enrollment for this device."),
        ROW(PROVISIONING_DISABLED, "provisioning-disabled", PROVISIONING, FORBIDDEN, REFUSED,
            "The enrollment of this device is disabled at the {peer}" PROVISIONING_CODES,
            "Enable it there; then 'aziot reprovision', or wait for the next attempt."),
        ROW(PROVISIONING_WEBHOOK, "provisioning-webhook", PROVISIONING, SERVICE, CLOSED,
            "The custom allocation of the {peer} failed" PROVISIONING_CODES,
            "Look at the log of the function that allocates devices; it may want another PayloadFile=."),
        ROW(PROVISIONING_NO_HUB, "provisioning-no-hub", PROVISIONING, IDENTITY, REFUSED,
            "The {peer} has no hub for this device" PROVISIONING_CODES,
            "Link a hub to the provisioning service, and to the enrollment."),
        ROW(PROVISIONING_HUB_NOT_LINKED, "provisioning-hub-not-linked", PROVISIONING, IDENTITY, REFUSED,
            "The {peer} may not register devices at the hub that it chose" PROVISIONING_CODES,
            "Link the hub to the provisioning service anew: its access policy has changed."),
        ROW(PROVISIONING_REQUEST, "provisioning-request", PROVISIONING, CALLER, PROTOCOL,
            "The {peer} does not understand the request" PROVISIONING_CODES,
            "Check IdScope=, RegistrationId= and PayloadFile= in [Provisioning]."),
        ROW(PROVISIONING_THROTTLED, "provisioning-throttled", PROVISIONING, THROTTLED, THROTTLED,
            "The {peer} is asked too often" PROVISIONING_CODES,
            BY_ITSELF "Many devices may be starting at the same time."),
        ROW(PROVISIONING_ERROR, "provisioning-error", PROVISIONING, SERVICE, CLOSED,
            "The {peer} could not do it" PROVISIONING_CODES,
            BY_ITSELF "If it stays so, give the tracking id to Microsoft's support."),
        ROW(PROVISIONING_TIMEOUT, "provisioning-timeout", PROVISIONING, TIMEOUT, TIMEOUT,
            "The {peer} did not come to an end in time" PROVISIONING_CODES,
            BY_ITSELF "If it stays so, look at the custom allocation, and at Azure's status page."),
        ROW(PROVISIONING_PROTOCOL, "provisioning-protocol", PROVISIONING, PROTOCOL, PROTOCOL,
            "The {peer} answered what cannot be understood" PROVISIONING_CODES,
            "Check Endpoint= in [Provisioning]: something else may answer."),

        /* The broker. */
        ROW(BROKER_SETTINGS, "broker-settings", IDENTITY, LOCAL, SIGNING,
            "The settings of the connection to the broker cannot be used<: {detail}>",
            "Correct [Broker] in /etc/aziotd/aziotd.conf, or what it names (aziotd.conf(5)). It is looked at "
            "again every minute."),
        ROW(BROKER_CREDENTIAL_FILE, "broker-credential-file", IDENTITY, LOCAL, SIGNING,
            "A token, key, certificate or password for the broker cannot be used<: {detail}>",
            "Correct that file, or let the user aziotd read it. It is read again at the next attempt, and as "
            "soon as it changes."),
        ROW(BROKER_UNAUTHORIZED, "broker-unauthorized", CONNACK, CREDENTIAL, REFUSED,
            "The {peer} refused the connection<: {detail}>",
            "Check the token, certificate or password that [Broker] names, and what the broker's rules say of "
            "this client."),
        ROW(BROKER_CLIENT_ID, "broker-client-id", CONNACK, IDENTITY, REFUSED,
            "The {peer} refused the client id of this device<: {detail}>",
            "Check ClientId= in [Broker]."),
        ROW(BROKER_UNAVAILABLE, "broker-unavailable", CONNACK, SERVICE, REFUSED,
            "The {peer} refused the connection<: {detail}>",
            BY_ITSELF "The broker may be overloaded, or be starting."),
        ROW(BROKER_REFUSED, "broker-refused", CONNACK, CALLER, REFUSED,
            "The {peer} refused the connection<: {detail}>",
            "Check the settings in [Broker] against what the broker allows."),
        ROW(BROKER_DISCONNECTED, "broker-disconnected", LINK, SERVICE, CLOSED,
            "The {peer} ended the connection<: {detail}>",
            BY_ITSELF "If it is often, look at the log of the broker."),
        ROW(BROKER_TAKEN_OVER, "broker-taken-over", LINK, CONFLICT, DUPLICATE,
            "Something else connects to the {peer} with the client id of this device<: {detail}>",
            "Find the other one: a second program, or a device that was cloned. Give each a ClientId= of its own."),
        ROW(BROKER_TOKEN_REFUSED, "broker-token-refused", LINK, CREDENTIAL, REFUSED,
            "The {peer} did not take the new token<: {detail}>",
            BY_ITSELF "If it stays so, look at what writes the file that TokenFile= in [Broker] names."),
        ROW(BROKER_UNACKNOWLEDGED, "broker-unacknowledged", LINK, THROTTLED, THROTTLED,
            "The {peer} answers, but does not acknowledge messages: it is overloaded",
            BY_ITSELF "Messages are kept and sent later."),

        /* Notices. */
        ROW(BROKER_SESSION_LOST, "broker-session-lost", LINK, NONE, NONE,
            "The {peer} had lost what it kept for this device: subscriptions were made anew, and messages to "
            "the device in between may be missing",
            "A longer SessionExpirySec= in [Broker] lets it keep that for longer; a broker without persistence "
            "loses it when it restarts."),
        ROW(CREDENTIALS_ROLLED_BACK, "credentials-rolled-back", IDENTITY, NONE, NONE,
            "The new key, certificate or CA file does not work, the old one is used<: {detail}>",
            "Correct the new files: they are tried as soon as they change."),
        ROW(OWN_CERTIFICATE_EXPIRES, "own-certificate-expires", IDENTITY, NONE, NONE,
            "The certificate of this device expires at {own-not-after}< (subject {own-subject})>",
            "Put a new certificate into the file that CertificateFile= in {section} names: it is taken at once, "
            "without a restart."),
        ROW(CLOCK_STEPPED, "clock-stepped", CLOCK, NONE, NONE,
            "The clock was set {detail}",
            "If it is often, look for two programs that set it: 'timedatectl', 'systemctl list-units'."),
        ROW(POISON_MESSAGE, "poison-message", LINK, NONE, NONE,
            "The {peer} closed the connection whenever message {detail} was sent, so that was set aside",
            "It is in dead-letters/ in the state directory of aziotd; look for what is wrong with it."),
        ROW(STORAGE, "storage", DEVICE, NONE, NONE,
            "Messages of local programs cannot be stored, or soon will not: {detail}",
            "Make room, or mend the disk of the outbox; it is tried again every two seconds. What was accepted is "
            "kept."),
        /* clang-format on */
};

const ProblemInfo *problem_get_info(Problem problem) {
        return (unsigned) problem < _PROBLEM_MAX ? &rows[problem] : NULL;
}

const char *problem_to_string(Problem problem) {
        return (unsigned) problem < _PROBLEM_MAX ? rows[problem].word : NULL;
}

az_dps_loss problem_to_dps_loss(Problem problem) {
        static const az_dps_loss losses[_AZ_HUB_LOSS_MAX] = {
                [AZ_HUB_LOSS_NONE] = AZ_DPS_LOSS_NONE,
                [AZ_HUB_LOSS_SIGNING] = AZ_DPS_LOSS_SIGNING,
                [AZ_HUB_LOSS_NAME] = AZ_DPS_LOSS_NAME,
                [AZ_HUB_LOSS_TCP] = AZ_DPS_LOSS_TCP,
                [AZ_HUB_LOSS_TLS] = AZ_DPS_LOSS_TLS,
                [AZ_HUB_LOSS_TIMEOUT] = AZ_DPS_LOSS_TIMEOUT,
                [AZ_HUB_LOSS_REFUSED] = AZ_DPS_LOSS_PROTOCOL,
                [AZ_HUB_LOSS_SUBSCRIBE] = AZ_DPS_LOSS_PROTOCOL,
                [AZ_HUB_LOSS_CLOSED] = AZ_DPS_LOSS_CLOSED,
                [AZ_HUB_LOSS_KEEP_ALIVE] = AZ_DPS_LOSS_KEEP_ALIVE,
                [AZ_HUB_LOSS_PROTOCOL] = AZ_DPS_LOSS_PROTOCOL,
                [AZ_HUB_LOSS_PUBLISH] = AZ_DPS_LOSS_CLOSED,
                [AZ_HUB_LOSS_THROTTLED] = AZ_DPS_LOSS_KEEP_ALIVE,
                [AZ_HUB_LOSS_DUPLICATE] = AZ_DPS_LOSS_CLOSED,
                [AZ_HUB_LOSS_CLOCK] = AZ_DPS_LOSS_SIGNING,
                /* DPS is not to blame: the run goes on. */
                [AZ_HUB_LOSS_LOCAL] = AZ_DPS_LOSS_SIGNING,
        };

        return losses[rows[problem].loss];
}
