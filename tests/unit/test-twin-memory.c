/* SPDX-License-Identifier: MIT */

/* Every allocation fails once: nothing is lost that was there before, and nothing is left over. */

#include <sys/socket.h>

#include "daemon/json-merge.h"
#include "daemon/twin-check.h"
#include "daemon/twin-internal.h"
#include "daemon/twin-section.h"

#include "tests/unit/fault.h"
#include "tests/unit/unit-span.h"

/* libcheck's own assertions allocate. */
static void require(bool condition) {
        if (!condition)
                abort();
}

/* In place of the link: it is online. */
struct HubLink {
        az_iot_hub_client client;
        char request_id[32]; /* of what was published last */
};

const az_iot_hub_client *hub_link_get_client(const HubLink *link) {
        return &link->client;
}

LinkState hub_link_get_state(const HubLink *link) {
        return LINK_ONLINE;
}

void hub_link_get_status(const HubLink *link, LinkStatus *ret) {
        *ret = (LinkStatus){ .state = LINK_ONLINE, .device_id = "d" };
}

int hub_link_publish_twin(HubLink *link, az_span topic, az_span payload) {
        const az_span before = AZ_SPAN_FROM_STR("$iothub/twin/GET/?$rid=");

        az_span_to_str(link->request_id, sizeof(link->request_id),
                       az_span_slice_to_end(topic, az_span_size(before)));
        return 0;
}

static void on_answer(void *userdata, void *author, const TwinReportResult *result) {
        require(false); /* nobody waits */
}

static const TwinPendingOps ops = { .answer = on_answer };

/* Each lets the n-th allocation fail, and returns whether there was one. */

static int find_all(az_span patch) {
        static int (*const finds[])(az_span, az_span, char **) = { twin_section_find_outside,
                                                                   twin_section_find_inside };
        const az_span sections = str("{\"a\":{\"b\":null}}");
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(finds) && r == 0; i++) {
                _cleanup_(freep) char *path = NULL;

                r = finds[i](sections, patch, &path);
                r = r == TWIN_SECTION_FOUND ? 0 : r;
        }
        return r;
}

static int merge_all(void) {
        static int (*const merges[])(az_span, az_span, char **) = { json_merge_apply, json_merge_combine,
                                                                    json_merge_diff, json_merge_subtract,
                                                                    json_merge_select };
        const az_span a = str("{\"\\u0061\":{\"b\":1,\"c\":2},\"d\":1}");
        const az_span b = str("{\"a\":{\"b\":null},\"e\":\"\\u0041\"}");
        TwinProblem problem;
        az_span section;
        bool can;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(merges); i++) {
                _cleanup_(freep) char *result = NULL;

                r = merges[i](a, b, &result);
                require((r == 0) == (result != NULL));
                if (r != 0)
                        return r;
        }
        r = json_merge_can_combine(a, b, &can);
        if (r == 0)
                r = json_merge_get_section(a, str("a"), &section);
        if (r == 0)
                r = find_all(b);
        return r == 0 ? twin_check_patch(b, &problem) : r;
}

static bool merge(int n) {
        bool was_hit;
        int r;

        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        r = merge_all();
        was_hit = fault_end();
        require(r == 0 || (was_hit && r == -ENOMEM));
        return was_hit;
}

#define REPORTS(patches)  "{\"device\":\"d\",\"patches\":[" patches "]}"
#define PATCH(uid, patch) "{\"uid\":" #uid ",\"patch\":" patch "}"

static const char before[] = REPORTS(PATCH(1, "{\"a\":1,\"b\":1}") "," PATCH(2, "{\"c\":1}"));
static const char after[] =
        REPORTS(PATCH(1, "{\"b\":1}") "," PATCH(2, "{\"c\":1}") "," PATCH(2, "{\"a\":2}"));

static TwinPending *pending_new(void) {
        TwinPending *pending;

        require(twin_pending_new(&pending, &ops, NULL) == 0);
        require(twin_reports_parse(pending, str(before), "d") == 0);
        return pending;
}

static bool add(int n) {
        _cleanup_(twin_pending_freep) TwinPending *pending = pending_new();
        _cleanup_(freep) char *text = NULL;
        bool was_hit;
        int r;

        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        r = twin_pending_add(pending, 2, str("{\"a\":2}"), 0, NULL);
        was_hit = fault_end();
        require(r == 0 || (was_hit && r == -ENOMEM));
        require(twin_reports_format(pending, "d", &text) == 0);
        require(strcmp(text, r == 0 ? after : before) == 0);
        return was_hit;
}

static bool begin(int n) {
        _cleanup_(twin_pending_freep) TwinPending *pending = pending_new();
        bool was_hit;
        az_span sent;
        int r;

        require(twin_pending_add(pending, 1, str("{\"d\":1}"), 0, NULL) == 0);
        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        r = twin_pending_begin(pending, &sent);
        was_hit = fault_end();
        require(r == 0 || (was_hit && r == -ENOMEM));
        if (r != 0)
                require(twin_pending_begin(pending, &sent) == 0);
        require(az_span_is_content_equal(sent, str("{\"a\":1,\"b\":1,\"d\":1}")));
        return was_hit;
}

static int store_all(const char *copy_text, char **ret_copy, char **ret_reports) {
        _cleanup_(twin_pending_freep) TwinPending *pending = NULL;
        _cleanup_(twin_copy_done) TwinCopy copy = TWIN_COPY_NULL;
        int r;

        r = twin_copy_parse(&copy, str(copy_text), "d");
        if (r == 0)
                r = twin_copy_format(&copy, "d", ret_copy);
        if (r == 0)
                r = twin_pending_new(&pending, &ops, NULL);
        if (r == 0)
                r = twin_reports_parse(pending, str(before), "d");
        if (r == 0)
                r = twin_reports_format(pending, "d", ret_reports);
        return r;
}

static bool store(int n) {
        static const char copy[] = "{\"device\":\"d\",\"asOf\":1,\"desiredVersion\":1,\"reportedVersion\":1,"
                                   "\"desired\":{\"a\":1},\"reported\":{}}";
        _cleanup_(freep) char *copy_again = NULL, *reports_again = NULL;
        bool was_hit;
        int r;

        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        r = store_all(copy, &copy_again, &reports_again);
        was_hit = fault_end();
        require(r == 0 || (was_hit && r == -ENOMEM));
        if (r == 0)
                require(strcmp(copy_again, copy) == 0 && strcmp(reports_again, before) == 0);
        return was_hit;
}

/* A twin that is read and changes: what is known is never half of it. */
static bool follow(int n) {
        az_iot_hub_client_twin_response answer = {
                .status = AZ_IOT_STATUS_OK,
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_GET,
        };
        static const az_iot_hub_client_twin_response change = {
                .status = AZ_IOT_STATUS_OK,
                .response_type = AZ_IOT_HUB_CLIENT_TWIN_RESPONSE_TYPE_DESIRED_PROPERTIES,
                .version = AZ_SPAN_LITERAL_FROM_STR("2"),
        };
        _cleanup_(disk_freep) Disk *disk = NULL;
        _cleanup_(twin_freep) Twin *t = NULL;
        char *pointers[] = { (char *) "/a", (char *) "/b/c" };
        AccessRule rule = { .unit = (char *) "a.service", .twin_sections = { pointers, 2 } };
        const Access access = { .rules = &rule, .n_rules = 1 };
        const Log log = { .max_level = -1 };
        ClientLog clients = { .log = &log };
        HubLink link = {};
        bool was_hit;
        int r;

        require(disk_new(&disk) == 0);
        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        r = twin_new(&t, &link, disk, "/nonexistent", &access, &clients);
        if (r == 0) {
                twin_live(t);
                answer.request_id = str(link.request_id);
                twin_message(t, &answer,
                             str("{\"desired\":{\"a\":1,\"$version\":1},\"reported\":{\"$version\":1}}"));
                twin_message(t, &change, str("{\"b\":{\"c\":null},\"$version\":2}"));
        }
        was_hit = fault_end();
        require(r == 0 || (was_hit && r == -ENOMEM));
        if (r != 0)
                return true;

        if (t->known.desired_version == 2)
                require(strcmp(t->known.desired, "{\"a\":1,\"b\":{}}") == 0);
        else if (t->known.desired_version == 1)
                require(was_hit && strcmp(t->known.desired, "{\"a\":1}") == 0);
        else
                require(was_hit && !t->known.desired && !t->is_fresh);
        return was_hit;
}

static void run(sd_event *event) {
        while (sd_event_run(event, 0) > 0)
                ;
}

/* A program that has sections watches a change. */
static bool watch(int n) {
        static const char call[] = "{\"method\":\"io.aziotd.twin.Watch\",\"more\":true}";
        char *pointer = (char *) "/a";
        AccessRule rule = { .user = { (char *) "me", getuid() }, .twin_sections = { &pointer, 1 } };
        const Access access = { .rules = &rule, .n_rules = 1 };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(ipc_server_freep) IpcServer *server = NULL;
        _cleanup_(disk_freep) Disk *disk = NULL;
        _cleanup_(twin_freep) Twin *t = NULL;
        const Log log = { .max_level = -1 };
        ClientLog clients = { .log = &log };
        HubLink link = {};
        bool was_hit;
        int fds[2];

        require(disk_new(&disk) == 0 && twin_new(&t, &link, disk, "/nonexistent", &access, &clients) == 0);
        t->known = (TwinCopy){ strdup("{\"a\":1}"), strdup("{}"), 1, 1, 1 };
        require(sd_event_new(&event) >= 0 && ipc_server_new(&server, event, &(IpcServerConfig){}) == 0);
        require(ipc_server_add_interface(server, &twin_interface, t) == 0);
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
        require(ipc_server_add_connection(server, fds[0]) == 0);
        require(write(fds[1], call, sizeof(call)) == sizeof(call));
        run(event);
        require(TAILQ_FIRST(&t->watchers));

        free(t->known.desired);
        t->known.desired = strdup("{\"a\":2}");
        fault_begin(FAULT_MEMORY, n, ENOMEM, false, false);
        twin_watch_change(t, str("{\"a\":1}"), str("{\"a\":2}"));
        was_hit = fault_end();
        run(event);
        server = ipc_server_free(server);
        close_fd(fds[1]);
        return was_hit;
}

START_TEST(every_allocation_may_fail) {
        static bool (*const functions[])(int) = { merge, add, begin, store, follow, watch };
        int n = 1;

        while (functions[_i](n))
                n++;
        ck_assert_int_gt(n, 5);
}
END_TEST

static Suite *twin_memory_suite(void) {
        Suite *s = suite_create("twin-memory");
        TCase *t = tcase_create("memory");

        tcase_add_loop_test(t, every_allocation_may_fail, 0, 6);
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(twin_memory_suite)
