//! What the guard admits, by URL and by resolved address.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(allowed: &str, url: &str, expected: Result<(), Refused>) {
    let guard: Guard = allowed.parse().unwrap();
    assert_eq!(guard.check(&Url::parse(url).unwrap()), expected, "{url}");
}

fn refused(address: &str) -> Result<(), Refused> {
    Err(Refused::Address(address.parse().unwrap()))
}

#[test]
fn public_targets_are_admitted_over_https_alone() {
    check("", "https://hooks.example.com/services/1", Ok(()));
    check("", "https://1.1.1.1/", Ok(()));
    check("", "https://[2606:4700:4700::1111]/", Ok(()));
    check("", "http://hooks.example.com/", Err(Refused::Plain));
    check("", "http://1.1.1.1/", Err(Refused::Plain));
    check("", "ftp://hooks.example.com/", Err(Refused::Scheme));
    check("", "https://user:password@hooks.example.com/", Err(Refused::Credentials));
}

#[test]
fn addresses_of_our_own_network_are_refused_however_they_are_written() {
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://127。0。0。1/",
    ] {
        check("", url, refused("127.0.0.1"));
    }
    check("", "https://169.254.169.254/latest/meta-data/", refused("169.254.169.254"));
    check("", "https://[fd00:ec2::254]/", refused("fd00:ec2::254"));
    check("", "https://[::ffff:169.254.169.254]/", refused("::ffff:169.254.169.254"));
    check("", "https://[::127.0.0.1]/", refused("::127.0.0.1"));
    check("", "https://[64:ff9b::10.0.0.1]/", refused("64:ff9b::10.0.0.1"));
    check("", "https://[2002:a00:1::]/", refused("2002:a00:1::"));
    for address in [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
    ] {
        check("", &format!("https://{address}/"), refused(address));
    }
    for address in
        ["::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "2001::1"]
    {
        check("", &format!("https://[{address}]/"), refused(address));
    }
}

#[test]
fn a_list_admits_what_it_names_also_over_plain_http() {
    check("127.0.0.0/8, 10.1.0.0/16", "http://127.0.0.1:9000/hook", Ok(()));
    check("127.0.0.0/8", "https://[::ffff:127.0.0.1]/", Ok(()));
    check("10.1.0.0/16", "https://10.1.2.3/", Ok(()));
    check("10.1.0.0/16", "https://10.2.0.1/", refused("10.2.0.1"));
    check("10.1.0.0/16", "http://1.1.1.1/", Err(Refused::Plain));
    check("::1", "http://[::1]:9000/", Ok(()));
    check("127.0.0.0/8", "http://localhost:9000/", Ok(()));
    assert_eq!("127.0.0.0/8, nonsense".parse::<Guard>(), Err(InvalidNetworks));
}

#[test]
fn of_what_a_name_resolves_to_only_admitted_addresses_are_used() {
    let found = ["10.0.0.1:0", "1.1.1.1:0", "[::1]:0"].map(|it| it.parse().unwrap());
    let guard = Guard::default();
    let public = vec![found[1]];
    assert_eq!(sift(&guard, Scheme::Secure, &found), Ok(public));
    assert_eq!(
        sift(&guard, Scheme::Secure, &found[..1]),
        Err(Refused::Address("10.0.0.1".parse().unwrap()))
    );
    assert_eq!(sift(&guard, Scheme::Plain, &found), Err(Refused::Plain));
    assert_eq!(sift(&guard, Scheme::Secure, &[]), Err(Refused::Host));
}

#[tokio::test]
async fn a_name_for_the_loopback_is_not_resolved_unless_it_is_listed() {
    let url = Url::parse("https://localhost/").unwrap();
    let resolve = |guard: Guard| guard.resolver_for(&url).resolve("localhost".parse().unwrap());
    assert!(resolve(Guard::default()).await.is_err());
    let listed: Guard = "127.0.0.0/8,::1".parse().unwrap();
    assert!(resolve(listed).await.is_ok_and(|mut it| it.all(|it| it.ip().is_loopback())));
}

proptest! {
    #[test]
    fn an_ipv4_address_is_judged_alike_in_every_dress(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = v4.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        let dresses = [
            v4.to_ipv6_mapped(),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        ];
        for dress in dresses {
            prop_assert_eq!(is_public(dress.into()), is_public_v4(v4), "{}", dress);
        }
        let number = Url::parse(&format!("https://{bits}/")).unwrap();
        prop_assert_eq!(Guard::default().check(&number).is_ok(), is_public_v4(v4));
    }

    #[test]
    fn nothing_that_the_standard_library_calls_special_is_public(bits: u32, wide: u128) {
        let v4 = Ipv4Addr::from_bits(bits);
        if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_documentation() || v4.is_unspecified() {
            prop_assert!(!is_public(v4.into()));
        }
        let v6 = Ipv6Addr::from_bits(wide);
        if v6.is_loopback() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local() {
            prop_assert!(!is_public(v6.into()));
        }
    }
}
