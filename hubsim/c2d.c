/* SPDX-License-Identifier: MIT */

#include "hubsim/c2d.h"

#include "hubsim/hub.h"
#include "hubsim/log.h"
#include "hubsim/session.h"

/* "IoT Hub locks the message for one minute; this cannot be changed." */
#define LOCK_US (60 * USEC_PER_SEC)

C2d *c2d_free(C2d *c) {
        if (!c)
                return NULL;

        sd_event_source_disable_unref(c->timer);
        c2d_queue_done(&c->queue);
        free(c);
        return NULL;
}

int c2d_get(Hub *hub, Device *device, C2d **ret) {
        if (!device->c2d) {
                device->c2d = malloc(sizeof(C2d));
                if (!device->c2d)
                        return -ENOMEM;
                *device->c2d = (C2d){ .hub = hub, .device = device };
        }

        *ret = device->c2d;
        return 0;
}

/* What was granted to this device, -1 without a subscription. Either filter will do. */
static int device_c2d_qos(const Device *device) {
        char own[256];

        (void) snprintf(own, sizeof(own), "devices/%s/messages/devicebound/#", device->id);
        return MAX(device_granted_qos(device, own),
                   device_granted_qos(device, "devices/+/messages/devicebound/#"));
}

/* The message is done with. */
static int c2d_settle(C2d *c, C2dMessage *m, C2dStatus status) {
        FeedbackRecord record = {
                .device = c->device, .message_id = m->message_id, .status = status, .time_us = realtime_us()
        };
        bool is_wanted = c2d_ack_wants(m->ack, status);
        int r;

        r = state_remove_message(c->hub->state, c->device, m, is_wanted ? &record : NULL);
        if (r < 0)
                return r;
        if (status != C2D_SUCCESS)
                log_event(c->device->id, 0, "message '%s' to it is gone: %s", m->message_id,
                          c2d_status_to_string(status));
        if (is_wanted) {
                r = feedback_add(&c->hub->feedback, &record);
                if (r < 0)
                        return r;
        }
        c2d_message_free(c2d_queue_remove(&c->queue, m));
        return 0;
}

static int c2d_send_next(C2d *c, C2dMessage *m, unsigned qos) {
        MqttPublish publish = {
                .message = { .topic = buffer_span(&m->topic),
                             .payload = buffer_span(&m->payload),
                             .qos = qos },
                .dup = qos > 0 && m->was_delivered,
                .packet_id = c2d_message_packet_id(m),
        };
        uint64_t lock_us = c->hub->faults.lock_us > 0 ? c->hub->faults.lock_us : LOCK_US;
        bool is_first = !m->was_delivered;
        int r;

        r = session_publish_packet(c->device->session, &publish);
        if (r < 0)
                return r;
        if (qos == 0) /* nothing will ever acknowledge it */
                return c2d_settle(c, m, C2D_SUCCESS);
        r = c2d_queue_deliver(&c->queue, m, boottime_us(), lock_us);
        if (r < 0 || !is_first)
                return r;
        return state_change_message(c->hub->state, c->device, m);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static int c2d_arm(C2d *c) {
        uint64_t due_us = c2d_queue_deadline_us(&c->queue, boottime_us(), realtime_us());
        int r;

        if (due_us == UINT64_MAX)
                return c->timer ? sd_event_source_set_enabled(c->timer, SD_EVENT_OFF) : 0;
        if (!c->timer)
                return sd_event_add_time(c->hub->event, &c->timer, CLOCK_BOOTTIME, due_us, 1, on_timer, c);
        r = sd_event_source_set_time(c->timer, due_us);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Does all that is to be done now: unlocks, drops, sends. */
static int c2d_run(C2d *c) {
        C2dMessage *m;
        C2dStatus status;
        int qos, r;

        c2d_queue_unlock(&c->queue, boottime_us());
        while ((m = c2d_queue_find_dead(&c->queue, realtime_us(), &status))) {
                r = c2d_settle(c, m, status);
                if (r < 0)
                        return r;
        }

        qos = c->device->session ? device_c2d_qos(c->device) : -1;
        while (qos >= 0 && (m = c2d_queue_next(&c->queue))) {
                r = c2d_send_next(c, m, (unsigned) qos);
                if (r < 0)
                        return r;
        }
        return c2d_arm(c);
}

/* The same from outside a connection's own handlers, where nobody else would close it. */
static void c2d_run_or_close(C2d *c) {
        int r;

        r = c2d_run(c);
        if (r >= 0)
                return;
        log_event(c->device->id, 500001, "closed: cannot send its messages: %s", strerror(-r));
        if (c->device->session)
                session_close(c->device->session, SESSION_END_LOST, 404104);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        c2d_run_or_close(userdata);
        return 0;
}

int c2d_send(Hub *hub, Device *device, const C2dRequest *request) {
        _cleanup_(c2d_message_freep) C2dMessage *m = NULL;
        C2d *c;
        int r;

        r = c2d_get(hub, device, &c);
        if (r < 0)
                return r;
        if (!device->was_connected && hub->faults.never_connected != NEVER_CONNECTED_QUEUE) {
                log_event(device->id, 404103, "a message to it is dropped: it has never connected");
                return hub->faults.never_connected == NEVER_CONNECTED_REFUSE ? 404103 : 0;
        }
        c2d_run_or_close(c);
        if (c2d_queue_is_full(&c->queue))
                return 403004;
        r = c2d_message_new(request, hub->faults.form, realtime_us(), &m);
        if (r == C2D_TOO_LARGE)
                return 413001;
        if (r < 0)
                return r;

        m->number = c->queue.last_number + 1;
        r = state_add_message(hub->state, device, m);
        if (r < 0)
                return 500001;
        c2d_queue_add(&c->queue, TAKE_PTR(m));
        c2d_run_or_close(c);
        return 0;
}

int c2d_purge(Hub *hub, Device *device) {
        C2d *c = device->c2d;
        int n = 0, r;

        while (c && c->queue.first) {
                r = c2d_settle(c, c->queue.first, C2D_PURGED);
                if (r < 0)
                        return r;
                n++;
        }
        return n;
}

int c2d_on_new_session(Hub *hub, Device *device, bool is_clean) {
        if (is_clean)
                return c2d_purge(hub, device);
        if (!device->c2d)
                return 0;

        for (C2dMessage *m = device->c2d->queue.first; m; m = m->next)
                if (m->was_delivered) {
                        int r;

                        m->was_delivered = false;
                        r = state_change_message(hub->state, device, m);
                        if (r < 0)
                                return r;
                }
        return 0;
}

int c2d_deliver(Hub *hub, Device *device) {
        return device->c2d ? c2d_run(device->c2d) : 0;
}

int c2d_on_puback(Hub *hub, Device *device, uint16_t packet_id) {
        C2dAnswer answer = C2D_ANSWER_LOCK_LOST;
        C2d *c = device->c2d;
        C2dMessage *m;
        int r = 0;

        if (c)
                answer = c2d_queue_answer(&c->queue, packet_id, boottime_us(), &m);
        switch (answer) {
        case C2D_ANSWER_COMPLETED:
                r = c2d_settle(c, m, C2D_SUCCESS);
                if (r < 0)
                        return r;
                return c2d_run(c);
        case C2D_ANSWER_LOCK_LOST:
                log_event(device->id, 412002, "PUBACK %u came too late: nothing is completed", packet_id);
                return c ? c2d_run(c) : 0;
        case C2D_ANSWER_OUT_OF_ORDER:
                log_event(device->id, 400004, "closed: PUBACK %u is not in the order of delivery", packet_id);
                return -EBADMSG;
        case _C2D_ANSWER_MAX:
        case _C2D_ANSWER_INVALID:
                break;
        }
        return -EINVAL;
}

void c2d_on_closed(Hub *hub, Device *device) {
        C2d *c = device->c2d;

        if (!c)
                return;

        c2d_queue_disconnect(&c->queue);
        for (const C2dMessage *m = c->queue.first; m; m = m->next)
                if (m->n_deliveries > 0)
                        (void) state_change_message(hub->state, device,
                                                    m); /* it comes once more than it should */
        c2d_run_or_close(c);
}
