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
        assert!(said.contains("OVERTIME_SIGN_IN"), "{said}");
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

/// A token and its hash, as the command makes them.
fn make_token(name: &str) -> (String, String) {
    let mut command = Command::new(binaries::overtime().unwrap());
    let output = command.args(["token", "--name", name]).env_clear().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (token, hash) = said.trim().split_once('\n').unwrap();
    (token.to_owned(), hash.to_owned())
}

/// What somebody asks for under a name, with a token perhaps.
async fn ask(
    aggregator: &Aggregator,
    path: &str,
    host: &str,
    token: Option<&str>,
) -> (u16, String) {
    let url = format!("{}{path}", aggregator.url());
    let mut request = http::client().unwrap().get(url).header("host", host);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn send_batch(aggregator: &Aggregator, headers: &[(&str, &str)]) -> (u16, String) {
    let url = format!("{}/v1/batches", aggregator.url());
    let mut request = http::client().unwrap().post(url).body("no batch");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn whoever_signs_in_is_listened_to_beyond_loopback_and_batches_are_not() {
    let (token, hash) = make_token("anna");
    assert!(token.starts_with("overtime_") && hash.starts_with("anna=sha256:"), "{hash}");
    let settings = [
        ("OVERTIME_SIGN_IN", "token"),
        ("OVERTIME_TOKENS", "admin=env:OVERTIME_TEST_HASHES"),
        ("OVERTIME_TEST_HASHES", &hash),
        ("OVERTIME_CONSOLE_URL", "https://overtime.example"),
        ("OVERTIME_HOSTS", "10.0.0.7"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // An address that counts as any, and that nobody else reaches.
    let listen = "[::ffff:127.0.0.1]:0".parse().unwrap();
    let overtime = binaries::overtime().unwrap();
    let aggregator = Aggregator::start_with(overtime, listen, settings).await.unwrap();

    for host in ["overtime.example", "10.0.0.7:8787", "127.0.0.1"] {
        let path = "/api/v1/audit";
        assert_eq!(ask(&aggregator, path, host, None).await.0, 401, "{host}");
        assert_eq!(ask(&aggregator, path, host, Some("overtime_guessed")).await.0, 401, "{host}");
        assert_eq!(ask(&aggregator, path, host, Some(&token)).await.0, 200, "{host}");
    }
    assert_eq!(ask(&aggregator, "/api/v1/audit", "evil.example", Some(&token)).await.0, 421);
    assert_eq!(ask(&aggregator, "/metrics", "overtime.example", None).await.0, 401);
    assert_eq!(ask(&aggregator, "/healthz", "10.1.2.3", None).await.0, 200, "it looks by address");
    let (status, page) = ask(&aggregator, "/sign-in", "overtime.example", None).await;
    assert!(status == 200 && page.contains("name=\"token\""), "{page}");

    for headers in [
        &[("host", "overtime.example")][..],
        &[("host", "127.0.0.1"), ("x-forwarded-for", "10.1.2.3")],
    ] {
        let (status, why) = send_batch(&aggregator, headers).await;
        assert_eq!(status, 403, "{headers:?}");
        assert!(why.contains("from the machine that `serve` runs on"), "{why}");
    }
    let (status, why) = send_batch(&aggregator, &[("host", "127.0.0.1")]).await;
    assert_eq!(status, 415, "from here it is looked at: {why}");
}
