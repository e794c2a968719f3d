//! On which databases tests run.

use std::{env, fmt, sync::OnceLock};

use crate::{binaries, left_out::left_out};

/// Names the databases on which tests must run, separated by commas.
const VARIABLE: &str = "AUTH_TEST_DATABASES";

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
    /// A server; `MySQL` speaks the same protocol.
    MariaDb,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MariaDb];

    /// As `AUTH_TEST_DATABASES` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name.trim())
    }

    fn is_here(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Postgres => binaries::postgres().is_some(),
            Self::MariaDb => binaries::mariadb().is_some(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The databases on which tests run: those that `AUTH_TEST_DATABASES` names, all of which must be here, or
/// those that are here.
///
/// Databases that are left out are reported once, on standard error.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(|| match env::var(VARIABLE) {
        Ok(names) if !names.trim().is_empty() => names.split(',').map(demanded).collect(),
        _ => found(),
    })
}

fn demanded(name: &str) -> Kind {
    let kind = Kind::named(name)
        .unwrap_or_else(|| panic!("{VARIABLE} names `{name}`; known: sqlite, postgres, mariadb"));
    assert!(kind.is_here(), "{VARIABLE} demands {kind}: apt-get install postgresql mariadb-server");
    kind
}

fn found() -> Vec<Kind> {
    let (here, missing): (Vec<Kind>, Vec<Kind>) = Kind::ALL.into_iter().partition(|kind| kind.is_here());
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|kind| kind.name()).collect();
        left_out(&format!("tests on {}", names.join(", ")), "apt-get install postgresql mariadb-server");
    }
    here
}
