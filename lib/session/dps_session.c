/* SPDX-License-Identifier: MIT */
#include <session/dps_session_internal.h>

/* Answers are acknowledged, so that none is lost on a link that is up. */
#define QOS 1

static az_span registration_id_of(az_dps_session const *s) {
        return s->_internal.client._internal.registration_id;
}

static bool clock_is_unset(az_dps_session const *s, az_hub_session_time time) {
        return time.unix_s < s->_internal.options.build_unix_s;
}

/* The one place where the state changes. Returns the event of the transition, to be filled in. */
static az_dps_event *move(az_dps_session *s, az_dps_session_transition const *transition,
                          uint64_t deadline_us) {
        s->_internal.state = transition->to;
        s->_internal.deadline_us = deadline_us;
        s->_internal.event = (az_dps_event){ .type = transition->event };
        s->_internal.has_event = true;
        return &s->_internal.event;
}

/* No step takes longer than the run. */
static uint64_t deadline_after(az_dps_session const *s, az_hub_session_time time, uint32_t timeout_s) {
        uint64_t deadline_us = time.now_us + timeout_s * _az_USEC_PER_SEC;

        return deadline_us < s->_internal.run_end_us ? deadline_us : s->_internal.run_end_us;
}

/* The first attempt begins the run. */
static void begin_attempt(az_dps_session *s, az_hub_session_time time) {
        if (s->_internal.run_end_us > 0)
                return;
        s->_internal.run_end_us = time.now_us + s->_internal.options.run_timeout_s * _az_USEC_PER_SEC;
        s->_internal.n_failures = 0;
}

static az_result sign(az_dps_session *s, az_dps_session_transition const *transition,
                      _az_dps_input const *in) {
        uint64_t expires_unix_s = in->time.unix_s + s->_internal.options.token_lifetime_s;
        az_dps_event *event;
        az_span text;
        az_result r;

        r = az_iot_provisioning_client_sas_get_signature(&s->_internal.client, expires_unix_s,
                                                         AZ_SPAN_FROM_BUFFER(s->_internal.credential), &text);
        if (az_result_failed(r))
                return r;

        begin_attempt(s, in->time);
        s->_internal.credential_len = (size_t) az_span_size(text);
        s->_internal.expires_unix_s = expires_unix_s;
        event = move(s, transition, deadline_after(s, in->time, s->_internal.options.sign_timeout_s));
        event->as.sign.string_to_sign = text;
        event->as.sign.expires_unix_s = expires_unix_s;
        event->as.sign.clock_is_unset = clock_is_unset(s, in->time);
        return AZ_OK;
}

static az_result write_password(az_dps_session *s, _az_dps_input const *in) {
        if (az_span_size(in->signature) != _az_SIGNATURE_SIZE)
                return AZ_ERROR_ARG;
        return az_iot_provisioning_client_sas_get_password(
                &s->_internal.client, in->signature, s->_internal.expires_unix_s, _az_DPS_KEY_NAME,
                s->_internal.credential, sizeof(s->_internal.credential), &s->_internal.credential_len);
}

static az_result connect(az_dps_session *s, az_dps_session_transition const *transition,
                         _az_dps_input const *in) {
        az_dps_event *event;
        az_result r = AZ_OK;

        if (transition->on == AZ_DPS_ON_CERTIFICATE)
                begin_attempt(s, in->time);
        else
                r = write_password(s, in);
        if (az_result_failed(r))
                return r;

        event = move(s, transition, deadline_after(s, in->time, s->_internal.options.step_timeout_s));
        event->as.connect.host = s->_internal.client._internal.global_device_endpoint;
        event->as.connect.client_id = registration_id_of(s);
        event->as.connect.user_name = _az_session_span_of(s->_internal.user_name, s->_internal.user_name_len);
        event->as.connect.password =
                _az_session_span_of(s->_internal.credential, s->_internal.credential_len);
        event->as.connect.keep_alive_s = s->_internal.options.keep_alive_s;
        event->as.connect.clean_session = true;
        event->as.connect.clock_is_unset = clock_is_unset(s, in->time);
        return AZ_OK;
}

static az_result subscribe(az_dps_session *s, az_dps_session_transition const *transition,
                           _az_dps_input const *in) {
        move(s, transition, deadline_after(s, in->time, s->_internal.options.step_timeout_s))
                ->as.subscribe.filter = (az_hub_session_filter){
                .topic_filter = AZ_SPAN_FROM_STR(AZ_IOT_PROVISIONING_CLIENT_REGISTER_SUBSCRIBE_TOPIC),
                .qos = QOS,
        };
        return AZ_OK;
}

static az_result write_topic(az_dps_session *s, bool is_poll, az_span request_id, size_t *out_len) {
        if (is_poll)
                return az_iot_provisioning_client_query_status_get_publish_topic_with_request_id(
                        &s->_internal.client, request_id,
                        _az_session_span_of(s->_internal.operation_id, s->_internal.operation_id_len),
                        s->_internal.topic, sizeof(s->_internal.topic), out_len);
        s->_internal.operation_id_len = 0;
        return az_iot_provisioning_client_register_get_publish_topic_with_request_id(
                &s->_internal.client, request_id, s->_internal.topic, sizeof(s->_internal.topic), out_len);
}

static az_result write_request_id(az_dps_session *s) {
        az_span const room = AZ_SPAN_FROM_BUFFER(s->_internal.request_id_room);
        az_span rest;
        az_result r;

        r = az_span_u32toa(room, ++s->_internal.n_requests, &rest);
        if (az_result_failed(r))
                return r;
        s->_internal.request_id = az_span_slice(room, 0, az_span_size(room) - az_span_size(rest));
        return AZ_OK;
}

static az_result publish(az_dps_session *s, az_dps_session_transition const *transition,
                         _az_dps_input const *in) {
        bool is_poll = transition->to == AZ_DPS_SESSION_POLLING;
        az_dps_event *event;
        size_t topic_len;
        az_result r;

        r = write_request_id(s);
        if (az_result_failed(r))
                return r;
        r = write_topic(s, is_poll, s->_internal.request_id, &topic_len);
        if (az_result_failed(r))
                return r;

        event = move(s, transition, deadline_after(s, in->time, s->_internal.options.step_timeout_s));
        event->as.publish.topic = _az_session_span_of(s->_internal.topic, topic_len);
        event->as.publish.payload = is_poll ? AZ_SPAN_EMPTY : s->_internal.body;
        event->as.publish.qos = QOS;
        return AZ_OK;
}

static void keep_error(az_dps_session *s, az_dps_error const *error) {
        if (error->loss != AZ_DPS_LOSS_NONE)
                s->_internal.n_failures++;
        s->_internal.last_error = *error;
        s->_internal.last_error.message = AZ_SPAN_EMPTY;
        s->_internal.last_error.tracking_id = AZ_SPAN_EMPTY;
        s->_internal.last_error.timestamp = AZ_SPAN_EMPTY;
}

static az_result feed(az_dps_session *s, az_dps_session_trigger on, _az_dps_input const *in);

/* Nothing more fits into the run: it fails for what went wrong last, or else because it took too long. */
static az_result end_run(az_dps_session *s, _az_dps_input const *in, az_dps_error const *error) {
        _az_dps_input failed = *in;

        failed.error = *error;
        if (failed.error.loss == AZ_DPS_LOSS_NONE) {
                failed.error.loss = AZ_DPS_LOSS_DEADLINE;
                failed.error.error_class = AZ_ERROR_CLASS_TIMEOUT;
        }
        return feed(s, AZ_DPS_ON_FAILED, &failed);
}

/* To LOST or WAIT, for as long as the error asks for. */
static az_result wait(az_dps_session *s, az_dps_session_transition const *transition,
                      _az_dps_input const *in) {
        uint64_t delay_us;
        az_dps_event *event;

        if (transition->event == AZ_DPS_EVENT_LOST && !_az_dps_session_may_pass(&in->error))
                return end_run(s, in, &in->error);
        delay_us = _az_dps_session_delay_us(s, &in->error, in->time.now_us);
        if (s->_internal.run_end_us > 0 && in->time.now_us + delay_us >= s->_internal.run_end_us)
                return end_run(s, in, &in->error);

        keep_error(s, &in->error);
        event = move(s, transition, in->time.now_us + delay_us);
        if (transition->event == AZ_DPS_EVENT_WAIT) {
                event->as.wait.error = in->error;
                event->as.wait.delay_us = delay_us;
        } else {
                event->as.lost.error = in->error;
                event->as.lost.from = transition->from;
                event->as.lost.delay_us = delay_us;
        }
        return AZ_OK;
}

static az_result assign(az_dps_session *s, az_dps_session_transition const *transition,
                        _az_dps_input const *in) {
        az_dps_event *event = move(s, transition, UINT64_MAX);

        keep_error(s, &(az_dps_error){ .loss = AZ_DPS_LOSS_NONE });
        event->as.assigned.hub = az_span_create_from_str(s->_internal.hub);
        event->as.assigned.device_id = az_span_create_from_str(s->_internal.device_id);
        event->as.assigned.payload = in->payload;
        event->as.assigned.substatus = in->substatus;
        return AZ_OK;
}

static az_result fail(az_dps_session *s, az_dps_session_transition const *transition,
                      _az_dps_input const *in) {
        az_dps_event *event = move(s, transition, UINT64_MAX);

        keep_error(s, &in->error);
        event->as.failed.error = in->error;
        event->as.failed.from = transition->from;
        return AZ_OK;
}

static az_result act(az_dps_session *s, az_dps_session_transition const *transition,
                     _az_dps_input const *in) {
        switch (transition->event) {
        case AZ_DPS_EVENT_SIGN:
                return sign(s, transition, in);
        case AZ_DPS_EVENT_CONNECT:
                return connect(s, transition, in);
        case AZ_DPS_EVENT_SUBSCRIBE:
                return subscribe(s, transition, in);
        case AZ_DPS_EVENT_PUBLISH:
                return publish(s, transition, in);
        case AZ_DPS_EVENT_WAIT:
        case AZ_DPS_EVENT_LOST:
                return wait(s, transition, in);
        case AZ_DPS_EVENT_ASSIGNED:
                return assign(s, transition, in);
        case AZ_DPS_EVENT_FAILED:
                return fail(s, transition, in);
        case AZ_DPS_EVENT_DISCONNECT:
                (void) move(s, transition, UINT64_MAX);
                return AZ_OK;
        case _AZ_DPS_EVENT_TYPE_MAX:
                break;
        }
        return AZ_ERROR_NOT_SUPPORTED;
}

static bool is_step(az_dps_event_type event) {
        return event == AZ_DPS_EVENT_SIGN || event == AZ_DPS_EVENT_CONNECT ||
               event == AZ_DPS_EVENT_SUBSCRIBE || event == AZ_DPS_EVENT_PUBLISH;
}

/* Every input comes through here: the table says what it leads to. */
static az_result feed(az_dps_session *s, az_dps_session_trigger on, _az_dps_input const *in) {
        az_dps_session_transition const *transition;

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        _az_session_wipe(s->_internal.credential, &s->_internal.credential_len);
        transition = _az_dps_session_find_transition(s->_internal.state, on);
        if (!transition)
                return AZ_ERROR_NOT_SUPPORTED;

        if (is_step(transition->event) && s->_internal.run_end_us > 0 &&
            in->time.now_us >= s->_internal.run_end_us)
                return end_run(s, in, &s->_internal.last_error);
        if (transition->event != AZ_DPS_EVENT_SIGN)
                return act(s, transition, in);
        if (_az_dps_session_waits_for_clock(s, in->time))
                return feed(s, AZ_DPS_ON_CLOCK_UNSET,
                            &(_az_dps_input){
                                    .time = in->time,
                                    .error = _az_dps_session_error_of(AZ_DPS_LOSS_CLOCK, 0),
                            });
        if (s->_internal.options.credential == AZ_CREDENTIAL_X509)
                return feed(s, AZ_DPS_ON_CERTIFICATE, in);
        return act(s, transition, in);
}

az_result az_dps_session_start(az_dps_session *s, az_hub_session_time time) {
        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (s->_internal.state == AZ_DPS_SESSION_STOPPED) {
                s->_internal.clock_until_us = 0;
                s->_internal.run_end_us = 0;
                s->_internal.n_failures = 0;
                keep_error(s, &(az_dps_error){ .loss = AZ_DPS_LOSS_NONE });
        }
        return feed(s, AZ_DPS_ON_START, &(_az_dps_input){ .time = time });
}

void az_dps_session_stop(az_dps_session *s) {
        s->_internal.has_event = false;
        (void) feed(s, AZ_DPS_ON_STOP, &(_az_dps_input){ .payload = AZ_SPAN_LITERAL_EMPTY });
}

az_result az_dps_session_signed(az_dps_session *s, az_span base64_signature, az_hub_session_time time) {
        return feed(s, AZ_DPS_ON_SIGNED, &(_az_dps_input){ .time = time, .signature = base64_signature });
}

az_result az_dps_session_connected(az_dps_session *s, az_hub_session_time time) {
        return feed(s, AZ_DPS_ON_CONNECTED, &(_az_dps_input){ .time = time });
}

static az_result feed_loss(az_dps_session *s, az_dps_session_trigger on, az_dps_loss loss,
                           uint8_t connack_code, az_hub_session_time time) {
        _az_dps_input in = { .time = time, .error = _az_dps_session_error_of(loss, connack_code) };

        /* A network that swallows what is sent does not say that the service was there. */
        if (loss == AZ_DPS_LOSS_TIMEOUT && s->_internal.state == AZ_DPS_SESSION_CONNECTING)
                in.error.error_class = AZ_ERROR_CLASS_NETWORK;
        if (loss == AZ_DPS_LOSS_TIMEOUT && s->_internal.state == AZ_DPS_SESSION_SIGNING)
                in.error.error_class = AZ_ERROR_CLASS_LOCAL;
        return feed(s, on, &in);
}

az_result az_dps_session_refused(az_dps_session *s, uint8_t connack_code, az_hub_session_time time) {
        if (connack_code == 0)
                return AZ_ERROR_ARG;
        return feed_loss(s, AZ_DPS_ON_REFUSED, AZ_DPS_LOSS_REFUSED, connack_code, time);
}

az_result az_dps_session_suback(az_dps_session *s, uint8_t const *codes, size_t n_codes,
                                az_hub_session_time time) {
        /* MQTT 3.1.1, section 3.9.3: 0, 1 and 2 are the granted QoS, 0x80 is "Failure". */
        if (n_codes == 1 && codes[0] <= 2)
                return feed(s, AZ_DPS_ON_SUBACK, &(_az_dps_input){ .time = time });
        return feed_loss(s, AZ_DPS_ON_SUBACK_REFUSED, AZ_DPS_LOSS_SUBSCRIBE, 0, time);
}

az_result az_dps_session_message(az_dps_session *s, az_span topic, az_span payload,
                                 az_hub_session_time time) {
        az_iot_provisioning_client_received_topic parsed;
        _az_dps_input in = { .time = time };
        az_result r;

        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        r = _az_dps_session_parse_topic(s, topic, &parsed);
        if (az_result_failed(r))
                return r;
        if (s->_internal.state != AZ_DPS_SESSION_REGISTERING && s->_internal.state != AZ_DPS_SESSION_POLLING)
                return AZ_ERROR_NOT_SUPPORTED;
        s->_internal.request_id = AZ_SPAN_EMPTY; /* one that comes twice, as QoS 1 allows, counts once */
        return feed(s, _az_dps_session_take_answer(s, topic, payload, &parsed, &in), &in);
}

az_result az_dps_session_lost(az_dps_session *s, az_dps_loss loss, az_hub_session_time time) {
        if (loss != AZ_DPS_LOSS_SIGNING && loss != AZ_DPS_LOSS_NAME && loss != AZ_DPS_LOSS_TCP &&
            loss != AZ_DPS_LOSS_TLS && loss != AZ_DPS_LOSS_TIMEOUT && loss != AZ_DPS_LOSS_CLOSED &&
            loss != AZ_DPS_LOSS_KEEP_ALIVE && loss != AZ_DPS_LOSS_PROTOCOL)
                return AZ_ERROR_ARG;
        return feed_loss(s, AZ_DPS_ON_LOST, loss, 0, time);
}

az_result az_dps_session_timeout(az_dps_session *s, az_hub_session_time time) {
        if (time.now_us < s->_internal.deadline_us)
                return AZ_OK;
        return feed_loss(s, AZ_DPS_ON_TIMEOUT, AZ_DPS_LOSS_TIMEOUT, 0, time);
}

az_result az_dps_session_clock_changed(az_dps_session *s, az_hub_session_time time) {
        if (s->_internal.has_event)
                return AZ_ERROR_NOT_ENOUGH_SPACE;
        if (s->_internal.state != AZ_DPS_SESSION_BACKOFF ||
            s->_internal.last_error.loss != AZ_DPS_LOSS_CLOCK || clock_is_unset(s, time))
                return AZ_OK;
        return feed(s, AZ_DPS_ON_CLOCK_CHANGED, &(_az_dps_input){ .time = time });
}

bool az_dps_session_next_event(az_dps_session *s, az_dps_event *out_event) {
        if (!s->_internal.has_event) {
                _az_session_wipe(s->_internal.credential, &s->_internal.credential_len);
                return false;
        }
        *out_event = s->_internal.event;
        s->_internal.has_event = false;
        return true;
}

uint64_t az_dps_session_deadline_us(az_dps_session const *s) {
        return s->_internal.deadline_us;
}

az_dps_session_status az_dps_session_get_status(az_dps_session const *s) {
        return (az_dps_session_status){
                .state = s->_internal.state,
                .last_error = s->_internal.last_error,
                .n_failures = s->_internal.n_failures,
                .run_end_us = s->_internal.run_end_us,
        };
}
