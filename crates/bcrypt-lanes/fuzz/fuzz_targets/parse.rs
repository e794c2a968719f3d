//! The parser, under a fuzzer: `cargo +nightly fuzz run parse`. CI runs the same function over 100,000 cases.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/parse_target.rs"]
mod parse_target;

fuzz_target!(|data: &[u8]| parse_target::target(data));
