//! Not a test: `cargo test --workspace` runs it after those that leave something out, because packages run in the order of
//! their names.

fn main() {
    test_servers::summarise_left_out();
}
