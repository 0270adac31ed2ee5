/* SPDX-License-Identifier: MIT */

/*
 * Two passes over tokens. The first one checks the whole patch, so that nothing is merged of one that breaks
 * a rule anywhere. The second one writes the members of the document in their order, each as it was or as the
 * patch has it, and then what the patch adds. Both look members up in a sorted list of the names of an
 * object: 256 KiB of patch are some ten thousands of names.
 */

#include "hubsim/twin-document.h"

#include <assert.h>
#include <azure/core/az_json.h>
#include <ctype.h>

#include "ipc/document.h"
#include "ipc/field.h"

/* "All JSON objects in tags, desired properties, and reported properties can have a maximum depth of 10",
 * below the section itself. */
#define DEPTH_MAX 10U

/* "Keys are up to 1 KB in length", "string values can be up to 4 KB". */
#define KEY_MAX    1024
#define STRING_MAX 4096

/* "Integers can have a minimum value of -4503599627370496 and a maximum value of 4503599627370495." */
#define INTEGER_MAX INT64_C(4503599627370495)

/* Of JSON. The size that counts knows neither white space nor control characters nor arrays; still, two
 * sections have to fit in a message. */
#define TEXT_MAX (120 * 1024)

/* The members of an object, sorted by name. */
typedef struct Member {
        az_span name;   /* its escapes undone */
        uint32_t value; /* its token */
} Member;

typedef struct Members {
        Member *items;
        size_t n_items;
} Members;

static int compare_members(const void *a, const void *b) {
        const az_span x = ((const Member *) a)->name, y = ((const Member *) b)->name;
        int r;

        r = memcmp(az_span_ptr(x), az_span_ptr(y), (size_t) MIN(az_span_size(x), az_span_size(y)));
        return r != 0 ? r : az_span_size(x) - az_span_size(y);
}

/* They live as long as 'd'. No 'object', IPC_TOKEN_NONE, has no members. */
static int list_members(IpcDocument *d, uint32_t object, Members *ret) {
        Members members = {};
        uint32_t end;
        int r;

        if (object == IPC_TOKEN_NONE) {
                *ret = members;
                return 0;
        }

        end = d->tokens[object].next;
        members.items = ipc_arena_alloc(&d->arena, (end - object) / 2, sizeof(Member));
        if (!members.items)
                return -ENOMEM;
        for (uint32_t i = object + 1; i < end; i = d->tokens[i + 1].next) {
                Member *m = members.items + members.n_items++;

                m->value = i + 1;
                r = ipc_document_get_string(d, i, &m->name);
                if (r < 0)
                        return r;
        }
        qsort(members.items, members.n_items, sizeof(Member), compare_members);

        *ret = members;
        return 0;
}

/* Returns the token of its value, IPC_TOKEN_NONE: there is none. */
static uint32_t find_member(const Members *members, az_span name) {
        const Member key = { .name = name }, *m;

        if (members->n_items == 0)
                return IPC_TOKEN_NONE;
        m = bsearch(&key, members->items, members->n_items, sizeof(Member), compare_members);
        return m ? m->value : IPC_TOKEN_NONE;
}

/* The rules ------------------------------------------------------------------------------------------- */

static int refuse(TwinRefusal *ret, unsigned code, az_span name, const char *why) {
        *ret = (TwinRefusal){ .code = code };
        if (ipc_is_absent(name))
                (void) snprintf(ret->message, sizeof(ret->message), "%s", why);
        else
                (void) snprintf(ret->message, sizeof(ret->message), "'%.*s': %s", MIN(az_span_size(name), 64),
                                (const char *) az_span_ptr(name), why);
        return TWIN_REFUSED;
}

/* How many of the first bytes of 'text' are a control character, C0, DEL or C1; 0: there is another one. */
static int32_t control_size(az_span text) {
        const uint8_t *p = az_span_ptr(text);

        if (iscntrl(p[0]))
                return 1;
        return az_span_size(text) >= 2 && p[0] == 0xC2 && p[1] < 0xA0 ? 2 : 0;
}

static const char *find_fault_of_name(az_span name) {
        if (az_span_size(name) == 0 || az_span_size(name) > KEY_MAX)
                return "a name has 1 to 1024 bytes";
        for (int32_t i = 0; i < az_span_size(name); i++)
                if (memchr(".$ ", az_span_ptr(name)[i], 3) || control_size(az_span_slice_to_end(name, i)) > 0)
                        return "a name has no '.', '$', space or control character";
        return NULL;
}

static const char *find_fault_of_number(az_span text) {
        int64_t integer;
        double number;

        for (int32_t i = 0; i < az_span_size(text); i++)
                if (memchr(".eE", az_span_ptr(text)[i], 3))
                        return az_result_failed(az_span_atod(text, &number)) ? "a number beyond double"
                                                                             : NULL;

        if (az_result_failed(az_span_atoi64(text, &integer)) || integer > INTEGER_MAX ||
            integer < -INTEGER_MAX - 1)
                return "an integer has 52 bits";
        return NULL;
}

static int check_value(IpcDocument *d, uint32_t token, az_span name, unsigned depth, TwinRefusal *ret);

static int check_object(IpcDocument *d, uint32_t object, unsigned depth, TwinRefusal *ret) {
        Members members;
        int r;

        r = list_members(d, object, &members);
        if (r < 0)
                return r;
        for (size_t i = 0; i < members.n_items; i++) {
                const Member *m = members.items + i;
                const char *fault = find_fault_of_name(m->name);

                if (fault)
                        return refuse(ret, 400004, m->name, fault);
                if (i > 0 && compare_members(m - 1, m) == 0)
                        return refuse(ret, 400012, m->name, "twice in an object");
                r = check_value(d, m->value, m->name, depth, ret);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int check_array(IpcDocument *d, uint32_t array, az_span name, unsigned depth, TwinRefusal *ret) {
        for (uint32_t i = array + 1; i < d->tokens[array].next; i = d->tokens[i].next) {
                int r;

                if (d->tokens[i].kind == AZ_JSON_TOKEN_NULL)
                        return refuse(ret, 400004, name, "no null in an array");
                r = check_value(d, i, name, depth, ret);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* A value inside the container of level 'depth', the section itself being 0. */
static int check_value(IpcDocument *d, uint32_t token, az_span name, unsigned depth, TwinRefusal *ret) {
        az_json_token_kind kind = d->tokens[token].kind;
        const char *fault;
        az_span text;
        int r;

        if (kind == AZ_JSON_TOKEN_BEGIN_OBJECT || kind == AZ_JSON_TOKEN_BEGIN_ARRAY) {
                if (depth == DEPTH_MAX)
                        return refuse(ret, 400004, name, "more than 10 levels");
                return kind == AZ_JSON_TOKEN_BEGIN_OBJECT ? check_object(d, token, depth + 1, ret)
                                                          : check_array(d, token, name, depth + 1, ret);
        }
        if (kind == AZ_JSON_TOKEN_STRING) {
                r = ipc_document_get_string(d, token, &text);
                if (r < 0)
                        return r;
                if (az_span_size(text) > STRING_MAX)
                        return refuse(ret, 400004, name, "a string of more than 4 KB");
        }
        if (kind == AZ_JSON_TOKEN_NUMBER) {
                fault = find_fault_of_number(ipc_document_get_text(d, token));
                if (fault)
                        return refuse(ret, 400004, name, fault);
        }
        return 0;
}

static int check_patch(IpcDocument *d, az_span patch, TwinRefusal *ret) {
        int r;

        if (az_span_size(patch) > TEXT_MAX)
                return refuse(ret, 413001, AZ_SPAN_EMPTY, "more than 120 KiB of JSON");
        r = ipc_document_parse(d, patch);
        if (r < 0)
                return r;
        if (r == IPC_DOCUMENT_MALFORMED)
                return refuse(ret, 400012, AZ_SPAN_EMPTY, "not JSON, or hopelessly nested");
        if (d->tokens[0].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return refuse(ret, 400004, AZ_SPAN_EMPTY, "not a JSON object");
        return check_object(d, 0, 0, ret);
}

/* Merging --------------------------------------------------------------------------------------------- */

typedef struct Merge {
        IpcDocument document, patch;
        az_json_writer writer; /* its buffer has room for all of both */
} Merge;

static void merge_done(Merge *m) {
        ipc_document_done(&m->document);
        ipc_document_done(&m->patch);
}

/* The bytes of a value, with the quotes of a string. */
static az_span value_text(const IpcDocument *d, uint32_t token) {
        const IpcToken *t = d->tokens + token;
        uint32_t quote = t->kind == AZ_JSON_TOKEN_STRING;

        return az_span_slice(d->text, (int32_t) (t->offset - quote), (int32_t) (t->offset + t->size + quote));
}

static int write_name(Merge *m, az_span name) {
        return az_result_failed(az_json_writer_append_property_name(&m->writer, name)) ? -EIO : 0;
}

static int write_value(Merge *m, const IpcDocument *d, uint32_t token) {
        return az_result_failed(az_json_writer_append_json_text(&m->writer, value_text(d, token))) ? -EIO : 0;
}

static int merge_object(Merge *m, uint32_t object, uint32_t patch);

/* "MergePatch(Target, Patch)": an object is merged into what is there, all else replaces it. */
static int merge_value(Merge *m, uint32_t value, uint32_t patch) {
        if (m->patch.tokens[patch].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return write_value(m, &m->patch, patch);
        if (value != IPC_TOKEN_NONE && m->document.tokens[value].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                value = IPC_TOKEN_NONE;
        return merge_object(m, value, patch);
}

/* Writes the members that 'object' has, in their order. */
static int merge_old_members(Merge *m, uint32_t object, const Members *patched) {
        int r;

        if (object == IPC_TOKEN_NONE)
                return 0;

        for (uint32_t i = object + 1; i < m->document.tokens[object].next;
             i = m->document.tokens[i + 1].next) {
                uint32_t patch;
                az_span name;

                r = ipc_document_get_string(&m->document, i, &name);
                if (r < 0)
                        return r;
                patch = find_member(patched, name);
                if (patch != IPC_TOKEN_NONE && m->patch.tokens[patch].kind == AZ_JSON_TOKEN_NULL)
                        continue;
                r = write_name(m, name);
                if (r < 0)
                        return r;
                r = patch == IPC_TOKEN_NONE ? write_value(m, &m->document, i + 1)
                                            : merge_value(m, i + 1, patch);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Writes the members that only the patch has. */
static int merge_new_members(Merge *m, const Members *old, uint32_t patch) {
        for (uint32_t i = patch + 1; i < m->patch.tokens[patch].next; i = m->patch.tokens[i + 1].next) {
                az_span name;
                int r;

                r = ipc_document_get_string(&m->patch, i, &name);
                if (r < 0)
                        return r;
                if (m->patch.tokens[i + 1].kind == AZ_JSON_TOKEN_NULL ||
                    find_member(old, name) != IPC_TOKEN_NONE)
                        continue;
                r = write_name(m, name);
                if (r < 0)
                        return r;
                r = merge_value(m, IPC_TOKEN_NONE, i + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int merge_object(Merge *m, uint32_t object, uint32_t patch) {
        Members old, patched;
        int r;

        r = list_members(&m->document, object, &old);
        if (r < 0)
                return r;
        r = list_members(&m->patch, patch, &patched);
        if (r < 0)
                return r;

        if (az_result_failed(az_json_writer_append_begin_object(&m->writer)))
                return -EIO;
        r = merge_old_members(m, object, &patched);
        if (r < 0)
                return r;
        r = merge_new_members(m, &old, patch);
        if (r < 0)
                return r;
        return az_result_failed(az_json_writer_append_end_object(&m->writer)) ? -EIO : 0;
}

int twin_document_merge(az_span document, az_span patch, IpcBuffer *out, TwinRefusal *ret_refusal) {
        _cleanup_(merge_done) Merge m = { .document = IPC_DOCUMENT_NULL, .patch = IPC_DOCUMENT_NULL };
        int32_t max = az_span_size(document) + az_span_size(patch);
        size_t size;
        uint8_t *p;
        int r;

        r = check_patch(&m.patch, patch, ret_refusal);
        if (r != 0)
                return r;
        r = ipc_document_parse(&m.document, document);
        if (r < 0)
                return r;
        assert(r == 0 && m.document.tokens[0].kind == AZ_JSON_TOKEN_BEGIN_OBJECT);

        p = ipc_buffer_reserve(out, (size_t) max);
        if (!p)
                return -ENOMEM;
        if (az_result_failed(az_json_writer_init(&m.writer, az_span_create(p, max), NULL)))
                return -EIO;
        r = merge_object(&m, 0, 0);
        if (r < 0)
                return r;
        ipc_buffer_commit(out, (size_t) m.writer.total_bytes_written);

        r = twin_document_size(buffer_span(out), &size);
        if (r < 0)
                return r;
        if (size > TWIN_SECTION_MAX || ipc_buffer_size(out) > TEXT_MAX)
                return refuse(ret_refusal, 413001, AZ_SPAN_EMPTY, "more than 32 KB in a section");
        return 0;
}

/* Sizes ----------------------------------------------------------------------------------------------- */

static size_t text_size(az_span text) {
        size_t size = (size_t) az_span_size(text);

        while (az_span_size(text) > 0) {
                int32_t n = control_size(text);

                size -= (size_t) n;
                text = az_span_slice_to_end(text, MAX(n, 1));
        }
        return size;
}

int twin_document_size(az_span document, size_t *ret) {
        _cleanup_(ipc_document_done) IpcDocument d = IPC_DOCUMENT_NULL;
        size_t size = 0;
        int r;

        r = ipc_document_parse(&d, document);
        if (r < 0)
                return r;
        if (r == IPC_DOCUMENT_MALFORMED || d.tokens[0].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return -EBADMSG;

        for (uint32_t i = 0; i < d.n_tokens; i++) {
                az_json_token_kind kind = d.tokens[i].kind;
                az_span text;

                if (kind == AZ_JSON_TOKEN_NUMBER)
                        size += 8;
                else if (kind == AZ_JSON_TOKEN_TRUE || kind == AZ_JSON_TOKEN_FALSE)
                        size += 4;
                else if (kind == AZ_JSON_TOKEN_STRING || kind == AZ_JSON_TOKEN_PROPERTY_NAME) {
                        r = ipc_document_get_string(&d, i, &text);
                        if (r < 0)
                                return r;
                        size += text_size(text);
                }
        }
        *ret = size;
        return 0;
}

int twin_document_append_version(IpcBuffer *out, az_span object, uint64_t version) {
        int32_t end = az_span_size(object);
        int r;

        while (end > 0 && az_span_ptr(object)[end - 1] != '}') /* white space */
                end--;
        object = az_span_slice(object, 0, MAX(end - 1, 0));
        for (end = az_span_size(object); end > 0 && isspace(az_span_ptr(object)[end - 1]);)
                end--;

        r = buffer_append_span(out, object);
        if (r < 0)
                return r;
        return buffer_printf(out, "%s\"$version\":%llu}",
                             end > 0 && az_span_ptr(object)[end - 1] == '{' ? "" : ",",
                             (unsigned long long) version);
}
