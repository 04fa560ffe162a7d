//! An aggregator that accepts everything and only counts it, and a bucket that does the same.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::{post, put},
};

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    body_bytes: AtomicU64,
    objects: AtomicU64,
    object_bytes: AtomicU64,
}

/// Listening until the process ends.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    counts: Arc<Counts>,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let counts = Arc::new(Counts::default());
        let router = Router::new()
            .route("/v1/batches", post(accept))
            .fallback(put(store))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&counts));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, counts })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.counts.body_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn objects(&self) -> u64 {
        self.counts.objects.load(Ordering::Relaxed)
    }

    pub(crate) fn object_bytes(&self) -> u64 {
        self.counts.object_bytes.load(Ordering::Relaxed)
    }
}

async fn accept(State(counts): State<Arc<Counts>>, body: Bytes) -> &'static str {
    counts.requests.fetch_add(1, Ordering::Relaxed);
    counts.body_bytes.fetch_add(u64::try_from(body.len()).unwrap_or(0), Ordering::Relaxed);
    r#"{"accepted":1,"refused":[]}"#
}

async fn store(State(counts): State<Arc<Counts>>, body: Bytes) {
    counts.objects.fetch_add(1, Ordering::Relaxed);
    counts.object_bytes.fetch_add(u64::try_from(body.len()).unwrap_or(0), Ordering::Relaxed);
}
