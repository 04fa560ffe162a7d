//! Where batches go: the aggregator's base URL, taken apart once.

use std::{fmt, net::IpAddr, str::FromStr};

use rustls::pki_types::ServerName;

/// A base URL: `https://abc.lambda-url.eu-west-1.on.aws`, `http://127.0.0.1:8787/prefix`.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    host: String,
    port: u16,
    /// Without a slash at its end.
    path: String,
    /// The name to expect in a certificate; `None` on plain HTTP.
    tls_name: Option<ServerName<'static>>,
}

impl Target {
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host, if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    pub fn tls_name(&self) -> Option<&ServerName<'static>> {
        self.tls_name.as_ref()
    }

    /// What paths begin with, without a slash at its end.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn batches_path(&self) -> String {
        format!("{}/v1/batches", self.path)
    }

    /// Host and port as a `host` header has them: without the port that the scheme implies.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let implied = if self.tls_name.is_some() { 443 } else { 80 };
        if self.port == implied { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls_name.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let expected = "expected http:// or https://, a host and perhaps a port and a path";
        let (scheme, rest) = url.split_once("://").ok_or(expected)?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let plain =
            |it: &str| it.bytes().all(|it| it.is_ascii_graphic() && !b"?#@\\".contains(&it));
        if !plain(path) || !plain(authority) {
            return Err(expected);
        }
        let implied = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(expected),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(expected)?,
            None => authority.find(':').map_or((authority, ""), |at| authority.split_at(at)),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|it| *it > 0).ok_or(expected)?,
            None if port.is_empty() => implied,
            None => return Err(expected),
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| expected)?;
        Ok(Self {
            host: host.to_owned(),
            port,
            path: path.trim_end_matches('/').to_owned(),
            tls_name: (implied == 443).then_some(name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let seen = |url: &str| {
            let it: Target = url.parse().unwrap();
            (it.host().to_owned(), it.port(), it.authority(), it.batches_path())
        };
        let of = |host: &str, port, authority: &str, path: &str| {
            (host.to_owned(), port, authority.to_owned(), path.to_owned())
        };
        assert_eq!(
            seen("https://abc.lambda-url.eu-west-1.on.aws/"),
            of(
                "abc.lambda-url.eu-west-1.on.aws",
                443,
                "abc.lambda-url.eu-west-1.on.aws",
                "/v1/batches"
            )
        );
        assert_eq!(
            seen("http://127.0.0.1:8787/a/b"),
            of("127.0.0.1", 8787, "127.0.0.1:8787", "/a/b/v1/batches")
        );
        assert_eq!(seen("HTTP://[::1]"), of("::1", 80, "[::1]", "/v1/batches"));
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for url in [
            "",
            "abc",
            "ftp://x",
            "http://",
            "http://:80",
            "http://x:0",
            "http://x:y",
            "http://user@x",
            "http://x/?q",
            "http://x y",
            "http://[::1",
            "http://é",
        ] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }
}
