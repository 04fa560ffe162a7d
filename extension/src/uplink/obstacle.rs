//! What stands between us and the aggregator, or a bucket, and what somebody can do about it.
//!
//! A function's network is somebody's to set up, and that somebody reads one line in its log. So an obstacle is named as
//! what they would find in their own settings, not as the socket saw it.

use std::{error::Error, io};

use crate::{http::HttpError, signing::SigningError};

use super::{proof::CredentialsFault, tls::TlsFault};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    #[error("its host name does not resolve")]
    Name(#[source] Option<io::Error>),
    #[error("nobody listens there")]
    Shut(#[source] io::Error),
    #[error("no connection comes about")]
    NoRoute(#[source] Option<io::Error>),
    #[error("it does not answer in time")]
    Silent,
    #[error("its certificate is not trusted")]
    Untrusted(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsFault),
    #[error("the request is not signed")]
    Unsigned(#[from] SigningError),
    #[error("there are no credentials to sign with")]
    NoCredentials(#[from] CredentialsFault),
    #[error(transparent)]
    Broken(#[from] HttpError),
}

/// How far a send has come; what it was at when its time was up is what was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Naming,
    Dialling,
    Speaking,
}

impl Stage {
    pub(super) fn too_slow(self) -> Obstacle {
        match self {
            Self::Naming => Obstacle::Name(None),
            Self::Dialling => Obstacle::NoRoute(None),
            Self::Speaking => Obstacle::Silent,
        }
    }
}

impl Obstacle {
    pub(super) fn dialling(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            Self::Shut(error)
        } else {
            Self::NoRoute(Some(error))
        }
    }

    pub(super) fn shaking_hands(error: io::Error) -> Self {
        let cause = error.get_ref().and_then(|it| it.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(_)) = cause {
            Self::Untrusted(error)
        } else {
            Self::Broken(HttpError::Unreachable(error))
        }
    }

    /// Whether there was nothing wrong but that our time was up.
    pub fn is_slowness(&self) -> bool {
        matches!(self, Self::Name(None) | Self::NoRoute(None) | Self::Silent)
    }

    /// Whether it stays until somebody does something; the others may be a moment's bad luck.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Untrusted(_) | Self::Tls(_) | Self::Unsigned(_) => true,
            Self::Name(_)
            | Self::Shut(_)
            | Self::NoRoute(_)
            | Self::Silent
            | Self::NoCredentials(_)
            | Self::Broken(_) => false,
        }
    }

    /// Whether a connection broke that had come about.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Whether it concerns how we prove who we are, and not the way.
    pub fn is_of_signing(&self) -> bool {
        matches!(self, Self::Unsigned(_) | Self::NoCredentials(_))
    }

    /// What to do about it.
    fn fix(&self) -> &'static str {
        match self {
            Self::Name(_) => {
                "check OVERTIME_URL's host name, and that this function's network can resolve it"
            }
            Self::Shut(_) => "check OVERTIME_URL's host and port, and that the aggregator runs",
            Self::NoRoute(_) => {
                "give this function's network a route to OVERTIME_URL; in a VPC that is a NAT gateway and a security group that lets it out"
            }
            Self::Silent | Self::Broken(_) => {
                "check that OVERTIME_URL is the aggregator's, that it runs, and that nothing on the way holds its traffic up"
            }
            Self::Untrusted(_) => {
                "name the host in OVERTIME_URL as its certificate does, and the file of a private authority in OVERTIME_CA_FILE"
            }
            Self::Tls(_) => "set it to a file in the function or one of its layers",
            Self::Unsigned(_) | Self::NoCredentials(_) => {
                "leave the credentials as Lambda sets them, or set OVERTIME_AUTH to none for an aggregator that takes unsigned requests"
            }
        }
    }

    /// It, and what it comes of.
    pub fn causes(&self) -> String {
        let (mut line, mut cause) = (self.to_string(), self.source());
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }

    /// For whoever can fix it, if it is between us and the aggregator.
    pub fn line(&self) -> String {
        format!("cannot report to OVERTIME_URL: {}; {}", self.causes(), self.fix())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(obstacle: Obstacle, expected: Expect) {
        expected.assert_eq(&obstacle.line());
    }

    #[test]
    fn a_line_names_what_to_fix() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        check(
            Obstacle::dialling(refused),
            expect![
                "cannot report to OVERTIME_URL: nobody listens there: connection refused; check OVERTIME_URL's host and port, and that the aggregator runs"
            ],
        );
        check(
            Stage::Dialling.too_slow(),
            expect![
                "cannot report to OVERTIME_URL: no connection comes about; give this function's network a route to OVERTIME_URL; in a VPC that is a NAT gateway and a security group that lets it out"
            ],
        );
        check(
            Stage::Naming.too_slow(),
            expect![
                "cannot report to OVERTIME_URL: its host name does not resolve; check OVERTIME_URL's host name, and that this function's network can resolve it"
            ],
        );
        check(
            SigningError::NoCredentials.into(),
            expect![
                "cannot report to OVERTIME_URL: the request is not signed: there are no valid credentials of the function's role; leave the credentials as Lambda sets them, or set OVERTIME_AUTH to none for an aggregator that takes unsigned requests"
            ],
        );
        check(
            TlsFault::Empty.into(),
            expect![
                "cannot report to OVERTIME_URL: OVERTIME_CA_FILE holds no certificate in PEM; set it to a file in the function or one of its layers"
            ],
        );
    }
}
