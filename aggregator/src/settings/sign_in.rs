//! Who may come in, and how they say who they are.
//!
//! Nobody signs in on the loopback unless they are asked to; on Lambda an authorizer has let them in. What a way of signing in does
//! not need is not read.

use std::time::Duration;

use url::{Host, Url};

use super::Reader;
use crate::domain::{
    configuration::SecretRef,
    role::{Grants, Role},
    session::Lifetime,
};

/// Where a console is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On a machine, by `serve`.
    Machine,
    /// As a Lambda function.
    Lambda,
}

/// Who may come in.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub mode: Mode,
    /// `OVERTIME_CONSOLE_URL`: what browsers know us by.
    pub url: Option<Url>,
    /// `OVERTIME_HOSTS`: what else requests may ask for us by.
    pub hosts: Vec<String>,
}

/// How they say who they are.
#[derive(Debug, Clone)]
pub enum Mode {
    /// They do not.
    Nobody,
    /// To whoever stands in front, who tells us.
    Authorizer(Claims),
    /// To us.
    Ourselves(Box<Ourselves>),
}

/// What signing in to us needs.
#[derive(Debug, Clone)]
pub struct Ourselves {
    /// `OVERTIME_TOKENS`: where hashes of tokens lie, and which role they have.
    pub tokens: Vec<(Role, SecretRef)>,
    /// A provider, where people sign in there and not with a token.
    pub provider: Option<Provider>,
    /// `OVERTIME_SESSION_KEY`: where the key lies that sessions are sealed with. Without it, it is drawn at each start.
    pub key: Option<SecretRef>,
    /// `OVERTIME_SESSION_IDLE`, `OVERTIME_SESSION_MAX`.
    pub lifetime: Lifetime,
}

/// An OpenID provider, and whom it must say somebody is.
#[derive(Debug, Clone)]
pub struct Provider {
    /// As it is written: a provider must call itself so to the letter.
    pub issuer: String,
    pub client: String,
    pub secret: Option<SecretRef>,
    pub scopes: Vec<String>,
    pub claims: Claims,
}

/// Which claim says what somebody is, and what that is worth.
#[derive(Debug, Clone)]
pub struct Claims {
    pub name: String,
    pub grants: Grants,
}

const IDLE_DEFAULT: Duration = Duration::from_hours(1);
const WHOLE_DEFAULT: Duration = Duration::from_hours(12);
const WHOLE_MAX: Duration = Duration::from_hours(30 * 24);
const CLAIM_DEFAULT: &str = "groups";
const SCOPES_DEFAULT: &str = "openid email profile";

impl SignIn {
    /// Whether nobody has to say who they are.
    pub fn is_open(&self) -> bool {
        matches!(self.mode, Mode::Nobody)
    }
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// Who may come in.
    pub fn sign_in(&mut self, place: Place) -> Option<SignIn> {
        let url = self.console_url();
        let hosts = self.hosts();
        let (default, own) = match place {
            Place::Machine => ("none", "none"),
            Place::Lambda => ("authorizer", "authorizer"),
        };
        let asked = self.set("OVERTIME_SIGN_IN").unwrap_or_else(|| default.to_owned());
        let mode = match (asked.as_str(), place) {
            ("none", Place::Machine) => {
                if !hosts.is_empty() {
                    self.fault("OVERTIME_HOSTS", "is set, and OVERTIME_SIGN_IN is not");
                }
                Mode::Nobody
            }
            ("authorizer", Place::Lambda) => Mode::Authorizer(self.claims()),
            ("token", _) => {
                let tokens = self.tokens();
                if tokens.is_empty() && self.set("OVERTIME_TOKENS").is_none() {
                    self.fault("OVERTIME_TOKENS", "is not set, and OVERTIME_SIGN_IN is token");
                }
                Mode::Ourselves(self.ourselves(place, tokens, None))
            }
            ("oidc", _) => {
                // Machines have tokens, wherever people sign in.
                let (tokens, provider) = (self.tokens(), self.provider());
                Mode::Ourselves(self.ourselves(place, tokens, provider))
            }
            _ => {
                self.fault("OVERTIME_SIGN_IN", format_args!("is not {own}, token or oidc"));
                return None;
            }
        };
        Some(SignIn { mode, url, hosts })
    }

    fn console_url(&mut self) -> Option<Url> {
        let text = self.set("OVERTIME_CONSOLE_URL")?;
        let url = text.parse::<Url>().ok().filter(|it| it.has_host() && is_web(it));
        if url.is_none() {
            self.fault("OVERTIME_CONSOLE_URL", "is not a URL: it begins with https://");
        }
        url
    }

    fn hosts(&mut self) -> Vec<String> {
        let hosts = self.words("OVERTIME_HOSTS");
        let plain =
            |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-.[]:".contains(&it));
        let port = |it: &str| !it.ends_with(']') && it.contains(':');
        if hosts.iter().any(|it| !plain(it) || port(it)) {
            let why =
                "is not a comma-separated list of hosts without ports, such as overtime.example";
            self.fault("OVERTIME_HOSTS", why);
        }
        hosts
    }

    fn ourselves(
        &mut self,
        place: Place,
        tokens: Vec<(Role, SecretRef)>,
        provider: Option<Provider>,
    ) -> Box<Ourselves> {
        let key = self.parsed("OVERTIME_SESSION_KEY");
        if place == Place::Lambda && self.set("OVERTIME_SESSION_KEY").is_none() {
            // Each environment would draw another, and know nobody that another has let in.
            self.fault("OVERTIME_SESSION_KEY", "is not set, and OVERTIME_SIGN_IN is");
        }
        let idle = self.duration("OVERTIME_SESSION_IDLE", IDLE_DEFAULT);
        let whole = self.duration("OVERTIME_SESSION_MAX", WHOLE_DEFAULT);
        for (name, lasts) in [("OVERTIME_SESSION_IDLE", idle), ("OVERTIME_SESSION_MAX", whole)] {
            if !(Duration::from_secs(1)..=WHOLE_MAX).contains(&lasts) {
                self.fault(name, "is not between 1s and 30d");
            }
        }
        Box::new(Ourselves { tokens, provider, key, lifetime: Lifetime { idle, whole } })
    }

    /// `admin=ssm:/overtime/admins,viewer=env:NAME`
    fn tokens(&mut self) -> Vec<(Role, SecretRef)> {
        let mut tokens = Vec::new();
        for word in self.words("OVERTIME_TOKENS") {
            let read = word.split_once('=').and_then(|(role, reference)| {
                Some((role.trim().parse().ok()?, reference.trim().parse().ok()?))
            });
            let Some(it) = read else {
                let why = "is not a list such as admin=ssm:/overtime/admins,viewer=file:/run/secrets/viewers";
                self.fault("OVERTIME_TOKENS", why);
                break;
            };
            tokens.push(it);
        }
        tokens
    }

    fn provider(&mut self) -> Option<Provider> {
        let issuer = self.required("OVERTIME_OIDC_ISSUER");
        let client = self.required("OVERTIME_OIDC_CLIENT_ID");
        let secret = self.parsed("OVERTIME_OIDC_CLIENT_SECRET");
        let scopes = self.set("OVERTIME_OIDC_SCOPES").unwrap_or_else(|| SCOPES_DEFAULT.to_owned());
        let scopes: Vec<_> = scopes.split_whitespace().map(str::to_owned).collect();
        if !scopes.iter().any(|it| it == "openid") {
            self.fault("OVERTIME_OIDC_SCOPES", "does not contain openid");
        }
        let claims = self.claims();
        if claims.grants.is_empty() {
            let why =
                "is not set, nor are OVERTIME_OPERATORS and OVERTIME_VIEWERS: nobody could sign in";
            self.fault("OVERTIME_ADMINS", why);
        }
        let issuer = issuer?;
        if !issuer.parse().is_ok_and(|it| is_trustworthy(&it)) {
            self.fault("OVERTIME_OIDC_ISSUER", "is not a URL that begins with https://");
        }
        Some(Provider { issuer, client: client?, secret, scopes, claims })
    }

    fn claims(&mut self) -> Claims {
        let name = self.set("OVERTIME_ROLES_CLAIM").unwrap_or_else(|| CLAIM_DEFAULT.to_owned());
        let grants = Grants {
            viewers: self.words("OVERTIME_VIEWERS"),
            operators: self.words("OVERTIME_OPERATORS"),
            admins: self.words("OVERTIME_ADMINS"),
        };
        Claims { name, grants }
    }

    fn words(&self, name: &str) -> Vec<String> {
        let text = self.set(name).unwrap_or_default();
        let words = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        words.map(str::to_owned).collect()
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http")
}

/// Whether nobody on the way can be somebody else. On this machine, for tests and trials, nobody is on the way.
fn is_trustworthy(url: &Url) -> bool {
    let here = || match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && here()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(place: Place, settings: &[(&str, &str)], expected: Expect) {
        let lookup = |name: &str| {
            settings.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        };
        let mut reader = Reader::new(lookup);
        let read = reader.sign_in(place);
        let said = match reader.finish(read) {
            Ok(it) => match it.mode {
                Mode::Nobody => "nobody signs in".to_owned(),
                Mode::Authorizer(claims) => {
                    format!("{} by {:?}", claims.name, claims.grants.admins)
                }
                Mode::Ourselves(it) => format!(
                    "{:?} {} {:?}",
                    it.tokens,
                    it.provider.map_or("no provider".to_owned(), |it| it.issuer),
                    it.lifetime,
                ),
            },
            Err(faults) => faults.to_string(),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn by_default_nobody_is_asked_who_they_are_here_and_somebody_else_has_on_lambda() {
        check(Place::Machine, &[], expect!["nobody signs in"]);
        check(Place::Lambda, &[], expect!["groups by []"]);
        check(
            Place::Lambda,
            &[("OVERTIME_SIGN_IN", "none")],
            expect!["OVERTIME_SIGN_IN is not authorizer, token or oidc"],
        );
        check(
            Place::Machine,
            &[("OVERTIME_SIGN_IN", "authorizer")],
            expect!["OVERTIME_SIGN_IN is not none, token or oidc"],
        );
        check(
            Place::Machine,
            &[("OVERTIME_HOSTS", "overtime.example")],
            expect!["OVERTIME_HOSTS is set, and OVERTIME_SIGN_IN is not"],
        );
    }

    #[test]
    fn tokens_have_roles_and_places() {
        let mode = ("OVERTIME_SIGN_IN", "token");
        let tokens = ("OVERTIME_TOKENS", "admin=ssm:/overtime/admins, viewer=env:VIEWERS");
        check(
            Place::Machine,
            &[mode, tokens, ("OVERTIME_SESSION_IDLE", "15m")],
            expect![[
                r#"[(Admin, Parameter("/overtime/admins")), (Viewer, Variable("VIEWERS"))] no provider Lifetime { idle: 900s, whole: 43200s }"#
            ]],
        );
        check(
            Place::Lambda,
            &[mode, ("OVERTIME_TOKENS", "root=overtime_secret"), ("OVERTIME_SESSION_MAX", "90d")],
            expect![
                "OVERTIME_TOKENS is not a list such as admin=ssm:/overtime/admins,viewer=file:/run/secrets/viewers; OVERTIME_SESSION_KEY is not set, and OVERTIME_SIGN_IN is; OVERTIME_SESSION_MAX is not between 1s and 30d"
            ],
        );
        check(
            Place::Machine,
            &[mode],
            expect!["OVERTIME_TOKENS is not set, and OVERTIME_SIGN_IN is token"],
        );
    }

    #[test]
    fn a_provider_is_known_and_somebody_is_granted_something() {
        let mode = ("OVERTIME_SIGN_IN", "oidc");
        check(
            Place::Machine,
            &[mode, ("OVERTIME_OIDC_SCOPES", "email"), ("OVERTIME_CONSOLE_URL", "overtime")],
            expect![
                "OVERTIME_CONSOLE_URL is not a URL: it begins with https://; OVERTIME_OIDC_ISSUER is not set; OVERTIME_OIDC_CLIENT_ID is not set; OVERTIME_OIDC_SCOPES does not contain openid; OVERTIME_ADMINS is not set, nor are OVERTIME_OPERATORS and OVERTIME_VIEWERS: nobody could sign in"
            ],
        );
        let rest = [("OVERTIME_OIDC_CLIENT_ID", "overtime"), ("OVERTIME_VIEWERS", "*")];
        let with = |issuer| [&[mode, ("OVERTIME_OIDC_ISSUER", issuer)], &rest[..]].concat();
        check(
            Place::Machine,
            &with("https://login.example/tenant"),
            expect!["[] https://login.example/tenant Lifetime { idle: 3600s, whole: 43200s }"],
        );
        check(
            Place::Machine,
            &with("http://login.example"),
            expect!["OVERTIME_OIDC_ISSUER is not a URL that begins with https://"],
        );
    }
}
