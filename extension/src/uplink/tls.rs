//! TLS, made at the first send and not before: certificates and ciphers cost start-up time and memory.
//!
//! One configuration serves all connections of the process, because it remembers sessions, and a resumed handshake is half
//! as long. `ring`, because it measures lighter than the alternatives; Mozilla's roots are compiled in, because the
//! function's file system need not have any.

use std::{
    fmt, io,
    sync::{Arc, OnceLock},
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio_rustls::TlsConnector;

/// The configuration, once there is one.
#[derive(Clone, Default)]
pub struct Tls(Arc<OnceLock<Arc<ClientConfig>>>);

impl Tls {
    /// For tests that speak with an authority of their own.
    pub fn trusting(roots: RootCertStore) -> io::Result<Self> {
        Ok(Self(Arc::new(OnceLock::from(configuration(roots)?))))
    }

    pub fn connector(&self) -> io::Result<TlsConnector> {
        let config = if let Some(config) = self.0.get() {
            config
        } else {
            let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            let config = configuration(roots)?;
            self.0.get_or_init(|| config)
        };
        Ok(TlsConnector::from(Arc::clone(config)))
    }
}

fn configuration(roots: RootCertStore) -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("made", &self.0.get().is_some()).finish()
    }
}
