//! One step of a function's alert: the state after it, when to look again, and the message it owes.
//!
//! Everything that steps an alert — facts that came in, a timer — does it through here, so that there is one way to write
//! state and message together:
//!
//! ```text
//! store.step_alert(&key, |state| advance(&rule, console, state, &seen).into())
//! ```

use overtime_wire::EpochMillis;

use crate::domain::{
    alert::{Observation, Rule, State, evaluate},
    message::{Message, Scene, compose},
};

/// What to write, all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    pub state: State,
    pub wake: Option<EpochMillis>,
    pub message: Option<Message>,
}

/// What `seen` makes of `state`. Links in messages begin with `console`.
pub fn advance(rule: &Rule, console: &str, state: &State, seen: &Observation<'_>) -> Advance {
    let (state, transition) = evaluate(rule, state.clone(), seen);
    let scene = Scene { rule, function: seen.function, console, at: seen.at };
    let message = transition.map(|it| compose(&scene, &it));
    Advance { wake: state.due(rule, seen.at), state, message }
}
