//! A function on AWS's own Python runtime client, in a virtual environment made for it.
//!
//! The other function speaks a Runtime API that was written here, so a misunderstanding could be
//! shared by both sides. This one runs `awslambdaric` from the Python package index, at the version that
//! `tests/python/requirements.txt` pins, against the same emulator. The virtual environment lies in
//! Cargo's target directory and is made once per set of requirements; it is put in its place in one
//! step, so that test processes which race for it find either all of it or nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::{fs, io};

use crate::binaries;
use crate::ids;
use crate::spec::Launch;

pub(crate) const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// The longest name that says everything.
const MARK_MAX: usize = 200;

/// There is no Python function, and why. It is never a reason to skip a test.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    #[error("could not make a virtual environment; install python3 with its venv module: {0}")]
    Python(String),
    #[error("could not install its requirements with pip: {0}")]
    Pip(String),
    #[error("could not prepare the directory of the virtual environment: {0}")]
    Directory(String),
}

/// What starts `tests/python/handler.py`. Blocks, for seconds when nothing has been made yet.
pub fn function() -> Result<Launch, Unavailable> {
    static MADE: OnceLock<Result<PathBuf, Unavailable>> = OnceLock::new();
    let made = MADE.get_or_init(|| environment("requirements.txt")).clone()?;
    // `-B`: nothing is to be written beside the sources.
    let arguments = ["-B", "-m", "awslambdaric", "handler.handle"];
    Ok(Launch {
        program: made.join("bin/python"),
        arguments: arguments.map(str::to_owned).to_vec(),
        task_root: Some(HOME.into()),
    })
}

/// A Python that has schemathesis, which tests an HTTP API against its own description, at the version that
/// `tests/python/requirements-api.txt` pins. Blocks, for half a minute when nothing has been made yet.
pub fn with_schemathesis() -> Result<PathBuf, Unavailable> {
    // The scripts of an environment name the place that it was made in, which was another.
    Ok(environment("requirements-api.txt")?.join("bin/python"))
}

/// Whether the Python library of Standard Webhooks verifies each of these: objects of `secret`, `headers` and `body`. Blocks.
pub fn verify_webhooks(asks: &[serde_json::Value]) -> Result<Vec<bool>, Unavailable> {
    let lines: Vec<String> = asks.iter().map(ToString::to_string).collect();
    let script = ["verify_webhook.py"];
    let said = answers("requirements-webhooks.txt", &script, &lines.join("\n"))?;
    Ok(said.lines().map(|it| it == "true").collect())
}

/// The samples that Prometheus' Python client reads out of metrics, which must be well formed: `[name, labels, value]`. Their format is
/// `text` or `openmetrics`. Blocks.
pub fn read_metrics(format: &str, metrics: &str) -> Result<Vec<serde_json::Value>, Unavailable> {
    let said = answers("requirements-metrics.txt", &["read_metrics.py", format], metrics)?;
    let samples = said.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    samples.map_err(|why| Unavailable::Python(why.to_string()))
}

/// Points and spans that OpenTelemetry's own classes read out of requests: lines of `{"signal", "body"}`, the body in base64. Blocks.
pub fn read_otlp(requests: &[String]) -> Result<Vec<serde_json::Value>, Unavailable> {
    let said = answers("requirements-otlp.txt", &["read_otlp.py"], &requests.join("\n"))?;
    let told = said.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    told.map_err(|why| Unavailable::Python(why.to_string()))
}

/// The rows of the table that DuckDB makes of a folder of logs, in the order in which they were written. Blocks.
pub fn read_logs(folder: &Path) -> Result<Vec<serde_json::Value>, Unavailable> {
    let folder = folder.to_string_lossy();
    let said = answers("requirements-logs.txt", &["read_logs.py", &folder], "")?;
    let rows = said.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    rows.map_err(|why| Unavailable::Python(why.to_string()))
}

/// What a script of `tests/python` answers to its input, in an environment with what it requires.
fn answers(requirements: &str, script: &[&str], input: &str) -> Result<String, Unavailable> {
    let python = environment(requirements)?.join("bin/python");
    let mut command = Command::new(python);
    command.arg("-B").args(script).current_dir(HOME);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(directory)?;
    // Scripts read all before they answer, or answer less than they read, so both pipes cannot fill up at once.
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(directory)?;
    }
    let output = child.wait_with_output().map_err(directory)?;
    if !output.status.success() {
        return Err(Unavailable::Python(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where the Python sources and settings of tests lie.
pub fn home() -> &'static Path {
    Path::new(HOME)
}

/// A virtual environment with what a file of requirements in `tests/python` pins.
pub(crate) fn environment(requirements: &str) -> Result<PathBuf, Unavailable> {
    let requirements = Path::new(HOME).join(requirements);
    let wanted = fs::read_to_string(&requirements).map_err(directory)?;
    let shelf = shelf().map_err(directory)?;
    let place = shelf.join(shelf_mark(&wanted));
    if place.exists() {
        return Ok(place);
    }
    let _ = writeln!(io::stderr(), "making a virtual environment: {} …", shelf_mark(&wanted));
    let bench = shelf.join(format!("unfinished-{:016x}", ids::random()));
    run(Command::new("python3").args(["-m", "venv"]).arg(&bench)).map_err(Unavailable::Python)?;
    let mut pip = Command::new(bench.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements);
    run(&mut pip).map_err(Unavailable::Pip)?;
    if let Err(why) = fs::rename(&bench, &place)
        && !place.exists()
    {
        return Err(directory(why));
    }
    Ok(place)
}

fn shelf() -> io::Result<PathBuf> {
    let shelf = binaries::target()?.join("python");
    fs::create_dir_all(&shelf)?;
    Ok(shelf)
}

/// A name that changes with the requirements, and is one that a file may have.
fn shelf_mark(wanted: &str) -> String {
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let mark = words.join("+").replace("==", "-");
    if mark.len() <= MARK_MAX {
        return mark;
    }
    let mut hasher = DefaultHasher::new();
    mark.hash(&mut hasher);
    let first = words.first().unwrap_or(&"").replace("==", "-");
    format!("{first}+{}-others-{:016x}", words.len() - 1, hasher.finish())
}

fn directory(why: io::Error) -> Unavailable {
    Unavailable::Directory(why.to_string())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{}:\n{}", output.status, String::from_utf8_lossy(&said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_requirements_live_elsewhere() {
        assert_eq!(shelf_mark("a==1\nb==2\n"), "a-1+b-2");
        let many = "a==1\n".repeat(100);
        let mark = shelf_mark(&many);
        assert!(mark.starts_with("a-1+99-others-") && mark.len() < 50, "{mark}");
        assert_ne!(mark, shelf_mark(&many.replace('1', "2")));
    }
}
