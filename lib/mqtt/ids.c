/* SPDX-License-Identifier: MIT */

#include <mqtt/ids.h>

#include <assert.h>

bool mqtt_ids_has_network(const MqttIds *ids, uint16_t network) {
        for (unsigned i = 0; i < ids->n; i++)
                if (ids->ids[i].network == network)
                        return true;
        return false;
}

bool mqtt_ids_has_type(const MqttIds *ids, MqttPacketType type) {
        for (unsigned i = 0; i < ids->n; i++)
                if (ids->ids[i].type == type)
                        return true;
        return false;
}

uint16_t mqtt_ids_choose(const MqttIds *ids, uint16_t last) {
        do
                last++;
        while (last == 0 || mqtt_ids_has_network(ids, last));
        return last;
}

void mqtt_ids_add(MqttIds *ids, const MqttId *id) {
        assert(ids->n < MQTT_IDS_MAX);

        ids->ids[ids->n++] = *id;
}

const MqttId *mqtt_ids_next_out(const MqttIds *ids, MqttPacketType type) {
        const MqttId *id = &ids->ids[ids->n_out];

        return ids->n_out < ids->n && id->type == type ? id : NULL;
}

void mqtt_ids_passed(MqttIds *ids) {
        assert(ids->n_out < ids->n);

        ids->n_out++;
}

/* Answers come in order, of each type: it is one of the first. */
bool mqtt_ids_take(MqttIds *ids, MqttPacketType type, uint16_t network, MqttId *ret) {
        for (unsigned i = 0; i < ids->n_out; i++) {
                MqttId *id = &ids->ids[i];

                if (id->network != network || id->type != type)
                        continue;
                *ret = *id;
                memmove(id, id + 1, (ids->n - i - 1) * sizeof(*id));
                ids->n--;
                ids->n_out--;
                return true;
        }
        return false;
}
