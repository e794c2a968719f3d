//! Guesses by one client: passwords and reset tokens that are wrong.

use std::net::IpAddr;

use super::Throttled;
use crate::Auth;

impl Auth {
    /// Takes one of the attempts that this client may fail.
    pub(crate) fn may_guess(&self, client: Option<IpAddr>) -> Result<(), Throttled> {
        self.parts().throttle.as_ref().map_or(Ok(()), |throttle| throttle.clients.guesses.take(client))
    }

    /// Gives it back.
    pub(crate) fn did_not_fail(&self, client: Option<IpAddr>) {
        if let Some(throttle) = &self.parts().throttle {
            throttle.clients.guesses.give_back(client);
        }
    }
}
