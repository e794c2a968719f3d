//! The limits of emails to one address: a few per hour and a dozen per day of each kind, regardless of which client causes them.
//!
//! The outbox keeps what was sent for a day, and the limits are counted in it, so they hold on all nodes together
//! (docs/adr/0017).

use std::time::Duration;

use auth_db::{
    DbError, Transaction,
    model::{EmailKey, MailKind, PasswordReset, User, instant},
    outbox::{self, Earlier, QueuedMail},
    resets,
};
use time::OffsetDateTime;

use super::Outbox;
use crate::{ServiceError, reset_issuer::IssuedReset};

/// The time for which the outbox keeps what was sent.
pub const SENT_MAIL_RETENTION: Duration = Duration::from_hours(24);

/// The number of reset links per day that have the usual lifetime and replace each other. A further link would invalidate
/// the one that the owner is about to use (zitadel#12622), so it is sent only when no valid one exists.
const FREE_RESETS: u64 = 3;

/// The limits of notices of one kind to one address.
struct NoticeLimits {
    per_hour: u64,
    per_day: u64,
}

/// For an owner who proved to receive emails there.
const VERIFIED: NoticeLimits = NoticeLimits { per_hour: 3, per_day: 12 };

/// For an address that anyone may have registered.
const UNVERIFIED: NoticeLimits = NoticeLimits { per_hour: 1, per_day: 3 };

/// The lifetime of reset links beyond the free ones of a day.
///
/// The owner always has a valid link or can request one, however often others request links, so the later links must cover
/// the day. With three hours that is at most 11 emails a day, with twelve hours 5. NIST SP 800-63B-4 section 4.2.1.2 allows
/// 24 hours.
const fn extended_lifetime(user: &User) -> Duration {
    if user.email_verified_at.is_some() { Duration::from_hours(3) } else { Duration::from_hours(12) }
}

impl Outbox {
    /// Issues the reset for a link that is to be sent; none if the owner has a valid link, or the account is gone or
    /// disabled.
    pub(super) async fn issue_reset(
        &self,
        mail: &QueuedMail,
        user: &User,
    ) -> Result<Option<IssuedReset>, ServiceError> {
        let now = self.0.env.now();
        let usual = self.0.resets.lifetime();
        let extended = usual.max(extended_lifetime(user));
        // It runs while the user's row is locked, so other workers that send to this address wait.
        let choose_lifetime = async |tx: Transaction| {
            let since = instant::before(now, SENT_MAIL_RETENTION);
            Ok(match outbox::count_earlier(&tx, mail, since).await? {
                Earlier { sent, queued } if sent + queued < FREE_RESETS => Some(usual),
                Earlier { queued: 1.., .. } => None,
                Earlier { .. } if has_valid_link(&tx, mail, user, now).await? => None,
                Earlier { .. } => Some(extended),
            })
        };
        self.0.resets.issue_if(user.id, choose_lifetime).await
    }

    /// Whether a notice may be sent: there were not too many of its kind to this address.
    pub(super) async fn may_notify(&self, mail: &QueuedMail, user: &User) -> Result<bool, ServiceError> {
        let limits = if user.email_verified_at.is_some() { VERIFIED } else { UNVERIFIED };
        let (db, now) = (self.0.env.db.read(), self.0.env.now());
        for (period, max) in
            [(Duration::from_hours(1), limits.per_hour), (SENT_MAIL_RETENTION, limits.per_day)]
        {
            let Earlier { sent, queued } =
                outbox::count_earlier(db, mail, instant::before(now, period)).await?;
            if sent + queued >= max {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether the owner has a valid link: a reset that was sent after it was issued.
async fn has_valid_link(
    tx: &Transaction,
    mail: &QueuedMail,
    user: &User,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let Some(reset) = resets::find_of(tx, user.id).await? else { return Ok(false) };
    Ok(reset.is_valid(now) && was_mailed(tx, &reset, &mail.mail.email).await?)
}

/// Whether the link of a reset was sent by email, so that its holder receives emails at the address.
pub async fn was_mailed(tx: &Transaction, reset: &PasswordReset, email: &EmailKey) -> Result<bool, DbError> {
    let sent_at = outbox::latest_sent(tx, MailKind::Reset, email).await?;
    Ok(sent_at.is_some_and(|at| at >= reset.created_at))
}
