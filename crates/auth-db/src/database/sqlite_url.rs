//! URLs of database files.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path may keep in a URL.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The `sqlite:` URL of a file; none if its path is not UTF-8, which no URL can say.
#[must_use]
pub fn sqlite_url(file: &Path) -> Option<String> {
    file.to_str().map(|path| format!("sqlite:{}", utf8_percent_encode(path, PATH)))
}
