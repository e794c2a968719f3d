//! Proof that lanes compute bcrypt, and that what is read is read right.
#![expect(clippy::disallowed_methods, reason = "tests have deadlines in real time")]
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod agreement;
mod parse_target;
mod parsing;
mod passwords;
mod support;
mod vectors;
