//! The binary under test.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

/// How a command of the binary ended.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Where the binary is: `AUTH_E2E_BINARY`, or built here, once.
pub fn path() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| env::var_os("AUTH_E2E_BINARY").map_or_else(build, PathBuf::from))
}

/// A command of the binary, in an environment that holds nothing of the caller's.
#[expect(clippy::disallowed_methods, reason = "tests start the service")]
pub fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(path());
    command.env_clear().env("RUST_BACKTRACE", "1").envs(settings.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs a command of the binary to its end.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let output = command(settings).args(arguments).output().expect("the binary runs");
    Output {
        code: output.status.code().expect("ended by itself"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[expect(clippy::disallowed_methods, reason = "tests build the service")]
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").expect("cargo runs the tests");
    // Not by a macro, whose output is kept back where tests pass.
    let _ = io::stderr().write_all(b"the tests wait for a build of auth-server, which may take minutes\n");
    let output = Command::new(cargo)
        .args(["build", "-p", "auth-server", "--message-format=json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "auth-server does not build");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo sets the path of the binary")
}
