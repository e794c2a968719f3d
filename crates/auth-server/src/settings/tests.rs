//! Each refusal, with the line it says.

use super::*;

fn line(raw: &Raw) -> String {
    Settings::resolve(raw).expect_err("this must be refused").to_string()
}

#[expect(clippy::unnecessary_wraps, reason = "every setting is an option")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Development, with everything that the environment of a test may lack.
fn development() -> Raw {
    Raw { data_dir: some("/tmp/auth-server-test"), ..Raw::default() }
}

/// Production, with what it needs and no more.
fn production() -> Raw {
    Raw {
        profile: some("production"),
        listen: some("0.0.0.0:5000"),
        database_url: some("sqlite:/var/lib/auth-server/auth.db"),
        public_url: some("https://auth.example.org"),
        smtp_url: some("smtps://mailer:hunter2@mail.example.org"),
        mail_from: some("Accounts <accounts@example.org>"),
        ..Raw::default()
    }
}

#[test]
fn development_needs_no_settings_and_is_for_this_machine_only() {
    let settings = Settings::resolve(&development()).unwrap();

    assert_eq!(settings.profile, Profile::Development);
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:5000");
    assert!(settings.http.local_hosts_only);
    assert!(!settings.http.cookie.secure);
    assert_eq!(settings.http.cookie.name, "session_id");
    assert_eq!(settings.database.shown(), "sqlite:/tmp/auth-server-test/auth.db");
    assert_eq!(settings.password.policy.min_code_points, 1);
    assert_eq!(settings.shutdown.delay.as_secs(), 0);
}

/// asvs 6.2.1, 7.1.1, 11.4.2: the numbers that the documentation names.
#[test]
fn productions_defaults_are_the_strict_ones() {
    let settings = Settings::resolve(&production()).unwrap();

    assert_eq!(settings.password.policy.min_code_points, 15);
    assert_eq!(settings.password.hashing.scheme, auth_core::Scheme::Bcrypt { cost: 12 });
    assert_eq!(settings.password.hashing.max_wait.as_secs(), 2);
    assert!(settings.http.cookie.secure && !settings.http.local_hosts_only);
    assert_eq!(settings.http.origins[0].as_str(), "https://auth.example.org");
    assert_eq!(settings.session.lifetime, time::Duration::days(30));
    assert_eq!(settings.session.idle, time::Duration::days(7));
    assert_eq!(settings.session.per_user, 10);
    assert_eq!(settings.reset.lifetime, time::Duration::minutes(30));
    assert_eq!((settings.shutdown.delay.as_secs(), settings.shutdown.grace.as_secs()), (5, 30));
    assert_eq!((settings.reset.delivery, settings.throttle.is_some()), (Delivery::Mail, true));
    assert_eq!(format!("{:?}", settings.password.denylist), "Denylist(builtin)");
    let mail = settings.mail.unwrap();
    assert_eq!(mail.reset_url.as_str(), "https://auth.example.org/reset_password");
    assert!(mail.own_page && mail.new_device);
}

#[test]
fn production_refuses_to_start_without_what_makes_it_production() {
    for (raw, expected) in [
        (
            Raw { database_url: None, ..production() },
            "AUTH_DATABASE_URL (--database-url) is not set: production needs it; accepted: sqlite:PATH, such \
             as sqlite:/var/lib/auth-server/auth.db; postgres://USER:PASSWORD@HOST/DATABASE; \
             mysql://USER:PASSWORD@HOST/DATABASE; characters such as @ / # ? in USER and PASSWORD \
             percent-encoded",
        ),
        (
            Raw { public_url: None, ..production() },
            "AUTH_PUBLIC_URL (--public-url) is not set: production needs it; accepted: what users' browsers \
             see, without a path, such as https://auth.example.org",
        ),
        (
            Raw { public_url: some("http://auth.example.org"), ..production() },
            "AUTH_PUBLIC_URL (--public-url) is `http://auth.example.org`: production accepts https, and http \
             for a loopback host only",
        ),
        (
            Raw { smtp_url: None, ..production() },
            "AUTH_SMTP_URL (--smtp-url) is not set: mail needs it; accepted: smtps://USER:PASSWORD@HOST, \
             smtp://USER:PASSWORD@HOST?tls=required, smtp://HOST of this machine, or smtp://ADDRESS?tls=off of a \
             private network; characters such as @ / # ? in USER and PASSWORD percent-encoded",
        ),
        (
            Raw { smtp_url: some("smtp://mailer:hunter2@mail.example.org"), ..production() },
            "AUTH_SMTP_URL (--smtp-url) (its value is not shown): accepted: smtps://USER:PASSWORD@HOST, \
             smtp://USER:PASSWORD@HOST?tls=required, smtp://HOST of this machine, or smtp://ADDRESS?tls=off of a \
             private network; characters such as @ / # ? in USER and PASSWORD percent-encoded",
        ),
        (
            Raw { mail_from: None, ..production() },
            "AUTH_MAIL_FROM (--mail-from) is not set: mail needs it; accepted: an address, such as Accounts \
             <accounts@example.org>",
        ),
        (
            Raw { reset_url: some("http://app.example.org/reset"), ..production() },
            "AUTH_RESET_URL (--reset-url) is `http://app.example.org/reset`: production accepts https, and http \
             for a loopback host only",
        ),
        (
            Raw { mail_templates: some("/nonexistent"), ..production() },
            "AUTH_MAIL_TEMPLATES (--mail-templates) is `/nonexistent`: /nonexistent can't be read: No such file \
             or directory (os error 2)",
        ),
        (
            Raw { password_denylist: some("/nonexistent"), ..production() },
            "AUTH_PASSWORD_DENYLIST (--password-denylist) is `/nonexistent`: the file can't be read: No such \
             file or directory (os error 2); accepted: builtin, off, or a file",
        ),
        (
            Raw { throttle: some("maybe"), ..production() },
            "AUTH_THROTTLE (--throttle) is `maybe`: accepted: on, off",
        ),
        (
            Raw { password_min_length: some("7"), ..production() },
            "AUTH_PASSWORD_MIN_LENGTH (--password-min-length) is `7`: accepted: a number from 8 to 256",
        ),
        (
            Raw { bcrypt_cost: some("9"), ..production() },
            "AUTH_BCRYPT_COST (--bcrypt-cost) is `9`: accepted: a number from 10 to 14",
        ),
        (
            Raw { reset_delivery: some("answer"), ..production() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: whoever asks would get the token of any \
             account; accepted only with a loopback address in AUTH_LISTEN; or mail, or off",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
    let over_plain_http = Raw { public_url: some("http://localhost:8080"), ..production() };
    assert!(Settings::resolve(&over_plain_http).is_ok());
}

#[test]
fn development_refuses_to_be_reached_from_elsewhere() {
    for address in ["0.0.0.0:5000", "192.0.2.1:80", "[::]:5000"] {
        let told = line(&Raw { listen: some(address), ..development() });
        assert!(told.starts_with(&format!("AUTH_LISTEN (--listen) is `{address}`: ")), "{told}");
        assert!(told.contains("AUTH_PROFILE=production"), "{told}");
    }
    assert!(Settings::resolve(&Raw { listen: some("[::1]:0"), ..development() }).is_ok());
}

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

/// Who comes by a proxy on this machine may be anybody.
#[test]
fn tokens_are_in_answers_only_where_nobody_but_this_machine_can_ask() {
    for (raw, expected) in [
        (
            Raw { reset_delivery: some("answer"), listen: None, ..production() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: whoever asks would get the token of any \
             account; accepted only where AUTH_PUBLIC_URL is not set, or names localhost or a loopback address; \
             or mail, or off",
        ),
        (
            Raw { trusted_proxies: some("127.0.0.1"), ..development() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: whoever asks would get the token of any \
             account; accepted only where AUTH_TRUSTED_PROXIES is not set; or mail, or off",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn all_that_production_lacks_is_said_at_once() {
    let nothing = Raw { profile: some("production"), ..Raw::default() };
    let told = line(&nothing);
    let lines: Vec<&str> = told.lines().collect();

    assert_eq!(lines.len(), 3, "{told}");
    for (line, name) in lines.iter().zip(["AUTH_DATABASE_URL", "AUTH_PUBLIC_URL", "AUTH_SMTP_URL"]) {
        assert!(line.starts_with(name) && line.contains("is not set"), "{line}");
    }
    assert!(lines[2].contains("and AUTH_MAIL_FROM"));
    let without_mail = Raw { reset_delivery: some("off"), ..nothing };
    assert_eq!(line(&without_mail).lines().count(), 2);
}

#[test]
fn a_shorter_lifetime_shortens_the_idle_time_that_nobody_set() {
    let settings = Settings::resolve(&Raw { session_lifetime: some("1h"), ..development() }).unwrap();
    assert_eq!(settings.session.idle, time::Duration::HOUR);
}

#[test]
fn mail_goes_in_plain_text_only_within_this_machine_or_a_private_network_by_permission() {
    let accepts = |url: &str| Settings::resolve(&Raw { smtp_url: some(url), ..production() }).is_ok();
    for url in [
        "smtp://localhost",
        "smtp://10.1.2.3?tls=off",
        "smtp://[fd00::25]:2525?tls=off",
        "smtp://192.168.0.9?tls=off",
    ] {
        assert!(accepts(url), "{url}");
    }
    for url in [
        "smtp://10.1.2.3",
        "smtp://mail.example.org?tls=off",
        "smtp://203.0.113.9?tls=off",
        "smtp://[2001:db8::1]?tls=off",
        "smtps://u:p@ss/w#x@mail",
    ] {
        assert!(!accepts(url), "{url}");
    }
}

#[test]
fn a_bad_value_can_not_forge_a_second_line() {
    let told = line(&Raw { profile: some("a\nb\u{1b}[31m"), ..development() });

    assert!(!told.contains(['\n', '\u{1b}']), "{told:?}");
}

/// What says how mail is sent says nothing where none is sent: somebody thinks that it is.
#[test]
fn settings_of_mail_are_refused_where_no_mail_is_sent() {
    let told = line(&Raw { mail_from: some("accounts@example.org"), ..development() });
    assert_eq!(
        told,
        "AUTH_MAIL_FROM (--mail-from) is `accounts@example.org`: it says how mail is sent; accepted: only with \
         AUTH_SMTP_URL"
    );
    let without_public_url = Raw { public_url: None, profile: None, listen: None, ..production() };
    assert!(
        line(&without_public_url).starts_with("AUTH_PUBLIC_URL (--public-url) is not set: links in mails")
    );
}

/// asvs 13.3.1
#[test]
fn a_secret_in_a_setting_is_never_shown() {
    assert!(!format!("{:?}", Settings::resolve(&production()).unwrap()).contains("hunter2"));
    for url in [
        "postgres://auth:hunter2/w0rd#x@db/auth",
        "postgres://auth:12/hunter2@db/auth",
        "postgres://auth:hun/ter2@db/auth",
    ] {
        let told = line(&Raw { database_url: some(url), ..development() });
        assert!(told.contains("percent-encoded") && !told.contains("hun"), "{told}");
    }
    let url_with_password = Raw { public_url: some("https://ada:hunter2@example.org"), ..development() };
    assert!(!line(&url_with_password).contains("hunter2"));
    let told = line(&Raw { database_url: some("oracle://user:hunter2@db/auth"), ..development() });
    assert!(told.starts_with("AUTH_DATABASE_URL (--database-url)") && !told.contains("hunter2"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "sqlite:/tmp/from-a-file.db\n").unwrap();
    let path = file.to_str().unwrap();
    let from_file = Raw { database_url_file: some(path), ..development() };
    let both = Raw { database_url: some("sqlite:x"), database_url_file: some(path), ..development() };
    let missing = Raw { database_url_file: some("/nonexistent/url"), ..development() };

    assert_eq!(Settings::resolve(&from_file).unwrap().database.shown(), "sqlite:/tmp/from-a-file.db");
    assert!(line(&both).contains("accepted: one of them"));
    assert!(line(&missing).contains("the file can't be read"));
}

/// asvs 12.3.1: nobody listens in on what production says to its database.
#[test]
fn production_verifies_the_database_server_and_shows_no_password_of_its_url() {
    for weak in ["?sslmode=require", "?sslmode=disable", "?user=x&sslmode=verify-ca&password=hunter2"] {
        let url = format!("postgres://auth:hunter2@db.example.org/auth{weak}");
        let told = line(&Raw { database_url: Some(url.clone()), ..production() });
        assert!(told.contains("only if its certificate and name are verified"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(Settings::resolve(&Raw { database_url: Some(url), ..development() }).is_ok());
    }
    for (url, shown) in [
        ("postgres://auth:hunter2@db.example.org/auth", "postgres://auth:***@db.example.org/auth"),
        ("postgres://auth@db.example.org/auth?password=hunter2", "postgres://auth@db.example.org/auth"),
        ("mariadb://auth:hunter2@127.0.0.1/auth", "mariadb://auth:***@127.0.0.1/auth"),
    ] {
        let settings = Settings::resolve(&Raw { database_url: some(url), ..production() }).unwrap();
        assert_eq!(settings.database.shown(), shown);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}

#[test]
fn staleness_is_accepted_within_bounds_and_only_if_it_is_named() {
    let resolve = |given| Settings::resolve(&Raw { session_cache_staleness: given, ..development() });
    let accepted = |given| resolve(given).unwrap().session.memory.accepted_staleness;

    assert_eq!(accepted(None), None);
    assert_eq!(accepted(some("2s")), Some(std::time::Duration::from_secs(2)));
    assert!(resolve(some("2m")).is_err() && resolve(some("0s")).is_err());
}

#[test]
fn an_empty_value_counts_as_none() {
    let raw = Raw { listen: some(""), public_url: some("  "), profile: some(""), ..development() };

    assert!(Settings::resolve(&raw).is_ok());
}

#[test]
fn the_command_line_is_well_formed() {
    <crate::cli::Cli as clap::CommandFactory>::command().debug_assert();
}

/// Peers are compared as IPv4 addresses where they are some: a network that never matches would be accepted in vain.
#[test]
fn a_network_of_mapped_addresses_is_one_of_ipv4() {
    let given = some("::ffff:10.0.0.0/104, ::ffff:192.0.2.1, 2001:db8::/32");
    let settings = Settings::resolve(&Raw { trusted_proxies: given, ..production() }).unwrap();

    let networks: Vec<String> = settings.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]);
}
