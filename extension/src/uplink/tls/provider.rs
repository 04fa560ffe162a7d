//! What TLS is made of here: `ring`'s implementations, but only of what a server may ask of us.
//!
//! `rustls` brings a provider of all that `ring` can. It would carry two things into every sandbox that are never used there: how to
//! sign with a key of our own, though we prove who we are by signing requests, and `ChaCha20`, though every processor of Lambda's
//! has instructions for AES and every server of TLS 1.3 has to offer it (RFC 8446, section 9.1). What is read of a program counts
//! as the sandbox's memory. What a server's certificate may be signed with is what `rustls` accepts.

use std::sync::Arc;

use rustls::{
    SignatureScheme, SupportedCipherSuite,
    crypto::{
        CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms,
        ring::{self, cipher_suite},
    },
    pki_types::PrivateKeyDer,
    sign::SigningKey,
};
use webpki::ring as signatures;

/// The best first.
const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];

/// Of a scheme that does not fix the curve, as in TLS 1.2, either curve.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        signatures::ECDSA_P256_SHA256,
        signatures::ECDSA_P256_SHA384,
        signatures::ECDSA_P384_SHA256,
        signatures::ECDSA_P384_SHA384,
        signatures::ED25519,
        signatures::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        signatures::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        signatures::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        signatures::RSA_PKCS1_2048_8192_SHA256,
        signatures::RSA_PKCS1_2048_8192_SHA384,
        signatures::RSA_PKCS1_2048_8192_SHA512,
        signatures::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        signatures::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        signatures::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[signatures::ECDSA_P384_SHA384, signatures::ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[signatures::ECDSA_P256_SHA256, signatures::ECDSA_P384_SHA256],
        ),
        (SignatureScheme::ED25519, &[signatures::ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[signatures::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[signatures::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA256, &[signatures::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[signatures::RSA_PKCS1_2048_8192_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[signatures::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[signatures::RSA_PKCS1_2048_8192_SHA256]),
    ],
};

#[derive(Debug)]
struct System;

pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: SUITES.to_vec(),
        kx_groups: ring::DEFAULT_KX_GROUPS.to_vec(),
        signature_verification_algorithms: SIGNATURES,
        secure_random: &System,
        key_provider: &System,
    }
}

impl SecureRandom for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        getrandom::fill(bytes).map_err(|_| GetRandomFailed)
    }
}

impl KeyProvider for System {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("there is no certificate of ours".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who upgrades `rustls` hears of it here when it accepts something else.
    #[test]
    fn certificates_are_what_rustls_accepts_and_ciphers_are_those_with_aes() {
        let (ours, all) = (provider(), ring::default_provider());
        let schemes = |it: &CryptoProvider| {
            let algorithms = it.signature_verification_algorithms;
            (algorithms.supported_schemes(), format!("{algorithms:?}"))
        };
        assert_eq!(schemes(&ours), schemes(&all));
        let suites = |it: &CryptoProvider| -> Vec<_> {
            let names = it.cipher_suites.iter().map(|it| format!("{:?}", it.suite()));
            names.filter(|it| !it.contains("CHACHA20")).collect()
        };
        assert_eq!(suites(&ours), suites(&all));
        assert_eq!(ours.cipher_suites.len(), SUITES.len());
        let groups =
            |it: &CryptoProvider| -> Vec<_> { it.kx_groups.iter().map(|it| it.name()).collect() };
        assert_eq!(groups(&ours), groups(&all));
    }
}
