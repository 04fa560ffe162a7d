//! Which addresses a message may be sent to: the guard against being made to talk to our own network.
//!
//! Whoever configures a webhook chooses an address that we, not they, connect to. Without a guard that reaches cloud
//! metadata, the loopback and everything private. So only `https` to public addresses is admitted, and a list of networks
//! may admit more, for laptops and tests, also over plain `http`.
//!
//! A name is resolved once per connection, and the connection goes to an address that was checked: checking a name and
//! connecting to it later would let it mean something else by then. The platform's resolver is the only way from a name to
//! an address, and addresses written as such are checked here, since they never pass a resolver.
//!
//! **Invariant.** An address is admitted only if it is global unicast or on the list. What embeds an IPv4 address (mapped,
//! 6to4, NAT64) is judged by it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

/// What may be talked to besides public addresses over `https`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    allowed: Vec<IpNet>,
}

/// Why a target is not talked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("scheme is neither https nor http")]
    Scheme,
    #[error("url has no host")]
    Host,
    #[error("url carries a user name or password")]
    Credentials,
    #[error("{0} is not a public address, and OVERTIME_WEBHOOK_ALLOW does not list it")]
    Address(IpAddr),
    #[error("plain http is only for addresses that OVERTIME_WEBHOOK_ALLOW lists")]
    Plain,
}

/// A list of networks could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a comma-separated list of networks such as 127.0.0.0/8")]
pub struct InvalidNetworks;

impl FromStr for Guard {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        let parts = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        let network = |part: &str| {
            let alone = part.parse::<IpAddr>().map(IpNet::from);
            part.parse::<IpNet>().or(alone).map_err(|_| InvalidNetworks)
        };
        Ok(Self { allowed: parts.map(network).collect::<Result<_, _>>()? })
    }
}

impl Guard {
    /// Checks what a URL alone tells. Names are checked when they are resolved.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        match literal(url) {
            Some(address) => self.admit(address, Scheme::of(url)),
            None if url.domain().is_none_or(str::is_empty) => Err(Refused::Host),
            None if Scheme::of(url) == Scheme::Plain && self.allowed.is_empty() => {
                Err(Refused::Plain)
            }
            None => Ok(()),
        }
    }

    fn admit(&self, address: IpAddr, scheme: Scheme) -> Result<(), Refused> {
        if self.allowed.iter().any(|it| it.contains(&address) || it.contains(&embedded(address))) {
            return Ok(());
        }
        match scheme {
            Scheme::Plain => Err(Refused::Plain),
            Scheme::Secure if is_public(address) => Ok(()),
            Scheme::Secure => Err(Refused::Address(address)),
        }
    }

    /// The resolver for connections to `url`: it yields only addresses that are admitted.
    pub fn resolver_for(&self, url: &Url) -> Pinned {
        Pinned { guard: self.clone(), scheme: Scheme::of(url) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Secure,
    Plain,
}

impl Scheme {
    fn of(url: &Url) -> Self {
        if url.scheme() == "https" { Self::Secure } else { Self::Plain }
    }
}

/// Resolves names to admitted addresses.
#[derive(Clone)]
pub struct Pinned {
    guard: Guard,
    scheme: Scheme,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("guard", &self.guard).finish_non_exhaustive()
    }
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { guard, scheme } = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let admitted = sift(&guard, scheme, &found)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// The admitted ones; the first refusal if there are none.
fn sift(guard: &Guard, scheme: Scheme, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refused> {
    let mut admitted = Vec::new();
    let mut refusal = Refused::Host;
    for address in found {
        match guard.admit(address.ip(), scheme) {
            Ok(()) => admitted.push(*address),
            Err(why) => refusal = why,
        }
    }
    if admitted.is_empty() { Err(refusal) } else { Ok(admitted) }
}

/// The address a URL names outright. The URL parser has already read the odd forms: `0x7f.1`, `2130706433`, `0177.0.0.1`.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The IPv4 address that an IPv6 address carries, else the address itself.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let v4 = |from: usize| {
        let part = &octets[from..from + 4];
        IpAddr::V4(Ipv4Addr::new(part[0], part[1], part[2], part[3]))
    };
    match v6.segments() {
        // Compatible (with `::` and `::1`, which are no more public as IPv4), mapped, translated, and NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(12),
        // 6to4.
        [0x2002, ..] => v4(2),
        _ => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match embedded(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The special-purpose registry of RFC 6890 with its updates, and what clouds keep for themselves: network and length.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    // "This network", private, loopback.
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Link-local, which is where metadata lies, and Azure's wire server.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Shared address space of carriers, and benchmarks.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Protocol assignments, AS112, 6to4 relays, documentation.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast; reserved with broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let lies_in = |(network, length): &(Ipv4Addr, u32)| {
        (address.to_bits() ^ network.to_bits()) >> (u32::BITS - length) == 0
    };
    !SPECIAL_V4.iter().any(lies_in)
}

/// Only what is assigned for the public, without the special prefixes inside it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let assigned = (0x2000..=0x3fff).contains(&a);
    // Protocol assignments with Teredo, documentation (twice), and what is left of 6to4.
    let special =
        (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || (a == 0x3fff && b < 0x1000) || a == 0x2002;
    assigned && !special
}

#[cfg(test)]
mod tests;
