/* SPDX-License-Identifier: MIT */

#include "daemon/route-choice.h"

#include "tests/unit/unit.h"

#define NOON_S INT64_C(1790000000)
#define M      ROUTE_MQTT
#define W      ROUTE_WEBSOCKET

/*
 * What happened, as a text. "m" or "w": an attempt began, and took this transport. It ended "+" worked, "-"
 * blocked, "o" for another reason. "n": another network. Time passes: "s" 59 s, "S" one second, "d" a day
 * less a minute, "b" the clock goes back by an hour. "!": there was something to remember.
 */
static const struct {
        RouteOrder order;
        RouteMemory memory;
        const char *story;
        RouteMemory end;
} stories[] = {
        /* One transport alone. */
        { ROUTE_ORDER_MQTT, { -EINVAL }, "m- m- m- m- m- m+!", { M } },
        { ROUTE_ORDER_WEBSOCKET, { -EINVAL }, "w- w- n w-", { -EINVAL, NOON_S } },

        /* What never worked has one attempt. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m+! m+", { M } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w- m- w- m- w+!", { W, NOON_S } },
        { ROUTE_ORDER_WEBSOCKET_MQTT, { -EINVAL }, "w- m+! m+", { M, NOON_S } },

        /* What worked has three, the other one again. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m+! m- m- m- w- m- m- m- w- m+", { M } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m+! m- m- m+ m- m- m- w+! w-", { W, NOON_S } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! w- w- w- m- w-", { W, NOON_S } },

        /* A failure that tells nothing of the transport. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "mo mo mo mo m- wo wo w+!", { W, NOON_S } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m+! m- mo m- mo m- w-", { M, NOON_S } },

        /* The preferred one again after a day, for one attempt; then a day later. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! d w+ s w+ S m- w+! w+", { W, NOON_S + 86400 } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! d s S m+! m+ m- m- m-", { M, NOON_S + 86400 } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! d s S mo m- w+!", { W, NOON_S + 86400 } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! b m- w+! w+", { W, NOON_S - 3600 } },

        /* And after the network changed, but not when it changes all the time. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! n w+ s n w+ S n m- w+!", { W, NOON_S + 60 } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m- w+! s S n m+! n m+", { M } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { -EINVAL }, "m+! n m- n m- n m- w+!", { W, NOON_S } },

        /* Over a restart. */
        { ROUTE_ORDER_MQTT_WEBSOCKET, { M }, "m- m- m- w-", { M, NOON_S } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { W, NOON_S - 60 }, "w+ w- w- w- m-", { W, NOON_S } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { W, NOON_S - 86400 }, "m- w+!", { W, NOON_S } },
        { ROUTE_ORDER_MQTT_WEBSOCKET, { W, NOON_S + 1 }, "m- w+!", { W, NOON_S } },

        /* The configuration was changed in between. */
        { ROUTE_ORDER_WEBSOCKET_MQTT, { M }, "w+!", { W } },
        { ROUTE_ORDER_WEBSOCKET_MQTT, { W, NOON_S - 60 }, "w+!", { W } },
        { ROUTE_ORDER_MQTT, { W, NOON_S - 60 }, "m- m+!", { M } },
};

static RouteEnd end_of(char c) {
        return c == '+' ? ROUTE_WORKED : c == '-' ? ROUTE_BLOCKED : ROUTE_OTHER;
}

START_TEST(a_story_takes_these_transports) {
        RouteChoice c;
        int64_t now_s = NOON_S;

        route_choice_init(&c, stories[_i].order, stories[_i].memory);
        for (const char *p = stories[_i].story; *p; p++) {
                bool is_news;

                switch (*p) {
                case 'm':
                case 'w':
                        ck_assert_msg(route_choice_next(&c, now_s) == (*p == 'm' ? M : W), "at '%s'", p);
                        p++;
                        is_news = route_choice_ended(&c, end_of(*p), now_s);
                        ck_assert_msg(is_news == (p[1] == '!'), "at '%s'", p);
                        break;
                case 'n':
                        route_choice_network_changed(&c, now_s);
                        break;
                case 's':
                        now_s += 59;
                        break;
                case 'S':
                        now_s++;
                        break;
                case 'd':
                        now_s += 86400 - 60;
                        break;
                case 'b':
                        now_s -= 3600;
                        break;
                default:
                        break;
                }
        }
        ck_assert_int_eq(c.memory.worked, stories[_i].end.worked);
        ck_assert_int_eq(c.memory.preferred_failed_s, stories[_i].end.preferred_failed_s);
}
END_TEST

static Suite *route_choice_suite(void) {
        Suite *s = suite_create("route-choice");
        TCase *t = tcase_create("route_choice");

        tcase_add_loop_test(t, a_story_takes_these_transports, 0, ELEMENTSOF(stories));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(route_choice_suite)
