//! Bytes on a connection, for what no HTTP client would send.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a text and reads until the server closes.
pub async fn raw(address: SocketAddr, text: &str) -> String {
    raw_bytes(address, text.as_bytes()).await
}

/// Sends bytes and reads until the server closes; it may close before it read them all.
pub async fn raw_bytes(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
