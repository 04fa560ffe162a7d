//! An extension that writes down what it sees, so that tests of the emulator can read it.
//!
//! Every event and every telemetry post becomes one line of JSON in `NAME.jsonl` in its temporary
//! directory, with the time at which it came. Its environment tells it how to misbehave:
//! `PROBE_EVENTS`, `PROBE_TYPES`, `PROBE_BUFFERING`; `PROBE_REFUSES` (this many posts are answered
//! with 500); `PROBE_HOLDS_MS` (before it asks for the next event); `PROBE_DEAF` (it never asks
//! again after an invocation) and `PROBE_DEAF_ONCE` (only in its first life); `PROBE_CRASHES` (it exits on an invocation); `PROBE_LINGERS_MS`
//! (before it leaves); `PROBE_TRIES` (calls that must be refused, and a late subscription).

mod diary;
mod listener;

use std::process::exit;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs, io, path};

use sandbox::http::{Call, Client, Message};
use serde_json::{Value, json};

use self::diary::Diary;

const EXTENSION: &str = "/2020-01-01/extension";

fn main() -> io::Result<()> {
    let file = env::args().next().unwrap_or_default();
    let name = path::Path::new(&file).file_name().unwrap_or_default().to_string_lossy();
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let diary = Arc::new(Diary::open(&name)?);
    let port = listener::start(Arc::clone(&diary), number("PROBE_REFUSES").unwrap_or(0))?;
    let mut probe = Probe { client: Client::to(&api), diary, id: String::new() };
    let tries = env::var_os("PROBE_TRIES").is_some();
    if tries {
        probe.try_before_registering()?;
    }
    probe.register(&name)?;
    if tries {
        probe.try_before_subscribing(&name, port)?;
    }
    probe.subscribe(port)?;
    probe.live(port)
}

struct Probe {
    client: Client,
    diary: Arc<Diary>,
    id: String,
}

impl Probe {
    fn register(&mut self, name: &str) -> io::Result<()> {
        let events = setting("PROBE_EVENTS").unwrap_or_else(|| "INVOKE,SHUTDOWN".to_owned());
        let events: Vec<&str> = events.split(',').filter(|event| !event.is_empty()).collect();
        let answer = self.ask_to_register(name, &json!({ "events": events }))?;
        answer.header("lambda-extension-identifier").clone_into(&mut self.id);
        let body: Value = serde_json::from_slice(&answer.body)?;
        self.diary.write("registered", &body)
    }

    fn ask_to_register(&mut self, name: &str, body: &Value) -> io::Result<Message> {
        let headers =
            [("lambda-extension-name", name), ("lambda-extension-accept-feature", "accountId")];
        let path = format!("{EXTENSION}/register");
        let body = body.to_string();
        self.client.call(Call { headers: &headers, ..Call::post(&path, body.as_bytes()) })
    }

    fn subscribe(&mut self, port: u16) -> io::Result<()> {
        let buffering = setting("PROBE_BUFFERING").and_then(|it| serde_json::from_str(&it).ok());
        let buffering = buffering.unwrap_or(json!({ "timeoutMs": 25 }));
        let answer = self.ask_to_subscribe(port, &buffering)?;
        self.diary.write("subscribed", &json!(answer.status()))
    }

    fn ask_to_subscribe(&mut self, port: u16, buffering: &Value) -> io::Result<Message> {
        let types = setting("PROBE_TYPES").unwrap_or_else(|| "platform".to_owned());
        let types: Vec<&str> = types.split(',').collect();
        let uri = format!("http://sandbox.localdomain:{port}");
        let body = json!({
            "schemaVersion": "2022-12-13",
            "types": types,
            "buffering": buffering,
            "destination": { "protocol": "HTTP", "URI": uri },
        });
        let headers = [("lambda-extension-identifier", self.id.as_str())];
        let body = body.to_string();
        let call = Call {
            method: "PUT",
            path: "/2022-07-01/telemetry",
            headers: &headers,
            body: body.as_bytes(),
        };
        self.client.call(call)
    }

    fn next(&mut self) -> io::Result<Message> {
        let headers = [("lambda-extension-identifier", self.id.as_str())];
        let path = format!("{EXTENSION}/event/next");
        self.client.call(Call { headers: &headers, ..Call::get(&path) })
    }

    fn live(&mut self, port: u16) -> io::Result<()> {
        loop {
            let event: Value = serde_json::from_slice(&self.next()?.body)?;
            self.diary.write("event", &event)?;
            if event["eventType"] == "SHUTDOWN" {
                sleep(Duration::from_millis(number("PROBE_LINGERS_MS").unwrap_or(0)));
                return Ok(());
            }
            if env::var_os("PROBE_CRASHES").is_some() {
                exit(3);
            }
            if env::var_os("PROBE_TRIES").is_some() {
                let answer = self.ask_to_subscribe(port, &Value::Null)?;
                self.tried("subscribe late", &answer)?;
            }
            if env::var_os("PROBE_DEAF").is_some() || is_deaf_now()? {
                loop {
                    sleep(Duration::from_hours(1));
                }
            }
            sleep(Duration::from_millis(number("PROBE_HOLDS_MS").unwrap_or(0)));
        }
    }

    fn try_before_registering(&mut self) -> io::Result<()> {
        let answer = self.next()?;
        self.tried("next without an identifier", &answer)?;
        "00000000-0000-4000-8000-000000000000".clone_into(&mut self.id);
        let answer = self.next()?;
        self.tried("next with a foreign identifier", &answer)?;
        let answer = self.ask_to_register("somebody-else", &json!({ "events": [] }))?;
        self.tried("register under another name", &answer)?;
        let answer = self.ask_to_register("probe", &json!({ "events": ["LUNCH"] }))?;
        self.tried("register for an unknown event", &answer)
    }

    fn try_before_subscribing(&mut self, name: &str, port: u16) -> io::Result<()> {
        let answer = self.ask_to_register(name, &json!({ "events": [] }))?;
        self.tried("register twice", &answer)?;
        let answer = self.ask_to_subscribe(9_001, &Value::Null)?;
        self.tried("subscribe with the reserved port", &answer)?;
        let answer = self.ask_to_subscribe(port, &json!({ "timeoutMs": 24 }))?;
        self.tried("subscribe with too short a buffer", &answer)
    }

    fn tried(&self, what: &str, answer: &Message) -> io::Result<()> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let seen =
            format!("{what}: {} {}", answer.status(), body["errorType"].as_str().unwrap_or(""));
        self.diary.write("tried", &json!(seen))
    }
}

/// Lives are told apart by a file in `/tmp`, which survives the reset of an environment.
fn is_deaf_now() -> io::Result<bool> {
    let mark = env::temp_dir().join("probe-was-deaf");
    let is_first = env::var_os("PROBE_DEAF_ONCE").is_some() && !mark.exists();
    if is_first {
        fs::write(mark, "")?;
    }
    Ok(is_first)
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    setting(name)?.parse().ok()
}
