/* SPDX-License-Identifier: MIT */

#include "daemon/json-merge.h"
#include "daemon/twin-internal.h"

struct TwinWatcher {
        TAILQ_ENTRY(TwinWatcher) watchers;
        Twin *twin;
        IpcCall *call;
        TwinSections sections; /* of the program's own; none: it sees all */
        char *component;       /* NULL: all */
        bool was_told;
        bool was_stale; /* when it was told last */
};

static TwinWatcher *watcher_free(TwinWatcher *w) {
        if (!w)
                return NULL;

        twin_sections_done(&w->sections);
        free(w->component);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(TwinWatcher *, watcher_free)

static void watcher_gone(IpcCall *call, void *userdata) {
        TwinWatcher *w = userdata;

        TAILQ_REMOVE(&w->twin->watchers, w, watchers);
        watcher_free(w);
}

static void tell(TwinWatcher *w, az_span desired, bool is_complete) {
        _cleanup_(ipc_json_done) IpcJson json = IPC_JSON_NULL;
        const Twin *t = w->twin;

        w->was_told = true;
        w->was_stale = !t->is_fresh;

        ipc_json_begin(&json, NULL);
        ipc_json_raw(&json, "desired", desired);
        ipc_json_int(&json, "version", t->known.desired_version);
        ipc_json_bool(&json, "complete", is_complete);
        ipc_json_bool(&json, "stale", !t->is_fresh);
        ipc_json_end(&json);
        (void) ipc_call_reply_continues_json(w->call, &json);
}

static az_span text(const char *json) {
        return az_span_create_from_str((char *) json);
}

static int update_sections(TwinWatcher *w) {
        const IpcPeer *peer = ipc_connection_get_peer(ipc_call_get_connection(w->call));

        return twin_sections_update(&w->sections, w->twin->access, peer);
}

/* What the watcher sees of the desired section as it is now; 'own', to be freed, may hold it. */
static int see_all(TwinWatcher *w, char **own, az_span *ret) {
        int r;

        *ret = text(w->twin->known.desired);
        r = update_sections(w);
        if (r < 0 || !w->sections.set)
                return r;
        r = json_merge_select(*ret, text(w->sections.set), own);
        if (r == 0)
                *ret = text(*own);
        return r;
}

/* What it sees of its change by 'patch', before which it was 'before'. */
static int see_change(TwinWatcher *w, az_span before, az_span patch, char **own, az_span *ret) {
        _cleanup_(freep) char *old = NULL, *new = NULL;
        az_span now;
        int r;

        *ret = patch;
        r = update_sections(w);
        if (r < 0 || !w->sections.set)
                return r;
        r = json_merge_select(before, text(w->sections.set), &old);
        if (r == 0)
                r = see_all(w, &new, &now);
        if (r == 0)
                r = json_merge_diff(text(old), now, own);
        if (r == 0)
                *ret = text(*own);
        return r;
}

/* Cuts the watcher's component out of what it sees: 0, or as json_merge_get_section(). */
static int cut_component(const TwinWatcher *w, az_span *part) {
        return w->component ? json_merge_get_section(*part, text(w->component), part) : 0;
}

static void tell_all_of_it(TwinWatcher *w) {
        _cleanup_(freep) char *own = NULL;
        az_span part;
        int r;

        r = see_all(w, &own, &part);
        if (r == 0)
                r = cut_component(w, &part);
        if (r < 0)
                w->was_told = false; /* no memory: the next change tells it */
        else
                tell(w, r == 0 ? part : AZ_SPAN_FROM_STR("{}"), true);
}

static void tell_change(TwinWatcher *w, az_span before, az_span patch) {
        const az_span nothing = AZ_SPAN_FROM_STR("{}");
        _cleanup_(freep) char *own = NULL;
        az_span part;
        int r;

        r = see_change(w, before, patch, &own, &part);
        if (r == 0)
                r = cut_component(w, &part);
        if (r == JSON_MERGE_ABSENT || (r == 0 && az_span_is_content_equal(part, nothing))) {
                if (w->was_stale)
                        tell(w, nothing, false);
        } else if (r == 0)
                tell(w, part, false);
        else
                tell_all_of_it(w); /* it is no object any more */
}

int twin_watch(Twin *t, IpcCall *call, az_span component) {
        _cleanup_(watcher_freep) TwinWatcher *w = NULL;
        int r;

        w = malloc(sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (TwinWatcher){ .twin = t, .call = call };
        r = update_sections(w);
        if (r < 0)
                return r;
        if (az_span_size(component) > 0) {
                w->component =
                        strndup((const char *) az_span_ptr(component), (size_t) az_span_size(component));
                if (!w->component)
                        return -ENOMEM;
        }

        if (t->known.desired)
                tell_all_of_it(w);
        ipc_call_set_on_gone(call, watcher_gone, w);
        TAILQ_INSERT_TAIL(&t->watchers, w, watchers);
        w = NULL;
        return IPC_DEFERRED;
}

void twin_watch_change(Twin *t, az_span before, az_span patch) {
        for (TwinWatcher *w = TAILQ_FIRST(&t->watchers); w; w = TAILQ_NEXT(w, watchers))
                if (w->was_told)
                        tell_change(w, before, patch);
                else
                        tell_all_of_it(w);
}

void twin_watch_replace(Twin *t) {
        for (TwinWatcher *w = TAILQ_FIRST(&t->watchers); w; w = TAILQ_NEXT(w, watchers))
                tell_all_of_it(w);
}

/* Whether the rules, which have changed, give the watcher the same sections as before. */
static bool sees_the_same(TwinWatcher *w) {
        _cleanup_(freep) char *old = TAKE_PTR(w->sections.set);

        if (!w->sections.is_known || update_sections(w) < 0)
                return false;
        return old && w->sections.set ? strcmp(old, w->sections.set) == 0 : old == w->sections.set;
}

void twin_update_access(Twin *t) {
        for (TwinWatcher *w = TAILQ_FIRST(&t->watchers); w; w = TAILQ_NEXT(w, watchers))
                if (!sees_the_same(w) && t->known.desired)
                        tell_all_of_it(w);
}
