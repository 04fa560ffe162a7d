//! Stylesheet, script and icon: compiled in, named after their content, and therefore kept by browsers forever.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};

use crate::domain::digest;

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let asset = |(stem, extension, content_type, body): (_, _, _, &'static str)| Asset {
        name: format!("{stem}.{}.{extension}", &digest::hex(body.as_bytes())[..12]),
        content_type,
        body,
    };
    Assets {
        style: asset((
            "style",
            "css",
            "text/css; charset=utf-8",
            include_str!("../../console/style.css"),
        )),
        script: asset((
            "refresh",
            "js",
            "text/javascript; charset=utf-8",
            include_str!("../../console/refresh.js"),
        )),
        icon: asset(("icon", "svg", "image/svg+xml", include_str!("../../console/icon.svg"))),
    }
});

/// Everything a page loads.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) icon: Asset,
}

#[derive(Debug)]
pub(super) struct Asset {
    pub(super) name: String,
    content_type: &'static str,
    body: &'static str,
}

pub(super) async fn serve(Path(file): Path<String>) -> Response {
    let assets = &*ASSETS;
    let found =
        [&assets.style, &assets.script, &assets.icon].into_iter().find(|it| it.name == file);
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.body).into_response()
}
