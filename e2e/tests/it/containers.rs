//! `docker-compose.yml` and what belongs to it, without a container engine: what the file says, and that what its
//! services are told makes them work together.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use test_servers::{Certificates, Kind, kind};

use crate::support::{ADA, Client, HaProxy, Postbox, Security, Server, free_address, run, told};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const PASSPHRASE: &str = "seven herons by the weir";

/// Services that do something once.
const ONCE: [&str; 2] = ["keys", "migrate"];

fn root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn compose() -> Value {
    serde_saphyr::from_str(&read(root("docker-compose.yml"))).unwrap()
}

fn services() -> serde_json::Map<String, Value> {
    compose()["services"].as_object().unwrap().clone()
}

#[expect(clippy::disallowed_methods, reason = "tests run what operators run")]
fn succeeds(program: impl AsRef<Path>, arguments: &[&Path]) {
    let output = Command::new(program.as_ref()).args(arguments).output().unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

/// By the schema that is published with the specification, as `check-jsonschema` carries it.
#[test]
fn the_compose_file_is_as_the_specification_says() {
    if kind() != Kind::Sqlite {
        return;
    }
    let path = env::var_os("PATH").unwrap();
    let found =
        env::split_paths(&path).map(|folder| folder.join("check-jsonschema")).find(|file| file.exists());
    let Some(program) = found else {
        assert!(env::var_os("AUTH_TEST_DATABASES").is_none(), "pip install check-jsonschema");
        return;
    };
    let schema = [Path::new("--builtin-schema"), Path::new("vendor.compose-spec")];
    succeeds(&program, &[&schema[..], &[&root("docker-compose.yml")]].concat());
}

#[test]
fn no_container_has_more_than_it_needs_and_each_is_watched() {
    for (name, service) in services() {
        let is_once = ONCE.contains(&name.as_str());
        let user = service["user"].as_str().unwrap();
        // Volumes are made by root, and so is what is in this one.
        assert_eq!(user == "0:0", name == "keys", "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        assert_eq!(service["restart"] == "unless-stopped", !is_once, "{name}");
        assert_eq!(service["healthcheck"]["test"].is_array(), !is_once, "{name}");
        let image = service["image"].as_str().unwrap();
        assert!(
            service["build"].is_string() || image.contains(':') && !image.ends_with(":latest"),
            "{image}"
        );
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            let is_secret = ["PASSWORD", "DATABASE_URL", "SMTP_URL", "AUTH_FILE"]
                .iter()
                .any(|name| variable.contains(name));
            let is_in_file = variable.ends_with("_FILE") && value.starts_with("/run/secrets/");
            assert!(is_in_file || !is_secret, "{name}: {variable}");
        }
    }
    let nodes = services();
    assert_eq!(nodes["node1"]["environment"]["AUTH_PROFILE"], "production");
    assert_eq!(nodes["node1"], nodes["node2"]);
    assert_eq!(nodes["proxy"]["ports"][0], "127.0.0.1:8080:8080");
}

/// What the services are told, with the addresses of this machine in the place of names that only containers know.
struct Here {
    folder: tempfile::TempDir,
    database: test_servers::Server,
    postbox: Postbox,
}

impl Here {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [database, mail, nodes] = ["database", "mail", "nodes"].map(|name| folder.path().join(name));
        for place in [&database, &mail, &nodes] {
            fs::create_dir(place).unwrap();
        }
        succeeds(root("deploy/keys.sh"), &[&database, &mail, &nodes]);
        let before = read(nodes.join("database_url"));
        succeeds(root("deploy/keys.sh"), &[&database, &mail, &nodes]);
        assert_eq!(read(nodes.join("database_url")), before, "keys are made once");

        let login = read(mail.join("logins"));
        let certificates = Certificates {
            authority: nodes.join("authority.pem"),
            stranger: PathBuf::new(),
            certificate: mail.join("certificate.pem"),
            key: mail.join("key.pem"),
        };
        let postbox = Postbox::with(Security::StartTls, certificates, login.trim_end())?;
        let options = test_servers::Options { tls: true, ..test_servers::Options::default() };
        let server = test_servers::Server::start(Kind::Postgres, options);
        let roles = read(root("deploy/roles.sql")).replace("/run/secrets", database.to_str().unwrap());
        server.run_script(&roles);
        let here = Self { folder, database: server, postbox };
        for (file, name) in
            [("owner_url", "@database/"), ("database_url", "@database/"), ("smtp_url", "@mail:1025")]
        {
            here.replace_in(&nodes.join(file), name);
        }
        Some(here)
    }

    fn replace_in(&self, file: &Path, name: &str) {
        let address = match name {
            "@database/" => format!("@127.0.0.1:{}/", self.database.port()),
            _ => format!("@localhost:{}", self.postbox.port()),
        };
        let authority = self.database.certificates().unwrap().authority.display().to_string();
        let told = read(file);
        assert!(told.contains(name), "{}", file.display());
        fs::remove_file(file).unwrap();
        fs::write(file, told.replace(name, &address).replace("/run/secrets/authority.pem", &authority))
            .unwrap();
    }

    /// What a service is told, as the compose file says.
    fn settings(&self, service: &str) -> Vec<(String, String)> {
        let nodes = self.folder.path().join("nodes");
        let told = services()[service]["environment"].as_object().unwrap().clone();
        let told = told.into_iter().filter(|(name, _)| name != "AUTH_LISTEN").map(|(name, value)| {
            let value = match name.as_str() {
                "AUTH_TRUSTED_PROXIES" => "127.0.0.1".to_owned(),
                _ => value.as_str().unwrap().replace("/run/secrets", nodes.to_str().unwrap()),
            };
            (name, value)
        });
        let quick = [("AUTH_BCRYPT_COST", "10"), ("AUTH_SHUTDOWN_DELAY", "0s")];
        told.chain(quick.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }

    fn node(&self, service: &str) -> Server {
        let settings = self.settings(service);
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Server::with(&settings)
    }
}

/// The proxy's configuration, with the addresses of this machine.
fn configuration(address: SocketAddr, nodes: &[Server]) -> String {
    let mut text = read(root("deploy/haproxy.cfg")).replace("bind :8080", &format!("bind {address}"));
    for (number, node) in nodes.iter().enumerate() {
        let name = format!("node{}:5000", number + 1);
        assert!(text.contains(&name), "{text}");
        text = text.replace(&name, &node.address.to_string());
    }
    text
}

/// Keys, roles, certificates, settings and the proxy, as `docker compose up` brings them together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_services_are_told_makes_them_work_together() {
    if kind() != Kind::Postgres {
        return;
    }
    let Some(here) = Here::start() else { return };
    let settings = here.settings("migrate");
    let settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let migrated = run(&["migrate", "up"], &settings);
    assert_eq!(migrated.code, 0, "{migrated:?}");
    let nodes = ["node1", "node2"].map(|service| here.node(service));
    let address = free_address();
    let Some(_proxy) = HaProxy::start(&configuration(address, &nodes), address) else { return };
    let client = Client::new(address);

    let user = [("email", ADA), ("password", PASSPHRASE)];
    assert_eq!(told(&client.post("/users", &user).await).0, 200);
    let cookie = client.post("/sessions", &user).await.cookie();
    for _ in 0..4 {
        assert_eq!(client.profile(&cookie).await.status, 200, "on whichever node");
    }
    let ask =
        client.request(reqwest::Method::POST, "/reset_password").header("X-Forwarded-For", "203.0.113.9");
    assert_eq!(Client::send(ask.form(&[("email", ADA)])).await.status, 200);
    let mail = here.postbox.until(1).await.remove(0);
    // What `docker compose exec node1 /auth-server …` does.
    let node = here.settings("node1");
    let node: Vec<(&str, &str)> = node.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let found = run(&["user", "find", &format!("email={ADA}")], &node);
    assert!(found.code == 0 && found.stdout.contains(ADA), "{found:?}");

    assert!(
        mail.text.contains("http://localhost:8080/reset_password#email=ada@example.org"),
        "{}",
        mail.text
    );
    for node in &nodes {
        let log = node.log();
        assert!(!log.contains("is no setting") && !log.contains("203.0.113.9"), "{log}");
    }
}
