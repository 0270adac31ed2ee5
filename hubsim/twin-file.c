/* SPDX-License-Identifier: MIT */

#include "hubsim/twin-file.h"

#include <azure/core/az_json.h>
#include <limits.h>

#include "hubsim/files.h"
#include "ipc/document.h"
#include "ipc/json.h"

/* Two sections of 32 KB by a formula that counts neither punctuation nor escapes. */
#define FILE_MAX (1024U * 1024U)

/* What every JSON library reads exactly. */
#define VERSION_MAX (UINT64_C(1) << 53)

static int format_path(char ret[static PATH_MAX], const char *state_dir, const char *device) {
        return snprintf(ret, PATH_MAX, "%s/twin-%s.json", state_dir, device) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int read_version(az_span text, uint64_t *ret) {
        if (az_result_failed(az_span_atou64(text, ret)) || *ret == 0 || *ret > VERSION_MAX)
                return -EBADMSG;
        return 0;
}

static int read_document(az_span text, IpcBuffer *ret) {
        TwinRefusal refusal;
        int r;

        if (ipc_buffer_size(ret) > 0)
                return -EBADMSG;
        r = twin_document_merge(AZ_SPAN_FROM_STR("{}"), text, ret, &refusal);
        return r == TWIN_REFUSED ? -EBADMSG : r;
}

static int read_member(const IpcDocument *d, uint32_t name, TwinSection *desired, TwinSection *reported) {
        const struct {
                const char *name;
                az_json_token_kind kind;
                TwinSection *section;
        } members[] = {
                { "desired", AZ_JSON_TOKEN_BEGIN_OBJECT, desired },
                { "desiredVersion", AZ_JSON_TOKEN_NUMBER, desired },
                { "reported", AZ_JSON_TOKEN_BEGIN_OBJECT, reported },
                { "reportedVersion", AZ_JSON_TOKEN_NUMBER, reported },
        };
        az_span key = ipc_document_get_text(d, name), value = ipc_document_get_text(d, name + 1);

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                TwinSection *section = members[i].section;

                if (!az_span_is_content_equal(key, az_span_create_from_str((char *) members[i].name)))
                        continue;
                if (d->tokens[name + 1].kind != members[i].kind)
                        return -EBADMSG;
                if (members[i].kind == AZ_JSON_TOKEN_NUMBER)
                        return read_version(value, &section->version);
                return read_document(value, &section->document);
        }
        return -EBADMSG;
}

static bool section_is_complete(const TwinSection *section) {
        return section->version > 0 && ipc_buffer_size(&section->document) > 0;
}

int twin_file_read(const char *state_dir, const char *device, TwinSection *desired, TwinSection *reported) {
        _cleanup_(ipc_document_done) IpcDocument d = IPC_DOCUMENT_NULL;
        _cleanup_(freep) char *text = NULL;
        char path[PATH_MAX];
        int r;

        r = format_path(path, state_dir, device);
        if (r < 0)
                return r;
        r = file_read(path, FILE_MAX, &text);
        if (r < 0)
                return r;
        r = ipc_document_parse(&d, az_span_create_from_str(text));
        if (r < 0)
                return r;
        if (r == IPC_DOCUMENT_MALFORMED || d.tokens[0].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EBADMSG;

        for (uint32_t i = 1; i < d.n_tokens; i = d.tokens[i + 1].next) {
                r = read_member(&d, i, desired, reported);
                if (r < 0)
                        return r;
        }
        return section_is_complete(desired) && section_is_complete(reported) ? 0 : -EBADMSG;
}

int twin_file_write(const char *state_dir, const char *device, const TwinSection *desired,
                    const TwinSection *reported) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char path[PATH_MAX];
        az_span text;
        int r;

        r = format_path(path, state_dir, device);
        if (r < 0)
                return r;
        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "desiredVersion", (int64_t) desired->version);
        ipc_json_raw(&json, "desired", buffer_span(&desired->document));
        ipc_json_int(&json, "reportedVersion", (int64_t) reported->version);
        ipc_json_raw(&json, "reported", buffer_span(&reported->document));
        ipc_json_end(&json);
        r = ipc_json_get(&json, &text);
        if (r < 0)
                return r;
        return file_replace(path, 0600, az_span_ptr(text), (size_t) az_span_size(text));
}

int twin_file_remove(const char *state_dir, const char *device) {
        char path[PATH_MAX];
        int r;

        r = format_path(path, state_dir, device);
        if (r < 0)
                return r;
        return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
