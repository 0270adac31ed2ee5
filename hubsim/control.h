/* SPDX-License-Identifier: MIT */
#pragma once

/* The control socket: interface io.aziotd.hubsim (io.aziotd.hubsim.varlink) over a hub. */

#include "hubsim/hub.h"
#include "ipc/server.h"

/* Its interface, to be compared with the interface file by a test. */
extern const IpcInterface control_interface;

typedef struct Control Control;

/* Serves 'path', which is replaced if it is there; only the user who runs this program may connect. */
int control_new(Hub *hub, const char *path, Control **ret);
Control *control_free(Control *control);
DEFINE_CLEANUP(Control *, control_free)
