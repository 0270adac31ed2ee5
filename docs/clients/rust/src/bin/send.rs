// SPDX-License-Identifier: MIT

//! Sends each number on standard input as a message of the sensor SENSOR: send SENSOR
//!
//!     while sleep 60; do cat /sys/class/thermal/thermal_zone0/temp; done | ./send processor
//!
//! Whether the device is online does not matter: what the daemon has accepted is on disk.

use aziot::{Client, Error};
use serde_json::{json, Number, Value};
use std::time::Duration;
use std::{env, fs, io, thread};

/// Sends a message, again and again until the daemon has accepted it, and returns its number.
fn send(client: &mut Client, mut message: Value) -> aziot::Result<Value> {
    // If the connection breaks before the reply, nobody knows whether the message was accepted. It is sent again by
    // the same name, so that whoever receives it can tell.
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    message["messageId"] = json!(id.trim());
    loop {
        match client.call("io.aziotd.telemetry.Send", json!({ "message": message })) {
            Ok(reply) => return Ok(reply["sequence"].clone()),
            Err(Error::Refused { name, parameters }) => match parameters["retryAfterMs"].as_u64() {
                // OutboxFull, RateExceeded: there is no room now
                Some(ms) => thread::sleep(Duration::from_millis(ms)),
                None => return Err(Error::Refused { name, parameters }),
            },
            Err(Error::Io(error)) => {
                // The daemon is being restarted, or is not there.
                eprintln!("send: {error}, trying again");
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sensor = env::args().nth(1).ok_or("usage: send SENSOR")?;
    let mut client = Client::default();
    for line in io::stdin().lines() {
        let value: Number = serde_json::from_str(&line?)?;
        let sequence = send(&mut client, json!({"body": {"value": value}, "properties": {"sensor": sensor}}))?;
        println!("{sequence} {value}");
    }
    Ok(())
}
