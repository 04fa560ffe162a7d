//! What functions count, to CloudWatch: a line on standard output that its embedded metric format makes metrics of.
//!
//! Evaluations repeat, run at the same time and die in the middle, and CloudWatch adds up whatever it is told. So it is written down
//! first that something was said, and then it is said ([`Store::emit_up_to`]). An environment that dies between the two has said
//! nothing, and nobody says it again: **at most once**. An alarm that is set off by a count that never was would be worse than one of
//! a few counts less, and the counts themselves are in the store in any case.
//!
//! It costs a write unit an evaluation that has something to say, and nothing where it is off.

use std::{fmt, sync::Arc};

use overtime_wire::FunctionKey;

use crate::{
    domain::{emission::Shape, view::BlockView},
    store::{Store, StoreError},
};

/// Takes lines, each ending with a line break.
pub type Output = Arc<dyn Fn(&str) + Send + Sync>;

/// Says what functions count. Cheap to clone.
#[derive(Clone)]
pub struct Emitter {
    shape: Arc<Shape>,
    output: Output,
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Emitter {
    pub fn new(shape: Shape, output: Output) -> Self {
        Self { shape: Arc::new(shape), output }
    }

    /// The same, to standard output.
    pub fn to_standard_output(shape: Shape) -> Self {
        Self::new(shape, Arc::new(print))
    }

    /// Says of a block what nobody has said of it yet.
    pub async fn emit(
        &self,
        store: &Store,
        function: &FunctionKey,
        block: &BlockView,
    ) -> Result<(), StoreError> {
        let caller = getrandom::u64().map(|it| format!("{it:016x}"));
        let caller = caller.map_err(|error| StoreError::Unavailable(error.to_string().into()))?;
        let left = store.emit_up_to(function, block, &caller).await?;
        let lines = self.shape.lines(function, block.block, &left);
        if !lines.is_empty() {
            (self.output)(&(lines.join("\n") + "\n"));
        }
        Ok(())
    }
}

/// All lines at once, so that nothing comes between them.
fn print(lines: &str) {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "metrics were not written, and will not be again");
    }
}

#[cfg(test)]
mod tests;
