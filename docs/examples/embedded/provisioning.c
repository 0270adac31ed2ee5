/* SPDX-License-Identifier: MIT */

/*
 * A device that asks the Device Provisioning Service where it belongs, connects to that hub, and asks again
 * when the hub does not want it any more. session/recovery.h knows which of the two has its turn.
 *
 *      AZIOT_HOST=localhost AZIOT_PORT=8883 AZIOT_CA_FILE=ca.pem AZIOT_ID_SCOPE=0ne00000000 \
 *              AZIOT_REGISTRATION_ID=device-1 AZIOT_KEY_FILE=key ./provisioning-paho
 *
 * A device keeps what it was told, for the service need not be asked at each start: in AZIOT_ASSIGNMENT_FILE,
 * if that is set.
 */

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dps-link.h"
#include "hub-link.h"

typedef struct Provisioned {
        Program program;
        az_recovery recovery;
        DpsLink dps;
        HubLink hub;
        Assignment assignment; /* of 'hub' */
        const char *file;      /* where it is kept; NULL: nowhere */
} Provisioned;

/* One line: hub, device id, and whose assignment it is. */
static bool read_assignment(const Provisioned *p, Assignment *ret) {
        FILE *f = p->file ? fopen(p->file, "r") : NULL;
        char id_scope[256] = "", registration_id[256] = "";
        bool is_whole;

        if (!f)
                return false;
        is_whole = fscanf(f, "%255s %255s %255s %255s", ret->hub, ret->device_id, id_scope,
                          registration_id) == 4;
        fclose(f);
        return is_whole && strcmp(id_scope, program_setting("AZIOT_ID_SCOPE")) == 0 &&
               strcmp(registration_id, program_setting("AZIOT_REGISTRATION_ID")) == 0;
}

/* A device that loses power meanwhile has the old one or the new one. */
static void write_assignment(const Provisioned *p) {
        char name[4096] = "";
        bool is_written;
        FILE *f;

        if (!p->file || snprintf(name, sizeof(name), "%s.new", p->file) >= (int) sizeof(name))
                return;
        f = fopen(name, "w");
        if (!f)
                return;
        is_written = fprintf(f, "%s %s %s %s\n", p->assignment.hub, p->assignment.device_id,
                             program_setting("AZIOT_ID_SCOPE"), program_setting("AZIOT_REGISTRATION_ID")) > 0;
        is_written = fflush(f) == 0 && fsync(fileno(f)) == 0 && is_written;
        fclose(f);
        if (is_written)
                (void) rename(name, p->file);
}

static void connect_to_hub(Provisioned *p) {
        hub_link_stop(&p->hub);
        if (!assignment_is_same(&p->assignment, &p->dps.assignment)) {
                p->assignment = p->dps.assignment;
                write_assignment(p);
        }
        hub_link_start(&p->hub, &p->program, p->assignment.hub, p->assignment.device_id, &p->recovery);
}

static void on_event(Provisioned *p, const az_recovery_event *event) {
        switch (event->type) {
        case AZ_RECOVERY_EVENT_PROVISION:
                dps_link_start(&p->dps);
                break;
        case AZ_RECOVERY_EVENT_CONNECT:
                connect_to_hub(p);
                break;
        case AZ_RECOVERY_EVENT_WAIT:
                printf("next registration in %d s\n",
                       (int) ((event->not_before_us - program_now_us()) / UINT64_C(1000000)));
                break;
        case AZ_RECOVERY_EVENT_BACK_OFF:       /* the hub session tries again by itself */
        case AZ_RECOVERY_EVENT_RESUME:         /* it stood still meanwhile, and goes on */
        case AZ_RECOVERY_EVENT_NEW_CREDENTIAL: /* there is one alone */
        case AZ_RECOVERY_EVENT_STOP:
        case _AZ_RECOVERY_EVENT_TYPE_MAX:
                break;
        }
}

static void pop_events(Provisioned *p) {
        az_recovery_event event;

        while (az_recovery_next_event(&p->recovery, &event))
                on_event(p, &event);
}

static void turn(Provisioned *p) {
        must(az_recovery_timeout(&p->recovery, program_now_us()));
        pop_events(p);
        switch (az_recovery_get_status(&p->recovery).state) {
        case AZ_RECOVERY_HUB:
                hub_link_turn(&p->hub);
                break;
        case AZ_RECOVERY_PROVISIONING:
        case AZ_RECOVERY_REPROVISIONING:
                dps_link_turn(&p->dps);
                break;
        case AZ_RECOVERY_WAITING:
                program_sleep(program_wait_ms(az_recovery_deadline_us(&p->recovery)));
                break;
        case AZ_RECOVERY_STOPPED:
        case _AZ_RECOVERY_STATE_MAX:
                break;
        }
        pop_events(p);
}

int main(int argc, char **argv) {
        az_recovery_options options = az_recovery_options_default();
        Provisioned p = { .file = getenv("AZIOT_ASSIGNMENT_FILE") };
        bool has_assignment;

        program_init(&p.program, argc, argv);
        options.random_seed = program_random();
        options.has_provisioning = true;
        must(az_recovery_init(&p.recovery, &options));
        dps_link_init(&p.dps, &p.program, program_setting("AZIOT_ID_SCOPE"),
                      program_setting("AZIOT_REGISTRATION_ID"), &p.recovery);
        has_assignment = read_assignment(&p, &p.assignment);
        if (!has_assignment)
                p.assignment = (Assignment){ "", "" };
        p.dps.assignment = p.assignment;

        must(az_recovery_start(&p.recovery, has_assignment, program_now_us()));
        pop_events(&p);
        while (!program_is_over(&p.program))
                turn(&p);
        dps_link_stop(&p.dps);
        hub_link_stop(&p.hub);
        return 0;
}
