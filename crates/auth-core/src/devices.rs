//! Devices: browsers that users logged in with before.

use auth_db::{
    Conflict, DbError, Transaction, Writer,
    device_kinds::{self, DeviceKindDigest},
    devices,
    model::{Client, Device, DeviceToken, DeviceTokenDigest, FailedAttempts, UserId},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::OffsetDateTime;

use crate::{
    Auth, Unavailable,
    policy::{DEVICE_KINDS_PER_USER, DEVICE_LIFETIME, DEVICES_PER_KIND, DEVICES_PER_USER, NOTICE_PER_KIND},
    server_key::ServerKey,
    throttle::Network,
};

/// The name of the key that kinds of devices are digested with.
const KEY: &str = "device_kinds";

/// A device that is to be stored.
pub struct NewDevice {
    device: Device,
    digest: DeviceTokenDigest,
    kind: [u8; 32],
}

/// Kinds of devices, each with the instant at which the owner was last notified of one, the latest first.
pub type DeviceKinds = Vec<(DeviceKindDigest, OffsetDateTime)>;

/// A kind of device that the owner was not notified of lately.
pub struct DueNotice {
    /// When that was the last time, as it was read.
    noticed_at: Option<OffsetDateTime>,
    /// Kinds that make room for it.
    surplus: Vec<DeviceKindDigest>,
    /// Whether it is the first device of the account.
    pub is_first: bool,
}

impl NewDevice {
    /// Stores it as the only device of a user.
    pub async fn insert(&self, tx: &Transaction) -> Result<(), DbError> {
        devices::insert(tx, &self.device, &self.digest).await
    }

    /// Stores it if the user is enabled and still has this credential; returns whether it did.
    pub async fn insert_if_current(
        &self,
        on: &impl Writer,
        credential_version: i64,
    ) -> Result<bool, DbError> {
        match devices::insert_if_current(on, &self.device, &self.digest, credential_version).await {
            // The connection broke, and the statement ran again: nobody else has this token.
            Err(DbError::Conflict(Conflict::DeviceToken)) => Ok(true),
            inserted => inserted,
        }
    }

    /// Removes devices that make room for it, of all that the user has.
    pub async fn displace(
        &self,
        on: &impl Writer,
        known: &[(DeviceTokenDigest, Device)],
    ) -> Result<(), DbError> {
        devices::delete(on, &surplus(known, &self.kind)).await?;
        Ok(())
    }

    /// The notice that is due if the owner was not notified of a device of this kind for a week. A client that
    /// keeps no cookies looks like a new device at every login.
    pub fn due_notice(&self, is_first: bool, kinds: &DeviceKinds, now: OffsetDateTime) -> Option<DueNotice> {
        let noticed_at = kinds.iter().find(|(kind, _)| *kind == self.kind).map(|(_, at)| *at);
        // One in the future is of a clock that was ahead.
        if noticed_at.is_some_and(|at| at <= now && now - at < NOTICE_PER_KIND) {
            return None;
        }
        let others = kinds.iter().map(|(kind, _)| *kind).filter(|kind| *kind != self.kind);
        let surplus = others.skip(DEVICE_KINDS_PER_USER - 1).collect();
        Some(DueNotice { noticed_at, surplus, is_first })
    }

    /// Notes that the owner is notified of it; returns false if another login does that at the same moment.
    pub async fn note(
        &self,
        on: &impl Writer,
        due: &DueNotice,
        now: OffsetDateTime,
    ) -> Result<bool, DbError> {
        let user = self.device.user_id;
        let is_noted = device_kinds::note(on, &self.kind, user, due.noticed_at, now).await?;
        if is_noted {
            device_kinds::delete(on, &due.surplus).await?;
        }
        Ok(is_noted)
    }
}

/// Which devices make room for a new one of a kind, of all that are known, the newest first: those of the same kind beyond
/// a few, so that a client without cookies displaces only itself; then the oldest.
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

/// What stands for a kind of device of a user: the same for all programs of one name in one network.
fn kind_digest(key: &ServerKey, user: UserId, client: &Client) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(&user.as_i64().to_be_bytes());
    mac.update(&client.address.map_or([0; 9], |address| Network::of(address).to_bytes()));
    mac.update(client.device().unwrap_or_default().as_bytes());
    mac.finalize().into_bytes().into()
}

impl Auth {
    /// What a browser gets that a user has just proved to own; nothing if neither attempts are limited nor owners are
    /// notified of new devices.
    pub(crate) async fn new_device(
        &self,
        user: UserId,
        client: &Client,
        now: OffsetDateTime,
    ) -> Result<Option<(DeviceToken, NewDevice)>, Unavailable> {
        let parts = self.parts();
        if parts.throttle.is_none() && !self.notifies_of_new_devices() {
            return Ok(None);
        }
        let key = parts.device_kind_key.get_or_try_init(|| self.server_key(KEY)).await?;
        let kind = kind_digest(key, user, client);
        let token = parts.entropy.token(parts.policy.token_format)?;
        let device = Device {
            user_id: user,
            kind: Some(kind),
            created_at: now,
            expires_at: now.saturating_add(DEVICE_LIFETIME),
            failed_attempts: FailedAttempts::NONE,
        };
        let digest = token.digest();
        Ok(Some((token, NewDevice { device, digest, kind })))
    }

    /// Whether owners are notified of logins on devices that were not seen before.
    pub(crate) fn notifies_of_new_devices(&self) -> bool {
        let mail = self.parts().mail;
        mail.notices && mail.new_device_notices
    }
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
    fn of_many_kinds_the_oldest_device_makes_room() {
        assert_eq!(displaced(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 10), [1_u8; 0]);
        assert_eq!(displaced(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 11), [9]);
        assert_eq!(displaced(&[1, 1, 1, 2, 2, 2, 3, 3, 3, 4], 5), [9]);
    }

    #[test]
    fn a_kind_is_of_one_user_network_and_program() {
        let firefox = Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
        let newer = Some("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0");
        let digest = |user, address: &str, agent| {
            kind_digest(&[1; 32], UserId::from_i64(user), &Client::new(Some(address.parse().unwrap()), agent))
        };
        let one = digest(1, "2001:db8::1", firefox);

        assert_eq!(one, digest(1, "2001:db8::2", newer), "a new version is no new device");
        assert_ne!(one, digest(2, "2001:db8::1", firefox));
        assert_ne!(one, digest(1, "2001:db8:0:1::1", firefox));
        assert_ne!(one, digest(1, "2001:db8::1", Some("curl/8")));
        assert_ne!(one, kind_digest(&[2; 32], UserId::from_i64(1), &Client::default()));
    }
}
