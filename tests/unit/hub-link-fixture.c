/* SPDX-License-Identifier: MIT */

#include "hub-link-fixture.h"

#include <mqtt/sas.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "unit.h"

static const MqttReport report_of_opened = { .address = "192.0.2.1:8883" };
const MqttEvent opened = { .type = MQTT_EVENT_OPENED,
                           .opened.report = &report_of_opened,
                           .opened.signature =
                                   AZ_SPAN_LITERAL_FROM_STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=") };
const MqttEvent connack = { .type = MQTT_EVENT_CONNACK };

FixtureClock now = { .boot_s = 3600, .unix_s = 1900000000 };

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's own are reserved names */
int clock_gettime(clockid_t clock, struct timespec *ret) {
        *ret = (struct timespec){};
        if (clock == CLOCK_REALTIME)
                ret->tv_sec = now.unix_s;
        if (clock == CLOCK_BOOTTIME)
                ret->tv_sec = now.boot_s;
        return 0;
}

/* There is one link in a test, and this belongs to it. */
static struct MqttProbe {
        MqttLink *link;
        int fd;
} the_probe;

int mqtt_probe_new(MqttProbe **ret) {
        the_probe.fd = eventfd(0, EFD_CLOEXEC);
        *ret = &the_probe;
        return 0;
}

MqttProbe *mqtt_probe_free(MqttProbe *p) {
        (void) close_fd(p->fd);
        return NULL;
}

int mqtt_probe_get_fd(const MqttProbe *p) {
        return p->fd;
}

uint64_t mqtt_probe_deadline_us(const MqttProbe *p) {
        return UINT64_MAX;
}

void mqtt_probe_dispatch(MqttProbe *p, uint64_t now_us) {
}

bool mqtt_probe_next_event(MqttProbe *p, MqttProbeEvent *ret) {
        MqttLink *l = p->link;

        if (!l->is_probing || !l->has_verdict)
                return false;
        *ret = l->verdict;
        l->is_probing = l->has_verdict = false;
        return true;
}

void mqtt_probe_stop(MqttProbe *p) {
        p->link->is_probing = false;
}

int mqtt_probe_start(MqttProbe *p, const MqttEndpoint *endpoint, const MqttSignJob *sign,
                     MqttStage last_stage, uint64_t now_us) {
        p->link->n_probed++;
        p->link->is_probing = true;
        p->link->has_verdict = false;
        return 0;
}

int mqtt_link_new(MqttLink **ret, const MqttLinkConfig *config) {
        *ret = (MqttLink *) (void *) config->runtime_dir;
        (*ret)->fd = eventfd(0, EFD_CLOEXEC);
        the_probe.link = *ret;
        return 0;
}

MqttLink *mqtt_link_free(MqttLink *l) {
        (void) close_fd(l->fd);
        return NULL;
}

int mqtt_link_get_fd(const MqttLink *l) {
        return l->fd;
}

void mqtt_link_proven(MqttLink *l) {
}

uint64_t mqtt_link_deadline_us(const MqttLink *l) {
        return UINT64_MAX;
}

int mqtt_link_dispatch(MqttLink *l, uint64_t now_us) {
        return 0;
}

bool mqtt_link_next_event(MqttLink *l, MqttEvent *ret) {
        if (!l->has_event)
                return false;
        *ret = l->event;
        l->has_event = false;
        if (ret->type == MQTT_EVENT_CONNACK)
                l->is_connected = true;
        return true;
}

int sas_sign(az_span string_to_sign, az_span key_base64, char *ret_signature, size_t size) {
        (void) snprintf(ret_signature, size, "%043d=", 0);
        return 0;
}

int sas_sign_job_new(MqttSignJob *ret, az_span input, az_span key_base64) {
        ret->input = input;
        return 0;
}

int mqtt_link_open(MqttLink *l, const MqttEndpoint *endpoint, const MqttSignJob *sign, uint64_t now_us) {
        l->n_opened++;
        az_span_to_str(l->host, sizeof(l->host), endpoint->host);
        l->port = endpoint->port;
        az_span_to_str(l->signed_text, sizeof(l->signed_text), sign ? sign->input : AZ_SPAN_EMPTY);
        return 0;
}

int mqtt_link_connect(MqttLink *l, const MqttConnect *connect, uint64_t now_us) {
        l->keep_alive_s = connect->keep_alive_s;
        return 0;
}

int mqtt_link_subscribe(MqttLink *l, const MqttFilter *filters, size_t n_filters) {
        l->n_filters = n_filters;
        return 0;
}

int mqtt_link_publish(MqttLink *l, az_span topic, az_span payload, uint8_t qos, uint64_t token) {
        if (!l->is_connected)
                return -ENOTCONN;
        if (l->is_full)
                return MQTT_WINDOW_FULL;
        l->n_published++;
        az_span_to_str(l->topic, sizeof(l->topic), topic);
        return 0;
}

unsigned mqtt_link_window_free(const MqttLink *l) {
        return l->is_connected;
}

void mqtt_link_ack(MqttLink *l, MqttAck ack) {
        l->acked = ack.sequence;
}

int mqtt_link_disconnect(MqttLink *l, const MqttDisconnect *disconnect, uint64_t now_us) {
        return -ENOTCONN;
}

void mqtt_link_hint(MqttLink *l, uint64_t now_us) {
        l->n_hints++;
}

void mqtt_link_get_traffic(const MqttLink *l, MqttTraffic *ret) {
        *ret = (MqttTraffic){};
}

int mqtt_link_get_local(const MqttLink *l, struct sockaddr_storage *ret) {
        return -ENOTCONN;
}

void mqtt_link_close(MqttLink *l) {
        l->is_connected = false;
}
