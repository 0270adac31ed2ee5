/* SPDX-License-Identifier: MIT */
#include <aio/cbor.h>

#include <aio/aio_internal.h>
#include <azure/core/az_precondition_internal.h>

/* The major types (RFC 8949, 3.1), and what the additional information says instead of a number. */
enum {
        UNSIGNED,
        NEGATIVE,
        BYTES,
        TEXT,
        ARRAY,
        MAP,
        TAG,
        SIMPLE
};
enum {
        ONE_BYTE = 24,
        EIGHT_BYTES = 27,
        INDEFINITE = 31
};

/* The first bytes of an item: type, additional information and the number that it stands for. */
typedef struct {
        uint8_t type;
        uint8_t info;
        uint64_t number;
} head;

/* An item that has begun, and lacks others. */
typedef struct {
        uint8_t type;
        bool is_indefinite; /* until a break: 'n_items' are there */
        uint64_t n_items;   /* otherwise: that are missing */
} open_item;

typedef struct {
        az_span rest;
        int32_t depth;
        open_item open[AIO_CBOR_NESTING_MAX];
        bool is_complete;
} validator;

static az_result read_head(validator *v, head *out_head) {
        uint8_t first;
        int32_t n_bytes;

        if (az_span_size(v->rest) == 0)
                return AZ_ERROR_UNEXPECTED_END;
        first = az_span_ptr(v->rest)[0];
        v->rest = _az_span_from(v->rest, 1);
        *out_head = (head){ (uint8_t) (first >> 5), first & 0x1F, first & 0x1F };
        if (out_head->info < ONE_BYTE || out_head->info == INDEFINITE)
                return AZ_OK;
        if (out_head->info > EIGHT_BYTES)
                return AZ_ERROR_UNEXPECTED_CHAR;

        n_bytes = 1 << (out_head->info - ONE_BYTE);
        if (az_span_size(v->rest) < n_bytes)
                return AZ_ERROR_UNEXPECTED_END;
        out_head->number = 0;
        for (int32_t i = 0; i < n_bytes; i++)
                out_head->number = out_head->number << 8 | az_span_ptr(v->rest)[i];
        v->rest = _az_span_from(v->rest, n_bytes);
        return AZ_OK;
}

/* An item is complete, and with it those whose last one it is. */
static void complete(validator *v) {
        for (; v->depth > 0; v->depth--) {
                open_item *item = &v->open[v->depth - 1];

                if (item->is_indefinite) {
                        item->n_items++;
                        return;
                }
                if (--item->n_items > 0)
                        return;
        }
        v->is_complete = true;
}

static az_result begin(validator *v, uint8_t type, bool is_indefinite, uint64_t n_items) {
        if (!is_indefinite && n_items == 0) {
                complete(v);
                return AZ_OK;
        }
        if (v->depth == AIO_CBOR_NESTING_MAX)
                return AZ_ERROR_NOT_SUPPORTED;

        v->open[v->depth++] = (open_item){ type, is_indefinite, is_indefinite ? 0 : n_items };
        return AZ_OK;
}

static az_result take_string(validator *v, head h) {
        az_span text;

        if (h.info == INDEFINITE)
                return begin(v, h.type, true, 0);
        if (h.number > (uint64_t) az_span_size(v->rest))
                return AZ_ERROR_UNEXPECTED_END;
        text = az_span_slice(v->rest, 0, (int32_t) h.number);
        v->rest = _az_span_from(v->rest, (int32_t) h.number);
        if (h.type == TEXT && !az_span_is_valid_utf8(text))
                return AZ_ERROR_UNEXPECTED_CHAR;

        complete(v);
        return AZ_OK;
}

static az_result take_container(validator *v, head h) {
        uint64_t items_each = h.type == MAP ? 2 : 1;

        /* Each item has a byte at least. */
        if (h.info != INDEFINITE && h.number > (uint64_t) az_span_size(v->rest) / items_each)
                return AZ_ERROR_UNEXPECTED_END;
        return begin(v, h.type, h.info == INDEFINITE, h.number * items_each);
}

static az_result take_break(validator *v) {
        open_item item;

        if (v->depth == 0)
                return AZ_ERROR_UNEXPECTED_CHAR;
        item = v->open[v->depth - 1];
        if (!item.is_indefinite || (item.type == MAP && item.n_items % 2 != 0))
                return AZ_ERROR_UNEXPECTED_CHAR;

        v->depth--;
        complete(v);
        return AZ_OK;
}

static az_result take_simple(validator *v, head h) {
        if (h.info == INDEFINITE)
                return take_break(v);
        if (h.info == ONE_BYTE && h.number < 32) /* has a shorter form, which is the only one */
                return AZ_ERROR_UNEXPECTED_CHAR;

        complete(v);
        return AZ_OK;
}

/* In a string of several chunks stand strings of its type and of known length, until the break. */
static bool is_allowed(validator const *v, head h) {
        open_item item;

        if (v->depth == 0)
                return true;
        item = v->open[v->depth - 1];
        return (item.type != BYTES && item.type != TEXT) || (h.type == item.type && h.info != INDEFINITE) ||
               (h.type == SIMPLE && h.info == INDEFINITE);
}

static az_result take_item(validator *v) {
        az_result r;
        head h;

        r = read_head(v, &h);
        if (az_result_failed(r))
                return r;
        if (!is_allowed(v, h))
                return AZ_ERROR_UNEXPECTED_CHAR;

        switch (h.type) {
        case BYTES:
        case TEXT:
                return take_string(v, h);
        case ARRAY:
        case MAP:
                return take_container(v, h);
        case SIMPLE:
                return take_simple(v, h);
        case TAG:
                return h.info == INDEFINITE ? AZ_ERROR_UNEXPECTED_CHAR : begin(v, h.type, false, 1);
        default: /* UNSIGNED, NEGATIVE */
                if (h.info == INDEFINITE)
                        return AZ_ERROR_UNEXPECTED_CHAR;
                complete(v);
                return AZ_OK;
        }
}

az_result aio_cbor_validate(az_span payload) {
        validator v = { .rest = payload };
        az_result r;

        _az_PRECONDITION_VALID_SPAN(payload, 0);

        while (!v.is_complete) {
                r = take_item(&v);
                if (az_result_failed(r))
                        return r;
        }
        return az_span_size(v.rest) == 0 ? AZ_OK : AZ_ERROR_UNEXPECTED_CHAR;
}
