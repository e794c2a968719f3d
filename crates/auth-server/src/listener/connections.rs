//! Limits on the number of connections, in total and per client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use auth_core::passwords::Requester;
use ipnet::IpNet;

/// One client may have this fraction of all connections.
const CLIENT_SHARE: usize = 8;

/// Connections beyond the maximum for programs of this machine: a monitor must reach the service when clients use all others.
const LOCAL_RESERVE: usize = 32;

/// The interval of log entries about refused connections.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Counts connections. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    max: usize,
    /// Peers whose address many clients share.
    trusted_proxies: Vec<IpNet>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: usize,
    by_client: HashMap<Requester, usize>,
    refused: u64,
    logged_at: Option<Instant>,
}

/// Counts one connection until it is dropped.
pub struct ConnectionPermit {
    connections: Connections,
    /// None for peers without a limit of their own.
    client: Option<Requester>,
}

impl Connections {
    /// At most `max` connections, and an eighth of that per client.
    pub fn new(max: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Inner { max, trusted_proxies, state: Mutex::default() }))
    }

    /// Counts a connection from this peer. None if there are too many.
    ///
    /// Trusted proxies and programs of this machine have no limit per client, because they may pass on requests of many
    /// clients.
    pub fn acquire(&self, peer: Option<IpAddr>) -> Option<ConnectionPermit> {
        let peer = peer.map(|peer| peer.to_canonical());
        let is_local = peer.is_some_and(|peer| peer.is_loopback());
        let is_proxy =
            peer.is_some_and(|peer| self.0.trusted_proxies.iter().any(|network| network.contains(&peer)));
        let client = (!is_local && !is_proxy).then(|| Requester::of_address(peer));
        let max = if is_local { self.0.max + LOCAL_RESERVE } else { self.0.max };

        let mut state = self.state();
        let of_client = client.and_then(|client| state.by_client.get(&client)).copied().unwrap_or(0);
        if state.total >= max || of_client >= (self.0.max / CLIENT_SHARE).max(1) {
            state.refuse(self.0.max);
            return None;
        }
        state.total += 1;
        if let Some(client) = client {
            *state.by_client.entry(client).or_default() += 1;
        }
        Some(ConnectionPermit { connections: self.clone(), client })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code under this lock can panic in the middle of a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse(&mut self, max: usize) {
        self.refused += 1;
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            self.logged_at = Some(now());
            tracing::warn!(
                connections = self.total,
                refused = self.refused,
                "connections are refused: the limits are {max} in total (AUTH_MAX_CONNECTIONS) and {} per client",
                (max / CLIENT_SHARE).max(1)
            );
        }
    }
}

impl ConnectionPermit {
    /// Whether more than three quarters of all connections are in use. Then idle ones are closed early.
    pub fn are_connections_scarce(&self) -> bool {
        self.connections.state().total * 4 > self.connections.0.max * 3
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.total -= 1;
        if let Some(client) = self.client
            && let Some(count) = state.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                state.by_client.remove(&client);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the interval of log entries is real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(connections: &Connections, text: &str) -> Option<ConnectionPermit> {
        connections.acquire(Some(text.parse().unwrap()))
    }

    #[test]
    fn a_client_has_an_eighth_and_an_ipv6_network_is_one_client() {
        let connections = Connections::new(80, Vec::new());
        let held: Vec<_> =
            (1..=20).map_while(|host| from(&connections, &format!("2001:db8::{host}"))).collect();
        assert_eq!(held.len(), 10);
        assert!(from(&connections, "2001:db8:0:1::1").is_some());

        drop(held);
        assert!(from(&connections, "2001:db8::1").is_some());
        assert!(connections.state().by_client.is_empty() && connections.state().total == 0);
    }

    #[test]
    fn the_maximum_applies_to_all_clients_and_this_machine_has_a_reserve() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let connections = Connections::new(40, proxies);
        let held: Vec<_> = (0..100).map_while(|_| from(&connections, "10.0.0.7")).collect();
        assert_eq!(held.len(), 40, "a proxy is not one client");
        assert!(from(&connections, "192.0.2.1").is_none());
        assert!(held[0].are_connections_scarce());

        let local: Vec<_> = (0..100).map_while(|_| from(&connections, "::ffff:127.0.0.1")).collect();
        assert_eq!(local.len(), LOCAL_RESERVE);
        drop((held, local));
        assert!(!from(&connections, "192.0.2.1").unwrap().are_connections_scarce());
    }
}
