//! The `sh` blocks of README and getting-started, run as a reader pastes them.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_servers::{Kind, kind};

use crate::support::{binary_path, free_address};

/// Several times what a debug build takes to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// `cargo` without its builds: CI runs these commands elsewhere, and `cargo run` starts the binary that exists.
const CARGO: &str = "#!/bin/sh\ncase \"$1\" in run) exec auth-server ;; test|install) ;; *) exit 1 ;; esac\n";

/// The `sh` blocks of a document.
fn blocks(document: &str) -> Vec<&str> {
    document.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Whether a line starts the service, which runs until it is stopped.
fn starts_service(line: &str) -> bool {
    line == "cargo run --release" || line.split(' ').next_back() == Some("auth-server")
}

/// The folder of a reader, and the service that a block started.
struct Reader {
    folder: TempDir,
    address: SocketAddr,
    service: Option<Child>,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        symlink(binary_path(), programs.join("auth-server")).unwrap();
        fs::write(programs.join("cargo"), CARGO).unwrap();
        fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, address: free_address(), service: None }
    }

    #[expect(clippy::disallowed_methods, reason = "tests run what readers run")]
    fn shell(&self, script: &str) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display());
        let address = self.address.to_string();
        let here = script.replace("localhost:5000", &address).replace("127.0.0.1:5000", &address);
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &here]).current_dir(self.folder.path()).stdin(Stdio::null());
        shell.env_clear().env("PATH", path).env("HOME", self.folder.path()).env("AUTH_LISTEN", address);
        shell
    }

    /// Runs a block. If it ends with the start of the service, waits until the service accepts connections.
    fn run(&mut self, block: &str) {
        let commands = block.lines().map(|line| line.split("  #").next().unwrap().trim_end());
        let commands: Vec<&str> = commands.filter(|line| !line.is_empty()).collect();
        let (last, before) = commands.split_last().unwrap();
        if starts_service(last) {
            self.stop();
            let script = format!("{}\nexec env {last}", before.join("\n"));
            self.service =
                Some(self.shell(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            self.wait(block);
            return;
        }
        let output = self.shell(block).output().unwrap();
        let (stdout, stderr) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{block}\n{stdout}\n{stderr}");
        let expected: String = block.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        if !expected.is_empty() {
            assert_eq!(stdout.replace('\n', ""), expected, "{block}");
        }
    }

    fn wait(&mut self, block: &str) {
        let began = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.service.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < STARTS_WITHIN, "{ended:?}: {block}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
        let Some(mut service) = self.service.take() else { return };
        let pid = Pid::from_raw(service.id().try_into().unwrap()).unwrap();
        // A service that ended by itself is found by the next block.
        let _ = kill_process(pid, Signal::KILL);
        service.wait().unwrap();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn the_commands_of_the_documents_work_when_pasted() {
    // The databases of these commands are files.
    if kind() != Kind::Sqlite {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (document, count) in [("README.md", 4), ("docs/getting-started.md", 4)] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let blocks = blocks(&text);
        assert_eq!(blocks.len(), count, "{document}");
        let mut reader = Reader::new();
        for block in blocks {
            reader.run(block);
        }
    }
}
