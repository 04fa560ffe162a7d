//! What an ID token says of somebody, once it has been believed.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// How long a name may be.
const NAME_MAX: usize = 256;

/// Somebody, as their provider knows them.
#[derive(Debug, Clone)]
pub struct Somebody {
    /// What they are written down as.
    pub name: String,
    claims: Map<String, Value>,
}

impl Somebody {
    /// Out of an ID token, whose signature has been looked at before.
    pub(super) fn read(token: &str) -> Option<Self> {
        let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        let name = name(&claims)?;
        Some(Self { name, claims })
    }

    /// What a claim says, as a list. Its name may be a path, as `realm_access.roles`; an address counts only if the provider has
    /// verified it, because some let people enter what they like.
    pub(super) fn said(&self, claim: &str) -> Vec<String> {
        if claim == "email" {
            return verified_email(&self.claims).map(str::to_owned).into_iter().collect();
        }
        let path = || {
            let mut steps = claim.split('.');
            let first = self.claims.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        };
        let texts = |it: &Value| it.as_str().map(str::to_owned);
        match self.claims.get(claim).or_else(path) {
            Some(Value::Array(values)) => values.iter().filter_map(texts).collect(),
            Some(value) => texts(value).into_iter().collect(),
            None => Vec::new(),
        }
    }
}

/// An address if it is theirs, else what nobody else at the provider can be called.
fn name(claims: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let subject = text("sub")?;
    let name = match (verified_email(claims), text("preferred_username")) {
        (Some(email), _) => email.to_owned(),
        (None, Some(username)) => format!("{username} ({subject})"),
        (None, None) => subject.to_owned(),
    };
    Some(name.chars().filter(|it| !it.is_control()).take(NAME_MAX).collect())
}

fn verified_email(claims: &Map<String, Value>) -> Option<&str> {
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    claims.get("email").and_then(Value::as_str).filter(|_| verified)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn somebody(claims: &Value) -> Somebody {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        Somebody::read(&format!("head.{payload}.signature")).unwrap()
    }

    #[test]
    fn somebody_is_called_what_nobody_else_can_be_called() {
        let called = |claims: &Value| somebody(claims).name;
        let verified = json!({"sub": "42", "email": "anna@example.com", "email_verified": true});
        assert_eq!(called(&verified), "anna@example.com");
        let claimed =
            json!({"sub": "42", "email": "boss@example.com", "preferred_username": "anna"});
        assert_eq!(called(&claimed), "anna (42)");
        assert_eq!(called(&json!({"sub": "42"})), "42");
        let long = json!({"sub": format!("4\n{}", "2".repeat(1_000))});
        assert_eq!(called(&long).len(), NAME_MAX);
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_its_path() {
        let somebody = somebody(&json!({
            "sub": "42", "groups": ["a", 7, "b"], "role": "c", "realm_access": {"roles": ["d"]},
            "https://example.com/roles": ["e"], "email": "boss@example.com",
        }));
        let said = |claim: &str| somebody.said(claim).join(" ");
        assert_eq!(said("groups"), "a b");
        assert_eq!(said("role"), "c");
        assert_eq!(said("realm_access.roles"), "d");
        assert_eq!(said("https://example.com/roles"), "e");
        for claim in ["email", "nothing", "groups.0", "realm_access", ""] {
            assert_eq!(said(claim), "", "{claim}");
        }
    }

    #[test]
    fn what_is_no_token_is_nobody() {
        for token in ["", "a.b", "a.!.c", "a.e30.c"] {
            assert!(Somebody::read(token).is_none(), "{token}");
        }
    }
}
