//! Black-box tests: the real binary on a free port, spoken to over HTTP and nothing else.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on should say where")]

mod commands;
mod contract;
mod crash;
mod cross_site;
mod flood;
mod hostile;
mod logs;
mod races;
mod restart;
mod shutdown;
mod startup;
mod support;
mod walk;
