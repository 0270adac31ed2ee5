#!/usr/bin/node
// SPDX-License-Identifier: MIT

/* Appends each message from the cloud to a file, as a line of JSON: take.mjs FILE */

import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Aziot, AziotError } from "./aziot.mjs";

const aziot = new Aziot();
const path = process.argv[2];

async function keep(message) {
  const file = await open(path, "a");
  try {
    await file.write(JSON.stringify(message) + "\n");
    await file.sync();
  } finally {
    await file.close();
  }
}

/* Waits for a message, deals with it, and only then tells the daemon to forget it. */
async function take() {
  const { message } = await aziot.call("io.aziotd.messages.Take");
  if (!message) return; // none came within 30 s
  await keep(message);
  await aziot.call("io.aziotd.messages.Settle", { id: message.id });
}

for (;;) {
  try {
    await take();
  } catch (error) {
    if (error instanceof AziotError) throw error;
    // The daemon is being restarted, or the file cannot be written.
    console.error(`take: ${error.message}, trying again`);
    aziot.close(); // gives the message back: it comes again, with "redelivered" set
    await sleep(1000);
  }
}
