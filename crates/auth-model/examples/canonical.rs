//! Prints the canonical key of each address on the command line.
//!
//! ```text
//! cargo run -p auth-model --example canonical -- Ada@Bücher.example not-an-address
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use auth_model::Email;

fn main() {
    for typed in std::env::args().skip(1) {
        match Email::parse(&typed) {
            Ok(email) => println!("{email} is compared as {}", email.key().as_str()),
            Err(error) => println!("{typed}: {error}"),
        }
    }
}
