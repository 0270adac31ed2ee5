/* SPDX-License-Identifier: MIT */

#include "daemon/state-json.h"

#include <errno.h>
#include <string.h>

int state_json_take(const IpcJson *json, char **ret) {
        az_span text = AZ_SPAN_EMPTY;
        char *copy;
        int r;

        r = ipc_json_get(json, &text);
        if (r < 0)
                return r;
        copy = strndup((const char *) az_span_ptr(text), (size_t) az_span_size(text));
        if (!copy)
                return -ENOMEM;

        *ret = copy;
        return 0;
}

int state_json_decode(const IpcStruct *type, IpcDocument *document, az_span text, void *out) {
        IpcFieldPath path;
        int r;

        r = ipc_document_parse(document, text);
        if (r < 0)
                return r;
        if (r > 0 || document->tokens[0].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return STATE_JSON_INVALID;
        r = ipc_struct_decode(type, document, 0, IPC_UNKNOWN_REFUSE, out, &path);
        return r > 0 ? STATE_JSON_INVALID : r;
}
