/* SPDX-License-Identifier: MIT */
#include "ipc-example.h"

extern const char org_example_test_varlink[];

typedef struct EchoParams {
        az_span value;
} EchoParams;

static const IpcField echo_fields[] = {
        { "value", IPC_FIELD_OBJECT, offsetof(EchoParams, value) },
};
static const IpcStruct echo_params = IPC_STRUCT(EchoParams, echo_fields);

static int example_echo(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const EchoParams *p = params;

        ipc_json_begin(&json, NULL);
        ipc_json_raw(&json, "value", p->value);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

typedef struct Item {
        az_span name;
        int64_t n;
} Item;

typedef struct KindsParams {
        bool flag;
        int64_t n;
        int color, shade;
        az_span text, item;
        IpcMap map;
        IpcStrings strings;
        Item one;
        const Item *other;
        IpcStructs many;
} KindsParams;

static const IpcField item_fields[] = {
        { "name", IPC_FIELD_STRING, offsetof(Item, name) },
        { "n", IPC_FIELD_INT, offsetof(Item, n), IPC_FIELD_NULLABLE },
};
static const IpcStruct item_type = IPC_STRUCT(Item, item_fields);

static const char *const colors[] = { "red", "green", NULL };
static const char *const shades[] = { "light", "dark", NULL };

static const IpcField kinds_fields[] = {
        { "flag", IPC_FIELD_BOOL, offsetof(KindsParams, flag), IPC_FIELD_NULLABLE },
        { "n", IPC_FIELD_INT, offsetof(KindsParams, n), IPC_FIELD_NULLABLE, .max = 100 },
        { "color", IPC_FIELD_ENUM, offsetof(KindsParams, color), IPC_FIELD_NULLABLE, .names = colors },
        { "shade", IPC_FIELD_ENUM, offsetof(KindsParams, shade), IPC_FIELD_NULLABLE, .names = shades },
        { "text", IPC_FIELD_STRING, offsetof(KindsParams, text), IPC_FIELD_NULLABLE },
        { "map", IPC_FIELD_MAP, offsetof(KindsParams, map), IPC_FIELD_NULLABLE },
        { "strings", IPC_FIELD_STRINGS, offsetof(KindsParams, strings), IPC_FIELD_NULLABLE },
        { "item", IPC_FIELD_OBJECT, offsetof(KindsParams, item), IPC_FIELD_NULLABLE },
        { "one", IPC_FIELD_STRUCT, offsetof(KindsParams, one), .type = &item_type },
        { "other", IPC_FIELD_OPTIONAL, offsetof(KindsParams, other), IPC_FIELD_NULLABLE, .type = &item_type },
        { "many", IPC_FIELD_STRUCTS, offsetof(KindsParams, many), IPC_FIELD_NULLABLE, .type = &item_type },
};
static const IpcStruct kinds_params = IPC_STRUCT(KindsParams, kinds_fields);

static int example_kinds(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const KindsParams *p = params;

        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "text", p->text);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

static int example_count(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        Example *e = userdata;

        e->n_counted++;
        e->n_oneway += ipc_call_is_oneway(call);

        ipc_json_begin(&json, NULL);
        ipc_json_int(&json, "calls", e->n_counted);
        ipc_json_int(&json, "oneway", e->n_oneway);
        ipc_json_end(&json);
        return ipc_call_reply_json(call, &json);
}

typedef struct CountToParams {
        int64_t n;
} CountToParams;

static const IpcField count_to_fields[] = {
        { "n", IPC_FIELD_INT, offsetof(CountToParams, n), .min = 1, .max = 1000 },
};
static const IpcStruct count_to_params = IPC_STRUCT(CountToParams, count_to_fields);

static int example_count_to(IpcCall *call, const void *params, void *userdata) {
        const CountToParams *p = params;
        int r;

        for (int64_t n = ipc_call_wants_more(call) ? 1 : p->n;; n++) {
                _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

                ipc_json_begin(&json, NULL);
                ipc_json_int(&json, "n", n);
                ipc_json_end(&json);
                if (n == p->n)
                        return ipc_call_reply_json(call, &json);

                r = ipc_call_reply_continues_json(call, &json);
                if (r < 0)
                        return r;
        }
}

typedef struct NameParams {
        az_span name;
        int64_t n;
} NameParams;

static const IpcField name_fields[] = {
        { "name", IPC_FIELD_STRING, offsetof(NameParams, name), .min = 1, .max = 31 },
};
static const IpcStruct name_params = IPC_STRUCT(NameParams, name_fields);

static const IpcField tick_fields[] = {
        { "name", IPC_FIELD_STRING, offsetof(NameParams, name) },
        { "n", IPC_FIELD_INT, offsetof(NameParams, n) },
};
static const IpcStruct tick_params = IPC_STRUCT(NameParams, tick_fields);

static size_t example_find(const Example *e, az_span name) {
        for (size_t i = 0; i < e->n_held; i++)
                if (az_span_is_content_equal(name, az_span_create_from_str((char *) e->held[i].name)))
                        return i;
        return SIZE_MAX;
}

static void example_remove(Example *e, size_t i) {
        e->n_held--;
        memmove(e->held + i, e->held + i + 1, (e->n_held - i) * sizeof(e->held[0]));
}

static void example_on_gone(IpcCall *call, void *userdata) {
        Example *e = userdata;

        e->n_gone++;
        for (size_t i = 0; i < e->n_held; i++)
                if (e->held[i].call == call) {
                        example_remove(e, i);
                        return;
                }
}

static int example_hold(IpcCall *call, const void *params, void *userdata) {
        const NameParams *p = params;
        Example *e = userdata;

        if (e->n_held == EXAMPLE_HELD_MAX)
                return -ENOBUFS;

        e->n_begun++;
        e->held[e->n_held].call = call;
        az_span_to_str(e->held[e->n_held].name, sizeof(e->held[0].name), p->name);
        e->n_held++;
        ipc_call_set_on_gone(call, example_on_gone, e);
        return IPC_DEFERRED;
}

static void name_format(IpcJson *json, const char *name) {
        ipc_json_begin(json, NULL);
        ipc_json_cstring(json, "name", name);
        ipc_json_end(json);
}

bool example_release(Example *e, const char *name) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        size_t i = example_find(e, az_span_create_from_str((char *) name));
        IpcCall *held;

        if (i == SIZE_MAX)
                return false;

        held = e->held[i].call;
        name_format(&json, e->held[i].name);
        example_remove(e, i);
        (void) ipc_call_reply_json(held, &json);
        return true;
}

static int example_not_held(IpcCall *call, az_span name) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;

        ipc_json_begin(&json, NULL);
        ipc_json_string(&json, "name", name);
        ipc_json_end(&json);
        return ipc_call_error_json(call, "org.example.test.NotHeld", &json);
}

static int example_release_call(IpcCall *call, const void *params, void *userdata) {
        const NameParams *p = params;
        char name[32];

        az_span_to_str(name, sizeof(name), p->name);
        if (!example_release(userdata, name))
                return example_not_held(call, p->name);

        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static int example_tick(IpcCall *call, const void *params, void *userdata) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const NameParams *p = params;
        Example *e = userdata;
        size_t i = example_find(e, p->name);

        if (i == SIZE_MAX)
                return example_not_held(call, p->name);

        ipc_json_begin(&json, NULL);
        ipc_json_cstring(&json, "name", e->held[i].name);
        ipc_json_int(&json, "n", p->n);
        ipc_json_end(&json);
        (void) ipc_call_reply_continues_json(e->held[i].call, &json);
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static int example_fail(IpcCall *call, const void *params, void *userdata) {
        return -EIO;
}

static int example_administer(IpcCall *call, const void *params, void *userdata) {
        return ipc_call_reply(call, AZ_SPAN_EMPTY);
}

static const IpcMethod example_methods[] = {
        { "Echo", 0, 0, &echo_params, example_echo },
        { "Kinds", 0, 0, &kinds_params, example_kinds },
        { "Count", 0, 0, NULL, example_count },
        { "CountTo", 0, IPC_METHOD_MORE, &count_to_params, example_count_to },
        { "Hold", 0, 0, &name_params, example_hold },
        { "Take", IPC_GRANT_SERVE, IPC_METHOD_PARK, &name_params, example_hold },
        { "Watch", IPC_GRANT_READ, IPC_METHOD_MORE_ONLY, &name_params, example_hold },
        { "Tick", 0, 0, &tick_params, example_tick },
        { "Release", 0, 0, &name_params, example_release_call },
        { "Fail", 0, 0, NULL, example_fail },
        { "Administer", IPC_GRANT_ADMIN, 0, NULL, example_administer },
};

const IpcInterface example_interface = {
        .name = "org.example.test",
        .description = org_example_test_varlink,
        .methods = example_methods,
        .n_methods = ELEMENTSOF(example_methods),
};
