/* SPDX-License-Identifier: MIT */

/* A running aziot-hubsim, what a test asks of it, and the tests of a file, one behind the other. HUBSIM is the program. */

"use strict";

const assert = require("node:assert/strict");
const { execFile, spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

const tests = [];
const state = fs.mkdtempSync(path.join(os.tmpdir(), "aziot-interop-"));
const errors = []; /* what the hub has said on standard error */
let hub;

function test(name, run) {
        tests.push({ name, run });
}

/* Runs a command of aziot-hubsim; resolves to its exit code and output. */
function hubsim(...args) {
        return new Promise((resolve) =>
                execFile(process.env.HUBSIM, [...args, "--state-dir", state], (error, stdout, stderr) =>
                        resolve({ code: error ? error.code : 0, stdout, stderr })));
}

/* Calls a method of the control socket that has no command. */
function control(method, parameters) {
        return new Promise((resolve, reject) => {
                const socket = net.connect(path.join(state, "socket"));
                let text = "";

                socket.on("error", reject);
                socket.on("data", (data) => {
                        text += data;
                        if (text.endsWith("\0")) {
                                socket.destroy();
                                resolve(JSON.parse(text.slice(0, -1)));
                        }
                });
                socket.write(JSON.stringify({ method: `io.aziotd.hubsim.${method}`, parameters }) + "\0");
        });
}

/* The lines that have arrived from a device. */
async function log(device) {
        const { stdout } = await hubsim("log", "--json", "--device", device);

        return stdout.split("\n").filter(Boolean);
}

function sleep(ms) {
        return new Promise((resolve) => setTimeout(resolve, ms));
}

async function eventually(condition) {
        while (!(await condition()))
                await sleep(50);
}

/* Makes a certificate for a device of this name; resolves to the options of a client and its thumbprint. */
async function makeCertificate(name, ...options) {
        const { stdout } = await hubsim("certificate", "create", name, path.join(state, "devices"), ...options);
        const printed = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(/: +/)));

        return {
                options: {
                        cert: fs.readFileSync(printed.certificate, "utf8"),
                        key: fs.readFileSync(printed.key, "utf8"),
                        ca: fs.readFileSync(path.join(state, "ca.pem"), "utf8"),
                },
                thumbprint: printed["SHA-1"],
        };
}

/* An address of this machine's own on which the port is free; rejects if the port is not ours to listen on. */
async function findAddress(port) {
        for (;;) {
                const random = () => 1 + Math.floor(Math.random() * 254);
                const address = `127.${random()}.${random()}.${random()}`;
                const server = net.createServer().listen(port, address);
                const error = await new Promise((resolve) => server.on("error", resolve).on("listening", resolve));

                if (error?.code === "EACCES")
                        throw error;
                server.close();
                if (!error)
                        return address;
        }
}

async function startHub(options) {
        hub = spawn(process.env.HUBSIM, ["run", "--state-dir", state, ...options],
                { stdio: ["ignore", "pipe", "pipe"] });
        readline.createInterface({ input: hub.stderr }).on("line", (line) => {
                errors.push(line);
                console.error(line);
        });
        for await (const line of readline.createInterface({ input: hub.stdout }))
                if (line.startsWith("aziot-hubsim: listening on "))
                        return;
        throw new Error("aziot-hubsim did not start");
}

async function stopHub() {
        const ended = new Promise((resolve) => hub.on("exit", resolve));

        hub.kill();
        assert.equal(await ended, 0, "aziot-hubsim ends cleanly");
        fs.rmSync(state, { recursive: true });
}

/* TAP by hand: a runner would wait for the timers that the SDK leaves behind when it has reconnected. */
async function runTests(...options) {
        let failed = 0;

        await startHub(options.length > 0 ? options : ["--listen", "127.0.0.1:0"]);
        test("the hub ends cleanly", stopHub);
        for (const [i, { name, run }] of tests.entries()) {
                const t = { clients: [] };

                try {
                        await run(t);
                        console.log(`ok ${i + 1} - ${name}`);
                } catch (error) {
                        failed++;
                        console.log(`not ok ${i + 1} - ${name}`);
                        console.log(error.stack.replace(/^/gm, "# "));
                }
                await Promise.all(t.clients.map((client) => client.close()));
        }
        console.log(`1..${tests.length}`);
        process.exit(failed > 0 ? 1 : 0);
}

module.exports = { control, errors, eventually, findAddress, hubsim, log, makeCertificate, runTests, sleep, state, test };
