//! Values that are out of bounds, or have no effect.

use super::*;

#[test]
fn a_bad_value_is_named_with_what_would_be_accepted() {
    for (raw, expected) in [
        (
            Raw { profile: some("staging"), ..development() },
            "AUTH_PROFILE (--profile) is `staging`: accepted: development, production",
        ),
        (
            Raw { listen: some("5000"), ..development() },
            "AUTH_LISTEN (--listen) is `5000`: accepted: an address and a port, such as 127.0.0.1:5000 or \
             [::1]:0",
        ),
        (
            Raw { workers: some("0"), ..development() },
            "AUTH_WORKERS (--workers) is `0`: accepted: a number from 1 to 1024",
        ),
        (
            Raw { session_idle: some("7"), ..development() },
            "AUTH_SESSION_IDLE (--session-idle) is `7`: accepted: a duration from 1m to 365d, such as 90s or \
             12h",
        ),
        (
            Raw { reset_lifetime: some("25h"), ..development() },
            "AUTH_RESET_LIFETIME (--reset-lifetime) is `25h`: accepted: a duration from 1m to 1d, such as \
             90s or 12h",
        ),
        (
            Raw { password_scheme: some("md5"), ..development() },
            "AUTH_PASSWORD_SCHEME (--password-scheme) is `md5`: accepted: bcrypt, argon2id",
        ),
        (
            Raw { allowed_origins: some("https://a.example, b.example"), ..development() },
            "AUTH_ALLOWED_ORIGINS (--allowed-origins) is `b.example`: accepted: origins such as \
             https://app.example.org, each in full: no path and no wildcard",
        ),
        (
            Raw { trusted_proxies: some("10.0.0.0/33"), ..development() },
            "AUTH_TRUSTED_PROXIES (--trusted-proxies) is `10.0.0.0/33`: accepted: networks such as \
             10.0.0.0/8, or addresses",
        ),
        (
            Raw { cookie_name: some("__Host-session_id"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `__Host-session_id`: browsers take this prefix only where \
             AUTH_PUBLIC_URL is https",
        ),
        (
            Raw { cookie_name: some("a b"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `a b`: accepted: up to 64 letters, digits, `-` and `_`",
        ),
        (
            Raw { log_format: some("xml"), ..development() },
            "AUTH_LOG_FORMAT (--log-format) is `xml`: accepted: text, json",
        ),
        (
            Raw { session_cache_entries: some("-1"), ..development() },
            "AUTH_SESSION_CACHE_ENTRIES (--session-cache-entries) is `-1`: accepted: a number \
             from 0 to 10000000",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

/// What would be accepted and have no effect, or another one.
#[test]
fn a_value_that_can_not_work_is_named_with_what_would_be_accepted() {
    for (raw, expected) in [
        (
            Raw { allowed_origins: some("https://*.example.org"), ..development() },
            "AUTH_ALLOWED_ORIGINS (--allowed-origins) is `https://*.example.org`: accepted: origins such as \
             https://app.example.org, each in full: no path and no wildcard",
        ),
        (
            Raw { public_url: some("https://*.example.org"), ..development() },
            "AUTH_PUBLIC_URL (--public-url) is `https://*.example.org`: accepted: what users' browsers see, \
             without a path, such as https://auth.example.org",
        ),
        (
            Raw { keep_alive: some("2h"), ..development() },
            "AUTH_KEEP_ALIVE (--keep-alive) is `2h`: accepted: a duration from 1s to 1h, such as 90s or 12h",
        ),
        (
            Raw { max_connections: some("4"), ..development() },
            "AUTH_MAX_CONNECTIONS (--max-connections) is `4`: accepted: a number from 16 to 1000000",
        ),
        (
            Raw { cookie_name: some("device_id"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `device_id`: the cookie of known devices has this name; \
             accepted: another one",
        ),
        (
            Raw { database_url: some("postgres://auth@localhost/auth?passwrd=SECRET"), ..development() },
            "AUTH_DATABASE_URL (--database-url) (its value is not shown): the database URL has an unknown \
             parameter `passwrd`; accepted: sslmode, ssl-mode, sslrootcert, ssl-root-cert, ssl-ca, sslcert, \
             ssl-cert, sslkey, ssl-key, statement-cache-capacity, host, hostaddr, port, dbname, user, password, \
             application_name, options (PostgreSQL); ssl-mode, sslmode, ssl-ca, sslca, ssl-cert, sslcert, \
             ssl-key, sslkey, charset, collation, statement-cache-capacity, socket, timezone, time-zone (MariaDB)",
        ),
        (
            Raw { log: some("warning"), ..development() },
            "AUTH_LOG (--log) is `warning`: accepted: off, error, warn, info, debug or trace, also per part: \
             auth_core=debug,info",
        ),
        (
            Raw { log: some("info,auth_core=verbose"), ..development() },
            "AUTH_LOG (--log) is `info,auth_core=verbose`: accepted: off, error, warn, info, debug or trace, also \
             per part: auth_core=debug,info",
        ),
        (
            Raw { public_url: some("https://example.org/auth"), ..development() },
            "AUTH_PUBLIC_URL (--public-url) is `https://example.org/auth`: accepted: what users' browsers see, \
             without a path, such as https://auth.example.org",
        ),
        (
            Raw { hsts: some("host"), ..development() },
            "AUTH_HSTS (--hsts) is `host`: browsers heed it only where AUTH_PUBLIC_URL is https",
        ),
        (
            Raw { session_idle: some("2d"), session_lifetime: some("1d"), ..development() },
            "AUTH_SESSION_IDLE (--session-idle) is `2d`: it is longer than AUTH_SESSION_LIFETIME, so it would have \
             no effect",
        ),
        (
            Raw { database_timeout: some("100ms"), ..development() },
            "AUTH_DATABASE_TIMEOUT (--database-timeout) is `100ms`: accepted: a duration from 500ms to 1m, such \
             as 90s or 12h",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn limits_of_clients_are_numbers_within_bounds_and_only_where_attempts_are_limited() {
    let given = Raw {
        throttle_guesses: some("100"),
        throttle_exempt: some("192.0.2.0/24, 2001:db8::1"),
        ..production()
    };
    let throttle = Settings::resolve(&given).unwrap().throttle.unwrap();
    assert_eq!((throttle.guesses_per_minute.get(), throttle.exempt.len()), (100, 2));
    assert!(line(&Raw { throttle_guesses: some("0"), ..production() }).contains("a number from 1 to 1000"));
    assert!(
        line(&Raw { throttle_resets: some("9"), ..development() })
            .contains("no effect where AUTH_THROTTLE is off")
    );
}

#[test]
fn emails_call_the_service_what_the_operator_chose() {
    let mail = |raw: &Raw| Settings::resolve(raw).unwrap().mail.unwrap();
    let usual = mail(&production());
    assert_eq!((usual.service.as_str(), usual.smtp_name), ("auth.example.org", None));

    let named = Raw { site_name: some("Ada & Co"), smtp_name: some("mx.example.org"), ..production() };
    let named = mail(&named);
    assert_eq!((named.service.as_str(), named.smtp_name.as_deref()), ("Ada & Co", Some("mx.example.org")));
    assert!(line(&Raw { site_name: some("a\nb"), ..production() }).contains("in one line"));
    assert!(line(&Raw { smtp_name: some("a b"), ..production() }).contains("the name of a host"));
    let french = Raw { default_language: some("fr"), ..development() };
    assert_eq!(Settings::resolve(&french).unwrap().http.language, auth_core::model::Language::French);
}

#[test]
fn a_shorter_lifetime_shortens_the_idle_time_that_nobody_set() {
    let settings = Settings::resolve(&Raw { session_lifetime: some("1h"), ..development() }).unwrap();
    assert_eq!(settings.session.idle, time::Duration::HOUR);
}

#[test]
fn staleness_is_accepted_within_bounds_and_only_if_it_is_named() {
    let resolve = |given| Settings::resolve(&Raw { session_cache_staleness: given, ..development() });
    let accepted = |given| resolve(given).unwrap().session.memory.accepted_staleness;

    assert_eq!(accepted(None), None);
    assert_eq!(accepted(some("2s")), Some(std::time::Duration::from_secs(2)));
    assert!(resolve(some("2m")).is_err() && resolve(some("0s")).is_err());
}

/// Peers are compared as IPv4 addresses where they are some: a network that never matches would be accepted in vain.
#[test]
fn a_network_of_mapped_addresses_is_one_of_ipv4() {
    let given = some("::ffff:10.0.0.0/104, ::ffff:192.0.2.1, 2001:db8::/32");
    let settings = Settings::resolve(&Raw { trusted_proxies: given, ..production() }).unwrap();

    let networks: Vec<String> = settings.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
}
