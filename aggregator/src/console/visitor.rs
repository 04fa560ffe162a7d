//! Somebody who visits pages: over a store of their own, in a role, filling in forms as a browser does.

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header::LOCATION, response::Parts},
};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{Console, beside};
use crate::{
    api::{
        Reader,
        viewer::{Role, Viewer},
    },
    store::laboratory::{Laboratory, at},
};

/// What a page answers to a viewer.
pub(super) async fn answer(
    router: Router,
    viewer: Viewer,
    request: Request<Body>,
) -> (Parts, String) {
    let answered = router.layer(Extension(viewer)).oneshot(request).await.unwrap();
    let (head, body) = answered.into_parts();
    let body = to_bytes(body, 10_000_000).await.unwrap();
    (head, String::from_utf8(body.into()).unwrap())
}

/// What a reader reads of a page's main part: without tags.
pub(super) fn pieces(html: &str) -> Vec<&str> {
    let main = html.split_once("<main").map_or(html, |(_, it)| it);
    let main = main.split_once("</main>").map_or(main, |(it, _)| it);
    let pieces = main.split('<').filter_map(|it| it.split_once('>').map(|(_, it)| it.trim()));
    pieces.filter(|it| !it.is_empty()).collect()
}

pub(super) struct Visitor {
    pub(super) laboratory: Laboratory,
    pub(super) role: Role,
    environment: bool,
}

/// What a visitor sees.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) html: String,
}

impl Seen {
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// What a reader reads of the page's main part, a space between pieces.
    pub(super) fn text(&self) -> String {
        pieces(&self.html).join(" ")
    }

    #[track_caller]
    pub(super) fn says(&self, words: &str) {
        assert!(self.text().contains(words), "{words}\n{}", self.text());
    }

    #[track_caller]
    pub(super) fn has(&self, html: &str) {
        assert!(self.html.contains(html), "{html}\n{}", self.html);
    }

    #[track_caller]
    pub(super) fn lacks(&self, html: &str) {
        assert!(!self.html.contains(html), "{html}");
    }
}

impl Visitor {
    pub(super) async fn open() -> Self {
        Self { laboratory: Laboratory::open().await, role: Role::Admin, environment: false }
    }

    /// Where the environment names a webhook.
    pub(super) async fn with_environment() -> Self {
        Self { environment: true, ..Self::open().await }
    }

    pub(super) fn is(&mut self, role: Role) {
        self.role = role;
    }

    fn router(&self) -> Router {
        let store = self.laboratory.store.clone().with_environment(self.environment);
        let reader = Reader::new(store, || at(90_000));
        let api = crate::api::read(reader.clone());
        beside(api, Console::new(reader))
    }

    async fn ask(&self, request: Request<Body>) -> Seen {
        let (head, html) = answer(self.router(), Viewer::new("anna", self.role), request).await;
        let location = head.headers.get(LOCATION).map(|it| it.to_str().unwrap().to_owned());
        Seen { status: head.status.as_u16(), location: location.unwrap_or_default(), html }
    }

    pub(super) async fn get(&self, path: &str) -> Seen {
        self.ask(Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap())
            .await
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post_with(path, form, &[]).await
    }

    pub(super) async fn post_with(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Seen {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let mut request = Request::post(path)
            .header("host", "overtime.example")
            .header("origin", "https://overtime.example")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(body.finish())).unwrap()).await
    }

    /// Follows where a form leads to.
    pub(super) async fn posts(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        let seen = self.post(path, form).await.is(StatusCode::SEE_OTHER.as_u16());
        self.get(&seen.location).await.is(200)
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        let request = Request::get(path).body(Body::empty()).unwrap();
        serde_json::from_str(&self.ask(request).await.is(200).html).unwrap()
    }
}
