// SPDX-License-Identifier: MIT

/*
 * A client of aziotd in one file, to be copied: nothing but Node itself.
 *
 *     const aziot = new Aziot();
 *     const reply = await aziot.call("io.aziotd.telemetry.Send", { message: { body: { temperature: 21.5 } } });
 *     console.log(reply.sequence);
 *
 * A call throws an AziotError if the daemon refuses it, and another Error if there is no daemon or the connection
 * breaks before the reply; the next call connects again. Calls of one object travel on one connection, one after the
 * other: a program that waits in Take or watch() has another object for everything else.
 */

import { createConnection } from "node:net";

/* An error that the daemon replied by: its full name, and its fields. */
export class AziotError extends Error {
  constructor(name, parameters) {
    super(`${name} ${JSON.stringify(parameters)}`);
    this.name = name;
    this.parameters = parameters;
  }
}

export class Aziot {
  #path;
  #socket = null;
  #messages = null;

  constructor(path = process.env.AZIOT_SOCKET ?? "/run/aziotd/socket") {
    this.#path = path;
  }

  /* Calls a method and returns the fields of its reply. */
  async call(method, parameters = {}) {
    this.#send({ method, parameters });
    return (await this.#receive()).parameters ?? {};
  }

  /* Calls a method that replies again and again ("more"), and yields the fields of each reply. */
  async *watch(method, parameters = {}) {
    this.#send({ method, parameters, more: true });
    let reply;
    do {
      reply = await this.#receive();
      yield reply.parameters ?? {};
    } while (reply.continues);
  }

  /* Closes the connection: what was taken on it and not settled is not this program's any more. */
  close() {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #send(call) {
    if (!this.#socket || this.#socket.destroyed) {
      this.#socket = createConnection(this.#path);
      this.#messages = messages(this.#socket);
    }
    this.#socket.write(JSON.stringify(call) + "\0");
  }

  async #receive() {
    let next;
    try {
      next = await this.#messages.next();
      if (next.done) throw new Error("aziotd has closed the connection");
    } catch (error) {
      this.close();
      throw error;
    }
    const reply = JSON.parse(next.value);
    if (reply.error) throw new AziotError(reply.error, reply.parameters ?? {});
    return reply;
  }
}

/* The messages that arrive at a socket; each ends with a NUL byte. */
async function* messages(socket) {
  let buffer = Buffer.alloc(0);
  for await (const data of socket) {
    buffer = Buffer.concat([buffer, data]);
    for (let end; (end = buffer.indexOf(0)) >= 0; buffer = buffer.subarray(end + 1)) {
      yield buffer.toString("utf8", 0, end);
    }
  }
}
