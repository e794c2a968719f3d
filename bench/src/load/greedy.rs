//! Clients that send requests without pause and read no response.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// How long a client waits until it can send more.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `work` beside a number of them. Each connects again when it is disconnected.
pub fn beside<T>(address: SocketAddr, clients: usize, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..clients {
            thread::Builder::new()
                .stack_size(64 * 1024)
                .spawn_scoped(scope, || {
                    while !over.load(Ordering::Relaxed) {
                        send_until_disconnected(address, &over);
                        thread::sleep(PAUSE);
                    }
                })
                .map_or_else(|error| println!("a client could not be started: {error}"), drop);
        }
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })
}

fn send_until_disconnected(address: SocketAddr, over: &AtomicBool) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    let requests = REQUEST.repeat(50);
    if stream.set_write_timeout(Some(PAUSE)).is_err() {
        return;
    }
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        // A partly sent request continues where it ended: otherwise it would be a malformed request, which gets the
        // end of the connection.
        match stream.write(&requests[sent..]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) | Ok(0) => return,
            Ok(length) => sent = (sent + length) % requests.len(),
        }
    }
}
