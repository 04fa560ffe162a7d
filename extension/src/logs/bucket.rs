//! Where logs go: a bucket, perhaps a prefix in it, and the server that has it.
//!
//! A bucket is found under its own name and its region's, `bucket.s3.region.amazonaws.com`; one whose name has dots would fit no
//! certificate so, and is named in the path, as is any bucket of a stand-in. Partitions differ in what follows the region.
//!
//! Sources: AWS's "Virtual hosting of general purpose buckets" and "General purpose bucket naming rules"; the DNS suffixes in
//! the SDKs' `partitions.json`.

use std::{fmt, str::FromStr};

use crate::{signing::region::Region, uplink::target::Target};

/// `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    /// Without a slash at either end; empty when there is none.
    pub(super) prefix: String,
}

/// Whom to ask, and how paths begin there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) root: String,
}

impl Bucket {
    /// Where its objects are; `None` where no address can be made of the region.
    pub(super) fn place(&self, region: &Region, endpoint: Option<&Target>) -> Option<Place> {
        let in_path = format!("/{}", self.name);
        if let Some(endpoint) = endpoint {
            let root = format!("{}{in_path}", endpoint.path());
            return Some(Place { target: endpoint.clone(), root });
        }
        let suffix = match region.as_str() {
            it if it.starts_with("cn-") => "amazonaws.com.cn",
            it if it.starts_with("eusc-") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        let server = format!("s3.{region}.{suffix}");
        let (url, root) = if self.name.contains('.') {
            (format!("https://{server}"), in_path)
        } else {
            (format!("https://{}.{server}", self.name), String::new())
        };
        Some(Place { target: url.parse().ok()?, root })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl FromStr for Bucket {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected s3://bucket or s3://bucket/prefix";
        let rest = text.strip_prefix("s3://").ok_or(expected)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_of_name =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-.".contains(&it);
        let is_name = (3..=63).contains(&name.len())
            && name.bytes().all(is_of_name)
            && name
                .split('.')
                .all(|it| !it.is_empty() && !it.starts_with('-') && !it.ends_with('-'));
        let prefix = prefix.trim_matches('/');
        // With the partitions and a name behind it, a key has at most 1,024 bytes.
        let is_prefix = prefix.len() <= 512 && !prefix.contains(char::is_control);
        if !is_name || !is_prefix {
            return Err(expected);
        }
        Ok(Self { name: name.to_owned(), prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bucket: &str, region: &str, expected: &str) {
        let bucket: Bucket = bucket.parse().unwrap();
        let place = bucket.place(&region.parse().unwrap(), None).unwrap();
        assert_eq!(format!("{}{}", place.target, place.root), expected);
    }

    #[test]
    fn a_bucket_is_found_in_every_partition() {
        check("s3://logs/a", "eu-west-1", "https://logs.s3.eu-west-1.amazonaws.com");
        check("s3://logs", "us-gov-west-1", "https://logs.s3.us-gov-west-1.amazonaws.com");
        check("s3://logs", "cn-north-1", "https://logs.s3.cn-north-1.amazonaws.com.cn");
        check("s3://logs", "eusc-de-east-1", "https://logs.s3.eusc-de-east-1.amazonaws.eu");
        check("s3://my.logs", "us-east-1", "https://s3.us-east-1.amazonaws.com/my.logs");
    }

    #[test]
    fn a_stand_in_has_it_in_the_path() {
        let bucket: Bucket = "s3://logs//a/b/".parse().unwrap();
        assert_eq!(bucket.to_string(), "s3://logs/a/b");
        let endpoint: Target = "http://127.0.0.1:5000/s3/".parse().unwrap();
        let place = bucket.place(&"eu-west-1".parse().unwrap(), Some(&endpoint)).unwrap();
        assert_eq!((place.target, place.root), (endpoint, "/s3/logs".to_owned()));
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        let long = format!("s3://{}", "a".repeat(64));
        for text in [
            "",
            "logs",
            "s3://",
            "s3:///a",
            "s3://ab",
            "s3://Logs",
            "s3://lo_gs",
            "s3://lo..gs",
            "s3://-logs",
            "s3://logs.",
            "s3://logs/a\nb",
            "https://logs",
            &long,
        ] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
    }
}
