//! What an invocation went through, as far as anybody told.
//!
//! Lambda says when an invocation began and when its time was up; the extension adds when the function last logged, how long the init
//! took that it waited for, and, where the function had answered, how long that took. Everything else has no length here.

use overtime_wire::{Cause, Phase as Begun, Subject};

use crate::{
    api::timeouts::item::Item,
    console::chart::{
        phases::{Kind, Phase},
        text::{memory, setting},
    },
    domain::words,
};

pub(super) fn of(item: &Item, restores: bool) -> Vec<Phase> {
    let mut phases = before(item, restores);
    phases.extend(during(item));
    if let Some(last) = phases.last_mut() {
        last.ends_at_deadline = true;
    }
    phases.push(Phase {
        kind: Kind::Killed,
        ms: None,
        words: "Its time was up. Lambda ended it, and with it whatever was going on.".to_owned(),
        ends_at_deadline: false,
    });
    phases
}

/// The bar in words.
pub(super) fn caption(item: &Item) -> String {
    let timeout = item.timeout_ms.map(|it| format!(" of {}", setting(it))).unwrap_or_default();
    format!("When its time{timeout} was up, {}.", words::cause(item.cause.0))
}

fn is_init(item: &Item) -> bool {
    item.subject.0 == Subject::Init || item.cause.0 == Cause::Init
}

/// What came before the function's own code, in a new environment.
fn before(item: &Item, restores: bool) -> Vec<Phase> {
    if is_init(item) {
        return Vec::new();
    }
    let told = item.init_phase.and_then(Begun::parse);
    let unsaid = item.cold_start.then_some(if restores { Begun::Restore } else { Begun::Init });
    let (kind, words) = match told.or(unsaid) {
        None => return Vec::new(),
        Some(Begun::Restore) => {
            (Kind::Restore, "The environment was restored from a snapshot for it.")
        }
        Some(Begun::Init) => {
            (Kind::Init, "The environment was new: the function's code was loaded first.")
        }
        Some(Begun::Suppressed) => (
            Kind::Init,
            "The environment had to be initialised again, while the function's time was running.",
        ),
    };
    let ms = told.and(item.init_ms).map(whole_millis);
    vec![Phase { kind, ms, words: words.to_owned(), ends_at_deadline: false }]
}

/// What the init ate of the function's time; `None` where it ate nothing, or nobody knows how much.
pub(super) fn eaten(item: &Item) -> Option<(u64, u64)> {
    let timeout = item.timeout_ms.filter(|it| *it > 0)?;
    let inside = item.init_phase == Some(Begun::Suppressed.as_str());
    match item.init_ms.filter(|_| inside) {
        Some(ms) => Some((whole_millis(ms).min(timeout), timeout)),
        // It was not over when the time was.
        None if item.cause.0 == Cause::Init => Some((timeout, timeout)),
        None => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn whole_millis(ms: f64) -> u64 {
    ms.round().max(0.0) as u64
}

/// From its beginning to its deadline.
fn during(item: &Item) -> Vec<Phase> {
    let whole = item.started_at.map(|it| item.deadline.0.since(it.0).as_millis());
    let whole =
        whole.and_then(|it| u64::try_from(it).ok()).filter(|it| *it > 0).or(item.timeout_ms);
    let phase = |kind, ms, words: String| Phase { kind, ms, words, ends_at_deadline: false };
    if is_init(item) {
        let words = "The function was still initialising. Its handler was never called.".to_owned();
        return vec![phase(Kind::Init, whole, words)];
    }
    match item.cause.0 {
        Cause::Extension => {
            let ran = item.duration_ms.filter(|ran| whole.is_some_and(|whole| *ran < whole));
            let after = ran.and_then(|ran| Some(whole? - ran));
            let held = "The function had answered. An extension held the invocation until its time was up.";
            vec![
                phase(Kind::Invoke, ran, "The function's own code ran, and answered.".to_owned()),
                phase(Kind::After, after, held.to_owned()),
            ]
        }
        Cause::OutOfMemory => {
            let used = item.max_memory_used_bytes.zip(item.memory_bytes);
            let used =
                used.map(|(used, of)| format!(" It used {} of {}.", memory(used), memory(of)));
            let words = format!(
                "The function ran out of memory, and did not end by itself.{}",
                used.unwrap_or_default()
            );
            vec![phase(Kind::Invoke, whole, words)]
        }
        Cause::Handler | Cause::Init | Cause::Unknown => {
            let silent =
                item.silent_ms.filter(|it| *it > 0 && whole.is_some_and(|whole| *it < whole));
            let Some((silent, whole)) = silent.zip(whole) else {
                let words =
                    "The function's own code was running, as far as anybody knows, the whole time.";
                return vec![phase(Kind::Invoke, whole, words.to_owned())];
            };
            vec![
                phase(Kind::Invoke, Some(whole - silent), "The function's own code ran; this is when it last logged anything.".to_owned()),
                phase(Kind::Silent, Some(silent), "It was still running and logged nothing: it was waiting, or busy without a word.".to_owned()),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};
    use overtime_wire::{InitSpan, Spans, Verdict};

    use super::*;
    use crate::{
        api::viewer::LogTails,
        domain::timeout::Timeout,
        store::laboratory::{at, function, incarnation, verdict},
    };

    #[track_caller]
    fn check(of: impl FnOnce(Verdict) -> Verdict, restores: bool, expected: Expect) {
        let started = Some(at(1_000));
        let deadline = Some(at(4_000));
        let verdict = of(Verdict { started, deadline, last_log: None, ..verdict(1, 1_000) });
        let timeout = Timeout {
            function: function("orders"),
            incarnation: incarnation(1),
            verdict,
            detected_at: at(4_100),
        };
        let item = Item::of(&timeout, LogTails::Hidden);
        let phase = |it: &Phase| {
            let ms = it.ms.map_or("?".to_owned(), |it| it.to_string());
            let mark = if it.ends_at_deadline { "!" } else { "" };
            format!("{:?} {ms}{mark}", it.kind)
        };
        let phases: Vec<_> = super::of(&item, restores).iter().map(phase).collect();
        let eaten = match eaten(&item) {
            Some((ate, of)) => format!("\nThe init ate {ate} of {of} ms."),
            None => String::new(),
        };
        expected.assert_eq(&format!("{}\n{}{eaten}", phases.join(" | "), caption(&item)));
    }

    #[test]
    fn a_handler_that_went_silent() {
        check(
            |it| it,
            false,
            expect![[r"
            Invoke 3000! | Killed ?
            When its time of 3 s was up, the function's own code was still running."]],
        );
        check(
            |it| Verdict { last_log: Some(at(1_200)), cold_start: true, ..it },
            false,
            expect![[r"
                Init ? | Invoke 200 | Silent 2800! | Killed ?
                When its time of 3 s was up, the function's own code was still running."]],
        );
        check(
            |it| Verdict { last_log: Some(at(500)), cold_start: true, ..it },
            true,
            expect![[r"
                Restore ? | Invoke 3000! | Killed ?
                When its time of 3 s was up, the function's own code was still running."]],
        );
    }

    #[test]
    fn an_init_is_as_long_as_it_was_told_to_be() {
        let with = |phase, took: Option<u64>| {
            move |it| {
                let took = took.map(Duration::from_millis);
                let spans = Spans { init: Some(InitSpan { phase, took }), ..Spans::default() };
                Verdict { cold_start: true, spans, ..it }
            }
        };
        check(
            with(Begun::Init, Some(900)),
            false,
            expect![[r"
            Init 900 | Invoke 3000! | Killed ?
            When its time of 3 s was up, the function's own code was still running."]],
        );
        check(
            with(Begun::Restore, None),
            false,
            expect![[r"
            Restore ? | Invoke 3000! | Killed ?
            When its time of 3 s was up, the function's own code was still running."]],
        );
        check(
            |it| Verdict { started: Some(at(2_900)), ..with(Begun::Suppressed, Some(1_900))(it) },
            false,
            expect![[r"
                Init 1900 | Invoke 1100! | Killed ?
                When its time of 3 s was up, the function's own code was still running.
                The init ate 1900 of 3000 ms."]],
        );
    }

    #[test]
    fn an_extension_that_held_the_invocation() {
        let held = |it| Verdict {
            cause: Cause::Extension,
            duration: Some(Duration::from_millis(200)),
            ..it
        };
        check(
            held,
            false,
            expect![[r"
            Invoke 200 | After 2800! | Killed ?
            When its time of 3 s was up, the function had answered, but an extension held the invocation."]],
        );
        check(
            |it| Verdict { cause: Cause::Extension, duration: None, ..it },
            false,
            expect![[r"
                Invoke ? | After ?! | Killed ?
                When its time of 3 s was up, the function had answered, but an extension held the invocation."]],
        );
    }

    #[test]
    fn other_ends() {
        check(
            |it| Verdict { cause: Cause::Init, cold_start: true, ..it },
            false,
            expect![[r"
                Init 3000! | Killed ?
                When its time of 3 s was up, the function was still initialising.
                The init ate 3000 of 3000 ms."]],
        );
        check(
            |it| Verdict { cause: Cause::OutOfMemory, started: None, deadline: None, ..it },
            false,
            expect![[r"
                Invoke 3000! | Killed ?
                When its time of 3 s was up, the function had run out of memory."]],
        );
        check(
            |it| Verdict {
                cause: Cause::Unknown,
                started: None,
                deadline: None,
                timeout: Duration::ZERO,
                ..it
            },
            false,
            expect![[r"
                Invoke ?! | Killed ?
                When its time was up, what was running is not known."]],
        );
    }
}
