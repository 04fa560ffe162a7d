//! The region that a signature is for.
//!
//! A Function URL names it: `<id>.lambda-url.<region>.on.aws`, and other partitions differ only in what follows the region,
//! as `on.amazonwebservices.com.cn` does. So the label after `lambda-url` is read and the rest is not listed here. Function
//! URLs have no VPC endpoints, and a domain of one's own before one names no region: then somebody must say it.
//!
//! Sources: AWS's "Lambda function URLs" (their format, and that no VPC endpoint leads to them); the region patterns in the
//! SDKs' `partitions.json`.

use std::{fmt, str::FromStr};

const SETTING: &str = "OVERTIME_SIGNING_REGION";
const UNKNOWN: &str = "OVERTIME_SIGNING_REGION is not set: OVERTIME_URL is not a Lambda function URL, so set it to the region of the one behind it";
const INVALID: &str =
    "OVERTIME_SIGNING_REGION is not valid: expected a region's name, as in eu-west-1";

/// A region's name, as in `us-gov-west-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// The setting, or else what the aggregator's host name says.
    pub fn read(host: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, &'static str> {
        let said = lookup(SETTING).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        match said {
            Some(name) => name.parse().map_err(|_| INVALID),
            None => Self::of_host(host).ok_or(UNKNOWN),
        }
    }

    /// The region that a Function URL's host names.
    pub fn of_host(host: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let mut labels = host.split('.');
        labels.next().filter(|id| !id.is_empty())?;
        labels.next().filter(|it| *it == "lambda-url")?;
        let region = labels.next()?.parse().ok()?;
        labels.next().filter(|it| *it == "on")?;
        labels.next().map(|_| region)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = name.split('-').collect();
        let is_region = match words[..] {
            [ref places @ .., number] if places.len() >= 2 => {
                places.iter().all(|it| is_made_of(it, u8::is_ascii_lowercase))
                    && is_made_of(number, u8::is_ascii_digit)
            }
            _ => false,
        };
        if is_region { Ok(Self(name.to_owned())) } else { Err("expected a region's name") }
    }
}

fn is_made_of(word: &str, kind: fn(&u8) -> bool) -> bool {
    !word.is_empty() && word.bytes().all(|it| kind(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, setting: &str, expected: Result<&str, &'static str>) {
        let lookup = |name: &str| (name == SETTING).then(|| setting.to_owned());
        let seen = Region::read(host, lookup);
        assert_eq!(seen.as_ref().map(Region::as_str).map_err(|it| *it), expected, "{host}");
    }

    #[test]
    fn a_function_url_names_its_region_in_every_partition() {
        for (host, region) in [
            ("abc.lambda-url.eu-west-1.on.aws", "eu-west-1"),
            ("ABC.Lambda-Url.AP-Southeast-3.On.Aws", "ap-southeast-3"),
            ("abc.lambda-url.us-gov-west-1.on.aws", "us-gov-west-1"),
            ("abc.lambda-url.cn-north-1.on.aws", "cn-north-1"),
            ("abc.lambda-url.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1"),
            ("abc.lambda-url.eusc-de-east-1.on.amazonwebservices.eu", "eusc-de-east-1"),
        ] {
            check(host, "", Ok(region));
        }
    }

    #[test]
    fn any_other_host_names_none() {
        for host in [
            "",
            "127.0.0.1",
            "::1",
            "overtime.example.com",
            "lambda-url.eu-west-1.on.aws",
            ".lambda-url.eu-west-1.on.aws",
            "abc.lambda-url.eu-west-1",
            "abc.lambda-url.eu-west-1.on",
            "abc.lambda-url.eu-west-1.off.aws",
            "abc.lambda-url.nowhere.on.aws",
            "abc.lambda-url..on.aws",
            "lambda.eu-west-1.amazonaws.com",
            "vpce-0a-1b.lambda.eu-west-1.vpce.amazonaws.com",
        ] {
            check(host, " ", Err(UNKNOWN));
        }
    }

    #[test]
    fn the_setting_has_the_last_word() {
        check("abc.lambda-url.eu-west-1.on.aws", " us-east-2 ", Ok("us-east-2"));
        check("127.0.0.1", "il-central-1", Ok("il-central-1"));
        for setting in
            ["eu-west", "1", "eu--1", "eu-west-1/x", "EU-WEST-1", "eu-west-1\n-", "é-a-1"]
        {
            check("abc.lambda-url.eu-west-1.on.aws", setting, Err(INVALID));
        }
    }
}
