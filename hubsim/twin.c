/* SPDX-License-Identifier: MIT */

#include "hubsim/twin.h"

#include "hubsim/hub.h"
#include "hubsim/log.h"
#include "hubsim/session.h"
#include "hubsim/twin-file.h"

static void section_done(TwinSection *section) {
        ipc_buffer_done(&section->document);
}

Twin *twin_free(Twin *twin) {
        if (!twin)
                return NULL;

        answers_clear(&twin->delayed);
        section_done(&twin->desired);
        section_done(&twin->reported);
        ipc_buffer_done(&twin->faults.race_patch);
        free(twin);
        return NULL;
}

DEFINE_CLEANUP(Twin *, twin_free)

static int section_begin(TwinSection *section) {
        section->version = 1;
        return buffer_append(&section->document, "{}", 2);
}

static int twin_read(const Hub *hub, const Device *device, Twin *twin) {
        int r;

        r = twin_file_read(hub->state_dir, device->id, &twin->desired, &twin->reported);
        if (r != -ENOENT)
                return r;

        r = section_begin(&twin->desired);
        return r < 0 ? r : section_begin(&twin->reported);
}

int twin_get(Hub *hub, Device *device, Twin **ret) {
        _cleanup_(twin_freep) Twin *twin = NULL;
        int r;

        if (!device->twin) {
                twin = malloc(sizeof(*twin));
                if (!twin)
                        return -ENOMEM;
                *twin = (Twin){};
                r = twin_read(hub, device, twin);
                if (r < 0) {
                        log_event(device->id, 500001, "cannot read its twin: %s", strerror(-r));
                        return r;
                }
                device->twin = TAKE_PTR(twin);
        }

        *ret = device->twin;
        return 0;
}

void twin_set_faults(Twin *twin, TwinFaults *faults) {
        ipc_buffer_done(&twin->faults.race_patch);
        twin->faults = *faults;
        *faults = (TwinFaults){};
}

/* Changes --------------------------------------------------------------------------------------------- */

/* Writes the file, then takes over the result. */
static int twin_update(Hub *hub, const Device *device, TwinSection *section, az_span patch, bool replace,
                       TwinRefusal *ret_refusal) {
        Twin *twin = device->twin;
        _cleanup_(section_done)
                TwinSection next = { .version = section->version + MAX(twin->faults.step, 1U) };
        int r;

        r = twin_document_merge(replace ? AZ_SPAN_FROM_STR("{}") : buffer_span(&section->document), patch,
                                &next.document, ret_refusal);
        if (r != 0)
                return r;
        r = twin_file_write(hub->state_dir, device->id, section == &twin->desired ? &next : &twin->desired,
                            section == &twin->reported ? &next : &twin->reported);
        if (r < 0) {
                log_event(device->id, 500001, "cannot write its twin: %s", strerror(-r));
                return r;
        }

        ipc_buffer_done(&section->document);
        *section = next;
        next = (TwinSection){};
        return 0;
}

/* "The device must be connected and subscribed"; otherwise it is never told, and has to ask. */
static int notify_desired(Device *device, az_span patch) {
        _cleanup_(ipc_buffer_done) IpcBuffer topic = {}, payload = {};
        uint64_t version = device->twin->desired.version;
        int r;

        if (!device->session || !device_is_subscribed(device, TWIN_DESIRED_FILTER))
                return 0;

        r = buffer_printf(&topic, "$iothub/twin/PATCH/properties/desired/?$version=%llu",
                          (unsigned long long) version);
        if (r < 0)
                return r;
        r = twin_document_append_version(&payload, patch, version);
        if (r < 0)
                return r;
        return session_publish(device->session, buffer_span(&topic), buffer_span(&payload));
}

int twin_update_desired(Hub *hub, Device *device, az_span patch, bool replace, TwinRefusal *ret_refusal) {
        Twin *twin;
        int r;

        r = twin_get(hub, device, &twin);
        if (r < 0)
                return r;
        r = twin_update(hub, device, &twin->desired, patch, replace, ret_refusal);
        if (r == TWIN_REFUSED)
                log_event(device->id, ret_refusal->code, "desired properties refused: %s",
                          ret_refusal->message);
        if (r != 0)
                return r;
        return notify_desired(device, replace ? buffer_span(&twin->desired.document) : patch);
}

/* Answers --------------------------------------------------------------------------------------------- */

/* "An answer to a device that is not subscribed to $iothub/twin/res/# is lost." */
static int answer_send(const Device *device, az_span topic, az_span payload) {
        if (!device_is_subscribed(device, TWIN_RESPONSE_FILTER)) {
                log_event(device->id, 0, "a twin answer is lost: not subscribed to " TWIN_RESPONSE_FILTER);
                return 0;
        }
        return session_publish(device->session, topic, payload);
}

static void on_delayed(az_span topic, az_span payload, void *userdata) {
        (void) answer_send(userdata, topic, payload);
}

/* 'version' is 0 for an answer without one. */
static int twin_answer(Hub *hub, Device *device, const TwinRequest *request, unsigned status,
                       uint64_t version, az_span payload) {
        _cleanup_(ipc_buffer_done) IpcBuffer topic = {};
        TwinFaults *faults = device->twin ? &device->twin->faults : NULL;
        int r;

        r = buffer_printf(&topic, "$iothub/twin/res/%u/?$rid=", status);
        if (r < 0)
                return r;
        r = buffer_append_span(&topic, request->request_id);
        if (r < 0)
                return r;
        if (version > 0) {
                r = buffer_printf(&topic, "&$version=%llu", (unsigned long long) version);
                if (r < 0)
                        return r;
        }

        if (faults && faults->n_dropped > 0) {
                faults->n_dropped--;
                log_event(device->id, 0, "a twin answer is dropped, as it was asked to");
                return 0;
        }
        if (faults && faults->delay_us > 0)
                return answer_delay(&device->twin->delayed, hub->event, faults->delay_us, buffer_span(&topic),
                                    payload, on_delayed, device);
        return answer_send(device, buffer_span(&topic), payload);
}

static int twin_refuse(Hub *hub, Device *device, const TwinRequest *request, unsigned code,
                       const char *message) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        char tracking_id[UUID_SIZE];
        az_span text;
        int r;

        log_event(device->id, code, "twin %s refused: %s", request->is_patch ? "PATCH" : "GET", message);
        r = answer_format_error(&json, code, message, hub_realtime_us(hub), tracking_id);
        if (r < 0)
                return r;
        r = ipc_json_get(&json, &text);
        if (r < 0)
                return r;
        return twin_answer(hub, device, request, code / 1000, 0, text);
}

/* Requests -------------------------------------------------------------------------------------------- */

/* {"desired":{...,"$version":7},"reported":{...,"$version":3}} */
static int format_twin(const Twin *twin, IpcBuffer *out) {
        int r;

        r = buffer_printf(out, "{\"desired\":");
        if (r < 0)
                return r;
        r = twin_document_append_version(out, buffer_span(&twin->desired.document), twin->desired.version);
        if (r < 0)
                return r;
        r = buffer_printf(out, ",\"reported\":");
        if (r < 0)
                return r;
        r = twin_document_append_version(out, buffer_span(&twin->reported.document), twin->reported.version);
        if (r < 0)
                return r;
        return buffer_append(out, "}", 1);
}

/* The back end changes desired properties at this very moment, if it was asked to. */
static int run_race(Hub *hub, Device *device, TwinRace race) {
        TwinFaults *faults = &device->twin->faults;
        TwinRefusal refusal;
        int r;

        if (faults->race != race)
                return 0;

        faults->race = TWIN_RACE_NONE;
        r = twin_update_desired(hub, device, buffer_span(&faults->race_patch), false, &refusal);
        return r == TWIN_REFUSED ? 0 : r;
}

static int twin_on_get(Hub *hub, Device *device, const TwinRequest *request) {
        _cleanup_(ipc_buffer_done) IpcBuffer payload = {};
        int r;

        r = run_race(hub, device, TWIN_RACE_BEFORE);
        if (r < 0)
                return r;
        r = format_twin(device->twin, &payload);
        if (r < 0)
                return r;
        r = run_race(hub, device, TWIN_RACE_MIDDLE);
        if (r < 0)
                return r;
        r = twin_answer(hub, device, request, 200, 0, buffer_span(&payload));
        if (r < 0)
                return r;
        return run_race(hub, device, TWIN_RACE_AFTER);
}

static int twin_on_patch(Hub *hub, Device *device, const TwinRequest *request) {
        Twin *twin = device->twin;
        TwinRefusal refusal;
        int r;

        r = twin_update(hub, device, &twin->reported, request->payload, false, &refusal);
        if (r == TWIN_REFUSED)
                return twin_refuse(hub, device, request, refusal.code, refusal.message);
        if (r < 0)
                return twin_refuse(hub, device, request, 500001, "the hub cannot store it");

        return twin_answer(hub, device, request, 204, twin->faults.omit_version ? 0 : twin->reported.version,
                           AZ_SPAN_EMPTY);
}

/* IoT Hub's six digits for a status that a fault asks for. */
static unsigned code_of_status(unsigned status) {
        static const unsigned codes[] = {
                400004, 401003, 403010, 404001, 409001, 412002,
                413001, 429005, 500001, 502000, 503003, 504101,
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (codes[i] / 1000 == status)
                        return codes[i];
        return status * 1000;
}

/* Returns the six digits by which the request is one too many, 0: it is not. */
static unsigned twin_meter(Hub *hub, Device *device, const TwinRequest *request) {
        if (meter_take(&device->twin_meter, hub->limits.values[LIMIT_TWIN_PER_DEVICE], USEC_PER_SEC, 0,
                       boottime_us(), NULL) == LIMIT_EXCEEDED)
                return 429005;
        return hub_meter(hub, request->is_patch ? LIMIT_TWIN_UPDATES : LIMIT_TWIN_READS, request->payload);
}

int twin_on_request(Hub *hub, Device *device, const TwinRequest *request) {
        unsigned *n_refused, code;
        Twin *twin;
        int r;

        if (hub->is_basic)
                return twin_refuse(hub, device, request, 403010, "not in this tier");
        r = twin_get(hub, device, &twin);
        if (r < 0)
                return twin_refuse(hub, device, request, 500001, "the hub cannot read it");
        if (!request->has_api_version)
                return twin_refuse(hub, device, request, 400004, "no api-version in the user name");

        code = twin_meter(hub, device, request);
        if (code > 0)
                return twin_refuse(hub, device, request, code,
                                   code == 403002 ? "the messages of the day are used up"
                                                  : "too many requests");

        n_refused = request->is_patch ? &twin->faults.n_patches : &twin->faults.n_gets;
        if (*n_refused > 0) {
                --*n_refused;
                return twin_refuse(hub, device, request, code_of_status(twin->faults.status),
                                   "as it was asked to");
        }
        return request->is_patch ? twin_on_patch(hub, device, request) : twin_on_get(hub, device, request);
}

void twin_on_closed(Device *device) {
        if (device->twin)
                answers_clear(&device->twin->delayed);
}
