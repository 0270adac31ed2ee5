/* SPDX-License-Identifier: MIT */

#include "daemon/config-table.h"

#include <syslog.h>

#include "daemon/token-bucket.h"

static const char *const when_full_names[] = {
        [OUTBOX_REJECT] = "reject",
        [OUTBOX_DROP_OLDEST] = "drop-oldest",
        NULL,
};

static const char *const no_yes_names[] = { "no", "yes", NULL };

static const char *const settings_from_names[] = {
        [BROKER_SETTINGS_CONFIG] = "here",
        [BROKER_SETTINGS_ENVIRONMENT] = "environment",
        [BROKER_SETTINGS_MOUNT] = "mount",
        NULL,
};

static const char *const transports_names[] = {
        [ROUTE_ORDER_MQTT_WEBSOCKET] = "mqtt websocket",
        [ROUTE_ORDER_WEBSOCKET_MQTT] = "websocket mqtt",
        [ROUTE_ORDER_MQTT] = "mqtt",
        [ROUTE_ORDER_WEBSOCKET] = "websocket",
        NULL,
};

/* "none", then the bits of IpcGrant from the lowest on. */
static const char *const grants_names[] = { "none", "read", "send", "serve", "admin", NULL };

/* From LOG_ERR on. */
static const char *const level_names[] = { "err", "warning", "notice", "info", "debug", NULL };

const char *config_apply_to_string(ConfigApply apply) {
        static const char *const names[_CONFIG_APPLY_MAX] = {
                [CONFIG_APPLY_LIVE] = "live",
                [CONFIG_APPLY_RECONNECT] = "reconnect",
                [CONFIG_APPLY_RESTART] = "restart",
        };
        return names[apply];
}

#define MEMBER(member) offsetof(Config, member)

const struct ConfigSection config_sections[] = {
        { "Hub", "The IoT Hub, and who this device is there." },
        { "Provisioning",
          "The Device Provisioning Service, which tells the device its hub and its name there; "
          "in place of those in section [Hub]." },
        { "Broker",
          "The MQTT broker of Azure IoT Operations, and who this device is there; beside a hub or without "
          "one. "
          "What is set here holds, or the connection string, or what SettingsFrom= names: they exclude each "
          "other." },
        { "Network", "The way to the cloud, and how long each step of connecting may take." },
        { "Outbox", "Where messages wait for the hub, and how many may." },
        { "Access",
          "What local programs may do. The section may be there several times: each is a rule, for the "
          "programs that match all of User=, Group= and Unit= in it, of which at least one is to be set. All "
          "rules that match a program hold for it: of a key that several of them set, the last one counts; "
          "only the values of TwinSection= add up. "
          "What none of them sets is as without rules: root and the daemon's own user have every grant, "
          "members of group aziot read, send and serve, others none. Only programs that the permissions of "
          "the socket let in can be granted anything. A program is who it was when it connected; one whose "
          "process has ended at once is granted nothing, if any rule has Unit=. An example, why Unit= is "
          "weaker "
          "than User=, and what becomes of programs that are connected when the rules change are in "
          "aziotd(8); "
          "what holds for a program: aziot access." },
        { "Log", "What the daemon says." },
        {},
};

const ConfigKey config_table[] = {
        { "Hub", "ConnectionStringFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(hub.connection_string_file), .credential = "aziotd.connection-string",
          .help = "A file with the device's connection string, readable by the daemon alone. Unless set, the "
                  "systemd credential aziotd.connection-string is used if there is one." },
        { "Hub", "Host", CONFIG_HOST, CONFIG_APPLY_RECONNECT, MEMBER(hub.host),
          .help = "The hub's host name, if there is no connection string." },
        { "Hub", "DeviceId", CONFIG_ID, CONFIG_APPLY_RECONNECT, MEMBER(hub.device_id),
          .help = "The device's id at the hub, if there is no connection string." },
        { "Hub", "ModuleId", CONFIG_ID, CONFIG_APPLY_RECONNECT, MEMBER(hub.module_id),
          .help = "The module's id, if the identity is a module of the device." },
        { "Hub", "KeyFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(hub.key_file),
          .credential = "aziotd.device-key",
          .help = "A file with the device's key in base64, readable by the daemon alone, if there is no "
                  "connection string. Unless set, the systemd credential aziotd.device-key is used." },
        { "Hub", "CertificateFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(hub.certificate_file),
          .credential = "aziotd.certificate",
          .help = "The device's certificate (PEM), followed by the intermediate certificates up to the one "
                  "that the hub or the provisioning service knows; for a device without a key. Unless set, "
                  "the systemd credential aziotd.certificate is used." },
        { "Hub", "PrivateKeyFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(hub.private_key_file),
          .credential = "aziotd.private-key",
          .help = "The key of the certificate (PEM), readable by the daemon alone. Unless set, the systemd "
                  "credential aziotd.private-key is used, or else the key in CertificateFile=." },
        { "Hub", "PrivateKeyPasswordFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(hub.private_key_password_file), .credential = "aziotd.private-key-password",
          .help = "A file with the password of an encrypted key. Unless set, the systemd credential "
                  "aziotd.private-key-password is used if there is one." },
        { "Hub", "ModelId", CONFIG_STRING, CONFIG_APPLY_RECONNECT, MEMBER(hub.model_id),
          .help = "The DTMI of the device's Plug and Play model, announced to the hub." },
        { "Hub", "TrustedCAFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(hub.trusted_ca_file),
          .credential = "aziotd.trusted-ca",
          .help = "Certificates (PEM) that are trusted besides the system's. Unless set, the systemd "
                  "credential "
                  "aziotd.trusted-ca is used if there is one." },
        { "Hub", "Port", CONFIG_NUMBER, CONFIG_APPLY_RECONNECT, MEMBER(hub.port), 1, 65535, "8883",
          .help = "The hub's port for MQTT over TLS. A port in the connection string wins." },
        { "Hub", "KeepAliveSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT, MEMBER(hub.keep_alive_s), 5, 1177,
          "60s",
          .help = "How long the link may be silent before it is probed. A hub honours at most 1177 s." },
        { "Hub", "TokenLifetimeSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT, MEMBER(hub.token_lifetime_s),
          300, 86400, "1h",
          .help = "How long a token signed with the device's key is valid. After some 80 % of it the daemon "
                  "connects again with a new one; programs do not notice." },
        { "Hub", "MethodTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_LIVE, MEMBER(hub.method_timeout_s), 1, 300,
          "30s",
          .help = "How long a local program may take to answer a direct method, before the daemon answers "
                  "504." },
        { "Hub", "InboxMaxMessages", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(hub.inbox_max_messages), 1,
          10000, "1000",
          .help = "How many cloud-to-device messages are kept for local programs. When there are so many, "
                  "the "
                  "hub keeps the next ones, for as long as it does that." },
        { "Hub", "InboxMaxBytes", CONFIG_BYTES, CONFIG_APPLY_LIVE, MEMBER(hub.inbox_max_bytes), 512 << 10,
          UINT64_C(1) << 30, "16M", .help = "What these messages may occupy on the disk." },
        { "Provisioning", "IdScope", CONFIG_STRING, CONFIG_APPLY_RECONNECT, MEMBER(provisioning.id_scope),
          .help = "The id scope of the provisioning service, as in 0ne00000000. With it the device is "
                  "provisioned." },
        { "Provisioning", "RegistrationId", CONFIG_STRING, CONFIG_APPLY_RECONNECT,
          MEMBER(provisioning.registration_id),
          .help = "Who the device is to the provisioning service. A device with a certificate is what the "
                  "common name of that says, unless this is set." },
        { "Provisioning", "KeyFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(provisioning.key_file),
          .credential = "aziotd.provisioning-key",
          .help = "A file with the key of the device's own enrollment in base64, readable by the daemon "
                  "alone. Unless set, the systemd credential aziotd.provisioning-key is used. A device with "
                  "a certificate (CertificateFile= in section [Hub]) has none." },
        { "Provisioning", "GroupKeyFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(provisioning.group_key_file), .credential = "aziotd.provisioning-group-key",
          .help = "A file with the key of an enrollment group in base64, of which the device's key is made. "
                  "Better make that key elsewhere, and give the device no more than it: who has the key of "
                  "the group can be any of its devices. Unless set, the systemd credential "
                  "aziotd.provisioning-group-key is used." },
        { "Provisioning", "PayloadFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(provisioning.payload_file),
          .help = "A file with a JSON value of at most 64 KiB that is sent along, for a custom allocation." },
        { "Provisioning", "Endpoint", CONFIG_HOST, CONFIG_APPLY_RECONNECT, MEMBER(provisioning.endpoint),
          .default_text = "global.azure-devices-provisioning.net",
          .help = "The host name of the provisioning service." },
        { "Provisioning", "Port", CONFIG_NUMBER, CONFIG_APPLY_RECONNECT, MEMBER(provisioning.port), 1, 65535,
          "8883", .help = "Its port for MQTT over TLS." },
        { "Broker", "SettingsFrom", CONFIG_ENUM, CONFIG_APPLY_RECONNECT, MEMBER(broker.settings_from),
          .default_text = "here", .names = settings_from_names,
          .help = "Where the connection's settings are: in this section (here), in the daemon's environment, "
                  "as the "
                  "SDKs of Azure IoT Operations read it, AIO_BROKER_HOSTNAME= and so on (environment), or in "
                  "the files that are mounted for a connector, which CONNECTOR_CONFIGURATION_MOUNT_PATH= and "
                  "its like name in the environment (mount)." },
        { "Broker", "ConnectionStringFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.connection_string_file), .credential = "aziotd.broker-connection-string",
          .help = "A file with a connection string, as in HostName=broker;ClientId=press;SatAuthFile=/path. "
                  "Unless set, the systemd credential aziotd.broker-connection-string is used if there is "
                  "one." },
        { "Broker", "Host", CONFIG_HOST, CONFIG_APPLY_RECONNECT, MEMBER(broker.host),
          .help = "The broker's host name. With it the device has a broker." },
        { "Broker", "Port", CONFIG_NUMBER, CONFIG_APPLY_RECONNECT, MEMBER(broker.port), 1, 65535, "8883",
          .help = "Its port." },
        { "Broker", "TLS", CONFIG_ENUM, CONFIG_APPLY_RECONNECT, MEMBER(broker.tls), .default_text = "yes",
          .names = no_yes_names,
          .help = "Whether the connection is encrypted. Without (no), everybody on the way can read and "
                  "change "
                  "what passes, the token or password among it." },
        { "Broker", "TrustedCAFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(broker.trusted_ca_file),
          .credential = "aziotd.broker-trusted-ca",
          .help = "Certificates (PEM) that the broker's is checked against, and no others. Unless set, the "
                  "systemd credential aziotd.broker-trusted-ca is used if there is one, and else the "
                  "certificates that the system trusts." },
        { "Broker", "ClientId", CONFIG_STRING, CONFIG_APPLY_RECONNECT, MEMBER(broker.client_id),
          .help = "Who the device is at the broker. No other client may have the same." },
        { "Broker", "TokenFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(broker.token_file),
          .credential = "aziotd.broker-token",
          .help = "A file with a Kubernetes service account token. When it changes, the device shows the new "
                  "one without connecting again. Unless set, the systemd credential aziotd.broker-token is "
                  "used if there is one." },
        { "Broker", "UserName", CONFIG_STRING, CONFIG_APPLY_RECONNECT, MEMBER(broker.user_name),
          .help = "A user name, if the broker asks for one." },
        { "Broker", "PasswordFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT, MEMBER(broker.password_file),
          .credential = "aziotd.broker-password",
          .help = "A file with the password of that user, readable by the daemon alone. Unless set, the "
                  "systemd credential aziotd.broker-password is used if there is one." },
        { "Broker", "CertificateFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.certificate_file), .credential = "aziotd.broker-certificate",
          .help = "The device's certificate (PEM), followed by intermediate ones. It may be there beside a "
                  "token or a password. Unless set, the systemd credential aziotd.broker-certificate is used "
                  "if there is one." },
        { "Broker", "PrivateKeyFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.private_key_file), .credential = "aziotd.broker-private-key",
          .help = "The key of the certificate (PEM), readable by the daemon alone. Unless set, the systemd "
                  "credential aziotd.broker-private-key is used if there is one." },
        { "Broker", "PrivateKeyPasswordFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.private_key_password_file), .credential = "aziotd.broker-private-key-password",
          .help = "A file with the password of an encrypted key. Unless set, the systemd credential "
                  "aziotd.broker-private-key-password is used if there is one." },
        { "Broker", "CleanStart", CONFIG_ENUM, CONFIG_APPLY_RESTART, MEMBER(broker.clean_start),
          .default_text = "no", .names = no_yes_names,
          .help = "Whether the broker forgets what it has kept for the device when the daemon starts." },
        { "Broker", "SessionExpirySec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.session_expiry_s), 1, UINT32_MAX, "1h",
          .help = "How long the broker keeps messages for the device while it is not connected." },
        { "Broker", "KeepAliveSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT, MEMBER(broker.keep_alive_s), 5,
          65535, "60s",
          .help = "How long the link may be silent before it is probed. A broker may ask for less." },
        { "Broker", "ReceiveMaximum", CONFIG_NUMBER, CONFIG_APPLY_RECONNECT, MEMBER(broker.receive_maximum),
          1, 65535, "1024",
          .help = "How many messages the broker sends before programs have taken the first of them." },
        { "Broker", "TopicNamespace", CONFIG_NAMESPACE, CONFIG_APPLY_RECONNECT,
          MEMBER(broker.topic_namespace),
          .help = "What stands in front of the topics of all programs, as in factory/east. It holds also for "
                  "settings that come from elsewhere." },
        { "Network", "Transports", CONFIG_ENUM, CONFIG_APPLY_RECONNECT, MEMBER(network.transports),
          .default_text = "mqtt websocket", .names = transports_names,
          .help = "How the hub and the provisioning service are spoken to, in this order: MQTT over TLS "
                  "(mqtt), and where a network does not let that through, MQTT over WebSocket (websocket), "
                  "which looks like HTTPS. The daemon remembers what worked, and returns to the first one "
                  "after a day and when the network has changed." },
        { "Network", "WebSocketPort", CONFIG_NUMBER, CONFIG_APPLY_RECONNECT, MEMBER(network.websocket_port),
          1, 65535, "443", .help = "The port for MQTT over WebSocket." },
        { "Network", "Proxy", CONFIG_PROXY, CONFIG_APPLY_RECONNECT, MEMBER(network.proxy),
          .help = "A proxy for HTTP that is asked, by CONNECT, for every connection: http://host:port. What "
                  "passes through it is encrypted from end to end. Unless set, there is none; the "
                  "environment is not consulted." },
        { "Network", "ProxyCredentialFile", CONFIG_PATH_NAME, CONFIG_APPLY_RECONNECT,
          MEMBER(network.proxy_credential_file), .credential = "aziotd.proxy",
          .help = "A file with user:password for the proxy, readable by the daemon alone. Unless set, the "
                  "systemd credential aziotd.proxy is used if there is one." },
        { "Network", "ResolveTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.resolve_timeout_s), 1, 300, "10s",
          .help = "How long the hub's name may take to resolve." },
        { "Network", "ConnectTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.connect_timeout_s), 1, 300, "15s",
          .help = "How long the TCP connection may take, over all addresses of the hub." },
        { "Network", "TLSTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT, MEMBER(network.tls_timeout_s),
          1, 300, "15s", .help = "How long the TLS handshake may take." },
        { "Network", "ProxyTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.proxy_timeout_s), 1, 300, "15s",
          .help = "How long the proxy may take to connect to the hub." },
        { "Network", "WebSocketTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.websocket_timeout_s), 1, 300, "15s",
          .help = "How long the hub may take to agree to speak WebSocket." },
        { "Network", "ConnackTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.connack_timeout_s), 1, 300, "30s",
          .help = "How long the hub may take to say whether it lets the device in." },
        { "Network", "TCPUserTimeoutSec", CONFIG_SECONDS, CONFIG_APPLY_RECONNECT,
          MEMBER(network.tcp_user_timeout_s), 5, 900, "60s",
          .help = "After how long the connection is given up when what was sent is not confirmed by the "
                  "other side's TCP." },
        { "Outbox", "Directory", CONFIG_PATH_NAME, CONFIG_APPLY_RESTART, MEMBER(outbox.directory),
          .help = "A directory that belongs to the outbox alone. Unless set, 'outbox' in the state "
                  "directory." },
        { "Outbox", "MaxBytes", CONFIG_BYTES, CONFIG_APPLY_LIVE, MEMBER(outbox.max_bytes), OUTBOXES_BYTES_MIN,
          UINT64_C(4) << 30, "64M",
          .help = "What the outbox may occupy on the disk. An eighth of it is for messages of high priority "
                  "and the rest for the others: neither takes room of the other. What was written before "
                  "this was lowered stays until it has been sent." },
        { "Outbox", "MaxMessages", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(outbox.max_messages), 0,
          UINT64_C(1) << 40, "0",
          .help = "How many messages the outbox may hold, an eighth of them of high priority, as for "
                  "MaxBytes=; 0: as many as fit." },
        { "Outbox", "MaxBytesPerApplication", CONFIG_BYTES, CONFIG_APPLY_LIVE,
          MEMBER(outbox.max_bytes_per_application), 0, UINT64_C(4) << 30, "0",
          .help = "What the messages of one user may occupy, before this user's are refused; 0: as much as "
                  "there is room. An [Access] rule may say another limit." },
        { "Outbox", "MaxMessagesPerApplication", CONFIG_NUMBER, CONFIG_APPLY_LIVE,
          MEMBER(outbox.max_messages_per_application), 0, UINT64_C(1) << 40, "0",
          .help = "The same, as a number of messages." },
        { "Outbox", "MessageTTLSec", CONFIG_SECONDS, CONFIG_APPLY_LIVE, MEMBER(outbox.message_ttl_s), 0,
          10 * 365 * 86400, "infinity",
          .help = "After how long a message that was not delivered is dropped, unless it brings a time of "
                  "its own; 0: never." },
        { "Outbox", "SyncIntervalSec", CONFIG_SECONDS, CONFIG_APPLY_LIVE, MEMBER(outbox.sync_interval_s), 0,
          86400, "5s",
          .help = "After how long a message that is still in the outbox is synced to the disk although its "
                  "sender did not ask for that. A power cut costs no message that is older; 0: none is "
                  "synced unless asked for." },
        { "Outbox", "WhenFull", CONFIG_ENUM, CONFIG_APPLY_LIVE, MEMBER(outbox.when_full),
          .default_text = "reject", .names = when_full_names,
          .help = "What happens to a message when the outbox is full: it is refused (reject), or the oldest "
                  "messages make room for it (drop-oldest)." },
        { "Outbox", "DrainPerSec", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(outbox.drain_per_s), 0,
          TOKEN_BUCKET_MAX, "0",
          .help = "How many messages a second are sent of those that wait when the link comes up, and of "
                  "those "
                  "that are accepted behind them before all of that has been sent; so let it be more than "
                  "programs send. Messages of high priority are never held back, nor what is accepted while "
                  "nothing waits. 0: as fast as the hub takes them." },
        { "Outbox", "DrainBurst", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(outbox.drain_burst), 0,
          TOKEN_BUCKET_MAX, "0",
          .help = "How many of them may go at once, after a rest; 0: those of one second." },
        { "Outbox", "ReportDrops", CONFIG_ENUM, CONFIG_APPLY_LIVE, MEMBER(outbox.report_drops),
          .default_text = "no", .names = no_yes_names,
          .help = "Whether the hub is told of messages that were dropped (yes): by one message of telemetry "
                  "when the link is up and all that waited has been sent, once a minute at most. Its "
                  "application property aziotd is dropped, its body tells how many there were since the last "
                  "one, by cause: {\"dropped\":{\"expired\":12,\"refused\":3},\"since\":...,\"until\":...}; "
                  "with ofHighPriority, how many of them had that. A message that was refused and sent again "
                  "is counted each time it was refused." },
        { "Access", "User", CONFIG_USER, CONFIG_APPLY_LIVE, MEMBER(access.draft.user),
          .help = "The user of the programs." },
        { "Access", "Group", CONFIG_GROUP, CONFIG_APPLY_LIVE, MEMBER(access.draft.group),
          .help = "A group that they are in; supplementary ones count." },
        { "Access", "Unit", CONFIG_UNIT, CONFIG_APPLY_LIVE, MEMBER(access.draft.unit),
          .help = "The unit of the system's manager that they run in, as in press.service." },
        { "Access", "Grants", CONFIG_GRANTS, CONFIG_APPLY_LIVE, MEMBER(access.draft.grants),
          .names = grants_names,
          .help = "What they may do, no more and no less: look (read), say something in the device's name "
                  "(send), take work and answer it (serve), change the daemon itself (admin)." },
        { "Access", "TwinSection", CONFIG_SECTION, CONFIG_APPLY_LIVE, MEMBER(access.draft.twin_sections),
          .help = "A member of the twin that is theirs, with all that is in it: a JSON pointer, as in /pump "
                  "or /pump/speed. They see no other member of the twin, and write no other. What is in "
                  "somebody's section is written by others only if they have the grant admin and no section "
                  "of "
                  "their own; who may read may read it. Several rules may have the same section, but none "
                  "one "
                  "inside another's." },
        { "Access", "Methods", CONFIG_PATTERNS, CONFIG_APPLY_LIVE, MEMBER(access.draft.methods),
          .help = "The direct methods that they may serve, with a space in between, as the cloud calls them: "
                  "in a name * stands for any characters and ? for one; the star between a component and its "
                  "command is written \\*, as in pump\\*reset. It may be there several times. Unless set: "
                  "any "
                  "that no other user serves. It does not grant anything: for that, Grants= has to have "
                  "serve." },
        { "Access", "BrokerSend", CONFIG_FILTERS, CONFIG_APPLY_LIVE,
          MEMBER(access.draft.filters[ACCESS_BROKER_SEND]),
          .help = "Topics of the broker to which they may send telemetry, as filters of MQTT with a space in "
                  "between: + "
                  "stands for one level, # at the end for any number; the namespace is a part of the topic. "
                  "It may be "
                  "there several times. Unless set: any. It does not grant anything: for that, Grants= has "
                  "to have "
                  "send." },
        { "Access", "BrokerWatch", CONFIG_FILTERS, CONFIG_APPLY_LIVE,
          MEMBER(access.draft.filters[ACCESS_BROKER_WATCH]),
          .help = "The same of topics that they may watch, with the grant read: what they subscribe to has "
                  "to be within one "
                  "of them." },
        { "Access", "BrokerInvoke", CONFIG_FILTERS, CONFIG_APPLY_LIVE,
          MEMBER(access.draft.filters[ACCESS_BROKER_INVOKE]),
          .help = "The same of the commands that they may invoke, with the grant send: topics of requests." },
        { "Access", "BrokerServe", CONFIG_FILTERS, CONFIG_APPLY_LIVE,
          MEMBER(access.draft.filters[ACCESS_BROKER_SERVE]),
          .help = "The same of the commands that they may serve, with the grant serve." },
        { "Access", "SendPerSec", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(access.draft.send_per_s), 0,
          TOKEN_BUCKET_MAX,
          .help = "How many messages a second their user may send, over all of its programs for which the "
                  "limit is the same one; more are refused, all of a batch or none. 0: any number." },
        { "Access", "SendBurst", CONFIG_NUMBER, CONFIG_APPLY_LIVE, MEMBER(access.draft.send_burst), 0,
          TOKEN_BUCKET_MAX,
          .help = "How many of them may be sent at once, after a rest; 0, and unless set: those of one "
                  "second. A larger batch is never taken. Only with SendPerSec= in the same rule." },
        { "Access", "OutboxMaxBytes", CONFIG_BYTES, CONFIG_APPLY_LIVE, MEMBER(access.draft.outbox_max_bytes),
          0, UINT64_C(4) << 30,
          .help = "What messages of their user may occupy in the outbox before theirs are refused; 0: as "
                  "much as there is room. Unless set, MaxBytesPerApplication= in section [Outbox]." },
        { "Access", "OutboxMaxMessages", CONFIG_NUMBER, CONFIG_APPLY_LIVE,
          MEMBER(access.draft.outbox_max_messages), 0, UINT64_C(1) << 40,
          .help = "The same, as a number of messages, and MaxMessagesPerApplication=." },
        { "Log", "Level", CONFIG_ENUM, CONFIG_APPLY_LIVE, MEMBER(log.level), LOG_ERR, .default_text = "info",
          .names = level_names, .help = "The least important messages that are logged." },
        {},
};

bool config_key_is_of_rule(const ConfigKey *key) {
        return strcmp(key->section, "Access") == 0;
}
