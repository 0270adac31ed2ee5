/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A fence behind the one that matters: nothing that aziotd says holds a secret, but what else is in a journal
 * or a listing was written by others, and a key that somebody once put into a command line looks as in a
 * connection string.
 */

/*
 * Replaces secrets in a text by stars, in place: what follows "SharedAccessKey=", "sig=" and "password=" (of
 * any case), what stands between "://" and "@", and what is within "-----BEGIN ... KEY-----" on the line.
 */
void redact(char *text);
