//! How many mails one address gets: a few an hour and a dozen a day of each kind, no matter who causes them.
//!
//! The numbers are counted in the outbox, which keeps what was sent for a day, so they hold on all nodes together.

use auth_db::{
    DbError, Transaction,
    model::{MailKind, PasswordReset, ResetToken, User},
    outbox::{self, Earlier, Waiting},
    resets, users,
};
use time::{Duration, OffsetDateTime};

use crate::{Auth, Unavailable};

/// How long the outbox keeps what was sent.
pub const KEPT: Duration = Duration::days(1);

/// Reset links within a day that are valid for as long as the policy says, and replace each other. A further one would
/// make the link invalid that its owner is about to use (zitadel#12622), so from then on a new one is sent only when there
/// is no valid one any more.
const FREE_RESETS: u64 = 3;

/// Limits of the notices of one kind to one address.
struct NoticeLimits {
    an_hour: u64,
    a_day: u64,
}

/// For an owner who proved to receive mail there.
const VERIFIED: NoticeLimits = NoticeLimits { an_hour: 3, a_day: 12 };

/// For an address that anybody may have registered.
const UNVERIFIED: NoticeLimits = NoticeLimits { an_hour: 1, a_day: 3 };

/// How long a reset link is valid after the first ones of a day.
///
/// At every moment there is a valid link in the owner's mailbox, or a new one can be had, however often others ask: so the
/// links that follow must cover the day. Three hours make that 11 mails a day at most, twelve hours 5. NIST SP 800-63B-4
/// section 4.2.1.2 allows 24 hours.
const fn lifetime_under_pressure(is_verified: bool) -> Duration {
    if is_verified { Duration::hours(3) } else { Duration::hours(12) }
}

impl Auth {
    /// Makes the token of a reset link that is to be mailed, and returns it with its lifetime; none if the owner has a
    /// valid link already, or the account is gone or disabled.
    pub(super) async fn token_for_mail(
        &self,
        mail: &Waiting,
        user: &User,
    ) -> Result<Option<(ResetToken, Duration)>, Unavailable> {
        let parts = self.parts();
        let now = self.now();
        let token = parts.entropy.token(parts.policy.token_format)?;
        let digest = token.digest();
        let (usual, later) =
            (parts.policy.reset_lifetime, lifetime_under_pressure(user.email_verified_at.is_some()));
        let issue = parts.db.write(async |tx| {
            // The lock makes others wait that send to the same address.
            if users::lock(&tx, user.id).await?.is_none_or(|user| user.disabled_at.is_some()) {
                return Ok(None);
            }
            let lifetime = match outbox::earlier(&tx, mail, now - KEPT).await? {
                Earlier { sent, waiting } if sent + waiting < FREE_RESETS => usual,
                Earlier { waiting: 1.., .. } => return Ok(None),
                Earlier { .. } if has_valid_link(&tx, mail, user, now).await? => return Ok(None),
                Earlier { .. } => usual.max(later),
            };
            let expires_at = now.saturating_add(lifetime);
            resets::put(&tx, &PasswordReset { user_id: user.id, created_at: now, expires_at }, &digest)
                .await?;
            Ok(Some(lifetime))
        });
        Ok(issue.await?.map(|lifetime| (token, lifetime)))
    }

    /// Whether a notice may be sent: there were not too many of its kind to this address.
    pub(super) async fn may_notify(&self, mail: &Waiting, user: &User) -> Result<bool, Unavailable> {
        let limits = if user.email_verified_at.is_some() { VERIFIED } else { UNVERIFIED };
        let (db, now) = (self.parts().db.read(), self.now());
        for (period, most) in [(Duration::HOUR, limits.an_hour), (KEPT, limits.a_day)] {
            let Earlier { sent, waiting } = outbox::earlier(db, mail, now - period).await?;
            if sent + waiting >= most {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether the owner has a link that is valid: one that was made, and sent after that.
async fn has_valid_link(
    tx: &Transaction,
    mail: &Waiting,
    user: &User,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let Some(reset) = resets::find_of(tx, user.id).await? else { return Ok(false) };
    Ok(reset.is_live(now) && was_mailed(tx, &reset, &mail.wanted.email_key).await?)
}

/// Whether the link of a reset was mailed: then its holder receives mail at the address.
pub async fn was_mailed(tx: &Transaction, reset: &PasswordReset, email_key: &str) -> Result<bool, DbError> {
    let sent_at = outbox::latest_sent(tx, MailKind::Reset, email_key).await?;
    Ok(sent_at.is_some_and(|at| at >= reset.created_at))
}
