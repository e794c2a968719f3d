//! What handlers take from a request: fields, the context, the user.

mod body;
mod client;
mod context;
pub mod cookie;
mod current_user;
mod fields;
mod form;
mod json;
mod multipart;
mod origin;

pub use self::{
    client::{client_address, is_behind_unlisted_proxy, is_forwarded, language_of, value_from_proxy},
    context::{Context, context_of},
    current_user::CurrentUser,
    fields::{Field, Fields, NoFields, RequestBody},
    origin::{InvalidOrigin, Origin},
};
