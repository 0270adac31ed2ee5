/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_COMMAND_INVOKER_H
#define _az_AIO_COMMAND_INVOKER_H

/*
 * Invokes a command that an executor elsewhere offers (aio/command_executor.h), and waits for its response.
 *
 *      aio_command_invoker invoker;
 *      aio_serializer json = aio_serializer_json();
 *      aio_command_invoker_options options = {
 *              .command_name = AZ_SPAN_FROM_STR("increment"),
 *              .request_topic_pattern = AZ_SPAN_FROM_STR("counter/{id}/increment"),
 *              .serializer = &json,
 *      };
 *
 *      r = aio_command_invoker_start(&invoker, client, &options, &error);
 *      pump(runner, client);                        (see aio/client.h; STARTED follows)
 *      ...
 *      aio_topic_token id = { AZ_SPAN_FROM_STR("id"), AZ_SPAN_FROM_STR("7") };
 *      aio_request request = { .payload = AZ_SPAN_FROM_STR("{\"by\":1}"), .tokens = { &id, 1 } };
 *
 *      r = aio_command_invoker_invoke(&invoker, &request, time, &publish, &error);
 *      if (az_result_succeeded(r))
 *              carry(runner, client, &publish);     (RESPONSE follows)
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Remote procedure calls".
 */

#include <aio/client.h>
#include <aio/cloud_event.h>
#include <aio/serializer.h>

_az_BEGIN_DECLS

/* What to invoke. What it points to must outlive the invoker. */
typedef struct {
        az_span command_name; /* for errors; has to be given */
        az_span request_topic_pattern;
        az_span response_topic_pattern; /* where responses go; empty: as the next two say */
        az_span response_topic_prefix;  /* in front of the request's topic; if neither is given the prefix is
                                         */
        az_span response_topic_suffix;  /* "clients/" and the client id */
        az_span topic_namespace;        /* empty: none */
        aio_topic_tokens tokens;        /* resident */
        aio_serializer const *serializer;          /* of requests; NULL: bytes (aio_serializer_raw()) */
        aio_serializer const *response_serializer; /* NULL: the same as of requests */
        void *context;                             /* the caller's: 'context' of the endpoint */
} aio_command_invoker_options;

/* Invokes one command, any number of times at once. */
struct aio_command_invoker {
        aio_endpoint endpoint;
        struct {
                az_span command_name;
                aio_topic_pattern request_pattern;
                aio_serializer serializer, response_serializer;
        } _internal;
};

/*
 * Starts (SUBSCRIBE for responses; then STARTED when that is answered). Tokens without a value yet are
 * wildcards. Commands may be invoked before STARTED; if that is an error then so is their RESPONSE, which
 * comes before it.
 *
 * AZ_ERROR_ARG: 'out_error' says which option is at fault ("invalid configuration"). NOT_ENOUGH_SPACE: the
 * memory of the client is too small for the filter. Nothing was started.
 */
AZ_NODISCARD az_result aio_command_invoker_start(aio_command_invoker *out_invoker, aio_client *client,
                                                 aio_command_invoker_options const *options,
                                                 aio_error *out_error);

/* One invocation; {0} has no payload, and waits for 10 seconds. */
typedef struct {
        az_span payload;         /* of a value: aio_serialize() makes one */
        aio_topic_tokens tokens; /* transient, of the topics of request and response */
        az_mqtt_user_property const *user_properties;
        int32_t n_user_properties;
        aio_cloud_event const *cloud_event; /* NULL: none */
        az_span content_type;               /* instead of the serializer's; absent: that one */
        bool has_payload_format;            /* instead of the serializer's */
        uint8_t payload_format;
        aio_hlc const *fencing_token; /* "__ft", for the state store; NULL: none */
        bool has_timeout;             /* otherwise it is AIO_TIMEOUT_DEFAULT_US */
        uint64_t timeout_us;          /* for so long the response is waited for; not 0 */
        void *context;                /* the caller's: comes back in RESPONSE */
} aio_request;

/*
 * Invokes the command. Exactly one RESPONSE follows, unless it is cancelled: with what the command returned,
 * or with an error. "timeout": no response came in time; the command may have been executed. "mqtt error":
 * the request could not be published, or the session was lost. Everything that is remote is what the executor
 * said. A response without a payload (204) is good, whatever the serializer says of that.
 *
 *   out_id       for aio_command_invoker_cancel(), and in RESPONSE
 *   out_publish  a wish, to be carried out as if it had been popped, at once. Its spans lie in 'request', in
 *                the options, and in the memory of the client
 *
 * In these cases there is no invocation, and 'out_error' says why, shallow and with the name of the command:
 *
 * AZ_ERROR_ARG: "invalid configuration": a token is missing or invalid (its key), the time-out is 0 or too
 * long (AIO_PROPERTY_COMMAND_TIMEOUT), the metadata, the cloud event.
 *
 * AZ_ERROR_NOT_SUPPORTED: "invalid state": the invoker is stopped or stopping.
 *
 * UNEXPECTED_CHAR: "invalid payload": it is not of the serializer's format.
 *
 * AZ_ERROR_CLOCK: "invalid state": the clock of the program is ahead of the wall clock.
 *
 * NOT_ENOUGH_SPACE: as many invocations are under way as the client has memory for (AIO_PROPERTY_CAPACITY),
 * or its memory is too small for this message.
 */
AZ_NODISCARD az_result aio_command_invoker_invoke(aio_command_invoker *invoker, aio_request const *request,
                                                  aio_time time, uint64_t *out_id, aio_event *out_publish,
                                                  aio_error *out_error);

/*
 * Does not wait for a response any more; no RESPONSE follows. The command may be executed nevertheless.
 *
 * ITEM_NOT_FOUND: none of that id is under way.
 */
AZ_NODISCARD az_result aio_command_invoker_cancel(aio_client *client, uint64_t id);

/*
 * Stops (UNSUBSCRIBE, then STOPPED, maybe with "mqtt error"). What is under way ends before that (RESPONSE
 * with "cancellation"). Does nothing if it is stopped or stopping.
 */
void aio_command_invoker_stop(aio_command_invoker *invoker);

_az_END_DECLS

#endif
