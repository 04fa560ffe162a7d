//! The environment variables a process of the sandbox finds.
//!
//! An extension does not see what a runtime sees: no `AWS_EXECUTION_ENV`, no log group, no task
//! root, nothing that begins with an underscore. An extension that relied on one of these would
//! work in a careless emulator and nowhere else. Source: RAPID's `AgentExecEnv` and the developer
//! guide's list of reserved variables. Invariant: reserved names win over the customer's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::api::credentials;
use crate::spec::{Initialization, Spec};

/// Where the environment lives on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) api: SocketAddr,
    pub(crate) tmp: PathBuf,
    pub(crate) task_root: PathBuf,
    pub(crate) instance: String,
    /// The search path handed down; Lambda's own would not find this machine's interpreters.
    pub(crate) path: String,
}

pub(crate) type Variables = BTreeMap<String, String>;

pub(crate) fn of_extension(spec: &Spec, place: &Place) -> Variables {
    let mut found = Variables::new();
    for (name, value) in &spec.variables {
        if !name.starts_with('_') {
            found.insert(name.clone(), value.clone());
        }
    }
    let function = &spec.function;
    let mut reserve = |name: &str, value: &str| found.insert(name.to_owned(), value.to_owned());
    reserve("AWS_REGION", &function.region);
    reserve("AWS_DEFAULT_REGION", &function.region);
    reserve("AWS_LAMBDA_FUNCTION_NAME", &function.name);
    reserve("AWS_LAMBDA_FUNCTION_VERSION", &function.version);
    reserve("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string());
    reserve("AWS_LAMBDA_RUNTIME_API", &place.api.to_string());
    reserve("AWS_LAMBDA_INITIALIZATION_TYPE", spec.initialization.as_str());
    reserve("TZ", ":UTC");
    reserve("PATH", &place.path);
    reserve("TMPDIR", &place.tmp.to_string_lossy());
    if spec.initialization == Initialization::ManagedInstances {
        reserve("AWS_LAMBDA_MAX_CONCURRENCY", &spec.workers.to_string());
    }
    if spec.initialization == Initialization::SnapStart {
        let credentials = format!("http://{}{}", place.api, credentials::PATH);
        reserve("AWS_CONTAINER_CREDENTIALS_FULL_URI", &credentials);
        reserve("AWS_CONTAINER_AUTHORIZATION_TOKEN", credentials::TOKEN);
    } else {
        reserve("AWS_ACCESS_KEY_ID", &spec.credentials.access_key);
        reserve("AWS_SECRET_ACCESS_KEY", &spec.credentials.secret);
        reserve("AWS_SESSION_TOKEN", &spec.credentials.session_token);
    }
    found
}

pub(crate) fn of_runtime(spec: &Spec, place: &Place) -> Variables {
    let mut found = of_extension(spec, place);
    let function = &spec.function;
    let mut reserve = |name: &str, value: &str| found.insert(name.to_owned(), value.to_owned());
    reserve("_HANDLER", &function.handler);
    reserve("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023");
    reserve("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name));
    reserve("AWS_LAMBDA_LOG_STREAM_NAME", &place.instance);
    reserve("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR");
    reserve("LAMBDA_TASK_ROOT", &place.task_root.to_string_lossy());
    reserve("LAMBDA_RUNTIME_DIR", "/var/runtime");
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Function, Launch};

    fn place() -> Place {
        Place {
            api: ([127, 0, 0, 1], 9_000).into(),
            tmp: "/sandbox/tmp".into(),
            task_root: "/sandbox/task".into(),
            instance: "2026/01/02/orders[$LATEST]00".to_owned(),
            path: "/bin".to_owned(),
        }
    }

    fn spec() -> Spec {
        Spec::new(Function::named("orders"), Launch::program("/bin/true"))
    }

    #[test]
    fn an_extension_does_not_see_what_only_a_runtime_sees() {
        let of_runtime = of_runtime(&spec(), &place());
        let of_extension = of_extension(&spec(), &place());
        let hidden: Vec<&str> = of_runtime
            .keys()
            .filter(|name| !of_extension.contains_key(*name))
            .map(String::as_str)
            .collect();
        assert_eq!(
            hidden,
            [
                "AWS_EXECUTION_ENV",
                "AWS_LAMBDA_LOG_GROUP_NAME",
                "AWS_LAMBDA_LOG_STREAM_NAME",
                "AWS_XRAY_CONTEXT_MISSING",
                "LAMBDA_RUNTIME_DIR",
                "LAMBDA_TASK_ROOT",
                "_HANDLER",
            ]
        );
    }

    #[test]
    fn customers_cannot_move_a_reserved_name() {
        let spec = spec().variable("AWS_REGION", "mars-1").variable("OVERTIME_URL", "http://x");
        let found = of_extension(&spec, &place());
        assert_eq!(found["AWS_REGION"], "eu-west-1");
        assert_eq!(found["OVERTIME_URL"], "http://x");
    }

    #[test]
    fn snap_start_offers_a_place_to_fetch_credentials_instead_of_credentials() {
        let spec = Spec { initialization: Initialization::SnapStart, ..spec() };
        let found = of_extension(&spec, &place());
        assert!(found.contains_key("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        assert!(!found.contains_key("AWS_ACCESS_KEY_ID"));
    }
}
