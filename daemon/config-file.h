/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * systemd's dialect of INI, as bytes: sections, "Key=value", comments, continuation lines. It does no I/O and
 * knows no key; daemon/config.h does.
 *
 *      # a comment, as is a line that begins with ';'
 *      [Section]
 *      Key=value, without the white space around it; an empty one says: back to the default
 *      Long=first part \
 *              second part; the backslash becomes a space, comment lines in between are left out
 *
 * What there is to say to the person who wrote the file is collected as messages, with file and line.
 */

#include <azure/core/az_span.h>

#include "util/util.h"

/* A configuration file is some kilobytes; a connection string is below one. A bigger file is a mistake. */
#define CONFIG_FILE_MAX (1024U * 1024U)

typedef struct ConfigMessage {
        int level;     /* LOG_ERR: the configuration cannot be used; LOG_WARNING: something is ignored */
        char *file;    /* empty: no file in particular */
        unsigned line; /* 0: the file as a whole */
        char *text;    /* one sentence, without file and line; never holds a secret */
} ConfigMessage;

/* More mistakes than a person reads at a time; a file that is none at all has as many as it has lines. */
#define CONFIG_MESSAGES_MAX 100U

typedef struct ConfigMessages {
        ConfigMessage *messages;
        size_t n;
        size_t n_left_out; /* more than CONFIG_MESSAGES_MAX */
        size_t n_errors;   /* with those that were left out */
} ConfigMessages;

/* Formats a message with what is known of its place: "file:line: text", "file: text" or "text". */
const char *config_message_format(const ConfigMessage *message, char *buffer, size_t size);

#define CONFIG_MESSAGES_NULL \
        (ConfigMessages) {   \
        }

/* Adds a message, or counts it if there are too many; 'file' is copied. Returns 0 or -ENOMEM. */
int config_messages_add(ConfigMessages *m, int level, const char *file, unsigned line, const char *format,
                        ...) _printf_(5, 6);

void config_messages_done(ConfigMessages *m);

/* What config_file_next() found. The spans live until its next call; 'section' is not empty. */
typedef struct ConfigItem {
        az_span section;
        az_span key; /* empty: here the section begins */
        az_span value;
        unsigned line;         /* the one that it is on */
        unsigned section_line; /* the one that its section begins at */
} ConfigItem;

/* A file being read. Its members belong to config_file_next(). */
typedef struct ConfigFile {
        const char *name;
        az_span rest;
        az_span section;
        unsigned section_line;
        bool is_lost; /* the last section was none: to which the keys belong cannot be told */
        unsigned line;
        char *joined; /* a value put together from several lines */
} ConfigFile;

/* Begins to read 'text'; it and 'name', which is for messages, must outlive 'f'. */
void config_file_init(ConfigFile *f, const char *name, az_span text);
void config_file_done(ConfigFile *f);

/*
 * Finds the next section or assignment. 1: *ret is filled in. 0: the end. A line that is neither is reported
 * to 'messages' as an error and skipped, if it was to be a section together with the keys behind it. Returns
 * -ENOMEM.
 */
int config_file_next(ConfigFile *f, ConfigMessages *messages, ConfigItem *ret);
