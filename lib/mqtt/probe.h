/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * MqttProbe: opens a connection as MqttLink does, stage by stage, says how each went, and closes it. No MQTT
 * packet is sent, so the server does not learn which device asks, and a link of that device stays as it is.
 *
 *      mqtt_probe_start()     a worker thread goes through the stages up to a last one
 *        → one MqttProbeEvent for each stage that is over; the last one says how it ended
 *
 * It is watched and dispatched as a link is:
 *
 *      mqtt_probe_dispatch(p, boottime_us());
 *      while (mqtt_probe_next_event(p, &event))
 *              ...
 *
 * Nothing here blocks. All functions belong to one thread; only MqttSignJob runs in another. The process
 * ignores SIGPIPE from mqtt_probe_new() on.
 */

#include <mqtt/link.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MqttProbe MqttProbe;

/* Makes a probe that does nothing yet; it can be started again and again. -ENOMEM, -EMFILE. */
int mqtt_probe_new(MqttProbe **ret);

/* Ends what runs and frees; what is waited for is as in mqtt_link_free(). Takes NULL, returns NULL. */
MqttProbe *mqtt_probe_free(MqttProbe *p);

/* Returns an eventfd: watch it for EPOLLIN, level-triggered. It stays the same for the life of the probe. */
int mqtt_probe_get_fd(const MqttProbe *p);

/* Returns when mqtt_probe_dispatch() must be called at the latest, in CLOCK_BOOTTIME; UINT64_MAX: no timer.
 */
uint64_t mqtt_probe_deadline_us(const MqttProbe *p);

/* Looks how far the worker is. */
void mqtt_probe_dispatch(MqttProbe *p, uint64_t now_us);

/*
 * Starts an attempt that ends behind 'last_stage', or behind the last stage before it that this endpoint has;
 * 'sign' may be NULL. Where TLS is the last and shows a certificate of ours, it ends when the server has said
 * something to it, or nothing for a second. Spans and strings are copied; the sign job's userdata is given
 * away by this call, whatever it returns. -EBUSY: one runs; the event that ends it has not been popped yet.
 */
int mqtt_probe_start(MqttProbe *p, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                     MqttStage last_stage, uint64_t now_us);

/* Ends what runs, and drops its events. */
void mqtt_probe_stop(MqttProbe *p);

/* A stage that is over; what the endpoint does not need has none. Pointers live until the next dispatch or
 * start. */
typedef struct MqttProbeEvent {
        MqttStage stage;
        int error; /* negative errno; 0: it went well */
        uint64_t duration_us;
        bool is_last;             /* the probe is over: it failed, or has come as far as it should */
        const char *text;         /* of an error: for a person */
        const MqttReport *report; /* as far as it is known: of the last event, all of it */
} MqttProbeEvent;

/* Pops the next event; false: none is left for now. */
bool mqtt_probe_next_event(MqttProbe *p, MqttProbeEvent *ret);

#ifdef __cplusplus
}
#endif
