/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The identities that may connect, kept in one JSON file of the state directory and replaced atomically. What
 * a device's connection and stored session are hangs on its Device too, and is kept elsewhere (state.h).
 */

#include "hubsim/attestation.h"
#include "hubsim/fault-words.h"
#include "hubsim/limits.h"
#include "util/util.h"

typedef struct Session Session;
typedef struct C2d C2d;
typedef struct Twin Twin;

/* Bytes of a device id. */
#define DEVICE_ID_MAX 128U

/* "IoT Hub limits each device to 5 concurrent subscriptions." */
#define SUBSCRIPTIONS_MAX 5U

typedef struct Device {
        struct Device *next;
        char *id;
        Attestation attestation;
        bool enabled;

        Session *session;   /* its live connection, NULL while there is none */
        Twin *twin;         /* NULL before it is needed: twin_get() */
        bool was_connected; /* ever */
        bool has_stored_session;
        char *subscriptions[SUBSCRIPTIONS_MAX];
        unsigned granted_qos[SUBSCRIPTIONS_MAX];
        Meter twin_meter;
        DeviceFault fault; /* that it has asked for itself */
        C2d *c2d;          /* its cloud-to-device messages, NULL: never had any */
} Device;

typedef struct Registry Registry;

/* The shared access policy whose keys may connect any device: that which every hub has. */
#define POLICY_NAME "device"

/* IoT Hub's characters, less those that mean something in a topic, a user name or a connection string. */
bool device_id_is_valid(const char *id);

/* Reads 'path'; a missing file is an empty registry. The policy gets keys if it has none yet. -EBADMSG: not a
 * file that this program wrote. */
int registry_open(const char *path, Registry **ret);
Registry *registry_free(Registry *registry);
DEFINE_CLEANUP(Registry *, registry_free)

/* The keys of the policy. */
const Attestation *registry_get_policy(const Registry *registry);

Device *registry_first(const Registry *registry);
Device *registry_find(const Registry *registry, const char *id, size_t n);

/*
 * Adds a device with two fresh random keys and saves the file. -EEXIST: there is one with that id; -EINVAL:
 * no device id of IoT Hub, or one that cannot stand in a topic.
 */
int registry_add(Registry *registry, const char *id, Device **ret);

/* The same with a copy of this attestation. */
int registry_add_device(Registry *registry, const char *id, const Attestation *attestation, Device **ret);

/* Gives a device a copy of this one instead and saves the file; a live connection stays. */
int registry_set_attestation(Registry *registry, Device *device, const Attestation *attestation);

/* Says whether it may connect, and saves the file; a live connection stays. */
int registry_enable(Registry *registry, Device *device, bool is_enabled);

/* Removes a device that is not connected, saves the file and frees the device. */
int registry_remove(Registry *registry, Device *device);

bool device_is_subscribed(const Device *device, const char *filter);

/* What the subscription was granted, -1: there is none. */
int device_granted_qos(const Device *device, const char *filter);

/* Returns 1 if it is new, 0 if it was there, -ENOBUFS if it would be one too many. */
int device_subscribe(Device *device, const char *filter, size_t n, unsigned qos);
void device_unsubscribe(Device *device, const char *filter, size_t n);
void device_forget_subscriptions(Device *device);
