//! Who looks, what they may do, and as whom they are written down when they do it.
//!
//! Whoever mounts the routes says who calls by a [`Viewer`] in the request's extensions: `serve` from a session or a token, a Lambda
//! door from its authorizer, or as `serve` does.
//!
//! **Invariant.** Without a viewer nothing is changed, and what a role may not is refused here and not only hidden.

use std::{convert::Infallible, fmt, sync::Arc};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use subtle::ConstantTimeEq as _;

use crate::api::problem::Problem;
pub use crate::domain::role::Role;

/// Who is on the loopback of the machine that `serve` runs on.
pub const LOCAL: &str = "local";

/// What a form of this viewer's must hold, so that no other site's page can have filled it in.
#[derive(Clone, PartialEq, Eq)]
pub struct Csrf(Arc<str>);

/// Who looks.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// As the door knows them: an address, a subject, an ARN, or `local`.
    pub name: Arc<str>,
    pub role: Role,
    /// `None` where whoever vouches for the viewer gives us no session to bind it to.
    pub csrf: Option<Csrf>,
}

impl Csrf {
    pub fn new(token: impl Into<Arc<str>>) -> Self {
        Self(token.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether that is it, in a time that does not tell how much of it is.
    pub fn is(&self, token: &str) -> bool {
        self.0.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Csrf(..)")
    }
}

impl Viewer {
    pub fn new(name: impl Into<Arc<str>>, role: Role) -> Self {
        Self { name: name.into(), role, csrf: None }
    }

    /// Whoever sits at this machine.
    pub fn local() -> Self {
        Self::new(LOCAL, Role::Admin)
    }

    #[must_use]
    pub fn with_csrf(self, csrf: Csrf) -> Self {
        Self { csrf: Some(csrf), ..self }
    }

    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    pub fn must_be(&self, role: Role) -> Result<(), Problem> {
        if self.may(role) {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this needs the role {role}, and yours is {}", self.role)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let viewer = parts.extensions.get::<Self>().cloned();
        viewer.ok_or_else(|| Problem::forbidden("nobody vouches for the caller"))
    }
}

/// A viewer who is at least an operator.
#[derive(Debug, Clone)]
pub struct Operator(pub Viewer);

/// A viewer who is an admin.
#[derive(Debug, Clone)]
pub struct Admin(pub Viewer);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, state).await?;
        viewer.must_be(Role::Operator)?;
        Ok(Self(viewer))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, state).await?;
        viewer.must_be(Role::Admin)?;
        Ok(Self(viewer))
    }
}

/// Whether whoever looks may read what functions log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogTails {
    Shown,
    Hidden,
}

impl From<&Viewer> for LogTails {
    fn from(viewer: &Viewer) -> Self {
        if viewer.may(Role::Operator) { Self::Shown } else { Self::Hidden }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LogTails {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Viewer>().map_or(Self::Hidden, Self::from))
    }
}

/// A layer over routes that only a role may change something by; everybody may read them.
pub(crate) async fn changes(State(role): State<Role>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let viewer = request.extensions().get::<Viewer>();
    let vouched = viewer.ok_or_else(|| Problem::forbidden("nobody vouches for the caller"));
    match vouched.and_then(|it| it.must_be(role)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_below_it_may() {
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let viewer = Viewer::new("somebody", role);
            let may = Role::ALL.map(|it| viewer.may(it));
            assert_eq!(may, [true, at >= 1, at >= 2], "{role}");
        }
        let refused = Viewer::new("somebody", Role::Viewer).must_be(Role::Admin).unwrap_err();
        assert_eq!(refused.to_string(), "this needs the role admin, and yours is viewer");
    }

    #[test]
    fn a_token_is_the_whole_of_it_and_is_not_shown() {
        let csrf = Csrf::new("abcdef");
        assert!(csrf.is("abcdef"));
        for other in ["", "abcde", "abcdefg", "abcdeg", "ABCDEF"] {
            assert!(!csrf.is(other), "{other}");
        }
        assert_eq!(format!("{csrf:?}"), "Csrf(..)");
    }
}
