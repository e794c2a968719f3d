//! `auth-server health`: whether the service that runs beside it is well, for whoever watches a container.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};

/// How long it may take to be reached, and to answer.
const PATIENCE: Duration = Duration::from_secs(3);

const QUESTION: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asks the service on this machine how it is.
pub fn ask(listen: SocketAddr) -> anyhow::Result<()> {
    let address = SocketAddr::new(here(listen.ip()), listen.port());
    let answer = status(address).with_context(|| format!("http://{address}/healthz does not answer"))?;
    // The version of HTTP, then the status.
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => bail!("http://{address}/healthz answers {status}"),
        None => bail!("what answers at {address} speaks no HTTP"),
    }
}

/// Where a service can be asked that listens on all addresses.
fn here(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(QUESTION)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(String::from_utf8_lossy(&head).into_owned())
}
