//! A database server that can be taken away or put far away: it is reached through a proxy.

use test_servers::{Kind, Options, Proxy, Server};
use tokio::runtime::Builder;

/// A database server of its own, and the proxy before it.
pub struct BehindProxy {
    pub server: Server,
    pub proxy: Proxy,
    /// The URL of a new database by way of the proxy.
    pub url: String,
}

impl BehindProxy {
    pub fn start(kind: Kind, options: Options) -> anyhow::Result<Self> {
        let server = Server::start(kind, options);
        let proxy = Proxy::start(([127, 0, 0, 1], server.port()).into());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let url = server.url_by(proxy.port(), &runtime.block_on(server.new_database()));
        Ok(Self { server, proxy, url })
    }
}
