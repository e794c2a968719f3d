//! `PostgreSQL`. It refuses to run as root.

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

const SYSTEM_USER: &str = "postgres";

fn program(name: &str) -> PathBuf {
    binaries::postgres().expect("PostgreSQL is installed").join(name)
}

fn data(server: &Server) -> PathBuf {
    server.folder().join("data")
}

pub fn pid_file(server: &Server) -> PathBuf {
    data(server).join("postmaster.pid")
}

/// Makes the files, with a collation that is not the bytes' order.
pub fn prepare(server: &Server) {
    let password = server.folder().join("password");
    fs::write(&password, USER).unwrap();
    File::create(server.log_file()).unwrap();
    if let Some((uid, gid)) = other_user(SYSTEM_USER) {
        chown(server.folder(), Some(uid), Some(gid)).unwrap();
        for file in fs::read_dir(server.folder()).unwrap() {
            chown(file.unwrap().path(), Some(uid), Some(gid)).unwrap();
        }
    }
    let mut initdb = command(program("initdb"));
    initdb
        .arg("-D")
        .arg(data(server))
        .args(["-U", USER, "-A", "scram-sha-256", "--no-sync", "--no-instructions", "-E", "UTF8"])
        .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--pwfile"])
        .arg(password)
        .current_dir(server.folder());
    run_as(&mut initdb, SYSTEM_USER);
    let output = initdb.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if server.options().tls {
        fs::write(data(server).join("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    }
}

pub fn launch(server: &Server) -> Guardian {
    let mut arguments = vec![program("postgres").display().to_string()];
    arguments.extend(["-D".to_owned(), data(server).display().to_string()]);
    let mut set = |setting: String| arguments.extend(["-c".to_owned(), setting]);
    set(format!("port={}", server.port()));
    set("listen_addresses=127.0.0.1".to_owned());
    set("unix_socket_directories=".to_owned());
    set("max_connections=200".to_owned());
    set("shared_buffers=64MB".to_owned());
    if !server.options().durable {
        set("fsync=off".to_owned());
    }
    if let Some(certificates) = server.certificates() {
        set("ssl=on".to_owned());
        set(format!("ssl_cert_file={}", certificates.certificate.display()));
        set(format!("ssl_key_file={}", certificates.key.display()));
    }
    let log = File::options().append(true).create(true).open(server.log_file()).unwrap();
    Guardian::start("QUIT", server.folder(), arguments, |shell| {
        shell.current_dir(server.folder()).stdout(Stdio::null()).stderr(log);
        run_as(shell, SYSTEM_USER);
    })
}

pub fn is_ready(server: &Server) -> Command {
    let mut question = command(program("pg_isready"));
    question.args(["-q", "-h", "127.0.0.1", "-p", &server.port().to_string()]);
    question
}

/// Writes a database to its output, with the command of `docs/operating.md`.
pub fn dump(server: &Server, database: &str) -> Command {
    client(server, "pg_dump", &["--format=custom", "--no-owner", database])
}

/// Writes a database to its output, so that it can be read by people.
pub fn dump_as_text(server: &Server, database: &str) -> Command {
    client(server, "pg_dump", &["--format=plain", "--no-owner", database])
}

/// Runs a script, as the server's superuser.
pub fn script(server: &Server, file: &Path) -> Command {
    let mut psql = client(server, "psql", &["--no-psqlrc", "--quiet", "--dbname=postgres", "--file"]);
    psql.arg(file).args(["--set", "ON_ERROR_STOP=1"]);
    psql
}

/// Reads a database from its input.
pub fn restore(server: &Server, database: &str) -> Command {
    client(server, "pg_restore", &["--no-owner", "--exit-on-error", "--single-transaction", "-d", database])
}

fn client(server: &Server, name: &str, arguments: &[&str]) -> Command {
    let mut command = command(program(name));
    command.args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "-U", USER]).args(arguments);
    command.env("PGPASSWORD", USER);
    command
}
