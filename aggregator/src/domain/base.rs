//! Under which path of its host everything is served: none, or one such as `/overtime` behind a proxy that serves other things, too.

use std::{fmt, str::FromStr, sync::Arc};

/// What stands before every path: nothing, or segments without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base(Arc<str>);

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a path such as /overtime: segments of A-Z, a-z, 0-9, '-', '_', '.' and '~'")]
pub struct NotABase;

impl Base {
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// A path of ours as the outside names it.
    pub fn href(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// What a path of the outside is to us, if it is ours.
    pub fn within<'a>(&self, path: &'a str) -> Option<&'a str> {
        match path.strip_prefix(&*self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }
}

impl FromStr for Base {
    type Err = NotABase;

    fn from_str(text: &str) -> Result<Self, NotABase> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"-_.~".contains(&it);
        let is_segment = |it: &str| !matches!(it, "" | "." | "..") && it.bytes().all(allowed);
        let rest = path.strip_prefix('/');
        if path.is_empty() || rest.is_some_and(|it| it.split('/').all(is_segment)) {
            Ok(Self(path.into()))
        } else {
            Err(NotABase)
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_stands_before_every_path_and_goes_away_again() {
        let base: Base = "/tools/overtime/".parse().unwrap();
        assert_eq!(base.href("/functions?sort=name"), "/tools/overtime/functions?sort=name");
        assert_eq!(base.within("/tools/overtime/functions"), Some("/functions"));
        assert_eq!(base.within("/tools/overtime"), Some("/"));
        assert_eq!(base.within("/tools/overtimes"), None);
        assert_eq!(base.within("/"), None);
        let root: Base = "/".parse().unwrap();
        assert!(root.is_root() && root == Base::default());
        assert_eq!((root.href("/"), root.within("/a")), ("/".to_owned(), Some("/a")));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["overtime", "//", "/a//b", "/a/../b", "/a?b", "/a b", "https://a.example/"] {
            assert_eq!(text.parse::<Base>(), Err(NotABase), "{text}");
        }
    }
}
