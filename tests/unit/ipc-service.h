/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A server of org.example.test in the test's own event loop, and raw clients on socketpairs.
 *
 *      _cleanup_(test_done) Test t;
 *      int fd;
 *
 *      test_init(&t, &(IpcServerConfig) {});
 *      fd = test_connect(&t);
 *      test_send(&t, fd, CALL("Count", "{}"));
 *      assert_receives(fd, REPLY("{\"calls\":1,\"oneway\":0}"));
 */

#include "ipc-example.h"
#include "ipc-test.h"

/* A message is its text and a newline in place of the NUL, so that several can be one literal. */
#define CALL(method, parameters) \
        "{\"method\":\"org.example.test." method "\",\"parameters\":" parameters "}\n"
#define CALL_WITH(flag, method, parameters) \
        "{\"method\":\"org.example.test." method "\",\"" flag "\":true,\"parameters\":" parameters "}\n"
#define NAMED(name)                 "{\"name\":\"" name "\"}"
#define REPLY(parameters)           "{\"parameters\":" parameters "}\n"
#define REPLY_CONTINUES(parameters) "{\"continues\":true,\"parameters\":" parameters "}\n"
#define ERROR(name, parameters)     "{\"error\":\"" name "\",\"parameters\":" parameters "}\n"

typedef struct Test {
        sd_event *event;
        IpcServer *server;
        Example example;
        unsigned notices[_IPC_NOTICE_MAX];
        unsigned grants; /* for policies that are to change */
        int fds[128];    /* the clients' ends */
        size_t n_fds;
} Test;

void test_init(Test *t, const IpcServerConfig *config);
void test_done(Test *t);

/* Lets the server do all that it can do now. */
void test_run(Test *t);

/* A new client; its fd is closed by test_done() unless test_close() did. -1: the server refused it. */
int test_connect(Test *t);
void test_close(Test *t, int fd);

/* Sends messages; test_send() also lets the server do what it can. */
void test_put(int fd, const char *messages, unsigned n_times);
void test_send(Test *t, int fd, const char *messages);
void test_half_close(Test *t, int fd);

/* What has arrived is exactly this; "": nothing. */
void assert_receives(int fd, const char *messages);
void assert_open(int fd);
void assert_closed(int fd);
