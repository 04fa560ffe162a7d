//! A Lambda function that does whatever its payload tells it to do.
//!
//! The payload is a JSON object; its keys are obeyed in this order: `log` (a line), `lines` (so
//! many), `allocate_mb`, `burn_ms` (processor time), `work` (so much, however long it takes),
//! `sleep_ms`, and then at most one ending: `oom` (`true`: killed for its memory, `"hang"`: starved
//! by it), `hang`, `exit` (a code), `throw`. The environment says how it starts: `FUNCTION_INIT_MS`
//! and `FUNCTION_INIT_FAILS` (`exit` or `error`), both limited to `FUNCTION_BAD_INITS` starts where
//! that is set, after `FUNCTION_GOOD_INITS` good ones, and `FUNCTION_IGNORES_SIGTERM`. Without the
//! latter it dies of SIGTERM, as runtimes without a handler do. On a managed instance it works on as many requests at once
//! as `AWS_LAMBDA_MAX_CONCURRENCY` says, in threads.
//!
//! The protocol is the developer guide's Runtime API; `tests/python/handler.py` does the same on
//! AWS's own client.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::thread::{sleep, spawn};
use std::time::Duration;
use std::{env, fs, hint};

use nix::sys::signal::{Signal, raise};
use sandbox::clock;
use sandbox::http::{Call, Client, Message};
use serde_json::{Value, json};

const RUNTIME: &str = "/2018-06-01/runtime";

fn main() -> io::Result<()> {
    ignore_sigterm_if_asked()?;
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let mut client = Client::to(&api);
    start(&mut client)?;
    // A managed instance says how many requests it wants to give out at once.
    let workers = setting("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|it| it.parse().ok()).unwrap_or(1);
    for _ in 1..workers {
        let api = api.clone();
        spawn(move || {
            let failed = work(&mut Client::to(&api));
            exit(i32::from(failed.is_err()))
        });
    }
    work(&mut client)
}

fn work(client: &mut Client) -> io::Result<()> {
    loop {
        let invocation = client.call(Call::get(&format!("{RUNTIME}/invocation/next")))?;
        if invocation.status() != 200 {
            return Err(io::Error::other(invocation.first_line));
        }
        answer(client, &invocation)?;
    }
}

/// Nothing safe in the standard library ignores a signal, but a shell does, and what is ignored
/// stays ignored across `exec`.
fn ignore_sigterm_if_asked() -> io::Result<()> {
    const DONE: &str = "FUNCTION_SIGTERM_IS_IGNORED";
    if env::var_os("FUNCTION_IGNORES_SIGTERM").is_none() || env::var_os(DONE).is_some() {
        return Ok(());
    }
    let this = env::current_exe()?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' TERM; exec \"$0\""]).arg(this).env(DONE, "1");
    Err(shell.exec())
}

fn start(client: &mut Client) -> io::Result<()> {
    if !this_start_is_bad()? {
        return Ok(());
    }
    if let Some(ms) = setting("FUNCTION_INIT_MS").and_then(|ms| ms.parse().ok()) {
        sleep(Duration::from_millis(ms));
    }
    match setting("FUNCTION_INIT_FAILS").as_deref() {
        None => Ok(()),
        Some("error") => {
            let headers = [("lambda-runtime-function-error-type", "Runtime.ImportModuleError")];
            let path = format!("{RUNTIME}/init/error");
            client.call(Call { headers: &headers, ..Call::post(&path, b"{}") })?;
            exit(1)
        }
        Some(_) => exit(1),
    }
}

/// Starts are counted in `/tmp`, which survives the reset of an environment.
fn this_start_is_bad() -> io::Result<bool> {
    let Some(bad) = setting("FUNCTION_BAD_INITS").and_then(|bad| bad.parse::<u32>().ok()) else {
        return Ok(true);
    };
    let counter = env::temp_dir().join("function-starts");
    let starts = fs::read_to_string(&counter).ok().and_then(|it| it.parse().ok()).unwrap_or(0);
    fs::write(counter, (starts + 1).to_string())?;
    let good = setting("FUNCTION_GOOD_INITS").and_then(|it| it.parse().ok()).unwrap_or(0);
    Ok((good..good + bad).contains(&starts))
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok()
}

fn answer(client: &mut Client, invocation: &Message) -> io::Result<()> {
    let id = invocation.header("lambda-runtime-aws-request-id").to_owned();
    let payload: Value = serde_json::from_slice(&invocation.body).unwrap_or_default();
    let (path, body) = match obey(&payload)? {
        Ending::Returned => ("response", json!({ "ok": true })),
        Ending::Threw => ("error", json!({ "errorType": "Thrown", "errorMessage": "as told" })),
    };
    let path = format!("{RUNTIME}/invocation/{id}/{path}");
    let headers = [("lambda-runtime-function-error-type", "Function.Thrown")];
    let body = body.to_string();
    client.call(Call { headers: &headers, ..Call::post(&path, body.as_bytes()) })?;
    Ok(())
}

enum Ending {
    Returned,
    Threw,
}

fn obey(payload: &Value) -> io::Result<Ending> {
    if let Some(line) = payload["log"].as_str() {
        writeln!(io::stdout(), "{line}")?;
    }
    for number in 0..payload["lines"].as_u64().unwrap_or(0) {
        writeln!(io::stdout(), "line {number}")?;
    }
    let ballast = payload["allocate_mb"].as_u64().map(allocate);
    if let Some(ms) = payload["burn_ms"].as_u64() {
        burn(Duration::from_millis(ms));
    }
    for _ in 0..payload["work"].as_u64().unwrap_or(0) {
        hint::black_box((0..10_000_u64).sum::<u64>());
    }
    if let Some(ms) = payload["sleep_ms"].as_u64() {
        sleep(Duration::from_millis(ms));
    }
    let (killed, starved) = (payload["oom"] == true, payload["oom"] == "hang");
    if killed || starved {
        confess_exhaustion()?;
    }
    if killed {
        raise(Signal::SIGKILL)?;
    }
    if starved || payload["hang"] == true {
        hang();
    }
    if let Some(code) = payload["exit"].as_i64() {
        exit(i32::try_from(code).unwrap_or(1));
    }
    hint::black_box(ballast);
    Ok(if payload["throw"] == true { Ending::Threw } else { Ending::Returned })
}

/// The emulator has no control groups, so it must be told why this process is about to die.
fn confess_exhaustion() -> io::Result<()> {
    fs::write(env::temp_dir().join(".memory-exhausted"), "")
}

fn hang() -> ! {
    loop {
        sleep(Duration::from_hours(1));
    }
}

fn burn(how_long: Duration) {
    let begun = clock::now();
    while clock::between(begun, clock::now()) < how_long {
        hint::black_box((0..10_000_u64).sum::<u64>());
    }
}

/// Touches every page, because memory that was only promised is not used.
fn allocate(megabytes: u64) -> Vec<u8> {
    let bytes = usize::try_from(megabytes << 20).unwrap_or_default();
    vec![1; bytes]
}
