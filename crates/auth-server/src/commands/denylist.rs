//! `auth-server denylist build`: builds a filter of breached passwords.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, stdin},
    path::Path,
};

use crate::output::say;
use anyhow::{Context, bail};
use auth_core::passwords::{BREACHED_FALSE_POSITIVE_ONE_IN, BreachedBuilder};

/// Reads passwords or their SHA-1, one a line, and writes the filter.
pub fn build(input: Option<&Path>, hashes: bool, output: &Path) -> anyhow::Result<()> {
    let source: Box<dyn Read> = match input {
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("could not read {}", path.display()))?)
        }
        None => Box::new(stdin()),
    };
    let mut builder = BreachedBuilder::default();
    for (number, line) in BufReader::new(source).lines().enumerate() {
        let line = line.with_context(|| format!("line could not read {}", number + 1))?;
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        if hashes {
            // The published form is `SHA1:count`.
            let digits = line.split(':').next().unwrap_or_default();
            let Some(sha1) = from_hex(digits) else {
                bail!("line {} does not begin with 40 hexadecimal digits", number + 1);
            };
            builder.add_sha1(sha1);
        } else {
            builder.add_password(line);
        }
    }
    let (count, filter) = builder.build();
    std::fs::write(output, &filter).with_context(|| format!("could not write {}", output.display()))?;
    say!(
        "{count} passwords in {} bytes; one in {BREACHED_FALSE_POSITIVE_ONE_IN} other passwords is rejected as well",
        filter.len()
    );
    Ok(())
}

fn from_hex(digits: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    if digits.len() != 40 || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
