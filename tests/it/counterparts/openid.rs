//! Signing in at a real provider: `oidc-provider`, through `overtime serve` as a process, with a browser's cookies.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;
use sandbox::aggregator::Aggregator;
use sandbox::binaries;
use sandbox::openid::{Browser, Page, Provider};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Stage {
    aggregator: Aggregator,
    _provider: Provider,
}

impl Stage {
    async fn open(late: Duration, more: &[(&str, &str)]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = free.local_addr().unwrap();
        drop(free);
        let base = more.iter().find(|(name, _)| *name == "OVERTIME_BASE_PATH");
        let base = base.map_or("", |(_, it)| it);
        let redirect = format!("http://{address}{base}/sign-in/callback");
        let provider = Provider::start(&redirect, late).await.unwrap();
        let settings = [
            ("OVERTIME_SIGN_IN", "oidc"),
            ("OVERTIME_OIDC_ISSUER", provider.issuer()),
            ("OVERTIME_OIDC_CLIENT_ID", "overtime"),
            ("OVERTIME_OIDC_CLIENT_SECRET", "env:OVERTIME_TEST_CLIENT"),
            ("OVERTIME_TEST_CLIENT", "a secret of two"),
            ("OVERTIME_ADMINS", "platform"),
            ("OVERTIME_OPERATORS", "on-call"),
            ("OVERTIME_VIEWERS", "everybody"),
        ];
        let settings = settings.iter().chain(more);
        let settings: Vec<_> =
            settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let overtime = binaries::overtime().unwrap();
        let aggregator = Aggregator::start_with(overtime, address, settings).await.unwrap();
        Self { aggregator, _provider: provider }
    }

    fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.aggregator.url()).parse().unwrap()
    }

    /// Where the provider is asked, by somebody who wants to go to `to`.
    async fn begin(&self, browser: &mut Browser, to: &str) -> Url {
        let start = self.url(&format!("/sign-in/start?to={to}"));
        browser.look(start).await.unwrap().leads_to.unwrap()
    }

    /// Signs somebody in from the first page on. The answer is what they see in the end.
    async fn sign_in(&self, browser: &mut Browser, name: &str) -> Page {
        let authorize = self.begin(browser, "/").await;
        let back = browser.sign_in(authorize, name).await.unwrap().unwrap();
        browser.look(back).await.unwrap()
    }
}

fn silence() -> Value {
    json!({ "matchers": { "functions": ["pay-*"] }, "comment": "A migration" })
}

fn channel() -> Value {
    json!({ "name": "Bus", "kind": { "eventbridge": { "bus": "default" } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_at_their_provider_and_are_what_it_says_they_are() {
    let stage = Stage::open(Duration::ZERO, &[]).await;
    for (name, known_as, statuses) in [
        ("anna", "anna@example.com", [201, 201]),
        ("ben", "ben (ben)", [201, 403]),
        ("cleo", "cleo", [403, 403]),
    ] {
        let mut browser = Browser::open().unwrap();
        let wanted = stage.url("/deliveries?status=dead");
        let page = browser.visit(wanted.clone()).await.unwrap();
        assert_eq!((page.status, page.url.path()), (200, "/sign-in"), "{}", page.body);
        let start = page.link("/sign-in/start").unwrap();
        let authorize = browser.look(start).await.unwrap().leads_to.unwrap();
        let asked = |name: &str| authorize.query_pairs().any(|(it, _)| it == name);
        assert!(asked("code_challenge") && asked("nonce") && asked("state"), "{authorize}");
        let back = browser.sign_in(authorize, name).await.unwrap().unwrap();
        let arrived = browser.look(back).await.unwrap();
        assert_eq!(arrived.leads_to, Some(wanted), "where they wanted to go: {}", arrived.body);
        assert!(browser.cookie("overtime-flow").is_none(), "it is used once");

        let (silences, channels) = (stage.url("/api/v1/silences"), stage.url("/api/v1/channels"));
        let mut body = silence();
        body["id"] = json!(format!("quiet-{name}"));
        let quietened = browser.post_json(silences, &body).await.unwrap();
        body = channel();
        body["id"] = json!(format!("bus-{name}"));
        let made = browser.post_json(channels, &body).await.unwrap();
        assert_eq!(
            [quietened.status, made.status],
            statuses,
            "{name}: {} {}",
            quietened.body,
            made.body
        );
        let home = browser.look(stage.url("/")).await.unwrap();
        assert!(
            home.body.contains(&format!("Signed in as <b class=\"name\">{known_as}")),
            "{name}"
        );
        let audit = browser.look(stage.url("/api/v1/audit?limit=1")).await.unwrap();
        let audit: Value = serde_json::from_str(&audit.body).unwrap();
        if statuses[0] == 201 {
            assert_eq!(audit["items"][0]["by"], known_as, "{audit:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_provider_knows_and_nobody_has_given_a_role_stays_outside() {
    let stage = Stage::open(Duration::ZERO, &[]).await;
    let mut browser = Browser::open().unwrap();
    let page = stage.sign_in(&mut browser, "dora").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("dora has no role here"), "{}", page.body);
    assert!(browser.cookie("overtime").is_none());
    let home = browser.look(stage.url("/")).await.unwrap();
    assert_eq!(home.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_begun_in_this_browser_is_refused() {
    let stage = Stage::open(Duration::ZERO, &[]).await;
    let mut browser = Browser::open().unwrap();
    let authorize = stage.begin(&mut browser, "/").await;
    let back = browser.sign_in(authorize, "anna").await.unwrap().unwrap();

    // Somebody else's way back, in a browser that has begun nothing, and in one that has begun another.
    let mut victim = Browser::open().unwrap();
    let page = victim.look(back.clone()).await.unwrap();
    assert_eq!(page.status, 403);
    assert!(page.body.contains("not begun in this browser"), "{}", page.body);
    stage.begin(&mut victim, "/").await;
    assert_eq!(victim.look(back.clone()).await.unwrap().status, 403);
    assert!(victim.cookie("overtime").is_none());

    // The right browser with a state that was changed on the way.
    let mut changed = back.clone();
    let pairs: Vec<_> = back.query_pairs().into_owned().collect();
    let pairs =
        pairs.iter().map(|(name, value)| (name, if name == "state" { "guessed" } else { value }));
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    assert_eq!(browser.look(changed).await.unwrap().status, 403);
    assert_eq!(browser.look(back).await.unwrap().status, 303, "the right one is let in");
    assert!(browser.cookie("overtime").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_another_nonce_is_not_believed() {
    let stage = Stage::open(Duration::ZERO, &[]).await;
    let mut browser = Browser::open().unwrap();
    let authorize = stage.begin(&mut browser, "/").await;
    // As if a token that was made for another sign-in were handed to this one.
    let mut other = authorize.clone();
    let pairs: Vec<_> = authorize.query_pairs().into_owned().collect();
    let pairs =
        pairs.iter().map(|(name, value)| (name, if name == "nonce" { "another" } else { value }));
    other.query_pairs_mut().clear().extend_pairs(pairs);
    let back = browser.sign_in(other, "anna").await.unwrap().unwrap();
    let page = browser.look(back).await.unwrap();
    assert_eq!(page.status, 403);
    assert!(page.body.contains("cannot be believed"), "{}", page.body);
    assert!(stage.aggregator.said().contains("nonce"), "{}", stage.aggregator.said());
    assert!(browser.cookie("overtime").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_over_is_not_believed() {
    let stage = Stage::open(Duration::from_hours(2), &[]).await;
    let mut browser = Browser::open().unwrap();
    let page = stage.sign_in(&mut browser, "anna").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("cannot be believed"), "{}", page.body);
    assert!(stage.aggregator.said().contains("xpired"), "{}", stage.aggregator.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_somebody_signs_out_and_when_its_time_is_over() {
    let more = [("OVERTIME_BASE_PATH", "/tools"), ("OVERTIME_SESSION_MAX", "8s")];
    let stage = Stage::open(Duration::ZERO, &more).await;
    let mut browser = Browser::open().unwrap();
    let start = browser.look(stage.url("/tools/sign-in/start?to=//evil.example")).await.unwrap();
    let back = browser.sign_in(start.leads_to.unwrap(), "anna").await.unwrap().unwrap();
    let arrived = browser.look(back).await.unwrap();
    assert_eq!(arrived.leads_to, Some(stage.url("/tools/")), "and not to somebody else's page");
    let home = browser.look(stage.url("/tools/")).await.unwrap();
    let csrf = home.field("csrf").unwrap().to_owned();
    let session = browser.cookie("overtime").unwrap().to_owned();

    let forged = browser.fill(stage.url("/tools/sign-out"), &[("csrf", "guessed")]).await.unwrap();
    assert_eq!(forged.status, 403);
    let out = browser.fill(stage.url("/tools/sign-out"), &[("csrf", &csrf)]).await.unwrap();
    assert_eq!(out.leads_to, Some(stage.url("/tools/sign-in?out=true")));
    assert!(browser.cookie("overtime").is_none());
    assert_eq!(browser.look(stage.url("/tools/")).await.unwrap().status, 303);

    // Whoever has kept the cookie is out when its time is over.
    tokio::time::sleep(Duration::from_secs(8)).await;
    browser.keep("overtime", &session);
    let over = browser.visit(stage.url("/tools/")).await.unwrap();
    assert!(over.body.contains("Your session is over"), "{}", over.body);
}
