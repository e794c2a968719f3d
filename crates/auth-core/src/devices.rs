//! The engine of devices: browsers on which users logged in before.

use std::sync::Arc;

use auth_db::{
    Conflict, DbError, Transaction, Writer,
    device_kinds::{self, DeviceKindDigest},
    devices,
    model::{
        ClientInfo, Device, DeviceToken, DeviceTokenDigest, EmailKey, FailedAttempts, TokenFormat, UserId,
        instant,
    },
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::OffsetDateTime;
use tokio::sync::OnceCell;

use crate::{
    ServiceError,
    environment::{Environment, ServerKey},
    policy::{
        DEVICE_KINDS_PER_USER, DEVICE_LIFETIME, DEVICE_NOTICE_INTERVAL, DEVICES_PER_KIND, DEVICES_PER_USER,
    },
    throttle::Network,
};

/// The name of the key for the digests of kinds of devices.
const KEY: &str = "device_kinds";

/// Issues device tokens and recognizes them. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct Devices(Arc<Inner>);

struct Inner {
    env: Environment,
    token_format: TokenFormat,
    /// Whether device tokens are issued.
    is_enabled: bool,
    key: OnceCell<ServerKey>,
}

impl Devices {
    /// `is_enabled` is whether tokens are issued: they are useful where attempts are limited, or where owners are notified
    /// of new devices.
    pub fn new(env: Environment, token_format: TokenFormat, is_enabled: bool) -> Self {
        Self(Arc::new(Inner { env, token_format, is_enabled, key: OnceCell::new() }))
    }

    /// The device of a token, if it is valid and belongs to the user with this address.
    pub async fn find_known(
        &self,
        email: &EmailKey,
        digest: Option<DeviceTokenDigest>,
    ) -> Result<Option<(DeviceTokenDigest, Device)>, DbError> {
        let Some(digest) = digest else { return Ok(None) };
        let now = self.0.env.now();
        let device = devices::find_of_owner(self.0.env.db.read(), &digest, email).await?;
        Ok(device.filter(|device| device.is_valid(now)).map(|device| (digest, device)))
    }

    /// Makes a device for a browser whose user has just proved who they are; none if devices are not enabled.
    pub async fn issue(
        &self,
        user: UserId,
        client: &ClientInfo,
    ) -> Result<Option<(DeviceToken, NewDevice)>, ServiceError> {
        let Inner { env, token_format, is_enabled, key } = &*self.0;
        if !is_enabled {
            return Ok(None);
        }
        let key = key.get_or_try_init(|| env.server_key(KEY)).await?;
        let kind = kind_digest(key, user, client);
        let (token, now) = (env.entropy.token(*token_format)?, env.now());
        let device = Device {
            user_id: user,
            kind: Some(kind),
            created_at: now,
            expires_at: instant::after(now, DEVICE_LIFETIME),
            failed_attempts: FailedAttempts::NONE,
        };
        let digest = token.digest();
        Ok(Some((token, NewDevice { device, digest, kind })))
    }
}

/// A device to be stored.
#[derive(Debug)]
pub struct NewDevice {
    device: Device,
    digest: DeviceTokenDigest,
    kind: [u8; 32],
}

/// Kinds of devices with the instants of their latest notices, latest first.
pub type DeviceKinds = Vec<(DeviceKindDigest, OffsetDateTime)>;

/// A notice of a new device that is due.
pub struct DueNotice {
    /// The instant of the latest notice of this kind, as it was read.
    noticed_at: Option<OffsetDateTime>,
    /// Kinds to be deleted, so that their number stays bounded.
    surplus: Vec<DeviceKindDigest>,
    /// Whether it is the first device of the account.
    pub is_first: bool,
}

impl NewDevice {
    /// Stores it as the only device of a user.
    pub async fn insert(&self, tx: &Transaction) -> Result<(), DbError> {
        devices::insert(tx, &self.device, &self.digest).await
    }

    /// Stores it if the user is enabled and still has this credential. Returns whether it did.
    pub async fn insert_if_current(
        &self,
        on: &impl Writer,
        credential_version: i64,
    ) -> Result<bool, DbError> {
        match devices::insert_if_current(on, &self.device, &self.digest, credential_version).await {
            // The connection broke and the statement ran again: only this process has the token.
            Err(DbError::Conflict(Conflict::DeviceToken)) => Ok(true),
            inserted => inserted,
        }
    }

    /// Deletes surplus devices among all of the user.
    pub async fn displace(
        &self,
        on: &impl Writer,
        known: &[(DeviceTokenDigest, Device)],
    ) -> Result<(), DbError> {
        devices::delete(on, &surplus(known, &self.kind)).await?;
        Ok(())
    }

    /// The notice to the owner, unless there was one of a device of this kind within a week. A client that keeps no cookies
    /// looks like a new device at every login.
    pub fn due_notice(&self, is_first: bool, kinds: &DeviceKinds, now: OffsetDateTime) -> Option<DueNotice> {
        let noticed_at = kinds.iter().find(|(kind, _)| *kind == self.kind).map(|(_, at)| *at);
        // An instant in the future was stored by a clock that was ahead, and has no elapsed time.
        let elapsed = noticed_at.and_then(|at| instant::elapsed(at, now));
        if elapsed.is_some_and(|elapsed| elapsed < DEVICE_NOTICE_INTERVAL) {
            return None;
        }
        let others = kinds.iter().map(|(kind, _)| *kind).filter(|kind| *kind != self.kind);
        let surplus = others.skip(DEVICE_KINDS_PER_USER - 1).collect();
        Some(DueNotice { noticed_at, surplus, is_first })
    }

    /// Stores that the owner is notified. Returns false if a concurrent login does it.
    pub async fn record_notice(
        &self,
        on: &impl Writer,
        due: &DueNotice,
        now: OffsetDateTime,
    ) -> Result<bool, DbError> {
        let user = self.device.user_id;
        let is_recorded = device_kinds::record_notice(on, &self.kind, user, due.noticed_at, now).await?;
        if is_recorded {
            device_kinds::delete(on, &due.surplus).await?;
        }
        Ok(is_recorded)
    }
}

/// The devices to be deleted when one of this kind is added, among all known devices, newest first: those of the same kind
/// beyond a few, so that a client without cookies displaces only its own; then the oldest.
fn surplus(known: &[(DeviceTokenDigest, Device)], kind: &[u8; 32]) -> Vec<DeviceTokenDigest> {
    let (mut of_kind, mut kept, mut surplus) = (0, 0, Vec::new());
    for (digest, device) in known {
        let is_of_kind = device.kind.as_ref() == Some(kind);
        of_kind += usize::from(is_of_kind);
        if (is_of_kind && of_kind >= DEVICES_PER_KIND) || kept + 1 >= DEVICES_PER_USER {
            surplus.push(*digest);
        } else {
            kept += 1;
        }
    }
    surplus
}

/// The digest of a user's kind of device: equal for all versions of a program in one network.
fn kind_digest(key: &ServerKey, user: UserId, client: &ClientInfo) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(&user.as_i64().to_be_bytes());
    mac.update(&client.address.map_or([0; 9], |address| Network::of(address).to_bytes()));
    mac.update(client.device().unwrap_or_default().as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(kinds: &[u8]) -> Vec<(DeviceTokenDigest, Device)> {
        let device = |kind| Device {
            user_id: UserId::from_i64(1),
            kind: Some([kind; 32]),
            created_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: OffsetDateTime::UNIX_EPOCH + DEVICE_LIFETIME,
            failed_attempts: FailedAttempts::NONE,
        };
        let numbered = kinds.iter().zip(0..);
        numbered.map(|(kind, number)| (DeviceTokenDigest::from_bytes([number; 32]), device(*kind))).collect()
    }

    fn displaced(kinds: &[u8], new: u8) -> Vec<u8> {
        surplus(&known(kinds), &[new; 32]).iter().map(|digest| digest.as_bytes()[0]).collect()
    }

    #[test]
    fn a_client_without_cookies_displaces_only_itself() {
        assert_eq!(displaced(&[7, 7, 1, 2], 7), [1_u8; 0]);
        assert_eq!(displaced(&[7, 7, 7, 1, 2], 7), [2]);
        assert_eq!(displaced(&[1, 7, 2, 7, 7, 7], 7), [4, 5]);
    }

    #[test]
    fn of_many_kinds_the_oldest_device_is_displaced() {
        assert_eq!(displaced(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 10), [1_u8; 0]);
        assert_eq!(displaced(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 11), [9]);
        assert_eq!(displaced(&[1, 1, 1, 2, 2, 2, 3, 3, 3, 4], 5), [9]);
    }

    #[test]
    fn a_kind_is_one_user_network_and_program() {
        let firefox = Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        let newer = Some("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0");
        let digest = |user, address: &str, agent| {
            kind_digest(
                &[1; 32],
                UserId::from_i64(user),
                &ClientInfo::new(Some(address.parse().unwrap()), agent),
            )
        };
        let one = digest(1, "2001:db8::1", firefox);

        assert_eq!(one, digest(1, "2001:db8::2", newer), "a new version is no new device");
        assert_ne!(one, digest(2, "2001:db8::1", firefox));
        assert_ne!(one, digest(1, "2001:db8:0:1::1", firefox));
        assert_ne!(one, digest(1, "2001:db8::1", Some("curl/8")));
        assert_ne!(one, kind_digest(&[2; 32], UserId::from_i64(1), &ClientInfo::default()));
    }
}
