//! Binds the address of the service.

use std::{io, net::SocketAddr};

use actix_server::Server;
use actix_web::{App, dev::Service};
use auth_http::{AuthRoutes, one_leading_slash};

use crate::{
    listener::{self, ListenerOptions, connections_within, raise_limit},
    settings::Settings,
};

/// Binds the address, and makes the server that serves these routes.
///
/// # Errors
///
/// If the address can't be bound, with the remedy.
pub fn bind(settings: &Settings, routes: AuthRoutes) -> anyhow::Result<(Server, SocketAddr)> {
    let http = &settings.http;
    let app = move || {
        App::new()
            .wrap_fn(|request, service| service.call(one_leading_slash(request)))
            .configure(|app| routes.configure(app))
            .configure(|app| routes.configure_not_found(app))
    };
    let options = ListenerOptions {
        address: http.listen,
        workers: http.workers,
        max_connections: max_connections(settings),
        trusted_proxies: http.trusted_proxies.clone(),
        keep_alive: http.keep_alive,
        shutdown_grace: settings.shutdown.grace,
    };
    listener::serve(app, options).map_err(|error| cannot_listen(http.listen, &error))
}

/// The maximum number of client connections for the limit of open files, which is raised.
fn max_connections(settings: &Settings) -> usize {
    let descriptors = raise_limit();
    let to_database = usize::try_from(settings.database.max_connections).unwrap_or(usize::MAX);
    let set = settings.http.max_connections;
    let max_connections = connections_within(descriptors, to_database, set);
    if set.is_some_and(|set| set > max_connections) {
        tracing::warn!(
            descriptors,
            max_connections,
            "AUTH_MAX_CONNECTIONS exceeds the limit of open files; raise that limit"
        );
    }
    tracing::info!(descriptors, max_connections, "limits of the listener");
    max_connections
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there: stop it, or choose another address",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need privileges: choose another port, behind a proxy"
        }
        _ => "choose another address",
    };
    anyhow::anyhow!("AUTH_LISTEN (--listen): can't listen on {address}: {error}; {remedy}")
}
