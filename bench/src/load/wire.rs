//! One connection of many, in a thread that never waits for any of them.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::SocketAddr,
};

use mio::{Interest, Poll, Token, net::TcpStream};

use crate::http;

/// A connection with at most one request in flight.
pub struct Wire {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Wire {
    pub fn open(poll: &Poll, address: SocketAddr, token: usize) -> io::Result<Self> {
        // Connected before it is made non-blocking: to loopback that takes no time.
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(token), Interest::READABLE)?;
        Ok(Self { stream, answer: Vec::with_capacity(2048) })
    }

    /// Sends a request; it fits into the socket's buffer.
    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.answer.clear();
        let sent = self.stream.write(request)?;
        if sent == request.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
    }

    /// Reads what has arrived. Returns the status once the response is complete.
    pub fn receive(&mut self) -> io::Result<Option<u16>> {
        let mut chunk = [0; 2048];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.answer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            if http::end_of_answer(&self.answer).is_some() {
                return Ok(Some(http::status(&self.answer)));
            }
        }
    }
}
