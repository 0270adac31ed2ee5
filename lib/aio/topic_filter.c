/* SPDX-License-Identifier: MIT */
#include <aio/topic.h>

#include <aio/aio_internal.h>
#include <aio/topic_internal.h>
#include <azure/core/az_precondition_internal.h>

static bool is_one_of(az_span level, char c) {
        return az_span_size(level) == 1 && az_span_ptr(level)[0] == (uint8_t) c;
}

static bool has_any(az_span level, char const *characters) {
        for (char const *c = characters; *c; c++)
                if (az_span_size(level) > 0 &&
                    memchr(az_span_ptr(level), *c, (size_t) az_span_size(level)) != NULL)
                        return true;
        return false;
}

/* UTF-8, of a size that MQTT can say, and without what its 1.5.4 advises against. */
static bool is_text(az_span text) {
        if (az_span_size(text) > AIO_TOPIC_SIZE_MAX || !az_span_is_valid_utf8(text))
                return false;
        for (int32_t i = 0; i < az_span_size(text); i++)
                if (az_span_ptr(text)[i] < ' ' || az_span_ptr(text)[i] == 0x7F)
                        return false;
        return true;
}

bool _aio_topic_has_levels(az_span levels) {
        bool is_last = false;

        if (!is_text(levels) || has_any(levels, "+#"))
                return false;
        while (!is_last)
                if (az_span_size(_aio_split(&levels, '/', &is_last)) == 0)
                        return false;
        return true;
}

bool aio_topic_is_valid(az_span topic) {
        _az_PRECONDITION_VALID_SPAN(topic, 0);

        return _aio_topic_has_levels(topic) && az_span_ptr(topic)[0] != '$';
}

/* Moves 'ref_filter' behind "$share/GROUP/". 'out_group': the group; absent: it is not shared. */
static void skip_share(az_span *ref_filter, az_span *out_group) {
        az_span rest = *ref_filter;
        bool is_last;

        *out_group = AZ_SPAN_EMPTY;
        if (!az_span_is_content_equal(_aio_split(&rest, '/', &is_last), AZ_SPAN_FROM_STR("$share")) ||
            is_last)
                return;

        *out_group = _aio_split(&rest, '/', &is_last);
        if (az_span_ptr(*out_group) == NULL)
                *out_group = _aio_PRESENT_EMPTY;
        *ref_filter = rest;
}

bool aio_topic_filter_is_valid(az_span filter) {
        bool is_last = false;
        az_span group;

        _az_PRECONDITION_VALID_SPAN(filter, 0);

        if (!is_text(filter))
                return false;
        skip_share(&filter, &group);
        if (_aio_is_present(group) && (az_span_size(group) == 0 || has_any(group, "+#")))
                return false;
        if (az_span_size(filter) == 0)
                return false;
        while (!is_last) {
                az_span level = _aio_split(&filter, '/', &is_last);

                if (has_any(level, "#") ? !is_one_of(level, '#') || !is_last
                                        : has_any(level, "+") && !is_one_of(level, '+'))
                        return false;
        }
        return true;
}

bool aio_topic_filter_matches(az_span filter, az_span topic) {
        _az_PRECONDITION_VALID_SPAN(filter, 0);
        _az_PRECONDITION_VALID_SPAN(topic, 0);

        return !has_any(topic, "+#") && aio_topic_filter_covers(filter, topic);
}

bool aio_topic_filter_covers(az_span outer, az_span inner) {
        bool is_outer_over = false, is_inner_over = false;
        az_span group;

        _az_PRECONDITION_VALID_SPAN(outer, 0);
        _az_PRECONDITION_VALID_SPAN(inner, 0);

        skip_share(&outer, &group);
        skip_share(&inner, &group);
        /* At the beginning they mean the same, though "a/+/#" is less than "a/#". */
        if (az_span_is_content_equal(outer, AZ_SPAN_FROM_STR("+/#")))
                outer = AZ_SPAN_FROM_STR("#");
        for (bool is_first = true; !is_outer_over; is_first = false) {
                az_span of_outer = _aio_split(&outer, '/', &is_outer_over), of_inner = AZ_SPAN_EMPTY;
                bool is_wild = is_one_of(of_outer, '#') || is_one_of(of_outer, '+');

                /* '#' is also the level above it. */
                if (is_inner_over)
                        return is_one_of(of_outer, '#');
                of_inner = _aio_split(&inner, '/', &is_inner_over);
                if (is_first && is_wild && az_span_size(of_inner) > 0 && az_span_ptr(of_inner)[0] == '$')
                        return false;
                if (is_one_of(of_outer, '#'))
                        return true;
                if (is_one_of(of_inner, '#') || (!is_wild && !az_span_is_content_equal(of_outer, of_inner)))
                        return false;
        }
        return is_inner_over;
}
