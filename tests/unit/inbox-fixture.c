/* SPDX-License-Identifier: MIT */

#include "inbox-fixture.h"

#include <stdarg.h>

static void said(Fixture *f, const char *format, ...) _printf_(2, 3);
static void said(Fixture *f, const char *format, ...) {
        size_t n = strlen(f->said);
        va_list ap;

        va_start(ap, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start() stands one line above */
        (void) vsnprintf(f->said + n, sizeof(f->said) - n, format, ap);
        va_end(ap);
}

static void on_ack(void *userdata, MqttAck ack) {
        Fixture *f = userdata;

        /* The link ignores those of an earlier connection. */
        if (ack.epoch == f->epoch)
                said(f, "a%u ", (unsigned) ack.sequence);
}

static void on_give(void *userdata, void *taker_userdata, const InboxMessage *message) {
        Fixture *f = userdata;

        if (!message) {
                said(f, "give - ");
                return;
        }
        f->last = *message;
        said(f, "%s %.*s ", message->redelivered ? "redeliver" : "give", az_span_size(message->payload),
             (const char *) az_span_ptr(message->payload));
}

static void on_settled(void *userdata, void *token, int error) {
        Fixture *f = userdata;

        ck_assert_ptr_eq(token, f);
        if (error == 0)
                said(f, "settled ");
        else
                said(f, "settled %s ", strerrorname_np(error));
}

static const InboxOps ops = { .ack = on_ack, .give = on_give, .settled = on_settled };

void fixture_init(Fixture *f) {
        *f = (Fixture){
                .config = { .max_messages = 3, .max_bytes = 1024 * 1024 },
                .now = { .boottime_us = USEC_PER_SEC, .realtime_us = T0_REALTIME_US },
                .log.max_level = -1,
                .epoch = 1,
        };
        scratch_init(f->directory, "inbox");
        ck_assert_int_eq(disk_new(&f->disk), 0);
}

void fixture_done(Fixture *f) {
        f->inbox = inbox_free(f->inbox);
        f->disk = disk_free(f->disk);
        scratch_done(f->directory);
}

void fixture_open(Fixture *f) {
        f->config.directory = f->directory;
        ck_assert_int_eq(inbox_open(&f->inbox, f->disk, &f->config, &ops, f, &f->log, &f->now), 0);
}

void fixture_crash(Fixture *f) {
        f->inbox = inbox_free(f->inbox);
        f->epoch++;
}

void fixture_restart(Fixture *f) {
        fixture_crash(f);
        fixture_open(f);
}

void fixture_pass(Fixture *f, uint64_t us) {
        f->now.boottime_us += us;
        f->now.realtime_us += us;
        inbox_run_due(f->inbox, &f->now);
        disk_drain(f->disk);
}

const char *fixture_said(Fixture *f) {
        disk_drain(f->disk);
        memcpy(f->told, f->said, sizeof(f->told));
        f->said[0] = '\0';
        return f->told;
}

InboxDelivery fixture_delivery(const Fixture *f, unsigned ack, const char *mid, const char *text) {
        return (InboxDelivery){
                .bag = AZ_SPAN_FROM_STR("line=3"),
                .payload = az_span_create_from_str((char *) text),
                .message_id = mid ? az_span_create_from_str((char *) mid) : AZ_SPAN_EMPTY,
                .ack = { .epoch = f->epoch, .sequence = ack },
        };
}

void fixture_deliver(Fixture *f, const InboxDelivery *delivery) {
        inbox_receive(f->inbox, delivery, &f->now);
}

void fixture_receive(Fixture *f, unsigned ack, const char *mid, const char *text) {
        InboxDelivery delivery = fixture_delivery(f, ack, mid, text);

        fixture_deliver(f, &delivery);
}

InboxTaker *fixture_taker(Fixture *f) {
        InboxTaker *taker;

        ck_assert_int_eq(inbox_taker_new(&taker, f->inbox, NULL), 0);
        return taker;
}

void fixture_wait(Fixture *f, InboxTaker *taker) {
        ck_assert_int_eq(inbox_taker_wait(taker, f->now.boottime_us + 30 * USEC_PER_SEC, &f->now), 0);
}

const char *fixture_consume(Fixture *f, InboxTaker *taker) {
        fixture_wait(f, taker);
        disk_drain(f->disk);
        ck_assert_int_eq(inbox_taker_settle(taker, f->last.sequence, f), 0);
        return fixture_said(f);
}

InboxStats fixture_stats(const Fixture *f) {
        InboxStats stats;

        inbox_get_stats(f->inbox, &stats);
        return stats;
}
