//! Load: as much as possible, at a fixed rate, or more than possible.

pub mod closed;
pub mod greedy;
pub mod offered;
pub mod paced;
mod wire;
