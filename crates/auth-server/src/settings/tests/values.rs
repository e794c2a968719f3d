//! Values that are out of range or have no effect.

use super::*;

#[test]
fn an_invalid_value_is_reported_with_the_accepted_ones() {
    for (raw, expected) in [
        (
            RawSettings { profile: some("staging"), ..development() },
            "AUTH_PROFILE (--profile) is `staging`: accepted: development, production",
        ),
        (
            RawSettings { listen: some("5000"), ..development() },
            "AUTH_LISTEN (--listen) is `5000`: accepted: an address and a port, such as 127.0.0.1:5000 or \
             [::1]:0",
        ),
        (
            RawSettings { workers: some("0"), ..development() },
            "AUTH_WORKERS (--workers) is `0`: accepted: a number from 1 to 1024",
        ),
        (
            RawSettings { session_idle: some("7"), ..development() },
            "AUTH_SESSION_IDLE (--session-idle) is `7`: accepted: a duration from 1m to 365d, such as 90s or \
             12h",
        ),
        (
            RawSettings { reset_lifetime: some("25h"), ..development() },
            "AUTH_RESET_LIFETIME (--reset-lifetime) is `25h`: accepted: a duration from 1m to 1d, such as \
             90s or 12h",
        ),
        (
            RawSettings { password_scheme: some("md5"), ..development() },
            "AUTH_PASSWORD_SCHEME (--password-scheme) is `md5`: accepted: bcrypt, argon2id",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn an_invalid_value_of_http_and_log_settings_is_reported_with_the_accepted_ones() {
    for (raw, expected) in [
        (
            RawSettings { allowed_origins: some("https://a.example, b.example"), ..development() },
            "AUTH_ALLOWED_ORIGINS (--allowed-origins) is `b.example`: accepted: origins such as \
             https://app.example.org, each in full: no path and no wildcard",
        ),
        (
            RawSettings { trusted_proxies: some("10.0.0.0/33"), ..development() },
            "AUTH_TRUSTED_PROXIES (--trusted-proxies) is `10.0.0.0/33`: accepted: networks such as \
             10.0.0.0/8, or addresses",
        ),
        (
            RawSettings { cookie_name: some("__Host-session_id"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `__Host-session_id`: browsers accept this prefix only where \
             AUTH_PUBLIC_URL is https",
        ),
        (
            RawSettings { cookie_name: some("a b"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `a b`: accepted: up to 64 letters, digits, `-` and `_`",
        ),
        (
            RawSettings { log_format: some("xml"), ..development() },
            "AUTH_LOG_FORMAT (--log-format) is `xml`: accepted: text, json",
        ),
        (
            RawSettings { session_cache_entries: some("-1"), ..development() },
            "AUTH_SESSION_CACHE_ENTRIES (--session-cache-entries) is `-1`: accepted: a number \
             from 0 to 10000000",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn a_value_without_effect_is_reported_with_the_accepted_ones() {
    for (raw, expected) in [
        (
            RawSettings { allowed_origins: some("https://*.example.org"), ..development() },
            "AUTH_ALLOWED_ORIGINS (--allowed-origins) is `https://*.example.org`: accepted: origins such as \
             https://app.example.org, each in full: no path and no wildcard",
        ),
        (
            RawSettings { public_url: some("https://*.example.org"), ..development() },
            "AUTH_PUBLIC_URL (--public-url) is `https://*.example.org`: accepted: the URL in users' browsers, \
             without a path, such as https://auth.example.org",
        ),
        (
            RawSettings { keep_alive: some("2h"), ..development() },
            "AUTH_KEEP_ALIVE (--keep-alive) is `2h`: accepted: a duration from 1s to 1h, such as 90s or 12h",
        ),
        (
            RawSettings { max_connections: some("4"), ..development() },
            "AUTH_MAX_CONNECTIONS (--max-connections) is `4`: accepted: a number from 16 to 1000000",
        ),
        (
            RawSettings { cookie_name: some("device_id"), ..development() },
            "AUTH_COOKIE_NAME (--cookie-name) is `device_id`: it is the name of the cookie for known \
             devices; accepted: another name",
        ),
        (
            RawSettings {
                database_url: some("postgres://auth@localhost/auth?passwrd=SECRET"),
                ..development()
            },
            "AUTH_DATABASE_URL (--database-url) (its value is not shown): the database URL has an unknown \
             parameter `passwrd`; accepted: sslmode, ssl-mode, sslrootcert, ssl-root-cert, ssl-ca, sslcert, \
             ssl-cert, sslkey, ssl-key, statement-cache-capacity, host, hostaddr, port, dbname, user, password, \
             application_name, options (PostgreSQL); ssl-mode, sslmode, ssl-ca, sslca, ssl-cert, sslcert, \
             ssl-key, sslkey, charset, collation, statement-cache-capacity, socket, timezone, time-zone (MariaDB)",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn a_value_with_another_effect_is_reported_with_the_accepted_ones() {
    for (raw, expected) in [
        (
            RawSettings { log: some("warning"), ..development() },
            "AUTH_LOG (--log) is `warning`: accepted: off, error, warn, info, debug or trace, also per module: \
             auth_core=debug,info",
        ),
        (
            RawSettings { log: some("info,auth_core=verbose"), ..development() },
            "AUTH_LOG (--log) is `info,auth_core=verbose`: accepted: off, error, warn, info, debug or trace, also \
             per module: auth_core=debug,info",
        ),
        (
            RawSettings { public_url: some("https://example.org/auth"), ..development() },
            "AUTH_PUBLIC_URL (--public-url) is `https://example.org/auth`: accepted: the URL in users' browsers, \
             without a path, such as https://auth.example.org",
        ),
        (
            RawSettings { hsts: some("host"), ..development() },
            "AUTH_HSTS (--hsts) is `host`: browsers use it only where AUTH_PUBLIC_URL is https",
        ),
        (
            RawSettings { session_idle: some("2d"), session_lifetime: some("1d"), ..development() },
            "AUTH_SESSION_IDLE (--session-idle) is `2d`: it is longer than AUTH_SESSION_LIFETIME, so it would have \
             no effect",
        ),
        (
            RawSettings { database_timeout: some("100ms"), ..development() },
            "AUTH_DATABASE_TIMEOUT (--database-timeout) is `100ms`: accepted: a duration from 500ms to 1m, such \
             as 90s or 12h",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn limits_of_clients_are_numbers_in_a_range_and_rejected_if_attempts_are_unlimited() {
    let given = RawSettings {
        throttle_guesses: some("100"),
        throttle_exempt: some("192.0.2.0/24, 2001:db8::1"),
        ..production()
    };
    let throttle = Settings::resolve(&given).unwrap().throttle.unwrap();
    assert_eq!((throttle.guesses_per_minute.get(), throttle.exempt.len()), (100, 2));
    assert!(
        line(&RawSettings { throttle_guesses: some("0"), ..production() })
            .contains("a number from 1 to 1000")
    );
    assert!(
        line(&RawSettings { throttle_resets: some("9"), ..development() })
            .contains("no effect where AUTH_THROTTLE is off")
    );
}

#[test]
fn the_operator_chooses_the_name_of_the_service_in_emails() {
    let mail = |raw: &RawSettings| Settings::resolve(raw).unwrap().mail.unwrap();
    let usual = mail(&production());
    assert_eq!((usual.service_name.as_str(), usual.smtp_name), ("auth.example.org", None));

    let named =
        RawSettings { site_name: some("Ada & Co"), smtp_name: some("mx.example.org"), ..production() };
    let named = mail(&named);
    assert_eq!(
        (named.service_name.as_str(), named.smtp_name.as_deref()),
        ("Ada & Co", Some("mx.example.org"))
    );
    assert!(line(&RawSettings { site_name: some("a\nb"), ..production() }).contains("in one line"));
    assert!(line(&RawSettings { smtp_name: some("a b"), ..production() }).contains("the name of a host"));
    let french = RawSettings { default_language: some("fr"), ..development() };
    assert_eq!(Settings::resolve(&french).unwrap().http.language, auth_core::model::Language::French);
}

#[test]
fn a_shorter_lifetime_shortens_the_default_idle_timeout() {
    let settings = Settings::resolve(&RawSettings { session_lifetime: some("1h"), ..development() }).unwrap();
    assert_eq!(settings.session.idle, Duration::from_hours(1));
}

#[test]
fn staleness_is_in_a_range_and_only_accepted_explicitly() {
    let resolve = |given| Settings::resolve(&RawSettings { session_cache_staleness: given, ..development() });
    let accepted = |given| resolve(given).unwrap().session.cache.max_staleness;

    assert_eq!(accepted(None), None);
    assert_eq!(accepted(some("2s")), Some(Duration::from_secs(2)));
    assert!(resolve(some("2m")).is_err() && resolve(some("0s")).is_err());
}

/// Peers are compared in the form of IPv4, so a network in the form of IPv6 would never match.
#[test]
fn a_network_of_mapped_addresses_is_one_of_ipv4() {
    let given = some("::ffff:10.0.0.0/104, ::ffff:192.0.2.1, 2001:db8::/32");
    let settings = Settings::resolve(&RawSettings { trusted_proxies: given, ..production() }).unwrap();

    let networks: Vec<String> = settings.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
}
