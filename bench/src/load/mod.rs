//! Load: as much as can be answered, at a fixed rate, or more than can be answered.

pub mod closed;
pub mod greedy;
pub mod offered;
pub mod paced;
mod wire;
