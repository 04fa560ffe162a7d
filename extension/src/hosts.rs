//! Where `sandbox.localdomain` is, according to the hosts file and nobody else.
//!
//! Source: AWS's Telemetry API guide lets destinations be only `sandbox.localdomain` (or `sandbox`), and the platform writes
//! that name into the hosts file. A resolver might ask a network that is not there yet, and would cost start-up time.

use std::{
    fs::File,
    io::Read,
    net::{IpAddr, Ipv4Addr},
};

/// The name that telemetry can be posted to.
pub const SANDBOX: &str = "sandbox.localdomain";
const HOSTS: &str = "/etc/hosts";
/// A hosts file longer than this is read only so far.
const HOSTS_MAX: u64 = 64 * 1024;

/// Where to listen, and under which name to be found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doorstep {
    pub address: IpAddr,
    pub host: String,
}

/// The sandbox's own address, or loopback where the name does not resolve: on laptops and in tests.
pub fn doorstep() -> Doorstep {
    let mut text = String::new();
    let read = File::open(HOSTS).and_then(|it| it.take(HOSTS_MAX).read_to_string(&mut text));
    let found = read.ok().and_then(|_| address_of(SANDBOX, &text));
    match found {
        Some(address) => Doorstep { address, host: SANDBOX.to_owned() },
        None => Doorstep { address: Ipv4Addr::LOCALHOST.into(), host: "127.0.0.1".to_owned() },
    }
}

/// The first address that a hosts file gives to a name.
pub fn address_of(name: &str, hosts: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|it| it.eq_ignore_ascii_case(name)).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_with_the_name_gives_the_address() {
        let hosts = "# local\n127.0.0.1 localhost\n169.254.79.1\tsandbox sandbox.localdomain # us\n\
                     10.0.0.1 sandbox.localdomain\n";
        assert_eq!(address_of(SANDBOX, hosts), "169.254.79.1".parse().ok());
    }

    #[test]
    fn comments_and_broken_lines_give_none() {
        for hosts in ["", "# 1.2.3.4 sandbox.localdomain", "nonsense sandbox.localdomain", "\u{0}"]
        {
            assert_eq!(address_of(SANDBOX, hosts), None);
        }
    }
}
