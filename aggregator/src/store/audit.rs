//! What was changed in the configuration, or done by hand, and by whom. Changes are recorded where they are made, in
//! [`configuration`](super::configuration).
//!
//! Records are in the order of revisions. What is done by hand changes no revision, so its record stands behind the changes of the one that
//! stood, by time: its part is a number that no part of a change reaches.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use crate::{
    domain::configuration::audit::{Deed, Record},
    store::{
        Store, StoreError,
        configuration::By,
        item::{Row, failed, json, keyed, number, text},
        schema::{
            self, AUDIT, AUDIT_LIVE,
            attribute::{EXPIRES, PK, SK, VALUE},
        },
    },
};

/// A place among the records: the revision of a change, and which of its parts; of what was done by hand, when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub revision: u64,
    pub part: usize,
}

/// How many deeds of one moment are told apart.
const AT_ONCE: u32 = 1_000;

impl Store {
    /// The record of something done by hand, to be written together with it.
    pub(super) async fn deed(
        &self,
        deed: Deed,
        by: By<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let revision = self.revision().await?;
        let Deed { action, kind, id, before, after } = deed;
        let (before_version, after_version) = (None, None);
        let (at, by) = (by.at, by.author.to_owned());
        let record = Record {
            revision,
            at,
            by,
            action,
            kind,
            id,
            before_version,
            after_version,
            before,
            after,
        };
        let moment = usize::try_from(at.0.max(1)).unwrap_or(usize::MAX / 2_000);
        let draw = (self.chance)() % AT_ONCE;
        let part = moment.saturating_mul(AT_ONCE as usize).saturating_add(draw as usize);
        let mut item = keyed(&schema::audit_key(revision, part));
        item.insert(VALUE.to_owned(), json(&record)?);
        item.insert(EXPIRES.to_owned(), number(schema::expires(at.plus(AUDIT_LIVE))));
        let put = Put::builder()
            .table_name(self.state_table())
            .set_item(Some(item))
            // Another of the same moment is not written over: whoever comes too close does it again.
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", PK);
        let put = put.build().map_err(|error| StoreError::Refused(Box::new(error)))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Records of changes, newest first, at most `limit`, from the one that follows `after` on.
    pub async fn audit(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Record)>, StoreError> {
        // `~` lies after every digit.
        let before = after.map_or("~".to_owned(), |it| schema::audit_sk(it.revision, it.part));
        let query = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .scan_index_forward(false)
            .key_condition_expression("#pk = :pk AND #sk < :sk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(AUDIT))
            .expression_attribute_values(":sk", text(before));
        let mut items = query.into_paginator().items().send();
        let mut records = Vec::new();
        while records.len() < limit
            && let Some(item) = items.next().await
        {
            let row = Row(item.map_err(failed)?);
            let read = || {
                let place = schema::parse_audit_sk(row.text(SK)?);
                let (revision, part) = place.ok_or_else(|| row.corrupt(SK, "is no place"))?;
                Ok((Place { revision, part }, row.json(VALUE)?))
            };
            records.extend(self.unless_corrupt(read())?);
        }
        Ok(records)
    }
}
