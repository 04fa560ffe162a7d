//! Stylesheet, scripts and icon: compiled in, named after their content, and therefore kept by browsers forever.
//!
//! Each is compressed once, when it is first asked for.

use std::{
    io::{self, Write as _},
    sync::LazyLock,
};

use axum::{
    Router,
    extract::Path,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::Console;
use crate::domain::digest;

/// Hand-written styles, in the order in which they lie on each other. A page that needs its own has a file and a line here.
const STYLE: &str = concat!(
    include_str!("../../console/style/base.css"),
    include_str!("../../console/style/frame.css"),
    include_str!("../../console/style/part.css"),
    include_str!("../../console/style/table.css"),
    include_str!("../../console/style/chart.css"),
    include_str!("../../console/style/desk.css"),
    include_str!("../../console/style/overview.css"),
    include_str!("../../console/style/sign_in.css"),
    include_str!("../../console/style/alerts.css"),
    include_str!("../../console/style/pages.css"),
);

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(("style", "css"), "text/css; charset=utf-8", STYLE),
    script: Asset::new(
        ("app", "js"),
        "text/javascript; charset=utf-8",
        include_str!("../../console/app.js"),
    ),
    htmx: Asset::new(
        ("htmx", "js"),
        "text/javascript; charset=utf-8",
        include_str!("../../console/vendor/htmx-4.0.1.min.js"),
    ),
    icon: Asset::new(("icon", "svg"), "image/svg+xml", include_str!("../../console/icon.svg")),
});

/// Everything a page loads.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) htmx: Asset,
    pub(super) icon: Asset,
}

#[derive(Debug)]
pub(super) struct Asset {
    pub(super) name: String,
    content_type: &'static str,
    body: &'static str,
    zipped: LazyLock<Option<Bytes>, Box<dyn FnOnce() -> Option<Bytes> + Send>>,
}

impl Asset {
    fn new(
        (stem, extension): (&str, &str),
        content_type: &'static str,
        body: &'static str,
    ) -> Self {
        let name = format!("{stem}.{}.{extension}", &digest::hex(body.as_bytes())[..12]);
        let zipped = LazyLock::new(Box::new(|| zip(body).ok()) as Box<_>);
        Self { name, content_type, body, zipped }
    }
}

fn zip(body: &str) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes())?;
    Ok(encoder.finish()?.into())
}

pub(super) fn routes() -> Router<Console> {
    Router::new().route("/assets/{file}", get(serve))
}

async fn serve(Path(file): Path<String>, asked: HeaderMap) -> Response {
    let Assets { style, script, htmx, icon } = &*ASSETS;
    let found = [style, script, htmx, icon].into_iter().find(|it| it.name == file);
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (VARY, HeaderValue::from_static("accept-encoding")),
    ];
    match &*asset.zipped {
        Some(zipped) if takes_gzip(&asked) => {
            (headers, [(CONTENT_ENCODING, "gzip")], zipped.clone()).into_response()
        }
        _ => (headers, asset.body).into_response(),
    }
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let texts = asked.get_all(ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    let mut codings = texts.flat_map(|it| it.split(','));
    codings.any(|it| {
        let (name, weight) = it.split_once(';').unwrap_or((it, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|it| it.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|it| it > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::to_bytes;

    use super::*;

    async fn get(name: &str, encoding: &'static str) -> (HeaderMap, Vec<u8>) {
        let asked = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
        let response = serve(Path(name.to_owned()), asked).await;
        let headers = response.headers().clone();
        (headers, to_bytes(response.into_body(), 1_000_000).await.unwrap().to_vec())
    }

    #[tokio::test]
    async fn an_asset_is_compressed_for_whoever_takes_it() {
        let style = &ASSETS.style;
        let (headers, zipped) = get(&style.name, "br;q=1.0, gzip;q=0.8").await;
        assert_eq!(headers[CONTENT_ENCODING], "gzip");
        let mut text = String::new();
        flate2::read::GzDecoder::new(zipped.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, style.body);
        for plain in ["identity", "gzip;q=0", "br"] {
            let (headers, body) = get(&style.name, plain).await;
            assert!(!headers.contains_key(CONTENT_ENCODING) && body == style.body.as_bytes());
            assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        }
    }

    #[test]
    fn the_first_load_is_small() {
        let Assets { style, script, htmx, icon } = &*ASSETS;
        let sizes = [style, script, htmx, icon].map(|it| it.zipped.as_ref().unwrap().len());
        assert!(sizes.iter().sum::<usize>() < 60_000, "{sizes:?}");
    }
}
