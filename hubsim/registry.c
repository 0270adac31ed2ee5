/* SPDX-License-Identifier: MIT */

#include "hubsim/registry.h"

#include <assert.h>
#include <azure/core/az_json.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "hubsim/c2d.h"
#include "hubsim/files.h"
#include "hubsim/twin.h"

/* IoT Hub's keys are 256 bits. */
#define KEY_SIZE      32
#define DEVICE_ID_MAX 128
/* Some tens of thousands of devices. */
#define FILE_MAX (16U * 1024U * 1024U)

struct Registry {
        char *path;
        Keys policy;
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
        free(device->primary_key);
        free(device->secondary_key);
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
        free(registry->policy.primary);
        free(registry->policy.secondary);
        free(registry->path);
        free(registry);
        return NULL;
}

/* IoT Hub's characters, less those that mean something in a topic, a user name or a connection string. */
static bool id_is_valid(const char *id) {
        size_t n = strlen(id);

        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) id[i]) && !strchr("-.:_!,@", id[i]))
                        return false;
        return n > 0 && n <= DEVICE_ID_MAX;
}

static int device_new(const char *id, const char *primary, const char *secondary, bool enabled,
                      Device **ret) {
        _cleanup_(device_freep) Device *device = NULL;

        device = malloc(sizeof(*device));
        if (!device)
                return -ENOMEM;
        *device = (Device){
                .id = strdup(id),
                .primary_key = strdup(primary),
                .secondary_key = strdup(secondary),
                .enabled = enabled,
        };
        if (!device->id || !device->primary_key || !device->secondary_key)
                return -ENOMEM;

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

static const char *get_string(const cJSON *object, const char *name) {
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static int registry_load_device(Registry *registry, const cJSON *item) {
        const char *id = get_string(item, "deviceId"), *primary = get_string(item, "primaryKey"),
                   *secondary = get_string(item, "secondaryKey");
        const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(item, "enabled");
        Device *device;
        int r;

        if (!id || !primary || !secondary || !cJSON_IsBool(enabled) || !id_is_valid(id) ||
            registry_find(registry, id, strlen(id)))
                return -EBADMSG;

        r = device_new(id, primary, secondary, cJSON_IsTrue(enabled), &device);
        if (r < 0)
                return r;

        registry_link(registry, device);
        return 0;
}

/* A file of before there was a policy has none. */
static int registry_load_policy(Registry *registry, const cJSON *policy) {
        const char *primary = get_string(policy, "primaryKey"),
                   *secondary = get_string(policy, "secondaryKey");

        if (!policy)
                return 0;
        if (!primary || !secondary)
                return -EBADMSG;

        registry->policy = (Keys){ .primary = strdup(primary), .secondary = strdup(secondary) };
        return registry->policy.primary && registry->policy.secondary ? 0 : -ENOMEM;
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
        return registry_load_policy(registry, cJSON_GetObjectItemCaseSensitive(document, "policy"));
}

static bool append_device(cJSON *devices, const Device *device) {
        cJSON *item = cJSON_CreateObject();

        return cJSON_AddItemToArray(devices, item) && cJSON_AddStringToObject(item, "deviceId", device->id) &&
               cJSON_AddStringToObject(item, "primaryKey", device->primary_key) &&
               cJSON_AddStringToObject(item, "secondaryKey", device->secondary_key) &&
               cJSON_AddBoolToObject(item, "enabled", device->enabled);
}

static int registry_save(const Registry *registry) {
        _cleanup_(cJSON_Deletep) cJSON *document = NULL;
        _cleanup_(cJSON_freep) char *text = NULL;
        cJSON *devices, *policy;

        document = cJSON_CreateObject();
        policy = cJSON_AddObjectToObject(document, "policy");
        if (!cJSON_AddStringToObject(policy, "name", POLICY_NAME) ||
            !cJSON_AddStringToObject(policy, "primaryKey", registry->policy.primary) ||
            !cJSON_AddStringToObject(policy, "secondaryKey", registry->policy.secondary))
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

static int make_key(char ret[static KEY_SIZE * 2]) {
        uint8_t raw[KEY_SIZE];

        if (RAND_bytes(raw, sizeof(raw)) != 1)
                return -EIO;

        (void) EVP_EncodeBlock((uint8_t *) ret, raw, sizeof(raw));
        return 0;
}

static int make_keys(char ret_primary[static KEY_SIZE * 2], char ret_secondary[static KEY_SIZE * 2]) {
        int r;

        r = make_key(ret_primary);
        if (r < 0)
                return r;
        return make_key(ret_secondary);
}

static int registry_ensure_policy(Registry *registry) {
        char primary[KEY_SIZE * 2], secondary[KEY_SIZE * 2];
        int r;

        if (registry->policy.primary)
                return 0;

        r = make_keys(primary, secondary);
        if (r < 0)
                return r;
        registry->policy = (Keys){ .primary = strdup(primary), .secondary = strdup(secondary) };
        if (!registry->policy.primary || !registry->policy.secondary)
                return -ENOMEM;
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

int registry_add(Registry *registry, const char *id, Device **ret) {
        char primary[KEY_SIZE * 2], secondary[KEY_SIZE * 2];
        Device *device, *last = registry->last;
        int r;

        if (!id_is_valid(id))
                return -EINVAL;
        if (registry_find(registry, id, strlen(id)))
                return -EEXIST;

        r = make_keys(primary, secondary);
        if (r < 0)
                return r;
        r = device_new(id, primary, secondary, true, &device);
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

const Keys *registry_get_policy_keys(const Registry *registry) {
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
