/* SPDX-License-Identifier: MIT */
#ifndef _az_AIO_METADATA_H
#define _az_AIO_METADATA_H

/*
 * The metadata of a message: user properties that Azure IoT Operations reserves, and those of the program.
 *
 * Reserved are the keys that begin with "__", and "$partition" and "$high_priority". A program cannot send
 * them, and does not see them in what it receives; all others go both ways as they are, in their order, the
 * same key more than once if need be.
 *
 * Writing: aio_metadata_writer_init() with room for the properties and for texts that have to be made, then
 * the program's with aio_metadata_write_user(), maybe aio_cloud_event_write() (aio/cloud_event.h), then one
 * of aio_metadata_write_telemetry(), …_request(), …_response(), and at last aio_metadata_writer_finish().
 *
 * Reading: aio_metadata_read(), then what the message is asked for: its version, its status, its timestamp.
 *
 * Preconditions of all functions: pointers are not NULL, unless for an empty array; spans well formed.
 *
 * Source: Azure IoT Operations SDKs, "Message metadata" and "Protocol versioning".
 */

#include <stdbool.h>
#include <stdint.h>

#include <aio/error.h>
#include <aio/hlc.h>
#include <azure/core/az_mqtt_message.h>
#include <azure/core/az_result.h>
#include <azure/core/az_span.h>

_az_BEGIN_DECLS

/* The keys. */
#define AIO_METADATA_TIMESTAMP                "__ts"
#define AIO_METADATA_SOURCE_ID                "__srcId"
#define AIO_METADATA_PROTOCOL_VERSION         "__protVer"
#define AIO_METADATA_STATUS                   "__stat"
#define AIO_METADATA_STATUS_MESSAGE           "__stMsg"
#define AIO_METADATA_IS_APPLICATION_ERROR     "__apErr"
#define AIO_METADATA_PROPERTY_NAME            "__propName"
#define AIO_METADATA_PROPERTY_VALUE           "__propVal"
#define AIO_METADATA_SUPPORTED_MAJORS         "__supProtMajVer"
#define AIO_METADATA_REQUEST_PROTOCOL_VERSION "__requestProtVer"
#define AIO_METADATA_FENCING_TOKEN            "__ft"
#define AIO_METADATA_PARTITION                "$partition"
#define AIO_METADATA_HIGH_PRIORITY            "$high_priority"

/* These are not reserved: a message that the broker keeps on disk; the error of an application, which is a
 * response of status 200. */
#define AIO_METADATA_PERSISTENCE               "aio-persistence"
#define AIO_METADATA_APPLICATION_ERROR_CODE    "AppErrCode"
#define AIO_METADATA_APPLICATION_ERROR_PAYLOAD "AppErrPayload"

/* The version of the protocol that is spoken, and the majors that are understood. */
#define AIO_PROTOCOL_VERSION          "1.0"
#define AIO_PROTOCOL_SUPPORTED_MAJORS "1"

/* At most so many properties are written by each of the functions. */
#define AIO_METADATA_TELEMETRY_MAX 4
#define AIO_METADATA_REQUEST_MAX   6
#define AIO_METADATA_RESPONSE_MAX  11

/* So much room their texts need, when the node of the clock, or of a fencing token, has 'node_size' bytes. */
#define AIO_METADATA_SCRATCH_SIZE(node_size) (2 * AIO_HLC_SIZE_MAX(node_size) + 11)

/* Writes the user properties of one message; private. */
typedef struct {
        struct {
                az_mqtt_user_property *properties;
                int32_t n_properties;
                int32_t max_properties;
                az_span scratch; /* what is left of it */
        } _internal;
} aio_metadata_writer;

/*
 * Begins with no property.
 *
 *   properties      receives them
 *   max_properties  the size of that array
 *   scratch         receives texts that have to be made
 *
 * Both must live as long as the message is needed, and so must the spans that are written, which are not
 * copied.
 */
void aio_metadata_writer_init(aio_metadata_writer *out_writer, az_mqtt_user_property *properties,
                              int32_t max_properties, az_span scratch);

/* Gives the message the properties that were written. */
void aio_metadata_writer_finish(aio_metadata_writer const *writer, az_mqtt_message *ref_message);

/*
 * Appends one property, whatever its key is.
 *
 * NOT_ENOUGH_SPACE: the array is full.
 */
AZ_NODISCARD az_result aio_metadata_write(aio_metadata_writer *ref_writer, az_span key, az_span value);

/*
 * Appends the properties of the program.
 *
 * In these cases none is written: AZ_ERROR_ARG: a key is reserved or empty, or key or value is longer than
 * 65535 bytes, is not UTF-8 or has a NUL. 'out_error' is "invalid configuration", shallow,
 * AIO_PROPERTY_METADATA, with the key for its value. NOT_ENOUGH_SPACE: the array is too small ("internal
 * logic error", AIO_PROPERTY_METADATA).
 */
AZ_NODISCARD az_result aio_metadata_write_user(aio_metadata_writer *ref_writer,
                                               az_mqtt_user_property const *properties, int32_t n_properties,
                                               aio_error *out_error);

/*
 * Append what makes a message telemetry, a request or a response.
 *
 *   source_id        the client id of who sends it
 *   timestamp        of the clock, which was moved on for this message
 *   is_persistent    the broker keeps it on disk; of retained telemetry alone
 *   fencing_token    of the state store's requests; NULL: none
 *   status           how the command ended
 *
 * NOT_ENOUGH_SPACE: the array or the scratch is too small; AIO_METADATA_…_MAX and AIO_METADATA_SCRATCH_SIZE()
 * always suffice. Nothing was written.
 */
AZ_NODISCARD az_result aio_metadata_write_telemetry(aio_metadata_writer *ref_writer, az_span source_id,
                                                    aio_hlc const *timestamp, bool is_persistent);
AZ_NODISCARD az_result aio_metadata_write_request(aio_metadata_writer *ref_writer, az_span source_id,
                                                  aio_hlc const *timestamp, aio_hlc const *fencing_token);
AZ_NODISCARD az_result aio_metadata_write_response(aio_metadata_writer *ref_writer, az_span source_id,
                                                   aio_hlc const *timestamp, aio_status const *status);

/* The reserved properties of a message, as they stand there. What is absent is a span whose pointer is NULL.
 * If a key comes more than once, the first one counts. */
typedef struct {
        az_span timestamp;
        az_span source_id;
        az_span protocol_version;
        az_span status;
        az_span status_message;
        az_span is_application_error;
        az_span property_name;
        az_span property_value;
        az_span supported_majors;
        az_span request_protocol_version;
        az_span fencing_token;
        az_span partition;
        az_span high_priority;
} aio_metadata;

/* Finds the reserved properties of a message, in which the spans lie. */
void aio_metadata_read(az_mqtt_message const *message, aio_metadata *out_metadata);

/*
 * Checks the version of a message. None is "1.0", and the minor number does not matter.
 *
 * AZ_ERROR_NOT_SUPPORTED: it is another, or no version at all. 'out_error' is "unsupported version", with the
 * version as it stands there and AIO_PROTOCOL_SUPPORTED_MAJORS.
 */
AZ_NODISCARD az_result aio_metadata_check_version(aio_metadata const *metadata, aio_error *out_error);

/*
 * Reads the timestamp.
 *
 * ITEM_NOT_FOUND: it has none, which is no error; 'out_error' is not written. UNEXPECTED_CHAR,
 * UNEXPECTED_END: 'out_error' is "invalid header" "__ts", with its value.
 */
AZ_NODISCARD az_result aio_metadata_get_timestamp(aio_metadata const *metadata, aio_hlc *out_timestamp,
                                                  aio_error *out_error);

/*
 * Reads the status of a response, for aio_error_from_status(). "__apErr" means yes unless it is absent, empty
 * or "false", in whatever case.
 *
 * ITEM_NOT_FOUND: there is no "__stat"; 'out_error' is "missing header". UNEXPECTED_CHAR, UNEXPECTED_END: it
 * is not a number of decimal digits that 31 bits hold; 'out_error' is "invalid header", with its value.
 */
AZ_NODISCARD az_result aio_metadata_get_status(aio_metadata const *metadata, aio_status *out_status,
                                               aio_error *out_error);

/* Tells whether a key is reserved. */
AZ_NODISCARD bool aio_metadata_is_reserved(az_span key);

/*
 * Copies the properties of a message that are the program's.
 *
 *   destination  has room for as many as the message has; may be the array of the message itself
 *
 * Returns how many there are.
 */
AZ_NODISCARD int32_t aio_metadata_strip(az_mqtt_message const *message, az_mqtt_user_property *destination);

/* Finds the value of the first property with that key. ITEM_NOT_FOUND: there is none. */
AZ_NODISCARD az_result aio_metadata_find(az_mqtt_message const *message, az_span key, az_span *out_value);

_az_END_DECLS

#endif
