//! A processor share without control groups: processes that are in debt are stopped.
//!
//! ```text
//! balance   grows with time × share, up to one period's quota; shrinks with what is used
//! running ── balance < 0 ──▶ stopped ── balance = quota ──▶ running
//! ```
//!
//! A plain on-off cycle would also slow down those who hardly use anything, which a quota does not,
//! so what is used is read from each process's own clock (`clock_getcpuclockid`). The tick overdraws
//! at most a millisecond or so per processor, and the debt is paid by a longer stop: the average is
//! right, the grain is coarser than the kernel's. What a process has forked is stopped with its
//! group, but its use is not counted. Invariants: signals are sent under one lock, so that a thaw
//! cannot continue who is in debt and the end of a debt cannot continue who is frozen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Member, PERIOD, Share};

const TICK: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Duty {
    ledger: Arc<Mutex<Ledger>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Ledger {
    share: Share,
    balance: Balance,
    members: Vec<(Pid, Member, Duration)>,
    frozen: bool,
    stopped: bool,
}

impl Duty {
    pub(super) fn begin(share: Share) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::new(share)));
        let task = tokio::spawn(watch_over(Arc::clone(&ledger)));
        Self { ledger, task }
    }

    pub(super) fn admit(&self, pid: u32, member: Member) {
        let Ok(pid) = i32::try_from(pid) else { return };
        let mut ledger = self.ledger();
        ledger.members.push((Pid::from_raw(pid), member, Duration::ZERO));
        if ledger.stopped {
            ledger.signal(Signal::SIGSTOP);
        }
    }

    pub(super) fn freeze(&self, stop: impl FnOnce()) {
        let mut ledger = self.ledger();
        ledger.frozen = true;
        stop();
    }

    pub(super) fn thaw(&self, resume: impl FnOnce()) {
        self.ledger().thaw(resume);
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch_over(ledger: Arc<Mutex<Ledger>>) {
    let mut last = Instant::now();
    loop {
        sleep(TICK).await;
        let now = Instant::now();
        ledger.lock().unwrap_or_else(PoisonError::into_inner).settle(now - last);
        last = now;
    }
}

impl Ledger {
    fn new(share: Share) -> Self {
        Self {
            share,
            balance: Balance::new(share.of(PERIOD)),
            members: Vec::new(),
            frozen: false,
            stopped: false,
        }
    }

    fn settle(&mut self, elapsed: Duration) {
        self.members.retain(|(_, member, _)| !member.is_gone());
        let mut used = Duration::ZERO;
        for (pid, _, before) in &mut self.members {
            let total = processor_time(*pid).unwrap_or(*before);
            used += total.saturating_sub(*before);
            *before = total;
        }
        if let Some(signal) = self.decide(elapsed, used) {
            self.signal(signal);
        }
    }

    /// What the members must be sent after so much time and use, if anything.
    fn decide(&mut self, elapsed: Duration, used: Duration) -> Option<Signal> {
        self.balance.move_on(self.share.of(elapsed), used);
        if !self.stopped && self.balance.is_overdrawn() {
            self.stopped = true;
            return Some(Signal::SIGSTOP);
        }
        if self.stopped && self.balance.is_full() {
            self.stopped = false;
            return (!self.frozen).then_some(Signal::SIGCONT);
        }
        None
    }

    fn thaw(&mut self, resume: impl FnOnce()) {
        self.frozen = false;
        if !self.stopped {
            resume();
        }
    }

    fn signal(&self, signal: Signal) {
        for (pid, member, _) in &self.members {
            if !member.is_gone() {
                // The only possible failure is that it has just ended, which is no failure.
                let _ = killpg(*pid, signal);
            }
        }
    }
}

/// What all threads of a process have used, the ended ones included.
fn processor_time(pid: Pid) -> Option<Duration> {
    let clock = clock_getcpuclockid(pid).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

/// What may still be used, or how much too much has been.
#[derive(Debug)]
struct Balance {
    quota: Duration,
    credit: Duration,
    debt: Duration,
}

impl Balance {
    fn new(quota: Duration) -> Self {
        Self { quota, credit: quota, debt: Duration::ZERO }
    }

    fn move_on(&mut self, earned: Duration, used: Duration) {
        let (have, owe) = (self.credit + earned, self.debt + used);
        self.credit = have.saturating_sub(owe).min(self.quota);
        self.debt = owe.saturating_sub(have);
    }

    fn is_overdrawn(&self) -> bool {
        !self.debt.is_zero()
    }

    fn is_full(&self) -> bool {
        self.credit == self.quota
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debt_is_paid_before_anything_can_be_used() {
        let ms = Duration::from_millis;
        let mut balance = Balance::new(ms(2));
        balance.move_on(ms(1), ms(0));
        assert!(balance.is_full(), "credit does not grow beyond the quota");
        balance.move_on(ms(0), ms(5));
        assert!(balance.is_overdrawn());
        balance.move_on(ms(3), ms(0));
        assert!(!balance.is_overdrawn() && !balance.is_full());
        balance.move_on(ms(2), ms(0));
        assert!(balance.is_full());
    }

    fn in_debt() -> Ledger {
        let mut ledger = Ledger::new(Share::of_memory(128));
        assert_eq!(ledger.decide(PERIOD, Duration::ZERO), None);
        assert_eq!(ledger.decide(Duration::ZERO, PERIOD), Some(Signal::SIGSTOP));
        ledger
    }

    fn resumes(ledger: &mut Ledger) -> bool {
        let mut resumed = false;
        ledger.thaw(|| resumed = true);
        resumed
    }

    #[test]
    fn a_debt_that_is_paid_in_a_freeze_continues_nobody_before_the_thaw() {
        let mut ledger = in_debt();
        ledger.frozen = true;
        assert_eq!(ledger.decide(20 * PERIOD, Duration::ZERO), None);
        assert!(resumes(&mut ledger));
    }

    #[test]
    fn a_thaw_continues_nobody_who_is_in_debt() {
        let mut ledger = in_debt();
        ledger.frozen = true;
        assert!(!resumes(&mut ledger));
        assert_eq!(ledger.decide(20 * PERIOD, Duration::ZERO), Some(Signal::SIGCONT));
    }
}
