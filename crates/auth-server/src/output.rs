//! What a command says to whoever typed it.

use std::{
    fmt,
    io::{self, Write},
};

/// Writes a line to standard output. Its reader may have gone, as that of `… | head`: there is nobody to tell.
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
