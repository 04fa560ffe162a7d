//! How soon a door is open: from exec to the first request for an event, beside a function that does nothing.
//!
//! Both are built on the same runtime client and in the same profile, and the doors come out of the zip that ships. What a door
//! does before its first event — reading its settings, making clients — is what differs. Nothing is connected to then, so no
//! network is part of it; nor is the unpacking of the zip, which is Lambda's.

use std::{path::Path, time::Duration};

use super::{
    build,
    platform::{self, Started},
    say,
};

const QUEUE: &str = "http://127.0.0.1:9/999988887777/queue";
const DOORS: [&str; 5] = ["ingest", "evaluate", "deliver", "sweep", "console"];

/// Prints the table that stands in the README.
pub(crate) fn measure(starts: usize) -> anyhow::Result<()> {
    say("building the doors and a function that does nothing …")?;
    let [hello, overtime] = build::doors()?;
    let settings = DOORS.map(|door| {
        [
            ("OVERTIME_DOOR", door),
            ("OVERTIME_DELIVER_QUEUE_URL", QUEUE),
            ("OVERTIME_EVALUATE_QUEUE_URL", QUEUE),
            ("OVERTIME_WEBHOOK_URL", "https://example.com/hook"),
            ("OVERTIME_WEBHOOK_SECRET", "env:SECRET"),
            ("SECRET", "whsec_c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3Jl"),
        ]
    });
    let doors = settings.iter().map(|settings| Started { binary: &overtime, settings });
    let floor = Started { binary: &hello, settings: &[] };
    let subjects: Vec<Started<'_>> = [floor].into_iter().chain(doors).collect();
    let times = platform::first_next(&subjects, starts)?;
    let (floor, doors) =
        times.split_first().map_or((Duration::ZERO, &[][..]), |(it, rest)| (*it, rest));
    say("| what | exec → first event asked for, ms, median | ratio |\n|---|---|---|")?;
    say(&format!("| a function that does nothing, {} | {:.1} | |", size(&hello)?, ms(floor)))?;
    for (door, time) in DOORS.iter().zip(doors) {
        let ratio = time.as_secs_f64() / floor.as_secs_f64();
        say(&format!("| {door} | {:.1} | {ratio:.2} × |", ms(*time)))?;
    }
    say(&format!("the doors' binary: {}", size(&overtime)?))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn size(binary: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::metadata(binary)?.len();
    Ok(format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10))
}
