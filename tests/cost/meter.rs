//! What DynamoDB would bill: an interceptor that has every request say which units it consumed, and adds them up.
//!
//! The store takes an SDK client and cannot tell a metered one from another, so what is measured is the product as it is.
//! Two things need care:
//!
//! - A write whose condition does not hold is billed as well, and its answer says no units. Such a request is asked to bring
//!   the item that stands, whose size is what is billed (or that of the item that was to replace it, if larger: views that
//!   lose to one another are of much the same size).
//! - Capacity is counted per table and per index, because an index that projects too much costs as much as a table.
//!
//! **Invariant.** Nothing is dropped: a request whose units are unknown is counted in [`Consumed::unmetered`].

use std::{
    collections::{BTreeMap, HashMap},
    ops::AddAssign,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef},
    },
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput},
        delete_item::{DeleteItemError, DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemError, PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        scan::{ScanInput, ScanOutput},
        transact_get_items::{TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput},
    },
    types::{
        AttributeValue, Capacity, ConsumedCapacity, ReturnConsumedCapacity,
        ReturnValuesOnConditionCheckFailure,
    },
};

/// Stands for the table of a write that a condition kept out.
const KEPT_OUT: &str = "kept out";

/// Which way the units of a request go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Read,
    Write,
}

/// What was consumed, by way and by table or `table/index`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Consumed {
    pub(crate) units: BTreeMap<(Way, String), f64>,
    pub(crate) requests: u64,
    /// Writes that a condition kept out. Their units are among the others.
    pub(crate) kept_out: u64,
    /// Requests that failed in another way, or said nothing.
    pub(crate) unmetered: u64,
}

impl Consumed {
    pub(crate) fn reads(&self) -> f64 {
        self.sum(Way::Read, |_| true)
    }

    pub(crate) fn writes(&self) -> f64 {
        self.sum(Way::Write, |_| true)
    }

    /// Write units of a table without its indexes.
    pub(crate) fn writes_of(&self, table: &str) -> f64 {
        self.sum(Way::Write, |place| place == table)
    }

    /// Write units of indexes.
    pub(crate) fn index_writes(&self) -> f64 {
        self.sum(Way::Write, |place| place.contains('/'))
    }

    fn sum(&self, way: Way, is_meant: impl Fn(&str) -> bool) -> f64 {
        let meant = self.units.iter().filter(|((its, place), _)| *its == way && is_meant(place));
        meant.map(|(_, units)| units).sum()
    }

    /// What is left of it beyond what something else consumed that it contains.
    pub(crate) fn without(mut self, contained: &Self) -> Self {
        for (place, units) in &contained.units {
            *self.units.entry(place.clone()).or_default() -= units;
        }
        self.requests -= contained.requests.min(self.requests);
        self.kept_out -= contained.kept_out.min(self.kept_out);
        self
    }

    fn add(&mut self, way: Way, capacity: &ConsumedCapacity) {
        let table = capacity.table_name().unwrap_or_default();
        let own = capacity.table().and_then(Capacity::capacity_units).unwrap_or(0.0);
        *self.units.entry((way, table.to_owned())).or_default() += own;
        for (index, its) in capacity.global_secondary_indexes().into_iter().flatten() {
            let place = (way, format!("{table}/{index}"));
            *self.units.entry(place).or_default() += its.capacity_units().unwrap_or(0.0);
        }
    }
}

impl AddAssign<&Consumed> for Consumed {
    fn add_assign(&mut self, other: &Consumed) {
        for (place, units) in &other.units {
            *self.units.entry(place.clone()).or_default() += units;
        }
        self.requests += other.requests;
        self.kept_out += other.kept_out;
        self.unmetered += other.unmetered;
    }
}

/// Adds up what passes through a client. Clones share the sum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Consumed>>);

impl Meter {
    /// A client like `client`, metered.
    pub(crate) fn on(&self, client: &Client) -> Client {
        Client::from_conf(client.config().to_builder().interceptor(self.clone()).build())
    }

    /// What was consumed since the last call.
    pub(crate) fn take(&self) -> Consumed {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, change: impl FnOnce(&mut Consumed)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Does the same with whichever of several types something is.
macro_rules! either {
    ($erased:ident . $cast:ident, $($kind:ty)|+, $it:ident => $then:expr) => {
        $(if let Some($it) = $erased.$cast::<$kind>() {
            $then
        })+
    };
}

/// Does something with the item that kept a write out, if that is why it failed.
macro_rules! kept_out {
    ($error:ident, $($kind:ident)|+, $item:ident => $then:block) => {
        $(if let Some($kind::ConditionalCheckFailedException(failed)) =
            $error.downcast_ref::<$kind>()
        {
            let $item = failed.item();
            $then
        })+
    };
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        either!(
            input.downcast_mut,
            PutItemInput | UpdateItemInput | DeleteItemInput,
            it => {
                let standing = ReturnValuesOnConditionCheckFailure::AllOld;
                it.return_values_on_condition_check_failure = Some(standing);
            }
        );
        either!(
            input.downcast_mut,
            PutItemInput
                | UpdateItemInput
                | DeleteItemInput
                | GetItemInput
                | QueryInput
                | ScanInput
                | BatchGetItemInput
                | BatchWriteItemInput
                | TransactGetItemsInput
                | TransactWriteItemsInput,
            it => it.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes)
        );
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.output_or_error() {
            Some(Ok(output)) => {
                either!(
                    output.downcast_ref,
                    PutItemOutput | UpdateItemOutput | DeleteItemOutput,
                    it => self.said(Way::Write, it.consumed_capacity())
                );
                either!(
                    output.downcast_ref,
                    GetItemOutput | QueryOutput | ScanOutput,
                    it => self.said(Way::Read, it.consumed_capacity())
                );
                either!(
                    output.downcast_ref,
                    BatchWriteItemOutput | TransactWriteItemsOutput,
                    it => self.said(Way::Write, it.consumed_capacity())
                );
                either!(
                    output.downcast_ref,
                    BatchGetItemOutput | TransactGetItemsOutput,
                    it => self.said(Way::Read, it.consumed_capacity())
                );
            }
            Some(Err(error)) => {
                if let Some(error) = error.as_operation_error() {
                    kept_out!(error, PutItemError | UpdateItemError | DeleteItemError, item => {
                        self.kept_out(item);
                        return Ok(());
                    });
                }
                self.note(|it| {
                    it.requests += 1;
                    it.unmetered += 1;
                });
            }
            None => self.note(|it| it.unmetered += 1),
        }
        Ok(())
    }
}

impl Meter {
    fn said<'a>(&self, way: Way, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        let said: Vec<_> = capacity.into_iter().collect();
        self.note(|it| {
            it.requests += 1;
            it.unmetered += u64::from(said.is_empty());
            for capacity in said {
                it.add(way, capacity);
            }
        });
    }

    fn kept_out(&self, standing: Option<&Item>) {
        let units = write_units(standing.map_or(0, item_bytes));
        self.note(|it| {
            it.requests += 1;
            it.kept_out += 1;
            *it.units.entry((Way::Write, KEPT_OUT.to_owned())).or_default() += units;
        });
    }
}

type Item = HashMap<String, AttributeValue>;

/// What DynamoDB counts as the size of an item: names and values, and about half a byte for each digit of a number.
pub(crate) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &AttributeValue) -> usize {
    if let Ok(text) = value.as_s() {
        text.len()
    } else if let Ok(number) = value.as_n() {
        number.len().div_ceil(2) + 1
    } else if let Ok(bytes) = value.as_b() {
        bytes.as_ref().len()
    } else {
        // The store writes no other kind of value.
        1
    }
}

/// A write unit for every kilobyte, and one at least.
fn write_units(bytes: usize) -> f64 {
    let kilobytes = bytes.div_ceil(1_024).max(1);
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
