//! The proof that a user was authenticated.

use auth_db::model::{Methods, User};

/// A user who proved who they are, and by which methods. Only this module's parent can construct it, so every function that
/// takes one is called after an authentication.
#[derive(Debug)]
pub struct Authenticated {
    user: User,
    methods: Methods,
}

impl Authenticated {
    pub(super) const fn new(user: User, methods: Methods) -> Self {
        Self { user, methods }
    }

    pub const fn user(&self) -> &User {
        &self.user
    }

    pub const fn methods(&self) -> Methods {
        self.methods
    }
}
