//! `docker-compose.yml` and what belongs to it, without a container engine: what the file says, and that what its
//! services are told makes them work together.

use std::{
    env, fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use ipnet::IpNet;
use rustix::process::Signal;
use serde_json::Value;
use test_servers::{Certificates, Kind, kind, left_out};
use tokio::task::JoinSet;

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

/// With the defaults of what a file `.env` can set.
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
        left_out("the schema of the compose file", "pip install check-jsonschema");
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
        let is_pinned = image.split_once(':').is_some_and(|(_, tag)| tag.contains('.'));
        assert!(is_pinned || image == "auth-server", "{image}");
        assert!(service["mem_limit"].is_string() && service["pids_limit"].is_number(), "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name}");
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

/// Three services that build one image get in each other's way.
#[test]
fn the_image_is_built_once_and_never_looked_for_elsewhere() {
    let building: Vec<String> =
        services().into_iter().filter(|(_, it)| !it["build"].is_null()).map(|(name, _)| name).collect();
    assert_eq!(building, ["migrate"]);
    for (name, service) in services().into_iter().filter(|(_, it)| it["image"] == "auth-server") {
        let policy = if name == "migrate" { "build" } else { "never" };
        assert_eq!(service["pull_policy"], policy, "{name}");
    }
}

/// Otherwise a service that is started first gets the address that the proxy is to have.
#[test]
fn fixed_addresses_are_not_among_those_that_are_given_out() {
    let file = compose();
    for (network, told) in file["networks"].as_object().unwrap() {
        let range = told["ipam"]["config"][0]["ip_range"].as_str();
        for (name, service) in services() {
            let Some(address) = service["networks"][network]["ipv4_address"].as_str() else { continue };
            let range: IpNet = range.unwrap_or_else(|| panic!("{network} has no ip_range")).parse().unwrap();
            let subnet: IpNet = told["ipam"]["config"][0]["subnet"].as_str().unwrap().parse().unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert!(subnet.contains(&address) && !range.contains(&address), "{name}: {address}");
        }
    }
    assert_eq!(services()["node1"]["environment"]["AUTH_TRUSTED_PROXIES"], "172.30.250.2");
}

/// Engines before 27 don't choose IPv6 addresses, and create no network without them.
#[test]
fn networks_with_ipv6_have_a_subnet_of_unique_local_addresses() {
    for (name, network) in compose()["networks"].as_object().unwrap() {
        if network["enable_ipv6"] == true {
            let subnet: IpNet = network["ipam"]["config"][0]["subnet"].as_str().unwrap().parse().unwrap();
            assert!(
                matches!(subnet, IpNet::V6(subnet) if subnet.addr().is_unique_local()),
                "{name}: {subnet}"
            );
        }
    }
}

/// Otherwise the engine kills it while it still waits for a client that sends nothing.
#[test]
fn the_proxy_gives_up_waiting_for_clients_before_the_engine_kills_it() {
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<u32>().unwrap();
    let configuration = read(root("deploy/haproxy.cfg"));
    let hard_stop = configuration.lines().find_map(|line| line.trim().strip_prefix("hard-stop-after "));
    let grace = services()["proxy"]["stop_grace_period"].as_str().unwrap().to_owned();
    assert!(seconds(hard_stop.unwrap()) < seconds(&grace), "{grace}");
}

/// A node that is taken over can't change the schema.
#[test]
fn the_owners_url_is_for_the_migration_alone() {
    for (name, service) in services() {
        let volumes = service["volumes"].to_string();
        assert_eq!(
            volumes.contains("keys-of-migration"),
            ["keys", "migrate"].contains(&name.as_str()),
            "{name}"
        );
    }
}

/// Containers run as somebody else than who made the clone.
#[test]
#[cfg(unix)]
fn files_that_containers_see_can_be_read_by_everybody() {
    use std::os::unix::fs::PermissionsExt;
    for (name, service) in services() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let Some(file) = volume.as_str().unwrap().strip_prefix("./") else { continue };
            let file = root(file.split(':').next().unwrap());
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o444,
                0o444,
                "{name}: {}",
                file.display()
            );
        }
    }
}

/// A backup, settings and the folders of builds do not get into an image.
#[test]
fn what_an_image_is_built_from_is_listed() {
    let list = read(root(".dockerignore"));
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "*");
    for line in lines.iter().filter_map(|line| line.strip_prefix('!')) {
        assert!(root(line).exists(), "{line}");
    }
    for left_out in ["**/target", "**/.env*", "**/*.dump"] {
        assert!(lines.contains(&left_out), "{left_out}");
    }
}

/// The folders of keys, as volumes are.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        let keys = Self(tempfile::tempdir().unwrap());
        for name in ["database", "mail", "migration", "nodes"] {
            fs::create_dir(keys.of(name)).unwrap();
        }
        keys
    }

    fn of(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn make(&self, further: &[&Path]) {
        let folders = ["database", "mail", "migration", "nodes"].map(|name| self.of(name));
        let folders: Vec<&Path> =
            folders.iter().map(PathBuf::as_path).chain(further.iter().copied()).collect();
        succeeds(root("deploy/keys.sh"), &folders);
    }

    fn passwords(&self) -> Vec<String> {
        [
            ("nodes", "database_url"),
            ("migration", "owner_url"),
            ("nodes", "smtp_url"),
            ("migration", "smtp_url"),
        ]
        .map(|(folder, file)| read(self.of(folder).join(file)))
        .into()
    }
}

#[test]
fn keys_are_made_once_and_again_when_they_were_interrupted_lost_or_are_wanted() {
    if kind() != Kind::Sqlite {
        return;
    }
    let keys = Keys::new();
    keys.make(&[]);
    let (passwords, authority) = (keys.passwords(), read(keys.of("nodes").join("authority.pem")));
    keys.make(&[]);
    assert_eq!(read(keys.of("nodes").join("authority.pem")), authority, "once");

    // The database knows the passwords, so they stay, whichever volume is lost.
    for lost in ["database", "mail", "migration", "nodes"] {
        fs::remove_dir_all(keys.of(lost)).unwrap();
        fs::create_dir(keys.of(lost)).unwrap();
        keys.make(&[]);
        assert_eq!(keys.passwords(), passwords, "{lost}");
        assert!(passwords[0].contains(&read(keys.of("database").join("service_password"))), "{lost}");
    }
    let before = read(keys.of("nodes").join("authority.pem"));
    fs::remove_file(keys.of("nodes").join("complete")).unwrap();
    fs::write(keys.of("nodes").join("smtp_url.new"), "half").unwrap();
    keys.make(&[]);
    assert_ne!(read(keys.of("nodes").join("authority.pem")), before, "interrupted");
    keys.make(&[Path::new("again")]);
    assert_eq!(keys.passwords(), passwords);
    assert_eq!(
        read(keys.of("nodes").join("authority.pem")),
        read(keys.of("migration").join("authority.pem"))
    );
}

/// What the services are told, with the addresses of this machine in the place of names that only containers know.
struct Here {
    keys: Keys,
    database: test_servers::Server,
    postbox: Postbox,
}

impl Here {
    fn start() -> Option<Self> {
        let keys = Keys::new();
        keys.make(&[]);
        let [database, mail, nodes] = ["database", "mail", "nodes"].map(|name| keys.of(name));
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
        let here = Self { keys, database: server, postbox };
        for (folder, file, name) in [
            ("migration", "owner_url", "@database/"),
            ("nodes", "database_url", "@database/"),
            ("nodes", "smtp_url", "@mail:1025"),
            ("migration", "smtp_url", "@mail:1025"),
        ] {
            here.replace_in(&here.keys.of(folder).join(file), name);
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
        let own = self.keys.of(if service == "migrate" { "migration" } else { "nodes" });
        let told = services()[service]["environment"].as_object().unwrap().clone();
        let told = told.into_iter().filter(|(name, _)| name != "AUTH_LISTEN").map(|(name, value)| {
            let value = match name.as_str() {
                "AUTH_TRUSTED_PROXIES" => "127.0.0.1".to_owned(),
                _ => value.as_str().unwrap().replace("/run/secrets", own.to_str().unwrap()),
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
    let mut text = read(root("deploy/haproxy.cfg")).replace("bind :::8080 v4v6", &format!("bind {address}"));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_costs_no_reading_request_and_without_nodes_the_proxy_responds_in_json() {
    if kind() != Kind::Sqlite {
        return;
    }
    let mut nodes = [Server::start(), Server::start()];
    let address = free_address();
    let Some(_proxy) = HaProxy::start(&configuration(address, &nodes), address) else { return };
    let client = Client::new(address);

    // Half of the requests go to a node that does not respond any more, and is then killed.
    nodes[0].signal(Signal::STOP);
    let mut requests: JoinSet<u16> = JoinSet::new();
    for _ in 0..8 {
        let client = Client::new(address);
        requests.spawn(async move { client.get("/").await.status });
    }
    for _ in 0..4 {
        assert_eq!(requests.join_next().await.unwrap().unwrap(), 200);
    }
    nodes[0].crash();
    assert_eq!(requests.join_all().await, [200; 4]);

    nodes[1].crash();
    let refused = client.get("/").await;
    assert!([502, 503].contains(&refused.status), "{refused:?}");
    assert_eq!(refused.body, r#"{"message":"no node is available"}"#);
    assert_eq!(refused.header("retry-after"), Some("2"));
}
