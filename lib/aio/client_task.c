/* SPDX-License-Identifier: MIT */

/*
 * What the client remembers of messages that came.
 *
 * The tasks that one message made are peers in a ring, and so is the message itself as long as it is dealt
 * with; whoever is the last to leave the ring makes the ACK due. As every message has but one ring, and every
 * ring but one ACK, there are never more of them due than tasks, in whose array they wait.
 *
 * Requests are found by a hash of executor, correlation data and response topic. The array of tasks is also
 * that of the chains: 'hashed_first' of an entry is where the chain of its number begins.
 */

#include <aio/client_internal.h>

#include <string.h>

void _aio_tasks_init(aio_client *client) {
        aio_client_memory const *memory = &client->_internal.memory;

        for (uint32_t i = 0; i < memory->n_tasks; i++) {
                memory->tasks[i] = (aio_task){ .hashed_first = _aio_NONE, .hashed_next = _aio_NONE };
                _aio_list_append(&client->_internal.free_tasks, &memory->tasks[i]);
        }
}

static uint32_t index_of(aio_client const *client, aio_task const *task) {
        return (uint32_t) (task - client->_internal.memory.tasks);
}

uint64_t _aio_task_id(aio_client const *client, aio_task const *task) {
        return _aio_id(task->generation, index_of(client, task));
}

aio_task *_aio_task_find(aio_client const *client, uint64_t id) {
        uint32_t const index = (uint32_t) id;
        aio_task *task;

        if (index >= client->_internal.memory.n_tasks)
                return NULL;
        task = &client->_internal.memory.tasks[index];
        return task->state != _AIO_TASK_FREE && task->generation == id >> 32 ? task : NULL;
}

aio_task *_aio_task_take(aio_client *client, aio_endpoint *endpoint) {
        aio_task *task, *message = &client->_internal.peers;

        if (!client->_internal.free_tasks.first && !_aio_task_evict(client))
                return NULL;
        task = client->_internal.free_tasks.first;
        _aio_list_remove(&client->_internal.free_tasks, task);
        task->generation = _aio_next_generation(task->generation);
        task->endpoint = endpoint;
        task->needs_ack = message->needs_ack;
        task->ack = message->ack;
        task->peer_next = message;
        task->peer_previous = message->peer_previous;
        task->peer_previous->peer_next = task;
        message->peer_previous = task;
        return task;
}

void _aio_task_leave(aio_client *client, aio_task *task) {
        aio_client_memory const *memory = &client->_internal.memory;
        bool const is_last = task->peer_next == task;

        if (!task->peer_next)
                return;
        task->peer_next->peer_previous = task->peer_previous;
        task->peer_previous->peer_next = task->peer_next;
        task->peer_next = task->peer_previous = NULL;
        if (is_last && task->needs_ack) {
                uint32_t const end =
                        (client->_internal.acks_first + client->_internal.n_acks) % memory->n_tasks;

                memory->tasks[end].due_ack = task->ack;
                client->_internal.n_acks++;
        }
}

void _aio_task_free(aio_client *client, aio_task *task) {
        _aio_timer_unset(&client->_internal.task_timers, &task->timer);
        _aio_task_unhash(client, task);
        _aio_arena_give(&client->_internal.arena, task->request);
        _aio_arena_give(&client->_internal.arena, task->response);
        task->request = task->response = NULL;
        task->state = _AIO_TASK_FREE;
        _aio_list_append(&client->_internal.free_tasks, task);
}

bool _aio_task_evict(aio_client *client) {
        aio_task *task = client->_internal.done.first;

        if (!task)
                return false;
        _aio_list_remove(&client->_internal.done, task);
        _aio_task_free(client, task);
        client->_internal.n_done--;
        client->_internal.n_evicted++;
        return true;
}

void *_aio_block_take(aio_client *client, uint32_t size) {
        void *block = _aio_arena_take(&client->_internal.arena, size);

        while (!block && _aio_task_evict(client))
                block = _aio_arena_take(&client->_internal.arena, size);
        return block;
}

static uint32_t hash_bytes(uint32_t hash, az_span bytes) {
        for (int32_t i = 0; i < az_span_size(bytes); i++)
                hash = (hash ^ az_span_ptr(bytes)[i]) * UINT32_C(16777619); /* FNV-1a */
        return hash;
}

static uint32_t *chain_of(aio_client const *client, az_mqtt_message const *request) {
        uint32_t hash = hash_bytes(UINT32_C(2166136261), request->correlation_data);

        hash = hash_bytes(hash, request->response_topic);
        return &client->_internal.memory.tasks[hash % client->_internal.memory.n_tasks].hashed_first;
}

/* What names a request stands in its copy, and in its response. */
static az_mqtt_message key_of(aio_task const *task) {
        if (task->request)
                return *task->request;
        return (az_mqtt_message){ .correlation_data = task->response->correlation_data,
                                  .response_topic = task->response->topic };
}

aio_task *_aio_task_find_request(aio_client const *client, aio_endpoint const *endpoint,
                                 az_mqtt_message const *request) {
        aio_client_memory const *memory = &client->_internal.memory;

        if (memory->n_tasks == 0)
                return NULL;
        for (uint32_t i = *chain_of(client, request); i != _aio_NONE; i = memory->tasks[i].hashed_next) {
                az_mqtt_message const key = key_of(&memory->tasks[i]);

                if (memory->tasks[i].endpoint == endpoint &&
                    az_span_is_content_equal(key.correlation_data, request->correlation_data) &&
                    az_span_is_content_equal(key.response_topic, request->response_topic))
                        return &memory->tasks[i];
        }
        return NULL;
}

void _aio_task_hash(aio_client *client, aio_task *task) {
        az_mqtt_message const key = key_of(task);
        uint32_t *chain = chain_of(client, &key);

        task->hashed_next = *chain;
        task->is_hashed = true;
        *chain = index_of(client, task);
}

void _aio_task_unhash(aio_client *client, aio_task *task) {
        aio_client_memory const *memory = &client->_internal.memory;
        az_mqtt_message key;
        uint32_t *p;

        if (!task->is_hashed)
                return;
        key = key_of(task);
        p = chain_of(client, &key);
        while (&memory->tasks[*p] != task)
                p = &memory->tasks[*p].hashed_next;
        *p = task->hashed_next;
        task->hashed_next = _aio_NONE;
        task->is_hashed = false;
}
