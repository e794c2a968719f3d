//! The cookies of session and device: their attributes, and how they are read.

use std::time::Duration;

use actix_web::{
    HttpResponseBuilder,
    cookie::{Cookie, SameSite, time},
    http::header::{COOKIE, HeaderMap, SET_COOKIE},
};
use auth_core::{
    login::LoggedIn,
    model::{DeviceToken, SessionToken, Token},
};

use crate::CookieOptions;

/// Sets the cookies of a login. The session cookie comes first, because some programs read only one.
pub fn set(response: &mut HttpResponseBuilder, options: &CookieOptions, logged_in: &LoggedIn) {
    let session = session_cookie(options, &logged_in.token, logged_in.lifetime);
    let device = logged_in.device.as_ref().map(|token| device_cookie(options, token));
    for cookie in std::iter::once(session).chain(device) {
        response.append_header((SET_COOKIE, cookie.to_string()));
    }
}

/// Sets the device cookie of a completed reset.
pub fn set_device(response: &mut HttpResponseBuilder, options: &CookieOptions, device: &DeviceToken) {
    response.append_header((SET_COOKIE, device_cookie(options, device).to_string()));
}

/// The session cookie, with the lifetime of its session.
fn session_cookie(options: &CookieOptions, token: &SessionToken, lifetime: Duration) -> Cookie<'static> {
    with_attributes(options, options.name.clone(), token.expose().to_string(), lifetime)
}

/// The device cookie, with the lifetime of a device.
fn device_cookie(options: &CookieOptions, token: &DeviceToken) -> Cookie<'static> {
    with_attributes(options, device_name(options), token.expose().to_string(), LoggedIn::DEVICE_LIFETIME)
}

/// `device_id`, with the prefix of the session cookie.
fn device_name(options: &CookieOptions) -> String {
    let prefix = ["__Host-", "__Secure-"].into_iter().find(|prefix| options.name.starts_with(prefix));
    format!("{}device_id", prefix.unwrap_or_default())
}

/// The expired cookie that removes the session cookie.
pub fn cleared(options: &CookieOptions) -> Cookie<'static> {
    with_attributes(options, options.name.clone(), String::new(), Duration::ZERO)
}

fn with_attributes(
    options: &CookieOptions,
    name: String,
    value: String,
    max_age: Duration,
) -> Cookie<'static> {
    // A lifetime beyond the range of the header is as good as its maximum.
    let max_age = time::Duration::try_from(max_age).unwrap_or(time::Duration::MAX);
    let cookie =
        Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax).max_age(max_age);
    if options.secure { cookie.secure(true).finish() } else { cookie.finish() }
}

/// The session token of a request.
pub fn session_token(options: &CookieOptions, headers: &HeaderMap) -> Option<SessionToken> {
    token_in(&options.name, headers)
}

/// The device token of a request.
pub fn device_token(options: &CookieOptions, headers: &HeaderMap) -> Option<DeviceToken> {
    token_in(&device_name(options), headers)
}

/// The token in a cookie; none if the request has several different ones.
fn token_in<K>(name: &str, headers: &HeaderMap) -> Option<Token<K>> {
    let mut found = None;
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = value_of(pair, name) else { continue };
            if found.is_some_and(|earlier| earlier != value) {
                return None;
            }
            found = Some(value);
        }
    }
    Token::parse(std::str::from_utf8(found?).ok()?).ok()
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const TOKEN: &str = "00112233-4455-6677-8899-aabbccddeeff";
    const OTHER: &str = "10112233-4455-6677-8899-aabbccddeeff";

    fn options(secure: bool) -> CookieOptions {
        CookieOptions { secure, ..CookieOptions::default() }
    }

    fn read(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        session_token(&options(false), &headers).map(|token| token.expose().to_string())
    }

    /// asvs 3.3.1, 3.3.2, 3.3.4, 3.3.5
    #[test]
    fn the_cookie_has_exactly_these_attributes() {
        let token = SessionToken::parse(TOKEN).unwrap();
        let plain = session_cookie(&options(false), &token, Duration::from_hours(24 * 30)).to_string();
        let secure = session_cookie(&options(true), &token, Duration::from_hours(24 * 30)).to_string();

        assert_eq!(plain, format!("session_id={TOKEN}; HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000"));
        assert_eq!(
            secure,
            format!("session_id={TOKEN}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000")
        );
        let gone = cleared(&options(false)).to_string();
        assert_eq!(gone, "session_id=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    }

    /// asvs 15.3.7
    #[test]
    fn a_token_is_read_unchanged_and_two_different_ones_are_none() {
        let named = |value| format!("session_id={value}");
        let both = |first, second| format!("a=b; session_id={first}; session_id={second}");

        assert_eq!(read(&[&named(TOKEN)]).as_deref(), Some(TOKEN));
        assert_eq!(read(&[&both(TOKEN, TOKEN)]).as_deref(), Some(TOKEN));
        assert_eq!(read(&["x=1", &named(TOKEN)]).as_deref(), Some(TOKEN));
        for none in [
            &[] as &[&str],
            &["x=1"],
            &[&both(TOKEN, OTHER)],
            &[&named(TOKEN), &named(OTHER)],
            &[&both(TOKEN, "")],
            &[&format!("Session_id={TOKEN}")],
            &[&format!("xsession_id={TOKEN}")],
            &[&format!("session_id=\"{TOKEN}\"")],
            &[&format!("session_id={}", TOKEN.to_uppercase())],
            &[&format!("session_id={TOKEN}%20")],
            &["session_id"],
            &["session_id="],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
