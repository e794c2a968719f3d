//! `auth-server health`: the health of the service on this machine, for the health check of a container.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};

/// The maximum time to connect, and to receive the status.
const TIMEOUT: Duration = Duration::from_secs(3);

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Requests the health of the service on this machine.
///
/// # Errors
///
/// If it is unhealthy, or can't be reached.
pub fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let address = SocketAddr::new(local(listen.ip()), listen.port());
    let head = status(address).with_context(|| format!("http://{address}/healthz can't be reached"))?;
    // The version of HTTP, then the status.
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => bail!("http://{address}/healthz returned {status}"),
        None => bail!("the program that listens on {address} does not use HTTP"),
    }
}

/// An address of this machine on which a service can be reached that listens on all addresses.
fn local(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(String::from_utf8_lossy(&head).into_owned())
}
