//! HTTP: the address, the origins, the cookies.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    thread::available_parallelism,
    time::Duration,
};

use auth_core::model::Language;
use auth_http::{CookieOptions, Hsts, Origin, Registration};
use ipnet::IpNet;
use url::{Host, Url};

use super::{
    Profile, RawSettings,
    value::{Setting, SettingError},
};

/// HTTP: the address, the origins, the cookies.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// `AUTH_LISTEN`. In development a loopback address.
    pub listen: SocketAddr,
    /// `AUTH_PUBLIC_URL`.
    pub public_url: Option<Url>,
    /// The public origin and `AUTH_ALLOWED_ORIGINS`.
    pub origins: Vec<Origin>,
    /// `AUTH_COOKIE_NAME`, and `Secure` where the public URL is https.
    pub cookie: CookieOptions,
    /// `AUTH_HSTS`.
    pub hsts: Hsts,
    /// `AUTH_REGISTRATION`.
    pub registration: Registration,
    /// `AUTH_DEFAULT_LANGUAGE`.
    pub language: Language,
    /// `AUTH_TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `AUTH_WORKERS`.
    pub workers: usize,
    /// `AUTH_MAX_CONNECTIONS`; none for what the limit of open files allows.
    pub max_connections: Option<usize>,
    /// `AUTH_KEEP_ALIVE`.
    pub keep_alive: Duration,
    /// Whether `Host` must name this machine: in development.
    pub local_hosts_only: bool,
}

/// Longer than nginx keeps its connections (60 s), so that the proxy closes them and not the service.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// The values of `AUTH_REGISTRATION`.
pub const REGISTRATION: [(&str, Registration); 2] =
    [("open", Registration::Open), ("closed", Registration::Closed)];

/// The values of `AUTH_HSTS`.
pub const HSTS: [(&str, Hsts); 3] =
    [("off", Hsts::Off), ("host", Hsts::Host), ("subdomains", Hsts::Subdomains)];

impl HttpSettings {
    pub fn resolve(raw: &RawSettings, profile: Profile) -> Result<Self, SettingError> {
        let listen = listen(&Setting::new("AUTH_LISTEN", raw.listen.as_deref()), profile)?;
        let public_url = public_url(raw, profile)?;
        let secure = public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        let cookie_name = Setting::new("AUTH_COOKIE_NAME", raw.cookie_name.as_deref());
        let allowed = Setting::new("AUTH_ALLOWED_ORIGINS", raw.allowed_origins.as_deref());
        let proxies = Setting::new("AUTH_TRUSTED_PROXIES", raw.trusted_proxies.as_deref());
        let workers = Setting::new("AUTH_WORKERS", raw.workers.as_deref());
        let connections = Setting::new("AUTH_MAX_CONNECTIONS", raw.max_connections.as_deref());
        let keep_alive = Setting::new("AUTH_KEEP_ALIVE", raw.keep_alive.as_deref());
        let registration = Setting::new("AUTH_REGISTRATION", raw.registration.as_deref());
        let language = Setting::new("AUTH_DEFAULT_LANGUAGE", raw.default_language.as_deref());
        let hsts_setting = Setting::new("AUTH_HSTS", raw.hsts.as_deref());

        let public_origin = public_url.as_ref().and_then(|url| Origin::of_url(url.as_str()).ok());
        let allowed = allowed.list(
            origin,
            "accepted: origins such as https://app.example.org, each in full: no path and no wildcard",
        )?;
        Ok(Self {
            listen,
            origins: public_origin.into_iter().chain(allowed).collect(),
            cookie: cookie(&cookie_name, secure)?,
            hsts: hsts(&hsts_setting, secure)?,
            registration: registration.one_of(&REGISTRATION, Registration::Open)?,
            language: language.one_of(&Language::ALL.map(|one| (one.tag(), one)), Language::default())?,
            trusted_proxies: proxies.list(network, "accepted: networks such as 10.0.0.0/8, or addresses")?,
            workers: workers.number(1, 1024, cores())?,
            max_connections: match connections.given() {
                Some(_) => Some(connections.number(16, 1_000_000, 16)?),
                None => None,
            },
            keep_alive: keep_alive.duration(Duration::from_secs(1), Duration::from_hours(1), KEEP_ALIVE)?,
            local_hosts_only: profile == Profile::Development,
            public_url,
        })
    }
}

/// The number of threads that can run in parallel.
pub fn cores() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

fn listen(setting: &Setting<'_>, profile: Profile) -> Result<SocketAddr, SettingError> {
    let Some(given) = setting.given() else { return Ok(LISTEN) };
    let address: SocketAddr = given
        .parse()
        .map_err(|_| setting.reject("accepted: an address and a port, such as 127.0.0.1:5000 or [::1]:0"))?;
    if profile == Profile::Development && !address.ip().is_loopback() {
        return Err(setting.reject(
            "the development profile listens on loopback only; accepted: 127.0.0.1 or [::1] with a port, \
             or any address with AUTH_PROFILE=production",
        ));
    }
    Ok(address)
}

pub fn public_url(raw: &RawSettings, profile: Profile) -> Result<Option<Url>, SettingError> {
    let setting = Setting::new("AUTH_PUBLIC_URL", raw.public_url.as_deref());
    let expected = "accepted: the URL in users' browsers, without a path, such as https://auth.example.org";
    let Some(given) = setting.given() else {
        return match profile {
            Profile::Development => Ok(None),
            Profile::Production => Err(setting.missing(&format!("production needs it; {expected}"))),
        };
    };
    let url = Url::parse(given).map_err(|_| setting.reject_secret_if(given.contains('@'), expected))?;
    let plain = url.username().is_empty() && url.password().is_none();
    let bare = url.query().is_none() && url.fragment().is_none();
    if !plain {
        return Err(setting.reject_secret(expected));
    }
    // Routes, cookies and redirects are at the root of a host.
    if Origin::of_url(given).is_err()
        || url.path() != "/"
        || !bare
        || !url.host().is_some_and(|host| can_be_a_host(&host))
    {
        return Err(setting.reject(expected));
    }
    if profile == Profile::Production && url.scheme() != "https" && !is_loopback(&url) {
        return Err(setting.reject("production accepts https, and http for a loopback host only"));
    }
    Ok(Some(url))
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Only with TLS. Only the operator knows whether it may apply to the hosts below this one, which may be other sites.
fn hsts(setting: &Setting<'_>, secure: bool) -> Result<Hsts, SettingError> {
    let hsts = setting.one_of(&HSTS, if secure { Hsts::Host } else { Hsts::Off })?;
    if hsts != Hsts::Off && !secure {
        return Err(setting.reject("browsers use it only where AUTH_PUBLIC_URL is https"));
    }
    Ok(hsts)
}

fn cookie(setting: &Setting<'_>, secure: bool) -> Result<CookieOptions, SettingError> {
    let name = setting.given().unwrap_or("session_id");
    // RFC 6265 section 4.1.1: a token of RFC 2616.
    let is_token =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token || name.len() > 64 {
        return Err(setting.reject("accepted: up to 64 letters, digits, `-` and `_`"));
    }
    let bare = name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-")).unwrap_or(name);
    if bare == "device_id" {
        return Err(setting.reject("it is the name of the cookie for known devices; accepted: another name"));
    }
    if (name.starts_with("__Host-") || name.starts_with("__Secure-")) && !secure {
        return Err(setting.reject("browsers accept this prefix only where AUTH_PUBLIC_URL is https"));
    }
    Ok(CookieOptions { name: name.to_owned(), secure })
}

fn origin(text: &str) -> Result<Origin, ()> {
    let origin = Origin::of_url(text).map_err(|_| ())?;
    let url = Url::parse(text).map_err(|_| ())?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_host = url.host().is_some_and(|host| can_be_a_host(&host));
    if is_bare && is_host && url.username().is_empty() && url.password().is_none() {
        Ok(origin)
    } else {
        Err(())
    }
}

/// Whether a browser can send this host. `*` and other characters that are in no host name would never match.
fn can_be_a_host(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    }
}

/// A network. Addresses of IPv4 in the form of IPv6 become IPv4, because peers are compared in that form.
pub fn network(text: &str) -> Result<IpNet, ()> {
    let network =
        text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| ())?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (address @ IpAddr::V4(_), Some(prefix)) if network.addr().is_ipv6() => {
            IpNet::new(address, prefix).map_err(|_| ())
        }
        _ => Ok(network),
    }
}
