//! Output of commands.

use std::{
    fmt,
    io::{self, Write},
};

/// Writes a line to standard output. Errors are ignored, because the reader may have ended, as in `… | head`.
pub fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes a line to standard error, likewise.
pub fn error(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// `println!` that does not panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

pub(crate) use say;
