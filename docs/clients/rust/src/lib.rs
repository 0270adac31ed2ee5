// SPDX-License-Identifier: MIT

//! A client of aziotd in one file, to be copied: nothing but the standard library and serde_json.
//!
//! ```no_run
//! let mut client = aziot::Client::default();
//! let message = serde_json::json!({"body": {"temperature": 21.5}});
//! let reply = client.call("io.aziotd.telemetry.Send", serde_json::json!({"message": message})).unwrap();
//! println!("{}", reply["sequence"]);
//! ```
//!
//! A call fails with `Error::Refused` if the daemon replies by an error, and with `Error::Io` if there is no daemon or
//! the connection breaks before the reply; the next call connects again. Calls of one client travel on one connection,
//! one after the other: a program that waits in Take or `watch()` has another client for everything else.

use serde_json::{json, Value};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::{env, fmt};

#[derive(Debug)]
pub enum Error {
    Io(io::Error),
    /// An error that the daemon replied by: its full name, and its fields.
    Refused {
        name: String,
        parameters: Value,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "{error}"),
            Error::Refused { name, parameters } => write!(f, "{name} {parameters}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// A connection to the daemon, made when it is needed.
#[derive(Default)]
pub struct Client {
    stream: Option<BufReader<UnixStream>>,
}

impl Client {
    /// Calls a method and returns the fields of its reply.
    pub fn call(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.send(&json!({"method": method, "parameters": parameters}))?;
        Ok(self.receive()?.0)
    }

    /// Calls a method that replies again and again ("more"), and `next` with the fields of each reply, until it fails.
    pub fn watch<F>(&mut self, method: &str, parameters: Value, mut next: F) -> Result<()>
    where
        F: FnMut(Value) -> Result<()>,
    {
        self.send(&json!({"method": method, "parameters": parameters, "more": true}))?;
        loop {
            let (reply, continues) = self.receive()?;
            next(reply)?;
            if !continues {
                return Ok(());
            }
        }
    }

    /// Closes the connection: what was taken on it and not settled is not this program's any more.
    pub fn close(&mut self) {
        self.stream = None;
    }

    fn send(&mut self, call: &Value) -> Result<()> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(UnixStream::connect(socket_path())?),
        };
        stream.get_mut().write_all(format!("{call}\0").as_bytes())?;
        self.stream = Some(stream); // not if that has failed: the next call connects again
        Ok(())
    }

    fn receive(&mut self) -> Result<(Value, bool)> {
        let mut stream = self.stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let mut message = Vec::new();
        stream.read_until(0, &mut message)?;
        if message.pop() != Some(0) {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "aziotd has closed the connection").into());
        }
        self.stream = Some(stream);

        let mut reply: Value = serde_json::from_slice(&message).map_err(io::Error::from)?;
        let parameters = reply["parameters"].take();
        match reply["error"].as_str() {
            Some(name) => Err(Error::Refused { name: name.into(), parameters }),
            None => Ok((parameters, reply["continues"] == true)),
        }
    }
}

fn socket_path() -> String {
    env::var("AZIOT_SOCKET").unwrap_or_else(|_| "/run/aziotd/socket".into())
}
