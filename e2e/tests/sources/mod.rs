//! The files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files below a path, or the file itself, with this extension.
pub fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    if !path.is_dir() {
        let is_one = path.extension().is_some_and(|found| found == extension);
        return if is_one { vec![path.to_owned()] } else { Vec::new() };
    }
    let is_output =
        path.file_name().is_some_and(|name| name == "target" || name == "node_modules" || name == ".git");
    if is_output {
        return Vec::new();
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path(), extension)).collect()
}
