//! A proxy that counts what clients ask of a database server, and how long the chain of questions is of which each waits
//! for the response to the previous one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    time::sleep,
};

/// The delay of each response. Statements that are sent meanwhile do not wait for it.
const HELD_BACK: Duration = Duration::from_millis(25);

/// What was asked of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundTrips {
    /// How many questions there were.
    pub questions: usize,
    /// How many of them were sequential. A machine that is so busy that a client does not get its
    /// next statement out while responses are delayed makes this larger, never smaller.
    pub in_sequence: usize,
}

/// A proxy on a free port of the loopback interface; it lives as long as the process.
pub struct Counter {
    port: u16,
    seen: Arc<Mutex<RoundTrips>>,
}

impl Counter {
    /// Starts one, in a thread of its own.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let seen = Arc::<Mutex<RoundTrips>>::default();
        let (started, port) = mpsc::channel();
        let counted = Arc::clone(&seen);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                started.send(listener.local_addr().unwrap().port()).unwrap();
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(client, server, Arc::clone(&counted)));
                }
            });
        });
        Self { port: port.recv().unwrap(), seen }
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The statements of some work, if no other work runs at the same time.
    pub async fn count(&self, work: impl Future<Output = ()>) -> RoundTrips {
        // Connections that were just used are tried before they are idle.
        sleep(HELD_BACK * 3).await;
        *self.seen.lock().unwrap() = RoundTrips::default();
        work.await;
        *self.seen.lock().unwrap()
    }
}

async fn serve(mut client: TcpStream, server: SocketAddr, seen: Arc<Mutex<RoundTrips>>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut question, mut answer) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    // What place in the chain the latest question on this connection has.
    let mut place = 0;
    loop {
        tokio::select! {
            read = client.read(&mut question) => {
                let Ok(length @ 1..) = read else { return };
                let asked = &question[..length];
                if is_sign_of_life(asked) {
                    place = 0;
                } else {
                    let mut seen = seen.lock().unwrap();
                    seen.questions += 1;
                    place = seen.in_sequence + 1;
                }
                if server.write_all(asked).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                sleep(HELD_BACK).await;
                {
                    let mut seen = seen.lock().unwrap();
                    seen.in_sequence = seen.in_sequence.max(place);
                }
                if client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Whether a message only tests the connection, as the driver does after each use.
fn is_sign_of_life(asked: &[u8]) -> bool {
    const POSTGRES_SYNC: &[u8] = &[b'S', 0, 0, 0, 4];
    const MYSQL_PING: &[u8] = &[1, 0, 0, 0, 0x0e];
    asked == POSTGRES_SYNC || asked == MYSQL_PING
}
