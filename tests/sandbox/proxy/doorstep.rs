//! The port of a proxy: open, shut, or not there at all.
//!
//! The number stays the same while it changes, because the clients were told it once. A port is
//! shut by a socket that is bound and does not listen: Linux answers a SYN to it with RST. It is
//! not there when its queue of connections is full: Linux then drops the SYN and the client tries
//! again after one second, three, seven (`tcp_conn_request` in the kernel's `tcp_input.c`), which is
//! what a function in a VPC without a route sees.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Enough for every sandbox of a test to arrive at once.
const BACKLOG: u32 = 1_024;

#[derive(Debug)]
pub(super) enum Doorstep {
    Open(TcpListener),
    Shut {
        _holds: TcpSocket,
    },
    Full {
        _holds: TcpListener,
        _fills: TcpStream,
    },
    /// Somebody else took the port while it was being bound again.
    Lost,
}

impl Doorstep {
    pub(super) fn open(at: SocketAddr) -> io::Result<Self> {
        Ok(Self::Open(bind(at)?.listen(BACKLOG)?))
    }

    pub(super) fn shut(at: SocketAddr) -> io::Result<Self> {
        Ok(Self::Shut { _holds: bind(at)? })
    }

    pub(super) async fn full(at: SocketAddr) -> io::Result<Self> {
        // A queue of length zero still holds one.
        let holds = bind(at)?.listen(0)?;
        let fills = TcpStream::connect(holds.local_addr()?).await?;
        Ok(Self::Full { _holds: holds, _fills: fills })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Open(listener) => listener.local_addr().ok(),
            Self::Shut { .. } | Self::Full { .. } | Self::Lost => None,
        }
    }

    /// Closes it, and lets in those who were already waiting before it: to them it was open.
    pub(super) fn close(self) -> Vec<TcpStream> {
        let Self::Open(listener) = self else { return Vec::new() };
        // Asked directly, because tokio may not have been told yet that somebody waits.
        let Ok(listener) = listener.into_std() else { return Vec::new() };
        let mut waiting = Vec::new();
        while let Ok((client, _)) = listener.accept() {
            let client = client.set_nonblocking(true).and_then(|()| TcpStream::from_std(client));
            waiting.extend(client.ok());
        }
        waiting
    }

    /// The next connection; never, where nobody can come in.
    pub(super) async fn next(&self) -> io::Result<TcpStream> {
        match self {
            Self::Open(listener) => Ok(listener.accept().await?.0),
            Self::Shut { .. } | Self::Full { .. } | Self::Lost => std::future::pending().await,
        }
    }
}

/// Connections that are still open on the port do not hinder: they came in through a socket that
/// may be reused as well.
fn bind(at: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    Ok(socket)
}
