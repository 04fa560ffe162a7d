//! Forms: that one was meant, and what was filled in.
//!
//! Every change that a page offers is a form, which works without scripts, and which a page of any other site could send as well. So
//! [`meant`] stands before all pages: a form must come from a page of our own, and hold the token of the session that page was made
//! for, which no other site can read. Where the viewer has no session, their browser must say where the form comes from.
//!
//! **Invariant.** No handler of a page sees a change that this has not looked at.

use std::fmt;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, Request},
    http::header::ORIGIN,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{failure::Failure, field::Fields};
use crate::api::{
    author::{check_type, from_our_page},
    problem::Problem,
    viewer::Viewer,
};

const FORM: &str = "application/x-www-form-urlencoded";
/// What the hidden field is called.
const CSRF: &str = "csrf";
/// How long a form may be: a subscription that names a hundred functions has a tenth of that.
const FORM_MAX: usize = 256 * 1024;

/// Turns away what a foreign page has sent.
pub(super) async fn meant(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match check(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => Failure::from(problem).into_response(),
    }
}

async fn check(request: Request) -> Result<Request, Problem> {
    from_our_page(&request)?;
    check_type(request.headers(), FORM)?;
    let (head, body) = request.into_parts();
    let bytes = bounded(body).await?;
    match head.extensions.get::<Viewer>().and_then(|it| it.csrf.as_ref()) {
        Some(csrf) if pairs(&bytes).any(|(name, value)| name == CSRF && csrf.is(&value)) => {}
        Some(_) => {
            let why = "the form is of another session, or of one that is over: load its page again";
            return Err(Problem::forbidden(why));
        }
        None if head.headers.contains_key("sec-fetch-site")
            || head.headers.contains_key(ORIGIN) => {}
        None => return Err(Problem::forbidden("the browser does not say where the form is from")),
    }
    Ok(Request::from_parts(head, bytes.into()))
}

async fn bounded(body: Body) -> Result<Bytes, Problem> {
    let read = to_bytes(body, FORM_MAX).await;
    read.map_err(|_| Problem::too_large(format!("a form has at most {FORM_MAX} bytes")))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned()))
}

/// What was filled in, as it was, so that a form with a fault can be shown again.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// A field without the spaces around it, which is empty where it was not sent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// A field that may be there more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.trim())
    }

    /// The same as what a form shows.
    pub(super) fn fields(&self) -> Fields {
        Fields::of(self.0.iter().map(|(name, value)| (name.clone(), value.trim().to_owned())))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = bounded(request.into_body()).await?;
        Ok(Self(pairs(&bytes).filter(|(name, _)| name != CSRF).collect()))
    }
}

/// The hidden field that every form has: `{{ frame.csrf() }}`.
#[derive(Debug)]
pub(super) struct Hidden<'a>(&'a Viewer);

pub(super) fn hidden(viewer: &Viewer) -> Hidden<'_> {
    Hidden(viewer)
}

impl fmt::Display for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token is letters and digits: there is nothing in it to be escaped.
        match &self.0.csrf {
            Some(csrf) => {
                write!(f, r#"<input type="hidden" name="{CSRF}" value="{}">"#, csrf.as_str())
            }
            None => Ok(()),
        }
    }
}

impl askama::filters::HtmlSafe for Hidden<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::viewer::{Csrf, Role};

    /// The status that a form hears.
    async fn sent(viewer: Option<Viewer>, headers: &[(&str, &str)], body: &'static str) -> u16 {
        let mut request = Request::post("/silences").header("host", "overtime.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        if let Some(viewer) = viewer {
            request.extensions_mut().insert(viewer);
        }
        match check(request).await {
            Ok(request) => {
                let form = Form::from_request(request, &()).await.unwrap();
                assert!(
                    form.all(CSRF).next().is_none() && form.text("comment") == "a b",
                    "{form:?}"
                );
                200
            }
            Err(problem) => problem.into_response().status().as_u16(),
        }
    }

    const TYPE: (&str, &str) = ("content-type", FORM);
    const OURS: (&str, &str) = ("origin", "https://overtime.example");
    const BODY: &str = "comment=+a+b&csrf=abc";

    fn viewer() -> Viewer {
        Viewer::new("somebody", Role::Operator).with_csrf(Csrf::new("abc"))
    }

    #[tokio::test]
    async fn a_form_holds_the_token_of_its_session() {
        for headers in [&[TYPE][..], &[TYPE, OURS]] {
            assert_eq!(sent(Some(viewer()), headers, BODY).await, 200);
            assert_eq!(sent(Some(viewer()), headers, "comment=a+b&csrf=abd").await, 403);
            assert_eq!(sent(Some(viewer()), headers, "comment=a+b").await, 403);
        }
        let foreign = ("origin", "https://evil.example");
        assert_eq!(sent(Some(viewer()), &[TYPE, foreign], BODY).await, 403);
        assert_eq!(sent(Some(viewer()), &[TYPE, ("sec-fetch-site", "same-site")], BODY).await, 403);
        assert_eq!(sent(Some(viewer()), &[("content-type", "text/plain")], BODY).await, 415);
    }

    #[tokio::test]
    async fn without_a_session_the_browser_says_where_a_form_is_from() {
        for viewer in [None, Some(Viewer::local())] {
            assert_eq!(sent(viewer.clone(), &[TYPE, OURS], BODY).await, 200);
            assert_eq!(
                sent(viewer.clone(), &[TYPE, ("sec-fetch-site", "same-origin")], BODY).await,
                200
            );
            assert_eq!(sent(viewer, &[TYPE], BODY).await, 403);
        }
    }

    #[tokio::test]
    async fn a_form_is_bounded() {
        let body = Body::from(vec![b'a'; FORM_MAX + 1]);
        assert_eq!(bounded(body).await.unwrap_err().into_response().status(), 413);
    }

    #[test]
    fn the_field_is_there_where_there_is_a_token() {
        let field = hidden(&viewer()).to_string();
        assert_eq!(field, r#"<input type="hidden" name="csrf" value="abc">"#);
        assert_eq!(hidden(&Viewer::local()).to_string(), "");
    }
}
