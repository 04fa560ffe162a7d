//! Who is in a group, for whoever looks at its alert.

use overtime_wire::FunctionKey;

use crate::{
    domain::alert::group::{GroupId, Part},
    store::{
        Store, StoreError,
        item::{Row, failed, text},
        schema::{
            attribute::{PK, SK, VALUE},
            group,
        },
    },
};

impl Store {
    /// What functions say to a group, at most `limit` of them, in the order of functions.
    pub async fn parts(
        &self,
        id: &GroupId,
        limit: usize,
    ) -> Result<Vec<(FunctionKey, Part)>, StoreError> {
        let mut items = self
            .dynamo
            .query()
            .table_name(self.state_table())
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :member)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(group::pk(id)))
            .expression_attribute_values(":member", text(group::MEMBER))
            .into_paginator()
            .items()
            .send();
        let mut parts = Vec::new();
        while parts.len() < limit
            && let Some(item) = items.next().await
        {
            let row = Row(item.map_err(failed)?);
            parts.extend(self.unless_corrupt(part(&row))?);
        }
        Ok(parts)
    }
}

fn part(row: &Row) -> Result<(FunctionKey, Part), StoreError> {
    let function = group::parse_member(row.text(SK)?);
    let function = function.ok_or_else(|| row.corrupt(SK, "names no function"))?;
    Ok((function, row.json(VALUE)?))
}
