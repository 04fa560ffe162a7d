//! What a preview plays, against what is known of the time.

use expect_test::{Expect, expect};

use super::*;
use crate::domain::alert::{Opens, tests::claim};

const START: EpochMillis = EpochMillis(1_793_491_200_000);

fn minute(at: i64) -> EpochMillis {
    EpochMillis(START.0 + at * 60_000)
}

/// `3 5 ok9`: timeouts and a success, by the minute they came in. Says when alerts open, how many timeouts each has, and when
/// they end.
#[track_caller]
fn check(rule: &Rule, words: &str, expected: Expect) {
    let (mut timeouts, mut tallies) = (Vec::new(), BTreeMap::<Block, TallyPart>::new());
    for (name, word) in ('a'..).zip(words.split_whitespace()) {
        let Some(at) = word.strip_prefix("ok") else {
            timeouts.push(claim(name, minute(word.parse().unwrap())));
            continue;
        };
        let at = minute(at.parse().unwrap());
        let block = Block::of(at);
        let part = tallies.entry(block).or_default();
        part.minutes.entry(block.minute(at).number()).or_default().0.invocations = 1;
    }
    for timeout in &mut timeouts {
        timeout.verdict.evidence = overtime_wire::Evidence::Report;
    }
    let function = claim('a', START).function;
    let tallies = tallies.into_iter().collect();
    let known =
        Known { function, timeouts, tallies, earlier: Some(minute(-60)), by_tallies: false };
    let (openings, whole) = rehearse(rule, known, minute(3_000));
    assert!(whole);
    let at = |it: EpochMillis| (it.0 - START.0) / 60_000;
    let told: Vec<String> = openings
        .iter()
        .map(|it| {
            let over = it.over.map(|(when, ending)| format!("{} {}", at(when), ending.as_str()));
            format!("{}×{} {}", at(it.opened), it.timeouts, over.unwrap_or("on".to_owned()))
        })
        .collect();
    expected.assert_eq(&told.join(", "));
}

#[test]
fn what_would_have_opened_ends_as_it_would_have() {
    let any = Rule::ANY_TIMEOUT;
    check(&any, "0 2 ok5 40 ok41", expect!["0×2 12 recovered, 40×1 50 recovered"]);
    check(&any, "0", expect!["0×1 1440 expired"]);
    check(&any, "2990", expect!["2990×1 on"]);
    check(&any, "", expect![""]);
}

#[test]
fn conditions_are_those_of_evaluation() {
    let three = Opens::TimeoutCount { count: 3, window: Duration::from_mins(5) };
    let three = Rule { opens: three, ..Rule::ANY_TIMEOUT };
    check(&three, "0 7 9 10 11 ok12", expect!["10×4 21 recovered"]);
    let quiet_for = |minutes| Rule {
        opens: Opens::NewOffender { quiet_for: Duration::from_mins(minutes) },
        ..Rule::ANY_TIMEOUT
    };
    check(&quiet_for(50), "0 ok1 20 ok21 80 ok81", expect!["0×1 10 recovered, 80×1 90 recovered"]);
    check(&quiet_for(90), "0 ok1 20", expect![""]);
}

#[test]
fn what_holds_by_the_minute_is_judged_by_the_minute() {
    let subscription = serde_json::json!({"id": "rate", "name": "Rate", "condition":
        {"timeout_rate": {"percent": 50, "window": "5m", "min_invocations": 4}}});
    let read = crate::domain::configuration::Kind::Subscription.read(&subscription, None);
    let Ok(crate::domain::configuration::Entity::Subscription(rate)) = read else { panic!() };
    // Three of four within five minutes, and known two minutes after the last of them.
    check(&Rule::of(&rate), "20 21 ok22 23 ok40", expect!["26×3 40 recovered"]);
    check(&Rule::of(&rate), "20 ok21 ok22 ok23 ok24 ok40", expect![""]);
    check(&Rule::of(&rate), "20 21", expect![""]);
}

#[test]
fn durations_are_judged_when_their_quarter_is_over() {
    let openings = |condition: serde_json::Value| {
        let subscription =
            serde_json::json!({"id": "near", "name": "Near", "condition": condition});
        let read = crate::domain::configuration::Kind::Subscription.read(&subscription, None);
        let Ok(crate::domain::configuration::Entity::Subscription(near)) = read else { panic!() };
        // Quarters of an hour with twenty invocations each, of which those of the second are slow.
        let quarter = |(at, ms): (u32, u64)| {
            let mut durations = overtime_wire::Durations::default();
            (0..20).for_each(|_| durations.record(Duration::from_millis(ms)));
            let mut part = TallyPart::default();
            part.durations.add(&durations);
            part.profile.timeout = Duration::from_secs(3);
            part.minutes.entry(7).or_default().0.invocations = 20;
            (Block::from_number(Block::of(START).number() + at), part)
        };
        let tallies = [(0, 100), (1, 2_700), (2, 100), (3, 100), (4, 100)].map(quarter).to_vec();
        let function = claim('a', START).function;
        let known = Known { function, timeouts: vec![], tallies, earlier: None, by_tallies: true };
        let (openings, whole) = rehearse(&Rule::of(&near), known, minute(200));
        assert!(whole);
        openings
    };
    let near = |ratio: f64, enough: u32| {
        openings(
            serde_json::json!({"near_timeout": {"ratio": ratio, "statistic": "p95", "window": "15m",
            "min_invocations": enough}}),
        )
    };
    let told = near(0.8, 10);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!((minute(30)..=minute(34)).contains(&told[0].opened), "{told:?}");
    let (over, ending) = told[0].over.unwrap();
    assert!(ending == Ending::Recovered && (minute(45)..=minute(80)).contains(&over), "{told:?}");
    assert_eq!(near(0.99, 10), []);
    assert_eq!(near(0.8, 1_000), [], "too few to speak of");
}

/// `a3 b5 a:ok9`: timeouts and successes of several functions, by the minute they came in. Says of each group when its alert opens, about how
/// many functions and timeouts, and when it ends.
#[track_caller]
fn check_together(subscription: &serde_json::Value, words: &str, expected: Expect) {
    let read = crate::domain::configuration::Kind::Subscription.read(subscription, None);
    let Ok(crate::domain::configuration::Entity::Subscription(read)) = read else { panic!() };
    let mut functions = BTreeMap::<&str, (Vec<Timeout>, BTreeMap<Block, TallyPart>)>::new();
    for (request, word) in ('a'..).zip(words.split_whitespace()) {
        let (name, event) = word.split_once(':').unwrap();
        let (timeouts, tallies) = functions.entry(name).or_default();
        let Some(at) = event.strip_prefix("ok") else {
            let mut timeout = claim(request, minute(event.parse().unwrap()));
            timeout.verdict.evidence = overtime_wire::Evidence::Report;
            timeout.function.name = name.parse().unwrap();
            timeouts.push(timeout);
            continue;
        };
        let at = minute(at.parse().unwrap());
        let part = tallies.entry(Block::of(at)).or_default();
        part.minutes.entry(Block::of(at).minute(at).number()).or_default().0.invocations = 1;
    }
    let members = functions.into_iter().map(|(name, (timeouts, tallies))| {
        let mut function = claim('a', START).function;
        function.name = name.parse().unwrap();
        let tallies = tallies.into_iter().collect();
        let known = Known { function, timeouts, tallies, earlier: None, by_tallies: false };
        (known, BTreeMap::from([("team".to_owned(), name[..1].to_owned())]))
    });
    let (told, whole) = crowd::rehearse(&read, &Rule::of(&read), members.collect(), minute(3_000));
    assert!(whole);
    let told: Vec<String> = told
        .iter()
        .map(|it| {
            let at = |it: EpochMillis| (it.0 - START.0) / 60_000;
            let over = it.opening.over;
            let over = over.map(|(when, ending)| format!("{} {}", at(when), ending.as_str()));
            let (functions, timeouts) = (it.functions.len(), it.opening.timeouts);
            let group: Vec<_> = it.labels.values().map(String::as_str).collect();
            let (group, opened) = (group.join(" "), at(it.opening.opened));
            format!("{group} {opened}: {functions}×{timeouts} {}", over.unwrap_or("on".to_owned()))
        })
        .collect();
    expected.assert_eq(&told.join(", "));
}

#[test]
fn an_incident_takes_enough_functions_within_its_window() {
    let incident = serde_json::json!({"id": "incident", "name": "Incident", "condition":
        {"fleet_incident": {"functions": 3, "window": "2m", "by": ["account"]}}});
    check_together(
        &incident,
        "x:1 y:1 z:2 x:ok6 y:ok6 z:ok6",
        expect!["123456789012 2: 3×3 12 recovered"],
    );
    check_together(&incident, "x:1 y:1 x:2", expect![""]);
    check_together(&incident, "x:1 y:4 z:7", expect![""]);
    check_together(&incident, "x:1 y:1 z:2", expect!["123456789012 2: 3×3 1442 expired"]);
}

#[test]
fn alerts_of_a_tag_are_put_together() {
    let by_team = serde_json::json!({"id": "team", "name": "Team", "condition": {"any_timeout": {}},
        "group_by": ["tag:team"]});
    check_together(
        &by_team,
        "a1:1 a2:3 b1:5 a1:ok6 a2:ok6 b1:ok20",
        expect!["a 1: 2×2 13 recovered, b 5: 1×1 20 recovered"],
    );
}

#[test]
fn silence_is_judged_by_the_minutes_of_invocations() {
    let silence = |after| Rule { opens: Opens::Silence { after }, ..Rule::ANY_TIMEOUT };
    let hour = silence(Duration::from_hours(1));
    check(&hour, "ok0 ok30 ok60", expect!["136×0 1576 expired"]);
    check(&hour, "ok0 ok30 ok150 ok170", expect!["106×0 151 recovered, 246×0 1686 expired"]);
}
