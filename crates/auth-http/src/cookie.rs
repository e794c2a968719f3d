//! The session cookie: the one file that knows its attributes, and how it is read.

use actix_web::{
    HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::{COOKIE, HeaderMap, SET_COOKIE},
};
use auth_core::{
    LoggedIn,
    model::{DeviceToken, SessionToken, Token},
};

use crate::CookieOptions;

/// How long a browser keeps the cookie of its device: as long as the device is known.
const DEVICE_LIFETIME: Duration = Duration::days(180);

/// Gives a browser what it keeps of a login: the session's cookie first, which is all that some programs read.
pub fn give(
    response: &mut HttpResponseBuilder,
    options: &CookieOptions,
    logged_in: &LoggedIn,
    lifetime: Duration,
) {
    let device = logged_in.device.as_ref().map(|token| of_device(options, token));
    for cookie in std::iter::once(carrying(options, &logged_in.token, lifetime)).chain(device) {
        response.append_header((SET_COOKIE, cookie.to_string()));
    }
}

/// Gives a browser what it keeps of a completed reset.
pub fn give_device(response: &mut HttpResponseBuilder, options: &CookieOptions, device: &DeviceToken) {
    response.append_header((SET_COOKIE, of_device(options, device).to_string()));
}

/// The cookie that carries a session's token, for as long as its session can live.
fn carrying(options: &CookieOptions, token: &SessionToken, lifetime: Duration) -> Cookie<'static> {
    with_attributes(options, options.name.clone(), token.expose().to_string(), lifetime)
}

/// The cookie that a device keeps on which somebody logged in.
fn of_device(options: &CookieOptions, token: &DeviceToken) -> Cookie<'static> {
    with_attributes(options, device_name(options), token.expose().to_string(), DEVICE_LIFETIME)
}

/// `device_id`, with the prefix that the session's cookie has.
fn device_name(options: &CookieOptions) -> String {
    let prefix = ["__Host-", "__Secure-"].into_iter().find(|prefix| options.name.starts_with(prefix));
    format!("{}device_id", prefix.unwrap_or_default())
}

/// The cookie that takes the place of one and is gone at once.
pub fn cleared(options: &CookieOptions) -> Cookie<'static> {
    with_attributes(options, options.name.clone(), String::new(), Duration::ZERO)
}

fn with_attributes(
    options: &CookieOptions,
    name: String,
    value: String,
    max_age: Duration,
) -> Cookie<'static> {
    let cookie =
        Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax).max_age(max_age);
    if options.secure { cookie.secure(true).finish() } else { cookie.finish() }
}

/// The session's token that a request carries.
pub fn presented(options: &CookieOptions, headers: &HeaderMap) -> Option<SessionToken> {
    token_in(&options.name, headers)
}

/// The device's token that a request carries.
pub fn presented_device(options: &CookieOptions, headers: &HeaderMap) -> Option<DeviceToken> {
    token_in(&device_name(options), headers)
}

/// A token as it stands, and none if a request carries several that disagree.
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
        presented(&options(false), &headers).map(|token| token.expose().to_string())
    }

    /// asvs 3.3.1, 3.3.2, 3.3.4, 3.3.5
    #[test]
    fn the_cookie_has_exactly_these_attributes() {
        let token = SessionToken::parse(TOKEN).unwrap();
        let plain = carrying(&options(false), &token, Duration::days(30)).to_string();
        let secure = carrying(&options(true), &token, Duration::days(30)).to_string();

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
    fn a_token_is_read_as_it_stands_and_two_that_disagree_are_none() {
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
