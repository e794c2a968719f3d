//! Throw-away database servers for tests, and a proxy between them and us that fails on request.
//!
//! The servers are those of the Debian packages `postgresql` and `mariadb-server`, started in temporary folders
//! on free ports of the loopback interface; never the system's own. They end with the process that started
//! them, however it ends. Knows nothing of the service.
#![expect(clippy::disallowed_methods, reason = "servers start in real time")]
#![expect(clippy::missing_panics_doc, reason = "a failing test should panic and show where")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "see above")]

mod binaries;
mod counter;
mod guardian;
mod kind;
mod left_out;
mod mariadb;
mod pgbouncer;
mod postgres;
mod proxy;
mod server;
mod test_database;
mod tls;

pub use counter::{Counter, RoundTrips};
pub use kind::{Kind, kinds};
pub use left_out::{left_out, summarise_left_out};
pub use pgbouncer::PgBouncer;
pub use proxy::{Mode, Proxy};
pub use server::{Options, Server, shared};
pub use test_database::{TestDatabase, kind, run_on_the_others, run_on_the_others_by_tls};
pub use tls::Certificates;
