//! Requesters, which share the time budget of the hasher equally.

use std::net::IpAddr;

use auth_db::model::DeviceTokenDigest;

use crate::throttle::Network;

/// On whose behalf a password is hashed. Requesters share the time budget equally, whatever each of them has queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Requester(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Kind {
    #[default]
    Unknown,
    Client(Network),
    Device([u8; 32]),
}

impl Requester {
    /// The client with this address. All IPv6 addresses of a network of 64 bits are one requester, and so are all requests
    /// without an address.
    #[must_use]
    pub fn of_address(address: Option<IpAddr>) -> Self {
        Self(address.map_or(Kind::Unknown, |address| Kind::Client(Network::of(address))))
    }

    /// A known device of the owner, whatever its address.
    pub(crate) const fn of_device(digest: &DeviceTokenDigest) -> Self {
        Self(Kind::Device(*digest.as_bytes()))
    }
}
