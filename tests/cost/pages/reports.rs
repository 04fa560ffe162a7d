//! A fleet that goes on reporting while its pages are read.

use aws_sdk_dynamodb::Client;
use overtime::{domain::summary::Summary, store::Store};

use super::tray::Tray;

/// One function in so many reports between two looks: those that are awake report once a minute, and a page looks every few
/// seconds.
const ONE_IN: usize = 10;

/// Every function's row, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Reports {
    rows: Vec<Summary>,
    tray: Tray,
    turn: usize,
}

impl Reports {
    pub(crate) fn of(rows: Vec<Summary>) -> Self {
        Self { rows, tray: Tray::default(), turn: 0 }
    }

    /// Writes the rows of those whose turn it is, each having seen more.
    pub(crate) async fn write(&mut self, client: &Client) -> anyhow::Result<()> {
        let store = self.tray.store(client);
        for row in self.rows.iter_mut().skip(self.turn % ONE_IN).step_by(ONE_IN) {
            row.basis.writes += 1;
            // It says that nothing was written, and the tray has it.
            let _ = store.put_summary(row).await;
        }
        self.turn += 1;
        self.tray.empty_into(client).await?;
        Ok(())
    }

    /// The same, written by whoever shows them.
    pub(crate) async fn write_by(&mut self, store: &Store) -> anyhow::Result<()> {
        for row in self.rows.iter_mut().skip(self.turn % ONE_IN).step_by(ONE_IN) {
            row.basis.writes += 1;
            store.put_summary(row).await?;
        }
        self.turn += 1;
        Ok(())
    }
}
