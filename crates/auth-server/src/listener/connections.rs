//! How many connections there are, in all and of each client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use auth_core::Requester;
use ipnet::IpNet;

/// The share of all connections that one client may have.
const CLIENT_SHARE: usize = 8;

/// Connections beyond the maximum that are kept for programs of this machine: a monitor of the service must be able to
/// reach it when clients have taken all the others.
const KEPT_FOR_THIS_MACHINE: usize = 32;

/// How often it is logged that connections are refused.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// Counts connections. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    max: usize,
    /// Many clients share the address of a trusted proxy.
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

/// A connection that is counted until this is dropped.
pub struct ConnectionPermit {
    connections: Connections,
    /// None for those that share an address.
    client: Option<Requester>,
}

impl Connections {
    /// At most `max` at once, and of each client an eighth of that.
    pub fn new(max: usize, trusted_proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Inner { max, trusted_proxies, state: Mutex::default() }))
    }

    /// Counts a connection from this peer; none if there are too many.
    ///
    /// Proxies and programs of this machine have no limit of their own, because many clients may be behind them.
    pub fn acquire(&self, peer: Option<IpAddr>) -> Option<ConnectionPermit> {
        let peer = peer.map(|peer| peer.to_canonical());
        let is_here = peer.is_some_and(|peer| peer.is_loopback());
        let is_proxy =
            peer.is_some_and(|peer| self.0.trusted_proxies.iter().any(|network| network.contains(&peer)));
        let client = (!is_here && !is_proxy).then(|| Requester::of_address(peer));
        let max = if is_here { self.0.max + KEPT_FOR_THIS_MACHINE } else { self.0.max };

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
        // Nothing under this lock can panic half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse(&mut self, max: usize) {
        self.refused += 1;
        if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            self.logged_at = Some(Instant::now());
            tracing::warn!(
                connections = self.total,
                refused = self.refused,
                "connections are refused: at most {max} in all (AUTH_MAX_CONNECTIONS) and {} of one client",
                (max / CLIENT_SHARE).max(1)
            );
        }
    }
}

impl ConnectionPermit {
    /// Whether more than three quarters of all connections are taken: then idle ones are closed soon.
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
    fn all_together_have_the_maximum_and_this_machine_a_reserve() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let connections = Connections::new(40, proxies);
        let held: Vec<_> = (0..100).map_while(|_| from(&connections, "10.0.0.7")).collect();
        assert_eq!(held.len(), 40, "a proxy is no client");
        assert!(from(&connections, "192.0.2.1").is_none());
        assert!(held[0].are_connections_scarce());

        let here: Vec<_> = (0..100).map_while(|_| from(&connections, "::ffff:127.0.0.1")).collect();
        assert_eq!(here.len(), KEPT_FOR_THIS_MACHINE);
        drop((held, here));
        assert!(!from(&connections, "192.0.2.1").unwrap().are_connections_scarce());
    }
}
