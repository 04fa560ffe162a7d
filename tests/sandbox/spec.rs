//! What is to be emulated: a function as it was deployed, and the switches of the emulator.
//!
//! A [`Spec`] is plain data. Everything that can differ between two environments stands here, so a
//! test shows in one place what is special about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::share::Share;

/// One deployed function and how its environment behaves.
#[derive(Debug, Clone)]
pub struct Spec {
    pub function: Function,
    pub runtime: Launch,
    /// Started in this order, each under its own name in `opt/extensions`.
    pub extensions: Vec<Extension>,
    /// The customer's environment variables: on Lambda, function and extensions share them.
    pub variables: Vec<(String, String)>,
    /// Ten seconds on Lambda; shorter in tests that wait for it to run out.
    pub init_timeout: Duration,
    pub initialization: Initialization,
    /// How many requests a managed instance can serve at once.
    pub workers: usize,
    pub freezing: Freezing,
    pub flushing: Flushing,
    pub telemetry: Telemetry,
    /// What all processes of the environment may use of a processor; `None` is all there is.
    pub share: Option<Share>,
    pub credentials: Credentials,
}

impl Spec {
    pub fn new(function: Function, runtime: Launch) -> Self {
        Self {
            function,
            runtime,
            extensions: Vec::new(),
            variables: Vec::new(),
            init_timeout: Duration::from_secs(10),
            initialization: Initialization::OnDemand,
            workers: 1,
            freezing: Freezing::Automatic,
            flushing: Flushing::Buffered,
            telemetry: Telemetry::Offered,
            share: None,
            credentials: Credentials::default(),
        }
    }

    #[must_use]
    pub fn extension(mut self, name: &str, binary: impl Into<PathBuf>) -> Self {
        self.extensions.push(Extension { name: name.to_owned(), binary: binary.into() });
        self
    }

    /// A managed instance with so many workers.
    #[must_use]
    pub fn managed(mut self, workers: usize) -> Self {
        self.initialization = Initialization::ManagedInstances;
        self.workers = workers;
        self
    }

    /// A memory size, and the processor share that goes with it.
    #[must_use]
    pub fn memory(mut self, memory_mb: u32) -> Self {
        self.function.memory_mb = memory_mb;
        self.share = Some(Share::of_memory(memory_mb));
        self
    }

    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }
}

/// A function's identity and configuration.
#[derive(Debug, Clone)]
pub struct Function {
    pub account: String,
    pub region: String,
    pub name: String,
    /// `$LATEST` or a published number.
    pub version: String,
    /// The alias callers use, if any; it ends the invoked ARN and nothing else.
    pub alias: Option<String>,
    pub handler: String,
    pub memory_mb: u32,
    pub timeout: Duration,
}

impl Function {
    pub fn named(name: &str) -> Self {
        Self {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            name: name.to_owned(),
            version: "$LATEST".to_owned(),
            alias: None,
            handler: "handler.handle".to_owned(),
            memory_mb: 256,
            timeout: Duration::from_secs(3),
        }
    }

    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The unqualified ARN. The partition follows from the region's name.
    pub fn arn(&self) -> String {
        let partition = match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let Self { region, account, name, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }

    /// The ARN as callers spell it: `invokedFunctionArn` keeps the qualifier they used.
    pub fn invoked_arn(&self) -> String {
        match &self.alias {
            Some(alias) => format!("{}:{alias}", self.arn()),
            None => self.arn(),
        }
    }
}

/// A program, its arguments, and where its code lies.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// `LAMBDA_TASK_ROOT` and the working directory; an empty directory when `None`.
    pub task_root: Option<PathBuf>,
}

impl Launch {
    pub fn program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), task_root: None }
    }
}

/// An external extension: the file a layer would have put into `/opt/extensions`.
#[derive(Debug, Clone)]
pub struct Extension {
    /// The file name it is started under, and so must register as.
    pub name: String,
    pub binary: PathBuf,
}

/// What the function's role lets its processes sign with. None of it is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key: String,
    pub secret: String,
    pub session_token: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret: "emulated-secret".to_owned(),
            session_token: "emulated-session".to_owned(),
        }
    }
}

/// `AWS_LAMBDA_INITIALIZATION_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initialization {
    OnDemand,
    ProvisionedConcurrency,
    SnapStart,
    ManagedInstances,
}

impl Initialization {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::SnapStart => "snap-start",
            Self::ManagedInstances => "lambda-managed-instances",
        }
    }
}

/// Whether processes are stopped while there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezing {
    /// As Lambda does: stopped when all have asked for `next`, continued for the next event.
    Automatic,
    /// Only [`freeze`](crate::Environment::freeze) stops anything.
    Manual,
}

/// When telemetry goes out as the environment is torn down.
///
/// The order of `runtimeDone(timeout)` and SHUTDOWN(timeout) is not promised by Lambda: the one
/// travels through the telemetry buffer, the other through `/event/next`. Extensions must live
/// with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushing {
    /// As the subscriber's buffer says: usually SHUTDOWN first.
    Buffered,
    /// Everything is delivered before SHUTDOWN is sent.
    BeforeShutdown,
}

/// Whether extensions may ask for telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telemetry {
    Offered,
    /// As AWS's own local emulator answers: 202, and nothing ever comes.
    Missing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(region: &str, alias: Option<&str>, expected: &str) {
        let function = Function {
            region: region.to_owned(),
            alias: alias.map(str::to_owned),
            ..Function::named("orders")
        };
        assert_eq!(function.invoked_arn(), expected);
    }

    #[test]
    fn the_partition_follows_the_region() {
        check("eu-west-1", None, "arn:aws:lambda:eu-west-1:111122223333:function:orders");
        check("cn-north-1", None, "arn:aws-cn:lambda:cn-north-1:111122223333:function:orders");
        check(
            "us-gov-west-1",
            Some("live"),
            "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:orders:live",
        );
    }
}
