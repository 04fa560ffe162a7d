//! The gate before pages and API: who comes, and where they go to say who they are.
//!
//! `serve` and the console door put it around everything. On the loopback nobody has to say who they are; behind an authorizer
//! somebody else has asked them; else they have a session, which began with a token or at a provider, or send a token with each request,
//! as machines do. Whoever has neither is led to `/sign-in` if they want a page, and told so (401) if they want anything else.
//!
//! Nothing is remembered here but failures: sessions lie with browsers, sealed. So signing out ends a session in the browser that
//! does it; all of them end when the key is changed.
//!
//! **Invariant.** What needs nobody is written down in one list; everything else has a [`Viewer`], or is not reached.

mod attempts;
mod cookie;
pub mod forwarded;
mod knock;
pub mod provider;
mod seal;

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method,
        header::{ACCEPT, AUTHORIZATION, LOCATION, SET_COOKIE},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use overtime_wire::EpochMillis;
use url::Url;

use self::{
    attempts::Attempts,
    cookie::{Cookie, Transport},
    provider::Provider,
    seal::{Keys, Purpose},
};
pub use self::{
    knock::{Asked, Refused, own_path},
    seal::NoKeys,
};
use crate::{
    api::{
        problem::Problem,
        viewer::{Csrf, Role, Viewer},
    },
    channels::{
        post::NoClient,
        secret::{Origin, Secret, SecretError, Vault},
    },
    domain::{
        base::Base,
        configuration::SecretRef,
        session::{Right, Session, Standing},
        token::{self, Held, NoHashes, Token},
    },
    egress,
    settings::sign_in::{Mode, Ourselves, Place, SignIn},
};

/// What needs nobody: whether all is well, what a sign-in page is made of, and the way in, which asks for itself.
const OPEN: [&str; 5] =
    ["/healthz", "/v1/batches", "/sign-in", "/sign-in/start", "/sign-in/callback"];
const OPEN_BELOW: &str = "/assets/";

/// The gate. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mode: Mode,
    /// What browsers know us by, if it was said.
    url: Option<Url>,
    transport: Transport,
    provider: Option<Provider>,
    vault: Vault,
    attempts: Attempts,
    /// What stands for a key where none was given.
    drawn: Keys,
    /// Whoever sits at this machine.
    local: Viewer,
    clock: fn() -> EpochMillis,
}

/// How people sign in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Not at all.
    None,
    Token,
    Provider,
}

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
pub enum NoGate {
    #[error("there is no randomness to be had")]
    Entropy,
    #[error(transparent)]
    Client(#[from] NoClient),
    /// A setting, and what is wrong with what it refers to.
    #[error("{0} {1}")]
    Secret(&'static str, SecretError),
    #[error("OVERTIME_TOKENS {0}")]
    Tokens(#[from] NoHashes),
    #[error("OVERTIME_SESSION_KEY {0}")]
    Key(#[from] NoKeys),
}

/// Somebody at the gate.
#[derive(Debug)]
struct Recognised {
    viewer: Viewer,
    /// Their session, written down anew.
    renewed: Option<HeaderValue>,
}

impl Gate {
    pub fn new(settings: SignIn, place: Place, clock: fn() -> EpochMillis) -> Result<Self, NoGate> {
        Self::with_vault(settings, place, (egress::vault(), clock))
    }

    fn with_vault(
        settings: SignIn,
        place: Place,
        (vault, clock): (Vault, fn() -> EpochMillis),
    ) -> Result<Self, NoGate> {
        let provider = match &settings.mode {
            Mode::Ourselves(it) => it.provider.clone().map(Provider::new).transpose()?,
            Mode::Nobody | Mode::Authorizer(_) => None,
        };
        let secure =
            settings.url.as_ref().map_or(place == Place::Lambda, |it| it.scheme() == "https");
        let csrf = Csrf::new(text(draw::<16>().ok_or(NoGate::Entropy)?));
        Ok(Self(Arc::new(Inner {
            mode: settings.mode,
            url: settings.url,
            transport: if secure { Transport::Secure } else { Transport::Plain },
            provider,
            vault,
            attempts: Attempts::new(draw().ok_or(NoGate::Entropy)?),
            drawn: Keys::of(draw().ok_or(NoGate::Entropy)?).ok_or(NoGate::Entropy)?,
            local: Viewer::local().with_csrf(csrf),
            clock,
        })))
    }

    /// Looks at everything that is referred to, so that what is wrong is said at the start and not to whoever comes first.
    pub async fn try_keys(&self) -> Result<(), NoGate> {
        let Mode::Ourselves(it) = &self.0.mode else { return Ok(()) };
        self.held(it).await?;
        self.keys(it).await?;
        self.client_secret().await?;
        if it.key.is_none() {
            tracing::info!("OVERTIME_SESSION_KEY is not set: sessions end with this process");
        }
        Ok(())
    }

    pub fn way(&self) -> Way {
        match &self.0.mode {
            Mode::Nobody | Mode::Authorizer(_) => Way::None,
            Mode::Ourselves(it) if it.provider.is_some() => Way::Provider,
            Mode::Ourselves(_) => Way::Token,
        }
    }

    /// What people know their provider by.
    pub fn provider(&self) -> Option<&str> {
        let issuer = self.0.provider.as_ref()?.issuer();
        let host = issuer.split_once("://").map_or(issuer, |(_, it)| it);
        host.split('/').next()
    }

    fn now(&self) -> EpochMillis {
        (self.0.clock)()
    }

    /// Who sends these headers.
    async fn recognise(
        &self,
        headers: &HeaderMap,
        from: Option<IpAddr>,
    ) -> Result<Option<Recognised>, Refused> {
        let Mode::Ourselves(it) = &self.0.mode else { return Ok(None) };
        if let Some(bearer) = bearer(headers) {
            let (right, viewer) = self.known(it, bearer, from).await?;
            tracing::debug!(viewer = &*viewer.name, ?right, "a token is let in");
            return Ok(Some(Recognised { viewer, renewed: None }));
        }
        let Some(session) = self.session(it, headers).await? else { return Ok(None) };
        let now = self.now();
        let standing = session.standing(it.lifetime, now);
        if standing == Standing::Over {
            return Ok(None);
        }
        let role = match &session.right {
            Right::Viewer => Some(Role::Viewer),
            Right::Operator => Some(Role::Operator),
            Right::Admin => Some(Role::Admin),
            Right::Token(mark) => self.role_of(it, mark).await?,
        };
        let Some(role) = role else { return Ok(None) };
        let csrf = Csrf::new(session.csrf.as_str());
        let viewer = Viewer::new(session.name.as_str(), role).with_csrf(csrf);
        let renewed = match standing {
            Standing::Renew => Some(self.keep(it, &session.used(now)).await?),
            Standing::Good | Standing::Over => None,
        };
        Ok(Some(Recognised { viewer, renewed }))
    }

    async fn session(
        &self,
        it: &Ourselves,
        headers: &HeaderMap,
    ) -> Result<Option<Session>, NoGate> {
        let Some(sealed) = Cookie::Session.find(self.0.transport, headers) else { return Ok(None) };
        let opened = self.keys(it).await?.open(Purpose::Session, sealed);
        Ok(opened.and_then(|it| Session::read(&it)))
    }

    /// A session as the browser keeps it.
    async fn keep(&self, it: &Ourselves, session: &Session) -> Result<HeaderValue, NoGate> {
        let nonce = draw().ok_or(NoGate::Entropy)?;
        let sealed = self.keys(it).await?.seal(Purpose::Session, &session.write(), nonce);
        let left = session.left(it.lifetime, self.now());
        let cookie = sealed.and_then(|it| Cookie::Session.keep(self.0.transport, &it, left));
        cookie.ok_or(NoGate::Entropy)
    }

    /// Whose token that is. Whoever guesses waits.
    async fn known(
        &self,
        it: &Ourselves,
        text: &str,
        from: Option<IpAddr>,
    ) -> Result<(Right, Viewer), Refused> {
        let now = self.now();
        if let Some(wait) = self.0.attempts.wait(from, now) {
            return Err(Refused::Throttled(wait));
        }
        let held = self.held(it).await?;
        let hashes = held.iter().map(|(_, it)| &it.hash);
        let found = Token::read(text).and_then(|it| token::find(&it, hashes));
        let Some((role, held)) = found.and_then(|at| held.get(at)) else {
            self.0.attempts.failed(from, now);
            tracing::warn!(
                from = from.map(tracing::field::display),
                "a token that is none was refused"
            );
            return Err(Refused::Token);
        };
        let mark = held.hash.mark();
        let name = held.name.clone().unwrap_or_else(|| format!("token {mark}"));
        Ok((Right::Token(mark), Viewer::new(name, *role)))
    }

    /// What a token is worth now.
    async fn role_of(&self, it: &Ourselves, mark: &str) -> Result<Option<Role>, NoGate> {
        let held = self.held(it).await?;
        Ok(held.iter().find(|(_, it)| it.hash.mark() == mark).map(|(role, _)| *role))
    }

    async fn held(&self, it: &Ourselves) -> Result<Vec<(Role, Held)>, NoGate> {
        let mut held = Vec::new();
        for (role, reference) in &it.tokens {
            let secret = self.open("OVERTIME_TOKENS", reference).await?;
            held.extend(token::read_list(secret.expose())?.into_iter().map(|it| (*role, it)));
        }
        // Of a token that is in two lists, the better role.
        held.sort_by_key(|(role, _)| *role);
        Ok(held)
    }

    async fn keys(&self, it: &Ourselves) -> Result<Keys, NoGate> {
        let Some(reference) = &it.key else { return Ok(self.0.drawn.clone()) };
        let secret = self.open("OVERTIME_SESSION_KEY", reference).await?;
        Ok(Keys::read(secret.expose())?)
    }

    async fn client_secret(&self) -> Result<Option<Secret>, NoGate> {
        let Mode::Ourselves(it) = &self.0.mode else { return Ok(None) };
        match it.provider.as_ref().and_then(|it| it.secret.as_ref()) {
            Some(it) => self.open("OVERTIME_OIDC_CLIENT_SECRET", it).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open(&self, name: &'static str, reference: &SecretRef) -> Result<Secret, NoGate> {
        let opened = self.0.vault.open((reference, Origin::Settings), self.now()).await;
        opened.map_err(|why| NoGate::Secret(name, why))
    }
}

/// Puts the gate before all that it is a layer of.
pub async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(gate.clone());
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let from = forwarded::from(&request);
    let recognised = gate.viewer_of(request.headers(), from, request.extensions().get()).await;
    let Recognised { viewer, renewed } = match recognised {
        Ok(Some(recognised)) => recognised,
        Ok(None) => return stranger(&gate, &request),
        Err(refused) => return refused.into_response(),
    };
    request.extensions_mut().insert(viewer);
    let mut response = next.run(request).await;
    // Whoever has just signed out has a cookie that counts.
    if let Some(cookie) = renewed.filter(|_| !response.headers().contains_key(SET_COOKIE)) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

impl Gate {
    async fn viewer_of(
        &self,
        headers: &HeaderMap,
        from: Option<IpAddr>,
        vouched: Option<&Viewer>,
    ) -> Result<Option<Recognised>, Refused> {
        let viewer = match &self.0.mode {
            Mode::Nobody => Some(self.0.local.clone()),
            Mode::Authorizer(_) => vouched.cloned(),
            Mode::Ourselves(_) => return self.recognise(headers, from).await,
        };
        Ok(viewer.map(|viewer| Recognised { viewer, renewed: None }))
    }
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || path.starts_with(OPEN_BELOW)
}

/// Leads people to where they can say who they are. Machines are told.
fn stranger(gate: &Gate, request: &Request) -> Response {
    let wants = |it: &HeaderValue| it.to_str().is_ok_and(|it| it.contains("text/html"));
    let is_person = request.headers().get_all(ACCEPT).iter().any(wants)
        && !request.uri().path().starts_with("/api/");
    if !is_person {
        return Problem::unauthenticated("sign in, or send a token: `authorization: Bearer …`")
            .into_response();
    }
    let base = request.extensions().get::<Base>().cloned().unwrap_or_default();
    // What was filled in is lost with the session, so the way leads back to the form.
    let target = if request.method() == Method::GET {
        request.uri().path_and_query().map_or("/", |it| it.as_str())
    } else {
        request.uri().path()
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("to", target);
    if Cookie::Session.find(gate.0.transport, request.headers()).is_some() {
        query.append_pair("over", "true");
    }
    redirect(&base.href(&format!("/sign-in?{}", query.finish())))
}

/// See other: whatever was asked, what follows is looked at.
pub fn redirect(target: &str) -> Response {
    (axum::http::StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn draw<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).is_ok().then_some(bytes)
}

fn text(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// How long whoever signs in anew is let wait at most, in whole seconds.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
