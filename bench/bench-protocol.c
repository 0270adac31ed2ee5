/* SPDX-License-Identifier: MIT */

/*
 * usage: bench-protocol [--time | --count]
 *
 * Without an argument: runs each operation once and checks what comes of it (TAP).
 * --time: prints a line for each: name, nanoseconds of the processor that it takes, in the least disturbed of
 * some batches.
 * --count: for a tool that counts what happens between the calls of measure(); prints the names.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol-operations.h"

#define N_WARM_UP 10
#define N_COUNTED 1000
#define N_BATCHES 9
#define BATCH_NS  20e6

/* bench/protocol.py knows this function by its name. */
__attribute__((noinline)) void measure(const Operation *operation, Bench *b, long n);

void measure(const Operation *operation, Bench *b, long n) {
        void (*run)(Bench *) = operation->run;

        for (long i = 0; i < n; i++)
                run(b);
}

static void count(const Operation *operation, Bench *b) {
        for (int i = 0; i < N_WARM_UP; i++)
                operation->run(b);
        measure(operation, b, N_COUNTED);
        puts(operation->name);
}

static double measure_batch_ns(const Operation *operation, Bench *b, long n) {
        struct timespec begin, end;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        measure(operation, b, n);
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        return (double) (end.tv_sec - begin.tv_sec) * 1e9 + (double) (end.tv_nsec - begin.tv_nsec);
}

static void print_time(const Operation *operation, Bench *b) {
        double best_ns;
        long n = 1000;

        while ((best_ns = measure_batch_ns(operation, b, n)) < BATCH_NS)
                n *= 2;
        for (int i = 1; i < N_BATCHES; i++) {
                double ns = measure_batch_ns(operation, b, n);

                if (ns < best_ns)
                        best_ns = ns;
        }
        printf("%s %.1f\n", operation->name, best_ns / (double) n);
}

/* Returns whether the operation does what it should. */
static bool check(const Operation *operation, Bench *b, size_t number) {
        bool is_right;

        b->text[0] = '\0';
        operation->run(b);
        if (operation->show)
                operation->show(b);
        is_right = strcmp(b->text, operation->expected) == 0;
        printf("%s %zu - %s\n", is_right ? "ok" : "not ok", number, operation->name);
        if (!is_right)
                printf("# it gave '%s'\n", b->text);
        return is_right;
}

static bool check_all(Bench *b) {
        bool is_right = true;

        printf("1..%zu\n", n_protocol_operations);
        for (size_t i = 0; i < n_protocol_operations; i++)
                is_right = check(&protocol_operations[i], b, i + 1) && is_right;
        return is_right;
}

int main(int argc, char **argv) {
        void (*each)(const Operation *, Bench *) = print_time;
        Bench b;

        bench_init(&b);
        if (argc == 1)
                return check_all(&b) ? EXIT_SUCCESS : EXIT_FAILURE;

        if (strcmp(argv[1], "--count") == 0) {
                each = count;
        } else if (strcmp(argv[1], "--time") != 0) {
                fprintf(stderr, "usage: bench-protocol [--time | --count]\n");
                return 2;
        }
        for (size_t i = 0; i < n_protocol_operations; i++)
                each(&protocol_operations[i], &b);
        return EXIT_SUCCESS;
}
