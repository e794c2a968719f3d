//! The networks that identify clients.

use std::net::IpAddr;

/// The network of a client: an IPv4 address, or an IPv6 network of 64 bits, in which a client can choose its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(u64, bool);

impl Network {
    /// The bytes for a digest.
    pub fn to_bytes(self) -> [u8; 9] {
        let Self(bits, is_v6) = self;
        let mut bytes = [u8::from(is_v6); 9];
        bytes[..8].copy_from_slice(&bits.to_be_bytes());
        bytes
    }

    /// The network of an address. A mapped IPv4 address is an IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits()), false),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX), true),
        }
    }
}
