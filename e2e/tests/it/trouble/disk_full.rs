//! No room for another row.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sqlx::Row;
use test_servers::{Kind, kind};

use super::tell;
use crate::support::{ADA, Client, PASSWORD, Server, open};

/// A file system of so many kilobytes, in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where we may not mount one.
    fn mount(kilobytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap().keep();
        let size = format!("size={kilobytes}k");
        let mounted = run(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs"], &folder);
        if mounted {
            return Some(Self(folder));
        }
        tell("no file system can be mounted here: not tested on a full disk");
        fs::remove_dir(folder).unwrap();
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run(&["umount", "-l"], &self.0);
        // It is empty, and nothing depends on it.
        let _ = fs::remove_dir(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests mount a file system")]
fn run(arguments: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(arguments[0]);
    command.args(&arguments[1..]).arg(folder).output().is_ok_and(|output| output.status.success())
}

/// Registers until a write is refused; how many were acknowledged, and the refusal if there was one.
async fn fill(client: &Client, from: usize, at_most: usize) -> (usize, Option<u16>) {
    for number in from..from + at_most {
        let status = client.register(&format!("user{number}@example.org")).await.status;
        if status != 200 {
            return (number, Some(status));
        }
    }
    (from + at_most, None)
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_reads_go_on_and_room_is_used_again() {
    if kind() != Kind::Sqlite {
        return;
    }
    let Some(disk) = SmallDisk::mount(2048) else { return };
    let reserve = disk.0.join("reserve");
    fs::write(&reserve, vec![0; 512 * 1024]).unwrap();
    let url = format!("sqlite:{}", disk.0.join("auth.db").display());
    let server = Server::with(&[("AUTH_DATABASE_URL", &url), ("AUTH_SESSION_CACHE_ENTRIES", "0")]);
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    let (registered, refusal) = fill(&client, 0, 20_000).await;
    assert_eq!(refusal, Some(503), "after {registered}: {}", server.log());
    for _ in 0..5 {
        assert_eq!(client.register("one.more@example.org").await.status, 503);
        assert_eq!(client.profile(&cookie).await.status, 200);
        assert_eq!(client.log_in("user0@example.org", "wrong").await.status, 401);
    }
    let mut database = open(&disk.0.join("auth.db")).await;
    let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut database).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ok");
    drop(database);

    fs::remove_file(reserve).unwrap();
    let (after, _) = fill(&client, registered, 50).await;
    assert!(after > registered, "room is used again");
    for number in [0, registered / 2, registered - 1, after - 1] {
        let address = format!("user{number}@example.org");
        assert_eq!(client.log_in(&address, PASSWORD).await.status, 200, "{address}");
    }
    tell(&format!(
        "{registered} registrations until the disk was full, {} after there was room",
        after - registered
    ));
}

/// The twin: with room enough, the check finds no refusal.
#[tokio::test]
async fn with_room_enough_nothing_is_refused() {
    if kind() != Kind::Sqlite {
        return;
    }
    let server = Server::start();
    assert_eq!(fill(&server.client(), 0, 100).await, (100, None));
}
