/* SPDX-License-Identifier: MIT */
#include "ipc/wire.h"

#include "ipc/field.h"
#include "util/util.h"

static const IpcField call_fields[] = {
        { "method", IPC_FIELD_STRING, offsetof(IpcWireCall, method), .min = 1 },
        { "parameters", IPC_FIELD_TOKEN, offsetof(IpcWireCall, parameters), IPC_FIELD_NULLABLE },
        { "more", IPC_FIELD_BOOL, offsetof(IpcWireCall, more), IPC_FIELD_NULLABLE },
        { "oneway", IPC_FIELD_BOOL, offsetof(IpcWireCall, oneway), IPC_FIELD_NULLABLE },
        { "upgrade", IPC_FIELD_BOOL, offsetof(IpcWireCall, upgrade), IPC_FIELD_NULLABLE },
};
static const IpcStruct call_type = IPC_STRUCT(IpcWireCall, call_fields);

static const IpcField reply_fields[] = {
        { "error", IPC_FIELD_STRING, offsetof(IpcWireReply, error), IPC_FIELD_NULLABLE, .min = 1 },
        { "parameters", IPC_FIELD_TOKEN, offsetof(IpcWireReply, parameters), IPC_FIELD_NULLABLE },
        { "continues", IPC_FIELD_BOOL, offsetof(IpcWireReply, continues), IPC_FIELD_NULLABLE },
};
static const IpcStruct reply_type = IPC_STRUCT(IpcWireReply, reply_fields);

static int message_parse(IpcDocument *document, az_span message, const IpcStruct *type, void *out) {
        IpcFieldPath path;
        int r;

        r = ipc_document_parse(document, message);
        if (r != 0)
                return r < 0 ? r : IPC_WIRE_MALFORMED;

        /* "Implementations MUST reject messages with unknown unprefixed members by closing the connection,
         * and SHOULD ignore vendor extension objects they do not understand." */
        r = ipc_struct_decode(type, document, 0, IPC_UNKNOWN_IGNORE_DOTTED, out, &path);
        if (r != 0)
                return r < 0 ? r : IPC_WIRE_MALFORMED;

        return 0;
}

int ipc_wire_parse_call(IpcDocument *document, az_span message, IpcWireCall *ret) {
        IpcWireCall call;
        int r;

        r = message_parse(document, message, &call_type, &call);
        if (r != 0)
                return r;

        /* "A server MUST reject calls that set more than one of them ... by closing the connection" */
        if (call.more + call.oneway + call.upgrade > 1)
                return IPC_WIRE_MALFORMED;

        *ret = call;
        return 0;
}

int ipc_wire_parse_reply(IpcDocument *document, az_span message, IpcWireReply *ret) {
        IpcWireReply reply;
        int r;

        r = message_parse(document, message, &reply_type, &reply);
        if (r != 0)
                return r;

        /* "'continues' MUST NOT be set in an error reply" */
        if (!ipc_is_absent(reply.error) && reply.continues)
                return IPC_WIRE_MALFORMED;

        *ret = reply;
        return 0;
}

/* Writes only if there is somewhere to. */
static size_t put(uint8_t *out, size_t size, const void *bytes, size_t n) {
        if (out)
                memcpy(out + size, bytes, n);
        return size + n;
}

static size_t put_text(uint8_t *out, size_t size, const char *text) {
        return put(out, size, text, strlen(text));
}

size_t ipc_wire_format_reply(uint8_t *out, const char *error, bool continues, az_span parameters) {
        size_t size;

        if (az_span_size(parameters) == 0)
                parameters = AZ_SPAN_FROM_STR("{}");

        size = put_text(out, 0, "{");
        if (error) {
                size = put_text(out, size, "\"error\":\"");
                size = put_text(out, size, error);
                size = put_text(out, size, "\",");
        }
        if (continues)
                size = put_text(out, size, "\"continues\":true,");
        size = put_text(out, size, "\"parameters\":");
        size = put(out, size, az_span_ptr(parameters), (size_t) az_span_size(parameters));
        return put(out, size, "}", sizeof("}")); /* with its NUL */
}
