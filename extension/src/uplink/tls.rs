//! TLS, made at the first send and not before: certificates and ciphers cost start-up time and memory.
//!
//! One configuration serves all connections of the process, because it remembers sessions, and a resumed handshake is half
//! as long. `ring`, because it measures lighter than the alternatives; Mozilla's roots are compiled in, because the
//! function's file system need not have any. An aggregator behind a private authority is trusted by way of a file, which
//! adds to these roots.

mod provider;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

/// More certificates than any authority has; whatever is longer is another file.
const FILE_MAX: u64 = 1024 * 1024;
/// There is one aggregator.
const SESSIONS_MAX: usize = 4;

/// The configuration, once there is one.
#[derive(Clone, Default)]
pub struct Tls {
    made: Arc<OnceLock<Arc<ClientConfig>>>,
    authorities: Option<PathBuf>,
}

/// Why there is no TLS. `OVERTIME_CA_FILE` names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("OVERTIME_CA_FILE cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("OVERTIME_CA_FILE names something else than a file of at most 1 MiB")]
    NoFile,
    #[error("OVERTIME_CA_FILE holds no certificate in PEM")]
    Empty,
    #[error("OVERTIME_CA_FILE holds a certificate that is not valid")]
    Invalid,
    #[error("TLS cannot be set up")]
    Unavailable(#[source] rustls::Error),
}

impl Tls {
    /// Trusts the authorities in a PEM file too, if there is one. The file is read at the first send.
    pub fn trusting(authorities: Option<PathBuf>) -> Self {
        Self { made: Arc::default(), authorities }
    }

    /// The same, with nothing remembered.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::trusting(self.authorities.clone())
    }

    pub fn connector(&self) -> Result<TlsConnector, TlsFault> {
        let config = if let Some(config) = self.made.get() {
            config
        } else {
            let config = configuration(self.roots()?)?;
            self.made.get_or_init(|| config)
        };
        Ok(TlsConnector::from(Arc::clone(config)))
    }

    fn roots(&self) -> Result<RootCertStore, TlsFault> {
        let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        if let Some(path) = &self.authorities {
            for certificate in read(path)? {
                roots.add(certificate).map_err(|_| TlsFault::Invalid)?;
            }
        }
        Ok(roots)
    }
}

/// The certificates of a file, at least one.
fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let about = fs::metadata(path).map_err(TlsFault::Unreadable)?;
    // A pipe would never end.
    if !about.is_file() || about.len() > FILE_MAX {
        return Err(TlsFault::NoFile);
    }
    let text = fs::read(path).map_err(TlsFault::Unreadable)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|_| TlsFault::Invalid)?;
    if certificates.is_empty() { Err(TlsFault::Empty) } else { Ok(certificates) }
}

fn configuration(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsFault> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider::provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsFault::Unavailable)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(Arc::new(config))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("made", &self.made.get().is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, expected: &str) {
        let path = std::env::temp_dir().join(format!("overtime-ca-{}", std::process::id()));
        fs::write(&path, content).unwrap();
        let fault = Tls::trusting(Some(path.clone())).connector().err().map(|it| it.to_string());
        fs::remove_file(path).unwrap();
        assert_eq!(fault.unwrap_or_default(), expected);
    }

    #[test]
    fn a_file_without_certificates_is_named_by_its_setting() {
        let named = |path: &str| Tls::trusting(Some(path.into())).connector().err().unwrap();
        assert_eq!(named("/nowhere").to_string(), "OVERTIME_CA_FILE cannot be read");
        assert!(matches!(named("/dev/zero"), TlsFault::NoFile));
        check("", "OVERTIME_CA_FILE holds no certificate in PEM");
        let invalid = "OVERTIME_CA_FILE holds a certificate that is not valid";
        check("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", invalid);
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", invalid);
        check(&rcgen::generate_simple_self_signed([]).unwrap().cert.pem(), "");
    }

    #[test]
    fn what_was_made_is_shared_until_it_is_made_anew() {
        let tls = Tls::default();
        tls.connector().unwrap();
        assert_eq!(format!("{:?}", tls.clone()), "Tls { made: true, .. }");
        assert_eq!(format!("{:?}", tls.anew()), "Tls { made: false, .. }");
    }
}
