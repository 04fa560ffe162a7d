//! `GET /api/v1/openapi.json`: the read API as OpenAPI 3.1 describes it, made from the code that answers.
//!
//! Paths, parameters and answers come from the handlers and their types, through one registration that also routes them.
//! What is true of every path — its problems, its tags, its unchanged answers — is added here, once.

use std::sync::{Arc, LazyLock};

use axum::{Extension, Router, extract::State, response::Response, routing::get};
use serde_json::{Value, json};
use utoipa::{
    PartialSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr,
        Required, ResponseBuilder,
        link::LinkBuilder,
        path::{Operation, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, Ref, Schema, SchemaType, Type},
    },
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{
    api::{
        Reader,
        answer::{CSV, CSV_SUFFIX, JsonCaller},
        configuration, problem,
    },
    domain::base::Base,
};

pub(super) const PATH: &str = "/api/v1/openapi.json";

const DESCRIPTION: &str = "Every Lambda timeout that the platform lets anybody see, and why. \
    What is not known is null, never 0. Instants are RFC 3339 in UTC; parameters also take `now-24h`. \
    Lists are JSON, or CSV by `accept: text/csv` or `.csv` after the path. Answers carry a tag, and \
    `if-none-match` is answered 304. A `url` is a path below the server's. Problems are RFC 9457 and name the parameter.";

/// An empty description.
pub(super) fn describe() -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Overtime read API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license));
    OpenApiBuilder::new().info(info).build()
}

/// What an operation's answer leads to.
struct Lead {
    from: &'static str,
    to: &'static str,
    /// Parameters, and where they are in the answer.
    parameters: &'static [(&'static str, &'static str)],
}

const FIRST_FUNCTION: &[(&str, &str)] =
    &[("account", "/items/0/account"), ("region", "/items/0/region"), ("name", "/items/0/name")];
const FIRST_TIMEOUT: &[(&str, &str)] = &[
    ("account", "/items/0/account"),
    ("region", "/items/0/region"),
    ("name", "/items/0/function"),
    ("block", "/items/0/block"),
    ("id", "/items/0/id"),
];
const NEXT: &[(&str, &str)] = &[("cursor", "/next")];
const FIRST_DELIVERY: &[(&str, &str)] = &[("id", "/items/0/id")];
const FIRST_ALERT: &[(&str, &str)] = &[("fingerprint", "/items/0/fingerprint")];
const FIRST_EPISODE: &[(&str, &str)] =
    &[("fingerprint", "/items/0/fingerprint"), ("episode", "/items/0/id")];
const FIRST_PLACE: &[(&str, &str)] =
    &[("account", "/items/0/account"), ("region", "/items/0/region")];
const LEADS: [Lead; 15] = [
    Lead { from: "list_alerts", to: "show_alert", parameters: FIRST_ALERT },
    Lead { from: "list_alerts", to: "list_alerts", parameters: NEXT },
    Lead { from: "list_episodes", to: "show_alert", parameters: FIRST_ALERT },
    Lead { from: "list_episodes", to: "show_episode", parameters: FIRST_EPISODE },
    Lead { from: "list_episodes", to: "list_episodes", parameters: NEXT },
    Lead { from: "list_coverage", to: "list_coverage", parameters: NEXT },
    Lead { from: "list_coverage", to: "import_inventory", parameters: FIRST_PLACE },
    Lead { from: "list_deliveries", to: "show_delivery", parameters: FIRST_DELIVERY },
    Lead { from: "list_deliveries", to: "replay_delivery", parameters: FIRST_DELIVERY },
    Lead { from: "list_deliveries", to: "list_deliveries", parameters: NEXT },
    Lead { from: "list_functions", to: "show_function", parameters: FIRST_FUNCTION },
    Lead { from: "list_functions", to: "list_function_series", parameters: FIRST_FUNCTION },
    Lead { from: "list_functions", to: "list_functions", parameters: NEXT },
    Lead { from: "list_timeouts", to: "show_timeout", parameters: FIRST_TIMEOUT },
    Lead { from: "list_timeouts", to: "list_timeouts", parameters: NEXT },
];

/// Serves a list in both of its forms: under its own path, and as CSV under that path with a suffix. What is true of the answers of
/// every list is said here.
pub(super) fn list(
    router: OpenApiRouter<Reader>,
    (schemas, mut paths, methods): UtoipaMethodRouter<Reader>,
) -> OpenApiRouter<Reader> {
    paths.paths.values_mut().filter_map(|it| it.get.as_mut()).for_each(part);
    let files: Vec<(String, PathItem)> = paths
        .paths
        .iter()
        .map(|(path, item)| (format!("{path}{CSV_SUFFIX}"), file(item)))
        .collect();
    paths.paths.extend(files);
    router.routes((schemas, paths, methods))
}

/// An answer that is a part of a list.
fn part(list: &mut Operation) {
    let Some(RefOr::T(found)) = list.responses.responses.get_mut("200") else { return };
    if found.description.is_empty() {
        "A part of the list.".clone_into(&mut found.description);
    }
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let table = ContentBuilder::new().schema(Some(text)).build().into();
    found.content.entry(CSV.to_owned()).or_insert(table);
}

/// The same list, and nothing but CSV.
fn file(list: &PathItem) -> PathItem {
    let mut item = list.clone();
    if let Some(operation) = &mut item.get {
        operation.operation_id = operation.operation_id.as_ref().map(|it| format!("{it}_csv"));
        operation.summary = operation.summary.as_ref().map(|it| format!("{it} As CSV."));
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.content.retain(|media_type, _| media_type == CSV);
            }
        }
    }
    item
}

/// A description that is finished when somebody first asks for it: a Lambda door must not start later for it.
type Described = LazyLock<Value, Box<dyn FnOnce() -> Value + Send>>;

/// Adds the path of the description.
pub(super) fn finish(router: OpenApiRouter) -> Router {
    let (router, api) = router.split_for_parts();
    let described: Described = LazyLock::new(Box::new(|| whole(api)));
    let described = Router::new().route(PATH, get(show)).with_state(Arc::new(described));
    router.merge(described)
}

/// The description with what is true of every path.
fn whole(mut api: OpenApi) -> Value {
    for item in api.paths.paths.values_mut() {
        if let Some(operation) = &mut item.get {
            complete(operation);
        }
        let changing = [&mut item.post, &mut item.put, &mut item.delete];
        for operation in changing.into_iter().flatten() {
            let own = [
                (
                    "403",
                    "Nobody vouches for the caller, their role may not, or another site's page sent this.",
                ),
                ("415", "The body is not JSON."),
            ];
            refuse(operation, &own);
        }
    }
    let components = api.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), problem::Body::schema());
    components.schemas.insert("Fault".to_owned(), problem::Wrong::schema());
    components.schemas.iter_mut().filter(|(name, _)| *name != "Problem").for_each(|(_, it)| {
        if let RefOr::T(Schema::Object(object)) = it {
            // Every field of an answer is always there, null where nothing is known.
            object.required = object.properties.keys().cloned().collect();
        }
    });
    let mut api = serde_json::to_value(api).unwrap_or_default();
    configuration::describe(&mut api);
    api
}

async fn show(
    State(api): State<Arc<Described>>,
    base: Option<Extension<Base>>,
    caller: JsonCaller,
) -> Response {
    match base {
        Some(Extension(base)) => caller.answer(&at(&api, &base)),
        None => caller.answer(&**api),
    }
}

/// The description of an API that is served below a path.
fn at(api: &Value, base: &Base) -> Value {
    let mut api = api.clone();
    api["servers"] = json!([{ "url": base.href("") }]);
    api
}

fn complete(operation: &mut Operation) {
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let known = ParameterBuilder::new()
        .name("if-none-match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Tags of answers that the caller has."))
        .schema(Some(text()));
    operation.parameters.get_or_insert_default().push(RefOr::T(known.build()));
    link(operation);
    let tag = HeaderBuilder::new()
        .schema(Some(text().pattern(Some("^\"[0-9a-f]{32}\"$"))))
        .description(Some("Made of the answer's bytes."))
        .build();
    if let Some(RefOr::T(found)) = operation.responses.responses.get_mut("200") {
        found.headers.insert("etag".to_owned(), tag.clone().into());
    }
    let unchanged = ResponseBuilder::new()
        .description("The caller has the answer already.")
        .header("etag", tag)
        .build();
    operation.responses.responses.insert("304".to_owned(), unchanged.into());
    let own = [("406", "There is no form of the answer that the caller takes.")];
    refuse(operation, &own);
}

/// Adds the problems that every operation has, and some of its own; those that it names itself get their form.
fn refuse(operation: &mut Operation, own: &[(&str, &str)]) {
    let responses = &mut operation.responses.responses;
    for (status, response) in responses.iter_mut() {
        if status.starts_with('4')
            && let RefOr::T(named) = response
        {
            *named = problem(&named.description.clone());
        }
    }
    let common = [
        ("400", "A parameter is not what it must be; `field` names it."),
        ("500", "The fault is here; the cause is in the log."),
        ("503", "The store did not answer; `retry-after` says when to ask again."),
    ];
    for (status, description) in common.iter().chain(own) {
        responses.insert((*status).to_owned(), problem(description).into());
    }
}

fn link(operation: &mut Operation) {
    let name = operation.operation_id.as_deref().unwrap_or_default();
    let leads = LEADS.iter().filter(|it| it.from == name);
    let Some(RefOr::T(found)) = operation.responses.responses.get_mut("200") else { return };
    for Lead { to, parameters, .. } in leads {
        let link = LinkBuilder::new().operation_id(*to);
        let link = parameters.iter().fold(link, |link, (name, pointer)| {
            link.parameter(*name, format!("$response.body#{pointer}"))
        });
        found.links.insert((*to).to_owned(), link.build().into());
    }
}

fn problem(description: &str) -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(problem::MEDIA_TYPE, content).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_below_a_path_says_so() {
        let described = at(&json!({"openapi": "3.1.0"}), &"/overtime".parse().unwrap());
        assert_eq!(described, json!({"openapi": "3.1.0", "servers": [{"url": "/overtime"}]}));
    }
}
