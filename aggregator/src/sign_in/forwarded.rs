//! From where somebody asks, as far as that can be told.
//!
//! A proxy on this machine is the only one there is on the way to the loopback, so what it says of its caller is believed; what anybody
//! else says is not.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, header::FORWARDED},
};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that whoever took the request in knows it to be from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote(pub IpAddr);

/// From where a request comes.
pub fn from(request: &Request) -> Option<IpAddr> {
    if let Some(Remote(address)) = request.extensions().get() {
        return Some(*address);
    }
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let behind = || request.headers().get(FORWARDED_FOR)?.to_str().ok()?.rsplit(',').next();
    let peer = peer.ip().to_canonical();
    let said = behind().filter(|_| peer.is_loopback()).and_then(|it| it.trim().parse().ok());
    Some(said.unwrap_or(peer))
}

/// Whether a request comes from this machine, and nobody has handed it on from elsewhere.
pub fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    // Whoever listens on both versions of IP at once sees one in the other.
    let is_here = |ConnectInfo(it): &ConnectInfo<SocketAddr>| it.ip().to_canonical().is_loopback();
    peer.is_some_and(is_here) && !is_handed_on(request.headers())
}

fn is_handed_on(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || headers.contains_key(FORWARDED_FOR)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(peer: &str, forwarded: Option<&str>) -> Request {
        let mut request = Request::new(Body::empty());
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(said) = forwarded {
            request.headers_mut().insert(FORWARDED_FOR, said.parse().unwrap());
        }
        request
    }

    #[test]
    fn a_proxy_on_this_machine_is_believed_and_nobody_else() {
        let told = |peer, forwarded| from(&request(peer, forwarded)).unwrap().to_string();
        assert_eq!(told("192.0.2.1:1", None), "192.0.2.1");
        assert_eq!(told("192.0.2.1:1", Some("198.51.100.7")), "192.0.2.1");
        assert_eq!(told("127.0.0.1:1", Some("203.0.113.9, 198.51.100.7")), "198.51.100.7");
        assert_eq!(told("127.0.0.1:1", Some("nonsense")), "127.0.0.1");
        let mut on_lambda = request("127.0.0.1:1", Some("198.51.100.7"));
        on_lambda.extensions_mut().insert(Remote("203.0.113.9".parse().unwrap()));
        assert_eq!(from(&on_lambda).unwrap().to_string(), "203.0.113.9");
    }

    #[test]
    fn what_was_handed_on_is_not_from_here() {
        assert!(is_local(&request("127.0.0.1:1", None)));
        assert!(is_local(&request("[::1]:1", None)));
        assert!(is_local(&request("[::ffff:127.0.0.1]:1", None)));
        assert!(!is_local(&request("127.0.0.1:1", Some("127.0.0.1"))));
        assert!(!is_local(&request("192.0.2.1:1", None)));
        assert!(!is_local(&Request::new(Body::empty())));
    }
}
