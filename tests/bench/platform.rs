//! The least of a platform: enough to see how soon an extension, or a runtime, asks for its first event.
//!
//! Blocking and on std alone, because what it adds is added to both sides of the ratio.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};

/// What is started, and with which settings of its own.
#[derive(Debug, Clone)]
pub(crate) struct Started<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) settings: &'a [(&'a str, &'a str)],
}

/// What is asked of an extension's platform, and of a runtime's.
const NEXT: [&str; 2] =
    ["GET /2020-01-01/extension/event/next ", "GET /2018-06-01/runtime/invocation/next "];

/// The median time from exec to the first request for an event, for each; they take turns.
pub(crate) fn first_next(subjects: &[Started<'_>], starts: usize) -> anyhow::Result<Vec<Duration>> {
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..starts {
        for (subject, times) in subjects.iter().zip(&mut times) {
            times.push(start(subject)?);
        }
    }
    Ok(times.into_iter().map(median).collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::disallowed_types, reason = "a benchmark measures the real clock")]
fn start(subject: &Started<'_>) -> anyhow::Result<Duration> {
    let Started { binary, settings } = subject;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (asked, ask) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            thread::spawn(move || drop(serve(stream, &asked)));
        }
    });
    let began = std::time::Instant::now();
    let mut child = Command::new(binary)
        .arg0("overtime")
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "measured")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_REGION", "eu-west-1")
        .env("OVERTIME_URL", "http://127.0.0.1:9")
        .env("OVERTIME_AUTH", "none")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "emulated-secret")
        .envs(settings.iter().copied())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {}", binary.display()))?;
    let asked = ask.recv_timeout(Duration::from_secs(10));
    let took = began.elapsed();
    child.kill()?;
    child.wait()?;
    match asked {
        Ok(()) => Ok(took),
        Err(_) => bail!("{} did not ask for its first event within 10 s", binary.display()),
    }
}

/// Answers requests on one connection until an event is asked for, which is never answered.
fn serve(mut stream: TcpStream, asked: &mpsc::Sender<()>) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    stream.set_nodelay(true)?;
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..count]);
        let Some(length) = complete(&received) else { continue };
        let head = String::from_utf8_lossy(&received[..length]).into_owned();
        received.drain(..length);
        if NEXT.iter().any(|it| head.starts_with(it)) {
            // Whoever counts may be gone; then nobody is waiting.
            let _ = asked.send(());
            continue;
        }
        stream.write_all(answer(&head).as_bytes())?;
    }
}

/// How long the first request is, once all of it is there.
fn complete(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let body: usize = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
    (received.len() >= end + body).then_some(end + body)
}

fn answer(head: &str) -> String {
    let (headers, body) = if head.starts_with("POST /2020-01-01/extension/register ") {
        let body = r#"{"functionName":"measured","functionVersion":"$LATEST","handler":"h","accountId":"111122223333"}"#;
        ("Lambda-Extension-Identifier: 7a1d3f5c-0000-4000-8000-000000000001\r\n", body)
    } else {
        ("", "\"OK\"")
    };
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}
