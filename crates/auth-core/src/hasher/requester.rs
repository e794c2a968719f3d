//! Whose work is to be hashed: requesters share the budget equally.

use std::net::IpAddr;

use auth_db::model::DeviceTokenDigest;

use crate::throttle::Network;

/// Whose work is to be hashed. Requesters share the budget equally, whatever each has waiting.
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
    /// A client by its address: all IPv6 addresses of a network of 64 bits are one. Requests without an address are one
    /// requester.
    #[must_use]
    pub fn of_address(address: Option<IpAddr>) -> Self {
        Self(address.map_or(Kind::Unknown, |address| Kind::Client(Network::of(address))))
    }

    /// A device on which the owner of the account logged in before, wherever it is now.
    pub(crate) const fn of_device(device: &DeviceTokenDigest) -> Self {
        Self(Kind::Device(*device.as_bytes()))
    }
}
