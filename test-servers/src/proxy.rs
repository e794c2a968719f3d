//! A proxy between a server and its clients that fails on request.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Builder,
    sync::watch,
};

/// What the proxy does with what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It passes it on.
    Open,
    /// It takes connections and bytes, and passes nothing on; what it took is passed on when it opens.
    BlackHole,
    /// What clients say arrives; what they are answered does not.
    HeldAnswers,
    /// It passes nothing on to clients that listen for notifications of `PostgreSQL`; to others it does.
    DeafListeners,
}

#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// How often all connections were reset.
    cuts: u64,
}

/// A proxy on a free port of the loopback interface. It ends with this.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Proxy {
    /// Starts one, in a thread of its own, so that tests that block do not hold it up.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST, server)
    }

    /// Starts one on another loopback address, which is in no certificate.
    #[must_use]
    pub fn start_on(own: Ipv4Addr, server: SocketAddr) -> Self {
        let (state, watched) = watch::channel(State { mode: Mode::Open, cuts: 0 });
        let (told, told_address) = mpsc::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind((own, 0)).await.unwrap();
                told.send(listener.local_addr().unwrap()).unwrap();
                accept(&listener, server, watched).await;
            });
        });
        Self { address: told_address.recv().unwrap(), state }
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes what it does, on all connections.
    pub fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Resets all connections, whatever is under way on them.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

async fn accept(listener: &TcpListener, server: SocketAddr, mut state: watch::Receiver<State>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                tokio::spawn(serve(client, server, state.clone()));
            }
            () = dropped(&mut state) => return,
        }
    }
}

/// Waits until the proxy is dropped.
async fn dropped(state: &mut watch::Receiver<State>) {
    while state.changed().await.is_ok() {}
}

async fn serve(client: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    let cuts = state.borrow().cuts;
    // Whether it can be reset or is closed is all the same.
    let _ = client.set_zero_linger();
    let mut cut = state.clone();
    tokio::select! {
        () = connect(client, server, &mut state) => {}
        _ = cut.wait_for(|state| state.cuts > cuts) => {}
    }
}

async fn connect(client: TcpStream, server: SocketAddr, state: &mut watch::Receiver<State>) {
    if state.wait_for(|state| state.mode != Mode::BlackHole).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = server.set_zero_linger();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let listens = AtomicBool::new(false);
    let to_the_server = pass(from_client, to_server, state.clone(), |bytes, mode| {
        listens.fetch_or(bytes.windows(6).any(|word| word == b"LISTEN"), Ordering::Relaxed);
        mode != Mode::BlackHole
    });
    let to_the_client = pass(from_server, to_client, state.clone(), |_, mode| match mode {
        Mode::Open => true,
        Mode::BlackHole | Mode::HeldAnswers => false,
        Mode::DeafListeners => !listens.load(Ordering::Relaxed),
    });
    tokio::select! {
        () = to_the_server => {}
        () = to_the_client => {}
    }
}

/// Passes on what it reads, once it may.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    may_pass: impl Fn(&[u8], Mode) -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let bytes = &buffer[..count];
        // Not if the proxy was dropped.
        if state.wait_for(|state| may_pass(bytes, state.mode)).await.is_err()
            || to.write_all(bytes).await.is_err()
        {
            return;
        }
    }
}
