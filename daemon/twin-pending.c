/* SPDX-License-Identifier: MIT */

/*
 * Batches are a queue, and so are the patches of a batch: merged in this order they are what their users
 * want.
 *
 * A new patch may join a batch that is not the last, and so overtake the batches behind. That is right if it
 * would do the same either way: it has nothing in common with them, because what it overwrites has been taken
 * out of them, and none of them replaces something by other than an object of which it then sets a member
 * (json_merge_can_combine()). Otherwise it begins a batch of its own at the end.
 *
 * A batch that is or was in flight is closed: the hub may have it already, so that what joins it now would be
 * taken as accepted with it.
 */

#include "daemon/twin-pending.h"

#include <assert.h>
#include <sys/queue.h>

#include "daemon/json-merge.h"

/* So many patches of a batch whose authors do not wait are kept apart, to be tried singly if need be. */
#define APART_MAX 16U

typedef struct Part {
        TAILQ_ENTRY(Part) parts;
        char *patch;
        char *rest; /* what is to replace 'patch', while a patch is being added */
        void *author;
        uint64_t since_us;
        uint64_t generation;
} Part;

typedef TAILQ_HEAD(PartList, Part) PartList;

typedef struct Batch {
        TAILQ_ENTRY(Batch) batches;
        uid_t uid;
        PartList parts;
        bool is_closed;
        bool is_singly; /* the union was refused: one part at a time */
        uint64_t first_us, last_us;
} Batch;

typedef TAILQ_HEAD(BatchList, Batch) BatchList;

struct TwinPending {
        const TwinPendingOps *ops;
        void *userdata;
        BatchList batches;
        size_t n_bytes;
        unsigned n_parts;
        uint64_t generation;

        Batch *in_flight; /* the first, or NULL */
        char *sent;
};

static az_span text(const char *json) {
        return az_span_create_from_str((char *) json);
}

static bool is_empty(const char *patch) {
        return strcmp(patch, "{}") == 0;
}

/* ---- Life ---- */

static void part_free(TwinPending *p, Batch *b, Part *part) {
        TAILQ_REMOVE(&b->parts, part, parts);
        p->n_bytes -= strlen(part->patch);
        p->n_parts--;
        free(part->patch);
        free(part->rest);
        free(part);
}

static void batch_free(TwinPending *p, Batch *b) {
        while (!TAILQ_EMPTY(&b->parts))
                part_free(p, b, TAILQ_FIRST(&b->parts));
        TAILQ_REMOVE(&p->batches, b, batches);
        free(b);
}

int twin_pending_new(TwinPending **ret, const TwinPendingOps *ops, void *userdata) {
        TwinPending *p;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (TwinPending){ .ops = ops, .userdata = userdata };
        TAILQ_INIT(&p->batches);

        *ret = p;
        return 0;
}

TwinPending *twin_pending_free(TwinPending *p) {
        if (!p)
                return NULL;

        while (!TAILQ_EMPTY(&p->batches))
                batch_free(p, TAILQ_FIRST(&p->batches));
        free(p->sent);
        free(p);
        return NULL;
}

/* ---- Adding ---- */

/* What is there, of all users and of one. */
typedef struct Amount {
        size_t n_bytes, n_bytes_of_user;
        unsigned n_parts_of_user;
} Amount;

/* Finds what each part still has to say after 'patch', and how much that is. */
static int find_rests(TwinPending *p, uid_t uid, az_span patch, Amount *ret) {
        Amount amount = {};
        int r;

        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches))
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts)) {
                        r = json_merge_subtract(text(part->patch), patch, &part->rest);
                        if (r != 0)
                                return r;
                        amount.n_bytes += strlen(part->rest);
                        if (b->uid == uid) {
                                amount.n_bytes_of_user += strlen(part->rest);
                                amount.n_parts_of_user++;
                        }
                }
        *ret = amount;
        return 0;
}

/* Whether there is room for a patch of so many bytes. 'is_fair': and then for another user too. */
static bool has_room(const TwinPending *p, const Amount *amount, size_t n_bytes, bool is_fair) {
        size_t others = is_fair ? amount->n_bytes_of_user + n_bytes : 0;
        unsigned other_parts = is_fair ? amount->n_parts_of_user + 1 : 0;

        return amount->n_bytes + n_bytes + others <= TWIN_PENDING_BYTES_MAX &&
               p->n_parts + 1 + other_parts <= TWIN_PENDING_PATCHES_MAX;
}

static void forget_rests(TwinPending *p) {
        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches))
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts)) {
                        free(part->rest);
                        part->rest = NULL;
                }
}

/* What is not said any more, is not waited for and is not being sent, goes. */
static bool part_is_needed(const TwinPending *p, const Batch *b, const Part *part) {
        return !is_empty(part->patch) || part->author || b == p->in_flight;
}

static void take_rests(TwinPending *p) {
        Batch *b, *next_batch;

        for (b = TAILQ_FIRST(&p->batches); b; b = next_batch) {
                Part *part, *next;

                next_batch = TAILQ_NEXT(b, batches);
                for (part = TAILQ_FIRST(&b->parts); part; part = next) {
                        next = TAILQ_NEXT(part, parts);
                        if (!part->rest)
                                continue; /* the new one */
                        p->n_bytes = p->n_bytes - strlen(part->patch) + strlen(part->rest);
                        free(part->patch);
                        part->patch = TAKE_PTR(part->rest);
                        if (!part_is_needed(p, b, part))
                                part_free(p, b, part);
                }
                if (TAILQ_EMPTY(&b->parts))
                        batch_free(p, b);
        }
}

/* Finds the batch that the patch can join, after find_rests(); NULL: there is none. */
static int find_batch(const TwinPending *p, uid_t uid, az_span patch, Batch **ret) {
        for (Batch *b = TAILQ_LAST(&p->batches, BatchList); b; b = TAILQ_PREV(b, BatchList, batches)) {
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts)) {
                        bool can;
                        int r;

                        r = json_merge_can_combine(text(part->rest), patch, &can);
                        if (r != 0)
                                return r;
                        if (!can)
                                return 0;
                }
                if (b->uid == uid && !b->is_closed) {
                        *ret = b;
                        return 0;
                }
        }
        return 0;
}

/* Merges the oldest of too many patches that nobody waits for; if that fails, they just stay apart. */
static void batch_compact(TwinPending *p, Batch *b) {
        Part *first = NULL;
        unsigned n = 0;

        for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts)) {
                Part *next = TAILQ_NEXT(part, parts);

                n += !part->author;
                if (!first && next && !part->author && !next->author)
                        first = part;
        }
        if (n > APART_MAX && first) {
                Part *second = TAILQ_NEXT(first, parts);
                char *both;

                if (json_merge_combine(text(first->patch), text(second->patch), &both) != 0)
                        return;
                p->n_bytes += strlen(both) - strlen(second->patch);
                free(second->patch);
                second->patch = both;
                part_free(p, b, first);
        }
}

static Batch *batch_new(TwinPending *p, uid_t uid, uint64_t now_us) {
        Batch *b;

        b = malloc(sizeof(*b));
        if (!b)
                return NULL;
        *b = (Batch){ .uid = uid, .first_us = now_us };
        TAILQ_INIT(&b->parts);
        TAILQ_INSERT_TAIL(&p->batches, b, batches);
        return b;
}

/* Puts 'patch', which it then owns, into 'b', or into a new batch at the end. 0; -ENOMEM. */
static int append(TwinPending *p, Batch *b, uid_t uid, char *patch, uint64_t now_us, void *author) {
        Part *part;

        part = malloc(sizeof(*part));
        if (part && !b)
                b = batch_new(p, uid, now_us);
        if (!part || !b) {
                free(part);
                return -ENOMEM;
        }

        *part = (Part){ .patch = patch, .author = author, .since_us = now_us, .generation = ++p->generation };
        p->n_bytes += strlen(patch);
        p->n_parts++;
        b->last_us = now_us;
        TAILQ_INSERT_TAIL(&b->parts, part, parts);
        take_rests(p);
        batch_compact(p, b);
        return 0;
}

/* 'patch' has no white space, and can be merged. */
static int add(TwinPending *p, uid_t uid, char *patch, uint64_t now_us, void *author, bool is_fair) {
        Batch *b = NULL;
        Amount amount;
        int r;

        if (p->n_parts >= TWIN_PENDING_PATCHES_MAX || strlen(patch) > TWIN_PENDING_BYTES_MAX)
                return TWIN_PENDING_FULL;
        r = find_rests(p, uid, text(patch), &amount);
        if (r == 0 && !has_room(p, &amount, strlen(patch), is_fair))
                r = TWIN_PENDING_FULL;
        if (r == 0)
                r = find_batch(p, uid, text(patch), &b);
        if (r == 0)
                r = append(p, b, uid, patch, now_us, author);
        if (r != 0)
                forget_rests(p);
        return r;
}

static int add_copy(TwinPending *p, uid_t uid, az_span patch, uint64_t now_us, void *author, bool is_fair) {
        char *copy;
        int r;

        r = json_merge_combine(AZ_SPAN_FROM_STR("{}"), patch, &copy);
        if (r != 0)
                return r > 0 ? -EINVAL : r;
        r = add(p, uid, copy, now_us, author, is_fair);
        if (r != 0)
                free(copy);
        return r;
}

int twin_pending_add(TwinPending *p, uid_t uid, az_span patch, uint64_t now_us, void *author) {
        return add_copy(p, uid, patch, now_us, author, true);
}

int twin_pending_restore(TwinPending *p, uid_t uid, az_span patch) {
        return add_copy(p, uid, patch, 0, NULL, false);
}

void twin_pending_forget(TwinPending *p, const void *author) {
        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches)) {
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts))
                        if (part->author == author)
                                part->author = NULL;
        }
}

/* ---- Sending ---- */

uint64_t twin_pending_due_us(const TwinPending *p) {
        const Batch *b = TAILQ_FIRST(&p->batches);

        if (!b || p->in_flight)
                return UINT64_MAX;
        if (b->is_closed)
                return 0;
        return MIN(b->first_us + TWIN_REPORT_DELAY_US, b->last_us + TWIN_REPORT_PAUSE_US);
}

bool twin_pending_is_in_flight(const TwinPending *p) {
        return p->in_flight;
}

static void part_end(TwinPending *p, Batch *b, Part *part, const TwinReportResult *result) {
        void *author = part->author;

        part_free(p, b, part);
        if (author)
                p->ops->answer(p->userdata, author, result);
        else if (result->outcome == TWIN_REPORT_REFUSED)
                p->ops->gave_up(p->userdata, b->uid, result);
}

/* Ends what is sent at once: all parts, or one. */
static void batch_end(TwinPending *p, Batch *b, const TwinReportResult *result) {
        bool is_singly = b->is_singly;

        p->generation++;
        do
                part_end(p, b, TAILQ_FIRST(&b->parts), result);
        while (!is_singly && !TAILQ_EMPTY(&b->parts));
        if (TAILQ_EMPTY(&b->parts))
                batch_free(p, b);
}

static int batch_merge(const Batch *b, char **ret) {
        const Part *part = TAILQ_FIRST(&b->parts);
        _cleanup_(freep) char *merged = strdup(part->patch);
        int r;

        if (!merged)
                return -ENOMEM;
        while (!b->is_singly && (part = TAILQ_NEXT(part, parts))) {
                char *more;

                r = json_merge_combine(text(merged), text(part->patch), &more);
                if (r != 0)
                        return r;
                free(merged);
                merged = more;
        }

        *ret = TAKE_PTR(merged);
        return 0;
}

int twin_pending_begin(TwinPending *p, az_span *ret) {
        const TwinReportResult overwritten = { .outcome = TWIN_REPORT_ACCEPTED, .version = -1 };
        Batch *b;
        int r;

        assert(!p->in_flight);
        while ((b = TAILQ_FIRST(&p->batches))) {
                _cleanup_(freep) char *merged = NULL;

                r = batch_merge(b, &merged);
                if (r != 0)
                        return r > 0 ? -EINVAL : r;
                if (is_empty(merged)) {
                        batch_end(p, b, &overwritten);
                        continue;
                }

                b->is_closed = true;
                p->in_flight = b;
                p->sent = TAKE_PTR(merged);
                *ret = text(p->sent);
                return 0;
        }
        return TWIN_PENDING_NONE;
}

void twin_pending_end(TwinPending *p, const TwinReportResult *result) {
        Batch *b = TAKE_PTR(p->in_flight);

        assert(b);
        free(p->sent);
        p->sent = NULL;

        if (result->outcome == TWIN_REPORT_RETRY)
                return;
        if (result->outcome == TWIN_REPORT_REFUSED && !b->is_singly &&
            TAILQ_FIRST(&b->parts) != TAILQ_LAST(&b->parts, PartList)) {
                b->is_singly = true;
                return;
        }
        batch_end(p, b, result);
}

/* ---- Storing ---- */

uint64_t twin_pending_get_generation(const TwinPending *p) {
        return p->generation;
}

unsigned twin_pending_count(const TwinPending *p) {
        return p->n_parts;
}

bool twin_pending_is_empty(const TwinPending *p) {
        return TAILQ_EMPTY(&p->batches);
}

void twin_pending_format(const TwinPending *p, IpcJson *json) {
        ipc_json_begin_array(json, "patches");
        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches)) {
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts)) {
                        ipc_json_begin(json, NULL);
                        ipc_json_int(json, "uid", b->uid);
                        ipc_json_raw(json, "patch", text(part->patch));
                        ipc_json_end(json);
                }
        }
        ipc_json_end_array(json);
}

void twin_pending_stored(TwinPending *p, uint64_t generation, uint64_t since_us,
                         const TwinReportResult *result) {
        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches)) {
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts))
                        if (part->author && part->generation <= generation && part->since_us <= since_us)
                                p->ops->answer(p->userdata, TAKE_PTR(part->author), result);
        }
}

uint64_t twin_pending_waiting_since_us(const TwinPending *p) {
        uint64_t since_us = UINT64_MAX;

        for (Batch *b = TAILQ_FIRST(&p->batches); b; b = TAILQ_NEXT(b, batches)) {
                for (Part *part = TAILQ_FIRST(&b->parts); part; part = TAILQ_NEXT(part, parts))
                        if (part->author)
                                since_us = MIN(since_us, part->since_us);
        }
        return since_us;
}
