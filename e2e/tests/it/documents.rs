//! The `sh` blocks of README and getting-started, run as a reader pastes them.

use std::{
    fs,
    io::{self, BufRead, BufReader, Lines},
    net::SocketAddr,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;
use test_servers::{Kind, kind};

use crate::support::{address_in, binary_path, free_address};

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
    output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        symlink(binary_path(), programs.join("auth-server")).unwrap();
        fs::write(programs.join("cargo"), CARGO).unwrap();
        fs::set_permissions(programs.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, address: free_address(), service: None, output: None }
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

    /// Runs a block. If it ends with the start of the service, waits until the service is ready.
    fn run(&mut self, block: &str) {
        let commands = block.lines().map(|line| line.split("  #").next().unwrap().trim_end());
        let commands: Vec<&str> = commands.filter(|line| !line.is_empty()).collect();
        let (last, before) = commands.split_last().unwrap();
        if starts_service(last) {
            self.stop();
            let script = format!("{}\nexec env {last}", before.join("\n"));
            let mut service =
                self.shell(&script).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let output = BufReader::new(service.stdout.take().unwrap());
            // The pipe stays open, because the service may print more.
            self.output = Some(output.lines());
            self.service = Some(service);
            let is_ready = |line: io::Result<String>| address_in(&line.unwrap()) == Some(self.address);
            assert!(self.output.as_mut().unwrap().any(is_ready), "the service ended: {block}");
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

    fn stop(&mut self) {
        let Some(mut service) = self.service.take() else { return };
        // It fails if the service ended by itself.
        let _ = service.kill();
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
