/* SPDX-License-Identifier: MIT */

#include "peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "interop/must.h"
#include "packet.h"

#define ID_MAX UINT16_MAX

typedef struct Script {
        PeerAnswer *answers;
        size_t n, n_used;
} Script;

struct Peer {
        int epoll_fd, listen_fd, fd;
        uint16_t port;
        unsigned n_connections;
        bool is_connected, is_stopped;
        bool has_session;
        PeerBytes in, out;

        PeerPacket **packets;
        size_t n_packets;

        Script scripts[_PEER_PACKET_TYPE_MAX];
        bool is_ignored[_PEER_PACKET_TYPE_MAX];
        const PeerProperty *connack;
        size_t n_connack;

        /* Of each packet identifier of the client: over which connection its PUBLISH came last that is not
         * acknowledged; 0: it is free. */
        unsigned used_in[ID_MAX + 1];
        unsigned n_in_flight, receive_maximum;

        /* What was sent over this connection and is not acknowledged, in order. */
        uint16_t *sent;
        size_t n_sent;
        uint16_t last_id;
};

static void watch(Peer *p, int op, int fd, uint32_t events) {
        struct epoll_event e = { .events = events, .data.fd = fd };

        must(epoll_ctl(p->epoll_fd, op, fd, &e) == 0, "epoll_ctl");
}

static void start_listening(Peer *p) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(p->port) };
        socklen_t size = sizeof(address);
        const int yes = 1;

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        p->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void) setsockopt(p->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        must(bind(p->listen_fd, (struct sockaddr *) &address, size) == 0, "bind");
        must(getsockname(p->listen_fd, (struct sockaddr *) &address, &size) == 0, "getsockname");
        must(listen(p->listen_fd, 16) == 0, "listen");
        p->port = ntohs(address.sin_port);
        watch(p, EPOLL_CTL_ADD, p->listen_fd, EPOLLIN);
}

Peer *peer_new(void) {
        Peer *p = calloc(1, sizeof(*p));

        must(p != NULL, "out of memory");
        p->fd = -1;
        p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        must(p->epoll_fd >= 0, "epoll_create1");
        start_listening(p);
        return p;
}

Peer *peer_free(Peer *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_packets; i++)
                (void) peer_packet_free(p->packets[i]);
        free(p->packets);
        for (size_t i = 0; i < ELEMENTSOF(p->scripts); i++)
                free(p->scripts[i].answers);
        free(p->sent);
        peer_bytes_done(&p->in);
        peer_bytes_done(&p->out);
        p->fd = close_fd(p->fd);
        p->listen_fd = close_fd(p->listen_fd);
        p->epoll_fd = close_fd(p->epoll_fd);
        free(p);
        return NULL;
}

uint16_t peer_get_port(const Peer *p) {
        return p->port;
}

int peer_get_fd(const Peer *p) {
        return p->epoll_fd;
}

bool peer_is_connected(const Peer *p) {
        return p->is_connected;
}

unsigned peer_n_connections(const Peer *p) {
        return p->n_connections;
}

size_t peer_count(const Peer *p, PeerPacketType type) {
        size_t n = 0;

        for (size_t i = 0; i < p->n_packets; i++)
                n += p->packets[i]->type == type;
        return n;
}

const PeerPacket *peer_get(const Peer *p, PeerPacketType type, size_t i) {
        for (size_t k = 0; k < p->n_packets; k++)
                if (p->packets[k]->type == type && i-- == 0)
                        return p->packets[k];
        return NULL;
}

void peer_script(Peer *p, PeerPacketType type, PeerAnswer answer) {
        Script *s = &p->scripts[type];

        s->answers = peer_grow(s->answers, s->n + 1, sizeof(answer));
        s->answers[s->n++] = answer;
}

void peer_ignore(Peer *p, PeerPacketType type, bool is_ignored) {
        p->is_ignored[type] = is_ignored;
}

void peer_set_connack(Peer *p, const PeerProperty *properties, size_t n) {
        p->connack = properties;
        p->n_connack = n;
}

void peer_forget_session(Peer *p) {
        p->has_session = false;
}

/* The connection */

static void drop_connection(Peer *p) {
        p->fd = close_fd(p->fd);
        p->is_connected = false;
        p->in.n = p->out.n = 0;
}

/* The events of a connection follow from what there is to do. */
static void watch_connection(Peer *p) {
        if (p->fd >= 0)
                watch(p, EPOLL_CTL_MOD, p->fd,
                      (p->is_stopped ? 0 : (uint32_t) EPOLLIN) | (p->out.n > 0 ? (uint32_t) EPOLLOUT : 0));
}

static void flush(Peer *p) {
        size_t n_done = 0;

        while (p->fd >= 0 && n_done < p->out.n) {
                ssize_t n = send(p->fd, p->out.bytes + n_done, p->out.n - n_done, MSG_NOSIGNAL);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        drop_connection(p);
                        return;
                }
                n_done += (size_t) n;
        }
        if (n_done > 0)
                memmove(p->out.bytes, p->out.bytes + n_done, p->out.n - n_done);
        p->out.n -= n_done;
        watch_connection(p);
}

void peer_close(Peer *p) {
        uint8_t rest[4096];

        flush(p);
        /* With bytes unread close() would reset, and what was sent might not arrive. */
        while (p->fd >= 0 && recv(p->fd, rest, sizeof(rest), 0) > 0)
                ;
        drop_connection(p);
}

void peer_reset(Peer *p) {
        const struct linger at_once = { .l_onoff = 1 };

        if (p->fd >= 0)
                (void) setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        drop_connection(p);
}

void peer_refuse(Peer *p, bool is_refused) {
        if (is_refused)
                p->listen_fd = close_fd(p->listen_fd);
        else if (p->listen_fd < 0)
                start_listening(p);
}

void peer_stop_reading(Peer *p, bool is_stopped) {
        p->is_stopped = is_stopped;
        watch_connection(p);
}

static void accept_connection(Peer *p) {
        const int yes = 1;
        int fd = p->listen_fd < 0 ? -1 : accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return;
        peer_close(p);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        p->fd = fd;
        p->n_connections++;
        p->n_in_flight = 0;
        p->n_sent = 0;
        watch(p, EPOLL_CTL_ADD, fd, 0);
        watch_connection(p);
}

/* Answers */

static void answer_connect(Peer *p, const PeerPacket *packet, const PeerAnswer *a) {
        const PeerProperty *expiry = peer_packet_find(packet, PEER_SESSION_EXPIRY);
        bool is_own = a->properties != NULL, is_present = a->session == PEER_SESSION_PRESENT;
        const PeerProperty *properties = is_own ? a->properties : p->connack;
        size_t n = is_own ? a->n_properties : p->n_connack;

        if (a->reason != 0) {
                peer_write_connack(&p->out, false, a->reason, properties, n);
                peer_close(p);
                return;
        }
        if (a->session == PEER_SESSION_AS_KEPT)
                is_present = p->has_session && !packet->clean_start;
        if (!is_present)
                memset(p->used_in, 0, sizeof(p->used_in));
        p->has_session = expiry && expiry->number > 0;
        p->is_connected = true;
        p->receive_maximum = UINT16_MAX;
        for (size_t i = 0; i < n; i++)
                if (properties[i].id == PEER_RECEIVE_MAXIMUM)
                        p->receive_maximum = properties[i].number;
        peer_write_connack(&p->out, is_present, 0, properties, n);
}

static void answer_publish(Peer *p, const PeerPacket *packet, const PeerAnswer *a) {
        if (packet->message.qos == 0)
                return;
        must(p->used_in[packet->id] == p->n_connections, "the test acknowledges a PUBLISH twice");
        p->used_in[packet->id] = 0;
        p->n_in_flight--;
        peer_write_puback(&p->out, packet->id, a->reason, a->properties, a->n_properties);
}

void peer_answer(Peer *p, const PeerPacket *packet, PeerAnswer a) {
        must(packet->connection == p->n_connections, "the test answers a packet of an earlier connection");
        if (a.action == PEER_DROP)
                return;
        if (a.action == PEER_CLOSE || packet->type == PEER_DISCONNECT)
                peer_close(p);
        else if (packet->type == PEER_CONNECT)
                answer_connect(p, packet, &a);
        else if (packet->type == PEER_PUBLISH)
                answer_publish(p, packet, &a);
        else if (packet->type == PEER_SUBSCRIBE || packet->type == PEER_UNSUBSCRIBE)
                peer_write_suback(&p->out, packet->type + 1, packet->id, a.reason, packet->n_filters,
                                  a.properties, a.n_properties);
        else if (packet->type == PEER_PINGREQ)
                peer_write_pingresp(&p->out);
        else if (packet->type == PEER_AUTH)
                peer_send(p, PEER_AUTH, a.reason, a.properties, a.n_properties);
        flush(p);
}

void peer_send(Peer *p, PeerPacketType type, uint8_t reason, const PeerProperty *properties, size_t n) {
        peer_write_reason(&p->out, type, reason, properties, n);
        flush(p);
}

void peer_send_bytes(Peer *p, const void *bytes, size_t n) {
        peer_bytes_append(&p->out, bytes, n);
        flush(p);
}

uint16_t peer_publish(Peer *p, const az_mqtt_message *m, uint16_t id) {
        return peer_publish_with(p, m, id, NULL, 0);
}

uint16_t peer_publish_with(Peer *p, const az_mqtt_message *m, uint16_t id, const PeerProperty *properties,
                           size_t n) {
        must(p->is_connected, "the test sends a message to a client that is not connected");
        if (m->qos > 0) {
                if (id == 0)
                        id = p->last_id == ID_MAX ? 1 : p->last_id + 1;
                p->last_id = id;
                p->sent = peer_grow(p->sent, p->n_sent + 1, sizeof(*p->sent));
                p->sent[p->n_sent++] = id;
        }
        peer_write_publish(&p->out, m, id, properties, n);
        flush(p);
        return id;
}

/* What comes */

static void check_publish(Peer *p, const PeerPacket *packet) {
        unsigned *used_in = &p->used_in[packet->id];

        if (packet->message.qos == 0)
                return;
        must(*used_in != p->n_connections, "the client sent a PUBLISH whose packet identifier is in use");
        must(*used_in == 0 || packet->message.dup, "the client sent a PUBLISH again without DUP");
        must(++p->n_in_flight <= p->receive_maximum, "the client sent more than the Receive Maximum");
        *used_in = p->n_connections;
}

static void check_puback(Peer *p, const PeerPacket *packet) {
        must(p->n_sent > 0, "the client sent a PUBACK that nobody waits for");
        must(p->sent[0] == packet->id, "the client sent a PUBACK out of order");
        memmove(p->sent, p->sent + 1, --p->n_sent * sizeof(*p->sent));
}

static void check_packet(Peer *p, const PeerPacket *packet) {
        if (packet->type == PEER_CONNECT)
                must(!p->is_connected, "the client sent CONNECT twice");
        else
                must(p->is_connected || packet->type == PEER_AUTH || packet->type == PEER_DISCONNECT,
                     "the client sent something before it was connected");
        if (packet->type == PEER_PUBLISH)
                check_publish(p, packet);
        else if (packet->type == PEER_PUBACK)
                check_puback(p, packet);
        else if (packet->type == PEER_DISCONNECT) {
                const PeerProperty *expiry = peer_packet_find(packet, PEER_SESSION_EXPIRY);

                if (expiry)
                        p->has_session = expiry->number > 0;
        }
}

static void take_packet(Peer *p, PeerPacket *packet) {
        Script *s = &p->scripts[packet->type];
        PeerAnswer answer = { .action = p->is_ignored[packet->type] ? PEER_DROP : PEER_ANSWER };

        packet->connection = p->n_connections;
        p->packets = peer_grow(p->packets, p->n_packets + 1, sizeof(PeerPacket *));
        p->packets[p->n_packets++] = packet;
        check_packet(p, packet);
        if (s->n_used < s->n)
                answer = s->answers[s->n_used++];
        peer_answer(p, packet, answer);
}

static void take_packets(Peer *p) {
        size_t n_done = 0, n;
        PeerPacket *packet;
        int fd = p->fd;

        /* An answer may close the connection, and with it goes what was read. */
        while (p->fd == fd && (n = peer_packet_read(p->in.bytes + n_done, p->in.n - n_done, &packet)) > 0) {
                n_done += n;
                take_packet(p, packet);
        }
        if (p->fd != fd)
                return;
        memmove(p->in.bytes, p->in.bytes + n_done, p->in.n - n_done);
        p->in.n -= n_done;
}

static void read_connection(Peer *p) {
        uint8_t bytes[65536];

        while (p->fd >= 0 && !p->is_stopped) {
                ssize_t n = recv(p->fd, bytes, sizeof(bytes), 0);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        drop_connection(p);
                        return;
                }
                peer_bytes_append(&p->in, bytes, (size_t) n);
                take_packets(p);
        }
}

void peer_dispatch(Peer *p) {
        flush(p);
        read_connection(p);
        accept_connection(p);
        read_connection(p);
}
