#!/usr/bin/node
// SPDX-License-Identifier: MIT

/*
 * Sends each number on standard input as a message of the sensor SENSOR: send.mjs SENSOR
 *
 *     while sleep 60; do cat /sys/class/thermal/thermal_zone0/temp; done | ./send.mjs processor
 *
 * Whether the device is online does not matter: what the daemon has accepted is on disk.
 */

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Aziot, AziotError } from "./aziot.mjs";

const aziot = new Aziot();

/* Sends a message, again and again until the daemon has accepted it, and returns its number. */
async function send(message) {
  // If the connection breaks before the reply, nobody knows whether the message was accepted. It is sent again by
  // the same name, so that whoever receives it can tell.
  message.messageId = randomUUID();
  for (;;) {
    try {
      return (await aziot.call("io.aziotd.telemetry.Send", { message })).sequence;
    } catch (error) {
      if (error instanceof AziotError) {
        if (!("retryAfterMs" in error.parameters)) throw error;
        await sleep(error.parameters.retryAfterMs); // OutboxFull, RateExceeded: there is no room now
      } else {
        // The daemon is being restarted, or is not there.
        console.error(`send: ${error.message}, trying again`);
        await sleep(1000);
      }
    }
  }
}

const sensor = process.argv[2];
for await (const line of createInterface({ input: process.stdin })) {
  const value = Number(line);
  if (!Number.isFinite(value)) throw new Error(`'${line}' is no number`);
  const sequence = await send({ body: { value }, properties: { sensor } });
  console.log(`${sequence} ${line}`);
}
aziot.close();
