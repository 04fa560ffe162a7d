//! A message that somebody wants to see arrive: a test of a channel.
//!
//! It looks like any other, so that what is tried is what will be used, and says in its title, in a field and by its severity that
//! nobody has to do anything. It is about no alert, so no silence holds it back.

use std::collections::BTreeMap;

use overtime_wire::EpochMillis;
use serde_json::json;

use super::{
    Alert, Annotations, Dispatch, ENVIRONMENT, Notification, SCHEMA, Stats, Status, Subscription,
    Transition,
};
use crate::domain::{configuration::Channel, delivery::id::DeliveryId, digest};

/// What a test's episode is called begins with this.
const PREFIX: &str = "test-";

/// A test of `channel`, wanted by `author`. `draw` tells tests of one moment apart.
pub fn compose(channel: &Channel, author: &str, at: EpochMillis, draw: u32) -> Dispatch {
    let episode = format!("{PREFIX}{}-{draw:08x}", at.0);
    let moment = Notification::moment(at);
    let name = &channel.name;
    let notification = Notification {
        schema: SCHEMA.to_owned(),
        id: DeliveryId::compose(&episode, Transition::Test.as_str(), ENVIRONMENT),
        at: moment.clone(),
        status: Status::Firing,
        transition: Transition::Test,
        test: true,
        alert: Alert {
            fingerprint: digest::hex(format!("overtime test {}", channel.id).as_bytes()),
            episode,
            starts_at: moment.clone(),
            opened_at: moment.clone(),
            ends_at: None,
            ended_because: None,
            silenced: false,
            url: String::new(),
        },
        subscription: Subscription {
            id: "overtime".to_owned(),
            name: "Overtime itself".to_owned(),
            severity: "info".to_owned(),
            condition: json!({ "test": {} }),
        },
        group: BTreeMap::from([("channel".to_owned(), channel.id.to_string())]),
        labels: BTreeMap::new(),
        annotations: Annotations {
            summary: format!("[TEST] Overtime reaches {name}"),
            description: format!(
                "{author} wanted to see whether alerts arrive here. Nothing has timed out, and nobody has to do anything."
            ),
            others: BTreeMap::new(),
        },
        stats: Stats::default(),
        functions: Vec::new(),
        truncated_functions: 0,
        samples: Vec::new(),
        incident: None,
        silence_ended: None,
    };
    Dispatch { channel: channel.id.to_string(), notification: notification.fitted(), pinned: None }
}

/// Whether a message is such a test.
pub fn is_trial(id: &str) -> bool {
    DeliveryId::parse(id).is_some_and(|it| it.word() == "test" && it.episode.starts_with(PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::configuration::{Entity, Kind};

    #[test]
    fn a_test_is_marked_wherever_anybody_looks() {
        let channel =
            json!({"id": "ops", "name": "Operations", "kind": {"eventbridge": {"bus": "default"}}});
        let Ok(Entity::Channel(channel)) = Kind::Channel.read(&channel, None) else { panic!() };
        let at = EpochMillis(1_793_491_200_000);
        let dispatch = compose(&channel, "anna", at, 7);
        let id = dispatch.id();
        assert_eq!(id, "msg_test-1793491200000-00000007_test_ops");
        assert!(is_trial(&id) && !is_trial("msg_f765_test") && !is_trial("msg_test-1_firing"));
        assert_eq!(DeliveryId::parse(&id).unwrap().channel, "ops");
        let said = serde_json::to_value(&dispatch.notification).unwrap();
        assert_eq!((&said["transition"], &said["test"]), (&json!("test"), &json!(true)));
        assert!(said["annotations"]["summary"].as_str().unwrap().starts_with("[TEST] "));
        assert_ne!(compose(&channel, "anna", at, 8).id(), id);
    }
}
