// SPDX-License-Identifier: MIT

//! Appends each message from the cloud to a file, as a line of JSON: take FILE

use aziot::{Client, Error};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;
use std::{env, thread};

fn keep(path: &str, message: &Value) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    file.write_all(format!("{message}\n").as_bytes())?;
    file.sync_all()
}

/// Waits for a message, deals with it, and only then tells the daemon to forget it.
fn take(client: &mut Client, path: &str) -> aziot::Result<()> {
    let reply = client.call("io.aziotd.messages.Take", json!({}))?;
    let message = &reply["message"];
    if message.is_null() {
        return Ok(()); // none came within 30 s
    }
    keep(path, message)?;
    client.call("io.aziotd.messages.Settle", json!({"id": message["id"]}))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = env::args().nth(1).ok_or("usage: take FILE")?;
    let mut client = Client::default();
    loop {
        match take(&mut client, &path) {
            Err(Error::Io(error)) => {
                // The daemon is being restarted, or the file cannot be written.
                eprintln!("take: {error}, trying again");
                client.close(); // gives the message back: it comes again, with "redelivered" set
                thread::sleep(Duration::from_secs(1));
            }
            other => other?,
        }
    }
}
