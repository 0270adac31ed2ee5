/* SPDX-License-Identifier: MIT */

/* Azure's own device SDK, unmodified, with client certificates against aziot-hubsim. */

"use strict";

const assert = require("node:assert/strict");
const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const { control, errors, eventually, hubsim, log, makeCertificate, runTests, test } = require("./hub");

/* A client of the device that this line is of. */
async function makeClient(line, options) {
        const client = Client.fromConnectionString(line.trim(), Mqtt);

        await client.setOptions(options);
        return client;
}

async function works(t, name, line, options) {
        const client = await makeClient(line, options);

        await client.open();
        t.clients.push(client);
        client.onDeviceMethod("ping", (request, response) => response.send(200, request.payload));
        await client.sendEvent(new Message('{"n":1}'));
        assert.deepEqual((await log(name)).map((text) => JSON.parse(text).body), [{ n: 1 }]);
        const answer = await hubsim("invoke", name, "ping", "7", "--connect-timeout", "10");
        assert.deepEqual(JSON.parse(answer.stdout), { status: 200, payload: 7 });
        return client;
}

test("a device is known by its thumbprint", async (t) => {
        const { options, thumbprint } = await makeCertificate("self-signed", "--self-signed");
        const { stdout } = await hubsim("device", "add", "self-signed", "--thumbprint", thumbprint);

        await works(t, "self-signed", stdout, options);
});

test("a device is known by its CA", async (t) => {
        const { options } = await makeCertificate("of-the-ca");

        await works(t, "of-the-ca", (await hubsim("device", "add", "of-the-ca", "--ca")).stdout, options);
});

test("a device sends the intermediate certificate, too, and comes back after it was kicked", async (t) => {
        const { options } = await makeCertificate("of-a-factory", "--intermediate", "factory");
        const { stdout } = await hubsim("device", "add", "of-a-factory", "--ca");
        const client = await works(t, "of-a-factory", stdout, options);

        assert.deepEqual(await control("Kick", { device: "of-a-factory" }), { parameters: { wasConnected: true } });
        await client.sendEvent(new Message("2"));
        await eventually(async () => (await log("of-a-factory")).length === 2);
});

test("a certificate of another device is refused as unauthorized", async () => {
        const { options } = await makeCertificate("burglar");
        const client = await makeClient((await hubsim("device", "add", "victim", "--ca")).stdout, options);

        await assert.rejects(client.open(), { name: "UnauthorizedError" });
        await eventually(() => errors.some((line) => line.startsWith("aziot-hubsim: victim: 401003 CONNECT refused")));
});

runTests();
