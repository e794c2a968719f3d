//! `MariaDB`.

use std::{
    fs::{self, File},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Server, binaries,
    guardian::{Guardian, command},
    server::{USER, other_user, run_as},
};

const SYSTEM_USER: &str = "mysql";

fn data(server: &Server) -> PathBuf {
    server.folder().join("data")
}

pub fn pid_file(server: &Server) -> PathBuf {
    server.folder().join("pid")
}

/// Makes the files.
pub fn prepare(server: &Server) {
    let programs = binaries::mariadb().expect("MariaDB is installed");
    let user = format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{USER}';\nGRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    );
    fs::write(server.folder().join("init.sql"), user).unwrap();
    File::create(server.log_file()).unwrap();
    if let Some((uid, gid)) = other_user(SYSTEM_USER) {
        chown(server.folder(), Some(uid), Some(gid)).unwrap();
        for file in fs::read_dir(server.folder()).unwrap() {
            chown(file.unwrap().path(), Some(uid), Some(gid)).unwrap();
        }
    }
    let mut install = command(programs.install);
    install
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}", data(server).display()))
        // One that starts deletes all temporary tables that it finds, those of others included.
        .arg(format!("--tmpdir={}", server.folder().display()))
        .current_dir(server.folder());
    run_as(&mut install, SYSTEM_USER);
    let output = install.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// With a collation that folds case and accents and pads spaces.
pub fn launch(server: &Server) -> Guardian {
    let programs = binaries::mariadb().expect("MariaDB is installed");
    let folder = server.folder().display();
    // The file of a process that was killed would be taken for the new one's.
    let _ = fs::remove_file(pid_file(server));
    let mut arguments = vec![
        programs.server.display().to_string(),
        "--no-defaults".to_owned(),
        format!("--datadir={}", data(server).display()),
        format!("--tmpdir={folder}"),
        format!("--socket={folder}/socket"),
        format!("--pid-file={}", pid_file(server).display()),
        format!("--init-file={folder}/init.sql"),
        format!("--port={}", server.port()),
        "--bind-address=127.0.0.1".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--max-connections=300".to_owned(),
        "--innodb-buffer-pool-size=64M".to_owned(),
        "--innodb-log-file-size=32M".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        "--collation-server=utf8mb4_general_ci".to_owned(),
        format!("--innodb-flush-log-at-trx-commit={}", u8::from(server.options().durable)),
    ];
    if server.options().statement_binlog {
        arguments.extend(["--log-bin", "--binlog-format=STATEMENT", "--server-id=1"].map(str::to_owned));
    }
    if let Some(certificates) = server.certificates() {
        arguments.push(format!("--ssl-cert={}", certificates.certificate.display()));
        arguments.push(format!("--ssl-key={}", certificates.key.display()));
        arguments.push("--require-secure-transport=ON".to_owned());
    }
    let log = File::options().append(true).create(true).open(server.log_file()).unwrap();
    Guardian::start("KILL", server.folder(), arguments, |shell| {
        shell.current_dir(server.folder()).stdout(Stdio::null()).stderr(log);
        run_as(shell, SYSTEM_USER);
    })
}

pub fn is_ready(server: &Server) -> Command {
    client(
        server,
        &binaries::mariadb().expect("MariaDB is installed").admin,
        &["--connect-timeout=2", "ping"],
    )
}

/// Writes a database to its output, with the command of `docs/operating.md`.
pub fn dump(server: &Server, database: &str) -> Command {
    let program = binaries::mariadb().expect("MariaDB is installed").dump;
    client(server, &program, &["--single-transaction", "--routines", "--hex-blob", database])
}

/// Reads a database from its input.
pub fn restore(server: &Server, database: &str) -> Command {
    client(server, &binaries::mariadb().expect("MariaDB is installed").client, &[database])
}

fn client(server: &Server, program: &Path, arguments: &[&str]) -> Command {
    let mut command = command(program);
    command
        .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1"])
        .arg(format!("--port={}", server.port()))
        .args([format!("--user={USER}"), format!("--password={USER}")]);
    if server.certificates().is_some() {
        command.arg("--ssl");
    }
    command.args(arguments);
    command
}
