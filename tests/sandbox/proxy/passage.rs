//! One connection on its way through the proxy.
//!
//! The connection to the server is made when the first bytes pass, so one that is answered here, or
//! swallowed, never reaches the server. Everything is decided where bytes come in, in one task, so a
//! cut that was ordered before the bytes were sent is in force when they arrive.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::framing::Framing;
use super::{Controls, Cut, Reply, Weather};

pub(super) struct Passage {
    client: TcpStream,
    server: Option<TcpStream>,
    framing: Framing,
    course: Course,
    /// The number of the last cut before this connection was made.
    born: u64,
    controls: Arc<Controls>,
}

/// What becomes of the request that is under way.
#[derive(Debug, Clone, Copy)]
enum Course {
    Pass,
    Swallow,
    Answer(Reply),
}

enum Arrival {
    FromClient(usize),
    FromServer(usize),
}

/// How a connection ends when nobody has closed it.
enum End {
    Closed,
    Reset,
}

impl Passage {
    pub(super) fn new(client: TcpStream, controls: Arc<Controls>) -> Self {
        controls.count(|traffic| {
            traffic.connections += 1;
            traffic.open += 1;
        });
        let born = controls.cut.borrow().0;
        Self { client, server: None, framing: Framing::new(), course: Course::Pass, born, controls }
    }

    pub(super) async fn run(mut self) {
        let (born, mut cuts) = (self.born, self.controls.cut.subscribe());
        let ordered = cuts.wait_for(|(number, cut)| *number > born && *cut == Cut::Reset);
        let end = tokio::select! {
            biased;
            _ = ordered => End::Reset,
            // An error is a peer that is gone, which the other one learns by the end of this.
            end = self.carry() => end.unwrap_or(End::Closed),
        };
        if matches!(end, End::Reset) && self.client.set_zero_linger().is_ok() {
            self.controls.count(|traffic| traffic.resets += 1);
        }
    }

    async fn carry(&mut self) -> io::Result<End> {
        self.client.set_nodelay(true)?;
        let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
        loop {
            let arrival = tokio::select! {
                read = self.client.read(&mut up) => Arrival::FromClient(read?),
                read = read(&mut self.server, &mut down) => Arrival::FromServer(read?),
            };
            match arrival {
                Arrival::FromClient(0) | Arrival::FromServer(0) => return Ok(End::Closed),
                Arrival::FromClient(length) => {
                    if let Some(end) = self.take_request(&up[..length]).await? {
                        return Ok(end);
                    }
                }
                Arrival::FromServer(length) => self.take_answer(&down[..length]).await?,
            }
        }
    }

    async fn take_request(&mut self, bytes: &[u8]) -> io::Result<Option<End>> {
        self.controls.count(|traffic| traffic.bytes_up += bytes.len() as u64);
        match self.fate() {
            Some(Cut::Reset | Cut::ResetOnUse) => return Ok(Some(End::Reset)),
            Some(Cut::Silence) => return Ok(None),
            None => {}
        }
        if self.framing.is_between_requests() && !matches!(self.course, Course::Swallow) {
            self.course = course(self.controls.weather.borrow().1);
        }
        let completed = self.framing.take(bytes);
        self.controls.count(|traffic| traffic.requests += completed);
        match self.course {
            Course::Pass => self.pass(bytes).await?,
            Course::Swallow => {}
            Course::Answer(reply) => {
                for _ in 0..completed {
                    self.controls.count(|traffic| traffic.answered += 1);
                    self.send(written(reply).as_bytes()).await?;
                }
            }
        }
        Ok(None)
    }

    async fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.server.is_none() {
            let server = TcpStream::connect(self.controls.upstream).await?;
            server.set_nodelay(true)?;
            self.server = Some(server);
        }
        match &mut self.server {
            Some(server) => server.write_all(bytes).await,
            None => Ok(()),
        }
    }

    async fn take_answer(&mut self, bytes: &[u8]) -> io::Result<()> {
        let weather = self.controls.weather.borrow().1;
        if weather == Weather::BlackHole {
            self.course = Course::Swallow;
        }
        if matches!(self.course, Course::Swallow) || self.fate().is_some() {
            return Ok(());
        }
        if let Weather::Slow(delay) = weather {
            sleep(delay).await;
        }
        self.send(bytes).await
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.controls.count(|traffic| traffic.bytes_down += bytes.len() as u64);
        self.client.write_all(bytes).await
    }

    fn fate(&self) -> Option<Cut> {
        let (number, cut) = *self.controls.cut.borrow();
        (number > self.born).then_some(cut)
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.controls.count(|traffic| traffic.open -= 1);
    }
}

async fn read(server: &mut Option<TcpStream>, into: &mut [u8]) -> io::Result<usize> {
    match server {
        Some(server) => server.read(into).await,
        None => std::future::pending().await,
    }
}

fn course(weather: Weather) -> Course {
    match weather {
        Weather::BlackHole => Course::Swallow,
        Weather::Answering(reply) => Course::Answer(reply),
        Weather::Clear | Weather::Refusing | Weather::Unreachable | Weather::Slow(_) => {
            Course::Pass
        }
    }
}

fn written(reply: Reply) -> String {
    let Reply { status, retry_after } = reply;
    let retry_after = retry_after.map_or(String::new(), |it| format!("retry-after: {it}\r\n"));
    let body = r#"{"message":"answered by the proxy"}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Answered Here\r\ncontent-type: application/json\r\n\
         {retry_after}content-length: {length}\r\n\r\n{body}"
    )
}
