//! Logs in a bucket: what a function printed is there once, or counted as lost, whatever becomes of the environment, the
//! network and the bucket; and no invocation pays for it.
//!
//! The bucket is moto's, and DuckDB reads the objects back as one table.

mod corpus;
mod kept;
mod stage;
mod trouble;
