//! `AUTH_ENV_FILE` (`--env-file`): settings in a file that systemd and containers also read.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::{Arg, Command};

/// The names of the setting.
const VARIABLE: &str = "AUTH_ENV_FILE";
const FLAG: &str = "--env-file";

/// Makes the settings of the file the defaults of the command line. Variables of the environment and flags override them.
///
/// # Errors
///
/// If the file can't be read, or a line is not a setting.
pub fn apply(command: Command, arguments: &[OsString]) -> anyhow::Result<Command> {
    let Some(path) = path_in(arguments) else { return Ok(command) };
    let shown = path.display();
    let text =
        fs::read_to_string(&path).with_context(|| format!("{VARIABLE} ({FLAG}): could not read {shown}"))?;
    let settings = parse(&text)
        .map_err(|line| anyhow::anyhow!("{VARIABLE} ({FLAG}): line {line} of {shown} is not NAME=VALUE"))?;
    if settings.iter().any(|(name, _)| name == VARIABLE) {
        bail!("{VARIABLE} ({FLAG}): {shown} names another file; accepted: one file");
    }
    Ok(command.mut_args(|argument| with_default(argument, &settings)))
}

fn path_in(arguments: &[OsString]) -> Option<PathBuf> {
    let after = |argument: &OsString| {
        argument.to_str().and_then(|text| text.strip_prefix("--env-file=")).map(PathBuf::from)
    };
    let pairs = arguments.windows(2).find(|pair| pair[0] == FLAG).map(|pair| PathBuf::from(&pair[1]));
    let given = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    pairs.or_else(|| arguments.iter().find_map(after)).or(given)
}

fn with_default(argument: Arg, settings: &[(String, String)]) -> Arg {
    let name = argument.get_env().map(OsStr::to_owned);
    let given = settings.iter().rev().find(|(known, _)| Some(OsStr::new(known)) == name.as_deref());
    match given {
        // `clap` requires a value that lives as long as the program.
        Some((_, value)) => argument.default_value(&*value.clone().leak()).hide_default_value(true),
        None => argument,
    }
}

/// Parses lines of `NAME=VALUE` as systemd does: empty lines and comments are skipped, and quotes around a value are removed.
///
/// # Errors
///
/// The number of a line in another form.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut settings = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(number);
        }
        let value = value.trim();
        let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        settings.push((name.to_owned(), unquoted.unwrap_or(value).to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed_as_by_systemd() {
        let text = "# comment\n; another\n\nAUTH_LISTEN=127.0.0.1:1\nC='$#\"'\nD=\n";
        let expected = [("AUTH_LISTEN", "127.0.0.1:1"), ("C", "$#\""), ("D", "")];
        assert_eq!(parse(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(parse("A=\" x = y \"").unwrap(), [("A".to_owned(), " x = y ".to_owned())]);
        for (bad, line) in [("A=1\nexport B=2", 2), ("A", 1), ("=1", 1), ("A B=1", 1)] {
            assert_eq!(parse(bad), Err(line), "{bad}");
        }
    }

    #[test]
    fn the_flag_is_found_in_both_spellings() {
        let arguments = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(path_in(&arguments(&["x", "--env-file", "/a"])), Some("/a".into()));
        assert_eq!(path_in(&arguments(&["x", "--env-file=/b", "serve"])), Some("/b".into()));
    }
}
