//! Ends a server with the process that started it, however that ends, and removes its folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Runs what follows the signal and the folder, until its input ends: with us, or before.
const SCRIPT: &str = r#"
signal=$1; folder=$2; shift 2
trap '' INT TERM HUP
"$@" &
server=$!
cat > /dev/null
kill -s "$signal" "$server" 2> /dev/null
wait "$server"
if [ ! -e "$folder/keep" ]; then rm -rf "$folder"; fi
"#;

/// Runs a server as a child of a shell that ends it when this is dropped, or with this process; then it removes
/// its folder.
pub struct Guardian {
    shell: Child,
    folder: PathBuf,
}

impl Guardian {
    /// `signal` is what ends the server at once; `adjust` sets user, environment and output.
    pub fn start(
        signal: &str,
        folder: &Path,
        arguments: impl IntoIterator<Item = String>,
        adjust: impl FnOnce(&mut Command),
    ) -> Self {
        let mut shell = command("/bin/sh");
        shell.args(["-c", SCRIPT, "sh", signal]).arg(folder).args(arguments).stdin(Stdio::piped());
        adjust(&mut shell);
        Self { shell: shell.spawn().expect("a shell starts"), folder: folder.to_owned() }
    }

    /// Ends the server and waits until it is gone; its folder stays.
    pub fn end_only(mut self) {
        let keep = self.folder.join("keep");
        fs::write(&keep, "").expect("the folder is there");
        self.end();
        fs::remove_file(&keep).expect("the folder was kept");
    }

    fn end(&mut self) {
        drop(self.shell.stdin.take());
        // It is gone in any case.
        let _ = self.shell.wait();
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.end();
    }
}

/// A program to be run.
#[expect(clippy::disallowed_methods, reason = "tests start servers")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}
