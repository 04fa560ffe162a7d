//! The process: environment in, [`run`] until SHUTDOWN, out.

use std::{env, ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc};

use overtime_extension::{
    config::Config,
    lambda::Lambda,
    notice::{Notices, Topic},
    run::{self, Role, run},
    runtime_api::ExtensionName,
};
use tokio::runtime::Builder;

/// Enough for the C library's resolver, which is all that the one blocking thread ever runs.
const STACK: usize = 512 * 1024;

fn main() -> ExitCode {
    let notices = Arc::new(Notices::new());
    run::quiet_panics(&notices);
    let lookup = |name: &str| env::var(name).ok();
    let lambda = Lambda::read(lookup);
    if lambda.api.0.is_empty() {
        notices.say(
            Topic::Settings,
            "AWS_LAMBDA_RUNTIME_API is not set: this program is started by Lambda, from a layer",
        );
        return ExitCode::FAILURE;
    }
    let role = Role::of(Config::read(lookup), &notices);
    let mut builder = Builder::new_current_thread();
    builder.enable_io().enable_time().max_blocking_threads(1).thread_stack_size(STACK);
    // Without a runtime there is no loop; nothing we could do would be better for the function than to end.
    let Ok(runtime) = builder.build() else { return ExitCode::FAILURE };
    // A task, because what `block_on` itself waits for is woken by way of a system call.
    let done = runtime.spawn(run(lambda, name(), role, notices));
    // A panic was the loop's own, which has none.
    let _ = runtime.block_on(done);
    // A name that is still being resolved is nobody's concern any more.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

/// The platform knows an extension by the name of the file it was started as.
fn name() -> ExtensionName {
    let started_as = env::args_os().next().map(PathBuf::from);
    let file = |path: PathBuf| path.file_name().map(OsString::from);
    let name = started_as.and_then(file).or_else(|| env::current_exe().ok().and_then(file));
    ExtensionName(name.unwrap_or_default().to_string_lossy().into_owned())
}
