/* SPDX-License-Identifier: MIT */

#include "ipc-test.h"
#include "ipc/field.h"
#include "ipc/limits.h"

/* One field of each kind, with the names of nothing in particular. */

typedef struct Item {
        az_span name;
        int64_t n;
} Item;

typedef struct Params {
        bool flag;
        int64_t n;
        int color;
        az_span text, object;
        IpcMap map;
        IpcStrings strings;
        Item item;
        const Item *optional;
        IpcStructs items;
        uint32_t token;
} Params;

static const IpcField item_fields[] = {
        { "name", IPC_FIELD_STRING, offsetof(Item, name) },
        { "n", IPC_FIELD_INT, offsetof(Item, n), IPC_FIELD_NULLABLE, .absent = 7 },
};
static const IpcStruct item_type = IPC_STRUCT(Item, item_fields);

static const char *const colors[] = { "red", "green", NULL };

#define FIELD_FLAG(flags) \
        { "flag", IPC_FIELD_BOOL, offsetof(Params, flag), flags, .absent = true }
#define FIELD_N(flags) \
        { "n", IPC_FIELD_INT, offsetof(Params, n), flags, .absent = -1 }
#define FIELD_COLOR(flags) \
        { "color", IPC_FIELD_ENUM, offsetof(Params, color), flags, .names = colors, .absent = 1 }
#define FIELD_TEXT(flags) \
        { "text", IPC_FIELD_STRING, offsetof(Params, text), flags }
#define FIELD_OBJECT(flags) \
        { "object", IPC_FIELD_OBJECT, offsetof(Params, object), flags }
#define FIELD_MAP(flags) \
        { "map", IPC_FIELD_MAP, offsetof(Params, map), flags }
#define FIELD_STRINGS(flags) \
        { "strings", IPC_FIELD_STRINGS, offsetof(Params, strings), flags }
#define FIELD_OPTIONAL \
        { "optional", IPC_FIELD_OPTIONAL, offsetof(Params, optional), IPC_FIELD_NULLABLE, .type = &item_type }
#define FIELD_ITEMS(flags) \
        { "items", IPC_FIELD_STRUCTS, offsetof(Params, items), flags, .type = &item_type }
#define FIELD_TOKEN(flags) \
        { "token", IPC_FIELD_TOKEN, offsetof(Params, token), flags }

static const IpcField nullable_fields[] = {
        FIELD_FLAG(IPC_FIELD_NULLABLE),    FIELD_N(IPC_FIELD_NULLABLE),
        FIELD_COLOR(IPC_FIELD_NULLABLE),   FIELD_TEXT(IPC_FIELD_NULLABLE),
        FIELD_OBJECT(IPC_FIELD_NULLABLE),  FIELD_MAP(IPC_FIELD_NULLABLE),
        FIELD_STRINGS(IPC_FIELD_NULLABLE), FIELD_ITEMS(IPC_FIELD_NULLABLE),
        FIELD_TOKEN(IPC_FIELD_NULLABLE),   FIELD_OPTIONAL,
};
static const IpcStruct nullable_type = IPC_STRUCT(Params, nullable_fields);

static const IpcField required_fields[] = {
        { "item", IPC_FIELD_STRUCT, offsetof(Params, item), .type = &item_type },
        FIELD_N(0),
        FIELD_TEXT(IPC_FIELD_NULLABLE),
};
static const IpcStruct required_type = IPC_STRUCT(Params, required_fields);

static const IpcField bounded_fields[] = {
        { "n", IPC_FIELD_INT, offsetof(Params, n), IPC_FIELD_NULLABLE, .min = 1, .max = 10 },
        { "text", IPC_FIELD_STRING, offsetof(Params, text), IPC_FIELD_NULLABLE, .max = 4 },
        { "strings", IPC_FIELD_STRINGS, offsetof(Params, strings), IPC_FIELD_NULLABLE, .min = 1 },
        { "map", IPC_FIELD_MAP, offsetof(Params, map), IPC_FIELD_NULLABLE, .min = 1, .max = 2 },
};
static const IpcStruct bounded_type = IPC_STRUCT(Params, bounded_fields);

typedef struct Decoded {
        IpcDocument document;
        IpcFieldPath path;
        Params params;
        int result;
} Decoded;

static void decoded_done(Decoded *d) {
        ipc_document_done(&d->document);
}

static void decode(Decoded *d, const IpcStruct *type, IpcUnknown unknown, const char *text) {
        *d = (Decoded){ .document = IPC_DOCUMENT_NULL };
        ck_assert_int_eq(ipc_document_parse(&d->document, span(text)), 0);
        d->result = ipc_struct_decode(type, &d->document, 0, unknown, &d->params, &d->path);
}

START_TEST(absent_and_null_are_the_same) {
        static const char *const texts[] = {
                "{}",
                "{\"flag\":null,\"n\":null,\"color\":null,\"text\":null,\"object\":null,\"map\":null,"
                "\"strings\":null,\"items\":null,\"token\":null,\"optional\":null}",
        };
        _cleanup_(decoded_done) Decoded d;

        decode(&d, &nullable_type, IPC_UNKNOWN_REFUSE, texts[_i]);
        ck_assert_int_eq(d.result, 0);
        ck_assert(d.params.flag);
        ck_assert_int_eq(d.params.n, -1);
        ck_assert_int_eq(d.params.color, 1);
        ck_assert(ipc_is_absent(d.params.text));
        ck_assert(ipc_is_absent(d.params.object));
        ck_assert_ptr_null(d.params.map.items);
        ck_assert_ptr_null(d.params.strings.items);
        ck_assert_ptr_null(d.params.items.items);
        ck_assert_ptr_null(d.params.optional);
        ck_assert_uint_eq(d.params.token, IPC_TOKEN_NONE);
}
END_TEST

START_TEST(no_token_is_an_object_without_members) {
        _cleanup_(decoded_done) Decoded d;

        decode(&d, &nullable_type, IPC_UNKNOWN_REFUSE, "[]");
        ck_assert_int_eq(d.result, IPC_FIELD_INVALID);
        ck_assert_int_eq(ipc_struct_decode(&nullable_type, &d.document, IPC_TOKEN_NONE, IPC_UNKNOWN_REFUSE,
                                           &d.params, &d.path),
                         0);
        ck_assert_int_eq(d.params.n, -1);
        ck_assert_int_eq(ipc_struct_decode(&required_type, &d.document, IPC_TOKEN_NONE, IPC_UNKNOWN_REFUSE,
                                           &d.params, &d.path),
                         IPC_FIELD_INVALID);
        ck_assert_str_eq(d.path.text, "item");
}
END_TEST

START_TEST(empty_is_not_absent) {
        _cleanup_(decoded_done) Decoded d;

        decode(&d, &nullable_type, IPC_UNKNOWN_REFUSE,
               "{\"text\":\"\",\"object\":{},\"map\":{},\"strings\":[],\"items\":[]}");
        ck_assert_int_eq(d.result, 0);
        ck_assert(!ipc_is_absent(d.params.text));
        ck_assert_int_eq(az_span_size(d.params.text), 0);
        assert_span(d.params.object, "{}");
        ck_assert_ptr_nonnull(d.params.map.items);
        ck_assert_uint_eq(d.params.map.n_items, 0);
        ck_assert_ptr_nonnull(d.params.strings.items);
        ck_assert_uint_eq(d.params.strings.n_items, 0);
        ck_assert_ptr_nonnull(d.params.items.items);
        ck_assert_uint_eq(d.params.items.n_items, 0);
}
END_TEST

START_TEST(every_kind_is_decoded) {
        _cleanup_(decoded_done) Decoded d;
        const Item *items;

        decode(&d, &nullable_type, IPC_UNKNOWN_REFUSE,
               "{\"items\":[{\"name\":\"a\"},{\"n\":2,\"name\":\"b\"}],\"token\":{\"x\":1},\"flag\":false,"
               "\"n\":-9223372036854775808,\"color\":\"red\",\"text\":\"a\\u0000\\n\\ud83d\\ude00\","
               "\"object\":{ \"n\" : 9007199254740993, \"x\":1.10, \"n\":1 },"
               "\"map\":{\"k\":\"v\",\"\\u006b2\":\"\\\"\"},\"strings\":[\"x\",\"\\t\"],\"optional\":{"
               "\"name\":\"c\"}}");
        ck_assert_int_eq(d.result, 0);
        ck_assert(!d.params.flag);
        ck_assert_int_eq(d.params.n, INT64_MIN);
        ck_assert_int_eq(d.params.color, 0);
        ck_assert_int_eq(az_span_size(d.params.text), 7);
        ck_assert_mem_eq(az_span_ptr(d.params.text), "a\0\n\xf0\x9f\x98\x80", 7);
        /* Byte for byte, a name given twice included: it is not ours to judge. */
        assert_span(d.params.object, "{ \"n\" : 9007199254740993, \"x\":1.10, \"n\":1 }");
        ck_assert_uint_eq(d.params.map.n_items, 2);
        assert_span(d.params.map.items[0].key, "k");
        assert_span(d.params.map.items[0].value, "v");
        assert_span(d.params.map.items[1].key, "k2");
        assert_span(d.params.map.items[1].value, "\"");
        ck_assert_uint_eq(d.params.strings.n_items, 2);
        assert_span(d.params.strings.items[1], "\t");
        items = d.params.items.items;
        ck_assert_uint_eq(d.params.items.n_items, 2);
        assert_span(items[0].name, "a");
        ck_assert_int_eq(items[0].n, 7);
        assert_span(items[1].name, "b");
        ck_assert_int_eq(items[1].n, 2);
        assert_span(ipc_document_get_text(&d.document, d.params.token), "{\"x\":1}");
        assert_span(d.params.optional->name, "c");
        ck_assert_int_eq(d.params.optional->n, 7);
}
END_TEST

static const struct {
        const IpcStruct *type;
        const char *text, *path;
} refused[] = {
        /* unknown */
        { &nullable_type, "{\"x\":1}", "x" },
        { &nullable_type, "{\"N\":1}", "N" },
        { &nullable_type, "{\"\":1}", "" },
        { &nullable_type, "{\"org.example\":{}}", "org.example" },
        { &required_type, "{\"item\":{\"name\":\"a\",\"x\":1},\"n\":1}", "item.x" },
        { &nullable_type, "{\"items\":[{\"name\":\"a\"},{\"name\":\"b\",\"x\":1}]}", "items[1].x" },
        /* missing, or null where that is not allowed */
        { &required_type, "{\"item\":{\"name\":\"a\"}}", "n" },
        { &required_type, "{\"n\":1}", "item" },
        { &required_type, "{\"item\":null,\"n\":1}", "item" },
        { &required_type, "{\"item\":{\"name\":\"a\"},\"n\":null}", "n" },
        { &required_type, "{\"item\":{},\"n\":1}", "item.name" },
        { &nullable_type, "{\"items\":[{\"name\":\"a\"},{}]}", "items[1].name" },
        { &nullable_type, "{\"optional\":{}}", "optional.name" },
        /* twice, however it is written */
        { &nullable_type, "{\"n\":1,\"n\":1}", "n" },
        { &nullable_type, "{\"n\":null,\"\\u006e\":1}", "n" },
        { &nullable_type, "{\"map\":{\"a\":\"1\",\"\\u0061\":\"2\"}}", "map" },
        { &required_type, "{\"item\":{\"name\":\"a\",\"name\":\"a\"},\"n\":1}", "item.name" },
        /* of another type */
        { &nullable_type, "{\"flag\":0}", "flag" },
        { &nullable_type, "{\"flag\":\"true\"}", "flag" },
        { &nullable_type, "{\"n\":true}", "n" },
        { &nullable_type, "{\"n\":\"1\"}", "n" },
        { &nullable_type, "{\"n\":1.0}", "n" },
        { &nullable_type, "{\"n\":1e3}", "n" },
        { &nullable_type, "{\"n\":9223372036854775808}", "n" },
        { &nullable_type, "{\"color\":\"blue\"}", "color" },
        { &nullable_type, "{\"color\":\"\"}", "color" },
        { &nullable_type, "{\"color\":0}", "color" },
        { &nullable_type, "{\"text\":1}", "text" },
        { &nullable_type, "{\"text\":[\"a\"]}", "text" },
        { &nullable_type, "{\"object\":[]}", "object" },
        { &nullable_type, "{\"object\":\"{}\"}", "object" },
        { &nullable_type, "{\"map\":[]}", "map" },
        { &nullable_type, "{\"map\":{\"a\":1}}", "map" },
        { &nullable_type, "{\"map\":{\"a\":null}}", "map" },
        { &nullable_type, "{\"strings\":{}}", "strings" },
        { &nullable_type, "{\"strings\":[\"a\",1]}", "strings" },
        { &nullable_type, "{\"strings\":[[\"a\"]]}", "strings" },
        { &nullable_type, "{\"items\":{}}", "items" },
        { &nullable_type, "{\"items\":[null]}", "items" },
        { &nullable_type, "{\"items\":[[]]}", "items" },
        { &nullable_type, "{\"token\":[]}", "token" },
        { &nullable_type, "{\"optional\":[]}", "optional" },
        { &required_type, "{\"item\":[],\"n\":1}", "item" },
        /* out of range */
        { &bounded_type, "{\"n\":0}", "n" },
        { &bounded_type, "{\"n\":11}", "n" },
        { &bounded_type, "{\"text\":\"12345\"}", "text" },
        { &bounded_type, "{\"strings\":[]}", "strings" },
        { &bounded_type, "{\"map\":{}}", "map" },
        { &bounded_type, "{\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}", "map" },
};

START_TEST(bad_field_is_refused_by_name) {
        _cleanup_(decoded_done) Decoded d;

        decode(&d, refused[_i].type, IPC_UNKNOWN_REFUSE, refused[_i].text);
        ck_assert_int_eq(d.result, IPC_FIELD_INVALID);
        ck_assert_str_eq(d.path.text, refused[_i].path);
}
END_TEST

START_TEST(bounds_are_inclusive) {
        static const char *const texts[] = {
                "{\"n\":1}",
                "{\"n\":10}",
                "{\"text\":\"\"}",
                "{\"text\":\"\\u00e9\\u00e9\"}",
                "{\"strings\":[\"a\"]}",
                "{\"map\":{\"a\":\"\",\"b\":\"\"}}",
        };
        _cleanup_(decoded_done) Decoded d;

        decode(&d, &bounded_type, IPC_UNKNOWN_REFUSE, texts[_i]);
        ck_assert_int_eq(d.result, 0);
}
END_TEST

START_TEST(unknown_field_is_ignored_where_told) {
        static const struct {
                IpcUnknown unknown;
                const char *text;
                int result;
        } rows[] = {
                { IPC_UNKNOWN_IGNORE, "{\"x\":{\"y\":[1]},\"item\":{\"z\":1,\"name\":\"a\"},\"n\":2}", 0 },
                { IPC_UNKNOWN_IGNORE, "{\"item\":{\"name\":\"a\"}}", IPC_FIELD_INVALID },
                { IPC_UNKNOWN_IGNORE_DOTTED, "{\"a.b\":{\"y\":[1]},\"item\":{\"name\":\"a\"},\"n\":2}", 0 },
                { IPC_UNKNOWN_IGNORE_DOTTED, "{\"x\":1,\"item\":{\"name\":\"a\"},\"n\":2}",
                  IPC_FIELD_INVALID },
        };
        _cleanup_(decoded_done) Decoded d;

        decode(&d, &required_type, rows[_i].unknown, rows[_i].text);
        ck_assert_int_eq(d.result, rows[_i].result);
        if (d.result == 0) {
                assert_span(d.params.item.name, "a");
                ck_assert_int_eq(d.params.n, 2);
        }
}
END_TEST

/* 'n' elements, each 'element' (with its number, if it has a place for it). */
static void decode_many(Decoded *d, const char *begin, const char *element, size_t n, const char *end) {
        char text[65536];
        size_t size = 0;

        size += (size_t) snprintf(text + size, sizeof(text) - size, "%s", begin);
        for (size_t i = 0; i < n; i++)
                size += (size_t) snprintf(text + size, sizeof(text) - size, "%s\"%zu\"%s", i > 0 ? "," : "",
                                          i, element);
        size += (size_t) snprintf(text + size, sizeof(text) - size, "%s", end);
        decode(d, &nullable_type, IPC_UNKNOWN_REFUSE, text);
}

START_TEST(arrays_and_maps_have_a_limit) {
        static const struct {
                const char *begin, *element, *end;
                size_t max;
        } rows[] = {
                { "{\"strings\":[", "", "]}", IPC_ARRAY_MAX },
                { "{\"map\":{", ":\"v\"", "}}", IPC_MAP_MAX },
        };

        for (size_t over = 0; over < 2; over++) {
                _cleanup_(decoded_done) Decoded d;

                decode_many(&d, rows[_i].begin, rows[_i].element, rows[_i].max + over, rows[_i].end);
                ck_assert_int_eq(d.result, over ? IPC_FIELD_INVALID : 0);
        }
}
END_TEST

START_TEST(long_unknown_name_is_cut) {
        char text[512] = "{\"items\":[{\"";
        _cleanup_(decoded_done) Decoded d;

        for (int i = 0; i < 300; i++)
                strcat(text, "x");
        strcat(text, "\":1}]}");
        decode(&d, &nullable_type, IPC_UNKNOWN_REFUSE, text);
        ck_assert_int_eq(d.result, IPC_FIELD_INVALID);
        ck_assert_uint_eq(strlen(d.path.text), sizeof(d.path.text) - 1);
        ck_assert_int_eq(strncmp(d.path.text, "items[0].xxx", 12), 0);
}
END_TEST

static Suite *field_suite(void) {
        Suite *suite = suite_create("ipc-field");
        TCase *t = tcase_create("ipc_struct_decode");

        tcase_add_loop_test(t, absent_and_null_are_the_same, 0, 2);
        tcase_add_test(t, no_token_is_an_object_without_members);
        tcase_add_test(t, empty_is_not_absent);
        tcase_add_test(t, every_kind_is_decoded);
        tcase_add_loop_test(t, bad_field_is_refused_by_name, 0, ELEMENTSOF(refused));
        tcase_add_loop_test(t, bounds_are_inclusive, 0, 6);
        tcase_add_loop_test(t, unknown_field_is_ignored_where_told, 0, 4);
        tcase_add_loop_test(t, arrays_and_maps_have_a_limit, 0, 2);
        tcase_add_test(t, long_unknown_name_is_cut);
        suite_add_tcase(suite, t);
        return suite;
}

UNIT_MAIN(field_suite)
