//! The listener: TCP connections with limits of number, time and memory, each served by the application.

mod activity;
mod connections;
mod descriptors;
mod pipelining;
mod track;
mod transport;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::{HttpService, Request, error::DispatchError};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{Error, body::MessageBody, dev::AppConfig, rt::net::TcpStream};

pub use self::descriptors::{connections_within, raise_limit};
use self::{
    connections::Connections,
    pipelining::Turns,
    transport::{TimeLimits, Transport},
};

/// The size of the system's buffer for responses that a client does not read, in bytes. The system doubles it. By default it
/// buffers up to 4 MB per connection: thousands of responses that are computed in vain.
const SEND_BUFFER: usize = 64 * 1024;

/// The maximum time for a client to send the head of a request. Bodies have their own limit in `auth-http`.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time for a client to read a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time after which an idle connection is closed while connections are scarce.
const SCARCE_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The maximum time for a client to acknowledge the end of a connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The accept backlog: the default limit of Linux (`somaxconn`). A client that exceeds it connects again after a second.
const BACKLOG: i32 = 4096;

/// The options of the listener.
pub struct ListenerOptions {
    pub address: SocketAddr,
    pub workers: usize,
    /// The maximum number of connections.
    pub max_connections: usize,
    /// Peers whose address many clients share.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The time after which an idle connection is closed.
    pub keep_alive: Duration,
    /// The maximum time for requests in flight after a signal.
    pub shutdown_grace: Duration,
}

/// Binds the address and serves the application that `factory` makes for each worker thread.
///
/// # Errors
///
/// If the address can't be bound.
pub fn serve<F, I, S, B>(factory: F, options: ListenerOptions) -> io::Result<(Server, SocketAddr)>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<actix_http::Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let listener = bind(options.address)?;
    let address = listener.local_addr()?;
    let connections = Connections::new(options.max_connections, options.trusted_proxies);
    let limits = time_limits(options.keep_alive);
    let builder = builder(options.workers, options.shutdown_grace);
    let stopping = builder.graceful_shutdown_signal();
    let server = builder.listen("http", listener, move || {
        let (connections, stopping, turns) = (connections.clone(), stopping.clone(), Turns::new());
        let accept = fn_service(move |stream: TcpStream| {
            std::future::ready(accept(stream, &connections, limits, &turns))
        });
        let application = factory().into_factory().map_err(|error: S::Error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(options.keep_alive)
            // The transport limits the time of every request, not only of the first.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // A client that closed its connection does not read further responses, so they need not be computed.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .on_connect_ext(|transport: &Transport, data| {
                data.insert(transport.activity());
            })
            .h1(map_config(track::requests(application), |()| AppConfig::default()));
        accept.and_then(http)
    })?;
    Ok((server.run(), address))
}

/// Binds the address, with a long backlog and small buffers for responses.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    rustix::net::listen(&listener, BACKLOG)?;
    // Connections inherit it.
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, SEND_BUFFER)?;
    Ok(listener)
}

fn time_limits(keep_alive: Duration) -> TimeLimits {
    TimeLimits {
        head: HEAD_TIMEOUT,
        response: RESPONSE_TIMEOUT,
        keep_alive,
        scarce_keep_alive: SCARCE_KEEP_ALIVE.min(keep_alive),
    }
}

fn builder(workers: usize, grace: Duration) -> ServerBuilder {
    ServerBuilder::default()
        .workers(workers)
        // `Connections` limits them. It closes surplus connections instead of leaving them in the backlog.
        .max_concurrent_connections(usize::MAX)
        .disable_signals()
        .shutdown_timeout(grace.as_secs() + u64::from(grace.subsec_nanos() > 0))
}

fn accept(
    stream: TcpStream,
    connections: &Connections,
    limits: TimeLimits,
    turns: &Turns,
) -> Result<(Transport, Option<SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let permit = connections.acquire(peer.map(|peer| peer.ip()));
    // Dropping the stream closes it.
    let permit = permit.ok_or_else(|| DispatchError::Io(io::ErrorKind::ConnectionRefused.into()))?;
    stream.set_nodelay(true).map_err(DispatchError::Io)?;
    Ok((Transport::new(stream, limits, permit, turns.clone()), peer))
}
