//! Where the packages put their programs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Folders in which programs are.
const FOLDERS: [&str; 5] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec"];

/// The folder of `PostgreSQL`'s programs, of its newest version.
pub fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| is_program(&folder.join("postgres")))
        .collect();
    versions.sort();
    match versions.pop() {
        Some((_, newest)) => Some(newest),
        None => FOLDERS.map(PathBuf::from).into_iter().find(|folder| is_program(&folder.join("postgres"))),
    }
}

/// The programs of `MariaDB`.
pub struct MariaDb {
    pub server: PathBuf,
    pub install: PathBuf,
    pub admin: PathBuf,
    pub dump: PathBuf,
    pub client: PathBuf,
}

pub fn mariadb() -> Option<MariaDb> {
    Some(MariaDb {
        server: program("mariadbd")?,
        install: program("mariadb-install-db")?,
        admin: program("mariadb-admin")?,
        dump: program("mariadb-dump")?,
        client: program("mariadb")?,
    })
}

pub fn program(name: &str) -> Option<PathBuf> {
    FOLDERS.map(|folder| Path::new(folder).join(name)).into_iter().find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
