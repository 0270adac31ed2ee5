/* SPDX-License-Identifier: MIT */
#include <session/broker_session_internal.h>

/* As with a hub: what is under way gets this long before a planned end, and a DISCONNECT as long again. */
#define DRAIN_TIMEOUT_S 5
#define CLOSE_TIMEOUT_S 5

/* What an input brings with it; each has its own few of these. */
typedef struct {
        uint64_t now_us;
        az_broker_session_connack connack;
        az_broker_event lost;
        bool ends_session;
} input;

static uint64_t deadline_after(uint64_t now_us, uint32_t timeout_s) {
        return now_us + timeout_s * _az_USEC_PER_SEC;
}

/* The one place where the state changes. Returns the event of the transition, to be filled in. */
static az_broker_event *move(az_broker_session *s, az_broker_session_transition const *transition,
                             uint64_t deadline_us) {
        s->_internal.state = transition->to;
        s->_internal.deadline_us = deadline_us;
        s->_internal.event = (az_broker_event){ .type = transition->event };
        s->_internal.has_event = true;
        return &s->_internal.event;
}

static void connect(az_broker_session *s, az_broker_session_transition const *transition, input const *in) {
        az_broker_event *event;

        /* Azure IoT Operations SDKs: "clean start" is of the first connection alone. */
        if (transition->on == AZ_BROKER_ON_START) {
                _az_broker_session_forget_losses(s);
                s->_internal.was_connected = false;
                s->_internal.is_stop_fatal = false;
        }
        s->_internal.is_token_stale = false;
        s->_internal.is_renewal_due = false;
        event = move(s, transition, deadline_after(in->now_us, s->_internal.options.connect_timeout_s));
        event->as.connect.clean_start = !s->_internal.was_connected && s->_internal.options.clean_start;
}

/* What is due on a link that is live; what changed since its CONNECT is due now. */
static uint64_t live_deadline_us(az_broker_session const *s, uint64_t now_us) {
        if (s->_internal.is_token_stale || s->_internal.is_renewal_due)
                return now_us;
        return s->_internal.renew_us;
}

static void go_live(az_broker_session *s, az_broker_session_transition const *transition, input const *in) {
        bool is_session_lost = s->_internal.was_connected && !in->connack.session_present;
        az_broker_event *event;

        s->_internal.was_connected = true;
        s->_internal.connected_us = in->now_us;
        s->_internal.renew_us = in->connack.renew_us;
        _az_broker_session_rewind_publishes(s, in->connack.window, is_session_lost);
        _az_broker_session_rewind_requests(s, is_session_lost);
        event = move(s, transition, live_deadline_us(s, in->now_us));
        event->as.live.session_present = in->connack.session_present;
        event->as.live.is_session_lost = is_session_lost;
}

static void disconnect(az_broker_session *s, az_broker_session_transition const *transition,
                       input const *in) {
        bool is_gone = transition->on == AZ_BROKER_ON_SESSION_GONE;

        if (is_gone) {
                s->_internal.is_stop_fatal = true;
                s->_internal.last_loss = AZ_BROKER_LOSS_SESSION;
                s->_internal.last_reason_code = 0;
        }
        move(s, transition, deadline_after(in->now_us, CLOSE_TIMEOUT_S))->as.disconnect.ends_session =
                is_gone || in->ends_session;
}

static void stop(az_broker_session *s, az_broker_session_transition const *transition, input const *in) {
        bool is_fatal = transition->on == AZ_BROKER_ON_GIVE_UP || s->_internal.is_stop_fatal;
        az_broker_event *event = move(s, transition, UINT64_MAX);

        event->as.stopped.is_fatal = is_fatal;
        event->as.stopped.loss = is_fatal ? s->_internal.last_loss : AZ_BROKER_LOSS_NONE;
        event->as.stopped.reason_code = is_fatal ? s->_internal.last_reason_code : 0;
}

static az_result act(az_broker_session *s, az_broker_session_transition const *transition, input const *in) {
        switch (transition->event) {
        case AZ_BROKER_EVENT_CONNECT:
                connect(s, transition, in);
                return AZ_OK;
        case AZ_BROKER_EVENT_LIVE:
                go_live(s, transition, in);
                return AZ_OK;
        case AZ_BROKER_EVENT_REAUTHENTICATE:
                s->_internal.is_token_stale = false;
                (void) move(s, transition,
                            deadline_after(in->now_us, s->_internal.options.reauthenticate_timeout_s));
                return AZ_OK;
        case AZ_BROKER_EVENT_REAUTHENTICATED:
                (void) move(s, transition, live_deadline_us(s, in->now_us));
                return AZ_OK;
        case AZ_BROKER_EVENT_DRAIN:
                (void) move(s, transition, deadline_after(in->now_us, DRAIN_TIMEOUT_S));
                return AZ_OK;
        case AZ_BROKER_EVENT_LOST:
                *move(s, transition, in->now_us + in->lost.as.lost.delay_us) = in->lost;
                return AZ_OK;
        case AZ_BROKER_EVENT_DISCONNECT:
                disconnect(s, transition, in);
                return AZ_OK;
        case AZ_BROKER_EVENT_STOPPED:
                stop(s, transition, in);
                return AZ_OK;
        case AZ_BROKER_EVENT_PUBLISHED:
        case AZ_BROKER_EVENT_ANSWERED:
        case _AZ_BROKER_EVENT_TYPE_MAX:
                break;
        }
        return AZ_ERROR_NOT_SUPPORTED;
}

/* Every input comes through here: the table says what it leads to. */
static az_result feed(az_broker_session *s, az_broker_session_trigger on, input const *in) {
        az_broker_session_transition const *transition;

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        transition = _az_broker_session_find_transition(s->_internal.state, on);
        if (!transition)
                return AZ_ERROR_NOT_SUPPORTED;
        return act(s, transition, in);
}

/* A loss is judged only where it leads somewhere. */
static az_result lose(az_broker_session *s, az_broker_session_trigger on, az_broker_loss loss,
                      uint8_t reason_code, uint64_t now_us) {
        az_broker_session_transition const *transition =
                _az_broker_session_find_transition(s->_internal.state, on);
        input in = { .now_us = now_us };

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (!transition)
                return AZ_ERROR_NOT_SUPPORTED;
        if (transition->event != AZ_BROKER_EVENT_LOST)
                return act(s, transition, &in);

        in.lost.type = AZ_BROKER_EVENT_LOST;
        in.lost.as.lost.loss = loss;
        in.lost.as.lost.reason_code = reason_code;
        in.lost.as.lost.from = s->_internal.state;
        _az_broker_session_judge_loss(s, &in.lost, now_us);
        if (in.lost.as.lost.is_fatal && !s->_internal.options.never_gives_up)
                return feed(s, AZ_BROKER_ON_GIVE_UP, &in);
        return act(s, transition, &in);
}

az_broker_session_options az_broker_session_options_default(void) {
        return (az_broker_session_options){
                .token_retries = 5,
                .rival_links = 5,
                .when_full = AZ_BROKER_WHEN_FULL_REJECT,
                .backoff_min_ms = 64,
                .backoff_max_ms = 60000,
                .connect_timeout_s = 30,
                .reauthenticate_timeout_s = 30,
        };
}

static bool options_are_valid(az_broker_session_options const *options) {
        return options->random_seed != 0 && (unsigned) options->when_full < _AZ_BROKER_WHEN_FULL_MAX &&
               _az_session_is_within(1, options->backoff_min_ms, options->backoff_max_ms) &&
               options->connect_timeout_s > 0 && options->reauthenticate_timeout_s > 0;
}

az_result az_broker_session_init(az_broker_session *s, az_broker_session_options const *options,
                                 az_broker_session_memory const *memory) {
        if (!options_are_valid(options) || memory->n_in_flight < 1 || memory->n_in_flight > UINT16_MAX ||
            memory->n_waiting < 1 || memory->n_requests < 1 || memory->n_filters < 1)
                return AZ_ERROR_ARG;

        *s = (az_broker_session){
                ._internal = {
                        .options = *options,
                        .memory = *memory,
                        .state = AZ_BROKER_SESSION_STOPPED,
                        .deadline_us = UINT64_MAX,
                        .random = options->random_seed,
                },
        };
        return AZ_OK;
}

az_result az_broker_session_start(az_broker_session *s, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_START, &(input){ .now_us = now_us });
}

az_result az_broker_session_stop(az_broker_session *s, bool ends_session, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_STOP, &(input){ .now_us = now_us, .ends_session = ends_session });
}

az_result az_broker_session_connected(az_broker_session *s, az_broker_session_connack const *connack,
                                      uint64_t now_us) {
        bool is_gone = s->_internal.was_connected && !connack->session_present;

        return feed(s,
                    is_gone && !s->_internal.options.resubscribes ? AZ_BROKER_ON_SESSION_GONE
                                                                  : AZ_BROKER_ON_CONNECTED,
                    &(input){ .now_us = now_us, .connack = *connack });
}

az_result az_broker_session_lost(az_broker_session *s, az_broker_loss loss, uint8_t reason_code,
                                 uint64_t now_us) {
        if (loss == AZ_BROKER_LOSS_NONE || loss == AZ_BROKER_LOSS_RIVAL || loss == AZ_BROKER_LOSS_SESSION)
                return AZ_ERROR_ARG;
        return lose(s, AZ_BROKER_ON_LOST, loss, reason_code, now_us);
}

az_result az_broker_session_timeout(az_broker_session *s, uint64_t now_us) {
        if (now_us < s->_internal.deadline_us)
                return AZ_OK;
        if (s->_internal.state == AZ_BROKER_SESSION_LIVE && s->_internal.is_token_stale &&
            !s->_internal.is_renewal_due)
                return feed(s, AZ_BROKER_ON_TOKEN_CHANGED, &(input){ .now_us = now_us });
        return lose(s, AZ_BROKER_ON_TIMEOUT, AZ_BROKER_LOSS_TIMEOUT, 0, now_us);
}

/* Whether the last token was refused, and a new one may do. */
static bool waits_for_token(az_broker_session const *s) {
        switch ((int) s->_internal.last_loss) {
        case AZ_BROKER_LOSS_REFUSED:
                return az_broker_verdict_of_connack(s->_internal.last_reason_code) ==
                       AZ_BROKER_VERDICT_CREDENTIAL;
        case AZ_BROKER_LOSS_DISCONNECTED:
                return az_broker_verdict_of_disconnect(s->_internal.last_reason_code) ==
                       AZ_BROKER_VERDICT_CREDENTIAL;
        default:
                return s->_internal.last_loss == AZ_BROKER_LOSS_FILE ||
                       s->_internal.last_loss == AZ_BROKER_LOSS_REAUTHENTICATION;
        }
}

az_result az_broker_session_token_changed(az_broker_session *s, uint64_t now_us) {
        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (s->_internal.state == AZ_BROKER_SESSION_LIVE ||
            (s->_internal.state == AZ_BROKER_SESSION_BACKOFF && waits_for_token(s)))
                return feed(s, AZ_BROKER_ON_TOKEN_CHANGED, &(input){ .now_us = now_us });
        s->_internal.is_token_stale = true;
        return AZ_OK;
}

az_result az_broker_session_reauthenticated(az_broker_session *s, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_REAUTHENTICATED, &(input){ .now_us = now_us });
}

az_result az_broker_session_renew(az_broker_session *s, uint64_t now_us) {
        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (_az_broker_session_may_send(s) || s->_internal.state == AZ_BROKER_SESSION_BACKOFF)
                return feed(s, AZ_BROKER_ON_RENEW, &(input){ .now_us = now_us });
        s->_internal.is_renewal_due = true;
        return AZ_OK;
}

az_result az_broker_session_drained(az_broker_session *s, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_DRAINED, &(input){ .now_us = now_us });
}

az_result az_broker_session_closed(az_broker_session *s, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_CLOSED, &(input){ .now_us = now_us });
}

az_result az_broker_session_reconnect_now(az_broker_session *s, uint64_t now_us) {
        return feed(s, AZ_BROKER_ON_RECONNECT_NOW, &(input){ .now_us = now_us });
}

static bool is_last_event(az_broker_session const *s) {
        return s->_internal.event.type == AZ_BROKER_EVENT_STOPPED;
}

bool az_broker_session_next_event(az_broker_session *s, az_broker_event *out_event) {
        if (s->_internal.has_event && is_last_event(s)) {
                if (_az_broker_session_next_answer(s, out_event) ||
                    _az_broker_session_give_up_publish(s, out_event) ||
                    _az_broker_session_give_up_request(s, out_event))
                        return true;
        }
        if (!s->_internal.has_event)
                return _az_broker_session_next_answer(s, out_event);
        *out_event = s->_internal.event;
        s->_internal.has_event = false;
        return true;
}

uint64_t az_broker_session_deadline_us(az_broker_session const *s) {
        return s->_internal.deadline_us;
}

az_broker_session_status az_broker_session_get_status(az_broker_session const *s) {
        bool is_up = _az_broker_session_may_send(s) || s->_internal.state == AZ_BROKER_SESSION_DRAINING;
        az_broker_session_status status;

        status = (az_broker_session_status){
                .state = s->_internal.state,
                .last_loss = s->_internal.last_loss,
                .last_reason_code = s->_internal.last_reason_code,
                .live_since_us = is_up ? s->_internal.connected_us : 0,
                .n_waiting = (size_t) (s->_internal.waiting.end - s->_internal.waiting.first),
                .n_in_flight = s->_internal.in_flight.n_open,
        };
        for (size_t i = 0; i < _az_BROKER_SESSION_BACKOFFS; i++)
                status.n_failures += s->_internal.n_failures[i];
        return status;
}
