//! `overtime serve` as a process: whom it listens to.

use std::process::{Command, Output};

use sandbox::aggregator::Aggregator;
use sandbox::{binaries, http};

/// Asked to listen there, with nothing that would tell who calls.
fn asked_to_listen(address: &str) -> (Output, bool) {
    let data = tempfile::tempdir().unwrap();
    let kept = data.path().join("data");
    let mut serve = Command::new(binaries::overtime().unwrap());
    serve.args(["serve", "--listen", address, "--data"]).arg(&kept).env_clear();
    (serve.output().unwrap(), kept.exists())
}

#[test]
fn nobody_is_listened_to_beyond_loopback_without_authentication() {
    for address in [
        "0.0.0.0:0",
        "[::]:0",
        "192.168.1.20:8787",
        "10.0.0.7:0",
        "[fd00::7]:8787",
        "[fe80::1]:0",
        // The loopback under another name is taken for any address of its kind.
        "[::ffff:127.0.0.1]:0",
        "[::ffff:0.0.0.0]:0",
    ] {
        let (output, has_data) = asked_to_listen(address);
        assert_eq!(output.status.code(), Some(1), "{address}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        let begins = format!("overtime: --listen {address} is not a loopback address");
        assert!(said.starts_with(&begins), "{said}");
        assert!(said.contains("authentication") && said.contains("127.0.0.1"), "{said}");
        assert!(output.stdout.is_empty(), "it does not claim to listen");
        assert!(!has_data, "{address}: nothing is made before that is clear");
    }
}

#[tokio::test]
async fn loopback_has_more_addresses_than_one() {
    for address in ["127.0.0.1:0", "127.0.0.2:0"] {
        let overtime = binaries::overtime().unwrap();
        let aggregator = Aggregator::start(overtime, address.parse().unwrap()).await.unwrap();
        let url = format!("{}/api/v1/health", aggregator.url());
        let answer = http::client().unwrap().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{address}");
    }
}
