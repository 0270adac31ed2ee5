/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What outlives this program besides devices and telemetry: persistent sessions with their subscriptions,
 * cloud-to-device messages, feedback nobody has asked for. A file to which each change is appended, as one
 * line of JSON, before anybody is told of it; it is written anew when it starts and when it has grown. Like
 * the journal it is not synced: it survives this program being killed, not a power cut.
 *
 *      {"session":"demo","known":true,"stored":true,"filters":["$iothub/methods/POST/#"],"qos":[0]}
 *      {"message":"demo","number":7,"messageId":"m1","ack":"full",...,"topic":"devices/...","data":"e30="}
 *      {"change":"demo","number":7,"delivered":true,"deliveryCount":1}
 *      {"gone":"demo","number":7,"messageId":"m1","status":"Success","time":1793318400000000}
 *      {"heard":"demo"}
 */

#include "hubsim/c2d-queue.h"
#include "hubsim/feedback.h"
#include "hubsim/registry.h"

typedef struct Hub Hub;
typedef struct State State;

/* Reads 'path', if it is there, into the hub's devices and feedback. -EBADMSG: this program did not write it.
 */
int state_open(Hub *hub, const char *path, State **ret);
State *state_free(State *state);

/*
 * Each writes what has changed; < 0: it is not written, as has been logged. Without a state, when the hub is
 * on its way out, nothing is.
 */
int state_save_session(State *state, const Device *device);
int state_add_message(State *state, const Device *device, const C2dMessage *message);
int state_change_message(State *state, const Device *device, const C2dMessage *message);

/* With a record of what became of it if the back end is to know. */
int state_remove_message(State *state, const Device *device, const C2dMessage *message,
                         const FeedbackRecord *record);

/* The back end has heard the feedback of this device; NULL: all. */
int state_clear_feedback(State *state, const Device *device);
