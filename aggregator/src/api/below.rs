//! Everything below a path of its host, where a proxy serves other things beside it.
//!
//! The path goes away before anything is routed and comes back in what leads elsewhere: links, redirects, cookies. What
//! machines have always found at the root stays there, too: whether all is well, and the way in.

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, Uri, header::LOCATION, uri::PathAndQuery},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

use crate::{api::problem::Problem, domain::base::Base};

/// What is also found at the root.
const AT_ROOT: [&str; 2] = ["/healthz", "/v1/batches"];

/// Serves all of this below a path.
pub fn below(router: Router, base: &Base) -> Router {
    if base.is_root() {
        return router;
    }
    let inside = Router::new().fallback_service(router);
    inside.layer(middleware::from_fn_with_state(base.clone(), strip))
}

async fn strip(State(base): State<Base>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if let Some(inner) = base.within(path) {
        let query = request.uri().query().map(|it| format!("?{it}")).unwrap_or_default();
        let Ok(target) = format!("{inner}{query}").parse::<PathAndQuery>() else {
            return Problem::malformed("the path is none").into_response();
        };
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(base);
    } else if path == "/" {
        return (StatusCode::SEE_OTHER, [(LOCATION, base.href("/"))]).into_response();
    } else if !AT_ROOT.contains(&path) {
        return Problem::not_found("nothing is served under this path").into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    /// Status and, of what was answered, the path that was seen; of what leads elsewhere, where.
    async fn ask(path: &str) -> (u16, String) {
        let seen = |uri: Uri| async move { uri.to_string() };
        let router = Router::new().route("/", get(seen)).route("/healthz", get(seen));
        let router = below(router.route("/functions", get(seen)), &"/overtime".parse().unwrap());
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        if let Some(location) = response.headers().get(LOCATION) {
            return (status, location.to_str().unwrap().to_owned());
        }
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (status, if status == 200 { text } else { String::new() })
    }

    #[tokio::test]
    async fn all_is_below_the_path_and_only_what_machines_know_is_at_the_root() {
        let inside = |path: &str| (200, path.to_owned());
        assert_eq!(ask("/overtime/functions?sort=name").await, inside("/functions?sort=name"));
        assert_eq!(ask("/overtime/").await, inside("/"));
        assert_eq!(ask("/overtime").await, inside("/"));
        assert_eq!(ask("/healthz").await, inside("/healthz"));
        assert_eq!(ask("/overtime/healthz").await, inside("/healthz"));
        assert_eq!(ask("/").await, (303, "/overtime/".to_owned()));
        assert_eq!(ask("/functions").await, (404, String::new()));
        assert_eq!(ask("/overtime/nowhere").await, (404, String::new()));
    }
}
