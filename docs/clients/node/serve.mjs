#!/usr/bin/node
// SPDX-License-Identifier: MIT

/* Serves the direct method "blink", whose payload says how often, as in {"times": 3}: serve.mjs */

import { setTimeout as sleep } from "node:timers/promises";
import { Aziot, AziotError } from "./aziot.mjs";

const aziot = new Aziot();

/* Does what is asked, and returns the answer. */
function blink(payload) {
  const times = payload?.times;
  if (!Number.isInteger(times) || times < 1 || times > 10) {
    return { status: 400, payload: { error: "times: 1 to 10" } };
  }
  console.log(`blink ${times}`);
  return { status: 200, payload: { blinked: times } };
}

/* Waits for a call and answers it. The daemon gives it to nobody else meanwhile. */
async function serve() {
  const { call } = await aziot.call("io.aziotd.methods.Take", { names: ["blink"] });
  if (!call) return; // none came within 30 s
  const answer = blink(call.payload);
  try {
    await aziot.call("io.aziotd.methods.Settle", { id: call.id, ...answer });
  } catch (error) {
    if (!(error instanceof AziotError)) throw error;
    console.error(`serve: ${error.message}`); // CallGone: it came too late, and the next call may do better
  }
}

for (;;) {
  try {
    await serve();
  } catch (error) {
    if (error instanceof AziotError) throw error; // NameClaimed: somebody else serves it; PermissionDenied
    console.error(`serve: ${error.message}, trying again`); // the daemon is being restarted: the cloud was told 503
    await sleep(1000);
  }
}
