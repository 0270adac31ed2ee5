/* SPDX-License-Identifier: MIT */

/*
 * The worker notes how long each stage took. What is known of that here and was not told yet is what events
 * are made of, so there is no queue.
 */

#include <mqtt/probe.h>

#include <assert.h>
#include <sys/eventfd.h>

#include <mqtt/transport.h>

typedef enum ProbeState {
        PROBE_IDLE,
        PROBE_RUNNING,
        PROBE_ENDED, /* 'result' says how; not all events are popped */
} ProbeState;

struct MqttProbe {
        int wake_fd;
        MqttTransport *transport;
        ProbeState state;
        bool is_told[_MQTT_STAGE_MAX];
        MqttOpenResult result; /* while it runs, the report is as of the last look */
};

DEFINE_CLEANUP(MqttProbe *, mqtt_probe_free)

int mqtt_probe_new(MqttProbe **ret) {
        _cleanup_(mqtt_probe_freep) MqttProbe *p = NULL;
        int r;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (MqttProbe){ .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        if (p->wake_fd < 0)
                return -errno;
        r = mqtt_transport_new(&p->transport, p->wake_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

MqttProbe *mqtt_probe_free(MqttProbe *p) {
        if (!p)
                return NULL;
        (void) mqtt_transport_free(p->transport);
        (void) close_fd(p->wake_fd);
        free(p);
        return NULL;
}

int mqtt_probe_get_fd(const MqttProbe *p) {
        return p->wake_fd;
}

uint64_t mqtt_probe_deadline_us(const MqttProbe *p) {
        return mqtt_transport_deadline_us(p->transport);
}

int mqtt_probe_start(MqttProbe *p, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                     MqttStage last_stage, uint64_t now_us) {
        int r;

        if (p->state != PROBE_IDLE) {
                if (sign && sign->destroy)
                        sign->destroy(sign->userdata);
                return -EBUSY;
        }
        r = mqtt_transport_open_until(p->transport, endpoint, sign, last_stage, now_us);
        if (r < 0)
                return r;
        p->state = PROBE_RUNNING;
        memset(p->is_told, 0, sizeof(p->is_told));
        mqtt_transport_get_report(p->transport, &p->result.report);
        return 0;
}

void mqtt_probe_stop(MqttProbe *p) {
        mqtt_transport_abandon(p->transport);
        p->state = PROBE_IDLE;
}

static void probe_end(MqttProbe *p) {
        uint64_t *last_us = &p->result.report.stage_us[p->result.report.stage];

        p->state = PROBE_ENDED;
        mqtt_open_result_done(&p->result);
        if (*last_us == MQTT_STAGE_NOT_RUN)
                *last_us = 0; /* it failed before it began */
}

void mqtt_probe_dispatch(MqttProbe *p, uint64_t now_us) {
        eventfd_t count;

        (void) eventfd_read(p->wake_fd, &count);
        if (p->state != PROBE_RUNNING)
                return;
        if (mqtt_transport_take(p->transport, now_us, &p->result))
                probe_end(p);
        else
                mqtt_transport_get_report(p->transport, &p->result.report);
}

bool mqtt_probe_next_event(MqttProbe *p, MqttProbeEvent *ret) {
        const MqttReport *report = &p->result.report;
        MqttStage stage = 0;

        while (stage < _MQTT_STAGE_MAX &&
               (p->is_told[stage] || report->stage_us[stage] == MQTT_STAGE_NOT_RUN))
                stage++;
        if (p->state == PROBE_IDLE || stage == _MQTT_STAGE_MAX)
                return false;

        p->is_told[stage] = true;
        *ret = (MqttProbeEvent){ .stage = stage, .duration_us = report->stage_us[stage], .report = report };
        if (p->state == PROBE_ENDED && stage == report->stage) {
                ret->error = p->result.error;
                ret->text = p->result.error < 0 ? p->result.text : NULL;
                ret->is_last = true;
                p->state = PROBE_IDLE;
        }
        return true;
}
