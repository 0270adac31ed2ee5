/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the inbox writes to disk, as bytes; no I/O. Every number is little-endian.
 *
 * A message is one file: a header of INBOX_FILE_HEADER_BYTES, the property bag as it stood in the topic, the
 * payload. All of it is checked by a CRC but one byte, at INBOX_FILE_GIVEN_OFFSET, which is set in place once
 * the message has been given to a program.
 *
 * The ids of the messages that came last are slots of INBOX_ID_SLOT_BYTES in one file, each checked by
 * itself. An id stands for what makes two deliveries the same message; see inbox_id_make().
 */

#include <azure/core/az_span.h>
#include <mqtt/link.h>

#include "util/util.h"

#define INBOX_FILE_HEADER_BYTES 88U
#define INBOX_FILE_GIVEN_OFFSET (INBOX_FILE_HEADER_BYTES - 1)

/* A bag is part of an MQTT topic, whose length has 16 bits. */
#define INBOX_BAG_MAX 65535U
/* A hub sends 64 KiB at most (IoT Hub, "Quotas and throttling"); all that the link lets in is taken. */
#define INBOX_PAYLOAD_MAX MQTT_PACKET_BYTES_DEFAULT
#define INBOX_FILE_MAX    (INBOX_FILE_HEADER_BYTES + INBOX_BAG_MAX + INBOX_PAYLOAD_MAX)

/* SHA-256 */
typedef struct InboxId {
        uint8_t bytes[32];
} InboxId;

typedef struct InboxFile {
        uint64_t sequence;    /* rises from message to message; the file's name, too */
        uint64_t received_us; /* CLOCK_REALTIME, as is the next */
        uint64_t expires_us;  /* 0: never */
        InboxId id;
        bool is_named; /* the sender gave a message id */
        bool was_given;
        az_span bag, payload;
} InboxFile;

/*
 * Makes the id of a message. With a message id of the sender, two deliveries are the same message if they
 * have it and the payload in common; without, if bag and payload are. -ENOMEM.
 */
int inbox_id_make(InboxId *ret, az_span message_id, az_span bag, az_span payload);

bool inbox_id_is_equal(const InboxId *a, const InboxId *b);

/* The size of the whole file: INBOX_FILE_MAX at most. */
size_t inbox_file_size(const InboxFile *file);
/* Writes the header, to be followed by the bag and the payload. */
void inbox_file_format(const InboxFile *file, uint8_t out[static INBOX_FILE_HEADER_BYTES]);

/* Spans of *ret point into 'bytes', which is the whole file. False: it is not one, or damaged. */
bool inbox_file_parse(InboxFile *ret, az_span bytes);
/* Whether it is one of a later version of the format. */
bool inbox_file_is_newer(az_span bytes);

/* So many ids are remembered, also of messages that are long settled. */
#define INBOX_IDS_MAX       256U
#define INBOX_ID_SLOT_BYTES 64U
#define INBOX_IDS_BYTES     (INBOX_IDS_MAX * INBOX_ID_SLOT_BYTES)

/* The ids that came last; all zeros: none. */
typedef struct InboxIds {
        InboxId ids[INBOX_IDS_MAX];
        uint64_t n_added;  /* the next one goes to n_added % INBOX_IDS_MAX */
        uint64_t sequence; /* of the message whose id was added last */
} InboxIds;

bool inbox_ids_has(const InboxIds *ids, const InboxId *id);
void inbox_ids_add(InboxIds *ids, const InboxId *id, uint64_t sequence);

/* Writes the slot that inbox_ids_add() of the same would make, and returns its offset in the file. */
uint32_t inbox_ids_format_next(const InboxIds *ids, const InboxId *id, uint64_t sequence,
                               uint8_t out[static INBOX_ID_SLOT_BYTES]);

/* Conditions of inbox_ids_parse(), which leave *ret untouched: it is damaged; a newer program wrote it. */
#define INBOX_IDS_DAMAGED 1
#define INBOX_IDS_NEWER   2

/* Reads the file back; slots that were never written are zeros. */
int inbox_ids_parse(InboxIds *ret, az_span bytes);
