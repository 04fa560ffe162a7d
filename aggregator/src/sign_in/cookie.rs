//! Cookies, as few as possible and as narrow as browsers let us.
//!
//! Behind HTTPS their names begin with `__Host-`, which browsers take only from us, over HTTPS, for the whole host: no other host of
//! the domain can set or shadow them. Browsers keep no such cookie that came over plain HTTP, so on the loopback, where that is how
//! pages are looked at, the names are others.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    Session,
    /// The way to a provider and back.
    Flow,
}

/// Whether pages are looked at over HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Secure,
    Plain,
}

impl Transport {
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Secure => "https",
            Self::Plain => "http",
        }
    }
}

impl Cookie {
    fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Secure) => "__Host-overtime",
            (Self::Flow, Transport::Secure) => "__Host-overtime-flow",
            (Self::Session, Transport::Plain) => "overtime",
            (Self::Flow, Transport::Plain) => "overtime-flow",
        }
    }

    /// What the browser has sent. Of several, the first.
    pub(super) fn find(self, transport: Transport, headers: &HeaderMap) -> Option<&str> {
        let name = self.name(transport);
        let texts = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut pairs =
            texts.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        pairs.find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// The header that has the browser keep it. `None` if the value cannot stand in one.
    pub(super) fn keep(
        self,
        transport: Transport,
        value: &str,
        lasts: Duration,
    ) -> Option<HeaderValue> {
        let secure = match transport {
            Transport::Secure => "; Secure",
            Transport::Plain => "",
        };
        let (name, lasts) = (self.name(transport), lasts.as_secs());
        let text =
            format!("{name}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Lax{secure}");
        text.try_into().ok()
    }

    /// The header that has the browser forget it.
    pub(super) fn forget(self, transport: Transport) -> Option<HeaderValue> {
        self.keep(transport, "", Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_narrow() {
        let kept = Cookie::Session.keep(Transport::Secure, "abc", Duration::from_hours(1));
        assert_eq!(
            kept.unwrap(),
            "__Host-overtime=abc; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"
        );
        let plain = Cookie::Flow.forget(Transport::Plain);
        assert_eq!(plain.unwrap(), "overtime-flow=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "theme=dark; __Host-overtime-flow=b".parse().unwrap());
        headers.append(COOKIE, "overtime=plain;__Host-overtime=a".parse().unwrap());
        assert_eq!(Cookie::Session.find(Transport::Secure, &headers), Some("a"));
        assert_eq!(Cookie::Flow.find(Transport::Secure, &headers), Some("b"));
        assert_eq!(Cookie::Session.find(Transport::Plain, &headers), Some("plain"));
        assert_eq!(Cookie::Flow.find(Transport::Plain, &headers), None);
    }
}
