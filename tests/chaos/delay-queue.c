/* SPDX-License-Identifier: MIT */

/*
 * Lets each packet of an NFQUEUE go so much later: delay-queue QUEUE MILLISECONDS. Packets keep their order.
 * Says "listening" when it does.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>

/* What is on its way at most; the kernel drops what is more. */
#define PACKETS_MAX 8192

typedef struct Delay {
        uint64_t delay_ms;
        struct {
                uint32_t id;
                uint64_t due_ms;
        } packets[PACKETS_MAX];
        size_t first, n;
} Delay;

static uint64_t now_ms(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static int on_packet(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data,
                     void *userdata) {
        struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
        Delay *d = userdata;
        size_t i;

        (void) message;
        if (!header)
                return 0;
        if (d->n == PACKETS_MAX)
                return nfq_set_verdict(queue, ntohl(header->packet_id), NF_DROP, 0, NULL);
        i = (d->first + d->n++) % PACKETS_MAX;
        d->packets[i].id = ntohl(header->packet_id);
        d->packets[i].due_ms = now_ms() + d->delay_ms;
        return 0;
}

static void release_due(Delay *d, struct nfq_q_handle *queue) {
        while (d->n > 0 && d->packets[d->first].due_ms <= now_ms()) {
                (void) nfq_set_verdict(queue, d->packets[d->first].id, NF_ACCEPT, 0, NULL);
                d->first = (d->first + 1) % PACKETS_MAX;
                d->n--;
        }
}

static int timeout_ms(const Delay *d) {
        uint64_t now = now_ms();

        if (d->n == 0)
                return -1;
        return d->packets[d->first].due_ms > now ? (int) (d->packets[d->first].due_ms - now) : 0;
}

static int serve(Delay *d, struct nfq_handle *handle, struct nfq_q_handle *queue) {
        struct pollfd p = { .fd = nfq_fd(handle), .events = POLLIN };
        char buffer[65536] __attribute__((aligned));

        for (;;) {
                if (poll(&p, 1, timeout_ms(d)) > 0) {
                        ssize_t n = recv(p.fd, buffer, sizeof(buffer), 0);

                        if (n < 0 && errno != ENOBUFS)
                                return EXIT_FAILURE;
                        if (n > 0)
                                (void) nfq_handle_packet(handle, buffer, (int) n);
                }
                release_due(d, queue);
        }
}

int main(int argc, char **argv) {
        Delay *d = calloc(1, sizeof(*d));
        struct nfq_handle *handle;
        struct nfq_q_handle *queue;

        if (argc != 3 || !d) {
                fprintf(stderr, "usage: delay-queue QUEUE MILLISECONDS\n");
                return 2;
        }
        d->delay_ms = strtoull(argv[2], NULL, 10);
        handle = nfq_open();
        queue = handle ? nfq_create_queue(handle, (uint16_t) strtoul(argv[1], NULL, 10), on_packet, d) : NULL;
        if (!queue || nfq_set_mode(queue, NFQNL_COPY_META, 64) < 0 ||
            nfq_set_queue_maxlen(queue, PACKETS_MAX) < 0) {
                perror("delay-queue");
                return EXIT_FAILURE;
        }
        printf("listening\n");
        (void) fflush(stdout);
        return serve(d, handle, queue);
}
