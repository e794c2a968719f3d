//! Just enough of HTTP/1.1 to ask our own servers.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The timeout of a response: longer than anything that is measured.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A response: status, head and body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The cookies it sets, as they are to be sent back.
    pub fn cookies(&self) -> Option<String> {
        let set: Vec<&str> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .filter_map(|(_, value)| value.split(';').next())
            .collect();
        (!set.is_empty()).then(|| set.join("; "))
    }
}

/// A request with a body, if there is one, and further headers (`Name: value`).
pub fn request(method: &str, path: &str, headers: &[String], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    if !body.is_empty() {
        // Writing into a string can't fail.
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// A request that carries a form.
pub fn form(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    form_with(method, path, Vec::new(), fields)
}

/// The same with further headers.
pub fn form_with(method: &str, path: &str, mut headers: Vec<String>, fields: &[(&str, &str)]) -> Vec<u8> {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    headers.push("Content-Type: application/x-www-form-urlencoded".to_owned());
    request(method, path, &headers, &pairs.join("&"))
}

/// A request for a page, with cookies.
pub fn get(path: &str, cookies: &str) -> Vec<u8> {
    request("GET", path, &[format!("Cookie: {cookies}")], "")
}

/// The end of a complete response in a buffer.
///
/// `None` if more must be read. Responses that end with their connection are not supported.
pub fn end_of_answer(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    if find(&buffer[..head], b"\ntransfer-encoding: chunked").is_some() {
        // Nothing comes after the last chunk, because nothing more was asked.
        return buffer.ends_with(b"\r\n0\r\n\r\n").then_some(buffer.len());
    }
    let end = head + length_of_body(&buffer[..head]);
    (buffer.len() >= end).then_some(end)
}

/// The status of a response whose first line is complete; 0 if it is malformed.
pub fn status(buffer: &[u8]) -> u16 {
    buffer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(0)
}

fn length_of_body(head: &[u8]) -> usize {
    const NAME: &[u8] = b"\ncontent-length: ";
    let digits = find(head, NAME).map_or(&[][..], |place| &head[place + NAME.len()..]);
    digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}

/// Where a line begins in a head, whatever its case.
fn find(head: &[u8], line: &[u8]) -> Option<usize> {
    head.windows(line.len()).position(|window| window.eq_ignore_ascii_case(line))
}

/// A connection that asks and waits.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    pub fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let end = loop {
            let mut chunk = [0; 4096];
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            self.buffer.extend_from_slice(&chunk[..read]);
            if let Some(end) = end_of_answer(&self.buffer) {
                break end;
            }
        };
        let head_end =
            self.buffer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer has a head")?;
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        Ok(Answer { status: status(&self.buffer), head, body: self.buffer[head_end + 4..end].to_vec() })
    }

    /// Sends a request and returns whether it got this status. Opens a new connection if the old one was closed.
    pub fn try_for(&mut self, address: SocketAddr, request: &[u8], status: u16) -> anyhow::Result<bool> {
        if let Ok(answer) = self.ask(request) {
            return Ok(answer.status == status);
        }
        *self = Self::open(address)?;
        Ok(false)
    }

    /// Asks, and is satisfied with this status only.
    pub fn expect(&mut self, request: &[u8], status: u16) -> anyhow::Result<Answer> {
        let answer = self.ask(request)?;
        if answer.status != status {
            bail!("{} {}, not {status}", answer.head, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer)
    }
}
