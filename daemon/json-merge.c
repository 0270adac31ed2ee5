/* SPDX-License-Identifier: MIT */

#include "daemon/json-merge.h"

#include "daemon/az-errno.h"
#include "daemon/json-object.h"

/* Two texts as tokens, and the text that is made of them. */
typedef struct Merge {
        IpcDocument documents[2];
        az_json_writer writer;
        char *text;
        bool keeps_nulls;  /* the result is a patch */
        bool drops_system; /* members whose name begins with '$' */
} Merge;

#define MERGE_NULL ((Merge){ .documents = { IPC_DOCUMENT_NULL, IPC_DOCUMENT_NULL } })

/* A value in one of the texts. */
typedef struct Value {
        IpcDocument *document;
        uint32_t token; /* IPC_TOKEN_NONE: there is none */
} Value;

#define VALUE_NONE ((Value){ .token = IPC_TOKEN_NONE })

static void merge_done(Merge *m) {
        for (size_t i = 0; i < ELEMENTSOF(m->documents); i++)
                ipc_document_done(&m->documents[i]);
        free(m->text);
}

static az_json_token_kind value_kind(Value value) {
        return json_value_kind(value.document, value.token);
}

static bool value_is_object(Value value) {
        return value_kind(value) == AZ_JSON_TOKEN_BEGIN_OBJECT;
}

static bool values_are_equal(Value a, Value b) {
        return az_span_is_content_equal(json_value_text(a.document, a.token),
                                        json_value_text(b.document, b.token));
}

/* The members of a value that may be no object: it has none then. */
static int value_read(Value value, JsonObject *ret) {
        int r;

        r = json_object_read(value.document, value.token, ret);
        if (r < 0)
                return r;
        return ret->duplicate ? JSON_MERGE_INVALID : 0;
}

static Value value_find(const JsonObject *object, Value owner, az_span name) {
        const JsonMember *member = json_object_find(object, name);

        return member ? (Value){ owner.document, member->token } : VALUE_NONE;
}

static int put_name(Merge *m, az_span name) {
        return az_result_to_errno(az_json_writer_append_property_name(&m->writer, name));
}

static int put_begin(Merge *m) {
        return az_result_to_errno(az_json_writer_append_begin_object(&m->writer));
}

static int put_end(Merge *m) {
        return az_result_to_errno(az_json_writer_append_end_object(&m->writer));
}

static int put_text(Merge *m, Value value) {
        return az_result_to_errno(
                az_json_writer_append_json_text(&m->writer, json_value_text(value.document, value.token)));
}

static bool is_system(az_span name) {
        return az_span_size(name) > 0 && az_span_ptr(name)[0] == '$';
}

/* ---- Merging ---- */

static int put_merged(Merge *m, Value target, Value patch);

/* The member 'name', of which 'patch' is to be made out of 'target'. */
static int put_merged_member(Merge *m, az_span name, Value target, Value patch) {
        bool is_null = value_kind(patch) == AZ_JSON_TOKEN_NULL;
        int r;

        if ((is_null && !m->keeps_nulls) || (m->drops_system && is_system(name)))
                return 0;
        r = put_name(m, name);
        if (r < 0)
                return r;
        return value_is_object(patch) ? put_merged(m, target, patch) : put_text(m, patch);
}

/* 'patch' is an object, 'target' may be anything. */
static int put_merged(Merge *m, Value target, Value patch) {
        JsonObject old = {}, new = {};
        int r;

        r = value_read(target, &old);
        if (r == 0)
                r = value_read(patch, &new);
        if (r == 0)
                r = put_begin(m);

        for (size_t i = 0; i < old.n && r == 0; i++) {
                Value value = { target.document, old.members[i].token };
                Value change = value_find(&new, patch, old.members[i].name);

                if (change.token != IPC_TOKEN_NONE)
                        r = put_merged_member(m, old.members[i].name, value, change);
                else
                        r = put_name(m, old.members[i].name) ?: put_text(m, value);
        }
        for (size_t i = 0; i < new.n &&r == 0; i++)
                if (!json_object_find(&old, new.members[i].name))
                        r = put_merged_member(m, new.members[i].name, VALUE_NONE,
                                              (Value){ patch.document, new.members[i].token });

        return r == 0 ? put_end(m) : r;
}

/* ---- Differences ---- */

/* Writes a member that is an object, by 'put', unless it turns out to be empty. */
static int put_unless_empty(Merge *m, az_span name, Value a, Value b,
                            int (*put)(Merge *m, Value a, Value b)) {
        az_json_writer before = m->writer;
        int32_t begin;
        int r;

        r = put_name(m, name);
        if (r < 0)
                return r;
        begin = m->writer.total_bytes_written;
        r = put(m, a, b);
        if (r == 0 && m->writer.total_bytes_written == begin + 2)
                m->writer = before;
        return r;
}

static int put_difference(Merge *m, Value from, Value to);

static int put_changed_member(Merge *m, az_span name, Value from, Value to) {
        if (value_is_object(from) && value_is_object(to))
                return put_unless_empty(m, name, from, to, put_difference);
        if (values_are_equal(from, to))
                return 0;
        return put_name(m, name) ?: put_text(m, to);
}

static int put_difference(Merge *m, Value from, Value to) {
        JsonObject old = {}, new = {};
        int r;

        r = value_read(from, &old);
        if (r == 0)
                r = value_read(to, &new);
        if (r == 0)
                r = put_begin(m);

        for (size_t i = 0; i < old.n && r == 0; i++) {
                az_span name = old.members[i].name;
                Value value = value_find(&new, to, name);

                if (value.token != IPC_TOKEN_NONE)
                        r = put_changed_member(m, name, (Value){ from.document, old.members[i].token },
                                               value);
                else
                        r = put_name(m, name) ?: az_result_to_errno(az_json_writer_append_null(&m->writer));
        }
        for (size_t i = 0; i < new.n &&r == 0; i++)
                if (!json_object_find(&old, new.members[i].name))
                        r = put_name(m, new.members[i].name)
                                    ?: put_text(m, (Value){ to.document, new.members[i].token });

        return r == 0 ? put_end(m) : r;
}

static int put_rest(Merge *m, Value earlier, Value later) {
        JsonObject old = {}, new = {};
        int r;

        r = value_read(earlier, &old);
        if (r == 0)
                r = value_read(later, &new);
        if (r == 0)
                r = put_begin(m);

        for (size_t i = 0; i < old.n && r == 0; i++) {
                az_span name = old.members[i].name;
                Value value = { earlier.document, old.members[i].token };
                Value over = value_find(&new, later, name);

                if (over.token != IPC_TOKEN_NONE && !value_is_object(over))
                        continue;
                if (over.token != IPC_TOKEN_NONE && value_is_object(value))
                        r = put_unless_empty(m, name, value, over, put_rest);
                else
                        r = put_name(m, name) ?: put_text(m, value);
        }
        return r == 0 ? put_end(m) : r;
}

static int put_selected(Merge *m, Value document, Value sections) {
        JsonObject all = {}, set = {};
        int r;

        r = value_read(document, &all);
        if (r == 0)
                r = value_read(sections, &set);
        if (r == 0)
                r = put_begin(m);

        for (size_t i = 0; i < set.n && r == 0; i++) {
                az_span name = set.members[i].name;
                Value below = { sections.document, set.members[i].token };
                Value value = value_find(&all, document, name);

                if (value_is_object(below))
                        r = put_name(m, name) ?: put_selected(m, value, below);
                else if (value.token != IPC_TOKEN_NONE)
                        r = put_name(m, name) ?: put_text(m, value);
        }
        return r == 0 ? put_end(m) : r;
}

static int can_combine(Value earlier, Value later, bool *ret) {
        JsonObject old = {}, new = {};
        int r;

        r = value_read(earlier, &old);
        if (r == 0)
                r = value_read(later, &new);

        for (size_t i = 0; i < new.n &&r == 0 && *ret; i++) {
                Value value = value_find(&old, earlier, new.members[i].name);
                Value over = { later.document, new.members[i].token };

                if (value.token == IPC_TOKEN_NONE || !value_is_object(over))
                        continue;
                if (value_is_object(value))
                        r = can_combine(value, over, ret);
                else
                        *ret = false;
        }
        return r;
}

/* ---- Texts ---- */

static int parse_object(IpcDocument *document, az_span text) {
        int r;

        r = ipc_document_parse(document, text);
        if (r < 0)
                return r;
        return r == 0 && document->tokens[0].kind == AZ_JSON_TOKEN_BEGIN_OBJECT ? 0 : JSON_MERGE_INVALID;
}

/* Parses both, and makes room for the result of 'put'. */
static int merge_run(Merge *m, az_span a, az_span b, int (*put)(Merge *m, Value a, Value b), char **ret) {
        /* A difference says null, which is longer than 1, for what is gone. */
        size_t n = 2 * (size_t) az_span_size(a) + (size_t) az_span_size(b) + 3;
        int r;

        r = parse_object(&m->documents[0], a);
        if (r == 0)
                r = parse_object(&m->documents[1], b);
        if (r != 0)
                return r;

        m->text = n <= INT32_MAX ? malloc(n) : NULL;
        if (!m->text)
                return -ENOMEM;
        r = az_result_to_errno(
                az_json_writer_init(&m->writer, az_span_create((uint8_t *) m->text, (int32_t) n - 1), NULL));
        if (r == 0)
                r = put(m, (Value){ &m->documents[0], 0 }, (Value){ &m->documents[1], 0 });
        if (r != 0)
                return r;

        m->text[m->writer.total_bytes_written] = '\0';
        *ret = realloc(m->text, (size_t) m->writer.total_bytes_written + 1) ?: m->text;
        m->text = NULL;
        return 0;
}

int json_merge_apply(az_span document, az_span patch, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        return merge_run(&m, document, patch, put_merged, ret);
}

int json_merge_strip(az_span object, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        m.keeps_nulls = true;
        m.drops_system = true;
        return merge_run(&m, AZ_SPAN_FROM_STR("{}"), object, put_merged, ret);
}

int json_merge_can_combine(az_span earlier, az_span later, bool *ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;
        bool can = true;
        int r;

        r = parse_object(&m.documents[0], earlier);
        if (r == 0)
                r = parse_object(&m.documents[1], later);
        if (r == 0)
                r = can_combine((Value){ &m.documents[0], 0 }, (Value){ &m.documents[1], 0 }, &can);
        if (r == 0)
                *ret = can;
        return r;
}

int json_merge_combine(az_span earlier, az_span later, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        m.keeps_nulls = true;
        return merge_run(&m, earlier, later, put_merged, ret);
}

int json_merge_diff(az_span from, az_span to, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        return merge_run(&m, from, to, put_difference, ret);
}

int json_merge_subtract(az_span earlier, az_span later, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        return merge_run(&m, earlier, later, put_rest, ret);
}

int json_merge_select(az_span document, az_span sections, char **ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;

        return merge_run(&m, document, sections, put_selected, ret);
}

int json_merge_get_section(az_span object, az_span name, az_span *ret) {
        _cleanup_(merge_done) Merge m = MERGE_NULL;
        JsonObject members;
        Value section;
        int r;

        r = parse_object(&m.documents[0], object);
        if (r == 0)
                r = value_read((Value){ &m.documents[0], 0 }, &members);
        if (r != 0)
                return r;

        section = value_find(&members, (Value){ &m.documents[0], 0 }, name);
        if (section.token == IPC_TOKEN_NONE)
                return JSON_MERGE_ABSENT;
        if (!value_is_object(section))
                return JSON_MERGE_OTHER;
        *ret = json_value_text(section.document, section.token);
        return 0;
}
