//! Several nodes on one database, also when one of them gets no notifications.

use std::time::Duration;

use test_servers::{Kind, Mode, Proxy, kind, shared};

use crate::support::{ADA, PASSWORD, World, completion, context, email, login, send};

/// The bound of the documentation; by how it is made, one second.
const BOUND: Duration = Duration::from_millis(1500);

/// A node that reaches the database through a proxy, and another one that does not.
struct Nodes {
    world: World,
    other: auth_core::Auth,
    proxy: Proxy,
}

impl Nodes {
    /// None if the database has no channel.
    async fn new() -> Option<Self> {
        if kind() != Kind::Postgres {
            return None;
        }
        let mut world = World::new().await;
        let server = shared(kind());
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into());
        let database = world.database.url().rsplit('/').next().unwrap();
        let by_proxy = world.second_process_by(&server.url_by(proxy.port(), database)).await;
        let other = std::mem::replace(&mut world.auth, by_proxy);
        world.register(ADA).await;
        Some(Self { world, other, proxy })
    }

    /// Remembers a session, does something, and has the other node end it.
    async fn refuses_after(&self, fault: impl AsyncFn(&Self)) {
        let token = self.world.log_in(ADA, PASSWORD).await.unwrap().token;
        self.world.remembers(&token).await;

        fault(self).await;
        assert!(self.other.log_out(&token).await.unwrap());

        self.world.refuses_within(BOUND, &token).await;
    }

    async fn recovers(&self) {
        self.proxy.set(Mode::Open);
        let began = std::time::Instant::now();
        loop {
            if let Ok(opened) = self.world.log_in(ADA, PASSWORD).await {
                while !self.world.is_remembered(&opened.token).await {
                    assert!(began.elapsed() < Duration::from_secs(15), "the cache is no longer used");
                    tokio::task::yield_now().await;
                }
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(15), "the database is not used any more");
            tokio::task::yield_now().await;
        }
    }
}

/// Everything else works: only notifications do not arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_nothing_serves_no_ended_session() {
    let Some(nodes) = Nodes::new().await else { return };
    nodes.refuses_after(async |nodes: &Nodes| nodes.proxy.set(Mode::DeafListeners)).await;
    nodes.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_network_is_gone_serves_no_ended_session() {
    let Some(nodes) = Nodes::new().await else { return };
    nodes.refuses_after(async |nodes: &Nodes| nodes.proxy.set(Mode::BlackHole)).await;
    nodes.recovers().await;
}

/// Notifications between the break and the new connection are lost, and the driver does not report it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_channel_is_cut_again_and_again_serves_no_ended_session() {
    let Some(nodes) = Nodes::new().await else { return };
    for _ in 0..5 {
        nodes.refuses_after(async |nodes: &Nodes| nodes.proxy.cut()).await;
        nodes.recovers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_listening_connection_is_killed_serves_no_ended_session() {
    let Some(nodes) = Nodes::new().await else { return };
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%')
                AND pid <> pg_backend_pid()";
    for _ in 0..5 {
        nodes.refuses_after(async |nodes: &Nodes| nodes.world.execute(kill).await).await;
        nodes.recovers().await;
    }
}

/// asvs 7.4.1, 7.4.3: every way of ending a session reaches the other nodes.
#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_ending_a_session_is_heard_of() {
    let world = World::new().await;
    let other = world.second_process().await;
    let bound = if kind() == Kind::MariaDb { Duration::ZERO } else { BOUND };
    let user = world.register(ADA).await;
    for way in ["log out", "destroy", "reset", "too many", "delete"] {
        let token = send(&other, login(ADA, PASSWORD)).await.unwrap().token;
        world.remembers(&token).await;
        match way {
            "log out" => assert!(other.log_out(&token).await.unwrap()),
            "destroy" => assert_eq!(other.revoke_sessions(user.id).await.unwrap(), 1),
            "reset" => {
                let email = email(ADA);
                let reset = other.issue_reset_token(&email).await.unwrap();
                let completion = completion(ADA, &reset, PASSWORD);
                other.complete_reset(completion, &context()).await.unwrap();
            }
            "too many" => {
                for _ in 0..10 {
                    world.clock.advance(Duration::from_secs(1));
                    send(&other, login(ADA, PASSWORD)).await.unwrap();
                }
            }
            _ => assert!(other.delete_user(user.id).await.unwrap()),
        }

        world.refuses_within(bound, &token).await;
        other.revoke_sessions(user.id).await.unwrap();
    }
}
