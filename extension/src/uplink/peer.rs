//! One server that is asked one thing at a time, each before a deadline: the aggregator, or a bucket.
//!
//! The connection is kept between sends. While the environment is frozen it can die in two ways: the peer closes it, which
//! shows at once, or the network forgets it, which shows only in silence. Either costs one retry on a fresh one, and never what
//! was sent, because that may arrive twice; a fresh one that breaks in mid-exchange is given the same chance, as a freeze may be short. A refusal that another signature may cure costs one more
//! attempt, too.
//!
//! **Invariant.** Nothing here touches TLS or a resolver before the first send.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use overtime_wire::EpochMillis;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};

use crate::{
    http::{Connection, HttpError, Reply, Stream},
    signing::skew::Remedy,
};

use super::{
    obstacle::{Obstacle, Stage},
    proof::Proof,
    target::Target,
    tls::Tls,
};

/// Longest answer that is read: a thousand refusals are below it.
const ANSWER_MAX: usize = 256 * 1024;
/// How long a reused connection may be silent before it is taken for dead.
const SILENCE: Duration = Duration::from_millis(700);

/// The server, and the connection to it if there is one.
#[derive(Debug)]
pub struct Peer {
    pub(super) target: Arc<Target>,
    tls: Tls,
    proof: Proof,
    connection: Option<Connection>,
    stage: Stage,
}

/// What is sent, however often.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub method: Method,
    /// Encoded as a request line has it.
    pub path: String,
    pub content_type: &'static str,
    pub body: Bytes,
}

impl Peer {
    pub fn new(target: Target, tls: Tls) -> Self {
        Self {
            target: Arc::new(target),
            tls,
            proof: Proof::default(),
            connection: None,
            stage: Stage::Speaking,
        }
    }

    #[must_use]
    pub fn proving(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Another server that is spoken to alike.
    #[must_use]
    pub fn towards(&self, target: Target) -> Self {
        Self { target: Arc::new(target), ..self.sibling() }
    }

    /// Another way to the same server, with a connection of its own.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self {
            target: Arc::clone(&self.target),
            tls: self.tls.clone(),
            proof: self.proof.clone(),
            connection: None,
            stage: Stage::Speaking,
        }
    }

    /// A snapshot was restored: connection, sessions and credentials are another environment's.
    #[must_use]
    pub fn restored(&self) -> Self {
        self.proof.restored();
        Self { tls: self.tls.anew(), ..self.sibling() }
    }

    /// Opens a connection ahead of a send, in place of one that may have died unseen.
    pub async fn prepare(&mut self, deadline: Instant) {
        if let Ok(Ok(connection)) = timeout_at(deadline, self.connect()).await {
            self.connection = Some(connection);
        }
    }

    /// Sends it, and gives the answer, if there is one before `deadline`.
    pub async fn send(&mut self, parcel: &Parcel, deadline: Instant) -> Result<Reply, Obstacle> {
        self.stage = Stage::Speaking;
        let obstacle = match timeout_at(deadline, self.send_proven(parcel, deadline)).await {
            Ok(Ok(reply)) => return Ok(reply),
            Ok(Err(obstacle)) => obstacle,
            Err(_) => self.stage.too_slow(),
        };
        self.connection = None;
        Err(obstacle)
    }

    async fn send_proven(&mut self, parcel: &Parcel, deadline: Instant) -> Result<Reply, Obstacle> {
        self.proof.renew().await?;
        let (reply, signed_at) = self.exchange(parcel, deadline).await?;
        match self.proof.judged(&reply, signed_at) {
            Remedy::Nothing => Ok(reply),
            Remedy::SignAgain => {
                self.proof.renew().await?;
                Ok(self.exchange(parcel, deadline).await?.0)
            }
        }
    }

    /// One answer, over the connection there is or else over a fresh one, and when the request was signed.
    async fn exchange(
        &mut self,
        parcel: &Parcel,
        deadline: Instant,
    ) -> Result<(Reply, EpochMillis), Obstacle> {
        if let Some(mut connection) = self.connection.take().filter(|it| !it.is_closed()) {
            let patience = SILENCE.min((deadline - Instant::now()) / 2);
            let (request, signed_at) = self.request(parcel)?;
            let reply = connection.exchange(request, ANSWER_MAX);
            if let Ok(Ok(reply)) = timeout(patience, reply).await {
                self.connection = Some(connection);
                return Ok((reply, signed_at));
            }
        }
        match self.exchange_afresh(parcel).await {
            // A freeze may have come between the handshake and the answer, too short for any clock to show.
            Err(Obstacle::Broken(HttpError::Broken(_))) => self.exchange_afresh(parcel).await,
            done => done,
        }
    }

    async fn exchange_afresh(&mut self, parcel: &Parcel) -> Result<(Reply, EpochMillis), Obstacle> {
        let mut connection = self.connect().await?;
        let (request, signed_at) = self.request(parcel)?;
        let reply = connection.exchange(request, ANSWER_MAX).await?;
        self.connection = Some(connection);
        Ok((reply, signed_at))
    }

    fn request(&self, parcel: &Parcel) -> Result<(Request<Full<Bytes>>, EpochMillis), Obstacle> {
        let mut request = Request::builder()
            .method(&parcel.method)
            .uri(&parcel.path)
            .header("host", self.target.authority())
            .header("content-type", parcel.content_type)
            .body(Full::new(parcel.body.clone()))
            .map_err(HttpError::from)?;
        let signed_at = self.proof.sign(&mut request, &parcel.body)?;
        Ok((request, signed_at))
    }

    async fn connect(&mut self) -> Result<Connection, Obstacle> {
        let tcp = self.dial().await?;
        self.stage = Stage::Speaking;
        let stream: Box<dyn Stream> = match self.target.tls_name() {
            None => Box::new(tcp),
            Some(name) => {
                let shaken = self.tls.connector()?.connect(name.clone(), tcp).await;
                Box::new(shaken.map_err(Obstacle::shaking_hands)?)
            }
        };
        Ok(Connection::open(stream).await?)
    }

    /// An address needs no resolver, and a resolver needs a thread.
    async fn dial(&mut self) -> Result<TcpStream, Obstacle> {
        let (host, port) = (self.target.host(), self.target.port());
        let found: Vec<SocketAddr> = if let Some(address) = self.target.address() {
            vec![(address, port).into()]
        } else {
            self.stage = Stage::Naming;
            let named = lookup_host((host, port)).await;
            named.map_err(|error| Obstacle::Name(Some(error)))?.collect()
        };
        self.stage = Stage::Dialling;
        let tcp = TcpStream::connect(&found[..]).await.map_err(Obstacle::dialling)?;
        tcp.set_nodelay(true).map_err(Obstacle::dialling)?;
        Ok(tcp)
    }
}
