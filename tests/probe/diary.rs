//! What was seen, in the order in which it was seen, one line of JSON each.
//!
//! The file is appended to by every life of the process, so what happened before a reset is still
//! there after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::{env, process};

use sandbox::clock;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Diary(Mutex<File>);

impl Diary {
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        let file = env::temp_dir().join(format!("{name}.jsonl"));
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(file)?)))
    }

    pub(crate) fn write(&self, what: &str, seen: &Value) -> io::Result<()> {
        let at_ms = clock::now().as_millisecond();
        let entry = json!({ "at_ms": at_ms, "pid": process::id(), "what": what, "seen": seen });
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{entry}\n").as_bytes())
    }
}
