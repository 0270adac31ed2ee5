/* SPDX-License-Identifier: MIT */

#include "hubsim/registry.h"

#include <assert.h>
#include <azure/core/az_json.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <fcntl.h>

#include "hubsim/c2d.h"
#include "hubsim/files.h"
#include "hubsim/twin.h"

/* Some tens of thousands of devices. */
#define FILE_MAX (16U * 1024U * 1024U)

struct Registry {
        char *path;
        Attestation policy;
        Device *first, *last;
};

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
DEFINE_CLEANUP(char *, cJSON_free)

static Device *device_free(Device *device) {
        if (!device)
                return NULL;

        assert(!device->session);
        device_forget_subscriptions(device);
        c2d_free(device->c2d);
        twin_free(device->twin);
        free(device->id);
        attestation_done(&device->attestation);
        free(device);
        return NULL;
}

DEFINE_CLEANUP(Device *, device_free)

Registry *registry_free(Registry *registry) {
        if (!registry)
                return NULL;

        while (registry->first) {
                Device *device = registry->first;

                registry->first = device->next;
                device_free(device);
        }
        attestation_done(&registry->policy);
        free(registry->path);
        free(registry);
        return NULL;
}

bool device_id_is_valid(const char *id) {
        size_t n = strlen(id);

        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) id[i]) && !strchr("-.:_!,@", id[i]))
                        return false;
        return n > 0 && n <= DEVICE_ID_MAX;
}

static int device_new(const char *id, const Attestation *attestation, bool enabled, Device **ret) {
        _cleanup_(device_freep) Device *device = NULL;
        int r;

        device = malloc(sizeof(*device));
        if (!device)
                return -ENOMEM;
        *device = (Device){ .id = strdup(id), .enabled = enabled };
        if (!device->id)
                return -ENOMEM;
        r = attestation_copy(attestation, &device->attestation);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(device);
        return 0;
}

static void registry_link(Registry *registry, Device *device) {
        if (registry->last)
                registry->last->next = device;
        else
                registry->first = device;
        registry->last = device;
}

static int registry_load_device(Registry *registry, const cJSON *item) {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "deviceId"));
        const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(item, "enabled");
        _cleanup_(attestation_done) Attestation attestation = ATTESTATION_NULL;
        Device *device;
        int r;

        if (!id || !cJSON_IsBool(enabled) || !device_id_is_valid(id) ||
            registry_find(registry, id, strlen(id)))
                return -EBADMSG;

        r = attestation_load(item, &attestation);
        if (r < 0)
                return r;
        r = device_new(id, &attestation, cJSON_IsTrue(enabled), &device);
        if (r < 0)
                return r;

        registry_link(registry, device);
        return 0;
}

static int registry_load(Registry *registry) {
        _cleanup_(cJSON_Deletep) cJSON *document = NULL;
        _cleanup_(freep) char *text = NULL;
        const cJSON *devices, *item;
        int r;

        r = file_read(registry->path, FILE_MAX, &text);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        /* cJSON alone would take much that is not JSON. */
        if (az_result_failed(az_json_validate(az_span_create_from_str(text))))
                return -EBADMSG;
        document = cJSON_Parse(text);
        devices = cJSON_GetObjectItemCaseSensitive(document, "devices");
        if (!cJSON_IsArray(devices))
                return -EBADMSG;

        cJSON_ArrayForEach(item, devices) {
                r = registry_load_device(registry, item);
                if (r < 0)
                        return r;
        }
        /* A file of before there was a policy has none. */
        item = cJSON_GetObjectItemCaseSensitive(document, "policy");
        return item ? attestation_load(item, &registry->policy) : 0;
}

static bool append_device(cJSON *devices, const Device *device) {
        cJSON *item = cJSON_CreateObject();

        return cJSON_AddItemToArray(devices, item) && cJSON_AddStringToObject(item, "deviceId", device->id) &&
               attestation_store(&device->attestation, item) &&
               cJSON_AddBoolToObject(item, "enabled", device->enabled);
}

static int registry_save(const Registry *registry) {
        _cleanup_(cJSON_Deletep) cJSON *document = NULL;
        _cleanup_(cJSON_freep) char *text = NULL;
        cJSON *devices, *policy;

        document = cJSON_CreateObject();
        policy = cJSON_AddObjectToObject(document, "policy");
        if (!cJSON_AddStringToObject(policy, "name", POLICY_NAME) ||
            !attestation_store(&registry->policy, policy))
                return -ENOMEM;
        devices = cJSON_AddArrayToObject(document, "devices");
        if (!devices)
                return -ENOMEM;
        for (const Device *d = registry->first; d; d = d->next)
                if (!append_device(devices, d))
                        return -ENOMEM;
        text = cJSON_Print(document);
        if (!text)
                return -ENOMEM;

        return file_replace(registry->path, 0600, text, strlen(text));
}

static int registry_ensure_policy(Registry *registry) {
        int r;

        if (registry->policy.primary)
                return 0;

        r = attestation_init_keys(&registry->policy);
        if (r < 0)
                return r;
        return registry_save(registry);
}

int registry_open(const char *path, Registry **ret) {
        _cleanup_(registry_freep) Registry *registry = NULL;
        int r;

        registry = malloc(sizeof(*registry));
        if (!registry)
                return -ENOMEM;
        *registry = (Registry){ .path = strdup(path) };
        if (!registry->path)
                return -ENOMEM;

        r = registry_load(registry);
        if (r < 0)
                return r;
        r = registry_ensure_policy(registry);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(registry);
        return 0;
}

int registry_add_device(Registry *registry, const char *id, const Attestation *attestation, Device **ret) {
        Device *device, *last = registry->last;
        int r;

        if (!device_id_is_valid(id))
                return -EINVAL;
        if (registry_find(registry, id, strlen(id)))
                return -EEXIST;

        r = device_new(id, attestation, true, &device);
        if (r < 0)
                return r;

        registry_link(registry, device);
        r = registry_save(registry);
        if (r < 0) {
                if (last)
                        last->next = NULL;
                else
                        registry->first = NULL;
                registry->last = last;
                device_free(device);
                return r;
        }

        *ret = device;
        return 0;
}

int registry_add(Registry *registry, const char *id, Device **ret) {
        _cleanup_(attestation_done) Attestation keys = ATTESTATION_NULL;
        int r;

        r = attestation_init_keys(&keys);
        if (r < 0)
                return r;
        return registry_add_device(registry, id, &keys, ret);
}

int registry_set_attestation(Registry *registry, Device *device, const Attestation *attestation) {
        Attestation before = device->attestation;
        int r;

        r = attestation_copy(attestation, &device->attestation);
        if (r < 0)
                return r;
        r = registry_save(registry);
        if (r < 0) {
                attestation_done(&device->attestation);
                device->attestation = before;
                return r;
        }
        attestation_done(&before);
        return 0;
}

int registry_enable(Registry *registry, Device *device, bool is_enabled) {
        bool before = device->enabled;
        int r;

        device->enabled = is_enabled;
        r = registry_save(registry);
        if (r < 0)
                device->enabled = before;
        return r;
}

int registry_remove(Registry *registry, Device *device) {
        Device **place = &registry->first, *before = NULL;
        int r;

        for (; *place != device; place = &(*place)->next)
                before = *place;
        *place = device->next;
        r = registry_save(registry);
        if (r < 0) {
                *place = device;
                return r;
        }
        if (registry->last == device)
                registry->last = before;
        device_free(device);
        return 0;
}

const Attestation *registry_get_policy(const Registry *registry) {
        return &registry->policy;
}

Device *registry_first(const Registry *registry) {
        return registry->first;
}

Device *registry_find(const Registry *registry, const char *id, size_t n) {
        for (Device *d = registry->first; d; d = d->next)
                if (strlen(d->id) == n && memcmp(d->id, id, n) == 0)
                        return d;
        return NULL;
}

static char **device_find_subscription(Device *device, const char *filter, size_t n) {
        for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
                char *s = device->subscriptions[i];

                if (s && strlen(s) == n && memcmp(s, filter, n) == 0)
                        return &device->subscriptions[i];
        }
        return NULL;
}

bool device_is_subscribed(const Device *device, const char *filter) {
        return device_find_subscription((Device *) device, filter, strlen(filter));
}

int device_granted_qos(const Device *device, const char *filter) {
        char **s = device_find_subscription((Device *) device, filter, strlen(filter));

        return s ? (int) device->granted_qos[s - device->subscriptions] : -1;
}

int device_subscribe(Device *device, const char *filter, size_t n, unsigned qos) {
        char **s = device_find_subscription(device, filter, n);

        if (s) {
                device->granted_qos[s - device->subscriptions] = qos;
                return 0;
        }

        for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++)
                if (!device->subscriptions[i]) {
                        device->granted_qos[i] = qos;
                        device->subscriptions[i] = strndup(filter, n);
                        return device->subscriptions[i] ? 1 : -ENOMEM;
                }
        return -ENOBUFS;
}

void device_unsubscribe(Device *device, const char *filter, size_t n) {
        char **s = device_find_subscription(device, filter, n);

        if (s) {
                free(*s);
                *s = NULL;
        }
}

void device_forget_subscriptions(Device *device) {
        for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
                free(device->subscriptions[i]);
                device->subscriptions[i] = NULL;
        }
}
