// SPDX-License-Identifier: MIT

//! Serves the direct method "blink", whose payload says how often, as in {"times": 3}: serve

use aziot::{Client, Error};
use serde_json::{json, Value};
use std::thread;
use std::time::Duration;

/// Does what is asked, and returns the status and the payload of the answer.
fn blink(payload: &Value) -> (u16, Value) {
    match payload["times"].as_u64() {
        Some(times @ 1..=10) => {
            println!("blink {times}");
            (200, json!({ "blinked": times }))
        }
        _ => (400, json!({"error": "times: 1 to 10"})),
    }
}

/// Waits for a call and answers it. The daemon gives it to nobody else meanwhile.
fn serve(client: &mut Client) -> aziot::Result<()> {
    let reply = client.call("io.aziotd.methods.Take", json!({"names": ["blink"]}))?;
    let call = &reply["call"];
    if call.is_null() {
        return Ok(()); // none came within 30 s
    }
    let (status, payload) = blink(&call["payload"]);
    let answer = json!({"id": call["id"], "status": status, "payload": payload});
    match client.call("io.aziotd.methods.Settle", answer) {
        Err(Error::Io(error)) => return Err(error.into()),
        Err(refusal) => eprintln!("serve: {refusal}"), // CallGone: it came too late, and the next call may do better
        Ok(_) => (),
    }
    Ok(())
}

fn main() -> aziot::Result<()> {
    let mut client = Client::default();
    loop {
        match serve(&mut client) {
            Ok(()) => (),
            Err(Error::Io(error)) => {
                // The daemon is being restarted: the cloud was told 503.
                eprintln!("serve: {error}, trying again");
                thread::sleep(Duration::from_secs(1));
            }
            Err(refusal) => return Err(refusal), // NameClaimed: somebody else serves it; PermissionDenied
        }
    }
}
