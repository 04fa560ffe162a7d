//! How something ended, as the platform puts it.
//!
//! The platform says it twice: a status and, unless it is a success or a timeout, an error type. The error type is the more
//! telling: Managed Instances report a timeout as `error` with `Runtime.InvokeTimeout`, and `failure` is used for a
//! runtime's exit as well as for the platform's own fault. A handled exception is a success to the platform, and to us.

/// How an init, an invocation or a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success,
    Timeout,
    OutOfMemory,
    Failed(Failure),
    /// A word that later platforms may use: it ended, and we claim nothing more.
    Unknown,
}

/// Whose failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The runtime's process ended.
    Exit,
    /// Another extension crashed.
    Extension,
    /// The platform's own.
    Platform,
    Other,
}

impl Status {
    /// `None` when neither is said.
    pub fn read(status: Option<&str>, error_type: Option<&str>) -> Option<Self> {
        let is = |word: &str| status.is_some_and(|it| it.eq_ignore_ascii_case(word));
        let kind = error_type.unwrap_or_default();
        if matches!(kind, "Runtime.InvokeTimeout" | "Sandbox.Timedout" | "Sandbox.Timeout") {
            return Some(Self::Timeout);
        }
        match status {
            None if kind.is_empty() => None,
            _ if is("success") => Some(Self::Success),
            _ if is("timeout") => Some(Self::Timeout),
            None => Some(Self::failed(kind, false)),
            Some(_) if is("error") => Some(Self::failed(kind, false)),
            Some(_) if is("failure") => Some(Self::failed(kind, true)),
            Some(_) => Some(Self::Unknown),
        }
    }

    fn failed(kind: &str, platform: bool) -> Self {
        if kind == "Runtime.OutOfMemory" {
            return Self::OutOfMemory;
        }
        Self::Failed(if kind.starts_with("Extension.") {
            Failure::Extension
        } else if kind == "Runtime.ExitError" {
            Failure::Exit
        } else if kind.starts_with("Sandbox.") || (platform && kind.is_empty()) {
            Failure::Platform
        } else {
            Failure::Other
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: &str, error_type: &str, expected: Option<Status>) {
        let some = |text: &'static str| Some(text).filter(|it| !it.is_empty());
        let (status, error_type) = (status.to_owned().leak(), error_type.to_owned().leak());
        assert_eq!(Status::read(some(status), some(error_type)), expected, "{status} {error_type}");
    }

    #[test]
    fn a_status_is_read_with_its_error_type() {
        check("success", "", Some(Status::Success));
        check("TIMEOUT", "", Some(Status::Timeout));
        check("error", "Runtime.InvokeTimeout", Some(Status::Timeout));
        check("error", "Runtime.OutOfMemory", Some(Status::OutOfMemory));
        check("error", "Runtime.ExitError", Some(Status::Failed(Failure::Exit)));
        check("failure", "Runtime.ExitError", Some(Status::Failed(Failure::Exit)));
        check("error", "Extension.Crash", Some(Status::Failed(Failure::Extension)));
        check("failure", "Sandbox.Failure", Some(Status::Failed(Failure::Platform)));
        check("failure", "", Some(Status::Failed(Failure::Platform)));
        check("error", "", Some(Status::Failed(Failure::Other)));
        check("", "Runtime.ExitError", Some(Status::Failed(Failure::Exit)));
        check("cancelled", "", Some(Status::Unknown));
        check("", "", None);
    }
}
