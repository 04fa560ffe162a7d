//! The house rules that neither the compiler nor clippy enforces, enforced.
//!
//! Modules of one crate can form circles unseen, files grow by a line a day, and a setting is documented in one place and
//! read in another. Each rule here names the file and line that breaks it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// What may lie at the top of the repository, besides dotfiles.
const TOP: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "aggregator",
    "extension",
    "infra",
    "tests",
];

/// The floors of each crate, lowest first. A module names only modules of floors below its own; `*` may name all.
const FLOORS: &[(&str, &[&[&str]])] = &[
    (
        "extension/wire/src",
        &[
            &["v1", "time", "function"],
            &["fact"],
            &["invocation", "durations", "profile"],
            &["phases"],
            &["key", "tally", "verdict"],
            &["counts", "batch"],
        ],
    ),
    (
        "extension/src",
        &[
            &[
                "clock", "entropy", "fault", "hosts", "journal", "json", "lambda", "message",
                "notice",
            ],
            &["http", "log"],
            &["runtime_api"],
            &["telemetry"],
            &["signing"],
            &["uplink"],
            &["logs"],
            &["config"],
            &["sandbox"],
            &["flush"],
            &["watch"],
            &["run"],
        ],
    ),
    (
        "aggregator/src",
        &[
            &["domain", "chance"],
            &["store", "channels"],
            &["settings", "clock", "throughput"],
            &["ingest", "evaluate", "deliver", "sweep", "stream", "egress"],
            &["api"],
            &["sign_in"],
            &["console"],
            &["serve", "lambda", "client", "token"],
        ],
    ),
];

/// Words that mean that something is not finished.
const BANNED: &[&str] = &["todo!", "unimplemented!", "FIXME", "XXX", "#[ignore", "should_panic"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn is_generated(&self) -> bool {
        self.text.starts_with("// This file is @generated")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file below the repository that is ours, with its path from the root.
fn sources(extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = folder.join(&name);
            if name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules") {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                let text = fs::read_to_string(root().join(&path)).unwrap();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} file found");
    found
}

/// Every fault of a rule in one failure, because each costs a run.
#[track_caller]
fn assert_none(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn the_top_level_shows_only_what_belongs_there() {
    let entries = fs::read_dir(root()).unwrap().map(|it| it.unwrap().file_name());
    let strangers = entries
        .map(|it| it.into_string().unwrap())
        .filter(|it| !it.starts_with('.') && it != "target" && !TOP.contains(&it.as_str()));
    assert_none("does not belong at the top", strangers.collect());
}

#[test]
fn every_file_is_one_room_and_says_what_it_is_for() {
    let mut faults = Vec::new();
    for source in sources("rs").iter().filter(|it| !it.is_generated()) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!("{} has {lines} lines, at most {FILE_LINES_MAX}", source.name()));
        }
        if !source.text.starts_with("//! ") {
            faults.push(format!("{} does not begin with `//!`", source.name()));
        }
        if source.path.ends_with("mod.rs") {
            faults.push(format!("{} should be named after its module", source.name()));
        }
    }
    assert_none("a file is one room", faults);
}

#[test]
fn every_function_fits_on_a_screen() {
    let mut faults = Vec::new();
    for source in sources("rs").iter().filter(|it| !it.is_generated()) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            let length = lines[at..].iter().position(|it| *it == end).map_or(1, |it| it + 1);
            if length > FUNCTION_LINES_MAX && !lines[at].ends_with(';') {
                faults.push(format!("{}:{} has {length} lines", source.name(), at + 1));
            }
        }
    }
    assert_none("a function has at most 70 lines", faults);
}

fn begins_function(line: &str) -> bool {
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "async", "const"];
    let first = line.split_whitespace().find(|it| !qualifiers.contains(it));
    first == Some("fn") && !line.ends_with('}')
}

#[test]
fn no_floor_names_one_above_it() {
    let mut faults = Vec::new();
    for (folder, floors) in FLOORS {
        let heights: BTreeMap<&str, usize> = floors
            .iter()
            .enumerate()
            .flat_map(|(height, names)| names.iter().map(move |name| (*name, height)))
            .collect();
        for source in sources("rs").iter().filter(|it| it.path.starts_with(folder)) {
            let Some(module) = module_of(&source.path, folder) else { continue };
            let Some(height) = heights.get(module.as_str()) else {
                faults.push(format!("{} is on no floor", source.name()));
                continue;
            };
            for (line, named) in modules_named(&source.text) {
                let below = heights.get(named.as_str()).is_none_or(|it| it < height);
                if named != module && !below {
                    faults.push(format!("{}:{line} names `{named}`", source.name()));
                }
            }
        }
    }
    assert_none("a module names only floors below its own", faults);
}

/// The crate's module a file belongs to; the crate's own roots belong to none.
fn module_of(path: &Path, folder: &str) -> Option<String> {
    let first = path.strip_prefix(folder).ok()?.components().next()?;
    let name = first.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (!matches!(name.as_str(), "lib" | "main" | "bin")).then_some(name)
}

/// Every `crate::module` and `use crate::{module…}` of a text, by line. Names of types are left out by their capital.
fn modules_named(text: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let mut in_group = 0_usize;
    for (at, line) in (1..).zip(text.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for rest in code.split("crate::").skip(1) {
            if rest.starts_with('{') {
                in_group = 1;
                continue;
            }
            named.push((at, identifier(rest)));
        }
        if in_group > 0 {
            let start = code.rfind("crate::{").map_or(0, |it| it + "crate::{".len());
            for part in split_at_depth_one(&code[start..], &mut in_group) {
                named.push((at, identifier(part.trim())));
            }
        }
    }
    named.retain(|(_, name)| name.starts_with(|it: char| it.is_ascii_lowercase()));
    named
}

/// The parts of a `use` group that stand directly in it; `depth` carries over to the next line.
fn split_at_depth_one<'a>(code: &'a str, depth: &mut usize) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = (*depth == 1).then_some(0);
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => {
                if let (1, Some(from)) = (*depth, start.take()) {
                    parts.push(&code[from..at]);
                }
                *depth += 1;
            }
            '}' => {
                if let (1, Some(from)) = (*depth, start.take()) {
                    parts.push(&code[from..at]);
                }
                *depth = depth.saturating_sub(1);
                if *depth == 0 {
                    return parts;
                }
            }
            ',' if *depth == 1 => {
                if let Some(from) = start {
                    parts.push(&code[from..at]);
                }
                start = Some(at + 1);
            }
            _ => {}
        }
    }
    if let (1, Some(from)) = (*depth, start) {
        parts.push(&code[from..]);
    }
    parts
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|it| it.is_ascii_alphanumeric() || *it == '_').collect()
}

#[test]
fn every_setting_that_is_read_is_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split("\n## ").find(|it| it.starts_with("Settings")).unwrap();
    let documented = settings_in(table);
    let mut read = BTreeSet::new();
    for source in sources("rs") {
        let product = source.path.starts_with("extension") || source.path.starts_with("aggregator");
        if product {
            read.extend(settings_in(&source.text));
        }
    }
    assert!(read.contains("OVERTIME_URL"), "the settings were not found at all");
    let undocumented = read.difference(&documented).cloned();
    assert_none("read, and not in the README's table of settings", undocumented.collect());
    let unread = documented.difference(&read).cloned();
    assert_none("in the README's table of settings, and not read", unread.collect());
}

fn settings_in(text: &str) -> BTreeSet<String> {
    let names = text.split("OVERTIME_").skip(1).map(|rest| {
        let name = rest.chars().take_while(|it| it.is_ascii_uppercase() || *it == '_');
        name.collect::<String>()
    });
    // What follows this prefix is the operator's to name.
    let whole =
        |name: String| if name.starts_with("SECRET_") { "SECRET_".to_owned() } else { name };
    names.filter(|it| !it.is_empty()).map(|it| format!("OVERTIME_{}", whole(it))).collect()
}

/// What reads a whole table costs as much as everybody's data, so nothing that a user or a schedule sets off may. The embedded
/// store's own expiry does: it is the laptop's, and nobody pays it by the item.
#[test]
fn nothing_scans_a_table() {
    let tests = [
        "tests.rs",
        "bounds.rs",
        "simulation.rs",
        "laboratory.rs",
        "weather.rs",
        "switch/play.rs",
        "generations.rs",
    ];
    let mut faults = Vec::new();
    for source in sources("rs").iter().filter(|it| it.path.starts_with("aggregator/src")) {
        if tests.iter().any(|it| source.path.ends_with(it)) {
            continue;
        }
        let product = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (at, line) in (1..).zip(product.lines()) {
            if line.contains(".scan(") {
                faults.push(format!("{}:{at} scans", source.name()));
            }
        }
    }
    assert_none("reads a whole table", faults);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut faults = Vec::new();
    for source in sources("rs").iter().filter(|it| !it.path.ends_with("tidy.rs")) {
        for (at, line) in (1..).zip(source.text.lines()) {
            if let Some(word) = BANNED.iter().find(|it| line.contains(**it)) {
                faults.push(format!("{}:{at} says {word}", source.name()));
            }
        }
    }
    assert_none("not finished", faults);
}

#[test]
fn the_rules_see_what_breaks_them() {
    let text = "use crate::{\n    api::{self, Problem},\n    store::Store, FunctionKey,\n};\nfn f() { crate::serve::run() } // crate::no\n";
    let names: Vec<_> = modules_named(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["api", "store", "serve"]);
    assert!(begins_function("    pub(crate) async fn f("));
    assert!(!begins_function("    let f = g(fn_pointer);"));
    assert_eq!(
        settings_in("`OVERTIME_URL`, OVERTIME_").into_iter().collect::<Vec<_>>(),
        ["OVERTIME_URL"]
    );
}
