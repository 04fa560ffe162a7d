//! How OpenAPI describes what this serves. The bodies are described in `schemas.json`, beside the code that reads them with more
//! care than a schema can have; the test command tries to prove either wrong by the other.

use serde_json::{Map, Value, json};

use crate::{
    api::{
        answer::{CSV, CSV_SUFFIX, JSON},
        problem,
    },
    domain::configuration::Kind,
};

const SCHEMAS: &str = include_str!("schemas.json");

/// Adds our paths and schemas to a description.
pub(in crate::api) fn describe(api: &mut Value) {
    let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap_or_default();
    for (name, schema) in schemas {
        api["components"]["schemas"][name] = schema;
    }
    for kind in Kind::ALL {
        api["components"]["schemas"][replacement(kind)] =
            replacing(&api["components"]["schemas"][title(kind)]);
        let (shown, list) = answers(kind);
        api["components"]["schemas"][format!("Shown{}", title(kind))] = shown;
        api["components"]["schemas"][format!("{}List", title(kind))] = list;
        let path = format!("/api/v1/{}", kind.plural());
        let all = many(kind);
        api["paths"][format!("{path}{CSV_SUFFIX}")] = json!({ "get": file(&all["get"]) });
        api["paths"][&path] = all;
        api["paths"][format!("{path}/{{id}}")] = one(kind);
        if kind == Kind::Silence {
            api["paths"][format!("{path}/{{id}}/end")] = json!({ "post": end() });
        }
    }
    api["paths"]["/api/v1/configuration"] = whole();
}

/// What is put in one's place: its id is in the path already.
fn replacing(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|it| it != "id");
    }
    schema
}

fn replacement(kind: Kind) -> String {
    format!("{}Replacement", title(kind))
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Subscription => "Subscription",
        Kind::Channel => "Channel",
        Kind::Silence => "Silence",
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// One as it is answered, and all of them.
fn answers(kind: Kind) -> (Value, Value) {
    let mut shown = json!({
        "type": "object",
        "required": ["value", "version", "updated_at", "updated_by", "built_in"],
        "properties": {
            "version": {"type": "integer", "minimum": 0, "description": "Its tag, and the revision that brought it."},
            "updated_at": {"type": "string", "format": "date-time"},
            "updated_by": {"type": "string"},
            "built_in": {"type": "boolean", "description": "Whether nobody can change it."},
        },
    });
    // What is built in has a kind that nobody can write.
    shown["properties"]["value"] = match kind {
        Kind::Channel => json!({"type": "object"}),
        Kind::Subscription | Kind::Silence => reference(title(kind)),
    };
    if kind == Kind::Silence {
        let states = json!({"type": "string", "enum": ["pending", "active", "expired"]});
        shown["properties"]["state"] = states;
        let why = "In a list, of one that is not over: whether nothing was heard of within a day that it could be about.";
        shown["properties"]["matches_nothing"] = json!({"type": "boolean", "description": why});
    }
    let items = reference(&format!("Shown{}", title(kind)));
    // Like every list's, so that nobody needs to know which of them have an end.
    let next = json!({"type": "null", "description": "All of them are there."});
    let properties = json!({ "items": {"type": "array", "items": items}, "next": next });
    (shown, json!({"type": "object", "required": ["items", "next"], "properties": properties}))
}

/// An operation with the problems that all of these have, and some of its own.
fn operation(id: &str, summary: &str, own: &[(&str, &str)]) -> Value {
    let mut responses = Map::new();
    let common = [
        ("400", "A parameter or the body cannot be read."),
        ("406", "There is no form of the answer that the caller takes."),
        ("500", "The fault is here; the cause is in the log."),
        ("503", "The store did not answer; `retry-after` says when to ask again."),
    ];
    for (status, description) in common.iter().chain(own) {
        let content = json!({ problem::MEDIA_TYPE: {"schema": reference("Problem")} });
        let problem = json!({"description": description, "content": content});
        responses.insert((*status).to_owned(), problem);
    }
    json!({"operationId": id, "summary": summary, "responses": responses, "parameters": []})
}

const CHANGES: [(&str, &str); 5] = [
    ("403", "Nobody vouches for the caller, their role may not, or another site's page sent this."),
    ("409", "What is there stands against it."),
    ("413", "The body is too long."),
    ("415", "The body is not JSON."),
    ("422", "The body is JSON and not what it must be; `faults` names every field."),
];
const MISSING: (&str, &str) = ("404", "There is none under this id.");
const STALE: (&str, &str) = ("412", "It is not the version that the caller takes it for.");
const UNCONDITIONAL: (&str, &str) = ("428", "The caller must say which version is replaced.");

fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description,
        "schema": {"type": "string"}})
}

fn if_match() -> Value {
    header("if-match", "The tag of the version that this is made for, or `*`.")
}

fn id() -> Value {
    json!({"name": "id", "in": "path", "required": true, "schema": reference("Id")})
}

fn body(schema: &str) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": reference(schema)}}})
}

fn answer(description: &str, schema: &str) -> Value {
    let tag = json!({"description": "Its version.", "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}});
    json!({
        "description": description,
        "headers": {"etag": tag},
        "content": {"application/json": {"schema": reference(schema)}},
    })
}

fn many(kind: Kind) -> Value {
    let (name, plural) = (kind.as_str(), kind.plural());
    let mut list = operation(&format!("list_{plural}"), &format!("All {plural}."), &[]);
    list["responses"]["200"] = answer("All of them.", &format!("{}List", title(kind)));
    list["responses"]["200"]["headers"] = json!({});
    list["responses"]["200"]["content"][CSV] = json!({"schema": {"type": "string"}});
    list["responses"]["304"] = json!({"description": "The caller has the answer already."});
    if kind == Kind::Silence {
        let states = json!({"type": "string", "enum": ["pending", "active", "expired"]});
        list["parameters"] =
            json!([{"name": "state", "in": "query", "required": false, "schema": states}]);
    }
    let mut create = operation(&format!("create_{name}"), &format!("Makes a {name}."), &CHANGES);
    create["requestBody"] = body(title(kind));
    create["responses"]["201"] = answer("It is made.", &format!("Shown{}", title(kind)));
    let links: Map<String, Value> = ["show", "delete"]
        .into_iter()
        .map(|verb| {
            let to = format!("{verb}_{name}");
            let link = json!({"operationId": to, "parameters": {"id": "$response.body#/value/id"}});
            (to, link)
        })
        .collect();
    create["responses"]["201"]["links"] = links.into();
    json!({ "get": list, "post": create })
}

/// The same list, and nothing but CSV.
fn file(list: &Value) -> Value {
    let mut file = list.clone();
    for (field, more) in [("operationId", "_csv"), ("summary", " As CSV.")] {
        file[field] = json!(format!("{}{more}", list[field].as_str().unwrap_or_default()));
    }
    if let Some(content) = file["responses"]["200"]["content"].as_object_mut() {
        content.remove(JSON);
    }
    file
}

fn one(kind: Kind) -> Value {
    let (name, shown) = (kind.as_str(), format!("Shown{}", title(kind)));
    let mut show = operation(&format!("show_{name}"), &format!("One {name}."), &[MISSING]);
    show["parameters"] = json!([id()]);
    show["responses"]["200"] = answer("It.", &shown);
    let own = [CHANGES.as_slice(), &[STALE, UNCONDITIONAL]].concat();
    let mut replace =
        operation(&format!("replace_{name}"), &format!("Makes a {name}, or replaces it."), &own);
    let mut fresh = header("if-none-match", "`*`: only if there is none yet.");
    fresh["schema"]["enum"] = json!(["*"]);
    replace["parameters"] = json!([id(), if_match(), fresh]);
    replace["requestBody"] = body(&replacement(kind));
    replace["responses"]["200"] = answer("It is replaced, or was so already.", &shown);
    replace["responses"]["201"] = answer("It is made.", &shown);
    let own = [CHANGES.as_slice(), &[STALE, MISSING]].concat();
    let mut delete = operation(&format!("delete_{name}"), &format!("Deletes a {name}."), &own);
    delete["parameters"] = json!([id(), if_match()]);
    delete["responses"]["204"] = json!({"description": "It is gone."});
    json!({ "get": show, "put": replace, "delete": delete })
}

fn end() -> Value {
    let own = [CHANGES.as_slice(), &[STALE, MISSING]].concat();
    let mut end =
        operation("end_silence", "Ends a silence before its time, and keeps it as history.", &own);
    end["parameters"] = json!([id(), if_match()]);
    end["responses"]["200"] = answer("It is over.", "ShownSilence");
    end
}

fn whole() -> Value {
    let mut show = operation("show_configuration", "The whole configuration as one file.", &[]);
    show["responses"]["200"] = answer("The file.", "ConfigurationFile");
    let own = [CHANGES.as_slice(), &[STALE, UNCONDITIONAL]].concat();
    let mut replace =
        operation("replace_configuration", "Makes the configuration what a file says.", &own);
    let flag = |name: &str, description: &str| {
        json!({"name": name, "in": "query", "required": false, "description": description,
            "schema": {"type": "string", "enum": ["true", "false"]}})
    };
    replace["parameters"] = json!([
        if_match(),
        flag("prune", "Whether what the file does not have, of a list that it has, is deleted."),
        flag("dry_run", "Whether it is only said what would be done."),
    ]);
    replace["requestBody"] = body("ConfigurationFile");
    replace["responses"]["200"] = answer("What was done, or would be.", "Applied");
    json!({ "get": show, "put": replace })
}
