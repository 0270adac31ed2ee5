/* SPDX-License-Identifier: MIT */

/*
 * Azure's own device SDK, unmodified, against aziot-hubsim: what satisfies the stranger that real devices run is
 * likely to be what the real hub does. HUBSIM is the program.
 */

"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const util = require("node:util");
const { Client, Message, SharedAccessKeyAuthenticationProvider } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const { control, errors, eventually, hubsim, log, runTests, sleep, state, test } = require("./hub");

/* What a device is subscribed to. */
async function subscriptions(device) {
        const { parameters } = await control("ListDevices", {});

        return parameters.devices.find((d) => d.device === device).subscriptions;
}

/* A connected client of a new device; it is closed when its test is over. */
async function openDevice(t, name, getProvider = SharedAccessKeyAuthenticationProvider.fromConnectionString) {
        const { stdout } = await hubsim("device", "add", name);
        const client = Client.fromAuthenticationProvider(getProvider(stdout.trim()), Mqtt);

        await client.setOptions({ ca: fs.readFileSync(path.join(state, "ca.pem"), "utf8") });
        await client.open();
        t.clients.push(client);
        return client;
}

test("telemetry arrives with its properties decoded and its body untouched", async (t) => {
        const client = await openDevice(t, "talker");
        const message = new Message('{"n":9007199254740993,"x":1.10}');

        message.messageId = "mid1";
        message.correlationId = "c/1";
        message.contentType = "application/json";
        message.contentEncoding = "utf-8";
        message.properties.add("alert", "yes & no");
        message.properties.add("sp ace", "ü/#+");
        await client.sendEvent(message);
        await client.sendEvent(new Message(Buffer.from([0, 255, 10])));

        const [first, second] = await log("talker");
        const line = JSON.parse(first);
        assert.deepEqual(line.system, {
                "message-id": "mid1",
                "correlation-id": "c/1",
                "content-type": "application/json",
                "content-encoding": "utf-8",
        });
        assert.deepEqual(line.properties, { alert: "yes & no", "sp ace": "ü/#+" });
        assert.equal(line.qos, 1);
        assert.equal(line.dup, false);
        assert.ok(first.endsWith('"body":{"n":9007199254740993,"x":1.10}}'), first);
        assert.equal(JSON.parse(second).data, "AP8K");
});

test("a direct method is called and its answer comes back", async (t) => {
        const client = await openDevice(t, "server");

        client.onDeviceMethod("reboot", (request, response) => response.send(200, { got: request.payload }));
        client.onDeviceMethod("fail", (request, response) => response.send(418, "teapot"));
        const answer = await hubsim("invoke", "server", "reboot", '{"delay":5}', "--connect-timeout", "10");
        assert.deepEqual(JSON.parse(answer.stdout), { status: 200, payload: { got: { delay: 5 } } });
        assert.equal(answer.code, 0);

        const refusal = await hubsim("invoke", "server", "fail");
        assert.deepEqual(JSON.parse(refusal.stdout), { status: 418, payload: "teapot" });
        assert.equal(refusal.code, 1);

        const silence = await hubsim("invoke", "server", "unknown", "--timeout", "1");
        assert.match(silence.stderr, /504101 GatewayTimeout/);
        assert.equal(silence.code, 1);
});

test("a method of a device that did not subscribe fails at once", async (t) => {
        await openDevice(t, "deaf");
        const { stderr, code } = await hubsim("invoke", "deaf", "reboot");

        assert.match(stderr, /404103 DeviceNotOnline/);
        assert.equal(code, 1);
});

test("a wrong key is refused as unauthorized", async () => {
        const { stdout } = await hubsim("device", "add", "burglar");
        const wrong = stdout.trim().replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32).toString("base64")}`);
        const client = Client.fromConnectionString(wrong, Mqtt);

        await client.setOptions({ ca: fs.readFileSync(path.join(state, "ca.pem"), "utf8") });
        await assert.rejects(client.open(), { name: "UnauthorizedError" });
});

test("a twin is read, and its desired properties are followed", async (t) => {
        const client = await openDevice(t, "mirror");

        await hubsim("twin", "mirror", "update", '{"rate":5,"mode":{"name":"eco","old":true}}');
        const twin = await client.getTwin();
        assert.deepEqual(twin.properties.desired,
                { rate: 5, mode: { name: "eco", old: true }, $version: 2 });

        const changed = new Promise((resolve) => twin.on("properties.desired", (delta) => {
                if (delta.$version === 3)
                        resolve(delta);
        }));
        /* The SDK subscribes behind our back; a change that comes too early would never be notified. */
        await eventually(async () => (await subscriptions("mirror")).includes("$iothub/twin/PATCH/properties/desired/#"));
        assert.equal((await hubsim("twin", "mirror", "update", '{"mode":{"old":null},"rate":6}')).stdout, "3\n");
        assert.deepEqual(await changed, { mode: { old: null }, rate: 6, $version: 3 });
        assert.deepEqual(twin.properties.desired, { rate: 6, mode: { name: "eco" }, $version: 3 });
});

test("reported properties are stored, and what breaks a rule is refused", async (t) => {
        const client = await openDevice(t, "reporter");
        const twin = await client.getTwin();
        const update = util.promisify((patch, done) => twin.properties.reported.update(patch, done));

        await update({ firmware: "1.2", net: { ip: "::1", mask: 64 } });
        await update({ net: { mask: null } });
        const { stdout } = await hubsim("twin", "reporter");
        assert.deepEqual(JSON.parse(stdout).reported, { firmware: "1.2", net: { ip: "::1" } });
        assert.equal(JSON.parse(stdout).reportedVersion, 3);

        await assert.rejects(update({ "a.b": 1 }), /'a\.b': a name has no/);
        await assert.rejects(update({ text: "x".repeat(4097) }), /'text': a string of more than 4 KB/);
        await control("TwinFault", { device: "reporter", patches: 1, status: 429 });
        await assert.rejects(update({ late: true }), /as it was asked to/);
        await update({ late: true });
});

test("cloud-to-device messages are received and completed", async (t) => {
        const client = await openDevice(t, "listener");
        const messages = [];

        client.on("message", (message) => {
                messages.push(message);
                client.complete(message, (error) => assert.ifError(error));
        });
        await hubsim("messages", "listener", "send", '{"line":3}', "--message-id", "m 1", "--correlation-id", "c/1",
                "--user-id", "u", "--content-type", "application/json", "--content-encoding", "utf-8",
                "--property", "sp ace=ü/#+&", "--property", "empty=", "--ack", "full", "--ttl", "600");
        await eventually(() => messages.length === 1);
        const [message] = messages;
        assert.equal(message.getData().toString(), '{"line":3}');
        assert.equal(message.messageId, "m 1");
        assert.equal(message.correlationId, "c/1");
        assert.equal(message.userId, "u");
        assert.equal(message.contentType, "application/json");
        assert.equal(message.contentEncoding, "utf-8");
        assert.match(message.expiryTimeUtc, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.equal(message.to, "/devices/listener/messages/deviceBound");
        assert.equal(message.properties.getValue("sp ace"), "ü/#+&");
        assert.equal(message.properties.getValue("empty"), "");
        assert.equal(message.properties.getValue("iothub-ack"), "full"); /* of no meaning to the SDK */

        await eventually(async () => (await hubsim("messages", "listener")).stdout === "");
        const { messageId, status } = JSON.parse((await hubsim("messages", "listener", "feedback")).stdout);
        assert.deepEqual({ messageId, status }, { messageId: "m 1", status: "Success" });
});

test("a message that waited for the device comes once it is back", async (t) => {
        const client = await openDevice(t, "waiter");
        const bodies = [];

        client.on("message", (message) => bodies.push(message.getData().toString()));
        await hubsim("messages", "waiter", "send", "1");
        await eventually(() => bodies.length === 1);
        assert.equal((await hubsim("cut", "2")).code, 0);
        await hubsim("messages", "waiter", "send", "2");
        await client.sendEvent(new Message("{}"));
        await eventually(async () => bodies.length === 2 && (await hubsim("messages", "waiter")).stdout === "");
        assert.deepEqual(bodies, ["1", "2"]);
});

test("after an outage the device is back, and so are its methods", async (t) => {
        const client = await openDevice(t, "survivor");

        client.onDeviceMethod("ping", (request, response) => response.send(200));
        await client.sendEvent(new Message("1"));
        assert.equal((await hubsim("invoke", "survivor", "ping", "--connect-timeout", "10")).code, 0);

        assert.equal((await hubsim("cut", "2")).code, 0);
        await client.sendEvent(new Message("2"));
        assert.equal((await hubsim("invoke", "survivor", "ping", "--connect-timeout", "20")).code, 0);
        assert.deepEqual((await log("survivor")).map((line) => JSON.parse(line).body), [1, 2]);
});

test("a kicked device comes back with all it serves", async (t) => {
        const client = await openDevice(t, "kicked");
        const twin = await client.getTwin();
        const patches = [];

        twin.on("properties.desired", (delta) => patches.push(delta.$version));
        client.onDeviceMethod("ping", (request, response) => response.send(200));
        assert.equal((await hubsim("invoke", "kicked", "ping", "--connect-timeout", "10")).code, 0);
        await eventually(async () => (await subscriptions("kicked")).length === 3);

        assert.deepEqual(await control("Kick", { device: "kicked" }), { parameters: { wasConnected: true } });
        assert.equal((await hubsim("invoke", "kicked", "ping", "--connect-timeout", "20")).code, 0);
        await client.sendEvent(new Message("1"));
        await hubsim("twin", "kicked", "update", "{}");
        await eventually(() => patches.includes(2));
        assert.equal((await log("kicked")).length, 1);
});

test("a token is renewed and nobody notices", async (t) => {
        const client = await openDevice(t, "renewer", (line) =>
                SharedAccessKeyAuthenticationProvider.fromConnectionString(line, 6, 5));
        let n = 0;

        /* The SDK reconnects with a new token each second. */
        for (; errors.filter((line) => line.startsWith("aziot-hubsim: renewer: connected")).length < 3; n++) {
                await client.sendEvent(new Message(String(n)));
                await sleep(20);
        }
        const arrived = new Set((await log("renewer")).map((line) => JSON.parse(line).body));
        assert.deepEqual([...arrived], [...Array(n).keys()]);
        assert.ok(!errors.some((line) => line.startsWith("aziot-hubsim: renewer: 401003")));
});

test("a message whose PUBACK was lost is sent again", async (t) => {
        const client = await openDevice(t, "repeater");
        const message = new Message("{}");

        message.messageId = "once";
        assert.deepEqual(await control("DropBeforePuback", { count: 1 }), { parameters: {} });
        await client.sendEvent(message);
        const ids = (await log("repeater")).map((line) => JSON.parse(line).system["message-id"]);
        assert.deepEqual(ids, ["once", "once"]);
});

test("twin requests beyond the rate fail with what the hub says of it", async (t) => {
        const client = await openDevice(t, "busy");
        const twin = await client.getTwin();

        await hubsim("limit", "device-twin-per-second", "1");
        try {
                const reports = [1, 2].map((n) => new Promise((resolve, reject) =>
                        twin.properties.reported.update({ n }, (error) => (error ? reject(error) : resolve()))));

                await reports[0];
                await assert.rejects(reports[1], { message: "too many requests" });
        } finally {
                await hubsim("limit", "device-twin-per-second", "0");
        }
});

test("the SDK's own words for a fault end the connection, and it comes back", async (t) => {
        const client = await openDevice(t, "tester");
        const fault = new Message("{}");

        for (const [name, value] of [["Type", "KillTcp"], ["CloseReason", "severed"], ["DelayInSecs", "1"]])
                fault.properties.add(`AzIoTHub_FaultOperation${name}`, value);
        await client.sendEvent(fault);
        await eventually(() => errors.includes("aziot-hubsim: tester: 404104 closed, as the device asked for: 'severed'"));
        await client.sendEvent(new Message('"after"'));
        assert.equal(JSON.parse((await log("tester")).at(-1)).body, "after");
});

runTests();
