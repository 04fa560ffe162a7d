//! The door the platform posts telemetry to: it answers 200 to anything.
//!
//! Whatever else it answered, the platform would post the same body again. So no method, path or garbage is refused, which
//! is why this is not a web framework: those answer 400 to what they cannot parse. A body is kept up to [`BODY_MAX`];
//! the platform posts at most about twice the buffer we asked for. A longer one is drained and counted.
//!
//! **Invariant.** All bodies together hold at most `ROOM_MAX` bytes, and at most `CONNECTIONS_MAX` peers are served.

use std::{
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::yield_now,
};

use super::{Decoded, Hearing, tap::Destination};
use crate::{
    hosts::{self, Doorstep},
    message::Body,
};

use request::{Claim, Requests};

mod request;

/// Longest body that is read.
pub const BODY_MAX: usize = 4 * 1024 * 1024;
const ROOM_MAX: usize = 2 * BODY_MAX;
const CONNECTIONS_MAX: usize = 32;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Bound, and found by the platform under [`Self::destination`].
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    pub destination: Destination,
}

/// What is handed on of a body.
#[derive(Debug)]
pub enum Heard<'a> {
    /// What the platform says, first.
    Decoded(Decoded),
    /// Then the body itself, for whoever reads the logs in it.
    Body(&'a [u8]),
}

impl Listener {
    /// On the sandbox's own address and a port that is free.
    pub async fn bind() -> io::Result<Self> {
        let Doorstep { address, host } = hosts::doorstep();
        let socket = TcpListener::bind(SocketAddr::new(address, 0)).await?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, destination: Destination(format!("http://{host}:{port}")) })
    }

    /// Serves until the process ends, handing on what each body held.
    pub async fn serve(
        self,
        hearing: Hearing,
        deliver: impl Fn(Heard<'_>) + Clone + Send + 'static,
    ) {
        let room = Arc::new(Room { free: AtomicUsize::new(ROOM_MAX), hearing });
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Ok((stream, _)) = self.socket.accept().await else {
                // Out of descriptors, most likely: the function may free some.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let (deliver, room) = (deliver.clone(), Arc::clone(&room));
            tokio::spawn(async move {
                // A peer that goes away has nothing more to say.
                let _ = converse(stream, &room, deliver).await;
                drop(place);
            });
        }
    }
}

/// How many bytes of bodies may still be held, and what of them is wanted.
#[derive(Debug)]
struct Room {
    free: AtomicUsize,
    hearing: Hearing,
}

impl Room {
    fn take(&self, bytes: usize) -> bool {
        self.free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(bytes))
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }
}

async fn converse(stream: TcpStream, room: &Room, deliver: impl Fn(Heard<'_>)) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = Requests::new(stream);
    while let Some(head) = requests.head().await? {
        if head.expects_continue {
            requests.stream().write_all(CONTINUE).await?;
        }
        let reserved = match head.body {
            Claim::Framed(Body::Length(length)) => length.min(BODY_MAX),
            Claim::Framed(Body::Chunked | Body::UntilEnd) => BODY_MAX,
            Claim::Framed(Body::None) | Claim::Garbage => 0,
        };
        let kept = if room.take(reserved) { reserved } else { 0 };
        let body = requests.body(&head, kept).await;
        let is_broken = body.is_err();
        deliver(Heard::Decoded(match &body {
            Ok(Some(body)) => decode(body, room.hearing),
            Ok(None) | Err(_) => Decoded { unreadable: 1, ..Decoded::default() },
        }));
        // What is said in it is on its way before anybody reads the logs.
        if let (true, Ok(Some(body))) = (room.hearing.is_shared, &body) {
            yield_now().await;
            deliver(Heard::Body(body));
        }
        drop(body);
        room.give_back(kept);
        // The answer comes last: once the platform knows that we have heard, it may kill us, as after an init that overran, and
        // what was heard must be in the journal by then. Where we stand aside, the one thread there is turns to that.
        yield_now().await;
        requests.stream().write_all(OK).await?;
        if head.is_last || is_broken {
            break;
        }
    }
    Ok(())
}

/// A panic in decoding costs the body it happened in.
fn decode(body: &[u8], hearing: Hearing) -> Decoded {
    let decoded = catch_unwind(AssertUnwindSafe(|| super::decode(body, hearing)));
    decoded.unwrap_or(Decoded { unreadable: 1, ..Decoded::default() })
}

#[cfg(test)]
mod tests;
