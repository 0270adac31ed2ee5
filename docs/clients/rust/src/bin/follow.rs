// SPDX-License-Identifier: MIT

//! Follows the desired property "rate" of the twin, and reports what holds: follow

use aziot::{Client, Error};
use serde_json::{json, Value};
use std::thread;
use std::time::Duration;

/// Here the rate would be taken up; null: the cloud wants none.
fn set_rate(rate: &Value) {
    println!("rate {rate}");
}

fn report(client: &mut Client, patch: Value) -> aziot::Result<()> {
    match client.call("io.aziotd.twin.Report", json!({ "patch": patch })) {
        Err(Error::Io(error)) => return Err(error.into()),
        Err(refusal) => eprintln!("follow: {refusal}"), // say, a value that no twin may have: the next may be better
        Ok(_) => (),
    }
    Ok(())
}

fn main() -> aziot::Result<()> {
    // Nothing behind a call that watches is read, so reports have a connection of their own.
    let mut watcher = Client::default();
    let mut reporter = Client::default();
    loop {
        // The first reply has all that is desired, also what the cloud has changed while this program was not running.
        let ended = watcher.watch("io.aziotd.twin.Watch", json!({}), |update| {
            let rate = update["desired"].get("rate");
            if rate.is_none() && update["complete"] != true {
                return Ok(()); // something else has changed
            }
            let rate = rate.unwrap_or(&Value::Null);
            set_rate(rate);
            report(&mut reporter, json!({ "rate": rate }))
        });
        match ended {
            Err(Error::Io(error)) => eprintln!("follow: {error}, trying again"), // the daemon is being restarted
            other => other?,
        }
        watcher.close();
        thread::sleep(Duration::from_secs(1));
    }
}
