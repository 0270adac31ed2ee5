#!/usr/bin/node
// SPDX-License-Identifier: MIT

/* Follows the desired property "rate" of the twin, and reports what holds: follow.mjs */

import { setTimeout as sleep } from "node:timers/promises";
import { Aziot, AziotError } from "./aziot.mjs";

// Nothing behind a call that watches is read, so reports have a connection of their own.
const watcher = new Aziot();
const reporter = new Aziot();

/* Here the rate would be taken up; null: the cloud wants none. */
function setRate(rate) {
  console.log(`rate ${JSON.stringify(rate)}`);
}

async function report(patch) {
  try {
    await reporter.call("io.aziotd.twin.Report", { patch });
  } catch (error) {
    if (!(error instanceof AziotError)) throw error;
    console.error(`follow: ${error.message}`); // say, a value that no twin may have: the next one may be better
  }
}

async function follow() {
  // The first reply has all that is desired, also what the cloud has changed while this program was not running.
  for await (const { desired, complete } of watcher.watch("io.aziotd.twin.Watch")) {
    if (!complete && !("rate" in desired)) continue; // something else has changed
    const rate = desired.rate ?? null;
    setRate(rate);
    await report({ rate });
  }
}

for (;;) {
  try {
    await follow();
  } catch (error) {
    if (error instanceof AziotError) throw error;
    console.error(`follow: ${error.message}, trying again`); // the daemon is being restarted
    watcher.close();
    await sleep(1000);
  }
}
