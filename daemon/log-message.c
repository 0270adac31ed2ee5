/* SPDX-License-Identifier: MIT */

#include "daemon/log-message.h"

#include <assert.h>
#include <syslog.h>

#define ROW(message, word, id, level, subject, meaning, advice) \
        [MSG_##message] = { word, id, LOG_##level, subject, meaning, advice }

/* What several rows advise. */
#define SEE_TO_THE_DISK "Make room, or look after the disk."
#define REPORT_IT       "If it comes again: make a support bundle with aziot bundle, and report it."

static const LogMessageInfo messages[_LOG_MESSAGE_MAX] = {
        /* Start, stop and configuration */
        ROW(START_FAILED, "start-failed", "dba1a917dab24e18ae6a8360f6509115", ERR,
            "The daemon does not start",
            "Something that it cannot do without is missing: the message says what. systemd starts it again.",
            "Mend what the message names."),
        ROW(SOCKET_FAILED, "socket-failed", "11fd9fef2bf745049604a1ca7e221657", ERR,
            "There is no socket to serve",
            "Programs reach the daemon over the socket of aziotd.socket, and it could not be taken over.",
            "Start aziotd.socket; outside of systemd, give --socket."),
        ROW(STATE_LOCKED, "state-locked", "2c9d856334c848b49f86cc29a533fabf", ERR,
            "Another daemon has the state directory",
            "Two daemons with the same state would ruin it, so this one ends.",
            "Stop the other one, or give this one a directory of its own with --state-dir and [Outbox] "
            "Directory=."),
        ROW(LOCK_FAILED, "lock-failed", "ec6eeed302fd41dd99954ae9167f3e20", WARNING,
            "The state directory could not be locked",
            "The daemon works, but nothing keeps a second one out of its state.",
            "Look whether the directory exists and can be written, and whether its file system has locks."),
        ROW(CONFIG_MISTAKE, "config-mistake", "235477be5322419b801fe45761e69d76", ERR,
            "The configuration has a mistake", "The message names file, line and key.",
            "Mend it; aziotd --check-config finds every mistake at once."),
        ROW(CONFIG_REMARK, "config-remark", "2e0e76c03f8e4828ba3e53db1192d997", WARNING,
            "The configuration is odd", "The daemon goes on with it, but it may not be what was meant.",
            "See the file and line that the message names, and aziotd.conf(5)."),
        ROW(CONFIG_RELOADED, "config-reloaded", "5648eb7aaadd6f0eb17fde5a33abffab", NOTICE,
            "The configuration was loaded again",
            "The message names the keys that have changed, and those of them that need a restart. Keys of "
            "the link "
            "are taken by connecting again; nothing is lost, and programs stay connected.",
            NULL),
        ROW(CONFIG_REFUSED, "config-refused", "9e28f0a22940159aa49ebb1ffee40b75", ERR,
            "The configuration was not loaded again",
            "It has mistakes, each of which was logged before. The one in use stays as a whole.",
            "Mend what is named and reload again."),
        ROW(LOOP_FAILED, "loop-failed", "7b911439409046c89355890575564161", ERR, "The daemon cannot go on",
            "An error that leaves nothing to go on with. Nothing accepted is lost; systemd starts the daemon "
            "again.",
            REPORT_IT),
        ROW(STOPPING, "stopping", "9a79edaad69a4704a53b61979161b4ae", INFO, "The daemon stops",
            "It was asked to. What is in flight is finished and made durable first.", NULL),
        ROW(STOPPED_UNCLEAN, "stopped-unclean", "427e151d2ab34e80a8315a2e46a031d9", WARNING,
            "The outbox was not closed cleanly",
            "The disk failed at the end. What was accepted is found again at the next start; some of it may "
            "be sent twice.",
            "Look after the disk."),
        ROW(LOG_LEVEL, "log-level", "e37dd1d74c7d4eb79710fb8931ac12f8", NOTICE, "The log level was changed",
            "A program with the grant admin did so. It holds until the configuration is loaded again.", NULL),

        /* The link */
        ROW(LINK_UP, "link-up", "8a6f1c0d5a0f4f0c9d6b1e6b0a4c7e11", NOTICE, "The link to the hub is up",
            "The device is online.", NULL),
        ROW(LINK_LOST, "link-lost", "3d2b7f9e1c8a4a7fb0c5d4e9f6a81b22", NOTICE,
            "The link to the hub was lost",
            "The device is offline until it is connected again, which is tried by itself. What programs send "
            "waits in the outbox. AZIOT_PROBLEM= says why.",
            "Nothing, if it comes back; else: aziot why. aziot(1) has every problem and what to do about "
            "it."),
        ROW(CONNECT_FAILED, "connect-failed", "84df635ecb3a47e18b86f7101a5eed5d", WARNING,
            "The device could not connect",
            "The device is still offline; it is tried again by itself, and what programs send waits in the "
            "outbox. AZIOT_PROBLEM= says why.",
            "What the message advises; aziot why tells more. aziot(1) has every problem and what to do about "
            "it."),
        ROW(LINK_RENEWED, "link-renewed", "3a6f12924e714da6a4ae756bbb5b2eef", INFO,
            "The connection was renewed",
            "As planned, such as for a new token. Programs notice nothing of it.", NULL),
        ROW(RECONNECTING, "reconnecting", "a4795f8db1234a04bb944926043e2e93", INFO,
            "The device connects at once",
            "Without waiting for the next attempt, for the reason in the message.", NULL),
        ROW(TRANSPORT_CHANGED, "transport-changed", "ada3a858a60e42db9dec39fd2eb48f71", INFO,
            "The device connects in another way",
            "MQTT and WebSocket are tried in turn when one does not get through.",
            "If it is always the second: configure that one."),
        ROW(CLOCK_UNSET, "clock-unset", "9beba6741a264fd1a6791b28504b3b05", WARNING, "The clock is not set",
            "The device connects all the same. Without the time the hub may refuse it, and certificates seem "
            "to be invalid.",
            "Let the device get its time, for example by systemd-timesyncd."),
        ROW(NETWORK_UNWATCHED, "network-unwatched", "f5beec166c5a46c190bb0d3d163f74a9", INFO,
            "Changes of the network are not noticed",
            "The kernel does not tell of them, so the device connects again when the next attempt is due and "
            "not earlier.",
            "Allow AF_NETLINK, if the unit was changed."),
        ROW(PROXY_REMARK, "proxy-remark", "da092729090844a4ad599d9655e8e88f", WARNING,
            "The password for the proxy is of no use", "The proxy is asked without it.",
            "See the file that the message names."),

        /* The link to the broker */
        ROW(BROKER_UP, "broker-up", "e62cb99f09274f998a406af61db0b7d8", NOTICE,
            "The link to the broker is up",
            "The device is connected to the MQTT broker of Azure IoT Operations.", NULL),
        ROW(BROKER_LOST, "broker-lost", "bc56514ac7c4423cbfb9b47cc6ec9c24", NOTICE,
            "The link to the broker was lost",
            "It is connected again by itself. What programs send waits in the outbox. AZIOT_PROBLEM= says "
            "why.",
            "Nothing, if it comes back; else: aziot why. aziot(1) has every problem and what to do about "
            "it."),
        ROW(BROKER_FAILED, "broker-failed", "93fb56a441af44248fd1ae7e27a96ebd", WARNING,
            "The device could not connect to the broker",
            "It is tried again by itself, and what programs send waits in the outbox. AZIOT_PROBLEM= says "
            "why.",
            "What the message advises; aziot why tells more. aziot(1) has every problem and what to do about "
            "it."),
        ROW(BROKER_SESSION_LOST, "broker-session-lost", "80736a3d454c4837a8c5dbdb452b2dd9", WARNING,
            "The broker has lost the session",
            "It kept nothing for the device: programs' subscriptions are made again, and what was sent is "
            "sent "
            "again, but messages to the device in between may be missing.",
            "If it is often: a longer [Broker] SessionExpirySec=, or persistence at the broker."),
        ROW(BROKER_TOKEN, "broker-token", "b2e2a54ced39479eb29831ae825981cd", INFO,
            "The broker has a new token",
            "The file of the token had changed, and the broker took what it holds now, over the connection "
            "that "
            "there was.",
            NULL),
        ROW(BROKER_SUBSCRIPTION, "broker-subscription", "205fc11efb014057acd8a1e3db73941f", WARNING,
            "The broker refused a subscription",
            "It had it before it lost the session: programs that wait for such messages get none.",
            "Allow the topic in the broker's rules; then aziot call io.aziotd.device.Reconnect."),

        /* Identity */
        ROW(IDENTITY_REMARK, "identity-remark", "879a955b831d4192b082ab1fdbeb90fb", WARNING,
            "Something about the identity is odd", "The daemon goes on with it.",
            "See the file that the message names; aziotd --check-config looks at it as well."),
        ROW(IDENTITY_CHANGED, "identity-changed", "950f3822e1ba4ec4a1539119c06b11f9", NOTICE,
            "A new key or certificate is in use",
            "The files of the identity had changed, and the hub accepts what they hold now.", NULL),
        ROW(IDENTITY_RESTORED, "identity-restored", "a629aafd97d94ea185548c5e702f07bf", NOTICE,
            "The files of the identity hold again what is in use", "They had changed, and were changed back.",
            NULL),
        ROW(IDENTITY_TRYING, "identity-trying", "baf18ef549ae4115ab381b7c3bda7104", INFO,
            "The files of the identity have changed", "The device connects with what they hold now.", NULL),
        ROW(IDENTITY_UNTRIED, "identity-untried", "af932ae479fc4cd29b332c854a6e8937", NOTICE,
            "New files of the identity cannot be tried yet",
            "They are tried again within a minute; until then the old ones are in use.",
            "Nothing, while the device is offline; else see the reason in the message."),
        ROW(IDENTITY_UNWATCHED, "identity-unwatched", "72a0b9eab79a4c9f97b464bf16360f7c", WARNING,
            "The files of the identity are not watched",
            "New ones are taken at the next connection and not at once.",
            "After a change: aziot call io.aziotd.device.Reconnect."),
        ROW(CREDENTIALS_ROLLED_BACK, "credentials-rolled-back", "91f0d3c84a5e4b0d8e27b6a1f35c9d88", WARNING,
            "A new key or certificate does not work",
            "The files of the identity have changed, but the hub does not accept what they hold. The old one "
            "stays in use.",
            "Put files in place that belong together and that the hub knows; aziot check looks at them."),
        ROW(CERTIFICATE_EXPIRES, "certificate-expires", "b46e1a7d92c34f51a0d8e3f7265b4c99", WARNING,
            "The certificate of the device expires soon",
            "When it has expired, the device cannot connect any more.",
            "Put a new one in its place: it is taken without a restart."),

        /* Provisioning */
        ROW(PROVISIONING_STARTED, "provisioning-started", "98bb8166924a47a1aabc1c40033118c8", NOTICE,
            "The provisioning service is asked", "For the hub that the device belongs to.", NULL),
        ROW(ASSIGNED, "assigned", "012be831ba454c44b872f19d9e7a2f39", NOTICE,
            "The provisioning service has assigned a hub", "The device connects to it now.", NULL),
        ROW(ASSIGNMENT_FOREIGN, "assignment-foreign", "1683d6a3049443c797255a74eba24208", NOTICE,
            "The assignment is for another identity",
            "What is on disk was assigned to an identity that the device no longer has; the provisioning "
            "service is asked again.",
            NULL),

        /* Messages to the cloud */
        ROW(MESSAGES_DROPPED, "messages-dropped", "c1f5a9d07b3e4e63a2d8b4760e9f5c33", WARNING,
            "Messages will not reach the cloud",
            "The message says which and why; aziot status counts them by cause. With [Outbox] "
            "ReportDrops=yes the cloud is told as well.",
            "Against 'overflow' a larger [Outbox] MaxBytes=, against 'expired' a longer MessageTTLSec=; "
            "'damaged' is the disk."),
        ROW(MESSAGE_POISON, "message-poison", "048f92632ac5432a81fe03f9cae248ec", ERR,
            "A message was set aside",
            "The hub closed the connection whenever it was sent, so it is kept in dead-letters/ of the state "
            "directory and not sent again.",
            "Look at the file, and at the program that sends such messages."),
        ROW(MESSAGE_NOT_FILED, "message-not-filed", "8c338f65b6934495958d1a0f0a4918ca", ERR,
            "A message cannot be set aside",
            "The hub closes the connection whenever it is sent, and the disk does not take it. It is tried "
            "again.",
            SEE_TO_THE_DISK),
        ROW(MESSAGE_UNSENDABLE, "message-unsendable", "5b134116d17e4e0cabbfba86fd359be7", WARNING,
            "A message is none that a hub takes",
            "It was accepted by another version of the daemon, and is dropped.", NULL),
        ROW(MESSAGE_REFUSED, "message-refused", "0e5551805ed4412cb072b6ec99eb2b6e", WARNING,
            "The broker refused a message",
            "It is kept in dead-letters-broker/ of the state directory and not sent again; its sender was "
            "told, if it "
            "waited for 'delivered'. The message names the reason code of MQTT 5.",
            "'not authorized': allow the topic in the broker's rules. Else look at the file, and at the "
            "program that "
            "sends such messages."),
        ROW(SYNC_FAILED, "sync-failed", "02465aec0db04b1abb22bb95f4f2084b", WARNING,
            "Messages could not be made durable",
            "Programs that wait for 'durable' get an error. What was accepted is sent, but would not survive "
            "a power cut.",
            "Look after the disk."),
        ROW(OUTBOX_DISK, "outbox-disk", "f5b72a36f90c4bc2afd0e45537fdff82", WARNING,
            "The disk fails the outbox",
            "It is tried again. Until it works, programs may get errors when they send.", SEE_TO_THE_DISK),
        ROW(OUTBOX_WORKS, "outbox-works", "076a9bfbd0854768a8642187b0b2a95b", NOTICE,
            "The outbox can be written again", "The disk has recovered.", NULL),
        ROW(DROPS_REPORTED, "drops-reported", "eb38a863451a4468a7f12e8fc20e6663", INFO,
            "The cloud is told what was dropped", "In a message of its own, as [Outbox] ReportDrops= wants.",
            NULL),

        /* Messages from the cloud */
        ROW(INBOX_STALLED, "inbox-stalled", "2e60f4ab91d74c6e8f3a5c0d7b1e9466", WARNING,
            "Messages from the cloud have to wait",
            "The inbox is full or the disk fails. The hub keeps them until they expire there.",
            "Start the program that takes them, or give the inbox more room; else look after the disk."),
        ROW(INBOX_WORKS, "inbox-works", "a406aac166994fafbd8e9c6b84ccbbd9", NOTICE,
            "Messages from the cloud are stored again", "Nothing waits at the hub any more.", NULL),
        ROW(INBOX_DISK, "inbox-disk", "bbc130d72e664dc08a195b76e0f1aaee", WARNING, "The disk fails the inbox",
            "It is tried again; until then the hub keeps what it sends.", SEE_TO_THE_DISK),
        ROW(INBOX_EXPIRED, "inbox-expired", "f04e83a6b1cf4ba08de0e26d8c9a0cbe", NOTICE,
            "Messages from the cloud have expired",
            "Nobody took them in time; if their sender asked for feedback, it has heard that they were "
            "received.",
            "Start the program that takes them."),
        ROW(INBOX_LOST, "inbox-lost", "10be059a124c4a2faf3d0f34fc9bc553", ERR,
            "A message from the cloud is lost",
            "Its file is damaged, or of a newer version. The file is kept.",
            "Look after the disk; after a downgrade, go back to the newer version to have it delivered."),
        ROW(MESSAGE_MALFORMED, "message-malformed", "477246d431a34dd29ff374925651e3fd", WARNING,
            "A message from the cloud is odd", "Part of it is ignored; the rest is passed on.",
            "Look at what sends it."),

        /* Methods */
        ROW(METHOD_TIMEOUT, "method-timeout", "e7b04d8a2f6c4195b3a1c9d5f8e26a44", WARNING,
            "A method was not answered in time", "The cloud got status 504. AZIOT_METHOD= is its name.",
            "Look at the program that serves it; [Hub] MethodTimeoutSec= is the limit."),
        ROW(METHOD_REFUSED, "method-refused", "a2ae2acbf7164c23ba692355aee60d79", WARNING,
            "Too many calls of a method",
            "The programs that serve it are slower than the cloud calls. It got status 429.",
            "Look at the program that serves it."),
        ROW(METHOD_UNANSWERED, "method-unanswered", "00da26c0ff1b4cc0a9ef62941d7ee341", WARNING,
            "A call of a method went wrong", "There was no memory for it, or the link was lost with it.",
            NULL),

        /* The twin */
        ROW(TWIN_REPLACED, "twin-replaced", "6cf50fa7f5fe4c02b5055f8d79b2ae07", NOTICE,
            "This is another device",
            "The twin that was known belongs to another device id, and is forgotten.", NULL),
        ROW(TWIN_USELESS, "twin-useless", "fe3d9b2b543540049c1e08884033343d", WARNING,
            "The hub sent a twin that is of no use", "It is asked for again.", REPORT_IT),
        ROW(TWIN_MISSING, "twin-missing", "90800e503a05482283c472e025ec064c", WARNING,
            "The hub did not give the twin", "It is asked again. Programs get the twin as it was known last.",
            NULL),
        ROW(REPORT_REFUSED, "report-refused", "7c252d16cd864445b2ccecd411dbc477", ERR,
            "The hub refused reported properties",
            "What a program reported while offline was accepted and is dropped now. AZIOT_UID= is its user.",
            "The message has the reason; look at the program."),
        ROW(REPORT_FAILED, "report-failed", "10c8ca3da0724f3b9644ce033bfa9d55", WARNING,
            "Reported properties could not be sent", "There was no memory for it; it is tried again.", NULL),

        /* The state directory */
        ROW(STATE_DAMAGED, "state-damaged", "5b9c3e7d1a2f4860972d6e0b4c8fa155", WARNING,
            "A file of the state was set aside",
            "It is damaged, of a newer version or of another device, and the daemon goes on without. The "
            "message names it and where it is now.",
            "Look after the disk, if it is damaged."),
        ROW(STATE_UNREADABLE, "state-unreadable", "f9acf2f8c4fb4331aa125486a04faa25", WARNING,
            "A file of the state cannot be read", "The daemon goes on without what is in it.",
            "Look whether it belongs to the user aziotd; else look after the disk."),
        ROW(STATE_UNWRITTEN, "state-unwritten", "cdc9315daf9a42cd9332248caafd51e6", WARNING,
            "A file of the state cannot be written",
            "What is in it is kept in memory, and after a restart it is as it was before. It is tried again.",
            SEE_TO_THE_DISK),
        ROW(STATE_WORKS, "state-works", "280d7465711c4846a44a8e8f03512ae3", INFO,
            "A file of the state can be written again", "The disk has recovered.", NULL),

        /* Programs */
        ROW(CLIENT_FAILED, "client-failed", "5283ba7a5d424110b8e97e02d1deac75", WARNING,
            "A program could not be served",
            "Because of an error on our side, such as want of memory or descriptors.",
            "See the error in the message."),
        ROW(CLIENT_REFUSED, "client-refused", "e979f03f8b754fbcac6ec48bd71fe023", INFO,
            "A program was refused or disconnected",
            "AZIOT_UID= and AZIOT_UNIT= say which, the message why. Permission: see aziot access and "
            "[Access] in aziotd.conf(5).",
            NULL),
        ROW(CLIENTS_LEFT_OUT, "clients-left-out", "cec6174424c949fab08c1c1a3d8a1cc0", INFO,
            "More programs were refused", "So many lines like the one before were left out.", NULL),
};

static const char *const parts[_LOG_MESSAGE_MAX] = {
        [MSG_START_FAILED] = "Start, stop and configuration",
        [MSG_LINK_UP] = "The link",
        [MSG_IDENTITY_REMARK] = "Identity",
        [MSG_PROVISIONING_STARTED] = "Provisioning",
        [MSG_MESSAGES_DROPPED] = "Messages to the cloud",
        [MSG_INBOX_STALLED] = "Messages from the cloud",
        [MSG_METHOD_TIMEOUT] = "Methods",
        [MSG_TWIN_REPLACED] = "The twin",
        [MSG_STATE_DAMAGED] = "The state directory",
        [MSG_CLIENT_FAILED] = "Programs",
};

const LogMessageInfo *log_message_get_info(LogMessage message) {
        assert((unsigned) message < _LOG_MESSAGE_MAX);
        return &messages[message];
}

const char *log_message_get_part(LogMessage message) {
        assert((unsigned) message < _LOG_MESSAGE_MAX);
        return parts[message];
}
