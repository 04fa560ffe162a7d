//! Signing in and out: what the sign-in page's forms and links lead to.

use std::net::IpAddr;

use axum::{
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
};
use url::Url;

use super::{
    Gate, NoGate,
    cookie::Cookie,
    draw,
    provider::{self, FLOW_LASTS, Flow, Ours, Return},
    seal::Purpose,
    seconds, text,
};
use crate::{
    api::problem::Problem,
    domain::{base::Base, session::Session},
    settings::sign_in::{Mode, Ourselves},
};

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("this is not a token that is known here")]
    Token,
    #[error("too many have been wrong: wait a few seconds")]
    Throttled(std::time::Duration),
    #[error(transparent)]
    Provider(#[from] provider::Refused),
    #[error("nobody can sign in at the moment: the log says why")]
    Broken(#[from] NoGate),
    #[error("there is nothing to sign in to here")]
    Nowhere,
}

impl Refused {
    /// What a machine hears, and which status a page has. What only we can mend is in the log.
    pub fn problem(&self) -> Problem {
        let said = self.to_string();
        match self {
            Self::Token => Problem::unauthenticated(said),
            Self::Throttled(wait) => Problem::too_many(said).in_seconds(seconds(*wait)),
            Self::Provider(provider::Refused::Unavailable(_)) | Self::Broken(_) => {
                let cause: &dyn std::error::Error = self;
                tracing::error!(cause, "nobody can sign in");
                Problem::unavailable(said)
            }
            Self::Provider(why) => {
                let cause: &dyn std::error::Error = why;
                tracing::warn!(cause, "somebody was not let in");
                Problem::forbidden(said)
            }
            Self::Nowhere => Problem::not_found(said),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}

/// As what somebody asks for us: where a provider is to send them back to.
#[derive(Debug, Clone)]
pub struct Asked {
    pub host: Option<String>,
    pub base: Base,
}

impl Gate {
    /// Lets in whoever has a token: the cookie that their browser keeps.
    pub async fn enter(&self, token: &str, from: Option<IpAddr>) -> Result<HeaderValue, Refused> {
        let it = self.ourselves()?;
        if it.provider.is_some() {
            // Tokens are for machines then.
            return Err(Refused::Nowhere);
        }
        let (right, viewer) = self.known(it, token, from).await?;
        self.begin(it, Session::begin(&*viewer.name, right, self.csrf()?, self.now())).await
    }

    /// Sends somebody to the provider: where that is, and what their browser keeps meanwhile.
    pub async fn depart(&self, asked: &Asked, to: &str) -> Result<(Url, HeaderValue), Refused> {
        let it = self.ourselves()?;
        let provider = self.0.provider.as_ref().ok_or(Refused::Nowhere)?;
        let ours = self.ours(asked).await?;
        let (url, flow) = provider.begin(&ours, own_path(to).to_owned(), self.now()).await?;
        let nonce = draw().ok_or(NoGate::Entropy)?;
        let content = serde_json::to_vec(&flow).unwrap_or_default();
        let sealed = self.keys(it).await?.seal(Purpose::Flow, &content, nonce);
        let cookie = sealed.and_then(|it| Cookie::Flow.keep(self.0.transport, &it, FLOW_LASTS));
        Ok((url, cookie.ok_or(NoGate::Entropy)?))
    }

    /// Lets in whoever comes back from the provider: where they wanted to go, and what their browser keeps and forgets.
    pub async fn arrive(
        &self,
        asked: &Asked,
        headers: &HeaderMap,
        back: Return,
    ) -> Result<(String, Vec<HeaderValue>), Refused> {
        let it = self.ourselves()?;
        let provider = self.0.provider.as_ref().ok_or(Refused::Nowhere)?;
        let sealed = Cookie::Flow.find(self.0.transport, headers);
        let keys = self.keys(it).await?;
        let flow = sealed.and_then(|it| keys.open(Purpose::Flow, it));
        let flow: Option<Flow> = flow.and_then(|it| serde_json::from_slice(&it).ok());
        let to = flow.as_ref().map(|it| own_path(&it.to).to_owned()).unwrap_or_default();
        let ours = self.ours(asked).await?;
        let (somebody, role) = provider.finish(&ours, (flow, back), self.now()).await?;
        tracing::info!(viewer = somebody.name, %role, "somebody has signed in");
        let session = Session::begin(somebody.name, role.into(), self.csrf()?, self.now());
        let kept = self.keep(it, &session).await?;
        let forgotten = Cookie::Flow.forget(self.0.transport);
        Ok((to, [Some(kept), forgotten].into_iter().flatten().collect()))
    }

    /// Has a browser forget its session.
    pub fn leave(&self) -> Option<HeaderValue> {
        Cookie::Session.forget(self.0.transport)
    }

    async fn begin(&self, it: &Ourselves, session: Session) -> Result<HeaderValue, Refused> {
        tracing::info!(viewer = session.name, "somebody has signed in");
        Ok(self.keep(it, &session).await?)
    }

    fn ourselves(&self) -> Result<&Ourselves, Refused> {
        match &self.0.mode {
            Mode::Ourselves(it) => Ok(it),
            Mode::Nobody | Mode::Authorizer(_) => Err(Refused::Nowhere),
        }
    }

    fn csrf(&self) -> Result<String, NoGate> {
        draw().map(text).ok_or(NoGate::Entropy)
    }

    async fn ours(&self, asked: &Asked) -> Result<Ours, Refused> {
        let callback = self.callback(asked).ok_or(Refused::Nowhere)?;
        Ok(Ours { callback, secret: self.client_secret().await? })
    }

    /// Where a provider sends people back to: below the address that was said, or else the one that they asked for.
    fn callback(&self, asked: &Asked) -> Option<Url> {
        let ours = if let Some(url) = &self.0.url {
            url.as_str().trim_end_matches('/').to_owned()
        } else {
            let scheme = self.0.transport.scheme();
            format!("{scheme}://{}{}", asked.host.as_ref()?, asked.base)
        };
        format!("{ours}/sign-in/callback").parse().ok()
    }
}

/// Longer addresses do not fit into a cookie, and are not come back to.
const PATH_MAX: usize = 1_500;

/// A path of ours, and never an address of somebody else's: what begins with two slashes, or a slash and a backslash, is one to browsers.
pub fn own_path(to: &str) -> &str {
    let mut letters = to.chars();
    let ours = letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\'));
    if ours && to.len() <= PATH_MAX && !to.contains(|it: char| it.is_control() || it == '\\') {
        to
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_leads_back_to_a_path_of_ours_and_nowhere_else() {
        for path in ["/", "/functions?sort=name#top", "/functions/1/eu-west-1/a", "/a//b"] {
            assert_eq!(own_path(path), path);
        }
        for other in [
            "",
            "functions",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nset-cookie: a=b",
            "javascript:alert(1)",
            " /a",
            "/a\\b",
        ] {
            assert_eq!(own_path(other), "/", "{other}");
        }
        assert_eq!(own_path(&format!("/{}", "a".repeat(PATH_MAX))), "/", "a cookie is short");
    }
}
