/* SPDX-License-Identifier: MIT */
#include "recovery-fixture.h"

#define NO_EVENT _AZ_RECOVERY_EVENT_TYPE_MAX

/* One input, given so often, and what has to come of the last. */
typedef struct {
        Input input;
        int arg;
        uint32_t at_s;
        az_recovery_event_type event;
        az_recovery_state state;
        uint32_t not_before_s, latest_s; /* of the event; or the range that chance chooses it from */
        uint32_t credential;
} Step;

typedef struct {
        const char *name;
        bool has_provisioning;
        uint32_t n_credentials; /* 0: 1 */
        Step steps[20];
} Script;

/* Tables ---------------------------------------------------------------------------------------------- */

/* clang-format off */
#define STARTED        { START, 0, 0, E(CONNECT), S(HUB), 0 }
#define BACKS_OFF(t)   E(BACK_OFF), S(HUB), (t) + BACKOFF_S
#define UNTIL_REFUSED  STARTED, \
                       { REFUSED, 5, 10, BACKS_OFF(10) }, \
                       { REFUSED, 5, 20, BACKS_OFF(20) }, \
                       { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 }
#define UNPROVISIONED  { START_UNASSIGNED, 0, 0, E(PROVISION), S(PROVISIONING), 0 }
#define SOON(t, n)     (t) + (n), (t) + 2 * (n)
#define SLOW(t)        (t) + 10 * MINUTE, (t) + 20 * MINUTE
#define SLOWER(t)      (t) + 20 * MINUTE, (t) + 40 * MINUTE
#define SLOWEST(t)     (t) + 30 * MINUTE, (t) + 60 * MINUTE

static const Script scripts[] = {
        /* The rules of reprovisioning. */
        { "three refusals lead to DPS, which knows another hub", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED, 0, 65, E(CONNECT), S(HUB), 65 },
                { REFUSED,  5, 70, BACKS_OFF(70) },
                { REFUSED,  5, 75, BACKS_OFF(75) },
        } },
        { "four and five and an identifier that is rejected are refusals alike", true, .steps = {
                STARTED,
                { REFUSED, 4, 10, BACKS_OFF(10) },
                { REFUSED, 2, 20, BACKS_OFF(20) },
                { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "what says nothing about the identity does not end a row of refusals", true, .steps = {
                STARTED,
                { REFUSED, 5,         10, BACKS_OFF(10) },
                { LOST,    L(NAME),   20, BACKS_OFF(20) },
                { REFUSED, 5,         30, BACKS_OFF(30) },
                { LOST,    L(TLS),    40, BACKS_OFF(40) },
                { REFUSED, 3,         50, BACKS_OFF(50) },
                { REFUSED, 5,         60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "a credential that was taken in between ends a row of refusals", true, .steps = {
                STARTED,
                { REFUSED,    5,            10, BACKS_OFF(10) },
                { REFUSED,    5,            20, BACKS_OFF(20) },
                { LOST_LATER, L(SUBSCRIBE), 30, BACKS_OFF(30) },
                { REFUSED,    5,            40, BACKS_OFF(40) },
                { REFUSED,    5,            50, BACKS_OFF(50) },
                { LIVE,       0,            60, NO_EVENT, S(HUB) },
                { REFUSED,    5,            70, BACKS_OFF(70) }, /* a renewal */
                { REFUSED,    5,            80, BACKS_OFF(80) },
                { REFUSED,    5,            90, E(PROVISION), S(REPROVISIONING), 90 },
        } },
        { "refusals by a clock that is not set are none", true, .steps = {
                STARTED,
                { REFUSED_UNSET, 5, 10, BACKS_OFF(10) },
                { REFUSED_UNSET, 5, 20, BACKS_OFF(20) },
                { REFUSED_UNSET, 5, 30, BACKS_OFF(30) },
                { REFUSED,       5, 40, BACKS_OFF(40) },
                { REFUSED,       5, 50, BACKS_OFF(50) },
                { REFUSED,       5, 60, E(PROVISION), S(REPROVISIONING), 60 },
        } },
        { "ten failures are not enough before 15 minutes have passed", true, .steps = {
                STARTED,
                { LOST, L(TCP), 0,   BACKS_OFF(0) },
                { LOST, L(TCP), 10,  BACKS_OFF(10) },
                { LOST, L(TCP), 20,  BACKS_OFF(20) },
                { LOST, L(TCP), 30,  BACKS_OFF(30) },
                { LOST, L(TCP), 40,  BACKS_OFF(40) },
                { LOST, L(TCP), 50,  BACKS_OFF(50) },
                { LOST, L(TCP), 60,  BACKS_OFF(60) },
                { LOST, L(TCP), 70,  BACKS_OFF(70) },
                { LOST, L(TCP), 80,  BACKS_OFF(80) },
                { LOST, L(TCP), 90,  BACKS_OFF(90) },
                { LOST, L(TCP), 899, BACKS_OFF(899) },
                { LOST, L(TCP), 900, E(PROVISION), S(REPROVISIONING), 900 },
        } },
        { "15 minutes are not enough before there were ten failures", true, .steps = {
                STARTED,
                { LOST, L(TCP),        0,    BACKS_OFF(0) },
                { LOST, L(NAME),       1000, BACKS_OFF(1000) },
                { LOST, L(TLS),        2000, BACKS_OFF(2000) },
                { LOST, L(TIMEOUT),    3000, BACKS_OFF(3000) },
                { LOST, L(CLOSED),     4000, BACKS_OFF(4000) },
                { LOST, L(KEEP_ALIVE), 5000, BACKS_OFF(5000) },
                { LOST, L(PROTOCOL),   6000, BACKS_OFF(6000) },
                { LOST_LATER, L(SUBSCRIBE), 7000, BACKS_OFF(7000) },
                { LOST, L(THROTTLED),  8000, BACKS_OFF(8000) },
                { LOST, L(TCP),        9000, E(PROVISION), S(REPROVISIONING), 9000 },
        } },
        { "a signer that does not answer is not the hub's fault", true, .steps = {
                STARTED,
                { LOST_SIGNING, L(TIMEOUT), 0, BACKS_OFF(0) },
                { LOST_SIGNING, L(TIMEOUT), 100, BACKS_OFF(100) },
                { LOST_SIGNING, L(TIMEOUT), 200, BACKS_OFF(200) },
                { LOST_SIGNING, L(TIMEOUT), 300, BACKS_OFF(300) },
                { LOST_SIGNING, L(TIMEOUT), 400, BACKS_OFF(400) },
                { LOST_SIGNING, L(TIMEOUT), 500, BACKS_OFF(500) },
                { LOST_SIGNING, L(TIMEOUT), 600, BACKS_OFF(600) },
                { LOST_SIGNING, L(TIMEOUT), 700, BACKS_OFF(700) },
                { LOST_SIGNING, L(TIMEOUT), 800, BACKS_OFF(800) },
                { LOST_SIGNING, L(TIMEOUT), 900, BACKS_OFF(900) },
                { LOST_SIGNING, L(TIMEOUT), 1000, BACKS_OFF(1000) },
        } },
        { "a hub that is not found while the signature is made is", true, .steps = {
                STARTED,
                { LOST_SIGNING, L(NAME), 0, BACKS_OFF(0) },
                { LOST_SIGNING, L(NAME), 100, BACKS_OFF(100) },
                { LOST_SIGNING, L(TCP), 200, BACKS_OFF(200) },
                { LOST_SIGNING, L(TCP), 300, BACKS_OFF(300) },
                { LOST_SIGNING, L(TLS), 400, BACKS_OFF(400) },
                { LOST_SIGNING, L(TLS), 500, BACKS_OFF(500) },
                { LOST_SIGNING, L(NAME), 600, BACKS_OFF(600) },
                { LOST_SIGNING, L(NAME), 700, BACKS_OFF(700) },
                { LOST_SIGNING, L(NAME), 800, BACKS_OFF(800) },
                { LOST_SIGNING, L(NAME), 900, E(PROVISION), S(REPROVISIONING), 900 },
        } },
        { "a link that lived for a minute undoes all that", true, .steps = {
                STARTED,
                { REFUSED,    5,         10,  BACKS_OFF(10) },
                { REFUSED,    5,         20,  BACKS_OFF(20) },
                { LIVE,       0,         100, NO_EVENT, S(HUB) },
                { LIVE,       0,         155, NO_EVENT, S(HUB) }, /* renewed */
                { LOST_LATER, L(CLOSED), 160, BACKS_OFF(160) },
                { REFUSED,    5,         170, BACKS_OFF(170) },
                { REFUSED,    5,         180, BACKS_OFF(180) },
                { REFUSED,    5,         190, E(PROVISION), S(REPROVISIONING), 190 },
                { ASSIGNED_SAME, 0,      200, E(RESUME), S(HUB), 220 },
                { LIVE,       0,         210, NO_EVENT, S(HUB) },
                { LOST_LATER, L(TCP),    270, BACKS_OFF(270) },
        } },
        { "the back-off of the hub goes on where it was when DPS assigns the same", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED_SAME, 0, 65,   E(RESUME), S(HUB), 60 + BACKOFF_S },
                { REFUSED,       5, 90,   BACKS_OFF(90) },
                { REFUSED,       5, 664,  BACKS_OFF(664) },
                { REFUSED,       5, 1266, E(PROVISION), S(REPROVISIONING), 1266 },
                { ASSIGNED_SAME, 0, 1400, E(RESUME), S(HUB), 1400 },
        } },
        { "a second run has to wait however often the hub fails, and a third for longer", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED, 0, 65,                 E(CONNECT), S(HUB), 65 },
                { REFUSED,  5, 70,                 BACKS_OFF(70) },
                { REFUSED,  5, 80,                 BACKS_OFF(80) },
                { REFUSED,  5, 90,                 BACKS_OFF(90) },
                { REFUSED,  5, 664,                BACKS_OFF(664) },
                { REFUSED,  5, 65 + 20 * MINUTE,   E(PROVISION), S(REPROVISIONING), 65 + 20 * MINUTE },
                { ASSIGNED, 0, 2000,               E(CONNECT), S(HUB), 2000 },
                { REFUSED,  5, 2010,               BACKS_OFF(2010) },
                { REFUSED,  5, 2020,               BACKS_OFF(2020) },
                { REFUSED,  5, 3199,               BACKS_OFF(3199) },
                { REFUSED,  5, 2000 + 40 * MINUTE, E(PROVISION), S(REPROVISIONING), 2000 + 40 * MINUTE },
        } },
        { "a link that lived for a minute makes the next run as soon as the first", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED_SAME, 0,         65,    E(RESUME), S(HUB), 90 },
                { REFUSED,       5,         1265,  E(PROVISION), S(REPROVISIONING), 1265 },
                { ASSIGNED_SAME, 0,         1265,  E(RESUME), S(HUB), 1295 },
                { LIVE,          0,         1300,  NO_EVENT, S(HUB) },
                { LOST_LATER,    L(CLOSED), 1360,  BACKS_OFF(1360) },
                { REFUSED,       5,         3700,  BACKS_OFF(3700) },
                { REFUSED,       5,         3800,  BACKS_OFF(3800) },
                { REFUSED,       5,         3900,  E(PROVISION), S(REPROVISIONING), 3900 },
                { ASSIGNED_SAME, 0,         4000,  E(RESUME), S(HUB), 4000 },
                { REFUSED,       5,         4599,  BACKS_OFF(4599) },
                { REFUSED,       5,         5200,  E(PROVISION), S(REPROVISIONING), 5200 },
        } },
        { "so does one that somebody ends who wishes a run", true, .steps = {
                STARTED,
                { REFUSED,       5, 10,  BACKS_OFF(10) },
                { REFUSED,       5, 20,  BACKS_OFF(20) },
                { LIVE,          0, 100, NO_EVENT, S(HUB) },
                { PROVISION_NOW, 0, 160, E(PROVISION), S(REPROVISIONING), 160 },
                { FAILED, C(SERVICE), 165, E(RESUME), S(HUB), 165 },
                { LOST, L(TCP),  170, BACKS_OFF(170) },
        } },
        { "but not one that was short, however long the run takes", true, .steps = {
                STARTED,
                { REFUSED,       2,         10,   BACKS_OFF(10) },
                { LIVE,          0,         20,   NO_EVENT, S(HUB) },
                { PROVISION_NOW, 0,         30,   E(PROVISION), S(REPROVISIONING), 30 },
                { ASSIGNED_SAME, 0,         300,  E(RESUME), S(HUB), 300 },
                { REFUSED,       5,         310,  BACKS_OFF(310) },
                { REFUSED,       5,         320,  BACKS_OFF(320) },
                { REFUSED,       5,         1500, E(PROVISION), S(REPROVISIONING), 1500 },
                { ASSIGNED_SAME, 0,         1500, E(RESUME), S(HUB), 1530 },
                { REFUSED,       5,         2699, BACKS_OFF(2699) },
        } },
        { "somebody who wishes a run of DPS gets one", true, .steps = {
                { PROVISION_NOW, 0, 0, NO_EVENT, S(STOPPED) },
                STARTED,
                { LIVE,          0, 10, NO_EVENT, S(HUB) },
                { PROVISION_NOW, 0, 20, E(PROVISION), S(REPROVISIONING), 20 },
                { PROVISION_NOW, 0, 21, NO_EVENT, S(REPROVISIONING) },
                { ASSIGNED_SAME, 0, 25, E(RESUME), S(HUB), 25 },
                { PROVISION_NOW, 0, 26, E(PROVISION), S(REPROVISIONING), 26 },
                { ASSIGNED,      0, 30, E(CONNECT), S(HUB), 30 },
        } },

        /* Runs of DPS that fail. */
        { "a run that fails leaves the device with the hub that it has", true, .steps = {
                UNTIL_REFUSED,
                { FAILED,  C(SERVICE), 62,   E(RESUME), S(HUB), 90 },
                { REFUSED, 5,          90,   BACKS_OFF(90) },
                { REFUSED, 5,          1262, E(PROVISION), S(REPROVISIONING), 1262 },
                { FAILED,  C(NETWORK), 1300, E(RESUME), S(HUB), 1300 },
                { REFUSED, 5,          1310, BACKS_OFF(1310) },
                { REFUSED, 5,          2499, BACKS_OFF(2499) },
                { REFUSED, 5,          3700, E(PROVISION), S(REPROVISIONING), 3700 },
                { FAILED,  C(FORBIDDEN), 3700, E(RESUME), S(HUB), 3730 },
                { REFUSED, 5,          5499, BACKS_OFF(5499) },
                { REFUSED, 5,          7300, E(PROVISION), S(REPROVISIONING), 7300 },
        } },
        { "without an assignment the next run comes by itself", true, .steps = {
                UNPROVISIONED,
                { FAILED,   C(SERVICE),  10,   E(WAIT),      S(WAITING), SLOW(10) },
                { TIMEOUT,  0,           609,  NO_EVENT,     S(WAITING) },
                { TIMEOUT,  0,           1210, E(PROVISION), S(PROVISIONING), 1210 },
                { FAILED,   C(IDENTITY), 1220, E(WAIT),      S(WAITING), SLOWER(1220) },
                { TIMEOUT,  0,           3620, E(PROVISION), S(PROVISIONING), 3620 },
                { FAILED,   C(TIMEOUT),  3700, E(WAIT),      S(WAITING), SLOWEST(3700) },
                { TIMEOUT,  0,           7300, E(PROVISION), S(PROVISIONING), 7300 },
                { FAILED,   C(CONFLICT), 7300, E(WAIT),      S(WAITING), SLOWEST(7300) },
                { PROVISION_NOW, 0,      7301, E(PROVISION), S(PROVISIONING), 7301 },
                { ASSIGNED, 0,           7302, E(CONNECT),   S(HUB), 7302 },
        } },
        { "where only people can help, it is an hour at once", true, .steps = {
                UNPROVISIONED,
                { FAILED,  C(FORBIDDEN),  10,      E(WAIT),      S(WAITING), SLOWEST(10) },
                { TIMEOUT, 0,             2*HOUR,  E(PROVISION), S(PROVISIONING), 2*HOUR },
                { FAILED,  C(CALLER),     2*HOUR,  E(WAIT),      S(WAITING), SLOWEST(2*HOUR) },
                { TIMEOUT, 0,             4*HOUR,  E(PROVISION), S(PROVISIONING), 4*HOUR },
                { FAILED,  C(TOO_LARGE),  4*HOUR,  E(WAIT),      S(WAITING), SLOWEST(4*HOUR) },
                { TIMEOUT, 0,             6*HOUR,  E(PROVISION), S(PROVISIONING), 6*HOUR },
                { FAILED,  C(CREDENTIAL), 6*HOUR,  E(WAIT),      S(WAITING), SLOWEST(6*HOUR) },
        } },
        { "a network that is not there yet is tried soon", true, .steps = {
                UNPROVISIONED,
                { FAILED,  C(NETWORK), 10,  E(WAIT),      S(WAITING), SOON(10, 1) },
                { TIMEOUT, 0,          12,  E(PROVISION), S(PROVISIONING), 12 },
                { FAILED,  C(LOCAL),   12,  E(WAIT),      S(WAITING), SOON(12, 2) },
                { TIMEOUT, 0,          16,  E(PROVISION), S(PROVISIONING), 16 },
                { FAILED,  C(NETWORK), 20,  E(WAIT),      S(WAITING), SOON(20, 4) },
                { TIMEOUT, 0,          28,  E(PROVISION), S(PROVISIONING), 28 },
                { FAILED,  C(NETWORK), 30,  E(WAIT),      S(WAITING), SOON(30, 8) },
        } },
        { "how often it was not there makes no other run come later", true, .steps = {
                UNPROVISIONED,
                { FAILED,  C(NETWORK),  10,   E(WAIT),      S(WAITING), SOON(10, 1) },
                { TIMEOUT, 0,           12,   E(PROVISION), S(PROVISIONING), 12 },
                { FAILED,  C(NETWORK),  12,   E(WAIT),      S(WAITING), SOON(12, 2) },
                { TIMEOUT, 0,           16,   E(PROVISION), S(PROVISIONING), 16 },
                { FAILED,  C(IDENTITY), 20,   E(WAIT),      S(WAITING), SLOW(20) },
                { TIMEOUT, 0,           1220, E(PROVISION), S(PROVISIONING), 1220 },
                { FAILED,  C(NETWORK),  1230, E(WAIT),      S(WAITING), SOON(1230, 1) },
                { TIMEOUT, 0,           1232, E(PROVISION), S(PROVISIONING), 1232 },
                { FAILED,  C(IDENTITY), 1240, E(WAIT),      S(WAITING), SLOWER(1240) },
        } },
        { "a wished run that does not reach DPS makes no other come sooner", true, .steps = {
                UNPROVISIONED,
                { FAILED,        C(SERVICE), 0,  E(WAIT),      S(WAITING), SLOW(0) },
                { PROVISION_NOW, 0,          10, E(PROVISION), S(PROVISIONING), 10 },
                { FAILED,        C(NETWORK), 20, E(WAIT),      S(WAITING), SLOW(0) },
        } },
        { "DPS says when it wants to be asked again, up to an hour", true, .steps = {
                UNPROVISIONED,
                { THROTTLED, 5,     10,   E(WAIT),      S(WAITING), SLOW(10) },
                { TIMEOUT,   0,     1210, E(PROVISION), S(PROVISIONING), 1210 },
                { THROTTLED, 3000,  1210, E(WAIT),      S(WAITING), 4210 },
                { TIMEOUT,   0,     4210, E(PROVISION), S(PROVISIONING), 4210 },
                { THROTTLED, 99999, 4210, E(WAIT),      S(WAITING), 7810 },
        } },

        /* Credentials. */
        { "without DPS the other credential is taken when a new token did not help", false, 2, .steps = {
                STARTED,
                { REFUSED, 5,      10, BACKS_OFF(10) },
                { REFUSED, 4,      20, E(NEW_CREDENTIAL), S(HUB), 50, 0, 1 },
                { LOST,    L(TCP), 30, BACKS_OFF(30), 0, 1 },
                { REFUSED, 5,      40, E(NEW_CREDENTIAL), S(HUB), 70, 0, 0 },
                { LIVE,    0,      50, NO_EVENT, S(HUB) },
                { REFUSED, 5,      60, BACKS_OFF(60) },
        } },
        { "the other credential is no answer to a clock that is not set", false, 2, .steps = {
                STARTED,
                { REFUSED_UNSET, 5, 10, BACKS_OFF(10) },
                { REFUSED_UNSET, 5, 20, BACKS_OFF(20) },
                { REFUSED_UNSET, 5, 30, BACKS_OFF(30) },
        } },
        { "without DPS and another credential the hub is all that there is", false, .steps = {
                { START_UNASSIGNED, 0, 0, NO_EVENT, S(STOPPED) },
                STARTED,
                { REFUSED, 5,         10,   BACKS_OFF(10) },
                { REFUSED, 5,         20,   BACKS_OFF(20) },
                { REFUSED, 2,         3000, BACKS_OFF(3000) },
                { REFUSED, 5,         4000, BACKS_OFF(4000) },
                { PROVISION_NOW, 0,   4001, NO_EVENT, S(HUB) },
        } },
        { "with DPS the credential is changed when DPS refuses it", true, 2, .steps = {
                UNTIL_REFUSED,
                { FAILED,  C(CREDENTIAL), 62,   E(NEW_CREDENTIAL), S(HUB), 90, 0, 1 },
                { REFUSED, 5,             90,   BACKS_OFF(90), 0, 1 },
                { REFUSED, 5,             1262, E(PROVISION), S(REPROVISIONING), 1262, 0, 1 },
                { FAILED,  C(CREDENTIAL), 1262, E(NEW_CREDENTIAL), S(HUB), 1292, 0, 0 },
        } },
        { "a credential that the hub takes is kept when DPS refuses it", true, 2, .steps = {
                STARTED,
                { LIVE,          0,             10, NO_EVENT, S(HUB) },
                { PROVISION_NOW, 0,             20, E(PROVISION), S(REPROVISIONING), 20 },
                { FAILED,        C(CREDENTIAL), 30, E(RESUME), S(HUB), 30, 0, 0 },
        } },
        { "so it is for the first run", true, 3, .steps = {
                UNPROVISIONED,
                { FAILED,       C(CREDENTIAL), 1,    E(NEW_CREDENTIAL), S(WAITING), SLOW(1), 1 },
                { TIMEOUT,      0,             1201, E(PROVISION), S(PROVISIONING), 1201, 0, 1 },
                { FAILED_UNSET, C(CREDENTIAL), 1201, E(WAIT), S(WAITING), SLOWER(1201), 1 },
                { TIMEOUT,      0,             3601, E(PROVISION), S(PROVISIONING), 3601, 0, 1 },
                { FAILED,       C(CREDENTIAL), 3601, E(NEW_CREDENTIAL), S(WAITING), SLOWEST(3601), 2 },
                { TIMEOUT,      0,             7201, E(PROVISION), S(PROVISIONING), 7201, 0, 2 },
                { FAILED,       C(CREDENTIAL), 7201, E(NEW_CREDENTIAL), S(WAITING), SLOWEST(7201), 0 },
        } },
        { "a clock that is not set is no reason to wait for people", true, .steps = {
                UNTIL_REFUSED,
                { FAILED_UNSET, C(CREDENTIAL), 60,   E(RESUME), S(HUB), 90 },
                { REFUSED,      5,             1260, E(PROVISION), S(REPROVISIONING), 1260 },
        } },

        /* The rest. */
        { "late news are ignored", true, .steps = {
                { REFUSED,  5,          0,  NO_EVENT, S(STOPPED) },
                { ASSIGNED, 0,          0,  NO_EVENT, S(STOPPED) },
                STARTED,
                { START,    0,          5,  NO_EVENT, S(HUB) },
                { ASSIGNED, 0,          5,  NO_EVENT, S(HUB) },
                { FAILED,   C(SERVICE), 5,  NO_EVENT, S(HUB) },
                { REFUSED,  5,          10, BACKS_OFF(10) },
                { REFUSED,  5,          20, BACKS_OFF(20) },
                { REFUSED,  5,          60, E(PROVISION), S(REPROVISIONING), 60 },
                { REFUSED,  5,          61, NO_EVENT, S(REPROVISIONING) },
                { LIVE,     0,          61, NO_EVENT, S(REPROVISIONING) },
                { TIMEOUT,  0,          62, NO_EVENT, S(REPROVISIONING) },
        } },
        { "after a stop it begins anew", true, .steps = {
                STARTED,
                { REFUSED, 5, 10, BACKS_OFF(10) },
                { REFUSED, 5, 20, BACKS_OFF(20) },
                { STOP,    0, 25, E(STOP), S(STOPPED), NEVER },
                { START,   0, 30, E(CONNECT), S(HUB), 30 },
                { REFUSED, 5, 40, BACKS_OFF(40) },
                { REFUSED, 5, 50, BACKS_OFF(50) },
                { REFUSED, 5, 60, E(PROVISION), S(REPROVISIONING), 60 },
                { ASSIGNED, 0, 65, E(CONNECT), S(HUB), 65 },
                { LIVE,    0, 70, NO_EVENT, S(HUB) },
                { STOP,    0, 75, E(STOP), S(STOPPED), NEVER },
                { STOP,    0, 75, E(STOP), S(STOPPED), NEVER },
                { START_UNASSIGNED, 0, 80, E(PROVISION), S(PROVISIONING), 80 },
                { FAILED, C(SERVICE), 80, E(WAIT), S(WAITING), SLOW(80) },
        } },
        { "after a stop, runs of before count no more", true, .steps = {
                UNTIL_REFUSED,
                { ASSIGNED, 0, 65, E(CONNECT), S(HUB), 65 },
                { STOP,     0, 70, E(STOP), S(STOPPED), NEVER },
                { START,    0, 70, E(CONNECT), S(HUB), 70 },
                { REFUSED,  5, 80, BACKS_OFF(80) },
                { REFUSED,  5, 85, BACKS_OFF(85) },
                { REFUSED,  5, 90, E(PROVISION), S(REPROVISIONING), 90 },
        } },
};
/* clang-format on */

/* Running them ---------------------------------------------------------------------------------------- */

static void check_event(const az_recovery_event *event, const Step *step, const char *where) {
        ck_assert_msg(event->type == step->event, "%s: %s", where,
                      az_recovery_event_type_to_string(event->type));
        ck_assert_msg(us(step->not_before_s) <= event->not_before_us &&
                              event->not_before_us <= us(MAX(step->not_before_s, step->latest_s)),
                      "%s: not before %.6f s", where, (double) event->not_before_us / USEC_PER_SEC);
        ck_assert_msg(event->credential == step->credential, "%s: credential %u", where, event->credential);
}

static void run_step(az_recovery *r, const Step *step, const char *where) {
        az_recovery_event event;
        az_result result;

        result = give(r, step->input, step->arg, us(step->at_s));
        if (step->event == NO_EVENT) {
                if (step->input != TIMEOUT && !(step->input == LIVE && step->state == S(HUB)))
                        ck_assert_msg(result == AZ_ERROR_NOT_SUPPORTED, "%s: taken", where);
                ck_assert_msg(!az_recovery_next_event(r, &event), "%s: an event", where);
        } else {
                ck_assert_msg(result == AZ_OK, "%s: refused", where);
                ck_assert(az_recovery_next_event(r, &event));
                check_event(&event, step, where);
                ck_assert(!az_recovery_next_event(r, &event));
        }
        ck_assert_msg(az_recovery_get_status(r).state == step->state, "%s: %s", where,
                      az_recovery_state_to_string(az_recovery_get_status(r).state));
}

START_TEST(recovery_follows_the_script) {
        const Script *script = &scripts[_i];
        az_recovery r = new_recovery(script->has_provisioning, script->n_credentials);

        for (size_t i = 0; i < ELEMENTSOF(script->steps); i++) {
                char where[128];

                if (script->steps[i].input == END)
                        break;
                (void) snprintf(where, sizeof(where), "'%s', step %zu", script->name, i);
                run_step(&r, &script->steps[i], where);
        }
}
END_TEST

static Suite *recovery_suite(void) {
        Suite *s = suite_create("recovery");
        TCase *t = tcase_create("scripts");

        tcase_add_loop_test(t, recovery_follows_the_script, 0, ELEMENTSOF(scripts));
        suite_add_tcase(s, t);
        return s;
}

UNIT_MAIN(recovery_suite)
