/* SPDX-License-Identifier: MIT */

/*
 * Azure's own device and provisioning SDKs, unmodified, over WebSocket against aziot-hubsim: tokens and certificates. They
 * know port 443 alone.
 */

"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const tls = require("node:tls");
const { Client, Message } = require("azure-iot-device");
const { MqttWs } = require("azure-iot-device-mqtt");
const { ProvisioningDeviceClient } = require("azure-iot-provisioning-device");
const { MqttWs: ProvisioningTransport } = require("azure-iot-provisioning-device-mqtt");
const { SymmetricKeySecurityClient } = require("azure-iot-security-symmetric-key");
const { X509Security } = require("azure-iot-security-x509");
const { control, errors, eventually, findAddress, hubsim, log, makeCertificate, runTests, sleep, state, test } =
        require("./hub");

const createSecureContext = tls.createSecureContext;

/* Those for provisioning take no CA; what they connect with is to trust that of the hub. */
tls.createSecureContext = (options) => {
        const context = createSecureContext(options);

        context.context.addCACert(fs.readFileSync(path.join(state, "ca.pem")));
        return context;
};

/* A connected client of the device that this line is of. */
async function open(t, line, certificate) {
        const client = Client.fromConnectionString(line.trim(), MqttWs);

        await client.setOptions(certificate ?? { ca: fs.readFileSync(path.join(state, "ca.pem"), "utf8") });
        await client.open();
        t.clients.push(client);
        return client;
}

async function works(t, name, line, certificate) {
        const client = await open(t, line, certificate);

        client.onDeviceMethod("ping", (request, response) => response.send(200, request.payload));
        await client.sendEvent(new Message('{"n":1}'));
        assert.deepEqual((await log(name)).map((text) => JSON.parse(text).body), [{ n: 1 }]);
        const answer = await hubsim("invoke", name, "ping", "7", "--connect-timeout", "10");
        assert.deepEqual(JSON.parse(answer.stdout), { status: 200, payload: 7 });
        return client;
}

function parse(line) {
        return Object.fromEntries(line.trim().split(";").map((part) => part.split(/=(.*)/s)));
}

async function enroll(name, ...options) {
        const { code, stdout, stderr } = await hubsim("enrollment", "add", name, "--retry-after", "1", ...options);

        assert.equal(code, 0, stderr);
        return parse(stdout);
}

function register({ Endpoint, IdScope, RegistrationId, SharedAccessKey }, certificate) {
        const security = certificate
                ? new X509Security(RegistrationId, certificate)
                : new SymmetricKeySecurityClient(RegistrationId, SharedAccessKey);

        return ProvisioningDeviceClient.create(Endpoint, IdScope, new ProvisioningTransport(), security).register();
}

test("a device with a key sends, serves methods, and follows its twin", async (t) => {
        const client = await works(t, "talker", (await hubsim("device", "add", "talker")).stdout);
        const twin = await client.getTwin();

        await new Promise((resolve, reject) =>
                twin.properties.reported.update({ rate: 5 }, (error) => (error ? reject(error) : resolve())));
        assert.equal(JSON.parse((await hubsim("twin", "talker")).stdout).reported.rate, 5);
});

test("messages from the cloud arrive, and large ones in both directions", async (t) => {
        const client = await open(t, (await hubsim("device", "add", "listener")).stdout);
        const message = new Promise((resolve) => client.on("message", resolve));
        const large = "x".repeat(60000);

        await sleep(500); /* the subscription has no callback */
        await hubsim("messages", "listener", "send", large);
        const received = await message;
        assert.equal(received.getData().toString(), large);
        await client.complete(received);
        await client.sendEvent(new Message(`"${"y".repeat(200000)}"`));
        assert.equal(JSON.parse((await log("listener"))[0]).body.length, 200000);
});

test("what comes in pieces with pings in between is put together", async (t) => {
        await hubsim("fault", "fragment-websocket", "16"); /* "ws" bears a limited number of pieces */
        try {
                await works(t, "patient", (await hubsim("device", "add", "patient")).stdout);
        } finally {
                await hubsim("fault", "clear");
        }
});

test("a device with a certificate is known by its CA, and comes back after it was kicked", async (t) => {
        const { options } = await makeCertificate("camera", "--intermediate", "factory");
        const client = await works(t, "camera", (await hubsim("device", "add", "camera", "--ca")).stdout, options);

        assert.deepEqual(await control("Kick", { device: "camera" }), { parameters: { wasConnected: true } });
        await client.sendEvent(new Message("2"));
        await eventually(async () => (await log("camera")).length === 2);
});

test("a refusal is that of MQTT, not of the WebSocket", async (t) => {
        const { stdout } = await hubsim("device", "add", "off");

        await hubsim("device", "disable", "off");
        await assert.rejects(open(t, stdout), { name: "UnauthorizedError" });
        await eventually(() => errors.some((line) => line.startsWith("aziot-hubsim: off: 403012 CONNECT refused")));
});

test("a device is provisioned by its key, and connects to what it was assigned", async (t) => {
        const fields = await enroll("pump-17", "--assigning", "1");
        const { assignedHub, deviceId } = await register(fields);

        await works(t, "pump-17", `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${fields.SharedAccessKey}`);
});

test("a device is provisioned by its certificate", async (t) => {
        const { options, thumbprint } = await makeCertificate("pump-18", "--self-signed");
        const { assignedHub, deviceId } = await register(await enroll("pump-18", "--thumbprint", thumbprint), options);

        await works(t, "pump-18", `HostName=${assignedHub};DeviceId=${deviceId};x509=true`, options);
});

/* MQTT is where the SDKs do not look. */
Promise.all([findAddress(443), findAddress(8883)]).then(
        ([address, other]) => runTests("--listen", `${other}:8883`, "--listen-websocket", `${address}:443`,
                "--host", address),
        () => console.log("1..0 # SKIP port 443, the only one that the SDKs know, is not ours to listen on"));
