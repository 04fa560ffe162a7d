//! What the fleet's hours add up to, so that a page reads a number and not every function.
//!
//! **Invariant.** A total is replaced only by one that has seen more of the functions' rows.

use crate::{
    domain::{fleet::FleetTotal, hour::Hour},
    store::{
        Consistency, Store, StoreError,
        hours::hourly_basis,
        item::Row,
        schema::{self, attribute::VALUE},
    },
};

impl Store {
    /// Writes a total unless what stands has seen as much.
    pub async fn put_total(&self, total: &FleetTotal) -> Result<bool, StoreError> {
        let FleetTotal { hour, basis, view } = total;
        let pk = schema::totals_pk(schema::season(*hour));
        self.put_hourly(pk, (*hour, *basis), view).await
    }

    /// The fleet's hours from `first` to `last`, both inclusive, oldest first. An hour in which nothing was heard is absent.
    pub async fn fleet_totals(
        &self,
        first: Hour,
        last: Hour,
    ) -> Result<Vec<FleetTotal>, StoreError> {
        let range = (first, last);
        let rows = self.hourly_rows(schema::totals_pk, range, Consistency::Eventual).await?;
        let total = |row: &Row| {
            let (hour, basis) = hourly_basis(row)?;
            Ok(FleetTotal { hour, basis, view: row.json(VALUE)? })
        };
        rows.iter().filter_map(|row| self.unless_corrupt(total(row)).transpose()).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::{
            fleet::totals,
            hour::{Hour, HourView, StandingHour},
            summary::Summary,
            view::Basis,
        },
        store::laboratory::{Laboratory, function},
    };

    fn row(name: &str, hours: &[(u32, u64)]) -> Summary {
        let standing = |(number, timeouts): &(u32, u64)| {
            let mut view = HourView::default();
            view.counts.0.invocations = 10;
            view.counts.0.timeouts = *timeouts;
            if *timeouts > 0 {
                view.causes.insert("handler".to_owned(), *timeouts);
            }
            let hour = Hour::from_number(*number);
            StandingHour { hour, basis: Basis::of(10 + timeouts), view }
        };
        let hours: Vec<_> = hours.iter().map(standing).collect();
        Summary::of(&function(name), &hours).unwrap()
    }

    #[tokio::test]
    async fn totals_follow_the_rows_and_a_late_one_changes_nothing() {
        let lab = Laboratory::open().await;
        let range = (Hour::from_number(500_000), Hour::from_number(500_001));
        let before = [row("a", &[(500_000, 0)]), row("b", &[(499_999, 9), (500_000, 2)])];
        let after = [before[0].clone(), row("b", &[(500_000, 3), (500_001, 0)])];
        for rows in [&before, &after, &before] {
            for total in totals(rows, range.0, range.1) {
                lab.store.put_total(&total).await.unwrap();
            }
        }
        let stands = lab.store.fleet_totals(range.0, range.1).await.unwrap();
        assert_eq!(stands, totals(&after, range.0, range.1));
        let first = &stands[0].view;
        assert_eq!((first.counts.0.invocations, first.counts.0.timeouts), (20, 3));
        assert_eq!((first.functions, first.timing_out, first.causes["handler"]), (2, 1, 3));
        assert_eq!(stands[1].view.functions, 1);
    }
}
