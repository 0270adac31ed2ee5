/* SPDX-License-Identifier: MIT */
#include <aio/cloud_event.h>

#include <aio/aio_internal.h>
#include <aio/time.h>
#include <aio/uri_internal.h>
#include <azure/core/az_precondition_internal.h>

static bool is_time(az_span value) {
        int64_t wall_ms;

        return az_result_succeeded(aio_rfc3339_parse(value, &wall_ms));
}

/* The attributes that are user properties. 'is_right': NULL: whatever is not empty. */
static const struct {
        az_span name;
        size_t offset;
        bool is_required;
        bool (*is_right)(az_span value);
} attributes[] = {
        { AZ_SPAN_LITERAL_FROM_STR("specversion"), offsetof(aio_cloud_event, spec_version), true, NULL },
        { AZ_SPAN_LITERAL_FROM_STR("id"), offsetof(aio_cloud_event, id), true, NULL },
        { AZ_SPAN_LITERAL_FROM_STR("source"), offsetof(aio_cloud_event, source), true,
          _aio_is_uri_reference },
        { AZ_SPAN_LITERAL_FROM_STR("type"), offsetof(aio_cloud_event, type), true, NULL },
        { AZ_SPAN_LITERAL_FROM_STR("subject"), offsetof(aio_cloud_event, subject), false, NULL },
        { AZ_SPAN_LITERAL_FROM_STR("time"), offsetof(aio_cloud_event, time), false, is_time },
        { AZ_SPAN_LITERAL_FROM_STR("dataschema"), offsetof(aio_cloud_event, data_schema), false,
          _aio_is_uri },
};
#define N_ATTRIBUTES ((int32_t) (sizeof(attributes) / sizeof(attributes[0])))

static az_span *member_of(aio_cloud_event *event, int32_t attribute) {
        return (az_span *) (void *) ((uint8_t *) event + attributes[attribute].offset);
}

/* Returns the index of an attribute; -1: there is none of that name. */
static int32_t find_attribute(az_span name) {
        for (int32_t i = 0; i < N_ATTRIBUTES; i++)
                if (az_span_is_content_equal(name, attributes[i].name))
                        return i;
        return -1;
}

/* Returns the first attribute that is missing or wrong; N_ATTRIBUTES: none. */
static int32_t find_wrong(aio_cloud_event *event) {
        int32_t i;

        for (i = 0; i < N_ATTRIBUTES; i++) {
                az_span value = *member_of(event, i);

                if (!_aio_is_present(value)
                            ? attributes[i].is_required
                            : az_span_size(value) == 0 || !_aio_is_string(value) ||
                                      (attributes[i].is_right && !attributes[i].is_right(value)))
                        break;
        }
        return i;
}

/* Moves 'ref_text' behind one or more of the characters "-a-z", and, if so asked, "0-9.". */
static bool skip_word(az_span *ref_text, bool is_subtype) {
        int32_t i = 0;

        for (; i < az_span_size(*ref_text); i++) {
                uint8_t c = az_span_ptr(*ref_text)[i];

                if (!(c == '-' || (c >= 'a' && c <= 'z') || (is_subtype && (c == '.' || _aio_is_digit(c)))))
                        break;
        }
        *ref_text = _az_span_from(*ref_text, i);
        return i > 0;
}

/* "type/subtype", maybe "+suffix", maybe ";parameters". */
static bool is_content_type(az_span text) {
        if (!skip_word(&text, false) || !_aio_skip(&text, '/') || !skip_word(&text, true))
                return false;
        if (_aio_skip(&text, '+') && !skip_word(&text, true))
                return false;
        return az_span_size(text) == 0 ||
               (az_span_ptr(text)[0] == ';' && az_span_find(text, AZ_SPAN_FROM_STR("\n")) < 0);
}

/* Gives the event what it does not say. */
static az_result add_defaults(aio_cloud_event *event, aio_cloud_event_defaults const *defaults,
                              az_span *ref_scratch) {
        uint8_t uuid[AIO_UUID_SIZE];
        az_result r = AZ_OK;

        if (!_aio_is_present(event->spec_version))
                event->spec_version = AZ_SPAN_FROM_STR("1.0");
        if (!_aio_is_present(event->type))
                event->type = defaults->type;
        if (!_aio_is_present(event->subject))
                event->subject = defaults->topic;
        if (!_aio_is_present(event->id)) {
                memcpy(uuid, defaults->random, sizeof(uuid));
                aio_uuid_from_random(uuid);
                r = aio_uuid_format(uuid, *ref_scratch, &event->id);
                if (az_result_failed(r))
                        return r;
                *ref_scratch = _az_span_from(*ref_scratch, az_span_size(event->id));
        }
        if (!_aio_is_present(event->time)) {
                r = aio_rfc3339_format(defaults->wall_ms, *ref_scratch, &event->time);
                if (az_result_failed(r))
                        return r;
                *ref_scratch = _az_span_from(*ref_scratch, az_span_size(event->time));
        }
        return r;
}

/* Checks that the metadata of the program leave the names of attributes to the event. */
static az_result check_metadata(aio_metadata_writer const *writer, aio_error *out_error) {
        for (int32_t i = 0; i < writer->_internal.n_properties; i++) {
                az_span key = writer->_internal.properties[i].key;

                if (find_attribute(key) >= 0)
                        return _aio_refuse(out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_METADATA), key,
                                           AZ_SPAN_FROM_STR("it is an attribute of the cloud event"));
        }
        return AZ_OK;
}

/* Checks an event that has its defaults. */
static az_result check_event(aio_cloud_event *event, az_span content_type, aio_error *out_error) {
        int32_t wrong = find_wrong(event);
        az_span name;

        if (wrong == N_ATTRIBUTES && (!_aio_is_present(content_type) || is_content_type(content_type)))
                return AZ_OK;

        name = wrong < N_ATTRIBUTES ? attributes[wrong].name : AZ_SPAN_FROM_STR("datacontenttype");
        return _aio_refuse(out_error, AZ_SPAN_FROM_STR(AIO_PROPERTY_CLOUD_EVENT), name,
                           AZ_SPAN_FROM_STR("the attribute is missing, or not as it should be"));
}

az_result aio_cloud_event_write(aio_metadata_writer *ref_writer, aio_cloud_event const *event,
                                aio_cloud_event_defaults const *defaults, aio_error *out_error) {
        aio_metadata_writer writer;
        aio_cloud_event made;
        az_result r;

        _az_PRECONDITION_NOT_NULL(ref_writer);
        _az_PRECONDITION_NOT_NULL(event);
        _az_PRECONDITION_NOT_NULL(defaults);
        _az_PRECONDITION_NOT_NULL(out_error);

        writer = *ref_writer;
        made = *event;
        r = check_metadata(&writer, out_error);
        if (az_result_failed(r))
                return r;
        r = add_defaults(&made, defaults, &writer._internal.scratch);
        if (az_result_succeeded(r)) {
                r = check_event(&made, defaults->content_type, out_error);
                if (az_result_failed(r))
                        return r;
        }
        for (int32_t i = 0; i < N_ATTRIBUTES && az_result_succeeded(r); i++)
                if (_aio_is_present(*member_of(&made, i)))
                        r = aio_metadata_write(&writer, attributes[i].name, *member_of(&made, i));
        if (az_result_failed(r)) {
                *out_error = _aio_error_no_room(AZ_SPAN_FROM_STR(AIO_PROPERTY_CLOUD_EVENT));
                return r;
        }

        *ref_writer = writer;
        return AZ_OK;
}

/* Says what is wrong with an attribute of a received event. */
static az_result complain(aio_error *out_error, az_span name, az_span value) {
        *out_error = (aio_error){
                .kind = _aio_is_present(value) ? AIO_ERROR_INVALID_HEADER : AIO_ERROR_MISSING_HEADER,
                .message = AZ_SPAN_FROM_STR("the cloud event is not valid"),
                .property_name = name,
                .property_value = value,
        };
        return AZ_ERROR_UNEXPECTED_CHAR;
}

az_result aio_cloud_event_read(az_mqtt_message const *message, aio_cloud_event *out_event,
                               aio_error *out_error) {
        aio_cloud_event event = { 0 };
        az_span twice = AZ_SPAN_EMPTY;
        int32_t wrong;

        _az_PRECONDITION_NOT_NULL(message);
        _az_PRECONDITION_NOT_NULL(out_event);
        _az_PRECONDITION_NOT_NULL(out_error);

        for (int32_t i = 0; i < message->n_user_properties; i++) {
                int32_t attribute = find_attribute(message->user_properties[i].key);
                az_span *member = attribute >= 0 ? member_of(&event, attribute) : NULL;

                if (member && _aio_is_present(*member))
                        twice = attributes[attribute].name;
                else if (member)
                        *member = _aio_present(message->user_properties[i].value);
        }
        event.data_content_type = message->content_type;

        if (!_aio_is_present(event.spec_version))
                return AZ_ERROR_ITEM_NOT_FOUND;
        if (_aio_is_present(twice))
                return complain(out_error, twice, *member_of(&event, find_attribute(twice)));
        if (!az_span_is_content_equal(event.spec_version, AZ_SPAN_FROM_STR("1.0")))
                return complain(out_error, AZ_SPAN_FROM_STR("specversion"), event.spec_version);
        wrong = find_wrong(&event);
        if (wrong < N_ATTRIBUTES)
                return complain(out_error, attributes[wrong].name, *member_of(&event, wrong));
        if (_aio_is_present(event.data_content_type) && !is_content_type(event.data_content_type))
                return complain(out_error, AZ_SPAN_FROM_STR("datacontenttype"), event.data_content_type);

        *out_event = event;
        return AZ_OK;
}
