//! Hashes the words on the command line in one thread, and prints the duration.
//!
//! ```text
//! cargo run --release -p bcrypt-lanes --example together -- one two three four five six
//! ```
#![expect(clippy::disallowed_methods, reason = "it measures")]
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::time::Instant;

use bcrypt_lanes::{Error, NewHash, best_lanes, hash_many};

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // An example may: real salts are random, and new for each hash.
    let salts = (0_u8..).map(|number| [number; 16]);
    let jobs: Vec<NewHash<'_>> = words
        .iter()
        .zip(salts)
        .map(|(word, salt)| NewHash { password: word.as_bytes(), salt, cost: 12 })
        .collect();

    let began = Instant::now();
    let hashes = hash_many(&jobs)?;

    for (word, hash) in words.iter().zip(&hashes) {
        println!("{hash}  {word}");
    }
    println!("{} hashes at cost 12 in {:?}, {} at a time", hashes.len(), began.elapsed(), best_lanes());
    Ok(())
}
