/* SPDX-License-Identifier: MIT */

#include "daemon/twin-section.h"

#include <assert.h>

#include "daemon/az-errno.h"
#include "daemon/json-object.h"
#include "daemon/twin-check.h"

/* ---- Pointers ---- */

typedef struct Name {
        uint8_t bytes[TWIN_NAME_MAX];
        int32_t n;
} Name;

static az_span name_span(Name *name) {
        return az_span_create(name->bytes, name->n);
}

/* Takes the next "/name" off a pointer. What is wrong with it; NULL: nothing. */
static const char *take_name(az_span *rest, Name *ret) {
        const uint8_t *p = az_span_ptr(*rest);
        int32_t n = az_span_size(*rest), i;

        *ret = (Name){};
        if (n == 0 || p[0] != '/')
                return "a section is a JSON pointer, as in /pump/speed";

        for (i = 1; i < n && p[i] != '/'; i++) {
                uint8_t c = p[i];

                if (c == '~') {
                        if (i + 1 >= n || (p[i + 1] != '0' && p[i + 1] != '1'))
                                return "in a JSON pointer ~ is written as ~0, and / in a name as ~1";
                        c = p[++i] == '0' ? '~' : '/';
                }
                if (ret->n >= (int32_t) sizeof(ret->bytes))
                        return "a name has at most 1024 bytes";
                ret->bytes[ret->n++] = c;
        }
        *rest = az_span_slice_to_end(*rest, i);
        return twin_check_name(name_span(ret));
}

const char *twin_section_check(az_span pointer) {
        const char *wrong;
        unsigned depth = 0;
        Name name;

        if (!az_span_is_valid_utf8(pointer))
                return "a section is UTF-8 text";
        do {
                if (++depth > TWIN_DEPTH_MAX)
                        return "objects are nested at most 10 levels deep";
                wrong = take_name(&pointer, &name);
        } while (!wrong && az_span_size(pointer) > 0);
        return wrong;
}

bool twin_section_overlaps(az_span a, az_span b) {
        az_span outer = az_span_size(a) < az_span_size(b) ? a : b;
        az_span inner = az_span_size(a) < az_span_size(b) ? b : a;
        int32_t n = az_span_size(outer);

        return az_span_is_content_equal(az_span_slice(inner, 0, n), outer) &&
               (n == az_span_size(inner) || az_span_ptr(inner)[n] == '/');
}

int twin_section_format(az_span pointer, char **ret) {
        /* A byte of a name takes at most six, as in \u0001, and each level {"":} in place of a slash. */
        int32_t n = 6 * az_span_size(pointer) + (int32_t) sizeof("null");
        _cleanup_(freep) char *text = malloc((size_t) n);
        unsigned depth = 0;
        az_json_writer w;
        az_result result;
        Name name;

        if (!text)
                return -ENOMEM;
        result = az_json_writer_init(&w, az_span_create((uint8_t *) text, n - 1), NULL);
        for (; az_span_size(pointer) > 0 && az_result_succeeded(result); depth++) {
                if (take_name(&pointer, &name))
                        return -EINVAL;
                result = az_json_writer_append_begin_object(&w);
                if (az_result_succeeded(result))
                        result = az_json_writer_append_property_name(&w, name_span(&name));
        }
        if (az_result_succeeded(result))
                result = az_json_writer_append_null(&w);
        while (depth-- > 0 && az_result_succeeded(result))
                result = az_json_writer_append_end_object(&w);
        if (az_result_failed(result))
                return az_result_to_errno(result);

        text[w.total_bytes_written] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

/* ---- Patches ---- */

/* A set and a patch as tokens, and the names of the members that lead to where we are. */
typedef struct Walk {
        IpcDocument sections, patch;
        az_span names[TWIN_DEPTH_MAX];
        size_t n_names;
} Walk;

static void walk_done(Walk *w) {
        ipc_document_done(&w->sections);
        ipc_document_done(&w->patch);
}

static bool is_object(const IpcDocument *document, uint32_t token) {
        return json_value_kind(document, token) == AZ_JSON_TOKEN_BEGIN_OBJECT;
}

static int find_inside(Walk *w, uint32_t sections, uint32_t patch) {
        JsonObject set = {}, written = {};
        int r;

        r = json_object_read(&w->sections, sections, &set);
        if (r == 0)
                r = json_object_read(&w->patch, patch, &written);

        for (size_t i = 0; i < set.n && r == 0; i++) {
                const JsonMember *member = json_object_find(&written, set.members[i].name);

                if (!member)
                        continue;
                w->names[w->n_names++] = member->name;
                if (is_object(&w->sections, set.members[i].token) && is_object(&w->patch, member->token))
                        r = find_inside(w, set.members[i].token, member->token);
                else
                        r = TWIN_SECTION_FOUND;
                w->n_names -= r == 0;
        }
        return r;
}

static int find_outside(Walk *w, uint32_t sections, uint32_t patch) {
        JsonObject set = {}, written = {};
        int r;

        r = json_object_read(&w->sections, sections, &set);
        if (r == 0)
                r = json_object_read(&w->patch, patch, &written);

        for (size_t i = 0; i < written.n && r == 0; i++) {
                const JsonMember *member = &written.members[i], *here = json_object_find(&set, member->name);

                if (here && !is_object(&w->sections, here->token))
                        continue; /* a section */
                w->names[w->n_names++] = member->name;
                if (here && is_object(&w->patch, member->token))
                        r = find_outside(w, here->token, member->token);
                else
                        r = TWIN_SECTION_FOUND;
                w->n_names -= r == 0;
        }
        return r;
}

static char *put_escaped(char *p, az_span name) {
        for (int32_t i = 0; i < az_span_size(name); i++) {
                char c = (char) az_span_ptr(name)[i];

                if (c == '~' || c == '/') {
                        *p++ = '~';
                        c = c == '~' ? '0' : '1';
                }
                *p++ = c;
        }
        return p;
}

static int format_path(const Walk *w, char **ret) {
        size_t n = 1;
        char *p;

        for (size_t i = 0; i < w->n_names; i++)
                n += 1 + 2 * (size_t) az_span_size(w->names[i]);
        *ret = p = malloc(n);
        if (!p)
                return -ENOMEM;

        for (size_t i = 0; i < w->n_names; i++) {
                *p++ = '/';
                p = put_escaped(p, w->names[i]);
        }
        *p = '\0';
        return 0;
}

static int find(az_span sections, az_span patch, int (*func)(Walk *w, uint32_t sections, uint32_t patch),
                char **ret_path) {
        _cleanup_(walk_done) Walk w = { .sections = IPC_DOCUMENT_NULL, .patch = IPC_DOCUMENT_NULL };
        int r;

        r = ipc_document_parse(&w.sections, sections);
        if (r == 0)
                r = ipc_document_parse(&w.patch, patch);
        assert(r <= 0);
        if (r == 0)
                r = func(&w, 0, 0);
        if (r == TWIN_SECTION_FOUND)
                r = format_path(&w, ret_path) ?: TWIN_SECTION_FOUND;
        return r;
}

int twin_section_find_outside(az_span sections, az_span patch, char **ret_path) {
        return find(sections, patch, find_outside, ret_path);
}

int twin_section_find_inside(az_span sections, az_span patch, char **ret_path) {
        return find(sections, patch, find_inside, ret_path);
}
