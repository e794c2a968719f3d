//! Three nodes on one database server, behind a balancer.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use reqwest::Method;
use test_servers::{Kind, kind};

use crate::support::{
    ADA, Balancer, Client, PASSWORD, Server,
    accounts::{Load, false_claims, violations},
    at_once, free_address,
};

/// How long after it was ended a session may count on another node, by checks that begin then.
const BOUND: Duration = Duration::from_millis(1500);

struct Nodes(Vec<Server>);

impl Nodes {
    /// None if tests run on a file.
    fn start() -> Option<Self> {
        if kind() == Kind::Sqlite {
            return None;
        }
        // Of fixed addresses, so that a node that is started again is found.
        let listen: Vec<String> = (0..3).map(|_| free_address().to_string()).collect();
        let first = Server::with(&[("AUTH_LISTEN", &listen[0]), ("AUTH_SHUTDOWN_DELAY", "1s")]);
        let others = listen[1..].iter().map(|listen| first.beside(&[("AUTH_LISTEN", listen)]));
        let others: Vec<Server> = others.collect();
        Some(Self([first].into_iter().chain(others).collect()))
    }

    fn clients(&self) -> Vec<Client> {
        self.0.iter().map(Server::client).collect()
    }

    fn balancer(&self) -> Option<Balancer> {
        let addresses: Vec<_> = self.0.iter().map(|node| node.address).collect();
        Balancer::in_front_of(&addresses)
    }
}

/// Every request goes to another node.
#[tokio::test]
async fn the_walk_works_whichever_node_is_asked() {
    let Some(nodes) = Nodes::start() else { return };
    let Some(balancer) = nodes.balancer() else { return };
    let client = balancer.client();
    for round in 0..5 {
        let address = format!("user{round}@example.org");
        assert_eq!(client.register(&address).await.status, 200);
        assert_eq!(client.register(&address).await.status, 400);
        let cookie = client.log_in(&address, PASSWORD).await.cookie();
        for _ in 0..6 {
            assert_eq!(client.profile(&cookie).await.status, 200);
        }
        let token = client.reset_token(&address).await;
        assert_eq!(client.reset(&address, &token, "t4rt1fl3tt3").await.status, 200);
        assert_eq!(client.reset(&address, &token, "again").await.status, 403);
        assert_eq!(client.log_in(&address, PASSWORD).await.status, 401);
        let cookie = client.log_in(&address, "t4rt1fl3tt3").await.cookie();
        assert_eq!(client.with_cookie(Method::DELETE, "/sessions", &cookie).await.status, 302);
        refused_everywhere(&nodes.clients(), &cookie).await;
    }
}

/// Asks each node until it refuses a session that was just ended; no check that began after the bound succeeds.
async fn refused_everywhere(clients: &[Client], cookie: &str) {
    let ended = Instant::now();
    for client in clients {
        loop {
            let began = ended.elapsed();
            if client.profile(cookie).await.status != 200 {
                break;
            }
            assert!(began <= BOUND, "it counted {began:?} later");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_registrations_of_one_address_on_three_nodes_at_once_one_succeeds() {
    let Some(nodes) = Nodes::start() else { return };
    for round in 0..20 {
        let address = format!("user{round}@example.org");
        let statuses = at_once(nodes.clients().into_iter().map(|client| {
            let address = address.clone();
            async move { client.register(&address).await }
        }))
        .await;
        assert_eq!(statuses, [200, 400, 400]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_uses_of_one_reset_token_on_three_nodes_at_once_one_succeeds() {
    let Some(nodes) = Nodes::start() else { return };
    let clients = nodes.clients();
    clients[0].register(ADA).await;
    for _ in 0..20 {
        let token = clients[1].reset_token(ADA).await;
        let statuses = at_once(clients.iter().cloned().map(|client| {
            let token = token.clone();
            async move { client.reset(ADA, &token, "t4rt1fl3tt3").await }
        }))
        .await;
        assert_eq!(statuses, [200, 403, 403]);
    }
}

/// asvs 7.4.1: sessions that all nodes have cached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_one_node_ends_is_refused_by_all_within_the_bound() {
    let Some(nodes) = Nodes::start() else { return };
    let clients = nodes.clients();
    clients[0].register(ADA).await;
    for round in 0..30 {
        let cookie = clients[round % 3].log_in(ADA, PASSWORD).await.cookie();
        for client in clients.iter().cycle().take(9) {
            assert_eq!(client.profile(&cookie).await.status, 200);
        }

        let ending = &clients[(round + 1) % 3];
        assert_eq!(ending.with_cookie(Method::DELETE, "/sessions", &cookie).await.status, 302);

        assert_eq!(ending.profile(&cookie).await.status, 403, "the node that ended it: at once");
        refused_everywhere(&clients, &cookie).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_under_load_loses_nothing_that_was_acknowledged() {
    let Some(mut nodes) = Nodes::start() else { return };
    let Some(balancer) = nodes.balancer() else { return };
    let mut load = Load::start(&balancer.client());
    for _ in 0..3 {
        load.more(20).await;
        let killed = nodes.0.remove(0);
        nodes.0.push(killed.crash_and_restart());
    }
    let outcome = load.end().await;

    assert!(outcome.accounts.len() >= 60);
    // A node that was started after all sessions were revoked: it has cached none of them.
    let node = nodes.0.remove(0).restart();
    let client = node.client();
    assert_eq!(violations(&client, &outcome.accounts).await, [""; 0]);
    let claims = false_claims(&client).await;
    assert_eq!(violations(&client, &claims).await.len(), claims.len(), "the check finds what was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_all_nodes_one_after_the_other_drops_no_request() {
    let Some(mut nodes) = Nodes::start() else { return };
    let Some(balancer) = nodes.balancer() else { return };
    let mut load = Load::start(&balancer.client());
    for _ in 0..3 {
        load.more(5).await;
        let next = nodes.0.remove(0);
        nodes.0.push(next.restart());
        balancer.sees_all_well().await;
    }
    load.more(5).await;
    let outcome = load.end().await;

    assert_eq!(outcome.failures, [""; 0]);
    let addresses: HashSet<&String> = outcome.accounts.iter().map(|account| &account.address).collect();
    assert_eq!(addresses.len(), outcome.accounts.len());
    let node = nodes.0.remove(0).restart();
    assert_eq!(violations(&node.client(), &outcome.accounts).await, [""; 0]);
}
