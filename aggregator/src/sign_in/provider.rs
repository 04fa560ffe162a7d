//! Signing in at an OpenID provider: the authorization code flow with PKCE.
//!
//! What a browser is sent away with (state, nonce, verifier, where to go afterwards) it keeps for us, sealed, for ten minutes at most:
//! nothing is remembered here, so any process may be the one that it comes back to. The provider is asked for its addresses and keys
//! when somebody first wants to sign in, and again after an hour, or when it has signed with a key that is not known.
//!
//! **Invariant.** Nobody is anybody before the provider's signature, its name, ours, the nonce and the time have been looked at.

mod claims;
mod http;

use std::{sync::Arc, time::Duration};

use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SignatureVerificationError, TokenResponse as _,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken,
        CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreTokenResponse,
    },
};
use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use tokio::{sync::Mutex, time::sleep};
use url::Url;

pub use self::claims::Somebody;
use self::http::Http;
use crate::{channels::secret::Secret, domain::role::Role, settings::sign_in};

/// How long somebody may take at the provider.
pub const FLOW_LASTS: Duration = Duration::from_mins(10);
/// How long what a provider says of itself is believed.
const BELIEVED_FOR: Duration = Duration::from_hours(1);
/// A provider is not asked for its keys more often, whatever comes in.
const KEYS_ASKED_EACH: Duration = Duration::from_secs(30);
/// How often a provider is asked before it is said not to answer, and how long the first wait is between.
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Providers sign with keys of their own. What they share with us is no signature: whoever knows our secret could make it.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why somebody who came back from a provider is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("this was not begun in this browser, or it has taken too long: sign in again")]
    Strange,
    #[error("the provider says: {0}")]
    Denied(String),
    #[error("the provider does not answer as it should: try again in a moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("what the provider has said of you cannot be believed")]
    Unbelievable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("{0} has no role here: ask whoever runs Overtime for one")]
    Nobody(String),
}

/// A provider, and what it last said of itself.
#[derive(Debug)]
pub struct Provider {
    settings: sign_in::Provider,
    http: Http,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    metadata: Arc<CoreProviderMetadata>,
    since: EpochMillis,
}

/// What a browser keeps for us while somebody is at the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flow {
    state: String,
    nonce: String,
    verifier: String,
    began_ms: i64,
    /// Where they wanted to go.
    pub to: String,
}

/// What a browser comes back with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Return {
    code: String,
    state: String,
    error: String,
    error_description: String,
}

/// Where the provider is to send people back to, and our secret with it, if there is one.
#[derive(Debug, Clone)]
pub struct Ours {
    pub callback: Url,
    pub secret: Option<Secret>,
}

impl Provider {
    pub fn new(settings: sign_in::Provider) -> Result<Self, crate::channels::post::NoClient> {
        Ok(Self { settings, http: Http::new()?, known: Mutex::default() })
    }

    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where to send a browser, and what it keeps for us meanwhile.
    pub async fn begin(
        &self,
        ours: &Ours,
        to: String,
        now: EpochMillis,
    ) -> Result<(Url, Flow), Refused> {
        let metadata = self.metadata(now, BELIEVED_FOR).await?;
        let client = self.client(&metadata, ours);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in self.settings.scopes.iter().filter(|it| *it != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = request.url();
        let flow = Flow {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            began_ms: now.0,
            to,
        };
        Ok((url, flow))
    }

    /// Who has come back, and as what.
    pub async fn finish(
        &self,
        ours: &Ours,
        (flow, back): (Option<Flow>, Return),
        now: EpochMillis,
    ) -> Result<(Somebody, Role), Refused> {
        let flow = flow.filter(|it| it.is_of(&back, now)).ok_or(Refused::Strange)?;
        if !back.error.is_empty() {
            return Err(Refused::Denied(back.words()));
        }
        let metadata = self.metadata(now, BELIEVED_FOR).await?;
        let tokens = self.exchange(&metadata, ours, (back.code, &flow)).await?;
        let missing = || Refused::Unbelievable("there is no ID token".into());
        let token = tokens.id_token().ok_or_else(missing)?;
        let nonce = Nonce::new(flow.nonce);
        let mut checked = self.check(&metadata, ours, (token, &nonce));
        if matches!(&checked, Err(why) if is_unknown_key(why)) {
            // It may have changed its keys since.
            let metadata = self.metadata(now, KEYS_ASKED_EACH).await?;
            checked = self.check(&metadata, ours, (token, &nonce));
        }
        checked.map_err(|why| Refused::Unbelievable(why.into()))?;
        let somebody = Somebody::read(&token.to_string())
            .ok_or_else(|| Refused::Unbelievable("the claims cannot be read".into()))?;
        let said = somebody.said(&self.settings.claims.name);
        let role = self.settings.claims.grants.of(said.iter().map(String::as_str));
        let role = role.ok_or_else(|| Refused::Nobody(somebody.name.clone()))?;
        Ok((somebody, role))
    }

    async fn exchange(
        &self,
        metadata: &CoreProviderMetadata,
        ours: &Ours,
        (code, flow): (String, &Flow),
    ) -> Result<CoreTokenResponse, Refused> {
        let client = self.client(metadata, ours);
        let request = client.exchange_code(AuthorizationCode::new(code));
        let request = request.map_err(|why| Refused::Unavailable(why.into()))?;
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let exchanged = request.set_pkce_verifier(verifier).request_async(&self.http).await;
        exchanged.map_err(|why| Refused::Unavailable(why.to_string().into()))
    }

    fn check(
        &self,
        metadata: &CoreProviderMetadata,
        ours: &Ours,
        (token, nonce): (&CoreIdToken, &Nonce),
    ) -> Result<(), ClaimsVerificationError> {
        let client = self.client(metadata, ours);
        let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
        token.claims(&verifier, nonce).map(drop)
    }

    /// What the provider says of itself, no older than that unless it does not answer now.
    async fn metadata(
        &self,
        now: EpochMillis,
        age_max: Duration,
    ) -> Result<Arc<CoreProviderMetadata>, Refused> {
        // Held while it is asked: whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        if let Some(it) = known.as_ref().filter(|it| now.since(it.since) < age_max) {
            return Ok(it.metadata.clone());
        }
        match (self.discover().await, known.as_ref()) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                *known = Some(Known { metadata: metadata.clone(), since: now });
                Ok(metadata)
            }
            (Err(error), Some(stale)) => {
                let error = &*error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "the sign-in provider does not say who it is: it is taken for who it was"
                );
                Ok(stale.metadata.clone())
            }
            (Err(error), None) => Err(Refused::Unavailable(error)),
        }
    }

    async fn discover(
        &self,
    ) -> Result<CoreProviderMetadata, Box<dyn std::error::Error + Send + Sync>> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone())?;
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            if let Ok(metadata) =
                CoreProviderMetadata::discover_async(issuer.clone(), &self.http).await
            {
                return Ok(metadata);
            }
            sleep(wait).await;
            wait *= 4;
        }
        Ok(CoreProviderMetadata::discover_async(issuer, &self.http).await?)
    }

    fn client(&self, metadata: &CoreProviderMetadata, ours: &Ours) -> Client {
        let secret = ours.secret.as_ref().map(|it| ClientSecret::new(it.expose().to_owned()));
        let id = ClientId::new(self.settings.client.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(RedirectUrl::from_url(ours.callback.clone()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        // Where nothing is said, it is the header.
        let header = methods.is_none_or(|it| it.contains(&CoreClientAuthMethod::ClientSecretBasic));
        client.set_auth_type(if header { AuthType::BasicAuth } else { AuthType::RequestBody })
    }
}

type Client = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

impl Flow {
    fn is_of(&self, back: &Return, now: EpochMillis) -> bool {
        let same: bool = self.state.as_bytes().ct_eq(back.state.as_bytes()).into();
        same && now.since(EpochMillis(self.began_ms)) < FLOW_LASTS
    }
}

/// How much of a provider's words is repeated.
const WORDS_MAX: usize = 200;

impl Return {
    fn words(&self) -> String {
        let words =
            if self.error_description.is_empty() { &self.error } else { &self.error_description };
        words.chars().filter(|it| !it.is_control()).take(WORDS_MAX).collect()
    }
}

fn is_unknown_key(why: &ClaimsVerificationError) -> bool {
    matches!(
        why,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    fn flow() -> Flow {
        let text = |it: &str| it.to_owned();
        Flow {
            state: text("state"),
            nonce: text("nonce"),
            verifier: text("verifier"),
            began_ms: NOW.0,
            to: text("/functions"),
        }
    }

    #[test]
    fn who_comes_back_was_sent_by_us_and_not_long_ago() {
        let back = |state: &str| Return { state: state.to_owned(), ..Return::default() };
        assert!(flow().is_of(&back("state"), NOW));
        assert!(
            flow()
                .is_of(&back("state"), NOW.plus(FLOW_LASTS.saturating_sub(Duration::from_secs(1))))
        );
        assert!(!flow().is_of(&back("state"), NOW.plus(FLOW_LASTS)));
        for state in ["", "stat", "State", "state2"] {
            assert!(!flow().is_of(&back(state), NOW), "{state}");
        }
    }

    #[test]
    fn a_providers_words_are_repeated_within_reason() {
        let back = Return {
            error: "access_denied".to_owned(),
            error_description: format!("no\n{}", "o".repeat(1_000)),
            ..Return::default()
        };
        assert_eq!(back.words().len(), WORDS_MAX);
        assert!(back.words().starts_with("nooo"));
        let terse = Return { error: "access_denied".to_owned(), ..Return::default() };
        assert_eq!(terse.words(), "access_denied");
    }
}
