//! Messages about messages: what there was no room for, and that a channel fails.
//!
//! Both have the shape of every other message, so that channels need to know nothing of them.

use overtime_wire::EpochMillis;
use serde_json::{Value, json};

use super::{
    delivery::id::{DIGEST, DeliveryId},
    digest::hex,
    instant::rfc3339,
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 4_000;

/// The digest of what a channel could not take in a minute: its id, and when it is due.
pub fn digest_of(channel: &str, minute: i64) -> (String, EpochMillis) {
    let id = DeliveryId::compose(&format!("digest-{minute}"), DIGEST, channel);
    (id, EpochMillis((minute + 1) * MINUTE_MS))
}

/// Which minute an instant lies in.
pub fn minute(at: EpochMillis) -> i64 {
    at.0.div_euclid(MINUTE_MS)
}

/// What a digest says: how many there were, and what some of them were about.
pub fn compose_digest(
    channel: &str,
    (count, lines): (u64, &[String]),
    console: &str,
    at: EpochMillis,
) -> Value {
    let plural = if count == 1 { "" } else { "s" };
    let summary = format!("{count} more alert{plural} than this channel takes in a minute");
    let told = lines.len() as u64;
    let mut text = lines.join("\n");
    if count > told && told > 0 {
        text = format!("{text}\nand {} more", count - told);
    }
    let mut data = data(("digest", "warning"), (&summary, &text), (channel, at));
    data["alert"]["url"] = json!(format!("{console}/"));
    data["stats"] = json!({ "alerts": count });
    data
}

/// That a channel fails, for whoever listens to another: once an hour.
pub fn failing(channel: &str, fallback: &str, at: EpochMillis) -> String {
    let hour = at.0.div_euclid(HOUR_MS);
    DeliveryId::compose(&format!("failing-{channel}-{hour}"), "firing", fallback)
}

/// What is said of it.
pub fn compose_failing(channel: &str, problem: &str, console: &str, at: EpochMillis) -> Value {
    let summary = format!("Channel {channel} is failing: its alerts come here");
    let mut data = data(("firing", "error"), (&summary, problem), (channel, at));
    data["alert"]["url"] = json!(format!("{console}/"));
    data
}

fn data(
    (transition, severity): (&str, &str),
    (summary, description): (&str, &str),
    (channel, at): (&str, EpochMillis),
) -> Value {
    let description: String = description.chars().take(DESCRIPTION_MAX).collect();
    json!({
        "schema": "1",
        "status": "firing",
        "transition": transition,
        "test": false,
        "alert": {
            "fingerprint": hex(format!("overtime {transition} {channel}").as_bytes()),
            "episode": format!("{transition}-{channel}"),
            "starts_at": rfc3339(at),
            "silenced": false,
        },
        "subscription": { "id": "overtime", "name": "Overtime itself", "severity": severity, "condition": { "delivery": {} } },
        "group": { "channel": channel },
        "labels": {},
        "annotations": { "summary": summary, "description": description },
        "stats": {},
        "functions": [],
        "truncated_functions": 0,
        "samples": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: EpochMillis = EpochMillis(1_793_491_201_000);

    #[test]
    fn a_digest_says_how_many_and_names_some() {
        let lines: Vec<String> = (0..20).map(|it| format!("function {it} timed out")).collect();
        let data = compose_digest("team", (37, &lines), "https://o.example", AT);
        let summary = data["annotations"]["summary"].as_str().unwrap();
        assert_eq!(summary, "37 more alerts than this channel takes in a minute");
        let text = data["annotations"]["description"].as_str().unwrap();
        assert!(text.starts_with("function 0 timed out\n") && text.ends_with("\nand 17 more"));
        assert_eq!(data["alert"]["url"], "https://o.example/");
        let (id, due) = digest_of("team", minute(AT));
        assert_eq!(
            (id.as_str(), due),
            ("msg_digest-29891520_digest_team", EpochMillis(1_793_491_260_000))
        );
    }

    #[test]
    fn a_channel_that_fails_is_told_once_an_hour() {
        let id = failing("team", "ops", AT);
        assert_eq!(id, failing("team", "ops", EpochMillis(AT.0 + 3_598_000)));
        assert_ne!(id, failing("team", "ops", EpochMillis(AT.0 + 3_600_000)));
        let data = compose_failing("team", "503 Service Unavailable", "", AT);
        assert!(data["annotations"]["summary"].as_str().unwrap().contains("team is failing"));
    }
}
