//! What is written as a key is read back from it.

use super::*;

fn function() -> FunctionKey {
    FunctionKey {
        account: "012345678901".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: "orders".parse().unwrap(),
    }
}

#[test]
fn keys_are_read_back() {
    let (block, incarnation) = (Block::from_number(1_992_768), IncarnationId([7; 16]));
    let pk = facts_pk(&function(), block, 3);
    assert_eq!(pk, "012345678901#eu-west-1#orders#01992768#3");
    assert_eq!(parse_facts_pk(&pk), Some((function(), block)));
    assert_eq!(parse_fact_sk(&tally_sk(incarnation)), Some(incarnation));
    assert_eq!(parse_fact_sk(&verdict_sk(incarnation, Ordinal(3))), Some(incarnation));
    assert_eq!(parse_timeouts_pk(&timeouts_pk(&function(), block)), Some((function(), block)));
    assert_eq!(parse_row_sk(&row_key(&function()).sk), Some(function()));
    assert_eq!(parse_alert_pk(&alert_key("any", &function()).pk), Some(function()));
    let entry = outbox::key("msg_f765_firing_team");
    assert_eq!(entry.pk, "O#f765#team");
    assert_eq!(outbox::parse(&entry.pk, &entry.sk), Some("msg_f765_firing_team"));
    assert_eq!(outbox::parse("O#f766#team", &entry.sk), None);
    let wake = wake_key(&function(), block, Part::Verdict);
    let job = Job { function: function(), block, tallies: false, verdicts: true };
    assert_eq!(parse_wake(&wake.pk, &wake.sk), Some(job));
    assert_eq!(parse_hour_sk(&hour_sk(Hour::of_block(block))), Some(Hour::of_block(block)));
    assert_eq!(parse_block_sk(&block_sk(block, "T")), Some((block, "T")));
    let (hour, caller) = (Hour::of(block.start()), "012345678901".parse().unwrap());
    let rejection = Rejection { hour, reason: Reason::Account, caller };
    let key = rejection_key(&rejection);
    assert_eq!((key.pk.as_str(), key.sk.as_str()), ("R#20758", "0498192#account#012345678901"));
    assert_eq!(parse_rejection_sk(&key.sk), Some(rejection));
}

#[test]
fn a_key_that_is_not_ours_is_nobodys() {
    for text in ["", "#", "a#b#c#d#e", "012345678901#eu-west-1#orders#x#1"] {
        assert_eq!(parse_facts_pk(text), None, "{text}");
    }
    assert_eq!(parse_fact_sk("X#07"), None);
}
