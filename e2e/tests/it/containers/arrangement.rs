//! The services of the compose file as processes of this machine.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use test_servers::{Certificates, Kind, kind};
use tokio::task::JoinSet;

use super::{keys::Keys, read, root, services};
use crate::support::{
    ADA, Client, HaProxy, MailServer, Security, Server, free_address, run, status_and_body,
};

const PASSPHRASE: &str = "seven herons by the weir";

/// The settings of the compose file, with addresses of this machine instead of names that only containers resolve.
struct Here {
    keys: Keys,
    database: test_servers::Server,
    mail_server: MailServer,
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
        let mail_server = MailServer::with(Security::StartTls, certificates, login.trim_end())?;
        let options = test_servers::Options { tls: true, ..test_servers::Options::default() };
        let server = test_servers::Server::start(Kind::Postgres, options);
        let roles = read(root("deploy/roles.sql")).replace("/run/secrets", database.to_str().unwrap());
        server.run_script(&roles);
        let here = Self { keys, database: server, mail_server };
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
            _ => format!("@localhost:{}", self.mail_server.port()),
        };
        let authority = self.database.certificates().unwrap().authority.display().to_string();
        let text = read(file);
        assert!(text.contains(name), "{}", file.display());
        fs::remove_file(file).unwrap();
        fs::write(file, text.replace(name, &address).replace("/run/secrets/authority.pem", &authority))
            .unwrap();
    }

    /// The settings of a service in the compose file.
    fn settings(&self, service: &str) -> Vec<(String, String)> {
        let own = self.keys.of(if service == "migrate" { "migration" } else { "nodes" });
        let variables = services()[service]["environment"].as_object().unwrap().clone();
        let variables =
            variables.into_iter().filter(|(name, _)| name != "AUTH_LISTEN").map(|(name, value)| {
                let value = match name.as_str() {
                    "AUTH_TRUSTED_PROXIES" => "127.0.0.1".to_owned(),
                    _ => value.as_str().unwrap().replace("/run/secrets", own.to_str().unwrap()),
                };
                (name, value)
            });
        let quick = [("AUTH_BCRYPT_COST", "10"), ("AUTH_SHUTDOWN_DELAY", "0s")];
        variables.chain(quick.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
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

/// Keys, roles, certificates, settings and the proxy, combined as by `docker compose up`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_the_services_make_them_work_together() {
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
    assert_eq!(status_and_body(&client.post("/users", &user).await).0, 200);
    let cookie = client.post("/sessions", &user).await.cookie();
    for _ in 0..4 {
        assert_eq!(client.profile(&cookie).await.status, 200, "on whichever node");
    }
    let ask =
        client.request(reqwest::Method::POST, "/reset_password").header("X-Forwarded-For", "203.0.113.9");
    assert_eq!(Client::send(ask.form(&[("email", ADA)])).await.status, 200);
    let mail = here.mail_server.until(1).await.remove(0);
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
        assert!(!log.contains("is not a setting") && !log.contains("203.0.113.9"), "{log}");
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
