//! The whole configuration as one file, and what making it so would change.
//!
//! A list that a file does not have is left alone, so that a file from Git can hold subscriptions and channels while silences are
//! made by whoever is on call. What a file does not have of a list it has is deleted only where that is asked for.

use overtime_wire::EpochMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Change, Configuration, Entity, Expects, Fault, Faults, Kind, SilenceState, Versioned,
    audit::Action,
};

/// Longer lists than the configuration may have are not read.
const LIST_MAX: usize = 1_000;

/// What somebody wants the configuration to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    entities: Vec<Entity>,
    /// Which lists the file has.
    kinds: Vec<Kind>,
}

/// What a change would do, in words that people compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub action: Action,
    pub kind: Kind,
    pub id: String,
    /// Field by field, where something is replaced.
    pub fields: Vec<Difference>,
}

/// A field that would not be what it was; null where it is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// A JSON pointer.
    pub field: String,
    pub before: Value,
    pub after: Value,
}

impl Kind {
    /// What a list of them is called.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Subscription => "subscriptions",
            Self::Channel => "channels",
            Self::Silence => "silences",
        }
    }
}

impl File {
    /// Reads `{"subscriptions": […], "channels": […], "silences": […]}`, all faults at once. `revision` may stand beside them, as
    /// an export has it.
    pub fn read(value: &Value) -> Result<Self, Faults> {
        let Some(map) = value.as_object() else { return Err(Faults::one("", "is not an object")) };
        let mut file = Self::default();
        let mut faults = Vec::new();
        let known = |it: &str| it == "revision" || Kind::ALL.iter().any(|kind| kind.plural() == it);
        for name in map.keys().filter(|it| !known(it)) {
            let name: String = name.chars().take(64).collect();
            let field = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            let why = "is not a field of this, which has subscriptions, channels, silences";
            faults.push(Fault { field, why: why.to_owned() });
        }
        if map.get("revision").is_some_and(|it| !it.is_u64()) {
            let why = "is not a whole number".to_owned();
            faults.push(Fault { field: "/revision".to_owned(), why });
        }
        for kind in Kind::ALL {
            if let Some(list) = map.get(kind.plural()) {
                file.kinds.push(kind);
                file.read_list(kind, list, &mut faults);
            }
        }
        if faults.is_empty() { Ok(file) } else { Err(Faults(faults)) }
    }

    fn read_list(&mut self, kind: Kind, list: &Value, faults: &mut Vec<Fault>) {
        let at = format!("/{}", kind.plural());
        let mut fault =
            |field: String, why: &str| faults.push(Fault { field, why: why.to_owned() });
        let Some(list) = list.as_array().filter(|it| it.len() <= LIST_MAX) else {
            return fault(at, "is not a list of at most 1000 entries");
        };
        for (place, value) in list.iter().enumerate() {
            match kind.read(value, None) {
                Ok(entity) => {
                    let twin = |it: &Entity| it.kind() == kind && it.id() == entity.id();
                    if self.entities.iter().any(twin) {
                        fault(format!("{at}/{place}/id"), "is there twice");
                    }
                    self.entities.push(entity);
                }
                Err(them) => {
                    for one in them.0 {
                        fault(format!("{at}/{place}{}", one.field), &one.why);
                    }
                }
            }
        }
    }

    /// What makes the configuration what the file says. `author` is who makes the silences that are new.
    pub fn changes(mut self, standing: &Configuration, prune: bool, author: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|it| self.kinds.contains(it)) {
            let (wanted, rest): (Vec<_>, _) =
                self.entities.into_iter().partition(|it| it.kind() == kind);
            self.entities = rest;
            let stay: Vec<_> = wanted.iter().map(|it| it.id().clone()).collect();
            for entity in wanted {
                let before = standing.entity(kind, entity.id());
                let expects =
                    before.as_ref().map_or(Expects::Nothing, |it| Expects::Version(it.version));
                let entity = entity.made_by(before.as_ref().map(|it| &it.value), author);
                if before.is_none_or(|it| it.value != entity) {
                    changes.push(Change {
                        kind,
                        id: entity.id().clone(),
                        to: Some(entity),
                        expects,
                    });
                }
            }
            if prune {
                let gone = standing
                    .all(kind)
                    .into_iter()
                    .filter(|it| !it.is_built_in() && !stay.contains(it.value.id()));
                changes.extend(gone.map(|it| Change {
                    kind,
                    id: it.value.id().clone(),
                    to: None,
                    expects: Expects::Version(it.version),
                }));
            }
        }
        changes
    }
}

impl Entity {
    /// The same, where what only we may say of a silence is as it stands, or new.
    #[must_use]
    pub fn made_by(self, before: Option<&Self>, author: &str) -> Self {
        match (self, before) {
            (Self::Silence(mut it), Some(Self::Silence(before))) => {
                it.created_by.clone_from(&before.created_by);
                it.ended_early_at = before.ended_early_at;
                Self::Silence(it)
            }
            (Self::Silence(mut it), _) => {
                author.clone_into(&mut it.created_by);
                it.ended_early_at = None;
                Self::Silence(it)
            }
            (other, _) => other,
        }
    }
}

impl Configuration {
    /// All of a kind.
    pub fn all(&self, kind: Kind) -> Vec<Versioned<Entity>> {
        match kind {
            Kind::Subscription => {
                self.subscriptions.iter().cloned().map(|it| it.map(Entity::Subscription)).collect()
            }
            Kind::Channel => {
                self.channels.iter().cloned().map(|it| it.map(Entity::Channel)).collect()
            }
            Kind::Silence => {
                self.silences.iter().cloned().map(|it| it.map(Entity::Silence)).collect()
            }
        }
    }

    /// As a file has it: without what is built in, and without silences that are over. Equal configurations give equal bytes.
    pub fn export(&self, now: EpochMillis) -> Result<Value, serde_json::Error> {
        let is_over = |it: &Entity| matches!(it, Entity::Silence(it) if it.state(now) == SilenceState::Expired);
        let mut file = Map::from_iter([("revision".to_owned(), self.revision.into())]);
        for kind in Kind::ALL {
            let them =
                self.all(kind).into_iter().filter(|it| !it.is_built_in() && !is_over(&it.value));
            let them: Result<Vec<_>, _> = them.map(|it| serde_json::to_value(it.value)).collect();
            file.insert(kind.plural().to_owned(), them?.into());
        }
        Ok(file.into())
    }

    /// What changes would do.
    pub fn steps(&self, changes: &[Change]) -> Result<Vec<Step>, serde_json::Error> {
        let step = |change: &Change| {
            let before = self.entity(change.kind, &change.id).map(|it| it.value);
            let action = Action::of(before.is_some(), change.to.is_some());
            let fields = match (before, &change.to) {
                (Some(before), Some(after)) => differences(&before, after)?,
                (None, _) | (_, None) => Vec::new(),
            };
            Ok(Step { action, kind: change.kind, id: change.id.to_string(), fields })
        };
        changes.iter().map(step).collect()
    }
}

/// The fields in which two of a kind differ.
pub fn differences(before: &Entity, after: &Entity) -> Result<Vec<Difference>, serde_json::Error> {
    let mut fields = Vec::new();
    let (before, after) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    compare(String::new(), &before, &after, &mut fields);
    Ok(fields)
}

/// The fields in which two values differ; lists are compared whole, because their entries have no names.
fn compare(field: String, before: &Value, after: &Value, into: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let (Value::Object(one), Value::Object(other)) = (before, after) else {
        into.push(Difference { field, before: before.clone(), after: after.clone() });
        return;
    };
    let added = other.keys().filter(|it| !one.contains_key(*it));
    for name in one.keys().chain(added) {
        let of = |it: &Map<String, Value>| it.get(name).cloned().unwrap_or(Value::Null);
        let place = name.replace('~', "~0").replace('/', "~1");
        compare(format!("{field}/{place}"), &of(one), &of(other), into);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn subscription(id: &str, window: &str) -> Value {
        let condition = json!({"timeout_count": {"count": 5, "window": window}});
        json!({"id": id, "name": id, "condition": condition})
    }

    fn configuration(file: &Value) -> Configuration {
        let mut made = Configuration { revision: 7, ..Configuration::default() };
        for entity in File::read(file).unwrap().entities {
            let updated_by = "anna".to_owned();
            made.put(Versioned {
                value: entity,
                version: 7,
                updated_at: EpochMillis(0),
                updated_by,
            });
        }
        made.with_environment()
    }

    #[test]
    fn what_was_exported_changes_nothing() {
        let standing = configuration(
            &json!({"subscriptions": [subscription("a", "5m"), subscription("b", "5m")]}),
        );
        let exported = standing.export(EpochMillis(0)).unwrap();
        let file = File::read(&exported).unwrap();
        assert_eq!(file.changes(&standing, true, "bob"), []);
    }

    #[test]
    fn a_plan_says_what_is_made_changed_and_only_if_asked_deleted() {
        let standing = configuration(
            &json!({"subscriptions": [subscription("a", "5m"), subscription("b", "5m")]}),
        );
        let wanted = json!({"subscriptions": [subscription("c", "5m"), subscription("a", "10m")]});
        let plan = |prune| {
            let changes = File::read(&wanted).unwrap().changes(&standing, prune, "bob");
            serde_json::to_string(&standing.steps(&changes).unwrap()).unwrap()
        };
        expect![[r#"[{"action":"created","kind":"subscription","id":"c","fields":[]},{"action":"replaced","kind":"subscription","id":"a","fields":[{"field":"/condition/timeout_count/window","before":"5m","after":"10m"}]}]"#]]
        .assert_eq(&plan(false));
        assert!(
            plan(true)
                .contains(r#"{"action":"deleted","kind":"subscription","id":"b","fields":[]}"#)
        );
        let nothing = File::read(&json!({"channels": []})).unwrap();
        assert_eq!(
            nothing.changes(&standing, true, "bob"),
            [],
            "a list that is not there is left alone"
        );
    }

    #[test]
    fn a_files_faults_say_where_in_the_file() {
        let file = json!({"channels": [{"id": "c"}], "subscriptions": [subscription("a", "5m"), subscription("a", "5m")], "x/y": 1});
        expect!["/x~1y is not a field of this, which has subscriptions, channels, silences; /subscriptions/1/id is there twice; /channels/0/name is missing; /channels/0/kind is missing"]
            .assert_eq(&File::read(&file).unwrap_err().to_string());
    }
}
