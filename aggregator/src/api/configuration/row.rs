//! Subscriptions, channels and silences in a spreadsheet: what all of them have, and what each says, as JSON.

use super::Shown;
use crate::{
    api::{
        answer::table::{Cell, Tabular},
        words::Text,
    },
    domain::configuration::{Entity, SilenceState},
};

impl Tabular for Shown {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "id",
        "name",
        "version",
        "updated_at",
        "updated_by",
        "built_in",
        "state",
        "matches_nothing",
        "value",
    ]];

    fn cells(&self) -> Vec<Cell> {
        let entity = &self.entity;
        let name = match &entity.value {
            Entity::Subscription(it) => Some(&it.name),
            Entity::Channel(it) => Some(&it.name),
            // It has none; why it is there says its value.
            Entity::Silence(_) => None,
        };
        let state = self.state.map(|it| match it {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        });
        vec![
            Cell::text(entity.value.id().as_str()),
            name.map(Cell::text).into(),
            Cell::plain(entity.version),
            Cell::from(&Text(entity.updated_at)),
            Cell::text(&entity.updated_by),
            Cell::plain(self.built_in),
            state.map(Cell::plain).into(),
            self.matches_nothing.map(Cell::plain).into(),
            Cell::text(serde_json::to_string(&entity.value).unwrap_or_default()),
        ]
    }
}
