//! Standard output and standard error that are not read.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use test_servers::{Kind, kind};

use crate::support::{Client, Server, command, free_address};

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pipe holds 64 KiB; at this level that is not much.
#[tokio::test]
async fn an_unread_log_delays_no_request_and_reports_what_it_dropped() {
    if kind() != Kind::Sqlite {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let settings = [("AUTH_DATA_DIR", data), ("AUTH_LISTEN", "127.0.0.1:0"), ("AUTH_LOG", "trace")];
    let child = command(&settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut running = Running(child);
    let mut ready = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let client = Client::new(crate::support::address_in(&ready).unwrap());

    for _ in 0..3000 {
        assert_eq!(client.get("/healthz").await.status, 200);
    }
    // Once it is read, it continues.
    let mut stderr = running.0.stderr.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut log = Vec::new();
        let mut some = vec![0; 65536];
        while let Ok(length @ 1..) = stderr.read(&mut some) {
            log.extend_from_slice(&some[..length]);
            if String::from_utf8_lossy(&log).contains("lines of the log were dropped") {
                return true;
            }
        }
        false
    });
    assert!(reading.join().unwrap());
}

#[tokio::test]
async fn a_service_whose_output_was_closed_starts_and_serves() {
    if kind() != Kind::Sqlite {
        return;
    }
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let (data, listen) = (folder.path().to_str().unwrap().to_owned(), address.to_string());
    let settings =
        [("AUTH_DATA_DIR", data.as_str()), ("AUTH_LISTEN", listen.as_str()), ("AUTH_LOG", "debug")];
    let mut child = command(&settings).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let mut running = Running(child);

    let deadline = Instant::now() + Duration::from_mins(1);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(running.0.try_wait().unwrap().is_none() && Instant::now() < deadline, "it ended");
        tokio::task::yield_now().await;
    }
    let client = Client::new(address);
    for _ in 0..10 {
        assert_eq!(client.get("/").await.status, 200);
    }
    assert_eq!(running.0.try_wait().unwrap(), None);
}

/// A closed terminal ends no request.
#[tokio::test]
async fn a_hang_up_ends_the_service_as_other_signals_do() {
    if kind() != Kind::Sqlite {
        return;
    }
    let mut server = Server::start();
    server.signal(Signal::HUP);
    assert!(server.ended().success());
    assert!(server.log().contains("SIGHUP") && server.log().contains("stopped"));
}

/// What `nohup` is for.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the shell starts the service")]
async fn a_hang_up_that_the_parent_ignores_stays_ignored() {
    if kind() != Kind::Sqlite {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = command(&[]).get_program().to_owned();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\""]).arg(binary).env_clear();
    shell.env("AUTH_DATA_DIR", folder.path()).env("AUTH_LISTEN", "127.0.0.1:0");
    let child = shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut running = Running(child);
    let mut ready = String::new();
    BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let client = Client::new(crate::support::address_in(&ready).unwrap());

    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, Signal::HUP).unwrap();
    for _ in 0..20 {
        assert_eq!(client.get("/healthz").await.status, 200);
    }
    assert_eq!(running.0.try_wait().unwrap(), None);
}
