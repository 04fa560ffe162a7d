//! What these tests share: a server that remembers what came, and a client that sees every byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, io};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sandbox::http::{self, Message};
use sandbox::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::emulator::stage::eventually;

/// Long enough for anything on this machine to be answered, if it is going to be.
pub(crate) const A_WHILE: Duration = Duration::from_millis(150);
/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) const REQUEST: &[u8] = b"POST /v1 HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";

/// A request as the server behind the proxy or the front end saw it.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A server that answers everything with the same words.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
    task: JoinHandle<()>,
}

type Memory = (Arc<Mutex<Vec<Came>>>, &'static str);

impl Server {
    pub(crate) async fn answering(words: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::default();
        let router = Router::new().fallback(remember).with_state((Arc::clone(&came), words));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, came, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn remember(
    State((came, words)): State<Memory>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> &'static str {
    came.lock().unwrap().push(Came { target: uri.to_string(), headers, body });
    words
}

/// A server, and a proxy in front of it.
pub(crate) async fn behind_a_proxy() -> (Server, Proxy) {
    let server = Server::answering("served").await;
    let proxy = Proxy::to(server.address).unwrap();
    (server, proxy)
}

/// One connection, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Line(TcpStream);

impl Line {
    pub(crate) async fn to(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(TcpStream::connect(address).await?))
    }

    pub(crate) async fn send(&mut self) -> io::Result<()> {
        self.0.write_all(REQUEST).await
    }

    /// The next answer, or how the connection ended instead.
    pub(crate) async fn hear(&mut self) -> io::Result<Message> {
        let mut heard = Vec::new();
        loop {
            let mut bytes = [0; 4_096];
            let length = timeout(SOON, self.0.read(&mut bytes)).await??;
            heard.extend_from_slice(&bytes[..length]);
            match http::read(&mut &heard[..]) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && length > 0 => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn ask(&mut self) -> io::Result<Message> {
        self.send().await?;
        self.hear().await
    }

    /// Nothing comes, not even an end.
    pub(crate) async fn is_silent(&mut self) -> bool {
        timeout(A_WHILE, self.0.read(&mut [0; 16])).await.is_err()
    }
}

/// The state of a process as the kernel has it: `T` is stopped.
pub(crate) fn state_of(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}

pub(crate) async fn until_stopped(pid: u32) {
    eventually("it is stopped", || state_of(pid) == 'T').await;
}
