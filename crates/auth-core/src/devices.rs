//! Devices: browsers that users logged in with before.

use auth_db::{
    DbError, Transaction, device_kinds, devices,
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

impl NewDevice {
    /// Stores it in the place of surplus ones, `known` being all that the user has.
    pub async fn store(
        &self,
        tx: &Transaction,
        known: &[(DeviceTokenDigest, Device)],
    ) -> Result<(), DbError> {
        devices::delete(tx, &surplus(known, &self.kind)).await?;
        devices::insert(tx, &self.device, &self.digest).await
    }

    /// Whether the owner is to be notified of it: once a week for each kind. A client that keeps no cookies looks like a
    /// new device at every login.
    pub async fn take_notice(&self, tx: &Transaction, now: OffsetDateTime) -> Result<bool, DbError> {
        let noticed_at = device_kinds::noticed_at(tx, &self.kind).await?;
        // One in the future is of a clock that was ahead.
        if noticed_at.is_some_and(|at| at <= now && now - at < NOTICE_PER_KIND) {
            return Ok(false);
        }
        device_kinds::put(tx, &self.kind, self.device.user_id, now, DEVICE_KINDS_PER_USER - 1).await?;
        Ok(true)
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
        let token = parts.entropy.device_token()?;
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
