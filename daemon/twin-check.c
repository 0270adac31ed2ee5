/* SPDX-License-Identifier: MIT */

#include "daemon/twin-check.h"

#include "daemon/json-object.h"

typedef struct Check {
        IpcDocument document;
        uint64_t size;
        TwinProblem problem; /* 'path' is where we are */
} Check;

static int check_value(Check *c, uint32_t token, unsigned depth, bool in_array);

static int fail(Check *c, const char *reason) {
        c->problem.reason = reason;
        return TWIN_INVALID;
}

/* Goes down to a member or an element; returns where it came from. */
static size_t path_enter(TwinProblem *problem, const char *before, az_span name, const char *behind) {
        const az_span parts[] = { az_span_create_from_str((char *) before), name,
                                  az_span_create_from_str((char *) behind) };
        size_t n_before = problem->n_path;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                size_t n = MIN((size_t) az_span_size(parts[i]), sizeof(problem->path) - problem->n_path);

                if (n > 0)
                        memcpy(problem->path + problem->n_path, az_span_ptr(parts[i]), n);
                problem->n_path += n;
        }
        return n_before;
}

const char *twin_check_name(az_span name) {
        const uint8_t *p = az_span_ptr(name);
        size_t n = (size_t) az_span_size(name);

        if (n == 0)
                return "a name must not be empty";
        if (n > TWIN_NAME_MAX)
                return "a name has at most 1024 bytes";
        if (p[0] == '$')
                return "names that begin with '$' belong to the cloud";
        for (size_t i = 0; i < n; i++) {
                bool is_c1 = p[i] == 0xC2 && i + 1 < n && p[i + 1] < 0xA0; /* U+0080 to U+009F */

                if (p[i] <= ' ' || p[i] == 0x7F || p[i] == '.' || p[i] == '$' || is_c1)
                        return "a name must not hold '.', '$', a space or a control character";
        }
        return NULL;
}

static int check_number(Check *c, az_span text) {
        bool is_integer = true;
        int64_t integer;
        double real;

        for (int32_t i = 0; i < az_span_size(text); i++)
                if (strchr(".eE", az_span_ptr(text)[i]))
                        is_integer = false;

        c->size += 8;
        if (!is_integer)
                return az_result_succeeded(az_span_atod(text, &real)) ? 0
                                                                      : fail(c, "the number is too large");
        if (az_result_failed(az_span_atoi64(text, &integer)) || integer < TWIN_INTEGER_MIN ||
            integer > TWIN_INTEGER_MAX)
                return fail(c, "an integer is from -4503599627370496 to 4503599627370495");
        return 0;
}

static int check_string(Check *c, uint32_t token) {
        az_span text;
        int r;

        r = ipc_document_get_string(&c->document, token, &text);
        if (r < 0)
                return r;
        if (az_span_size(text) > (int32_t) TWIN_STRING_MAX)
                return fail(c, "a string has at most 4096 bytes");
        c->size += (uint64_t) az_span_size(text);
        return 0;
}

static int check_member(Check *c, const JsonMember *member, unsigned depth, bool in_array) {
        const char *wrong = twin_check_name(member->name);

        if (wrong)
                return fail(c, wrong);
        if (json_value_kind(&c->document, member->token) != AZ_JSON_TOKEN_NULL)
                c->size += (uint64_t) az_span_size(member->name);
        return check_value(c, member->token, depth, in_array);
}

static int check_object(Check *c, uint32_t token, unsigned depth, bool in_array) {
        JsonObject object;
        int r;

        r = json_object_read(&c->document, token, &object);
        if (r < 0)
                return r;
        if (object.duplicate) {
                (void) path_enter(&c->problem, depth > 0 ? "." : "", object.duplicate->name, "");
                return fail(c, "the name is there twice");
        }

        for (size_t i = 0; i < object.n; i++) {
                size_t back = path_enter(&c->problem, depth > 0 ? "." : "", object.members[i].name, "");

                r = check_member(c, &object.members[i], depth + 1, in_array);
                if (r != 0)
                        return r;
                c->problem.n_path = back;
        }
        return 0;
}

static int check_array(Check *c, uint32_t token, unsigned depth) {
        const IpcToken *tokens = c->document.tokens;
        unsigned index = 0;
        int r;

        for (uint32_t i = token + 1; i < tokens[token].next; i = tokens[i].next) {
                char number[16];
                size_t back;

                (void) snprintf(number, sizeof(number), "%u", index++);
                back = path_enter(&c->problem, "[", az_span_create_from_str(number), "]");
                r = check_value(c, i, depth + 1, true);
                if (r != 0)
                        return r;
                c->problem.n_path = back;
        }
        return 0;
}

static int check_value(Check *c, uint32_t token, unsigned depth, bool in_array) {
        az_json_token_kind kind = c->document.tokens[token].kind;
        bool is_array = kind == AZ_JSON_TOKEN_BEGIN_ARRAY;

        if (is_array || kind == AZ_JSON_TOKEN_BEGIN_OBJECT) {
                if (depth > TWIN_DEPTH_MAX)
                        return fail(c, "objects and arrays are nested at most 10 levels deep");
                return is_array ? check_array(c, token, depth) : check_object(c, token, depth, in_array);
        }
        if (kind == AZ_JSON_TOKEN_STRING)
                return check_string(c, token);
        if (kind == AZ_JSON_TOKEN_NUMBER)
                return check_number(c, ipc_document_get_text(&c->document, token));
        if (kind == AZ_JSON_TOKEN_NULL)
                return in_array ? fail(c, "an array cannot hold null") : 0;
        c->size += 4;
        return 0;
}

static int check_patch(Check *c, az_span patch) {
        int r;

        if (az_span_size(patch) > (int32_t) TWIN_TEXT_MAX)
                return fail(c, "the text of a patch has at most 122880 bytes");
        r = ipc_document_parse(&c->document, patch);
        if (r < 0)
                return r;
        if (r > 0 || c->document.tokens[0].kind != AZ_JSON_TOKEN_BEGIN_OBJECT)
                return fail(c, "a patch is a JSON object");

        r = check_object(c, 0, 0, false);
        if (r == 0 && c->size > TWIN_SECTION_MAX)
                return fail(c, "a section has at most 32768 bytes");
        return r;
}

int twin_check_patch(az_span patch, TwinProblem *ret_problem) {
        Check c = { .document = IPC_DOCUMENT_NULL };
        int r;

        r = check_patch(&c, patch);
        if (r == TWIN_INVALID)
                *ret_problem = c.problem;
        ipc_document_done(&c.document);
        return r;
}
