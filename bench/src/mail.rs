//! A mail server that takes everything and keeps nothing.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// It listens until this program ends.
pub struct Sink {
    pub address: SocketAddr,
    taken: Arc<AtomicUsize>,
}

impl Sink {
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, taken) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                // The client closed the connection.
                thread::spawn(move || converse(&stream, &counter).ok());
            }
        });
        Ok(Self { address, taken })
    }

    /// What makes the service send its mail here.
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("AUTH_RESET_DELIVERY", "mail".to_owned()),
            ("AUTH_SMTP_URL", format!("smtp://{}", self.address)),
            ("AUTH_MAIL_FROM", "accounts@example.org".to_owned()),
            ("AUTH_PUBLIC_URL", "http://localhost:5000".to_owned()),
        ]
    }

    /// How many mails it took.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// As much of SMTP as it takes (RFC 5321 appendix D).
fn converse(mut stream: &TcpStream, taken: &AtomicUsize) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    stream.write_all(b"220 ready\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                while lines.next().transpose()?.is_some_and(|line| line != ".") {}
                taken.fetch_add(1, Ordering::Relaxed);
                b"250 taken\r\n"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            _ => b"250 well\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
