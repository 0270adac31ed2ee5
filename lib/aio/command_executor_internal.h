/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_COMMAND_EXECUTOR_INTERNAL_H
#define _az_AIO_COMMAND_EXECUTOR_INTERNAL_H

/* What the files of the executor share; not part of the public API. */

#include <stdint.h>

#include <aio/client.h>
#include <aio/command_executor.h>

_az_BEGIN_DECLS

#define _aio_USEC_PER_SEC UINT64_C(1000000)

/* How long the answer to a request is good for that does not say. */
#define _aio_EXPIRY_DEFAULT_S 10

AZ_NODISCARD AZ_INLINE aio_command_executor *_aio_executor_of(aio_task const *task) {
        return (aio_command_executor *) (void *) task->endpoint;
}

/* ---- command_executor_answer.c ---- */

/* How a request ends. */
typedef struct {
        aio_status status;
        aio_response const *response; /* NULL: it is an error, without a payload */
} _aio_answer;

/* Returns how many seconds the invoker still waits, the one that has begun counted. */
AZ_NODISCARD uint32_t _aio_task_remaining_s(aio_task const *task, uint64_t now_us);

/* Writes the answer to 'request', in the memory of the client. */
AZ_NODISCARD az_result _aio_answer_write(aio_command_executor const *executor, az_mqtt_message const *request,
                                         _aio_answer const *what, aio_time time, az_mqtt_message *out_message,
                                         aio_error *out_error);

/* Gives a task the answer to 'request', which may be its own, and then is not needed any more. */
AZ_NODISCARD az_result _aio_task_take_answer(aio_task *task, az_mqtt_message const *request,
                                             _aio_answer const *what, aio_time time, aio_error *out_error);

/* ---- command_executor.c ---- */

/* The answer that a task has is to be published. */
void _aio_task_publish(aio_task *task);

/* Offers requests to the program, as long as there are places. */
void _aio_executor_dispatch(aio_command_executor *executor, uint64_t now_us);

_az_END_DECLS

#endif
