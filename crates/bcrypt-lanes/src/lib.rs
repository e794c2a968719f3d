//! Several bcrypt hashes at once on one core.
//!
//! Bcrypt is bound by latency: each Blowfish round waits for four look-ups whose place depends on the round
//! before. One hash leaves most of a core idle. This crate computes several *independent* hashes in one
//! thread, their rounds side by side, so that the look-ups of one fill the waits of the others: five or six
//! of them take little longer than one.
//!
//! It is bit-compatible with other implementations for `$2a$`, `$2b$` and `$2y$`, has no `unsafe`, makes no
//! random numbers (salts come from the caller) and starts no threads.
//!
//! ```
//! use bcrypt_lanes::{BcryptHash, Candidate, NewHash, hash, hash_many, verify, verify_many};
//!
//! let made = hash(b"correct horse", 4, [7; 16])?;
//! let stored: BcryptHash = made.to_string().parse()?;
//! assert!(verify(b"correct horse", &stored, 14)?);
//!
//! let many = [NewHash { password: b"one", salt: [1; 16], cost: 4 }, NewHash { password: b"two", salt: [2; 16], cost: 4 }];
//! let hashes = hash_many(&many)?;
//! let candidates = [
//!     Candidate { password: b"one", hash: &hashes[0] },
//!     Candidate { password: b"wrong", hash: &hashes[1] },
//! ];
//! assert_eq!(verify_many(&candidates, 14)?, [true, false]);
//! # Ok::<(), bcrypt_lanes::Error>(())
//! ```
#![forbid(unsafe_code)]

mod blowfish;
mod boxes;
mod error;
mod hash;
mod lanes;
mod mcf;

pub use error::Error;
pub use hash::{Candidate, LONGEST_PASSWORD, NewHash, hash, hash_many, verify, verify_many};
pub use lanes::{Input, MOST_LANES, best_lanes, digests, digests_with};
pub use mcf::{BcryptHash, COSTS, Version};
