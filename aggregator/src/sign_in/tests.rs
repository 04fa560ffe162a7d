//! Who gets through the gate, as what, and for how long.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{Request, header::COOKIE},
    middleware,
    routing::get,
};
use tower::ServiceExt as _;

use super::*;
use crate::settings::Reader;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn clock() -> EpochMillis {
    EpochMillis(1_793_491_200_000 + NOW.get())
}

fn pass(time: Duration) {
    NOW.set(NOW.get() + i64::try_from(time.as_millis()).unwrap());
}

const OLD: &str = "b3ZlcnRpbWUncyBvbGQga2V5LCBvZiAzMiBieXRlcy4=";
const NEW: &str = "b3ZlcnRpbWUncyBuZXcga2V5LCBvZiAzMiBieXRlcy4=";

fn token(seed: u8) -> Token {
    Token::of([seed; token::LENGTH])
}

/// A gate before two paths that say who has come, and what can be changed behind its back.
struct World {
    gate: Gate,
    router: Router,
    secrets: Arc<Mutex<HashMap<String, String>>>,
}

impl World {
    fn with(settings: &[(&str, &str)]) -> Self {
        let on_lambda = settings.iter().any(|(_, it)| *it == "authorizer");
        let place = if on_lambda { Place::Lambda } else { Place::Machine };
        let lookup = |name: &str| {
            settings.iter().find(|(it, _)| *it == name).map(|(_, it)| (*it).to_owned())
        };
        let mut reader = Reader::new(lookup);
        let sign_in = reader.sign_in(place);
        let sign_in = reader.finish(sign_in).unwrap();
        let secrets: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let kept = Arc::clone(&secrets);
        let follow = move |name: &str| kept.lock().unwrap().get(name).cloned();
        let vault = Vault::new(Arc::new(follow), None);
        let gate = Gate::with_vault(sign_in, place, (vault, clock)).unwrap();
        let who = |viewer: Viewer| async move { format!("{} {}", viewer.name, viewer.role) };
        let router = Router::new()
            .route("/functions", get(who).post(who))
            .route("/api/v1/health", get(who))
            .route("/healthz", get(|| async { "ok" }))
            .layer(middleware::from_fn_with_state(gate.clone(), admit));
        Self { gate, router, secrets }
    }

    /// Tokens for an admin, anna, and for a viewer without a name.
    fn of_tokens() -> Self {
        let tokens = ("OVERTIME_TOKENS", "admin=env:ADMINS,viewer=env:VIEWERS");
        let key = ("OVERTIME_SESSION_KEY", "env:KEY");
        let world = Self::with(&[("OVERTIME_SIGN_IN", "token"), tokens, key]);
        world.keep("ADMINS", &format!("anna={}", token(1).hash()));
        world.keep("VIEWERS", &token(2).hash().to_string());
        world.keep("KEY", OLD);
        world
    }

    fn keep(&self, name: &str, secret: &str) {
        self.secrets.lock().unwrap().insert(name.to_owned(), secret.to_owned());
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)]) -> Told {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        let text =
            |name| head.headers.get(name).map(|it: &HeaderValue| it.to_str().unwrap().to_owned());
        Told {
            status: head.status.as_u16(),
            body: String::from_utf8(body.to_vec()).unwrap(),
            location: text(LOCATION),
            cookie: text(SET_COOKIE),
            challenge: text(axum::http::header::WWW_AUTHENTICATE),
            retry_after: text(axum::http::header::RETRY_AFTER),
        }
    }

    async fn page(&self, cookie: &str) -> Told {
        self.ask("GET /functions", &[(ACCEPT.as_str(), "text/html"), (COOKIE.as_str(), cookie)])
            .await
    }

    /// The cookie of whoever signs in with a token, as the browser sends it.
    async fn enter(&self, token: &Token) -> String {
        sent(self.gate.enter(token.expose(), None).await.unwrap().to_str().unwrap())
    }
}

struct Told {
    status: u16,
    body: String,
    location: Option<String>,
    cookie: Option<String>,
    challenge: Option<String>,
    retry_after: Option<String>,
}

fn sent(cookie: &str) -> String {
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn on_the_loopback_nobody_is_asked() {
    let world = World::with(&[]);
    assert_eq!(world.page("").await.body, "local admin");
    assert_eq!(world.gate.way(), Way::None);
    assert!(matches!(world.gate.enter(token(1).expose(), None).await, Err(Refused::Nowhere)));
}

#[tokio::test]
async fn whoever_is_not_known_is_led_to_where_they_can_say_who_they_are() {
    let world = World::of_tokens();
    let html = (ACCEPT.as_str(), "text/html,*/*");
    let page = world.ask("GET /functions?sort=name", &[html]).await;
    assert_eq!(page.status, 303);
    assert_eq!(page.location.as_deref(), Some("/sign-in?to=%2Ffunctions%3Fsort%3Dname"));
    let form = world.ask("POST /functions?sort=name", &[html]).await;
    assert_eq!(form.location.as_deref(), Some("/sign-in?to=%2Ffunctions"));
    for (line, accept) in [("GET /api/v1/health", html), ("GET /functions", ("accept", "*/*"))] {
        let told = world.ask(line, &[accept]).await;
        assert_eq!((told.status, told.location), (401, None), "{line}");
        assert_eq!(told.challenge.as_deref(), Some("Bearer realm=\"overtime\""));
        assert!(told.body.contains("\"status\":401"), "{}", told.body);
    }
    assert_eq!(world.ask("GET /healthz", &[]).await.body, "ok");
    assert_eq!(world.ask("GET /nowhere", &[html]).await.status, 303, "not even that is told");
}

#[tokio::test]
async fn a_token_begins_a_session_which_says_who_has_it() {
    let world = World::of_tokens();
    let anna = world.enter(&token(1)).await;
    assert!(anna.starts_with("overtime=") && !anna.contains("anna"), "{anna}");
    assert_eq!(world.page(&anna).await.body, "anna admin");
    let other = world.enter(&token(2)).await;
    assert_eq!(world.page(&other).await.body, format!("token {} viewer", token(2).hash().mark()));
    for wrong in ["", "overtime_", token(3).expose()] {
        assert!(matches!(world.gate.enter(wrong, None).await, Err(Refused::Token)), "{wrong}");
    }
    let changed = anna.replace("overtime=", "overtime=A");
    let told = world.page(&changed).await;
    assert_eq!(told.location.as_deref(), Some("/sign-in?to=%2Ffunctions&over=true"));
}

#[tokio::test]
async fn machines_send_their_token_with_each_request() {
    let world = World::of_tokens();
    let bearer = format!("Bearer {}", token(2).expose());
    let told = world.ask("GET /api/v1/health", &[("authorization", &bearer)]).await;
    assert_eq!((told.status, told.body.ends_with(" viewer")), (200, true), "{}", told.body);
    assert_eq!(told.cookie, None);
    let wrong = format!("bearer {}", token(9).expose());
    let told = world.ask("GET /api/v1/health", &[("authorization", &wrong)]).await;
    assert_eq!((told.status, told.challenge.is_some()), (401, true));
}

#[tokio::test]
async fn whoever_guesses_waits_and_sessions_go_on() {
    let world = World::of_tokens();
    let anna = world.enter(&token(1)).await;
    let wrong = format!("Bearer {}", token(9).expose());
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let told = world.ask("GET /api/v1/health", &[("authorization", &wrong)]).await;
        statuses.push((told.status, told.retry_after));
    }
    assert_eq!(statuses[9], (401, None));
    assert_eq!(statuses[10], (429, Some("6".to_owned())));
    let right = format!("Bearer {}", token(1).expose());
    assert_eq!(world.ask("GET /api/v1/health", &[("authorization", &right)]).await.status, 429);
    assert_eq!(world.page(&anna).await.status, 200);
    pass(Duration::from_mins(2));
    assert_eq!(world.ask("GET /api/v1/health", &[("authorization", &right)]).await.status, 200);
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_follows_its_role() {
    let world = World::of_tokens();
    let anna = world.enter(&token(1)).await;
    world.keep("VIEWERS", &format!("{}\nanna={}", token(2).hash(), token(1).hash()));
    world.keep("ADMINS", &token(5).hash().to_string());
    assert_eq!(world.page(&anna).await.body, "anna viewer");
    world.keep("VIEWERS", &token(2).hash().to_string());
    assert_eq!(world.page(&anna).await.status, 303);
}

#[tokio::test]
async fn a_session_that_is_used_goes_on_until_its_whole_time_is_over() {
    let world = World::of_tokens();
    let mut cookie = world.enter(&token(1)).await;
    assert_eq!(world.page(&cookie).await.cookie, None, "what was just used need not be said again");
    for _ in 0..14 {
        pass(Duration::from_mins(50));
        let told = world.page(&cookie).await;
        assert_eq!(told.status, 200);
        cookie = sent(&told.cookie.unwrap());
    }
    pass(Duration::from_mins(20));
    let told = world.page(&cookie).await;
    assert_eq!((told.status, told.cookie), (303, None), "twelve hours are over");

    let unused = world.enter(&token(1)).await;
    pass(Duration::from_hours(1));
    assert_eq!(world.page(&unused).await.status, 303, "an hour without use");
}

#[tokio::test]
async fn keys_are_changed_without_sending_anybody_away() {
    let world = World::of_tokens();
    let before = world.enter(&token(1)).await;
    world.keep("KEY", &format!("{NEW} {OLD}"));
    assert_eq!(world.page(&before).await.status, 200);
    let after = world.enter(&token(1)).await;
    world.keep("KEY", NEW);
    assert_eq!(world.page(&after).await.status, 200);
    assert_eq!(world.page(&before).await.status, 303);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_said_at_the_start_and_lets_nobody_in() {
    let world = World::of_tokens();
    let anna = world.enter(&token(1)).await;
    world.gate.try_keys().await.unwrap();
    world.keep("KEY", "short");
    let why = world.gate.try_keys().await.unwrap_err().to_string();
    assert!(why.starts_with("OVERTIME_SESSION_KEY refers to something that is not"), "{why}");
    let told = world.page(&anna).await;
    assert_eq!((told.status, told.retry_after.is_some()), (503, true));
    assert!(!told.body.contains("OVERTIME_SESSION_KEY"), "only the log names it: {}", told.body);
    world.keep("ADMINS", "no hash");
    let why = world.gate.try_keys().await.unwrap_err().to_string();
    assert!(why.starts_with("OVERTIME_TOKENS refers to"), "{why}");
    world.secrets.lock().unwrap().remove("ADMINS");
    let why = world.gate.try_keys().await.unwrap_err().to_string();
    assert_eq!(why, "OVERTIME_TOKENS refers to variable ADMINS, which is not set");
}

#[tokio::test]
async fn behind_an_authorizer_its_word_is_taken_and_nobody_elses() {
    let world = World::with(&[("OVERTIME_SIGN_IN", "authorizer")]);
    assert_eq!(world.gate.way(), Way::None);
    let told = world.ask("GET /api/v1/health", &[("authorization", "Bearer any")]).await;
    assert_eq!(told.status, 401);
    let vouched = Viewer::new("arn:aws:iam::111122223333:role/a", Role::Operator);
    let router = world.router.layer(axum::Extension(vouched));
    let response = router.oneshot(Request::get("/functions").body(Body::empty()).unwrap()).await;
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn behind_https_cookies_are_the_hosts_own() {
    let tokens = ("OVERTIME_TOKENS", "admin=env:ADMINS");
    let url = ("OVERTIME_CONSOLE_URL", "https://overtime.example/tools/");
    let world = World::with(&[("OVERTIME_SIGN_IN", "token"), tokens, url]);
    world.keep("ADMINS", &token(1).hash().to_string());
    let cookie = world.gate.enter(token(1).expose(), None).await.unwrap();
    let cookie = cookie.to_str().unwrap();
    assert!(cookie.starts_with("__Host-overtime=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(world.page(&sent(cookie)).await.status, 200);
    assert_eq!(world.page(&sent(cookie).replace("__Host-", "")).await.status, 303);
}
