//! What somebody chooses for good: theme, time zone, how often pages are shown anew, and whether single keys lead somewhere.
//!
//! It is kept in cookies of this browser and changes nothing for anybody else, so a plain link may do it, with or without scripts.

use askama::Template;
use axum::{
    Router,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{LOCATION, SET_COOKIE},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    Console,
    failure::Failure,
    frame::{Frame, Section, page},
    look::{Look, REFRESH, Refresh, SHORTCUTS, THEME, Theme, ZONE, Zone},
    table::without,
};
use crate::api::problem::Problem;

/// A year, in seconds.
const KEPT_S: u32 = 365 * 24 * 3_600;

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/preferences", get(show)).route("/preferences/keep", get(keep))
}

#[derive(Debug, Template)]
#[template(path = "preferences.html")]
struct Preferences<'a> {
    frame: Frame<'a>,
    zones: Vec<String>,
    back: String,
}

/// What is chosen, and where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chosen {
    theme: Option<String>,
    zone: Option<String>,
    refresh: Option<String>,
    shortcuts: Option<String>,
    back: Option<String>,
}

async fn show(look: Look, headers: HeaderMap) -> Result<Response, Failure> {
    let chosen = Chosen::read(&look)?;
    let preferences = Preferences {
        frame: Frame::new(&look, Section::Nowhere, "Preferences").still(),
        zones: Zone::names(),
        back: chosen.back(),
    };
    Ok(page(&look, &headers, &preferences))
}

async fn keep(look: Look) -> Result<Response, Failure> {
    let chosen = Chosen::read(&look)?;
    let mut response = (StatusCode::SEE_OTHER, ()).into_response();
    for (name, value) in chosen.cookies()? {
        let path = look.base.href("/");
        let cookie =
            format!("{name}={value}; Path={path}; Max-Age={KEPT_S}; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    // What the address said of these would go before what was just chosen.
    let back = without(&chosen.back(), &["tz", "refresh"]);
    if let Ok(back) = HeaderValue::try_from(look.base.href(&back)) {
        response.headers_mut().insert(LOCATION, back);
    }
    Ok(response)
}

impl Chosen {
    fn read(look: &Look) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(look.query().as_bytes());
        Self::deserialize(serde_html_form::Deserializer::new(pairs))
            .map_err(|why| Problem::malformed(format!("the preferences cannot be read: {why}")))
    }

    /// A path of ours, whatever was asked for: nobody is led elsewhere from here.
    fn back(&self) -> String {
        let path = self.back.as_deref().unwrap_or_default();
        let ours = path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
        if ours { path.to_owned() } else { "/".to_owned() }
    }

    fn cookies(&self) -> Result<Vec<(&'static str, String)>, Problem> {
        let mut cookies = Vec::new();
        if let Some(theme) = &self.theme {
            let theme: Theme = theme.parse().map_err(|why| Problem::invalid("theme", why))?;
            cookies.push((THEME, theme.name().to_owned()));
        }
        if let Some(zone) = &self.zone {
            let zone: Zone = zone.parse().map_err(|why| Problem::invalid("zone", why))?;
            cookies.push((ZONE, zone.name().to_owned()));
        }
        if let Some(refresh) = &self.refresh {
            let refresh: Refresh =
                refresh.parse().map_err(|why| Problem::invalid("refresh", why))?;
            cookies.push((REFRESH, refresh.to_string()));
        }
        if let Some(shortcuts) = &self.shortcuts {
            if !matches!(shortcuts.as_str(), "on" | "off") {
                return Err(Problem::invalid("shortcuts", "is neither on nor off"));
            }
            cookies.push((SHORTCUTS, shortcuts.clone()));
        }
        Ok(cookies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str) -> Chosen {
        let look = super::super::look::tests::look(&format!("/preferences?{query}"), "").unwrap();
        Chosen::read(&look).unwrap()
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        for (back, expected) in [
            ("%2Ffunctions%3Fsort%3Dname", "/functions?sort=name"),
            ("https%3A%2F%2Fevil.example", "/"),
            ("%2F%2Fevil.example", "/"),
            ("%2F%5Cevil.example", "/"),
            ("%2Fa%0D%0Aset-cookie%3A", "/"),
            ("", "/"),
        ] {
            assert_eq!(chosen(&format!("back={back}")).back(), expected, "{back}");
        }
    }

    #[test]
    fn what_is_kept_is_what_there_is_to_choose() {
        let kept = chosen("theme=dark&zone=europe/berlin&refresh=off&shortcuts=off").cookies();
        let kept: Vec<_> =
            kept.unwrap().into_iter().map(|(name, it)| format!("{name}={it}")).collect();
        assert_eq!(
            kept,
            [
                "overtime_theme=dark",
                "overtime_zone=Europe/Berlin",
                "overtime_refresh=off",
                "overtime_shortcuts=off"
            ]
        );
        let fault = chosen("theme=pink").cookies().unwrap_err();
        assert_eq!(fault.to_string(), "theme is not system, light or dark");
    }
}
