//! `GET /api/v1/audit`: what was changed in the configuration, when and by whom, newest first.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        Reader,
        answer::{
            ListCaller, Page,
            table::{Cell, Tabular},
        },
        parameters::Query,
        problem::Problem,
        words::{AuditCursorText, LimitText, Moment, Text, Word as _},
    },
    domain::configuration::audit::Record,
};

/// Which part of the records is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Asked {
    /// How many to answer at most; 100 if it is not said.
    #[param(inline)]
    pub(crate) limit: Option<LimitText>,
    /// Where to go on.
    #[param(inline)]
    pub(crate) cursor: Option<AuditCursorText>,
}

/// One change of the configuration, or something else that was done by hand: `tested` a channel, `replayed` a delivery. It holds no
/// secrets, because the configuration holds references only.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The configuration's revision that the change made, or that stood when something else was done.
    pub(crate) revision: u64,
    pub(crate) at: Moment,
    /// `local` on the machine that `serve` runs on, else the ARN or the subject by which the door knows the caller.
    pub(crate) by: String,
    #[schema(pattern = "^(created|replaced|deleted|tested|replayed)$")]
    pub(crate) action: Value,
    #[schema(pattern = "^(subscription|channel|silence|delivery|inventory)$")]
    pub(crate) kind: Value,
    pub(crate) id: String,
    pub(crate) before_version: Option<u64>,
    pub(crate) after_version: Option<u64>,
    /// What it was; null when it was not there.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// What it is since; null when it was deleted.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
}

impl Changed {
    fn of(record: Record) -> Self {
        Self {
            revision: record.revision,
            at: Text(record.at),
            by: record.by,
            action: serde_json::to_value(record.action).unwrap_or_default(),
            kind: serde_json::to_value(record.kind).unwrap_or_default(),
            id: record.id,
            before_version: record.before_version,
            after_version: record.after_version,
            before: record.before,
            after: record.after,
        }
    }
}

impl Tabular for Changed {
    const COLUMNS: &'static [&'static [&'static str]] = &[&[
        "revision",
        "at",
        "by",
        "action",
        "kind",
        "id",
        "before_version",
        "after_version",
        "before",
        "after",
    ]];

    fn cells(&self) -> Vec<Cell> {
        let word = |it: &Value| Cell::plain(it.as_str().unwrap_or_default());
        let whole = |it: &Option<Value>| it.as_ref().map(|it| Cell::text(it.to_string())).into();
        vec![
            Cell::plain(self.revision),
            Cell::from(&self.at),
            Cell::text(&self.by),
            word(&self.action),
            word(&self.kind),
            Cell::text(&self.id),
            self.before_version.into(),
            self.after_version.into(),
            whole(&self.before),
            whole(&self.after),
        ]
    }
}

/// What was changed in the configuration or done by hand, when and by whom, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    operation_id = "list_audit",
    params(Asked),
    responses((status = OK, description = "A part of the list.", body = Page<Changed>))
)]
pub(super) async fn list(
    State(reader): State<Reader>,
    caller: ListCaller,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(caller.answer(&read(&reader, &asked).await?))
}

/// A part of the records.
pub(crate) async fn read(reader: &Reader, asked: &Asked) -> Result<Page<Changed>, Problem> {
    let limit = usize::from(asked.limit.unwrap_or_default().0);
    let after = asked.cursor.as_ref().map(|it| it.0);
    // One more than is answered, which says whether there is more.
    let mut records = reader.store.audit(after, limit + 1).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|(place, _)| place.write());
    let items = records.into_iter().map(|(_, record)| Changed::of(record)).collect();
    Ok(Page { items, next })
}
