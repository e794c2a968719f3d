//! `deploy/keys.sh`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use test_servers::{Kind, kind};

use super::{read, root, succeeds};

/// The folders of keys, as volumes are.
pub struct Keys(tempfile::TempDir);

impl Keys {
    pub fn new() -> Self {
        let keys = Self(tempfile::tempdir().unwrap());
        for name in ["database", "mail", "migration", "nodes"] {
            fs::create_dir(keys.of(name)).unwrap();
        }
        keys
    }

    pub fn of(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn make(&self, further: &[&Path]) {
        let folders = ["database", "mail", "migration", "nodes"].map(|name| self.of(name));
        let folders: Vec<&Path> =
            folders.iter().map(PathBuf::as_path).chain(further.iter().copied()).collect();
        succeeds(root("deploy/keys.sh"), &folders);
    }

    fn passwords(&self) -> Vec<String> {
        [
            ("nodes", "database_url"),
            ("migration", "owner_url"),
            ("nodes", "smtp_url"),
            ("migration", "smtp_url"),
        ]
        .map(|(folder, file)| read(self.of(folder).join(file)))
        .into()
    }
}

#[test]
fn keys_are_made_once_and_again_when_they_were_interrupted_lost_or_are_wanted() {
    if kind() != Kind::Sqlite {
        return;
    }
    let keys = Keys::new();
    keys.make(&[]);
    let (passwords, authority) = (keys.passwords(), read(keys.of("nodes").join("authority.pem")));
    keys.make(&[]);
    assert_eq!(read(keys.of("nodes").join("authority.pem")), authority, "once");

    // The database knows the passwords, so they stay, whichever volume is lost.
    for lost in ["database", "mail", "migration", "nodes"] {
        fs::remove_dir_all(keys.of(lost)).unwrap();
        fs::create_dir(keys.of(lost)).unwrap();
        keys.make(&[]);
        assert_eq!(keys.passwords(), passwords, "{lost}");
        assert!(passwords[0].contains(&read(keys.of("database").join("service_password"))), "{lost}");
    }
    let before = read(keys.of("nodes").join("authority.pem"));
    fs::remove_file(keys.of("nodes").join("complete")).unwrap();
    fs::write(keys.of("nodes").join("smtp_url.new"), "half").unwrap();
    keys.make(&[]);
    assert_ne!(read(keys.of("nodes").join("authority.pem")), before, "interrupted");
    keys.make(&[Path::new("again")]);
    assert_eq!(keys.passwords(), passwords);
    assert_eq!(
        read(keys.of("nodes").join("authority.pem")),
        read(keys.of("migration").join("authority.pem"))
    );
}
