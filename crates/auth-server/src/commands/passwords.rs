//! `auth-server denylist build`: a filter of breached passwords.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, stdin},
    path::Path,
};

use crate::output::say;
use anyhow::{Context, bail};
use auth_core::{BREACHED_MISTAKES_ONE_IN, BreachedBuilder};

/// Reads passwords, or their SHA-1, a line each, and writes the filter that holds them.
pub fn build(input: Option<&Path>, hashes: bool, output: &Path) -> anyhow::Result<()> {
    let source: Box<dyn Read> = match input {
        Some(path) => {
            Box::new(File::open(path).with_context(|| format!("{} can't be read", path.display()))?)
        }
        None => Box::new(stdin()),
    };
    let mut builder = BreachedBuilder::default();
    for (number, line) in BufReader::new(source).lines().enumerate() {
        let line = line.with_context(|| format!("line {} can't be read", number + 1))?;
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            continue;
        }
        if hashes {
            // As they are published: `SHA1:count`.
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
    std::fs::write(output, &filter).with_context(|| format!("{} can't be written", output.display()))?;
    say!(
        "{count} passwords in {} bytes; one in {BREACHED_MISTAKES_ONE_IN} others is refused by mistake",
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
