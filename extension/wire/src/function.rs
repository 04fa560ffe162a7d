//! Which function: the identity that every fact is filed under.
//!
//! A function is account, region and name. Version and alias are fields of what happened, because a timeout of `live` and
//! one of `$LATEST` are the same team's problem. All parts are parsed once, from the ARN or the environment Lambda hands
//! us, into types that hold only what Lambda allows; nobody takes the strings apart again.

use std::{fmt, str::FromStr};

/// A function of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionKey {
    pub account: AccountId,
    pub region: Region,
    pub name: FunctionName,
}

/// Why something is not part of a function's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFunction {
    #[error("account is not twelve digits")]
    Account,
    #[error("region is not 1 to 32 of a-z, 0-9 and '-'")]
    Region,
    #[error("name is not 1 to 140 of A-Z, a-z, 0-9, '-' and '_'")]
    Name,
    #[error("partition is not 'aws' or begins with 'aws-'")]
    Partition,
    #[error("qualifier is not 1 to 128 of A-Z, a-z, 0-9, '-', '_', '$'")]
    Qualifier,
    #[error("arn is not of the form arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]")]
    Shape,
}

/// Twelve digits, kept as the number they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

impl AccountId {
    pub(crate) fn from_number(number: u64) -> Result<Self, InvalidFunction> {
        (number < 1_000_000_000_000).then_some(Self(number)).ok_or(InvalidFunction::Account)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for AccountId {
    type Err = InvalidFunction;

    fn from_str(text: &str) -> Result<Self, InvalidFunction> {
        let digits = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.map(Self).ok_or(InvalidFunction::Account)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// Declares a text that is checked once, when it is made.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $fault:ident, $lengths:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidFunction;

            fn from_str(text: &str) -> Result<Self, InvalidFunction> {
                let allowed: fn(u8) -> bool = $allowed;
                if $lengths.contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidFunction::$fault)
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// For example `eu-west-1`.
    Region, Region, 1..=32,
    |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
);
checked_text!(
    /// The function's name without version or alias.
    FunctionName, Name, 1..=140,
    |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
);
checked_text!(
    /// A version (`$LATEST`, `8`) or an alias, as it follows the name in an ARN.
    Qualifier, Qualifier, 1..=128,
    |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$')
);

/// Which of AWS's separate worlds: `aws`, `aws-cn`, `aws-us-gov`, …
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(String);

impl Partition {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the wire writes: nothing for the partition nearly everybody is in.
    pub(crate) fn to_wire(&self) -> String {
        if self.0 == "aws" { String::new() } else { self.0.clone() }
    }

    pub(crate) fn from_wire(text: &str) -> Result<Self, InvalidFunction> {
        if text.is_empty() { Ok(Self::default()) } else { text.parse() }
    }
}

impl Default for Partition {
    fn default() -> Self {
        Self("aws".to_owned())
    }
}

impl FromStr for Partition {
    type Err = InvalidFunction;

    fn from_str(text: &str) -> Result<Self, InvalidFunction> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let known = text == "aws" || text.starts_with("aws-");
        if plain && known && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidFunction::Partition)
        }
    }
}

/// A function's ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn {
    pub partition: Partition,
    pub function: FunctionKey,
    pub qualifier: Option<Qualifier>,
}

impl FromStr for Arn {
    type Err = InvalidFunction;

    fn from_str(arn: &str) -> Result<Self, InvalidFunction> {
        let mut parts = arn.split(':');
        let mut next = || parts.next().ok_or(InvalidFunction::Shape);
        let (scheme, partition, service) = (next()?, next()?, next()?);
        let (region, account, kind, name) = (next()?, next()?, next()?, next()?);
        let qualifier = parts.next();
        if (scheme, service, kind) != ("arn", "lambda", "function") || parts.next().is_some() {
            return Err(InvalidFunction::Shape);
        }
        Ok(Self {
            partition: partition.parse()?,
            function: FunctionKey {
                account: account.parse()?,
                region: region.parse()?,
                name: name.parse()?,
            },
            qualifier: qualifier.map(str::parse).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arn: &str, expected: Result<(&str, &str, &str, Option<&str>), InvalidFunction>) {
        let parsed = arn.parse::<Arn>().map(|arn| {
            let FunctionKey { account, region, name } = arn.function;
            let qualifier = arn.qualifier.map(|it| it.to_string());
            (account.to_string(), format!("{}/{region}", arn.partition.as_str()), name, qualifier)
        });
        let parsed = parsed.as_ref().map(|(account, region, name, qualifier)| {
            (account.as_str(), region.as_str(), name.as_str(), qualifier.as_deref())
        });
        assert_eq!(parsed, expected.as_ref().copied());
    }

    #[test]
    fn arns_are_taken_apart() {
        check(
            "arn:aws:lambda:eu-west-1:012345678901:function:orders",
            Ok(("012345678901", "aws/eu-west-1", "orders", None)),
        );
        check(
            "arn:aws-cn:lambda:cn-north-1:012345678901:function:orders:live",
            Ok(("012345678901", "aws-cn/cn-north-1", "orders", Some("live"))),
        );
        check(
            "arn:aws-us-gov:lambda:us-gov-west-1:012345678901:function:orders:$LATEST",
            Ok(("012345678901", "aws-us-gov/us-gov-west-1", "orders", Some("$LATEST"))),
        );
    }

    #[test]
    fn what_is_no_function_is_refused_by_the_part_that_is_wrong() {
        check("arn:aws:lambda:eu-west-1:1:function:orders", Err(InvalidFunction::Account));
        check("arn:aws:lambda:eu_west:012345678901:function:orders", Err(InvalidFunction::Region));
        check("arn:aws:lambda:eu-west-1:012345678901:function:or/ders", Err(InvalidFunction::Name));
        check("arn:gcp:lambda:eu-west-1:012345678901:function:o", Err(InvalidFunction::Partition));
        check("arn:aws:lambda:eu-west-1:012345678901:function:o:", Err(InvalidFunction::Qualifier));
        check("arn:aws:s3:::bucket", Err(InvalidFunction::Shape));
        check("", Err(InvalidFunction::Shape));
    }
}
