//! No room for another row.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sqlx::Row;
use test_servers::{Kind, kind};

use super::report;
use crate::support::{ADA, Client, PASSWORD, Server, open};

/// A file system in memory, of a size in kilobytes.
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
        report("no file system can be mounted here: not tested on a full disk");
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

/// Refusals in a row that make a disk full: the first ones may make room by writing the log back.
const REFUSALS: usize = 10;

/// Registers until writes are refused; who was registered, and the refusals at the end.
async fn fill(client: &Client, name: &str, at_most: usize) -> (Vec<String>, Vec<u16>) {
    let (mut registered, mut refusals) = (Vec::new(), Vec::new());
    for number in 0..at_most {
        let address = format!("{name}{number}@example.org");
        match client.register(&address).await.status {
            200 => {
                registered.push(address);
                refusals.clear();
            }
            status => refusals.push(status),
        }
        if refusals.len() == REFUSALS {
            break;
        }
    }
    (registered, refusals)
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

    let (registered, refusals) = fill(&client, "early", 20_000).await;
    assert_eq!(refusals, [503; REFUSALS], "after {}: {}", registered.len(), server.log());
    for _ in 0..5 {
        assert_eq!(client.profile(&cookie).await.status, 200);
        assert_eq!(client.log_in(&registered[0], "wrong").await.status, 401);
    }
    let mut database = open(&disk.0.join("auth.db")).await;
    let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut database).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ok");
    drop(database);

    fs::remove_file(reserve).unwrap();
    let (later, refusals) = fill(&client, "later", 20).await;
    assert_eq!((later.len(), refusals.len()), (20, 0), "room is used again");
    let mut database = open(&disk.0.join("auth.db")).await;
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT email FROM users").fetch_all(&mut database).await.unwrap();
    let lost: Vec<&String> =
        registered.iter().chain(&later).filter(|email| !stored.contains(email)).collect();
    assert_eq!(lost, [""; 0], "acknowledged and then lost");
    for address in [&registered[0], &later[0]] {
        assert_eq!(client.log_in(address, PASSWORD).await.status, 200, "{address}");
    }
    report(&format!(
        "{} registrations until the disk was full, {} after there was room",
        registered.len(),
        later.len()
    ));
}

/// The twin: with room enough, the check finds no refusal.
#[tokio::test]
async fn with_room_enough_nothing_is_refused() {
    if kind() != Kind::Sqlite {
        return;
    }
    let server = Server::start();
    let (registered, refusals) = fill(&server.client(), "user", 100).await;
    assert_eq!((registered.len(), refusals.len()), (100, 0));
}
