//! What is to happen at a certain moment of an environment's life, as others have ordered it.
//!
//! A watch channel tells that something has happened; a hook runs while it has not yet, which is
//! what the network around a sandbox needs: it must have changed before the first process wakes.

use std::fmt;
use std::sync::{Mutex, PoisonError};

type Hook = Box<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(crate) struct Hooks(Mutex<Vec<Hook>>);

impl Hooks {
    pub(crate) fn add(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    pub(crate) fn run(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|hook| hook());
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hooks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Hooks").field("count", &hooks.len()).finish()
    }
}
