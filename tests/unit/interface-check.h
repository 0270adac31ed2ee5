/* SPDX-License-Identifier: MIT */
#pragma once

/* Compares an interface file with the tables that serve it. */

#include "ipc/server.h"

/*
 * Finds the first thing in which the interface's description and its tables differ, says it in 'buffer' and
 * returns that; NULL: they agree. The description must have the interface's name and exactly its methods; the
 * parameters of each must be the fields of its table in the same order, with the same types, values of enums
 * and nullability; and an interface with a parking method must have "error TooManyTakers (limit: int)".
 */
const char *interface_find_difference(const IpcInterface *interface, char buffer[static 256]);
