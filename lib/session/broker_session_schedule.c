/* SPDX-License-Identifier: MIT */
#include <session/broker_session_internal.h>

#include <session/retry.h>

/* A link that lived shorter than this has not shown that all is well. */
#define STABLE_US (10 * _az_USEC_PER_SEC)

/* Kubernetes writes a new token into its volume within a minute or so: what was refused is tried for that
 * long. */
#define TOKEN_BACKOFF_MIN_MS 1000
#define TOKEN_BACKOFF_MAX_MS 60000

/* What is fatal is mended by people. */
#define FATAL_BACKOFF_MIN_MS 30000
#define FATAL_BACKOFF_MAX_MS 600000

/* Each kind of loss is counted for itself. */
enum {
        BACKOFF_ORDINARY,
        BACKOFF_TOKEN,
        BACKOFF_FATAL
};

/* Azure IoT Operations SDKs, session client: what they take as fatal, in two of three languages. */
static const uint8_t fatal_of_connack[] = {
        0x81, /* malformed packet */
        0x82, /* protocol error */
        0x83, /* implementation specific error */
        0x84, /* unsupported protocol version */
        0x85, /* client identifier not valid */
        0x86, /* bad user name or password */
        0x8A, /* banned */
        0x8C, /* bad authentication method */
        0x90, /* topic name invalid: that of the will */
        0x95, /* packet too large */
        0x99, /* payload format invalid: that of the will */
        0x9A, /* retain not supported */
        0x9B, /* QoS not supported */
        0x9C, /* use another server */
        0x9D, /* server moved */
};

static const uint8_t fatal_of_disconnect[] = {
        0x81, /* malformed packet */
        0x82, /* protocol error */
        0x8E, /* session taken over */
        0x8F, /* topic filter invalid */
        0x90, /* topic name invalid */
        0x94, /* topic alias invalid */
        0x95, /* packet too large */
        0x99, /* payload format invalid */
        0x9A, /* retain not supported */
        0x9B, /* QoS not supported */
        0x9D, /* server moved */
        0x9E, /* shared subscriptions not supported */
        0xA1, /* subscription identifiers not supported */
        0xA2, /* wildcard subscriptions not supported */
};

#define NOT_AUTHORIZED 0x87

static az_broker_verdict verdict_of(uint8_t reason_code, uint8_t const *fatal, size_t n_fatal) {
        if (reason_code == NOT_AUTHORIZED)
                return AZ_BROKER_VERDICT_CREDENTIAL;
        for (size_t i = 0; i < n_fatal; i++) {
                if (fatal[i] == reason_code)
                        return AZ_BROKER_VERDICT_FATAL;
        }
        return AZ_BROKER_VERDICT_RETRY;
}

az_broker_verdict az_broker_verdict_of_connack(uint8_t reason_code) {
        return verdict_of(reason_code, fatal_of_connack, sizeof(fatal_of_connack));
}

az_broker_verdict az_broker_verdict_of_disconnect(uint8_t reason_code) {
        return verdict_of(reason_code, fatal_of_disconnect, sizeof(fatal_of_disconnect));
}

static void forget_failures(az_broker_session *s) {
        for (size_t i = 0; i < _az_BROKER_SESSION_BACKOFFS; i++)
                s->_internal.n_failures[i] = 0;
        s->_internal.n_short = 0;
}

void _az_broker_session_forget_losses(az_broker_session *s) {
        forget_failures(s);
        s->_internal.last_loss = AZ_BROKER_LOSS_NONE;
        s->_internal.last_reason_code = 0;
}

/* Whether the broker ended this link as it does when somebody else connects with the same client id. */
static bool has_rival(az_broker_session *s, az_broker_event const *lost) {
        if (lost->as.lost.from == AZ_BROKER_SESSION_CONNECTING) {
                /* A broker that refuses or is not there, in between, restarts. */
                s->_internal.n_short = 0;
                return false;
        }
        if (lost->as.lost.loss != AZ_BROKER_LOSS_CLOSED)
                return false;
        s->_internal.n_short++;
        return s->_internal.options.rival_links > 0 &&
               s->_internal.n_short >= s->_internal.options.rival_links;
}

/* What was lost while a new token was judged was lost for it. */
static bool is_refused_token(az_broker_event const *lost) {
        return lost->as.lost.from == AZ_BROKER_SESSION_REAUTHENTICATING &&
               (lost->as.lost.loss == AZ_BROKER_LOSS_CLOSED || lost->as.lost.loss == AZ_BROKER_LOSS_TIMEOUT ||
                (lost->as.lost.loss == AZ_BROKER_LOSS_DISCONNECTED &&
                 lost->as.lost.reason_code == NOT_AUTHORIZED));
}

static az_broker_verdict verdict_on(az_broker_event const *lost) {
        switch ((int) lost->as.lost.loss) {
        case AZ_BROKER_LOSS_REFUSED:
                return az_broker_verdict_of_connack(lost->as.lost.reason_code);
        case AZ_BROKER_LOSS_DISCONNECTED:
                return az_broker_verdict_of_disconnect(lost->as.lost.reason_code);
        case AZ_BROKER_LOSS_RIVAL:
                return AZ_BROKER_VERDICT_FATAL;
        default:
                return AZ_BROKER_VERDICT_RETRY;
        }
}

/* Counts the failure, on the scale that it returns. */
static unsigned count(az_broker_session *s, az_broker_verdict verdict) {
        unsigned backoff = BACKOFF_ORDINARY;

        if (verdict == AZ_BROKER_VERDICT_CREDENTIAL && s->_internal.options.has_token &&
            s->_internal.n_failures[BACKOFF_TOKEN] < s->_internal.options.token_retries)
                backoff = BACKOFF_TOKEN;
        else if (verdict != AZ_BROKER_VERDICT_RETRY)
                backoff = BACKOFF_FATAL;
        s->_internal.n_failures[backoff]++;
        return backoff;
}

static uint64_t delay_us(az_broker_session *s, unsigned backoff, az_broker_session_state from) {
        /* The unit of az_retry_delay_us() is the second; here it is the millisecond. */
        az_retry_policy const policies_ms[_az_BROKER_SESSION_BACKOFFS] = {
                [BACKOFF_ORDINARY] = { s->_internal.options.backoff_min_ms,
                                       s->_internal.options.backoff_max_ms },
                [BACKOFF_TOKEN] = { TOKEN_BACKOFF_MIN_MS, TOKEN_BACKOFF_MAX_MS },
                [BACKOFF_FATAL] = { FATAL_BACKOFF_MIN_MS, FATAL_BACKOFF_MAX_MS },
        };
        uint32_t n_failures = s->_internal.n_failures[backoff];

        if (backoff == BACKOFF_ORDINARY && n_failures == 1 && from != AZ_BROKER_SESSION_CONNECTING)
                return 0;
        return az_retry_delay_us(&policies_ms[backoff], n_failures, az_retry_draw(&s->_internal.random)) /
               1000;
}

void _az_broker_session_judge_loss(az_broker_session *s, az_broker_event *lost, uint64_t now_us) {
        bool was_up = lost->as.lost.from != AZ_BROKER_SESSION_CONNECTING;
        unsigned backoff;

        if (was_up && now_us - s->_internal.connected_us >= STABLE_US)
                forget_failures(s);
        else if (has_rival(s, lost))
                lost->as.lost.loss = AZ_BROKER_LOSS_RIVAL;
        if (is_refused_token(lost))
                lost->as.lost.loss = AZ_BROKER_LOSS_REAUTHENTICATION;

        backoff = count(s, verdict_on(lost));
        lost->as.lost.is_fatal = backoff == BACKOFF_FATAL;
        lost->as.lost.delay_us = delay_us(s, backoff, lost->as.lost.from);
        s->_internal.last_loss = lost->as.lost.loss;
        s->_internal.last_reason_code = lost->as.lost.reason_code;
}
