//! What can be wrong with a password to hash or a hash to read.

/// Why nothing was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A password to hash is longer than bcrypt can hold: it would be cut, and others would match.
    #[error("a password of over 71 bytes can't be hashed in full")]
    PasswordTooLong,
    /// A password to hash contains a NUL, at which bcrypt repeats it: other passwords would match.
    #[error("a password with a NUL can't be hashed faithfully")]
    PasswordWithNul,
    /// The cost is outside of 4 to 31, or above the limit that the caller set.
    #[error("the cost {0} is not allowed")]
    Cost(u32),
    /// `$2x$` marks hashes made by an implementation with a fault, which this one does not repeat.
    #[error("$2x$ hashes are of a faulty implementation and are not supported")]
    FaultyVersion,
    /// The text is no bcrypt hash.
    #[error("not a bcrypt hash")]
    Malformed,
}
