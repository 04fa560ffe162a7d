//! The one timer of the loop, which is set back and not forth.
//!
//! What is waited for changes with every event: a deadline two seconds away, then a minute for the next batch, then a
//! deadline again. Setting a timer to an earlier time than any other costs a system call and a turn of the runtime, so a
//! timer that is set stays set for as long as it is early enough. It then goes off too early at times, which nobody is told.

use std::pin::Pin;

use overtime_wire::EpochMillis;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock;

#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Returns at the given time, or never if there is none. Whoever stops waiting leaves the timer as it is.
    pub(super) async fn at(&mut self, time: Option<EpochMillis>) {
        let Some(time) = time else { return std::future::pending().await };
        let due = Instant::now() + time.since(clock::now());
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        while sleep.deadline() < due {
            sleep.as_mut().await;
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().await;
        // One that has gone off would go off again at once.
        self.sleep = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn waited(alarm: &mut Alarm, milliseconds: u64) -> Duration {
        let began = Instant::now();
        alarm.at(Some(clock::now().plus(Duration::from_millis(milliseconds)))).await;
        began.elapsed()
    }

    #[tokio::test]
    async fn it_goes_off_no_earlier_than_it_is_asked_to() {
        let mut alarm = Alarm::default();
        let moment = Duration::from_millis(1);
        assert!(timeout(moment, waited(&mut alarm, 60_000)).await.is_err());
        assert!(timeout(moment, waited(&mut alarm, 1_000)).await.is_err());
        // By now the timer is set to a second from its setting, and set back by the next, and would go off too early for the last.
        assert!(waited(&mut alarm, 30).await >= Duration::from_millis(29));
        assert!(timeout(moment, waited(&mut alarm, 500)).await.is_err());
        assert!(waited(&mut alarm, 600).await >= Duration::from_millis(599));
        waited(&mut alarm, 0).await;
        assert!(timeout(moment, alarm.at(None)).await.is_err());
    }
}
