//! What production demands, and what only this machine may have.

use super::*;

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
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
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

/// Who comes by a proxy on this machine may be anybody.
#[test]
fn tokens_are_in_answers_only_where_nobody_but_this_machine_can_ask() {
    for (raw, expected) in [
        (
            Raw { reset_delivery: some("answer"), listen: None, ..production() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
             account; accepted only where AUTH_PUBLIC_URL is not set, or names localhost or a loopback address; \
             or mail, or off",
        ),
        (
            Raw { trusted_proxies: some("127.0.0.1"), ..development() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
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
