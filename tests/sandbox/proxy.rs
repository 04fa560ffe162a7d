//! The network between a sandbox and the aggregator, with its weather under the test's control.
//!
//! ```text
//! extension ── 127.0.0.1:PORT ──▶ Proxy ──▶ aggregator
//!                 weather: what becomes of connections and requests from now on
//!                 cut:     what becomes of the connections that are open
//! ```
//!
//! A frozen sandbox keeps its sockets while the network forgets them: NAT gateways drop idle
//! connections after 350 seconds and answer the next packet with RST (VPC guide, "NAT gateway
//! troubleshooting"); others answer nothing. So a [`Cut`] can be ordered for every thaw of an
//! environment, and is in force before the first process of it runs again. Requests can be counted
//! and answered only on plain HTTP; TLS passes by unread. Invariants: it listens on loopback only,
//! and its port and its connections end with the value.

mod doorstep;
mod framing;
mod passage;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::doorstep::Doorstep;
use self::passage::Passage;
use crate::Observer;

/// What becomes of everything that arrives from now on. A request that is under way when the
/// weather changes is still treated as when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// New connections are refused with RST.
    Refusing,
    /// New connections are never established: their SYN is dropped.
    Unreachable,
    /// Connections are accepted, bytes are swallowed, nothing is answered, on open connections
    /// too. What was swallowed stays lost, and its connection silent, when the weather clears.
    BlackHole,
    /// Every answer is late by this much.
    Slow(Duration),
    /// Requests are answered here, with this, and do not reach the server.
    Answering(Reply),
}

/// What is answered in place of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// Whole seconds, as most servers say it.
    pub retry_after: Option<u32>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, retry_after: None }
    }
}

/// What becomes of the connections that are open, and only of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// RST at once: the client learns of it by reading, or by looking.
    Reset,
    /// RST in answer to the next bytes: until then the connection looks well.
    ResetOnUse,
    /// Nothing is heard of it any more, in either direction.
    Silence,
}

/// What has gone through so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted, and how many of them are open.
    pub connections: u64,
    pub open: u64,
    /// Requests that came in whole, and how many of them were answered here.
    pub requests: u64,
    pub answered: u64,
    /// Connections that were reset here.
    pub resets: u64,
    /// Bytes read from clients, and bytes written to them.
    pub bytes_up: u64,
    pub bytes_down: u64,
}

#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    controls: Arc<Controls>,
    task: JoinHandle<()>,
}

/// What the proxy, its connections and the hooks in environments have in common.
#[derive(Debug)]
struct Controls {
    upstream: SocketAddr,
    /// Numbered, so that whoever changed it can wait until the door has followed.
    weather: watch::Sender<(u64, Weather)>,
    followed: watch::Sender<u64>,
    /// Numbered, because a cut concerns the connections that are older than it.
    cut: watch::Sender<(u64, Cut)>,
    on_thaw: Mutex<Option<Cut>>,
    traffic: watch::Sender<Traffic>,
}

impl Proxy {
    /// A proxy on a free port of loopback, in front of a server. It needs tokio around it.
    pub fn to(upstream: SocketAddr) -> io::Result<Self> {
        let door = Doorstep::open(([127, 0, 0, 1], 0).into())?;
        let address = door.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let controls = Arc::new(Controls {
            upstream,
            weather: watch::Sender::new((0, Weather::Clear)),
            followed: watch::Sender::new(0),
            cut: watch::Sender::new((0, Cut::Reset)),
            on_thaw: Mutex::default(),
            traffic: watch::Sender::default(),
        });
        let task = tokio::spawn(serve(door, address, Arc::clone(&controls)));
        Ok(Self { address, controls, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the weather, and returns when it has changed.
    pub async fn set(&self, weather: Weather) {
        let mut version = 0;
        self.controls.weather.send_modify(|now| {
            version = now.0 + 1;
            *now = (version, weather);
        });
        let mut followed = self.controls.followed.subscribe();
        // The sender lives in `self`.
        let _ = followed.wait_for(|followed| *followed >= version).await;
    }

    /// Cuts the connections that are open now.
    pub fn cut(&self, cut: Cut) {
        self.controls.cut(cut);
    }

    /// Lets the environment's thaws count for [`on_thaw`](Self::on_thaw).
    pub fn bind(&self, environment: &Observer) {
        let controls = Arc::downgrade(&self.controls);
        environment.before_thaw(move || {
            let Some(controls) = controls.upgrade() else { return };
            let ordered = *controls.on_thaw.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cut) = ordered {
                controls.cut(cut);
            }
        });
    }

    /// Orders a cut for every thaw from now on, or no more of them.
    pub fn on_thaw(&self, cut: Option<Cut>) {
        *self.controls.on_thaw.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    pub fn traffic(&self) -> Traffic {
        *self.controls.traffic.borrow()
    }

    /// Waits until what has gone through satisfies a condition.
    pub async fn until(&self, met: impl Fn(&Traffic) -> bool) -> Traffic {
        let mut traffic = self.controls.traffic.subscribe();
        // The sender lives in `self`, so this can only succeed.
        traffic.wait_for(|traffic| met(traffic)).await.map_or_else(|_| self.traffic(), |it| *it)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controls {
    fn cut(&self, cut: Cut) {
        self.cut.send_modify(|now| *now = (now.0 + 1, cut));
    }

    fn count(&self, change: impl FnOnce(&mut Traffic)) {
        self.traffic.send_modify(change);
    }
}

/// Keeps the door as the weather wants it, and lets in whoever comes.
async fn serve(mut door: Doorstep, address: SocketAddr, controls: Arc<Controls>) {
    let mut weather = controls.weather.subscribe();
    // Dropped, and so ended, together with this task.
    let mut passages = JoinSet::new();
    loop {
        let (version, now) = *weather.borrow_and_update();
        let waiting;
        (door, waiting) = follow(door, now, address).await;
        for client in waiting {
            passages.spawn(Passage::new(client, Arc::clone(&controls)).run());
        }
        controls.followed.send_replace(version);
        tokio::select! {
            changed = weather.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            came = door.next() => {
                if let Ok(client) = came {
                    passages.spawn(Passage::new(client, Arc::clone(&controls)).run());
                }
            }
            Some(_) = passages.join_next() => {}
        }
    }
}

/// The door the weather asks for, and who still came in through the old one.
async fn follow(
    door: Doorstep,
    weather: Weather,
    address: SocketAddr,
) -> (Doorstep, Vec<TcpStream>) {
    let stays = match weather {
        Weather::Refusing => matches!(door, Doorstep::Shut { .. }),
        Weather::Unreachable => matches!(door, Doorstep::Full { .. }),
        Weather::Clear | Weather::BlackHole | Weather::Slow(_) | Weather::Answering(_) => {
            matches!(door, Doorstep::Open(_))
        }
    };
    if stays {
        return (door, Vec::new());
    }
    let waiting = door.close();
    let moved = match weather {
        Weather::Refusing => Doorstep::shut(address),
        Weather::Unreachable => Doorstep::full(address).await,
        Weather::Clear | Weather::BlackHole | Weather::Slow(_) | Weather::Answering(_) => {
            Doorstep::open(address)
        }
    };
    // Somebody else took the port meanwhile: nobody comes in any more, and the test will say so.
    (moved.unwrap_or(Doorstep::Lost), waiting)
}
