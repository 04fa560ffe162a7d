//! A certificate authority that lives as long as a test, and one server certificate of it.
//!
//! AWS's endpoints have certificates from public authorities; nobody gives one to a server on
//! loopback. Whoever is to believe this one must be given [`Authority::root`]. Invariant: keys are
//! drawn anew each time and never written anywhere but where the server reads them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// What a server needs, and what its clients need, as PEM.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The certificate to trust.
    pub root: String,
    /// The server's own certificate and its key.
    pub certificate: String,
    pub key: String,
}

#[derive(Debug, thiserror::Error)]
#[error("could not make a certificate")]
pub struct NotMade(#[from] rcgen::Error);

impl Authority {
    /// Certifies one server under all of its names; addresses are names too.
    pub fn certifying(names: &[&str]) -> Result<Self, NotMade> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "An authority of the tests");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        Ok(Self { root: issuer.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}
