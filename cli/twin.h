/* SPDX-License-Identifier: MIT */
#pragma once

/* The verbs behind `aziot twin`, and how they print a property. */

#include "cli/cli.h"

int twin_get_main(Cli *cli, int argc, char **argv);
int twin_watch_main(Cli *cli, int argc, char **argv);
int twin_report_main(Cli *cli, int argc, char **argv);
int twin_acknowledge_main(Cli *cli, int argc, char **argv);

/*
 * Prints the JSON value of a property on a line: a text without its quotes unless --json, everything else as
 * JSON. Returns the exit code; what is wrong has been said.
 */
int twin_print_value(const Cli *cli, const char *value, size_t size);
