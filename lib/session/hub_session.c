/* SPDX-License-Identifier: MIT */
#include <session/hub_session_internal.h>

/* What is under way on a link gets this long to finish before a planned end, and its DISCONNECT as long
 * again. */
#define DRAIN_TIMEOUT_S 5
#define CLOSE_TIMEOUT_S 5

/* What an input brings with it; each has its own few of these. */
typedef struct {
        az_hub_session_time time;
        az_span signature;
        bool session_present;
        az_hub_loss loss;
        uint8_t connack_code;
        az_hub_event message;
} input;

/* The one place where the state changes. Returns the event of the transition, to be filled in. */
static az_hub_event *move(az_hub_session *s, az_hub_session_transition const *transition,
                          uint64_t deadline_us) {
        s->_internal.state = transition->to;
        s->_internal.deadline_us = deadline_us;
        s->_internal.event = (az_hub_event){ .type = transition->event };
        s->_internal.has_event = true;
        return &s->_internal.event;
}

static uint64_t deadline_after(az_hub_session_time time, uint32_t timeout_s) {
        return time.now_us + timeout_s * _az_USEC_PER_SEC;
}

static bool clock_is_unset(az_hub_session const *s, az_hub_session_time time) {
        return time.unix_s < s->_internal.options.build_unix_s;
}

static az_result sign(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        uint64_t expires_unix_s = in->time.unix_s + s->_internal.options.token_lifetime_s;
        az_hub_event *event;
        az_span text;
        az_result r;

        r = az_iot_hub_client_sas_get_signature(s->_internal.client, expires_unix_s,
                                                AZ_SPAN_FROM_BUFFER(s->_internal.credential), &text);
        if (az_result_failed(r))
                return r;

        s->_internal.credential_len = (size_t) az_span_size(text);
        _az_hub_session_date_attempt(s, in->time);
        event = move(s, transition, deadline_after(in->time, s->_internal.options.sign_timeout_s));
        event->as.sign.string_to_sign = text;
        event->as.sign.expires_unix_s = expires_unix_s;
        event->as.sign.clock_is_unset = clock_is_unset(s, in->time);
        return AZ_OK;
}

static az_result write_password(az_hub_session *s, input const *in) {
        if (az_span_size(in->signature) != _az_SIGNATURE_SIZE)
                return AZ_ERROR_ARG;
        return az_iot_hub_client_sas_get_password(
                s->_internal.client, s->_internal.expires_unix_s, in->signature, AZ_SPAN_EMPTY,
                s->_internal.credential, sizeof(s->_internal.credential), &s->_internal.credential_len);
}

static az_result connect(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        az_hub_event *event;
        az_result r = AZ_OK;

        if (transition->on == AZ_HUB_ON_CERTIFICATE)
                _az_hub_session_date_attempt(s, in->time);
        else
                r = write_password(s, in);
        if (az_result_failed(r))
                return r;

        event = move(s, transition, deadline_after(in->time, s->_internal.options.connect_timeout_s));
        event->as.connect.client_id = _az_session_span_of(s->_internal.client_id, s->_internal.client_id_len);
        event->as.connect.user_name = _az_session_span_of(s->_internal.user_name, s->_internal.user_name_len);
        event->as.connect.password =
                _az_session_span_of(s->_internal.credential, s->_internal.credential_len);
        event->as.connect.keep_alive_s = s->_internal.options.keep_alive_s;
        event->as.connect.clean_session = false;
        event->as.connect.clock_is_unset = clock_is_unset(s, in->time);
        return AZ_OK;
}

static az_result subscribe(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        az_hub_event *event;

        s->_internal.session_present = in->session_present;
        s->_internal.connected_us = in->time.now_us;
        event = move(s, transition, deadline_after(in->time, s->_internal.options.subscribe_timeout_s));
        event->as.subscribe.filters = s->_internal.filters;
        event->as.subscribe.n_filters = s->_internal.n_filters;
        return AZ_OK;
}

static az_result go_live(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        s->_internal.live_since_us = in->time.now_us;
        move(s, transition, _az_hub_session_renewal_us(s, in->time))->as.live.session_present =
                s->_internal.session_present;
        return AZ_OK;
}

static az_result wait(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        uint64_t delay_us = _az_hub_session_splay_us(s);

        move(s, transition, in->time.now_us + delay_us)->as.wait.delay_us = delay_us;
        return AZ_OK;
}

static az_result drain(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        (void) move(s, transition, deadline_after(in->time, DRAIN_TIMEOUT_S));
        return AZ_OK;
}

static az_result disconnect(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        if (transition->to == AZ_HUB_SESSION_STOPPED) {
                _az_hub_session_forget_losses(s);
                (void) move(s, transition, UINT64_MAX);
                return AZ_OK;
        }
        _az_hub_session_judge_link(s, in->time.now_us);
        (void) move(s, transition, deadline_after(in->time, CLOSE_TIMEOUT_S));
        return AZ_OK;
}

static az_result deliver(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        *move(s, transition, s->_internal.deadline_us) = in->message;
        return AZ_OK;
}

static az_result lose(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        az_hub_event lost = { .type = AZ_HUB_EVENT_LOST };

        lost.as.lost.loss = in->loss;
        lost.as.lost.connack_code = in->connack_code;
        lost.as.lost.from = transition->from;
        _az_hub_session_judge_loss(s, &lost, in->time.now_us);

        s->_internal.last_loss = lost.as.lost.loss;
        s->_internal.last_connack_code = in->connack_code;
        *move(s, transition, in->time.now_us + lost.as.lost.delay_us) = lost;
        return AZ_OK;
}

static az_result act(az_hub_session *s, az_hub_session_transition const *transition, input const *in) {
        switch (transition->event) {
        case AZ_HUB_EVENT_SIGN:
                return sign(s, transition, in);
        case AZ_HUB_EVENT_CONNECT:
                return connect(s, transition, in);
        case AZ_HUB_EVENT_SUBSCRIBE:
                return subscribe(s, transition, in);
        case AZ_HUB_EVENT_LIVE:
                return go_live(s, transition, in);
        case AZ_HUB_EVENT_METHOD:
        case AZ_HUB_EVENT_C2D:
        case AZ_HUB_EVENT_TWIN:
                return deliver(s, transition, in);
        case AZ_HUB_EVENT_WAIT:
                return wait(s, transition, in);
        case AZ_HUB_EVENT_DRAIN:
                return drain(s, transition, in);
        case AZ_HUB_EVENT_LOST:
                return lose(s, transition, in);
        case AZ_HUB_EVENT_DISCONNECT:
                return disconnect(s, transition, in);
        case _AZ_HUB_EVENT_TYPE_MAX:
                break;
        }
        return AZ_ERROR_NOT_SUPPORTED;
}

/* Every input comes through here: the table says what it leads to. */
static az_result feed(az_hub_session *s, az_hub_session_trigger on, input const *in) {
        az_hub_session_transition const *transition;

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        _az_session_wipe(s->_internal.credential, &s->_internal.credential_len);
        transition = _az_hub_session_find_transition(s->_internal.state, on);
        if (!transition)
                return AZ_ERROR_NOT_SUPPORTED;
        if (transition->event != AZ_HUB_EVENT_SIGN)
                return act(s, transition, in);
        if (_az_hub_session_waits_for_clock(s, in->time))
                return feed(s, AZ_HUB_ON_CLOCK_UNSET,
                            &(input){ .time = in->time, .loss = AZ_HUB_LOSS_CLOCK });
        if (s->_internal.options.credential == AZ_CREDENTIAL_X509)
                return feed(s, AZ_HUB_ON_CERTIFICATE, in);
        return act(s, transition, in);
}

az_hub_session_options az_hub_session_options_default(void) {
        return (az_hub_session_options){
                .credential = AZ_CREDENTIAL_SAS,
                .features = _az_HUB_SESSION_FEATURES,
                .token_lifetime_s = 3600,
                .keep_alive_s = 60,
                .sign_timeout_s = 120,
                .connect_timeout_s = 30,
                .subscribe_timeout_s = 30,
                .backoff_min_s = 1,
                .backoff_max_s = 100,
        };
}

static bool options_are_valid(az_hub_session_options const *options) {
        return options->random_seed != 0 && (unsigned) options->credential < _AZ_CREDENTIAL_MAX &&
               _az_session_is_within(1, options->features, _az_HUB_SESSION_FEATURES) &&
               _az_session_is_within(300, options->token_lifetime_s, 86400) &&
               _az_session_is_within(1, options->keep_alive_s, AZ_HUB_SESSION_KEEP_ALIVE_MAX_S) &&
               options->sign_timeout_s > 0 && options->connect_timeout_s > 0 &&
               options->subscribe_timeout_s > 0 &&
               _az_session_is_within(1, options->backoff_min_s, options->backoff_max_s);
}

/* Writes what stays the same for all attempts, and sees that what does not will fit. */
static az_result write_identity(az_hub_session *s) {
        az_result r;

        r = az_iot_hub_client_get_client_id(s->_internal.client, s->_internal.client_id,
                                            sizeof(s->_internal.client_id), &s->_internal.client_id_len);
        if (az_result_failed(r))
                return r;
        r = az_iot_hub_client_get_user_name(s->_internal.client, s->_internal.user_name,
                                            sizeof(s->_internal.user_name), &s->_internal.user_name_len);
        if (az_result_failed(r))
                return r;
        if (s->_internal.options.credential != AZ_CREDENTIAL_SAS)
                return AZ_OK;
        return az_iot_hub_client_sas_get_password(s->_internal.client, UINT64_MAX, _az_SIGNATURE_LONGEST,
                                                  AZ_SPAN_EMPTY, s->_internal.credential,
                                                  sizeof(s->_internal.credential), NULL);
}

az_result az_hub_session_init(az_hub_session *s, az_iot_hub_client const *client,
                              az_hub_session_options const *options) {
        az_result r;

        if (!options_are_valid(options))
                return AZ_ERROR_ARG;

        *s = (az_hub_session){
                ._internal = {
                        .client = client,
                        .options = *options,
                        .state = AZ_HUB_SESSION_STOPPED,
                        .deadline_us = UINT64_MAX,
                        .random = options->random_seed,
                },
        };
        r = write_identity(s);
        if (az_result_failed(r))
                return r;
        return _az_hub_session_write_filters(s);
}

az_result az_hub_session_start(az_hub_session *s, az_hub_session_time time) {
        return feed(s, s->_internal.options.splay_s > 0 ? AZ_HUB_ON_START_SPLAYED : AZ_HUB_ON_START,
                    &(input){ .time = time });
}

void az_hub_session_stop(az_hub_session *s) {
        s->_internal.has_event = false;
        (void) feed(s, AZ_HUB_ON_STOP, &(input){ .loss = AZ_HUB_LOSS_NONE });
}

az_result az_hub_session_signed(az_hub_session *s, az_span base64_signature, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_SIGNED, &(input){ .time = time, .signature = base64_signature });
}

az_result az_hub_session_connected(az_hub_session *s, bool session_present, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_CONNECTED, &(input){ .time = time, .session_present = session_present });
}

az_result az_hub_session_refused(az_hub_session *s, uint8_t connack_code, az_hub_session_time time) {
        if (connack_code == 0)
                return AZ_ERROR_ARG;
        return feed(s, AZ_HUB_ON_REFUSED,
                    &(input){ .time = time, .loss = AZ_HUB_LOSS_REFUSED, .connack_code = connack_code });
}

az_result az_hub_session_suback(az_hub_session *s, uint8_t const *codes, size_t n_codes,
                                az_hub_session_time time) {
        if (_az_hub_session_is_granted(s, codes, n_codes))
                return feed(s, AZ_HUB_ON_SUBACK, &(input){ .time = time });
        return feed(s, AZ_HUB_ON_SUBACK_REFUSED, &(input){ .time = time, .loss = AZ_HUB_LOSS_SUBSCRIBE });
}

az_result az_hub_session_lost(az_hub_session *s, az_hub_loss loss, az_hub_session_time time) {
        if (loss == AZ_HUB_LOSS_NONE || loss == AZ_HUB_LOSS_REFUSED || loss == AZ_HUB_LOSS_SUBSCRIBE ||
            loss == AZ_HUB_LOSS_DUPLICATE || loss == AZ_HUB_LOSS_CLOCK)
                return AZ_ERROR_ARG;
        return feed(s, AZ_HUB_ON_LOST, &(input){ .time = time, .loss = loss });
}

az_result az_hub_session_timeout(az_hub_session *s, az_hub_session_time time) {
        if (time.now_us < s->_internal.deadline_us)
                return AZ_OK;
        return feed(s, AZ_HUB_ON_TIMEOUT, &(input){ .time = time, .loss = AZ_HUB_LOSS_TIMEOUT });
}

az_result az_hub_session_renew(az_hub_session *s, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_RENEW, &(input){ .time = time });
}

az_result az_hub_session_drained(az_hub_session *s, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_DRAINED, &(input){ .time = time });
}

az_result az_hub_session_closed(az_hub_session *s, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_CLOSED, &(input){ .time = time });
}

az_result az_hub_session_reconnect_now(az_hub_session *s, az_hub_session_time time) {
        return feed(s, AZ_HUB_ON_RECONNECT_NOW, &(input){ .time = time });
}

az_result az_hub_session_clock_changed(az_hub_session *s, az_hub_session_time time) {
        bool is_due;

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (s->_internal.state == AZ_HUB_SESSION_LIVE) {
                s->_internal.deadline_us = _az_hub_session_renewal_us(s, time);
                is_due = s->_internal.deadline_us <= time.now_us;
        } else {
                is_due = s->_internal.state == AZ_HUB_SESSION_BACKOFF &&
                         _az_hub_session_is_mended_by_clock(s, time);
        }
        return is_due ? feed(s, AZ_HUB_ON_CLOCK_CHANGED, &(input){ .time = time }) : AZ_OK;
}

az_result az_hub_session_message(az_hub_session *s, az_span topic, az_span payload) {
        az_hub_session_trigger on;
        az_hub_event event;
        az_result r;

        r = _az_hub_session_parse_message(s, topic, payload, &event, &on);
        if (az_result_failed(r))
                return r;
        return feed(s, on, &(input){ .message = event });
}

bool az_hub_session_next_event(az_hub_session *s, az_hub_event *out_event) {
        if (!s->_internal.has_event) {
                _az_session_wipe(s->_internal.credential, &s->_internal.credential_len);
                return false;
        }
        *out_event = s->_internal.event;
        s->_internal.has_event = false;
        return true;
}

uint64_t az_hub_session_deadline_us(az_hub_session const *s) {
        return s->_internal.deadline_us;
}

az_hub_session_status az_hub_session_get_status(az_hub_session const *s) {
        bool is_up =
                s->_internal.state == AZ_HUB_SESSION_LIVE || s->_internal.state == AZ_HUB_SESSION_DRAINING;
        az_hub_session_status status;

        status = (az_hub_session_status){
                .state = s->_internal.state,
                .last_loss = s->_internal.last_loss,
                .last_connack_code = s->_internal.last_connack_code,
                .live_since_us = is_up ? s->_internal.live_since_us : 0,
        };
        for (size_t i = 0; i < _az_HUB_SESSION_BACKOFFS; i++)
                status.n_failures += s->_internal.n_failures[i];
        return status;
}
