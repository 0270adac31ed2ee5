/* SPDX-License-Identifier: MIT */

#include "hubsim/help.h"

#include <string.h>

#include "util/util.h"

/* A credential of a device, which more than one command takes. */
#define AUTHENTICATION                                                                \
        "  --key KEY[,KEY]        its keys, base64, instead of random ones\n"         \
        "  --thumbprint HEX[,HEX] it has this certificate, or that one, instead of\n" \
        "                         keys (SHA-1, SHA-256)\n"                            \
        "  --ca                   it has a certificate of a CA that is trusted, or\n" \
        "                         of that with the thumbprint, with its id as\n"      \
        "                         common name\n"

#define JSON "  --json                 one JSON object a line\n"

/* What the commands are, in the order of the list, and their own options. */
static const struct {
        const char *name, *lines, *options;
} commands[] = {
        { "run",
          "  run                            serve until stopped; the first run makes a CA\n"
          "                                 and a device\n",
          "  --listen ADDRESS:PORT  where to listen (127.0.0.1:8883); port 0: any, the\n"
          "                         same at the next run\n"
          "  --listen-websocket ADDRESS:PORT\n"
          "                         where to listen for WebSockets (the same address, any\n"
          "                         port), or off\n"
          "  --host NAME            one more name of this hub; the first one stands in\n"
          "                         connection strings instead of localhost; may be\n"
          "                         repeated\n"
          "  --device ID            make sure that this device is registered; may be\n"
          "                         repeated\n"
          "  --expiry-grace SECONDS how much longer than its token a connection lives (0)\n"
          "  --basic                be a hub of the basic tier: no twins, methods or\n"
          "                         messages from the cloud\n"
          "  --count                keep no telemetry, but count it by the bodies'\n"
          "                         \"source\" and \"n\"\n" },
        { "monitor", "  monitor                        print telemetry as it arrives\n",
          "  --device ID            only the messages of this device\n" JSON },
        { "log", "  log                            print what has arrived\n",
          "  --device ID            only the messages of this device\n"
          "  --since NUMBER         from this arrival number on\n" JSON },
        { "counts", "  counts                         print what has arrived at a hub that counts it\n",
          "  --device ID            only the messages of this device\n" },
        { "invoke",
          "  invoke DEVICE METHOD [PAYLOAD] call a direct method and print\n"
          "                                 {\"status\":...,\"payload\":...}; PAYLOAD is JSON\n"
          "                                 (null); exit code 1 for a status from 400 on\n",
          "  --timeout SECONDS      how long the device may take to answer (30)\n"
          "  --connect-timeout SECONDS\n"
          "                         how long to wait for it to connect and subscribe (0)\n" },
        { "twin",
          "  twin DEVICE                    print a device's twin\n"
          "  twin DEVICE update JSON        merge into its desired properties; null deletes\n"
          "  twin DEVICE replace JSON       replace its desired properties\n",
          NULL },
        { "messages",
          "  messages DEVICE send [BODY]    send a cloud-to-device message and print its id\n"
          "  messages DEVICE [list]         print those that it has not completed\n"
          "  messages DEVICE purge          drop them\n"
          "  messages DEVICE feedback       print what became of others, and forget it\n",
          "  --message-id ID        send: instead of a random one; \"\": none\n"
          "  --correlation-id, --user-id, --content-type, --content-encoding TEXT\n"
          "  --property NAME=VALUE  may be repeated\n"
          "  --ttl SECONDS          when it expires, instead of an hour that the device\n"
          "                         is not told of\n"
          "  --ack KIND             which feedback is wanted: none, positive, negative,\n"
          "                         full\n" },
        { "fault",
          "  fault                          print the faults that are active\n"
          "  fault NAME [ARGUMENT]...       ask for one\n"
          "  fault help                     name them\n"
          "  fault clear                    end all\n",
          NULL },
        { "limit",
          "  limit                          print what the hub allows in a time\n"
          "  limit NAME VALUE               set one of these; 0: no limit\n"
          "  limit reset                    begin the day anew, whose messages are counted\n",
          NULL },
        { "rules", "  rules                          print the rules of IoT Hub that are enforced\n", NULL },
        { "cut", "  cut SECONDS                    drop all connections, and new ones for so long\n", NULL },
        { "device",
          "  device add DEVICE              register a device, print its connection string\n"
          "  device change DEVICE           give it other keys, or another certificate\n"
          "  device enable|disable DEVICE   say whether it may connect\n"
          "  device remove DEVICE           remove it and all that is kept for it\n"
          "  device list                    print the devices\n",
          AUTHENTICATION JSON },
        { "certificate",
          "  certificate create DEVICE DIR  make a certificate and its key, in\n"
          "                                 DIR/DEVICE.pem and .key\n"
          "  certificate ca                 print the CA that has signed it\n"
          "  certificate trust FILE         trust the CAs in FILE like it\n"
          "  certificate untrust THUMBPRINT trust this CA no longer\n"
          "  certificate list               print the CAs that are trusted\n",
          "  --self-signed          create: it is of no CA, and known by its thumbprint\n"
          "  --intermediate NAME    create, ca: of this intermediate CA, which is made if\n"
          "                         need be\n"
          "  --days DAYS            create: when it ends, from now (365); -1: it ended\n"
          "                         yesterday\n"
          "  --from DAYS            create: when it begins, from now (-1)\n" },
        { "enrollment",
          "  enrollment add NAME            let a device, or a group of them, be\n"
          "                                 provisioned, and print what that needs\n"
          "  enrollment change NAME         change what becomes of it\n"
          "  enrollment show NAME [ID]      print what it needs, or what device ID of a\n"
          "                                 group does\n"
          "  enrollment list                print the enrollments\n"
          "  enrollment remove NAME         remove one\n",
          "  --group                add: NAME is that of a group\n" AUTHENTICATION
          "  --device ID            which device it becomes, instead of its registration\n"
          "                         id\n"
          "  --hub HOST[:PORT]      which hub it is assigned, instead of this one\n"
          "  --hub-socket PATH      the control socket of that hub, at which the device is\n"
          "                         registered then\n"
          "  --payload JSON         what it is given besides\n"
          "  --status STATUS        enabled or disabled\n"
          "  --failure CODE         fail with six digits, as 400207; 0: no more\n"
          "  --failure-message TEXT in these words\n"
          "  --assigning COUNT      how many polls are answered by \"assigning\" (0)\n"
          "  --retry-after SECONDS  how long it has to wait before each (3)\n"
          "  --reprovision POLICY   what becomes of a device that comes again: migrate,\n"
          "                         reset, never\n" JSON },
        { "registration", "  registration ID                print what became of a device's registration\n",
          NULL },
};

static const char common_options[] =
        "  --state-dir DIR        keys, certificates, the log of telemetry\n"
        "                         ($STATE_DIRECTORY, else ~/.local/state/aziot-hubsim)\n"
        "  --socket PATH          the control socket (DIR/socket)\n"
        "  --help                 print this\n";

static void print_all(FILE *out) {
        (void) fputs("Usage: aziot-hubsim COMMAND [OPTION]...\n"
                     "\n"
                     "A local Azure IoT Hub for tests: MQTT 3.1.1 over TLS, SAS tokens and X.509\n"
                     "certificates, telemetry, direct methods, device twins, cloud-to-device messages,\n"
                     "and faults on demand. It is a Device Provisioning Service, too.\n"
                     "\n",
                     out);
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                (void) fputs(commands[i].lines, out);
        (void) fprintf(out,
                       "\n%s"
                       "  --version              print the version\n"
                       "\n"
                       "Exit code: 0  all is well\n"
                       "           1  an error\n"
                       "           2  a wrong command line\n"
                       "\n"
                       "'aziot-hubsim COMMAND --help' tells the options of a command, and the manual\n"
                       "page aziot-hubsim(1) all.\n",
                       common_options);
}

bool help_print(FILE *out, const char *command) {
        if (!command) {
                print_all(out);
                return true;
        }
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(command, commands[i].name) == 0) {
                        (void) fprintf(out, "Usage: aziot-hubsim %s [ARGUMENT]... [OPTION]...\n\n%s\n%s%s%s",
                                       command, commands[i].lines, commands[i].options ?: "",
                                       commands[i].options ? "\n" : "", common_options);
                        return true;
                }
        return false;
}
