//! A proxy between a server and its clients that fails on request.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
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
    /// Requests arrive, and responses do not.
    HeldAnswers,
    /// It passes everything on after so long, in each direction: a network as far away.
    Delayed(Duration),
    /// It passes nothing on to clients that listen for notifications of `PostgreSQL`; to others it does.
    DeafListeners,
}

#[derive(Debug, Clone, Copy)]
struct State {
    mode: Mode,
    /// How often all connections were reset.
    cuts: u64,
    /// How often all connections were forgotten.
    forgotten: u64,
}

/// A proxy on a free port of the loopback interface. It ends with this.
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Connections,
}

/// The number of connections that were opened after a number of cuts.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<BTreeMap<u64, usize>>>);

impl Connections {
    fn count(&self, cuts: u64) -> usize {
        self.0.lock().unwrap().get(&cuts).copied().unwrap_or_default()
    }

    fn begin(&self, cuts: u64) -> Connected {
        *self.0.lock().unwrap().entry(cuts).or_default() += 1;
        Connected { all: self.clone(), cuts }
    }
}

/// Counts one connection for as long as it lives.
struct Connected {
    all: Connections,
    cuts: u64,
}

impl Drop for Connected {
    fn drop(&mut self) {
        if let Some(count) = self.all.0.lock().unwrap().get_mut(&self.cuts) {
            *count -= 1;
        }
    }
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
        let (state, watched) = watch::channel(State { mode: Mode::Open, cuts: 0, forgotten: 0 });
        let (address_sender, address_receiver) = mpsc::channel();
        let connections = Connections::default();
        let counted = connections.clone();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind((own, 0)).await.unwrap();
                address_sender.send(listener.local_addr().unwrap()).unwrap();
                accept(&listener, server, watched, counted).await;
            });
        });
        Self { address: address_receiver.recv().unwrap(), state, connections }
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

    /// Silently drops packets of the present connections, as a firewall does
    /// that was restarted. New ones are as ever.
    pub fn forget(&self) {
        self.state.send_modify(|state| state.forgotten += 1);
    }

    /// Resets all connections, also during a request, and waits until they are closed.
    pub fn cut(&self) {
        let before = self.state.borrow().cuts;
        self.state.send_modify(|state| state.cuts += 1);
        while self.connections.count(before) > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

async fn accept(
    listener: &TcpListener,
    server: SocketAddr,
    mut state: watch::Receiver<State>,
    connections: Connections,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let connected = connections.begin(state.borrow().cuts);
                tokio::spawn(serve(client, server, state.clone(), connected));
            }
            () = dropped(&mut state) => return,
        }
    }
}

/// Waits until the proxy is dropped.
async fn dropped(state: &mut watch::Receiver<State>) {
    while state.changed().await.is_ok() {}
}

async fn serve(
    client: TcpStream,
    server: SocketAddr,
    mut state: watch::Receiver<State>,
    connected: Connected,
) {
    // Whether it can be reset or is closed is all the same.
    let _ = client.set_zero_linger();
    let mut cut = state.clone();
    tokio::select! {
        () = connect(client, server, &mut state) => {}
        _ = cut.wait_for(|state| state.cuts > connected.cuts) => {}
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
    let forgotten = state.borrow().forgotten;
    let to_the_server = pass(from_client, to_server, state.clone(), |bytes, state| {
        listens.fetch_or(bytes.windows(6).any(|word| word == b"LISTEN"), Ordering::Relaxed);
        state.forgotten == forgotten && state.mode != Mode::BlackHole
    });
    let to_the_client = pass(from_server, to_client, state.clone(), |_, state| {
        let may_pass = match state.mode {
            Mode::Open | Mode::Delayed(_) => true,
            Mode::BlackHole | Mode::HeldAnswers => false,
            Mode::DeafListeners => !listens.load(Ordering::Relaxed),
        };
        state.forgotten == forgotten && may_pass
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
    may_pass: impl Fn(&[u8], State) -> bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let bytes = &buffer[..count];
        let mode = state.borrow().mode;
        if let Mode::Delayed(delay) = mode {
            tokio::time::sleep(delay).await;
        }
        // Not if the proxy was dropped.
        if state.wait_for(|state| may_pass(bytes, *state)).await.is_err()
            || to.write_all(bytes).await.is_err()
        {
            return;
        }
    }
}
