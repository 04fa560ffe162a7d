//! A `/tmp` that takes no journal, or only the beginning of one: no invocation is harmed, and what happened is told all the same.
//!
//! The extension is started by a shell that spoils the place first, in ways that need no privilege and work with all of them: what
//! is no directory, what no file system lets be created, and a limit on the size of files, which stops a write where a full disk
//! would.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use tempfile::TempDir;

use super::*;

/// How many lives an environment has in which one invocation times out.
const LIVES: usize = 2;

/// An extension that begins in a shell. Whatever it is, it must be called what it registers as.
struct Spoilt {
    folder: TempDir,
}

impl Spoilt {
    fn by(first: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let (script, real) = (folder.path().join("script"), folder.path().join("overtime"));
        fs::copy(binaries::extension().unwrap(), &real).unwrap();
        let text = format!("#!/bin/sh\n{first}\nexec '{}'\n", real.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn extension(&self) -> impl FnOnce(Spec) -> Spec {
        let script = self.folder.path().join("script");
        move |spec| Spec { extensions: Vec::new(), ..spec }.extension("overtime", script)
    }
}

fn complaints(world: &World) -> usize {
    let said = world.environment.observer().said_by("overtime");
    said.iter().filter(|it| it.contains("leave some room in /tmp")).count()
}

/// Runs invocations that end well before and after one that times out, and expects every one to be told of.
async fn lives_on(first: &str) -> World {
    let spoilt = Spoilt::by(first);
    let mut world = World::start(spoilt.extension()).await;
    // Long enough for their ends to be heard of before the environment freezes.
    let calm = || Invocation::of(json!({ "sleep_ms": 100 }));
    for _ in 0..5 {
        let ended = world.environment.invoke(calm()).await.unwrap();
        assert_eq!(ended.outcome, Outcome::Success, "{first}");
    }
    let ended = world.environment.invoke(hang()).await.unwrap();
    let teardown = ended.teardown.clone().unwrap();
    assert_eq!((&ended.outcome, teardown.killed.len()), (&Outcome::Timeout, 0), "{first}");
    assert_eq!(world.environment.invoke(calm()).await.unwrap().outcome, Outcome::Success);
    let last = world.environment.spin_down().await;
    assert!(last.killed.is_empty(), "{first}: {last:?}");

    let verdicts: Vec<_> = world.verdicts().into_values().collect();
    assert_eq!(verdicts.len(), 1, "{first}: {verdicts:?}");
    assert_eq!(verdicts[0].request, request(&ended.request_id), "{first}");
    assert!(verdicts[0].evidence >= Evidence::Shutdown, "{first}: {verdicts:?}");
    assert_eq!((world.tallied().0, world.tallied().1), (6, 0), "{first}");
    world
}

#[tokio::test]
async fn where_no_journal_can_be_begun_it_is_said_once_and_nothing_else_is_lost() {
    for first in [
        // A path under what is no directory, and one that even the privileged cannot create.
        "export TMPDIR=/dev/null",
        "export TMPDIR=/proc/self",
        // Something else in the folder's place.
        ": > \"$TMPDIR/overtime\"",
        // No room for a single byte.
        "trap '' XFSZ; ulimit -f 0",
    ] {
        let world = lives_on(first).await;
        assert_eq!(complaints(&world), LIVES, "{first}");
        assert_eq!(journals(&world), Vec::<String>::new(), "{first}");
    }
}

#[tokio::test]
async fn a_disk_that_is_full_after_the_first_entries_leaves_nothing_that_could_be_believed() {
    // 512 bytes, in the middle of an entry.
    let world = lives_on("trap '' XFSZ; ulimit -f 1").await;
    // What the last life has to say may be short enough.
    assert!((1..=LIVES).contains(&complaints(&world)));
    assert_eq!(journals(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_that_is_missing_is_made() {
    let world = lives_on("export TMPDIR=\"$TMPDIR/a/b\"").await;
    assert_eq!(complaints(&world), 0);
}

#[tokio::test]
async fn what_lies_in_a_journals_place_is_counted_in_every_life() {
    let world = lives_on("mkdir -p \"$TMPDIR/overtime/x.journal\"").await;
    assert_eq!(complaints(&world), 0);
    assert_eq!(world.tallied().2, u32::try_from(LIVES).unwrap());
}

/// What lies in the folder in the end, if there is one.
fn journals(world: &World) -> Vec<String> {
    let folder = world.environment.observer().tmp().join("overtime");
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect()
}
