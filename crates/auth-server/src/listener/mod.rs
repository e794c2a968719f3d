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

/// What the system keeps of responses that a client does not take, in bytes (it doubles that). Left alone, it keeps 4 MB a
/// connection: thousands of responses that are computed for nobody.
const SEND_BUFFER: usize = 64 * 1024;

/// How long a client may take to send the head of a request. Bodies have a limit of their own in `auth-http`.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to read a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept while connections are scarce.
const SCARCE_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long a client may take to acknowledge the end of a connection.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that wait to be accepted: Linux's own limit (`somaxconn`). A client that finds no room connects again a second
/// later.
const BACKLOG: i32 = 4096;

/// How the service listens.
pub struct ListenerOptions {
    pub address: SocketAddr,
    pub workers: usize,
    /// The most connections at once.
    pub max_connections: usize,
    /// Peers that many clients share.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long requests in flight may take after the service was asked to stop.
    pub shutdown_grace: Duration,
}

/// Binds the address and serves the application that `factory` makes for each worker thread.
///
/// # Errors
///
/// When the address can't be bound.
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
    let listener = TcpListener::bind(options.address)?;
    rustix::net::listen(&listener, BACKLOG)?;
    // Connections take it over.
    rustix::net::sockopt::set_socket_send_buffer_size(&listener, SEND_BUFFER)?;
    let address = listener.local_addr()?;
    let connections = Connections::new(options.max_connections, options.trusted_proxies);
    let limits = TimeLimits {
        head: HEAD_TIMEOUT,
        response: RESPONSE_TIMEOUT,
        keep_alive: options.keep_alive,
        scarce_keep_alive: SCARCE_KEEP_ALIVE.min(options.keep_alive),
    };
    let grace = options.shutdown_grace;
    let builder = ServerBuilder::default()
        .workers(options.workers)
        // They are bounded by `Connections`, which closes those that are too many instead of leaving them waiting.
        .max_concurrent_connections(usize::MAX)
        .disable_signals()
        .shutdown_timeout(grace.as_secs() + u64::from(grace.subsec_nanos() > 0));
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
            // The transport has a limit for each request, and not just for the first.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // A client that has gone waits for no response: what was not begun for it need not be.
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
