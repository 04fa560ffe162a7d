//! `/sign-in` and `/sign-out`: where somebody says who they are, and where they stop being it.
//!
//! The way in is a form for a token, which may be pasted, or a link to a provider. It is a link and not a form, because a policy that
//! lets forms go nowhere but to us lets them be redirected nowhere else either.

use askama::Template;
use axum::{
    Extension, Router,
    extract::{FromRequest as _, Query, Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{HOST, SET_COOKIE},
    },
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    Console,
    failure::Failure,
    form::Form,
    frame::{Frame, Section},
    look::Look,
};
use crate::sign_in::{self, Asked, Gate, Refused, Way, forwarded, own_path, provider::Return};

/// What brings somebody here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Why {
    /// Where they wanted to go.
    to: String,
    /// That they have signed out.
    out: bool,
    /// That their session is over.
    over: bool,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    /// Where to go afterwards.
    to: &'a str,
    /// Where the link to the provider leads; without one, there is a form for a token.
    start: Option<String>,
    provider: Option<&'a str>,
    notice: Option<&'static str>,
    fault: Option<String>,
}

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route("/sign-in", get(show).post(enter))
        .route("/sign-in/start", get(depart))
        .route("/sign-in/callback", get(arrive))
        .route("/sign-out", post(leave))
}

async fn show(
    State(_): State<Console>,
    Extension(gate): Extension<Gate>,
    Query(why): Query<Why>,
    look: Look,
) -> Response {
    let notice = match (why.out, why.over) {
        (true, _) => Some("You have signed out in this browser."),
        (false, true) => Some("Your session is over: sign in again."),
        (false, false) => None,
    };
    page(&look, &gate, (own_path(&why.to), notice, None))
}

/// The page, or the way past it where nobody signs in.
fn page(
    look: &Look,
    gate: &Gate,
    said: (&str, Option<&'static str>, Option<&Refused>),
) -> Response {
    let (to, notice, refused) = said;
    let way = gate.way();
    if way == Way::None {
        return sign_in::redirect(&look.base.href(to));
    }
    let frame = Frame::new(look, Section::Nowhere, "Sign in").still();
    let start = (way == Way::Provider).then(|| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
        frame.href(&format!("/sign-in/start?{query}"))
    });
    let fault = refused.map(ToString::to_string);
    let page = Page { frame, to, start, provider: gate.provider(), notice, fault };
    match page.render() {
        Ok(body) => (axum::response::Html(body)).into_response(),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the sign-in page could not be rendered");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page with what was wrong, and the status that says so.
fn refuse(look: &Look, gate: &Gate, (to, refused): (&str, &Refused)) -> Response {
    let problem = refused.problem();
    let mut response = page(look, gate, (to, None, Some(refused)));
    *response.status_mut() = problem.status();
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
    }
    response
}

async fn enter(
    State(_): State<Console>,
    Extension(gate): Extension<Gate>,
    look: Look,
    request: Request,
) -> Result<Response, Failure> {
    let from = forwarded::from(&request);
    let form: Form = Form::from_request(request, &()).await?;
    let to = own_path(form.text("to"));
    Ok(match gate.enter(form.text("token"), from).await {
        Ok(cookie) => keeping(&look.base.href(to), [cookie]),
        Err(refused) => refuse(&look, &gate, (to, &refused)),
    })
}

async fn depart(
    State(_): State<Console>,
    Extension(gate): Extension<Gate>,
    Query(why): Query<Why>,
    (look, headers): (Look, HeaderMap),
) -> Response {
    let to = own_path(&why.to);
    match gate.depart(&asked(&look, &headers), to).await {
        Ok((url, cookie)) => keeping(url.as_str(), [cookie]),
        Err(refused) => refuse(&look, &gate, (to, &refused)),
    }
}

async fn arrive(
    State(_): State<Console>,
    Extension(gate): Extension<Gate>,
    Query(back): Query<Return>,
    (look, headers): (Look, HeaderMap),
) -> Response {
    match gate.arrive(&asked(&look, &headers), &headers, back).await {
        Ok((to, cookies)) => keeping(&look.base.href(&to), cookies),
        Err(refused) => refuse(&look, &gate, ("/", &refused)),
    }
}

async fn leave(State(_): State<Console>, Extension(gate): Extension<Gate>, look: Look) -> Response {
    keeping(&look.base.href("/sign-in?out=true"), gate.leave())
}

fn asked(look: &Look, headers: &HeaderMap) -> Asked {
    let host = headers.get(HOST).and_then(|it| it.to_str().ok()).map(str::to_owned);
    Asked { host, base: look.base.clone() }
}

/// Leads on, with cookies.
fn keeping(target: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = sign_in::redirect(target);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
