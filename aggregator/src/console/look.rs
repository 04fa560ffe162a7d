//! How somebody looks at a page: under which path, in which theme and time zone, how often anew, and at what.
//!
//! What is chosen for good is kept in cookies, what is chosen for one look stands in the address: `?tz=Europe/Berlin&refresh=off`.
//!
//! **Invariant.** A cookie that cannot be read is no choice; an address that cannot be read is a fault, by the parameter's name.

mod choice;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::COOKIE, request::Parts},
};
use overtime_wire::EpochMillis;

pub(super) use self::choice::{Refresh, Theme, Zone};
use super::{Console, failure::Failure};
use crate::{
    api::{
        problem::Problem,
        viewer::{Role, Viewer},
    },
    domain::base::Base,
    sign_in::{Gate, Way},
};

pub(super) const THEME: &str = "overtime_theme";
pub(super) const ZONE: &str = "overtime_zone";
pub(super) const REFRESH: &str = "overtime_refresh";
pub(super) const SHORTCUTS: &str = "overtime_shortcuts";

#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) base: Base,
    pub(crate) theme: Theme,
    pub(crate) zone: Zone,
    pub(crate) refresh: Refresh,
    /// Whether single keys lead somewhere.
    pub(crate) shortcuts: bool,
    /// Path and query as they were asked for, below the base.
    pub(crate) target: String,
    pub(crate) now: EpochMillis,
    /// Who looks. Nobody's role is the lowest, and whoever may look at all is decided elsewhere.
    pub(crate) viewer: Viewer,
    /// Whether whoever looks has signed in to us, and can sign out.
    pub(crate) signed_in: bool,
}

impl FromRequestParts<Console> for Look {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        Self::read(parts, console.reader.now()).map_err(Failure::from)
    }
}

impl Look {
    fn read(parts: &Parts, now: EpochMillis) -> Result<Self, Problem> {
        let mut look = Self::forgiving(parts, now);
        for (name, value) in
            form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        {
            match &*name {
                "tz" => look.zone = value.parse().map_err(|why| Problem::invalid("tz", why))?,
                "refresh" => {
                    look.refresh = value.parse().map_err(|why| Problem::invalid("refresh", why))?;
                }
                _ => {}
            }
        }
        Ok(look)
    }

    /// A look that is never refused, for pages that say what is wrong: what the address says of it counts as not said.
    pub(super) fn forgiving(parts: &Parts, now: EpochMillis) -> Self {
        let cookie = |name| cookie(&parts.headers, name);
        let viewer = parts.extensions.get::<Viewer>().cloned();
        let said = |name| cookie(name).unwrap_or_default();
        Self {
            base: parts.extensions.get::<Base>().cloned().unwrap_or_default(),
            theme: said(THEME).parse().unwrap_or_default(),
            zone: said(ZONE).parse().unwrap_or_default(),
            refresh: said(REFRESH).parse().unwrap_or_default(),
            shortcuts: cookie(SHORTCUTS) != Some("off"),
            target: parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            now,
            signed_in: viewer.is_some()
                && parts.extensions.get::<Gate>().is_some_and(|it| it.way() != Way::None),
            viewer: viewer.unwrap_or_else(|| Viewer::new("", Role::Viewer)),
        }
    }

    /// What was asked for after the path.
    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }
}

/// The value of a cookie, if one of this name came along.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
    let pairs = texts.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.filter(|(it, _)| *it == name).map(|(_, value)| value).next()
}

#[cfg(test)]
pub(super) mod tests {
    use axum::{body::Body, http::Request};

    use super::*;

    pub(in crate::console) fn look(target: &str, cookies: &str) -> Result<Look, String> {
        let request = Request::get(target).header(COOKIE, cookies).body(Body::empty()).unwrap();
        let (parts, _) = request.into_parts();
        Look::read(&parts, EpochMillis(1_793_491_200_000)).map_err(|it| it.to_string())
    }

    #[test]
    fn the_address_comes_before_the_cookies() {
        let kept = "a=b; overtime_theme=dark; overtime_zone=Europe/Berlin; overtime_refresh=60s";
        let seen = look("/functions?sort=name", kept).unwrap();
        assert_eq!((seen.theme, seen.refresh), (Theme::Dark, Refresh::Every(60)));
        assert_eq!(
            (seen.zone.name(), seen.path(), seen.query()),
            ("Europe/Berlin", "/functions", "sort=name")
        );
        let asked = look("/?tz=Asia%2FTokyo&refresh=off", kept).unwrap();
        assert_eq!((asked.zone.name(), asked.refresh), ("Asia/Tokyo", Refresh::Off));
    }

    #[test]
    fn nonsense_in_a_cookie_is_no_choice_and_in_the_address_a_fault() {
        let seen =
            look("/", "overtime_theme=pink; overtime_zone=Mars; overtime_refresh=1ms").unwrap();
        assert_eq!(
            (seen.theme, seen.refresh, seen.zone.name()),
            (Theme::System, Refresh::Every(30), "UTC")
        );
        assert!(seen.shortcuts);
        let fault = look("/?tz=Mars", "").unwrap_err();
        assert_eq!(fault, "tz is not a time zone such as UTC or Europe/Berlin");
        assert_eq!(look("/?refresh=1s", "").unwrap_err(), "refresh is not 15s, 30s, 60s or off");
    }
}
