//! Hashes of other systems: PHC strings, and the formats of Werkzeug and Django.
//!
//! They are parsed strictly and with bounds on their cost.

use argon2::{Params, password_hash::phc};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

use super::{
    algorithm::{Algorithm, Argon2Variant, Argon2Version, Sha2},
    bcrypt,
    stored::{Prehash, Stored},
};

/// Parses any format but that of bcrypt itself.
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
    let algorithm = match hash.algorithm.as_str() {
        "argon2d" => argon2(Argon2Variant::D, &hash)?,
        "argon2i" => argon2(Argon2Variant::I, &hash)?,
        "argon2id" => argon2(Argon2Variant::Id, &hash)?,
        "scrypt" => {
            Algorithm::Scrypt { log_n: number("ln")?.try_into().ok()?, r: number("r")?, p: number("p")? }
        }
        "pbkdf2-sha256" => Algorithm::Pbkdf2 { hash: Sha2::Sha256, rounds: number("i")? },
        "pbkdf2-sha512" => Algorithm::Pbkdf2 { hash: Sha2::Sha512, rounds: number("i")? },
        _ => return None,
    };
    Stored::imported(algorithm, salt, digest)
}

fn argon2(variant: Argon2Variant, hash: &phc::PasswordHash) -> Option<Algorithm> {
    let version = match hash.version {
        // The first version wrote none.
        None | Some(0x10) => Argon2Version::V10,
        Some(0x13) => Argon2Version::V13,
        Some(_) => return None,
    };
    let params = Params::try_from(hash).ok()?;
    let (memory_kib, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
    Some(Algorithm::Argon2 { variant, version, memory_kib, passes, lanes })
}

/// `scrypt:32768:8:1$salt$hex` and `pbkdf2:sha256:600000$salt$hex`; the salt is the text itself.
fn werkzeug(method: &str, is_scrypt: bool) -> Option<Stored> {
    let [method, salt, digest] = fields(method, '$')?;
    let salt = salt.as_bytes().to_vec();
    let algorithm = if is_scrypt {
        let [n, r, p] = fields(method, ':')?;
        Algorithm::Scrypt { log_n: log2(n)?, r: number(r)?, p: number(p)? }
    } else {
        let [hash, rounds] = fields(method, ':')?;
        let hash = match hash {
            "sha256" => Sha2::Sha256,
            "sha512" => Sha2::Sha512,
            _ => return None,
        };
        Algorithm::Pbkdf2 { hash, rounds: number(rounds)? }
    };
    Stored::imported(algorithm, salt, unhex(digest)?)
}

/// `pbkdf2_sha256$…`, `argon2$…`, `bcrypt_sha256$$2b$…`, `scrypt$…`; salts are the text itself, digests padded
/// Base64.
fn django(text: &str) -> Option<Stored> {
    let (algorithm, rest) = text.split_once('$')?;
    match algorithm {
        "argon2" => {
            phc(&format!("${rest}")).filter(|stored| matches!(stored.algorithm, Algorithm::Argon2 { .. }))
        }
        "bcrypt_sha256" => Some(Stored::of_bcrypt(&bcrypt::parse(rest)?, Prehash::Sha256Hex)),
        "pbkdf2_sha256" => {
            let [rounds, salt, digest] = fields(rest, '$')?;
            let salt = salt.as_bytes().to_vec();
            let algorithm = Algorithm::Pbkdf2 { hash: Sha2::Sha256, rounds: number(rounds)? };
            Stored::imported(algorithm, salt, STANDARD.decode(digest).ok()?)
        }
        "scrypt" => {
            let [n, salt, r, p, digest] = fields(rest, '$')?;
            let salt = salt.as_bytes().to_vec();
            let algorithm = Algorithm::Scrypt { log_n: log2(n)?, r: number(r)?, p: number(p)? };
            let digest = STANDARD.decode(digest).or_else(|_| STANDARD_NO_PAD.decode(digest)).ok()?;
            Stored::imported(algorithm, salt, digest)
        }
        _ => None,
    }
}

/// Exactly `N` fields, none of them empty.
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
