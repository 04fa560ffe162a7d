//! Figures as shapes, each with its words: SVG that is complete without scripts, prints, and takes its colours from the theme.
//!
//! Strict style policies forbid inline styles, so every size is an SVG attribute. "Nothing was seen" and "nothing happened" must not
//! look alike, and nothing is told by colour alone.

pub(super) mod axis;
pub(super) mod bars;
#[cfg(test)]
pub(crate) mod fixture;
pub(super) mod ground;
pub(super) mod heat;
pub(super) mod percentiles;
pub(super) mod phases;
mod scale;
pub(super) mod share;
pub(super) mod spark;
pub(super) mod text;
pub(super) mod traffic;
