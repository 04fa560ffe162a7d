//! The uplink over real sockets, with and without TLS.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{obstacle::Obstacle, *};
use crate::http::Stream;

/// What a server does with its connections, one after the other.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Answers any number of requests.
    Answers,
    /// Answers one, and then never again on this connection.
    AnswersOnce,
    /// Answers one, and closes.
    ClosesAfterOne,
}

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(manner: Manner, tls: Option<TlsAcceptor>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                match &tls {
                    None => drop(tokio::spawn(converse(stream, manner))),
                    Some(tls) => {
                        let accepted = tls.accept(stream);
                        tokio::spawn(async move {
                            if let Ok(stream) = accepted.await {
                                converse(stream, manner).await;
                            }
                        });
                    }
                }
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn converse(mut stream: impl Stream, manner: Manner) {
    let mut buffer = [0; 4096];
    let mut answered = 0;
    // Each request of these tests arrives in one piece.
    while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {
        match manner {
            Manner::AnswersOnce if answered > 0 => std::future::pending().await,
            Manner::ClosesAfterOne if answered > 0 => return,
            Manner::Answers | Manner::AnswersOnce | Manner::ClosesAfterOne => {}
        }
        answered += 1;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        if let Manner::ClosesAfterOne = manner {
            return;
        }
    }
}

fn uplink(scheme: &str, server: &Server, tls: Tls) -> Uplink {
    let url = format!("{scheme}://localhost:{}", server.address.port());
    Uplink::new(url.parse().unwrap(), tls)
}

async fn is_accepted(uplink: &mut Uplink, within: Duration) -> bool {
    let answer = uplink.post(Bytes::from_static(b"batch"), Instant::now() + within).await;
    matches!(answer, Answer::Accepted { .. })
}

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn one_connection_serves_many_sends() {
    let server = Server::start(Manner::Answers, None).await;
    let mut uplink = uplink("http", &server, Tls::default());
    for _ in 0..3 {
        assert!(is_accepted(&mut uplink, PATIENCE).await);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_is_there_before_it_is_needed() {
    let (acceptor, trusting) = authority();
    for (scheme, tls) in [("http", None), ("https", Some(acceptor))] {
        let server = Server::start(Manner::AnswersOnce, tls).await;
        let mut uplink = uplink(scheme, &server, trusting.clone());
        assert!(is_accepted(&mut uplink, PATIENCE).await);
        // The kept connection is dead, and nobody can tell; the new one is not.
        uplink.prepare(Instant::now() + PATIENCE).await;
        while server.connections() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(is_accepted(&mut uplink, Duration::from_millis(400)).await, "{scheme}");
        assert_eq!(server.connections(), 2, "{scheme}");
    }
}

#[tokio::test]
async fn what_cannot_be_opened_ahead_costs_nothing() {
    let server = Server::start(Manner::Answers, None).await;
    let mut kept = uplink("http", &server, Tls::default());
    assert!(is_accepted(&mut kept, PATIENCE).await);
    kept.0.target = Arc::new("http://127.0.0.1:1".parse().unwrap());
    kept.prepare(Instant::now() + PATIENCE).await;
    assert!(is_accepted(&mut kept, PATIENCE).await);
}

#[tokio::test]
async fn a_dead_connection_costs_a_fresh_one_and_no_batch() {
    for manner in [Manner::ClosesAfterOne, Manner::AnswersOnce] {
        let server = Server::start(manner, None).await;
        let mut uplink = uplink("http", &server, Tls::default());
        for _ in 0..2 {
            assert!(is_accepted(&mut uplink, PATIENCE).await, "{manner:?}");
        }
        assert_eq!(server.connections(), 2, "{manner:?}");
    }
}

#[tokio::test]
async fn a_deadline_is_kept() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut uplink = Uplink::new(url.parse().unwrap(), Tls::default());
    let begun = Instant::now();
    assert!(!is_accepted(&mut uplink, Duration::from_millis(100)).await);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

/// An acceptor, and a client that trusts it.
fn authority() -> (TlsAcceptor, Tls) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let certificate = made.cert.der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let path = std::env::temp_dir().join(format!("overtime-uplink-{}", std::process::id()));
    std::fs::write(&path, made.cert.pem()).unwrap();
    let tls = Tls::trusting(Some(path.clone()));
    tls.connector().unwrap();
    std::fs::remove_file(path).unwrap();
    (TlsAcceptor::from(Arc::new(config)), tls)
}

#[tokio::test]
async fn tls_is_spoken_and_certificates_are_checked() {
    let (acceptor, trusting) = authority();
    let server = Server::start(Manner::Answers, Some(acceptor)).await;
    let mut trusted = uplink("https", &server, trusting);
    for _ in 0..2 {
        assert!(is_accepted(&mut trusted, PATIENCE).await);
    }
    assert_eq!(server.connections(), 1);
    let mut stranger = uplink("https", &server, Tls::default());
    let answer = stranger.post(Bytes::new(), Instant::now() + PATIENCE).await;
    assert!(matches!(answer, Answer::None(Obstacle::Untrusted(_))), "{answer:?}");
}
