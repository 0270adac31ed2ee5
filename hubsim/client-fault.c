/* SPDX-License-Identifier: MIT */

/* The command "fault": what is typed, as a call. */

#include "hubsim/client-internal.h"

#include <azure/core/az_json.h>
#include <ctype.h>

#define PARAMETERS_MAX 3U

typedef enum ParameterKind {
        PARAMETER_NONE,
        PARAMETER_TEXT,
        PARAMETER_WORD, /* wrong-name, which is wrongName in the interface */
        PARAMETER_NUMBER,
        PARAMETER_SWITCH,  /* on or off */
        PARAMETER_MEMBERS, /* a JSON object with all the other parameters */
} ParameterKind;

/* In the order of the command line; those behind 'n_needed' may be left out. */
static const struct {
        const char *name, *method, *usage;
        size_t n_needed;
        struct {
                const char *name;
                ParameterKind kind;
        } parameters[PARAMETERS_MAX];
} faults[] = {
        { "refuse-connect",
          "RefuseConnect",
          "CODE COUNT",
          2,
          { { "code", PARAMETER_NUMBER }, { "count", PARAMETER_NUMBER } } },
        { "close-after-connect",
          "CloseAfterConnect",
          "MILLISECONDS COUNT [DEVICE]",
          2,
          { { "milliseconds", PARAMETER_NUMBER },
            { "count", PARAMETER_NUMBER },
            { "device", PARAMETER_TEXT } } },
        { "poison",
          "Poison",
          "TEXT [COUNT]",
          1,
          { { "text", PARAMETER_TEXT }, { "count", PARAMETER_NUMBER } } },
        { "delay-puback", "DelayPuback", "MILLISECONDS", 1, { { "milliseconds", PARAMETER_NUMBER } } },
        { "hold-pubacks", "HoldPubacks", "on|off", 1, { { "hold", PARAMETER_SWITCH } } },
        { "drop-before-puback", "DropBeforePuback", "COUNT", 1, { { "count", PARAMETER_NUMBER } } },
        { "suback-failure", "SubackFailure", "COUNT", 1, { { "count", PARAMETER_NUMBER } } },
        { "drop-suback", "DropSuback", "COUNT", 1, { { "count", PARAMETER_NUMBER } } },
        { "early-messages", "EarlyMessages", "on|off", 1, { { "early", PARAMETER_SWITCH } } },
        { "message-lock", "MessageLock", "MILLISECONDS", 1, { { "milliseconds", PARAMETER_NUMBER } } },
        { "message-form",
          "MessageForm",
          "on|off on|off",
          2,
          { { "bareKeys", PARAMETER_SWITCH }, { "questionMark", PARAMETER_SWITCH } } },
        { "never-connected", "NeverConnected", "queue|drop|refuse", 1, { { "messages", PARAMETER_TEXT } } },
        { "kick", "Kick", "DEVICE", 1, { { "device", PARAMETER_TEXT } } },
        { "half-open", "HalfOpen", "DEVICE", 1, { { "device", PARAMETER_TEXT } } },
        { "silent-close",
          "SilentClose",
          "DEVICE [fin|reset]",
          1,
          { { "device", PARAMETER_TEXT }, { "how", PARAMETER_TEXT } } },
        { "server-certificate",
          "ServerCertificate",
          "wrong-name|expired|not-yet-valid|untrusted|off [COUNT]",
          1,
          { { "certificate", PARAMETER_WORD }, { "count", PARAMETER_NUMBER } } },
        { "refuse-websocket",
          "RefuseWebSocket",
          "STATUS COUNT",
          2,
          { { "status", PARAMETER_NUMBER }, { "count", PARAMETER_NUMBER } } },
        { "fragment-websocket", "FragmentWebSocket", "BYTES", 1, { { "bytes", PARAMETER_NUMBER } } },
        { "clock-offset", "ClockOffset", "SECONDS", 1, { { "seconds", PARAMETER_NUMBER } } },
        { "cut", "Cut", "SECONDS", 1, { { "seconds", PARAMETER_NUMBER } } },
        { "twin",
          "TwinFault",
          "DEVICE MEMBERS",
          2,
          { { "device", PARAMETER_TEXT }, { "", PARAMETER_MEMBERS } } },
        { "dps", "DpsFault", "MEMBERS", 1, { { "", PARAMETER_MEMBERS } } },
        { "clear", "ClearFaults", "", 0, { { NULL, PARAMETER_NONE } } },
};

/* "{...}" without its braces. */
static bool add_members(IpcJson *json, const char *word) {
        az_span text = az_span_create_from_str((char *) word);
        int32_t n = az_span_size(text);

        if (n < 2 || word[0] != '{' || word[n - 1] != '}' || az_result_failed(az_json_validate(text)))
                return false;
        if (n > 2)
                ipc_json_raw(json, NULL, az_span_slice(text, 1, n - 1));
        return true;
}

static void add_word(IpcJson *json, const char *name, const char *word) {
        char text[32];
        size_t n = 0;

        for (; *word && n < sizeof(text) - 1; word++)
                if (*word != '-')
                        text[n++] = *word;
                else if (word[1])
                        text[n++] = (char) toupper((unsigned char) *++word);
        text[n] = '\0';
        ipc_json_cstring(json, name, text);
}

static bool add_parameter(IpcJson *json, const char *name, ParameterKind kind, const char *word) {
        long long number;
        char *end;

        switch (kind) {
        case PARAMETER_TEXT:
                ipc_json_cstring(json, name, word);
                return true;
        case PARAMETER_WORD:
                add_word(json, name, word);
                return true;
        case PARAMETER_NUMBER:
                number = strtoll(word, &end, 10);
                ipc_json_int(json, name, number);
                return *word != '\0' && *end == '\0';
        case PARAMETER_SWITCH:
                ipc_json_bool(json, name, strcmp(word, "on") == 0);
                return strcmp(word, "on") == 0 || strcmp(word, "off") == 0;
        case PARAMETER_MEMBERS:
                return add_members(json, word);
        case PARAMETER_NONE:
                break;
        }
        return false;
}

static int set_fault(const ClientOptions *options, size_t fault, const char *const *words) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char method[64];
        az_span reply;
        size_t n = 0;
        bool ok = true;

        ipc_json_begin(&json, NULL);
        for (; ok && words[n]; n++)
                ok = n < PARAMETERS_MAX && add_parameter(&json, faults[fault].parameters[n].name,
                                                         faults[fault].parameters[n].kind, words[n]);
        ipc_json_end(&json);
        if (!ok || n < faults[fault].n_needed) {
                fprintf(stderr, "Usage: aziot-hubsim fault %s %s\n", faults[fault].name, faults[fault].usage);
                return 2;
        }

        (void) snprintf(method, sizeof(method), PREFIX "%s", faults[fault].method);
        return client_call(options, &client, method, &json, &reply) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

typedef struct FaultsReply {
        IpcStrings faults;
} FaultsReply;

static const IpcField faults_reply_fields[] = {
        { "faults", IPC_FIELD_STRINGS, offsetof(FaultsReply, faults) },
};
static const IpcStruct faults_reply = IPC_STRUCT(FaultsReply, faults_reply_fields);

static int list_faults(const ClientOptions *options) {
        _cleanup_(client_done) Client client = CLIENT_NULL;
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        FaultsReply answer;

        ipc_json_begin(&json, NULL);
        ipc_json_end(&json);
        if (client_call_and_decode(options, &client, PREFIX "ListFaults", &json, &faults_reply, &answer) < 0)
                return EXIT_FAILURE;

        for (size_t i = 0; i < answer.faults.n_items; i++) {
                client_print_span(answer.faults.items[i]);
                printf("\n");
        }
        return EXIT_SUCCESS;
}

int client_fault(const ClientOptions *options, const char *const *words) {
        if (!words[0])
                return list_faults(options);

        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                if (strcmp(faults[i].name, words[0]) == 0)
                        return set_fault(options, i, words + 1);
        if (strcmp(words[0], "help") != 0) {
                fprintf(stderr, "aziot-hubsim: unknown fault: %s\nTry 'aziot-hubsim fault help'.\n",
                        words[0]);
                return 2;
        }
        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                printf("%s %s\n", faults[i].name, faults[i].usage);
        return EXIT_SUCCESS;
}
