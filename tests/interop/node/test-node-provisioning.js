/* SPDX-License-Identifier: MIT */

/* Azure's own provisioning SDK, unmodified, against aziot-hubsim, and its device SDK with what was assigned. */

"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const tls = require("node:tls");
const { Client, Message } = require("azure-iot-device");
const { Mqtt } = require("azure-iot-device-mqtt");
const { ProvisioningDeviceClient } = require("azure-iot-provisioning-device");
const { Mqtt: ProvisioningTransport } = require("azure-iot-provisioning-device-mqtt");
const { SymmetricKeySecurityClient } = require("azure-iot-security-symmetric-key");
const { X509Security } = require("azure-iot-security-x509");
const { control, errors, eventually, hubsim, log, makeCertificate, runTests, state, test } = require("./hub");

const createSecureContext = tls.createSecureContext;

/* The SDK takes no CA; what it connects with is to trust that of the hub. */
tls.createSecureContext = (options) => {
        const context = createSecureContext(options);

        context.context.addCACert(fs.readFileSync(path.join(state, "ca.pem")));
        return context;
};

/* An enrollment whose devices need to wait for a second alone; resolves to what they need. */
async function enroll(name, ...options) {
        const { code, stdout, stderr } = await hubsim("enrollment", "add", name, "--retry-after", "1", ...options);

        assert.equal(code, 0, stderr);
        return parse(stdout);
}

function parse(line) {
        return Object.fromEntries(line.trim().split(";").map((part) => part.split(/=(.*)/s)));
}

function makeClient({ Endpoint, IdScope, RegistrationId, SharedAccessKey }, certificate) {
        const security = certificate
                ? new X509Security(RegistrationId, certificate)
                : new SymmetricKeySecurityClient(RegistrationId, SharedAccessKey);

        return ProvisioningDeviceClient.create(Endpoint, IdScope, new ProvisioningTransport(), security);
}

/* Registers, then sends a message to the hub that was assigned; resolves to what the SDK was answered. */
async function works(t, fields, { certificate, payload } = {}) {
        const client = makeClient(fields, certificate);

        if (payload)
                client.setProvisioningPayload(payload);
        const result = await client.register();
        const credential = certificate ? "x509=true" : `SharedAccessKey=${fields.SharedAccessKey}`;
        const device = Client.fromConnectionString(
                `HostName=${result.assignedHub};DeviceId=${result.deviceId};${credential}`, Mqtt);

        if (certificate)
                await device.setOptions(certificate);
        await device.open();
        t.clients.push(device);
        await device.sendEvent(new Message('{"n":1}'));
        assert.deepEqual((await log(result.deviceId)).map((text) => JSON.parse(text).body), [{ n: 1 }]);
        return result;
}

test("a device of its own is assigned, with what it had to say and is told", async (t) => {
        const fields = await enroll("pump-17", "--assigning", "1", "--device", "main-pump", "--payload",
                '{"region":"weu","sampleSeconds":30}');
        const result = await works(t, fields, { payload: { modelId: "dtmi:contoso:Pump;1", serial: [1, 2] } });

        assert.equal(result.deviceId, "main-pump");
        assert.equal(result.registrationId, "pump-17");
        assert.equal(result.status, "assigned");
        assert.equal(result.substatus, "initialAssignment");
        assert.deepEqual(result.payload, { region: "weu", sampleSeconds: 30 });
        const { parameters } = await control("GetRegistration", { registration: "pump-17" });
        assert.equal(parameters.payload, '{"modelId":"dtmi:contoso:Pump;1","serial":[1,2]}');
});

test("a device of a group is assigned with the key that was made for it", async (t) => {
        await enroll("pumps", "--group");
        const { stdout } = await hubsim("enrollment", "show", "pumps", "pump-18");
        const result = await works(t, parse(stdout));

        assert.equal(result.deviceId, "pump-18");
        assert.deepEqual(result.symmetricKey, { enrollmentGroupId: "pumps" });
});

test("devices with certificates are assigned, by thumbprint and by CA", async (t) => {
        const own = await makeCertificate("camera-1", "--self-signed");
        const result = await works(t, await enroll("camera-1", "--thumbprint", own.thumbprint),
                { certificate: own.options });

        assert.equal(result.x509.certificateInfo.sha1Thumbprint, own.thumbprint);

        const { options } = await makeCertificate("camera-2", "--intermediate", "factory");
        await enroll("cameras", "--group", "--ca");
        const { stdout } = await hubsim("enrollment", "show", "cameras", "camera-2");
        assert.equal((await works(t, parse(stdout), { certificate: options })).deviceId, "camera-2");
});

test("a registration that fails says why", async () => {
        const client = makeClient(await enroll("lost", "--failure", "400207"));

        await assert.rejects(client.register(), (error) => {
                assert.equal(error.name, "ProvisioningRegistrationFailedError");
                assert.equal(error.result.registrationState.errorCode, 400207);
                return true;
        });
});

test("a disabled enrollment is an unknown word to the SDK", async () => {
        await assert.rejects(makeClient(await enroll("off", "--status", "disabled")).register(), /status is disabled/);
});

test("a wrong key is refused", async () => {
        const fields = await enroll("burglar");

        fields.SharedAccessKey = "A".repeat(43) + "=";
        await assert.rejects(makeClient(fields).register(), /Not authorized/);
        await eventually(() => errors.some((line) => line.startsWith("aziot-hubsim: burglar: 401002 CONNECT refused")));
});

test("what goes wrong on the way is tried again, and a foreign answer passed over", async (t) => {
        const fields = await enroll("patient");

        await control("DpsFault", { registers: 1, polls: 1, retryAfterSeconds: 1, foreign: 4 });
        assert.equal((await works(t, fields)).deviceId, "patient");
        assert.deepEqual(await control("ListFaults", {}), { parameters: { faults: [] } });
});

runTests();
