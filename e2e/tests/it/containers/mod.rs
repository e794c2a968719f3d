//! `docker-compose.yml` and its files, tested without a container engine: the properties of the file, and that the
//! settings of its services work together.

mod arrangement;
mod compose_file;
mod keys;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// The compose file, with the defaults of what a file `.env` can set.
fn compose() -> Value {
    let mut text = read(root("docker-compose.yml"));
    while let Some(start) = text.find("${") {
        let end = start + text[start..].find('}').unwrap();
        let (_, default) = text[start..end].split_once(":-").unwrap();
        text = format!("{}{default}{}", &text[..start], &text[end + 1..]);
    }
    serde_saphyr::from_str(&text).unwrap()
}

fn services() -> serde_json::Map<String, Value> {
    compose()["services"].as_object().unwrap().clone()
}

#[expect(clippy::disallowed_methods, reason = "tests run what operators run")]
fn succeeds(program: impl AsRef<Path>, arguments: &[&Path]) {
    let output = Command::new(program.as_ref()).args(arguments).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}
