/* SPDX-License-Identifier: MIT */

/*
 * Writes docs/link-states.md from the tables of lib/session; with the argument "rows" the rows themselves,
 * one a line, which tests/test_link_states.py looks for in the diagrams.
 *
 * So that people can read the diagrams, an arrow stands for all rows that lead from one state to another with
 * the same event, and what leads to the same from more than half of the states comes from one box instead.
 */

#include <session/broker_session.h>
#include <session/dps_session.h>
#include <session/hub_session.h>
#include <session/recovery.h>
#include <stdio.h>

#include "util/util.h"

#define ROWS_MAX   128
#define STATES_MAX 16

typedef struct Row {
        unsigned from, to;
        char on[160];    /* the trigger, and what has to be so for it */
        char event[48];  /* and what else the row sets */
        bool is_printed; /* as part of an arrow */
} Row;

typedef struct Machine {
        const char *name, *title, *text;
        const char *states[STATES_MAX];
        unsigned n_states;
        Row rows[ROWS_MAX];
        size_t n_rows;
} Machine;

/* The four tables ------------------------------------------------------------------------------------- */

/* Appends two texts to that in 'buffer'. */
static void add(char *buffer, size_t size, const char *first, const char *second) {
        size_t n = strlen(buffer);

        (void) snprintf(buffer + n, size - n, "%s%s", first, second);
}

static Row *add_row(Machine *m, unsigned from, unsigned to, const char *on, const char *event) {
        Row *row = &m->rows[m->n_rows++];

        *row = (Row){ .from = from, .to = to };
        add(row->on, sizeof(row->on), on, "");
        add(row->event, sizeof(row->event), event, "");
        return row;
}

static void read_hub(Machine *m) {
        const az_hub_session_transition *t;
        size_t n;

        for (az_hub_session_state state = 0; state < _AZ_HUB_SESSION_STATE_MAX; state++)
                m->states[m->n_states++] = az_hub_session_state_to_string(state);
        t = az_hub_session_transitions(&n);
        for (size_t i = 0; i < n; i++)
                (void) add_row(m, t[i].from, t[i].to, az_hub_session_trigger_to_string(t[i].on),
                               az_hub_event_type_to_string(t[i].event));
}

static void read_dps(Machine *m) {
        const az_dps_session_transition *t;
        size_t n;

        for (az_dps_session_state state = 0; state < _AZ_DPS_SESSION_STATE_MAX; state++)
                m->states[m->n_states++] = az_dps_session_state_to_string(state);
        t = az_dps_session_transitions(&n);
        for (size_t i = 0; i < n; i++)
                (void) add_row(m, t[i].from, t[i].to, az_dps_session_trigger_to_string(t[i].on),
                               az_dps_event_type_to_string(t[i].event));
}

static void read_broker(Machine *m) {
        const az_broker_session_transition *t;
        size_t n;

        for (az_broker_session_state state = 0; state < _AZ_BROKER_SESSION_STATE_MAX; state++)
                m->states[m->n_states++] = az_broker_session_state_to_string(state);
        t = az_broker_session_transitions(&n);
        for (size_t i = 0; i < n; i++)
                (void) add_row(m, t[i].from, t[i].to, az_broker_session_trigger_to_string(t[i].on),
                               az_broker_event_type_to_string(t[i].event));
}

/* Of all classes, none is named. */
static void add_classes(Row *row, uint32_t classes) {
        uint32_t all = (UINT32_C(1) << _AZ_ERROR_CLASS_MAX) - (UINT32_C(2) << AZ_ERROR_CLASS_NONE);
        const char *separator = " (";

        if (classes == 0 || classes == all)
                return;
        for (az_error_class c = 0; c < _AZ_ERROR_CLASS_MAX; c++) {
                if (!(classes & UINT32_C(1) << c))
                        continue;
                add(row->on, sizeof(row->on), separator, az_error_class_to_string(c));
                separator = ", ";
        }
        add(row->on, sizeof(row->on), ")", "");
}

static void read_recovery(Machine *m) {
        const az_recovery_transition *t;
        size_t n;

        for (az_recovery_state state = 0; state < _AZ_RECOVERY_STATE_MAX; state++)
                m->states[m->n_states++] = az_recovery_state_to_string(state);
        t = az_recovery_transitions(&n);
        for (size_t i = 0; i < n; i++) {
                Row *row = add_row(m, t[i].from, t[i].to, az_recovery_trigger_to_string(t[i].on),
                                   az_recovery_event_type_to_string(t[i].event));

                add_classes(row, t[i].classes);
                if (t[i].when != AZ_RECOVERY_IF_ANY)
                        add(row->on, sizeof(row->on), " if ", az_recovery_condition_to_string(t[i].when));
                if (t[i].pace != AZ_RECOVERY_PACE_NONE)
                        add(row->event, sizeof(row->event), ", ", az_recovery_pace_to_string(t[i].pace));
        }
}

/* Diagrams -------------------------------------------------------------------------------------------- */

/* Mermaid takes no hyphen in the name of a state. */
static const char *id_of(const char *state, char buffer[static 64]) {
        size_t i;

        for (i = 0; i < 63 && state[i] != '\0'; i++)
                buffer[i] = state[i] == '-' ? '_' : state[i];
        buffer[i] = '\0';
        return buffer;
}

static bool leads_to_the_same(const Row *a, const Row *b) {
        return a->to == b->to && strcmp(a->on, b->on) == 0 && strcmp(a->event, b->event) == 0;
}

/* Which states lead to the same; a set of bits. */
static uint32_t sources_of(const Machine *m, const Row *row) {
        uint32_t states = 0;

        for (size_t i = 0; i < m->n_rows; i++) {
                if (leads_to_the_same(&m->rows[i], row))
                        states |= UINT32_C(1) << m->rows[i].from;
        }
        return states;
}

/* "any state but stopped, backoff", under an id that tells such boxes apart. */
static void print_box(const Machine *m, uint32_t sources) {
        const char *separator = " but ";

        printf("    state \"any state");
        for (unsigned state = 0; state < m->n_states; state++) {
                if (sources & UINT32_C(1) << state)
                        continue;
                printf("%s%s", separator, m->states[state]);
                separator = ", ";
        }
        printf("\" as any_%x\n", sources);
}

/* What is an event by the name of its trigger is not said twice. */
static bool is_its_own_event(const Row *row) {
        return strcmp(row->on, row->event) == 0;
}

static void print_event(const Row *row) {
        if (!is_its_own_event(row))
                printf(" / %s", row->event);
}

static bool is_folded(const Machine *m, const Row *row) {
        return (unsigned) __builtin_popcount(sources_of(m, row)) * 2 > m->n_states;
}

static void print_folded(Machine *m) {
        char to[64];

        for (size_t i = 0; i < m->n_rows; i++) {
                const Row *row = &m->rows[i];
                uint32_t sources = sources_of(m, row);

                if (row->is_printed)
                        continue;
                print_box(m, sources);
                printf("    any_%x --> %s: %s", sources, id_of(m->states[row->to], to), row->on);
                print_event(row);
                putchar('\n');
                for (size_t j = i; j < m->n_rows; j++) {
                        if (leads_to_the_same(&m->rows[j], row))
                                m->rows[j].is_printed = true;
                }
        }
}

static bool has_same_event(const Row *a, const Row *b) {
        if (is_its_own_event(a) || is_its_own_event(b))
                return is_its_own_event(a) && is_its_own_event(b);
        return strcmp(a->event, b->event) == 0;
}

/* Whether it is to be drawn as an arrow between these, and was not yet. */
static bool is_awaited(const Machine *m, const Row *row, unsigned from, unsigned to) {
        return !row->is_printed && row->from == from && row->to == to && !is_folded(m, row);
}

/* Prints the rows that lead as 'row' does, with the same event: "timeout, refused / lost". */
static void print_label(Machine *m, const Row row) {
        const char *separator = "";

        for (size_t i = 0; i < m->n_rows; i++) {
                Row *other = &m->rows[i];

                if (!is_awaited(m, other, row.from, row.to) || !has_same_event(other, &row))
                        continue;
                printf("%s%s", separator, other->on);
                other->is_printed = true;
                separator = ", ";
        }
        print_event(&row);
}

/* Mermaid draws one arrow from a state to itself, and no more: that one has a line for each event. */
static void print_arrows(Machine *m) {
        char from[64], to[64];

        for (size_t i = 0; i < m->n_rows; i++) {
                const Row *row = &m->rows[i];

                if (!is_awaited(m, row, row->from, row->to))
                        continue;
                printf("    %s --> %s: ", id_of(m->states[row->from], from), id_of(m->states[row->to], to));
                print_label(m, *row);
                for (size_t j = i; j < m->n_rows && row->from == row->to; j++) {
                        if (!is_awaited(m, &m->rows[j], row->from, row->to))
                                continue;
                        printf("<br/>");
                        print_label(m, m->rows[j]);
                }
                putchar('\n');
        }
}

static void print_diagram(Machine *m) {
        char id[64];

        printf("\n## %s\n\n%s\n\n```mermaid\nstateDiagram-v2\n", m->title, m->text);
        for (unsigned state = 0; state < m->n_states; state++) {
                if (strchr(m->states[state], '-'))
                        printf("    state \"%s\" as %s\n", m->states[state], id_of(m->states[state], id));
        }
        printf("    [*] --> %s\n", id_of(m->states[0], id));
        print_arrows(m);
        print_folded(m);
        printf("```\n");
}

static void print_rows(const Machine *m) {
        for (size_t i = 0; i < m->n_rows; i++)
                printf("%s|%s|%s|%s|%s\n", m->name, m->states[m->rows[i].from], m->states[m->rows[i].to],
                       m->rows[i].on, m->rows[i].event);
}

/* What a person has to know before the diagrams. */
static const char introduction[] =
        "<!-- SPDX-License-Identifier: MIT; written by docs/link-states.c from the tables of lib/session/;\n"
        "after a change of one: build/link-states > docs/link-states.md -->\n"
        "\n"
        "# The states of a link\n"
        "\n"
        "Three machines of `lib/session/` keep a device connected to Azure IoT Hub: the link to the hub, "
        "the\n"
        "registration with the Device Provisioning Service (DPS), and above them what decides which of the\n"
        "two has the word. A fourth keeps the session with an MQTT broker of Azure IoT Operations.\n"
        "\n"
        "An arrow says what happened and, behind a slash, by which event the machine asks its caller to do\n"
        "something; where both have the same name it stands once. Things that lead to the same share an\n"
        "arrow, and what leads to the same from most states comes from a box of its own.\n";

static const char hub_text[] =
        "[`hub_session.h`](../lib/session/hub_session.h): sign a token, connect, subscribe; a link that is\n"
        "live is drained and renewed before its token ends. What leads to `signing` is replaced by\n"
        "`clock-unset` while the wall clock cannot be right, and by `certificate` where there is nothing to\n"
        "sign.";

static const char dps_text[] =
        "[`dps_session.h`](../lib/session/dps_session.h): a run asks for an assignment until it gets one, "
        "is\n"
        "refused for good, or has taken too long. `clock-unset` and `certificate` are as above.";

static const char recovery_text[] =
        "[`recovery.h`](../lib/session/recovery.h): who has the word, and what is done about a failure. In\n"
        "parentheses are the classes of the error ([`error_class.h`](../lib/session/error_class.h)) if not\n"
        "each leads there; what has a condition (`if`) comes before what has none. The last word behind the\n"
        "slash says how soon DPS may be asked again: `soon` is 1 s to 5 min, `slow` 10 to 60 min, `slowest`\n"
        "30 to 60 min.";

static const char broker_text[] =
        "[`broker_session.h`](../lib/session/broker_session.h): connect, prove oneself anew by `AUTH`, "
        "renew\n"
        "a link before its certificate ends, keep the session over losses. `give-up` is a loss that the "
        "next\n"
        "attempt will not mend, and `session-gone` a broker that has lost the session; by options of the\n"
        "session, they are `lost` and `connected` instead.";

int main(int argc, char *argv[]) {
        bool wants_rows = argc == 2 && strcmp(argv[1], "rows") == 0;
        Machine machines[] = {
                { .name = "hub", .title = "The link to the hub", .text = hub_text },
                { .name = "dps", .title = "The registration with DPS", .text = dps_text },
                { .name = "recovery", .title = "Recovery", .text = recovery_text },
                { .name = "broker", .title = "The session with a broker", .text = broker_text },
        };

        read_hub(&machines[0]);
        read_dps(&machines[1]);
        read_recovery(&machines[2]);
        read_broker(&machines[3]);
        if (!wants_rows)
                printf("%s", introduction);
        for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
                if (wants_rows)
                        print_rows(&machines[i]);
                else
                        print_diagram(&machines[i]);
        }
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
