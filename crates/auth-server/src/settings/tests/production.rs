//! The requirements of production, and what is accepted for this machine only.

use super::*;

/// asvs 6.2.1, 7.1.1, 11.4.2: the documented numbers.
#[test]
fn production_has_the_strict_defaults() {
    let settings = Settings::resolve(&production()).unwrap();

    assert_eq!(settings.password.policy.min_code_points, 15);
    assert_eq!(settings.password.hashing.scheme, auth_core::passwords::Scheme::Bcrypt { cost: 12 });
    assert_eq!(settings.password.hashing.max_wait.as_secs(), 2);
    assert!(settings.http.cookie.secure && !settings.http.local_hosts_only);
    assert_eq!(settings.http.origins[0].as_str(), "https://auth.example.org");
    assert_eq!(settings.session.lifetime, Duration::from_hours(24 * 30));
    assert_eq!(settings.session.idle, Duration::from_hours(24 * 7));
    assert_eq!(settings.session.per_user, 10);
    assert_eq!(settings.reset.lifetime, Duration::from_mins(30));
    assert_eq!((settings.shutdown.delay.as_secs(), settings.shutdown.grace.as_secs()), (5, 30));
    assert_eq!((settings.reset.delivery, settings.throttle.is_some()), (Delivery::Mail, true));
    assert_eq!(format!("{:?}", settings.password.denylist), "Denylist(builtin)");
    let mail = settings.mail.unwrap();
    assert_eq!(mail.reset_url.as_str(), "https://auth.example.org/reset_password");
    assert!(mail.uses_builtin_page && mail.new_device);
}

#[test]
fn production_does_not_start_without_its_requirements() {
    for (raw, expected) in [
        (
            RawSettings { database_url: None, ..production() },
            "AUTH_DATABASE_URL (--database-url) is not set: production needs it; accepted: sqlite:PATH, such \
             as sqlite:/var/lib/auth-server/auth.db; postgres://USER:PASSWORD@HOST/DATABASE; \
             mysql://USER:PASSWORD@HOST/DATABASE; characters such as @ / # ? in USER and PASSWORD \
             percent-encoded",
        ),
        (
            RawSettings { public_url: None, ..production() },
            "AUTH_PUBLIC_URL (--public-url) is not set: production needs it; accepted: the URL in users' browsers, \
             without a path, such as https://auth.example.org",
        ),
        (
            RawSettings { public_url: some("http://auth.example.org"), ..production() },
            "AUTH_PUBLIC_URL (--public-url) is `http://auth.example.org`: production accepts https, and http \
             for a loopback host only",
        ),
        (
            RawSettings { smtp_url: None, ..production() },
            "AUTH_SMTP_URL (--smtp-url) is not set: emails need it; accepted: smtps://USER:PASSWORD@HOST, \
             smtp://USER:PASSWORD@HOST?tls=required, smtp://HOST of this machine, or smtp://ADDRESS?tls=off of a \
             private network; characters such as @ / # ? in USER and PASSWORD percent-encoded",
        ),
        (
            RawSettings { smtp_url: some("smtp://mailer:hunter2@mail.example.org"), ..production() },
            "AUTH_SMTP_URL (--smtp-url) (its value is not shown): accepted: smtps://USER:PASSWORD@HOST, \
             smtp://USER:PASSWORD@HOST?tls=required, smtp://HOST of this machine, or smtp://ADDRESS?tls=off of a \
             private network; characters such as @ / # ? in USER and PASSWORD percent-encoded",
        ),
        (
            RawSettings { mail_from: None, ..production() },
            "AUTH_MAIL_FROM (--mail-from) is not set: emails need it; accepted: an address, such as Accounts \
             <accounts@example.org>",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
    let over_plain_http = RawSettings { public_url: some("http://localhost:8080"), ..production() };
    assert!(Settings::resolve(&over_plain_http).is_ok());
}

#[test]
fn production_does_not_start_with_weak_values() {
    for (raw, expected) in [
        (
            RawSettings { reset_url: some("http://app.example.org/reset"), ..production() },
            "AUTH_RESET_URL (--reset-url) is `http://app.example.org/reset`: production accepts https, and http \
             for a loopback host only",
        ),
        (
            RawSettings { mail_templates: some("/nonexistent"), ..production() },
            "AUTH_MAIL_TEMPLATES (--mail-templates) is `/nonexistent`: could not read /nonexistent: No such file \
             or directory (os error 2)",
        ),
        (
            RawSettings { password_denylist: some("/nonexistent"), ..production() },
            "AUTH_PASSWORD_DENYLIST (--password-denylist) is `/nonexistent`: the file can't be read: No such \
             file or directory (os error 2); accepted: builtin, off, or a file",
        ),
        (
            RawSettings { throttle: some("maybe"), ..production() },
            "AUTH_THROTTLE (--throttle) is `maybe`: accepted: on, off",
        ),
        (
            RawSettings { password_min_length: some("7"), ..production() },
            "AUTH_PASSWORD_MIN_LENGTH (--password-min-length) is `7`: accepted: a number from 8 to 256",
        ),
        (
            RawSettings { bcrypt_cost: some("9"), ..production() },
            "AUTH_BCRYPT_COST (--bcrypt-cost) is `9`: accepted: a number from 10 to 14",
        ),
        (
            RawSettings { reset_delivery: some("answer"), ..production() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
             account; accepted only with a loopback address in AUTH_LISTEN; or mail, or off",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn development_does_not_listen_for_other_machines() {
    for address in ["0.0.0.0:5000", "192.0.2.1:80", "[::]:5000"] {
        let error = line(&RawSettings { listen: some(address), ..development() });
        assert!(error.starts_with(&format!("AUTH_LISTEN (--listen) is `{address}`: ")), "{error}");
        assert!(error.contains("AUTH_PROFILE=production"), "{error}");
    }
    assert!(Settings::resolve(&RawSettings { listen: some("[::1]:0"), ..development() }).is_ok());
}

/// A proxy on this machine passes on requests of other machines.
#[test]
fn tokens_are_in_responses_only_if_all_callers_are_on_this_machine() {
    for (raw, expected) in [
        (
            RawSettings { reset_delivery: some("answer"), listen: None, ..production() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
             account; accepted only where AUTH_PUBLIC_URL is not set, or names localhost or a loopback address; \
             or mail, or off",
        ),
        (
            RawSettings { trusted_proxies: some("127.0.0.1"), ..development() },
            "AUTH_RESET_DELIVERY (--reset-delivery) is `answer`: any caller would get the token of any \
             account; accepted only where AUTH_TRUSTED_PROXIES is not set; or mail, or off",
        ),
    ] {
        assert_eq!(line(&raw), expected);
    }
}

#[test]
fn all_missing_settings_of_production_are_reported_at_once() {
    let nothing = RawSettings { profile: some("production"), ..RawSettings::default() };
    let error = line(&nothing);
    let lines: Vec<&str> = error.lines().collect();

    assert_eq!(lines.len(), 3, "{error}");
    for (line, name) in lines.iter().zip(["AUTH_DATABASE_URL", "AUTH_PUBLIC_URL", "AUTH_SMTP_URL"]) {
        assert!(line.starts_with(name) && line.contains("is not set"), "{line}");
    }
    assert!(lines[2].contains("and AUTH_MAIL_FROM"));
    let without_mail = RawSettings { reset_delivery: some("off"), ..nothing };
    assert_eq!(line(&without_mail).lines().count(), 2);
}
