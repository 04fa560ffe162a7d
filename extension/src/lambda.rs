//! What Lambda's own environment variables say about this environment.
//!
//! Source: the extension's environment as listed in AWS's "Lambda runtime environment variables" and in the open
//! sandbox supervisor (`AgentExecEnv`): region, name, version, memory, initialization type and the address of the APIs are
//! there, account, ARN and timeout are not. Everything but the address may be missing, and is then learned later.

use std::fmt;

/// The environment as Lambda describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lambda {
    /// `host:port` of the Extensions and Telemetry APIs.
    pub api: ApiAddress,
    /// Empty when unsaid, as are the texts below.
    pub function: String,
    pub version: String,
    pub region: String,
    /// Zero when unsaid.
    pub memory_mb: u32,
    pub initialization: Initialization,
}

/// `AWS_LAMBDA_RUNTIME_API`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiAddress(pub String);

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `AWS_LAMBDA_INITIALIZATION_TYPE`, kept as it is written: new types appear without notice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Initialization(pub String);

impl Initialization {
    /// Managed Instances serve requests concurrently and send neither INVOKE nor `runtimeDone`.
    pub fn is_managed_instances(&self) -> bool {
        self.0 == "lambda-managed-instances"
    }

    /// Whether environments are copies of one that was started when the version was published.
    pub fn is_snapshot(&self) -> bool {
        self.0 == "snap-start"
    }

    /// Whether the first invocation waits for the init: not where environments are made ahead of need.
    pub fn makes_callers_wait(&self) -> bool {
        !self.is_managed_instances() && self.0 != "provisioned-concurrency"
    }
}

impl Lambda {
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| lookup(name).unwrap_or_default();
        Self {
            api: ApiAddress(text("AWS_LAMBDA_RUNTIME_API")),
            function: text("AWS_LAMBDA_FUNCTION_NAME"),
            version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            region: text("AWS_REGION"),
            memory_mb: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").parse().unwrap_or(0),
            initialization: Initialization(text("AWS_LAMBDA_INITIALIZATION_TYPE")),
        }
    }
}
