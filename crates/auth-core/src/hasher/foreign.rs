//! Hashes that others left behind: PHC strings, Werkzeug's and Django's.
//!
//! Everything is read strictly and with bounds on what it may cost; what is not understood is no hash.

use argon2::{Algorithm, Params, Version, password_hash::phc};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

use super::{
    bcrypt,
    kdf::{Kdf, Sha2},
    stored::{Prehash, Stored},
};

/// Reads what is not bcrypt's own format.
pub fn parse(text: &str) -> Option<Stored> {
    if text.starts_with('$') {
        return phc(text);
    }
    if let Some(method) = text.strip_prefix("scrypt:").or_else(|| text.strip_prefix("pbkdf2:")) {
        return werkzeug(method, text.starts_with("scrypt:"));
    }
    django(text)
}

/// `$argon2id$…`, `$argon2i$…`, `$argon2d$…`, `$scrypt$…`, `$pbkdf2-sha256$…`, `$pbkdf2-sha512$…`.
fn phc(text: &str) -> Option<Stored> {
    let hash = phc::PasswordHash::new(text).ok()?;
    let digest = hash.hash.as_ref()?.as_bytes().to_vec();
    let salt = hash.salt.as_ref()?.as_ref().to_vec();
    let number = |name: &str| hash.params.get_decimal(name);
    let kdf = match hash.algorithm.as_str() {
        name @ ("argon2id" | "argon2i" | "argon2d") => Kdf::Argon2 {
            algorithm: Algorithm::new(name).ok()?,
            // The first version wrote none.
            version: hash.version.map_or(Ok(Version::V0x10), Version::try_from).ok()?,
            params: Params::try_from(&hash).ok()?,
            salt,
        },
        "scrypt" => {
            Kdf::Scrypt { log_n: u8::try_from(number("ln")?).ok()?, r: number("r")?, p: number("p")?, salt }
        }
        "pbkdf2-sha256" => Kdf::Pbkdf2 { hash: Sha2::Sha256, rounds: number("i")?, salt },
        "pbkdf2-sha512" => Kdf::Pbkdf2 { hash: Sha2::Sha512, rounds: number("i")?, salt },
        _ => return None,
    };
    Stored::computed(kdf, digest)
}

/// `scrypt:32768:8:1$salt$hex` and `pbkdf2:sha256:600000$salt$hex`; the salt is the text itself.
fn werkzeug(method: &str, is_scrypt: bool) -> Option<Stored> {
    let [method, salt, digest] = fields(method, '$')?;
    let salt = salt.as_bytes().to_vec();
    let kdf = if is_scrypt {
        let [n, r, p] = fields(method, ':')?;
        Kdf::Scrypt { log_n: log2(n)?, r: number(r)?, p: number(p)?, salt }
    } else {
        let [hash, rounds] = fields(method, ':')?;
        let hash = match hash {
            "sha256" => Sha2::Sha256,
            "sha512" => Sha2::Sha512,
            _ => return None,
        };
        Kdf::Pbkdf2 { hash, rounds: number(rounds)?, salt }
    };
    Stored::computed(kdf, unhex(digest)?)
}

/// `pbkdf2_sha256$…`, `argon2$…`, `bcrypt_sha256$$2b$…`, `scrypt$…`; salts are the text itself, digests padded
/// Base64.
fn django(text: &str) -> Option<Stored> {
    let (algorithm, rest) = text.split_once('$')?;
    match algorithm {
        "argon2" => phc(&format!("${rest}")).filter(|stored| matches!(stored, Stored::Computed { .. })),
        "bcrypt_sha256" => {
            let hash = bcrypt::parse(rest)?;
            Some(Stored::Bcrypt { hash, prehash: Prehash::Sha256Hex })
        }
        "pbkdf2_sha256" => {
            let [rounds, salt, digest] = fields(rest, '$')?;
            let salt = salt.as_bytes().to_vec();
            let kdf = Kdf::Pbkdf2 { hash: Sha2::Sha256, rounds: number(rounds)?, salt };
            Stored::computed(kdf, STANDARD.decode(digest).ok()?)
        }
        "scrypt" => {
            let [n, salt, r, p, digest] = fields(rest, '$')?;
            let salt = salt.as_bytes().to_vec();
            let kdf = Kdf::Scrypt { log_n: log2(n)?, r: number(r)?, p: number(p)?, salt };
            let digest = STANDARD.decode(digest).or_else(|_| STANDARD_NO_PAD.decode(digest)).ok()?;
            Stored::computed(kdf, digest)
        }
        _ => None,
    }
}

/// Exactly N fields, none of them empty.
fn fields<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let fields: Vec<&str> = text.split(separator).collect();
    let fields: [&str; N] = fields.try_into().ok()?;
    fields.iter().all(|field| !field.is_empty()).then_some(fields)
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The exponent of a power of two.
fn log2(text: &str) -> Option<u8> {
    let number = number(text)?;
    number.is_power_of_two().then(|| u8::try_from(number.trailing_zeros()).ok())?
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok()).collect()
}
