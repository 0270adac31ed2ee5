/* SPDX-License-Identifier: MIT */

/* MQTT 5 against a scripted server: what we say, and what comes of answers that a broker gives only in need.
 */

#include <poll.h>
#include <sys/stat.h>

#include "drive.h"
#include "peer/peer.h"
#include "tests/unit/unit-span.h"

#define TEXT(s) AZ_SPAN_LITERAL_FROM_STR(s)

static Pki pki; /* without certificates */
static Peer *peer;
static MqttLink *l;

static void set_up(void) {
        pki = (Pki){ .dir = "/tmp/test-mqtt-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(pki.dir));
        peer = peer_new();
        l = drive_new(&pki, NULL);
}

static void tear_down(void) {
        l = mqtt_link_free(l);
        peer = peer_free(peer);
        pki_remove(&pki);
}

/* ---- Running ---- */

static bool turn(MqttEvent *ret) {
        struct pollfd fds[] = { { .fd = mqtt_link_get_fd(l), .events = POLLIN },
                                { .fd = peer_get_fd(peer), .events = POLLIN } };

        if (mqtt_link_next_event(l, ret))
                return true;
        ck_assert_int_gt(poll(fds, 2, 10000), 0);
        peer_dispatch(peer);
        ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us()), 0);
        return mqtt_link_next_event(l, ret);
}

static MqttEvent expect(MqttEventType type) {
        MqttEvent e;

        while (!turn(&e))
                ;
        if (e.type == MQTT_EVENT_LOST && type != e.type)
                ck_abort_msg("%s: %s", mqtt_lost_to_string(e.lost.cause), e.lost.text);
        ck_assert_int_eq(e.type, type);
        return e;
}

/* Until the server has so many packets of this type; no event may come. */
static const PeerPacket *await(PeerPacketType type, size_t n) {
        MqttEvent e;

        while (peer_count(peer, type) < n)
                ck_assert(!turn(&e));
        return peer_get(peer, type, n - 1);
}

static void expect_lost(MqttLost cause, uint8_t reason_code, const char *reason_string) {
        MqttEvent e = expect(MQTT_EVENT_LOST);

        ck_assert_str_eq(mqtt_lost_to_string(e.lost.cause), mqtt_lost_to_string(cause));
        ck_assert_uint_eq(e.lost.reason_code, reason_code);
        ck_assert_str_eq(e.lost.reason_string, reason_string);
        ck_assert_msg(reason_code == 0 || strstr(e.lost.text, mqtt_reason_to_string(reason_code)), "%s",
                      e.lost.text);
}

static MqttEndpoint endpoint(void) {
        return (MqttEndpoint){ .host = TEXT("127.0.0.1"), .port = peer_get_port(peer), .no_tls = true };
}

static MqttConnect plain_connect(void) {
        return (MqttConnect){
                .client_id = TEXT("c"), .keep_alive_s = 60, .version = MQTT_VERSION_5, .session_expiry_s = 60
        };
}

static MqttConnect token_connect(void) {
        MqttConnect c = plain_connect();

        c.authentication_method = str("K8S-SAT");
        c.authentication_data = str("old");
        return c;
}

static MqttEvent connect_as(const MqttConnect *c) {
        const MqttEndpoint e = endpoint();

        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, boottime_us()), 0);
        (void) expect(MQTT_EVENT_OPENED);
        ck_assert_int_eq(mqtt_link_connect(l, c, boottime_us()), 0);
        return expect(MQTT_EVENT_CONNACK);
}

static void connect_plainly(void) {
        const MqttConnect c = plain_connect();

        ck_assert_uint_eq(connect_as(&c).connack.code, 0);
}

static az_mqtt_message message_of(const char *payload) {
        return (az_mqtt_message){ .topic = TEXT("t"), .payload = str(payload), .qos = 1 };
}

static const az_mqtt_user_property users[] = { { TEXT("k"), TEXT("v") }, { TEXT("k"), TEXT("w") } };

/* ---- CONNECT, CONNACK ---- */

START_TEST(connect_says_all_that_it_was_given) {
        const az_mqtt_message will_message = { .topic = TEXT("gone"),
                                               .payload = TEXT("bye"),
                                               .qos = 1,
                                               .retain = true,
                                               .content_type = TEXT("text/plain"),
                                               .user_properties = users,
                                               .n_user_properties = 2 };
        const MqttWill will = { .message = &will_message, .delay_s = 30 };
        const MqttConnect c = { .client_id = TEXT("client"),
                                .user_name = TEXT("user"),
                                .keep_alive_s = 77,
                                .clean_session = true,
                                .version = MQTT_VERSION_5,
                                .session_expiry_s = MQTT_SESSION_EXPIRY_NEVER,
                                .authentication_method = TEXT("K8S-SAT"),
                                .authentication_data = TEXT("\0to\nken"),
                                .user_properties = users,
                                .n_user_properties = 2,
                                .will = &will };
        const PeerPacket *p;

        (void) connect_as(&c);
        p = peer_get(peer, PEER_CONNECT, 0);
        ck_assert_span_eq(p->client_id, "client");
        ck_assert_span_eq(p->user_name, "user");
        ck_assert_ptr_null(az_span_ptr(p->password));
        ck_assert_uint_eq(p->keep_alive_s, 77);
        ck_assert(p->clean_start);
        ck_assert_uint_eq(peer_packet_find(p, PEER_SESSION_EXPIRY)->number, UINT32_MAX);
        ck_assert_uint_eq(peer_packet_find(p, PEER_RECEIVE_MAXIMUM)->number, MQTT_RECEIVE_DEFAULT);
        ck_assert_ptr_null(peer_packet_find(p, PEER_TOPIC_ALIAS_MAXIMUM));
        ck_assert_span_eq(peer_packet_find(p, PEER_AUTHENTICATION_METHOD)->value, "K8S-SAT");
        ck_assert(az_span_is_content_equal(peer_packet_find(p, PEER_AUTHENTICATION_DATA)->value,
                                           c.authentication_data));
        ck_assert_span_eq(peer_packet_find(p, PEER_USER_PROPERTY)->value, "v");
        ck_assert_span_eq(p->message.topic, "gone");
        ck_assert_span_eq(p->message.payload, "bye");
        ck_assert_uint_eq(p->message.qos, 1);
        ck_assert(p->message.retain);
        ck_assert_span_eq(p->message.content_type, "text/plain");
        ck_assert_span_eq(peer_message_find(&p->message, "k"), "v");
        ck_assert_uint_eq(p->n_will_properties, 4);
}
END_TEST

START_TEST(connack_refuses_with_a_reason) {
        static const uint8_t codes[] = { 0x80, 0x85, 0x87, 0x8c, 0x9c };
        const PeerAnswer answer = { .reason = codes[_i] };
        const MqttConnect c = plain_connect();

        peer_script(peer, PEER_CONNECT, answer);
        ck_assert_uint_eq(connect_as(&c).connack.code, codes[_i]);
        expect_lost(MQTT_LOST_REFUSED, codes[_i], "");
}
END_TEST

START_TEST(connack_tells_limits_that_count) {
        static const PeerProperty limits[] = { { .id = PEER_RECEIVE_MAXIMUM, .number = 2 },
                                               { .id = PEER_MAXIMUM_PACKET_SIZE, .number = 100 },
                                               { .id = PEER_MAXIMUM_QOS, .number = 1 },
                                               { .id = PEER_RETAIN_AVAILABLE, .number = 0 },
                                               { .id = PEER_SERVER_KEEP_ALIVE, .number = 7 },
                                               { .id = PEER_SESSION_EXPIRY, .number = 9 },
                                               { .id = PEER_ASSIGNED_CLIENT_ID, .value = TEXT("yours") },
                                               { .id = PEER_REASON_STRING, .value = TEXT("hello") } };
        const MqttConnect c = { .keep_alive_s = 60, .clean_session = true, .version = MQTT_VERSION_5 };
        static const uint8_t zeros[90];
        az_mqtt_message m = message_of("x");
        uint64_t now_us = boottime_us();
        const MqttServer *s;
        MqttEvent e, none;

        peer_set_connack(peer, limits, ELEMENTSOF(limits));
        e = connect_as(&c);
        s = &e.connack.server;
        ck_assert_uint_eq(s->receive_max, 2);
        ck_assert_uint_eq(s->max_packet_bytes, 100);
        ck_assert_uint_eq(s->max_qos, 1);
        ck_assert(s->has_no_retain && s->has_session_expiry);
        ck_assert_uint_eq(s->keep_alive_s, 7);
        ck_assert_uint_eq(s->session_expiry_s, 9);
        ck_assert_span_eq(s->assigned_client_id, "yours");
        ck_assert_span_eq(s->reason_string, "hello");
        ck_assert_uint_le(mqtt_link_deadline_us(l), now_us + 8 * USEC_PER_SEC);

        peer_ignore(peer, PEER_PUBLISH, true);
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, NULL, 0), 0);
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, NULL, 0), MQTT_WINDOW_FULL);
        m.qos = 0;
        m.payload = az_span_create((uint8_t *) zeros, sizeof(zeros));
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, NULL, 0), 0);
        m.content_type = str("too much");
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, NULL, 0), -EMSGSIZE);
        /* The server's keep-alive is over. */
        (void) await(PEER_PUBLISH, 3);
        ck_assert_int_eq(mqtt_link_dispatch(l, boottime_us() + 7 * USEC_PER_SEC), 0);
        (void) await(PEER_PINGREQ, 1);
        ck_assert(!mqtt_link_next_event(l, &none));
}
END_TEST

START_TEST(a_server_that_wants_no_keep_alive_is_watched_all_the_same) {
        static const PeerProperty none = { .id = PEER_SERVER_KEEP_ALIVE, .number = 0 };
        const MqttConnect c = plain_connect();
        const uint64_t now_us = boottime_us();

        peer_set_connack(peer, &none, 1);
        ck_assert_uint_eq(connect_as(&c).connack.server.keep_alive_s, 60);
        ck_assert_uint_gt(mqtt_link_deadline_us(l), now_us + 50 * USEC_PER_SEC);
}
END_TEST

/* ---- PUBLISH ---- */

START_TEST(a_puback_has_its_reason) {
        static const PeerProperty words = { .id = PEER_REASON_STRING, .value = TEXT("full") };
        const PeerAnswer refused = { .reason = 0x97, .properties = &words, .n_properties = 1 };
        const az_mqtt_message m = message_of("x");
        MqttEvent e;

        connect_plainly();
        peer_script(peer, PEER_PUBLISH, refused);
        peer_script(peer, PEER_PUBLISH, (PeerAnswer){ .reason = 0x10 });
        for (uint64_t i = 0; i < 3; i++)
                ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, NULL, i), 0);
        e = expect(MQTT_EVENT_PUBACK);
        ck_assert_uint_eq(e.puback.token, 0);
        ck_assert_uint_eq(e.puback.reason_code, 0x97);
        ck_assert_span_eq(e.puback.reason_string, "full");
        e = expect(MQTT_EVENT_PUBACK);
        ck_assert_uint_eq(e.puback.reason_code, 0x10);
        ck_assert_int_eq(az_span_size(e.puback.reason_string), 0);
        ck_assert_uint_eq(expect(MQTT_EVENT_PUBACK).puback.reason_code, 0);
}
END_TEST

START_TEST(what_is_sent_again_has_dup_and_the_id_it_had) {
        const MqttFilter filter = { .filter = TEXT("f"), .qos = 1 };
        const az_mqtt_message m = message_of("x");
        uint16_t ids[5] = {};

        connect_plainly();
        ck_assert_int_eq(mqtt_link_subscribe(l, &filter, 1), 0);
        (void) expect(MQTT_EVENT_SUBACK);
        peer_ignore(peer, PEER_PUBLISH, true);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, &ids[i], i), 0);
        (void) await(PEER_PUBLISH, 3);
        peer_close(peer);
        ck_assert_int_eq(expect(MQTT_EVENT_LOST).lost.cause, MQTT_LOST_CLOSED);

        connect_plainly();
        peer_ignore(peer, PEER_PUBLISH, false);
        for (size_t i = 0; i < 3; i++)
                ck_assert_int_eq(mqtt_link_publish_message(l, &m, true, &ids[i], 10 + i), 0);
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, true, &ids[0], 0), -EINVAL);
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, true, &ids[3], 13), 0);
        ck_assert_int_eq(mqtt_link_publish_message(l, &m, false, &ids[4], 14), 0);
        for (uint64_t i = 0; i < 5; i++)
                ck_assert_uint_eq(expect(MQTT_EVENT_PUBACK).puback.token, 10 + i);
        for (size_t i = 0; i < 5; i++) {
                const PeerPacket *again = peer_get(peer, PEER_PUBLISH, 3 + i);

                ck_assert_uint_eq(again->id, ids[i]);
                ck_assert(again->message.dup == (i < 4));
                ck_assert_uint_eq(i < 3 ? peer_get(peer, PEER_PUBLISH, i)->id : again->id, ids[i]);
                for (size_t j = 0; j < i; j++)
                        ck_assert_uint_ne(ids[j], ids[i]);
        }
}
END_TEST

START_TEST(an_inbound_message_is_refused_with_a_reason_in_its_turn) {
        const az_mqtt_message m = message_of("x");
        MqttAck acks[2];

        connect_plainly();
        for (size_t i = 0; i < 2; i++)
                (void) peer_publish(peer, &m, (uint16_t) (100 + i));
        for (size_t i = 0; i < 2; i++)
                acks[i] = expect(MQTT_EVENT_MESSAGE).message.ack;
        mqtt_link_ack_with_reason(l, acks[1], 0x83);
        mqtt_link_ack(l, acks[0]);
        ck_assert_uint_eq(await(PEER_PUBACK, 2)->reason, 0x83);
        ck_assert_uint_eq(peer_get(peer, PEER_PUBACK, 0)->reason, 0);
        ck_assert_uint_eq(peer_get(peer, PEER_PUBACK, 0)->id, 100);
        ck_assert_uint_eq(peer_get(peer, PEER_PUBACK, 1)->id, 101);
}
END_TEST

/* What would end the connection each time it came. */
static const struct {
        const char *topic;
        size_t n_user;
        uint8_t reason_code;
} poison[] = { { "t", 9000, 0x97 }, { "a\nb", 0, 0x90 } };

START_TEST(a_message_that_cannot_be_handled_does_not_end_the_connection) {
        static char large[10000];
        az_mqtt_user_property user = { .key = TEXT("k") };
        az_mqtt_message m = message_of("x");

        memset(large, 'v', sizeof(large));
        user.value = az_span_create((uint8_t *) large, (int32_t) poison[_i].n_user);
        m.topic = str(poison[_i].topic);
        m.user_properties = &user;
        m.n_user_properties = 1;
        connect_plainly();
        (void) peer_publish(peer, &m, 100);
        ck_assert_uint_eq(expect(MQTT_EVENT_REFUSED).refused.reason_code, poison[_i].reason_code);
        ck_assert_uint_eq(await(PEER_PUBACK, 1)->reason, poison[_i].reason_code);
        m = message_of("good");
        (void) peer_publish(peer, &m, 101);
        ck_assert_span_eq(expect(MQTT_EVENT_MESSAGE).message.publish.payload, "good");
}
END_TEST

/* ---- SUBSCRIBE, UNSUBSCRIBE ---- */

START_TEST(subscriptions_have_options_and_codes) {
        static const MqttFilter filters[] = {
                { .filter = TEXT("a"), .qos = 1, .no_local = true },
                { .filter = TEXT("b"), .retain_as_published = true },
                { .filter = TEXT("c"), .qos = 1, .retain_handling = MQTT_RETAIN_SEND_IF_NEW },
                { .filter = TEXT("d"), .retain_handling = MQTT_RETAIN_NEVER },
        };
        static const uint8_t options[] = { 0x05, 0x08, 0x11, 0x20 };
        MqttEvent e;

        connect_plainly();
        peer_script(peer, PEER_SUBSCRIBE, (PeerAnswer){ .reason = 0x87 });
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, ELEMENTSOF(filters)), 0);
        e = expect(MQTT_EVENT_SUBACK);
        ck_assert_uint_eq(e.suback.n_codes, 4);
        ck_assert_uint_eq(e.suback.codes[0], 0x87);
        for (size_t i = 0; i < ELEMENTSOF(filters); i++)
                ck_assert_uint_eq(peer_get(peer, PEER_SUBSCRIBE, i)->filters[0].options, options[i]);
}
END_TEST

START_TEST(a_subscription_that_failed_half_way_is_waited_for) {
        static const MqttFilter filters[] = { { .filter = TEXT("a") }, { .filter = TEXT("b/#/c") } };

        connect_plainly();
        peer_ignore(peer, PEER_SUBSCRIBE, true);
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, 2), -EINVAL);
        ck_assert_int_eq(mqtt_link_subscribe(l, filters, 1), -EBUSY);
        peer_answer(peer, await(PEER_SUBSCRIBE, 1), (PeerAnswer){});
        while (mqtt_link_subscribe(l, filters, 1) == -EBUSY) {
                MqttEvent e;

                ck_assert(!turn(&e));
        }
        (void) await(PEER_SUBSCRIBE, 2);
}
END_TEST

START_TEST(unsuback_has_a_code_for_each_filter) {
        static const az_span filters[] = { TEXT("a"), TEXT("$share/g/b/#") };
        static const uint8_t codes[] = { 0x00, 0x11, 0x87 };
        const PeerPacket *p;
        MqttEvent e;

        connect_plainly();
        peer_script(peer, PEER_UNSUBSCRIBE, (PeerAnswer){ .reason = codes[_i] });
        ck_assert_int_eq(mqtt_link_unsubscribe(l, filters, 2), 0);
        ck_assert_int_eq(mqtt_link_unsubscribe(l, filters, 2), -EBUSY);
        e = expect(MQTT_EVENT_UNSUBACK);
        ck_assert_uint_eq(e.unsuback.n_codes, 2);
        ck_assert_uint_eq(e.unsuback.codes[0], codes[_i]);
        ck_assert_uint_eq(e.unsuback.codes[1], codes[_i]);
        p = peer_get(peer, PEER_UNSUBSCRIBE, 0);
        ck_assert_uint_eq(p->n_filters, 2);
        ck_assert_span_eq(p->filters[1].filter, "$share/g/b/#");
        ck_assert_int_eq(mqtt_link_unsubscribe(l, filters, 1), 0);
        ck_assert_uint_eq(expect(MQTT_EVENT_UNSUBACK).unsuback.n_codes, 1);
}
END_TEST

/* ---- AUTH ---- */

START_TEST(a_new_token_is_sent_on_the_connection) {
        const MqttConnect c = token_connect();
        const PeerPacket *p;

        (void) connect_as(&c);
        peer_script(peer, PEER_AUTH, (PeerAnswer){ .reason = MQTT_AUTH_CONTINUE });
        ck_assert_int_eq(mqtt_link_reauthenticate(l, c.authentication_method, str("new")), 0);
        ck_assert_uint_eq(expect(MQTT_EVENT_AUTH).auth.reason_code, MQTT_AUTH_CONTINUE);
        p = peer_get(peer, PEER_AUTH, 0);
        ck_assert_uint_eq(p->reason, MQTT_AUTH_REAUTHENTICATE);
        ck_assert_span_eq(peer_packet_find(p, PEER_AUTHENTICATION_METHOD)->value, "K8S-SAT");
        ck_assert_span_eq(peer_packet_find(p, PEER_AUTHENTICATION_DATA)->value, "new");

        ck_assert_int_eq(mqtt_link_continue_authentication(l, c.authentication_method, str("more")), 0);
        ck_assert_uint_eq(expect(MQTT_EVENT_AUTH).auth.reason_code, MQTT_AUTH_SUCCESS);
        p = peer_get(peer, PEER_AUTH, 1);
        ck_assert_uint_eq(p->reason, MQTT_AUTH_CONTINUE);
        ck_assert_span_eq(peer_packet_find(p, PEER_AUTHENTICATION_DATA)->value, "more");
}
END_TEST

START_TEST(a_token_that_is_refused_ends_the_connection) {
        const MqttConnect c = token_connect();

        (void) connect_as(&c);
        peer_ignore(peer, PEER_AUTH, true);
        ck_assert_int_eq(mqtt_link_reauthenticate(l, c.authentication_method, str("bad")), 0);
        (void) await(PEER_AUTH, 1);
        switch (_i) {
        case 0:
                peer_send(peer, PEER_DISCONNECT, 0x87, NULL, 0);
                expect_lost(MQTT_LOST_DISCONNECT, 0x87, "");
                break;
        case 1: /* as mosquitto does */
                peer_send_bytes(peer, "\x20\x03\x00\x87\x00", 5);
                expect_lost(MQTT_LOST_SECOND_CONNACK, 0x87, "");
                break;
        default:
                peer_close(peer);
                expect_lost(MQTT_LOST_CLOSED, 0, "");
                break;
        }
}
END_TEST

START_TEST(auth_is_only_for_those_who_authenticate_so) {
        ck_assert_int_eq(mqtt_link_reauthenticate(l, str("M"), str("x")), -ENOTCONN);
        connect_plainly();
        ck_assert_int_eq(mqtt_link_reauthenticate(l, str("M"), str("x")), -EOPNOTSUPP);
}
END_TEST

/* ---- DISCONNECT ---- */

START_TEST(a_server_says_why_it_disconnects) {
        static const PeerProperty words = { .id = PEER_REASON_STRING, .value = TEXT("r\xc3\xb6") };

        connect_plainly();
        peer_send(peer, PEER_DISCONNECT, 0x8e, &words, 1);
        expect_lost(MQTT_LOST_DISCONNECT, 0x8e, "r??");
}
END_TEST

START_TEST(we_say_why_we_disconnect) {
        static const MqttDisconnect disconnects[] = {
                { .reason_code = 0x04 },
                { .has_session_expiry = true },
                { .reason_code = 0x80, .has_session_expiry = true, .session_expiry_s = 5 }
        };
        const PeerProperty *expiry;
        const PeerPacket *p;

        connect_plainly();
        ck_assert_int_eq(mqtt_link_disconnect(l, &disconnects[_i], boottime_us()), 0);
        expect_lost(MQTT_LOST_ASKED, 0, "");
        p = peer_get(peer, PEER_DISCONNECT, 0);
        expiry = peer_packet_find(p, PEER_SESSION_EXPIRY);
        ck_assert_uint_eq(p->reason, disconnects[_i].reason_code);
        ck_assert((expiry != NULL) == disconnects[_i].has_session_expiry);
        if (expiry)
                ck_assert_uint_eq(expiry->number, disconnects[_i].session_expiry_s);
}
END_TEST

/* ---- The secret ---- */

static const struct {
        const char *bytes;
        size_t n;
        mode_t mode;
        int error;
} secrets[] = {
        { "tok\n", 4, S_IFREG, 0 },
        { "\0\xff", 2, S_IFREG, 0 },
        { NULL, MQTT_SECRET_MAX, S_IFREG, 0 },
        { "", 0, S_IFREG, -ENODATA },
        { NULL, MQTT_SECRET_MAX + 1, S_IFREG, -EFBIG },
        { NULL, 0, S_IFDIR, -EINVAL },
        { NULL, 0, 0, -ENOENT },
};

static void secret_make(const char *path, int row) {
        _cleanup_(fclosep) FILE *f = NULL;

        if (secrets[row].mode == S_IFDIR)
                ck_assert_int_eq(mkdir(path, 0700), 0);
        if (secrets[row].mode != S_IFREG)
                return;
        f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        for (size_t i = 0; i < secrets[row].n; i++)
                (void) fputc(secrets[row].bytes ? secrets[row].bytes[i] : 's', f);
}

START_TEST(a_secret_comes_as_it_is_in_its_file) {
        char path[PATH_MAX];
        MqttEndpoint e = endpoint();
        MqttEvent event;

        e.secret_file = pki_path(&pki, "token", path);
        secret_make(path, _i);
        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, boottime_us()), 0);
        event = expect(secrets[_i].error == 0 ? MQTT_EVENT_OPENED : MQTT_EVENT_OPEN_FAILED);
        if (secrets[_i].error == 0) {
                ck_assert_int_eq(az_span_size(event.opened.secret), (int) secrets[_i].n);
                if (secrets[_i].bytes)
                        ck_assert_mem_eq(az_span_ptr(event.opened.secret), secrets[_i].bytes, secrets[_i].n);
        } else {
                ck_assert_int_eq(event.open_failed.error, secrets[_i].error);
                ck_assert_int_eq(event.open_failed.report->problem, MQTT_PROBLEM_SECRET_FILE);
                ck_assert_int_eq(event.open_failed.stage, MQTT_STAGE_IDENTITY);
                ck_assert_msg(strstr(event.open_failed.text, path), "%s", event.open_failed.text);
        }
}
END_TEST

START_TEST(time_limits_are_of_the_clock_that_the_caller_has) {
        const uint64_t start_us = 5 * USEC_PER_SEC; /* not the machine's */
        MqttEndpoint e = endpoint();
        DriveDead dead = {};
        MqttEvent event;

        drive_dead_start(&dead);
        e.port = dead.port;
        e.tcp_timeout_us = 9 * USEC_PER_SEC;
        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, start_us), 0);
        while (mqtt_link_deadline_us(l) > start_us + 10 * USEC_PER_SEC)
                ck_assert_int_eq(mqtt_link_dispatch(l, start_us), 0);
        ck_assert_uint_ge(mqtt_link_deadline_us(l), start_us + 9 * USEC_PER_SEC);
        ck_assert(!mqtt_link_next_event(l, &event));
        ck_assert_int_eq(mqtt_link_dispatch(l, start_us + 11 * USEC_PER_SEC), 0);
        ck_assert(mqtt_link_next_event(l, &event));
        ck_assert_int_eq(event.type, MQTT_EVENT_OPEN_FAILED);
        drive_dead_stop(&dead);
}
END_TEST

/* ---- What is refused here ---- */

START_TEST(mqtt_3_1_1_has_none_of_it) {
        static const az_mqtt_message message = { .topic = TEXT("t") };
        static const MqttWill will = { .message = &message };
        static const MqttConnect extras[] = {
                { .session_expiry_s = 1 },
                { .authentication_method = TEXT("M") },
                { .user_properties = users, .n_user_properties = 1 },
                { .will = &will },
                { .version = 3 },
        };
        const MqttEndpoint e = endpoint();

        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, boottime_us()), 0);
        (void) expect(MQTT_EVENT_OPENED);
        for (size_t i = 0; i < ELEMENTSOF(extras); i++) {
                MqttConnect c = extras[i];

                c.client_id = str("c");
                c.keep_alive_s = 60;
                ck_assert_int_eq(mqtt_link_connect(l, &c, boottime_us()), -EINVAL);
        }
}
END_TEST

START_TEST(endpoints_that_make_no_sense_are_refused) {
        MqttEndpoint e = endpoint();

        e.ca_only = true;
        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, boottime_us()), -EINVAL);
        e.ca_only = false;
        e.websocket_path = "/mqtt";
        ck_assert_int_eq(mqtt_link_open(l, &e, NULL, boottime_us()), -EINVAL);
}
END_TEST

static Suite *peer_suite(void) {
        Suite *s = suite_create("mqtt5-peer");
        TCase *t = tcase_create("mqtt5");

        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_set_timeout(t, 20);
        tcase_add_test(t, connect_says_all_that_it_was_given);
        tcase_add_loop_test(t, connack_refuses_with_a_reason, 0, 5);
        tcase_add_test(t, connack_tells_limits_that_count);
        tcase_add_test(t, a_server_that_wants_no_keep_alive_is_watched_all_the_same);
        tcase_add_test(t, a_puback_has_its_reason);
        tcase_add_test(t, what_is_sent_again_has_dup_and_the_id_it_had);
        tcase_add_test(t, an_inbound_message_is_refused_with_a_reason_in_its_turn);
        tcase_add_loop_test(t, a_message_that_cannot_be_handled_does_not_end_the_connection, 0,
                            ELEMENTSOF(poison));
        tcase_add_test(t, subscriptions_have_options_and_codes);
        tcase_add_test(t, a_subscription_that_failed_half_way_is_waited_for);
        tcase_add_loop_test(t, unsuback_has_a_code_for_each_filter, 0, 3);
        tcase_add_test(t, a_new_token_is_sent_on_the_connection);
        tcase_add_loop_test(t, a_token_that_is_refused_ends_the_connection, 0, 3);
        tcase_add_test(t, auth_is_only_for_those_who_authenticate_so);
        tcase_add_test(t, a_server_says_why_it_disconnects);
        tcase_add_loop_test(t, we_say_why_we_disconnect, 0, 3);
        tcase_add_loop_test(t, a_secret_comes_as_it_is_in_its_file, 0, ELEMENTSOF(secrets));
        tcase_add_test(t, time_limits_are_of_the_clock_that_the_caller_has);
        tcase_add_test(t, mqtt_3_1_1_has_none_of_it);
        tcase_add_test(t, endpoints_that_make_no_sense_are_refused);
        suite_add_tcase(s, t);
        return s;
}

int main(void) {
        return unit_run(peer_suite());
}
