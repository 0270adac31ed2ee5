// SPDX-License-Identifier: MIT
//! The Azure IoT Operations SDK for Rust as the other end of ours: settings from AIO_* in the environment, its
//! work on the command line, what it saw on standard output as one JSON object a line.
//!
//!     aio-stranger serve TOPIC                       counts requests and answers with the count
//!     aio-stranger invoke TOPIC COUNT IN_FLIGHT      invokes, so many at once
//!     aio-stranger send TOPIC COUNT IN_FLIGHT        sends telemetry, so many at once
//!     aio-stranger receive TOPIC COUNT               receives so much telemetry
//!
//! With VERBOSE in the environment each message has a line; otherwise there is one at the end, of the whole.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use azure_iot_operations_mqtt::aio::connection_settings::MqttConnectionSettingsBuilder;
use azure_iot_operations_mqtt::session::{Session, SessionManagedClient, SessionOptionsBuilder};
use azure_iot_operations_protocol::application::{ApplicationContext, ApplicationContextBuilder};
use azure_iot_operations_protocol::common::payload_serialize::{BypassPayload, FormatIndicator};
use azure_iot_operations_protocol::{rpc_command, telemetry};

type Failure = Box<dyn std::error::Error>;

const TIMEOUT: Duration = Duration::from_secs(30);

fn json(text: String) -> BypassPayload {
    BypassPayload {
        content_type: "application/json".to_string(),
        format_indicator: FormatIndicator::Utf8EncodedCharacterData,
        payload: text.into_bytes(),
    }
}

/// As a JSON string.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

fn describe(payload: &BypassPayload, user: &[(String, String)], from: Option<&String>) -> String {
    let pairs: Vec<String> = user.iter().map(|(k, v)| format!("[{},{}]", quote(k), quote(v))).collect();
    format!(
        "\"payload\":{},\"contentType\":{},\"from\":{},\"user\":[{}]",
        quote(&String::from_utf8_lossy(&payload.payload)),
        quote(&payload.content_type),
        from.map_or("null".to_string(), |f| quote(f)),
        pairs.join(",")
    )
}

/// What a run of invocations or sends came to.
struct Tally {
    begin: Instant,
    micros: Vec<u128>,
    n_failed: usize,
}

impl Tally {
    fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Tally { begin: Instant::now(), micros: Vec::new(), n_failed: 0 }))
    }

    fn print(&mut self) {
        let seconds = self.begin.elapsed().as_secs_f64();
        self.micros.sort_unstable();
        let at = |share: usize| self.micros.get(self.micros.len().saturating_sub(1) * share / 100).unwrap_or(&0);
        println!(
            "{{\"n\":{},\"failed\":{},\"seconds\":{seconds:.6},\"p50_us\":{},\"p99_us\":{}}}",
            self.micros.len(),
            self.n_failed,
            at(50),
            at(99)
        );
    }
}

struct Work {
    context: ApplicationContext,
    client: SessionManagedClient,
    topic: String,
    count: usize,
    in_flight: usize,
    verbose: bool,
}

impl Work {
    async fn serve(self) -> Result<(), Failure> {
        let options = rpc_command::executor::OptionsBuilder::default()
            .request_topic_pattern(self.topic.as_str())
            .command_name("increment")
            .build()?;
        let mut executor: rpc_command::Executor<BypassPayload, BypassPayload> =
            rpc_command::Executor::new(self.context, self.client, options)?;
        let mut counter = 0;

        while let Some(received) = executor.recv().await {
            let request = received?;
            counter += 1;
            if self.verbose {
                let seen = describe(&request.payload, &request.custom_user_data, request.invoker_id.as_ref());
                println!("{{{seen}}}");
            }
            let response = rpc_command::executor::ResponseBuilder::default()
                .payload(json(format!("{{\"CounterResponse\":{counter}}}")))?
                .custom_user_data(request.custom_user_data.clone())
                .build()?;
            tokio::task::spawn_local(async move {
                if let Err(e) = request.complete(response).await {
                    eprintln!("complete: {e}");
                }
            });
        }
        Ok(())
    }

    async fn invoke(self) -> Result<(), Failure> {
        let options = rpc_command::invoker::OptionsBuilder::default()
            .request_topic_pattern(self.topic.as_str())
            .command_name("increment")
            .build()?;
        let invoker: Rc<rpc_command::Invoker<BypassPayload, BypassPayload>> =
            Rc::new(rpc_command::Invoker::new(self.context, self.client, options)?);
        let next = Rc::new(RefCell::new(0));
        let tally = Tally::new();
        let mut workers = tokio::task::JoinSet::new();

        for _ in 0..self.in_flight {
            let (invoker, next, tally) = (invoker.clone(), next.clone(), tally.clone());
            let (count, verbose) = (self.count, self.verbose);
            workers.spawn_local(async move {
                while *next.borrow() < count {
                    *next.borrow_mut() += 1;
                    let request = rpc_command::invoker::RequestBuilder::default()
                        .payload(json("{\"IncrementValue\":1}".to_string()))
                        .unwrap()
                        .custom_user_data(vec![("stranger".to_string(), "rust".to_string())])
                        .timeout(TIMEOUT)
                        .build()
                        .unwrap();
                    let begin = Instant::now();
                    match invoker.invoke(request).await {
                        Ok(r) => {
                            tally.borrow_mut().micros.push(begin.elapsed().as_micros());
                            if verbose {
                                println!("{{{}}}", describe(&r.payload, &r.custom_user_data, r.executor_id.as_ref()));
                            }
                        }
                        Err(e) => {
                            tally.borrow_mut().n_failed += 1;
                            println!("{{\"error\":{}}}", quote(&format!("{e}")));
                        }
                    }
                }
            });
        }
        while workers.join_next().await.is_some() {}
        tally.borrow_mut().print();
        Ok(())
    }

    async fn send(self) -> Result<(), Failure> {
        let options = telemetry::sender::OptionsBuilder::default().topic_pattern(self.topic.as_str()).build()?;
        let sender: Rc<telemetry::Sender<BypassPayload>> =
            Rc::new(telemetry::Sender::new(self.context, self.client, options)?);
        let next = Rc::new(RefCell::new(0));
        let tally = Tally::new();
        let mut workers = tokio::task::JoinSet::new();

        for _ in 0..self.in_flight {
            let (sender, next, tally) = (sender.clone(), next.clone(), tally.clone());
            let count = self.count;
            workers.spawn_local(async move {
                while *next.borrow() < count {
                    let n = *next.borrow();
                    *next.borrow_mut() += 1;
                    let event =
                        telemetry::sender::CloudEventBuilder::default().source("aio://stranger/rust").build().unwrap();
                    let message = telemetry::sender::MessageBuilder::default()
                        .payload(json(format!("{{\"n\":{n}}}")))
                        .unwrap()
                        .custom_user_data(vec![("stranger".to_string(), "rust".to_string())])
                        .message_expiry(TIMEOUT)
                        .cloud_event(event)
                        .build()
                        .unwrap();
                    let begin = Instant::now();
                    match sender.send(message).await {
                        Ok(()) => tally.borrow_mut().micros.push(begin.elapsed().as_micros()),
                        Err(e) => {
                            tally.borrow_mut().n_failed += 1;
                            println!("{{\"error\":{}}}", quote(&format!("{e}")));
                        }
                    }
                }
            });
        }
        while workers.join_next().await.is_some() {}
        tally.borrow_mut().print();
        Ok(())
    }

    async fn receive(self) -> Result<(), Failure> {
        let options = telemetry::receiver::OptionsBuilder::default()
            .topic_pattern(self.topic.as_str())
            .auto_ack(true)
            .build()?;
        let mut receiver: telemetry::Receiver<BypassPayload> =
            telemetry::Receiver::new(self.context, self.client, options)?;
        let tally = Tally::new();

        for n in 0..self.count {
            let Some(received) = receiver.recv().await else { break };
            let (message, _) = received?;
            if n == 0 {
                tally.borrow_mut().begin = Instant::now();
            }
            tally.borrow_mut().micros.push(0);
            if self.verbose {
                let event = match telemetry::receiver::cloud_event_from_telemetry(&message) {
                    Ok(e) => quote(&format!("{} {} {}", e.source, e.event_type, e.spec_version)),
                    Err(_) => "null".to_string(),
                };
                let seen = describe(&message.payload, &message.custom_user_data, message.sender_id.as_ref());
                println!("{{\"topic\":{},{seen},\"cloudEvent\":{event}}}", quote(&message.topic));
            }
        }
        tally.borrow_mut().print();
        Ok(())
    }
}

async fn run(role: &str, work: Work, session: Session) -> Result<(), Failure> {
    let done = async {
        match role {
            "serve" => work.serve().await,
            "invoke" => work.invoke().await,
            "send" => work.send().await,
            "receive" => work.receive().await,
            _ => Err("unknown role".into()),
        }
    };
    tokio::select! {
        r = done => r,
        r = session.run() => r.map_err(Into::into),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    env_logger::init();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, role, topic, numbers @ ..] = &arguments[..] else {
        return Err("usage: aio-stranger serve|invoke|send|receive TOPIC [COUNT [IN_FLIGHT]]".into());
    };
    let number = |i: usize| numbers.get(i).map_or(Ok(1), |n| n.parse::<usize>());
    let settings = MqttConnectionSettingsBuilder::from_environment()?.build()?;
    let session = Session::new(SessionOptionsBuilder::default().connection_settings(settings).build()?)?;
    let work = Work {
        context: ApplicationContextBuilder::default().build()?,
        client: session.create_managed_client(),
        topic: topic.clone(),
        count: number(0)?,
        in_flight: number(1)?,
        verbose: std::env::var_os("VERBOSE").is_some(),
    };
    tokio::task::LocalSet::new().run_until(run(role, work, session)).await
}
