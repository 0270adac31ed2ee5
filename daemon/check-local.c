/* SPDX-License-Identifier: MIT */

#include "daemon/check-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <mqtt/identity.h>

#include "daemon/enrollment.h"
#include "daemon/wall-clock.h"
#include "ipc/rfc3339.h"

/* Below this the files of the state directory, the outbox apart, are at risk. */
#define DISK_LOW_BYTES (UINT64_C(16) << 20)

/* From here on, in percent of its bytes or messages, the outbox may soon be full. */
#define OUTBOX_HIGH_PERCENT 80U

/* A certificate has to be renewed in this time; see also the warnings in the log. */
#define CERTIFICATE_SOON_S (INT64_C(30) * 86400)

#define FILE_NAME "check.tmp"

/* Clock ----------------------------------------------------------------------------------------------- */

static void check_clock(const Check *c) {
        uint64_t begun_us = boottime_us(), now_us = realtime_us();
        char text[CHECK_TEXT_MAX], time[RFC3339_SIZE];
        DiagnosisContext context = { .boottime_us = begun_us, .realtime_us = now_us };
        Diagnosis d;

        if (now_us / USEC_PER_SEC < wall_clock_build_s()) {
                diagnosis_make(&d, &context, PROBLEM_CLOCK_BEFORE_BUILD, 0, NULL);
                check_tell_diagnosis(c, begun_us, "clock", CHECK_FAILED, &d);
                return;
        }
        (void) snprintf(text, sizeof(text), "It is %s", rfc3339_format(time, now_us));
        check_tell(c, begun_us, "clock", CHECK_OK, text, NULL);
}

/* Identity -------------------------------------------------------------------------------------------- */

static int load_credential(Check *c, Enrollment *enrollment, ConfigMessages *messages) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");

        credential_done(&c->credential);
        if (enrollment_is_configured(c->c.config))
                return enrollment_load(enrollment, &c->credential, c->c.config, directory, messages);
        return credential_load(&c->credential, c->c.config, directory, messages);
}

static void describe_identity(const Check *c, const Enrollment *e, char *ret, size_t size) {
        const char *proof = c->credential.kind == AZ_CREDENTIAL_X509 ? "a certificate" : "a key";

        if (e->owner.registration_id)
                (void) snprintf(ret, size, "Registration '%s' in id scope '%s', proven by %s",
                                e->owner.registration_id, e->owner.id_scope, proof);
        else
                (void) snprintf(ret, size, "Device '%s' at '%s', proven by %s", c->credential.device_id,
                                c->credential.host, proof);
}

/* Tells what is wrong with the files, or false. */
static bool format_errors(const ConfigMessages *messages, char *ret, size_t size) {
        size_t n = 0;

        for (size_t i = 0; i < messages->n && n < size; i++) {
                char text[512];

                if (messages->messages[i].level == LOG_ERR)
                        n += (size_t) snprintf(
                                ret + n, size - n, "%s%s", n > 0 ? "; " : "",
                                config_message_format(&messages->messages[i], text, sizeof(text)));
        }
        return n > 0;
}

static void check_identity(Check *c) {
        _cleanup_(config_messages_done) ConfigMessages messages = CONFIG_MESSAGES_NULL;
        uint64_t begun_us = boottime_us();
        Enrollment enrollment = ENROLLMENT_NULL;
        char text[CHECK_TEXT_MAX];
        int r;

        r = load_credential(c, &enrollment, &messages);
        if (r == 0) {
                describe_identity(c, &enrollment, text, sizeof(text));
                check_tell(c, begun_us, "identity", CHECK_OK, text, NULL);
        } else {
                if (!format_errors(&messages, text, sizeof(text)))
                        (void) snprintf(text, sizeof(text), "It cannot be loaded: %s", strerror(-r));
                check_tell(c, begun_us, "identity", CHECK_FAILED, text,
                           "Correct [Hub] or [Provisioning] in the configuration, or the file that it names; "
                           "'aziotd --check-config' checks them all.");
        }
        enrollment_done(&enrollment);
}

/* Files with secrets are ours alone. */
static void check_permissions(const Check *c) {
        const char *certificate_key = c->credential.private_key_file ?: c->credential.certificate_file;
        const char *files[] = { c->credential.secret_file, certificate_key,
                                c->credential.private_key_password_file };
        uint64_t begun_us = boottime_us();
        char text[CHECK_TEXT_MAX], advice[CHECK_TEXT_MAX];
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                struct stat st;

                if (!files[i] || stat(files[i], &st) < 0)
                        continue;
                n++;
                if ((st.st_mode & (S_IRWXO | S_IWGRP)) == 0)
                        continue;
                (void) snprintf(text, sizeof(text),
                                "'%s' has mode %04o: others can read or change this secret", files[i],
                                st.st_mode & 07777U);
                (void) snprintf(advice, sizeof(advice), "chmod g-w,o= '%s'", files[i]);
                check_tell(c, begun_us, "permissions", CHECK_WARNING, text, advice);
                return;
        }
        if (n == 0)
                check_tell(c, begun_us, "permissions", CHECK_SKIPPED, "There is no file with a secret", NULL);
        else
                check_tell(c, begun_us, "permissions", CHECK_OK, "Nobody else can read the secrets", NULL);
}

static void check_certificate_dates(const Check *c, uint64_t begun_us, const MqttCertificate *own) {
        int64_t now_s = (int64_t) (realtime_us() / USEC_PER_SEC);
        char text[CHECK_TEXT_MAX], from[RFC3339_SIZE], to[RFC3339_SIZE];
        CheckOutcome outcome = CHECK_OK;
        const char *advice = NULL;

        (void) snprintf(text, sizeof(text), "Subject %s, issuer %s, valid from %s to %s", own->subject,
                        own->issuer, rfc3339_format(from, (uint64_t) own->not_before_s * USEC_PER_SEC),
                        rfc3339_format(to, (uint64_t) own->not_after_s * USEC_PER_SEC));
        if (now_s < own->not_before_s || now_s > own->not_after_s) {
                outcome = CHECK_FAILED;
                advice = "It is not valid now: the hub refuses it. Look at the clock, or put a new "
                         "certificate "
                         "in its place; aziotd takes it by itself.";
        } else if (own->not_after_s - now_s < CERTIFICATE_SOON_S) {
                outcome = CHECK_WARNING;
                advice = "It ends soon. Put a new certificate in its place; aziotd takes it by itself.";
        }
        check_tell(c, begun_us, "certificate", outcome, text, advice);
}

static void check_certificate(const Check *c) {
        uint64_t begun_us = boottime_us();
        char text[MQTT_TEXT_MAX];
        MqttIdentity identity;

        if (!c->credential.certificate_file)
                check_tell(c, begun_us, "certificate", CHECK_SKIPPED, "The device has no certificate", NULL);
        else if (mqtt_identity_describe(&identity, c->credential.certificate_file, text, sizeof(text)) < 0)
                check_tell(c, begun_us, "certificate", CHECK_FAILED, text,
                           "Put a certificate in PEM there; aziotd takes it by itself.");
        else
                check_certificate_dates(c, begun_us, &identity.certificate);
}

/* Storage --------------------------------------------------------------------------------------------- */

/* Of 'capacity'; 0: there is no limit. */
static bool is_nearly_full(uint64_t n, uint64_t capacity) {
        return capacity > 0 && n * 100 >= capacity * OUTBOX_HIGH_PERCENT;
}

static void check_outbox(const Check *c) {
        uint64_t begun_us = boottime_us();
        int error = outboxes_get_storage_error(c->c.outboxes);
        char text[CHECK_TEXT_MAX];
        OutboxStats stats;
        bool is_high;
        int n;

        if (error != 0) {
                (void) snprintf(text, sizeof(text), "Messages cannot be stored, or soon will not: %s",
                                strerror(error));
                check_tell(c, begun_us, "outbox", CHECK_FAILED, text,
                           "Make room, or mend the disk of the outbox; it is tried again by itself.");
                return;
        }
        outboxes_get_stats(c->c.outboxes, &stats);
        is_high = is_nearly_full(stats.bytes, stats.capacity_bytes) ||
                  is_nearly_full(stats.messages, stats.capacity_messages);
        n = snprintf(text, sizeof(text), "%" PRIu64 " messages wait in %" PRIu64 " of %" PRIu64 " KiB",
                     stats.messages, (stats.bytes + 1023) / 1024, stats.capacity_bytes / 1024);
        if (stats.capacity_messages > 0)
                (void) snprintf(text + n, sizeof(text) - (size_t) n, ", %" PRIu64 " may be there",
                                stats.capacity_messages);
        check_tell(c, begun_us, "outbox", is_high ? CHECK_WARNING : CHECK_OK, text,
                   is_high ? "When it is full, [Outbox] WhenFull= decides: see aziotd.conf(5)." : NULL);
}

void check_local(Check *c) {
        check_clock(c);
        if (check_has_hub(c)) {
                check_identity(c);
                check_permissions(c);
                check_certificate(c);
        }
        if (broker_is_configured(c->c.broker))
                check_broker_settings(c);
        check_outbox(c);
}

/* Writes and syncs a block to a file that nobody sees. */
static int try_write(const char *directory) {
        static const char block[4096];
        char path[PATH_MAX];
        int fd, r;

        (void) snprintf(path, sizeof(path), "%s/" FILE_NAME, directory);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        (void) unlink(path);
        r = disk_write_at(fd, block, sizeof(block), 0);
        if (r >= 0 && fdatasync(fd) < 0)
                r = -errno;
        (void) close_fd(fd);
        return r;
}

static void disk_run(DiskJob *job) {
        CheckDisk *d = (CheckDisk *) job;
        struct statvfs st;

        d->error = statvfs(d->check->state_dir, &st) < 0 ? -errno : try_write(d->check->state_dir);
        d->n_free_bytes = d->error < 0 ? 0 : (uint64_t) st.f_bavail * st.f_frsize;
}

static void disk_done(DiskJob *job) {
        CheckDisk *d = (CheckDisk *) job;

        d->is_busy = false;
        check_disk_done(d->check);
}

void check_disk_begin(Check *c) {
        c->disk.job = (DiskJob){ .run = disk_run, .done = disk_done };
        c->disk.check = c;
        c->disk.is_busy = true;
        c->disk.begun_us = boottime_us();
        disk_submit(c->c.disk, &c->disk.job);
}

void check_disk_tell(const Check *c) {
        const CheckDisk *d = &c->disk;
        char text[CHECK_TEXT_MAX];

        if (d->error < 0) {
                (void) snprintf(text, sizeof(text), "'%s' cannot be written: %s", c->state_dir,
                                strerror(-d->error));
                check_tell(c, d->begun_us, "disk", CHECK_FAILED, text,
                           "Messages are refused until it can: look at 'df', 'mount' and 'dmesg'.");
                return;
        }
        (void) snprintf(text, sizeof(text), "'%s' can be written and has %" PRIu64 " MiB free", c->state_dir,
                        d->n_free_bytes >> 20);
        if (d->n_free_bytes < DISK_LOW_BYTES)
                check_tell(c, d->begun_us, "disk", CHECK_WARNING, text,
                           "Make room: look for big files by 'du'.");
        else
                check_tell(c, d->begun_us, "disk", CHECK_OK, text, NULL);
}
