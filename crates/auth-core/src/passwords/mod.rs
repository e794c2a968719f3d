//! Passwords: the hasher, decoys for unknown addresses, and the denylist.

pub(crate) mod decoy;
mod denylist;
pub(crate) mod hasher;

pub use self::{
    denylist::{BREACHED_FALSE_POSITIVE_ONE_IN, BreachedBuilder, Denylist, DenylistError, InvalidFilter},
    hasher::{HasherOptions, HasherStats, Requester, Scheme},
};
