//! The databases of a server: URLs, statements, backups.

use std::{
    fs::{self, File},
    sync::atomic::Ordering,
};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use super::{Server, USER, output_of};
use crate::{Kind, mariadb, postgres};

impl Server {
    /// The URL of one of its databases, as settings take it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_by(self.port, database)
    }

    /// The same through another port, behind which a proxy is.
    #[must_use]
    pub fn url_by(&self, port: u16, database: &str) -> String {
        let (scheme, mode, authority) = match self.kind {
            Kind::MariaDb => ("mysql", "ssl-mode=VERIFY_IDENTITY", "ssl-ca"),
            _ => ("postgres", "sslmode=verify-full", "sslrootcert"),
        };
        let tls = self.certificates.as_ref().map_or(String::new(), |certificates| {
            format!("?{mode}&{authority}={}", certificates.authority.display())
        });
        format!("{scheme}://{USER}:{USER}@127.0.0.1:{port}/{database}{tls}")
    }

    /// Creates an empty database and returns its name.
    pub async fn new_database(&self) -> String {
        let name = format!("auth_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}")).await;
        name
    }

    /// The backup of a database by the tool of the server.
    #[must_use]
    pub fn dump(&self, database: &str) -> Vec<u8> {
        output_of(match self.kind {
            Kind::MariaDb => mariadb::dump(self, database),
            _ => postgres::dump(self, database),
        })
    }

    /// The content of a database as readable text.
    ///
    /// # Panics
    ///
    /// If the server's own program fails.
    #[must_use]
    pub fn dump_as_text(&self, database: &str) -> String {
        let dump = output_of(match self.kind {
            Kind::MariaDb => mariadb::dump(self, database),
            _ => postgres::dump_as_text(self, database),
        });
        String::from_utf8_lossy(&dump).into_owned()
    }

    /// Restores a backup into an empty database.
    pub fn restore(&self, database: &str, dump: &[u8]) {
        let file = self.folder.join("dump");
        fs::write(&file, dump).unwrap();
        let mut restore = match self.kind {
            Kind::MariaDb => mariadb::restore(self, database),
            _ => postgres::restore(self, database),
        };
        let output = restore.stdin(File::open(file).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Executes a statement that the service would not.
    pub async fn execute(&self, sql: &str) {
        let database = if self.kind == Kind::MariaDb { "" } else { "postgres" };
        self.execute_in(&self.url(database), sql).await;
    }

    /// Executes a statement in one of its databases.
    ///
    /// # Panics
    ///
    /// If the server rejects it.
    pub async fn execute_in(&self, url: &str, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.kind == Kind::MariaDb {
            let mut server = MySqlConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut server).await.unwrap();
            server.close().await.unwrap();
        } else {
            let mut server = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut server).await.unwrap();
            server.close().await.unwrap();
        }
    }

    /// Runs a script for `psql`.
    ///
    /// # Panics
    ///
    /// If it fails, or this is not `PostgreSQL`.
    pub fn run_script(&self, script: &str) {
        assert_eq!(self.kind, Kind::Postgres);
        let file = self.folder.join("script");
        fs::write(&file, script).unwrap();
        output_of(postgres::script(self, &file));
    }

    /// The URL of a database by a user that may only read and write rows, with the grants of `docs/operating.md`.
    pub async fn url_of_a_service(&self, url: &str) -> String {
        let (_, database) = url.rsplit_once('/').expect("a URL of ours");
        if self.kind == Kind::MariaDb {
            self.execute(&format!(
                "CREATE USER 'service'@'127.0.0.%' IDENTIFIED BY 'service'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO 'service'@'127.0.0.%'"
            ))
            .await;
        } else {
            let grants = "CREATE ROLE service LOGIN PASSWORD 'service'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE \
                 ON users, sessions, reset_tokens, server_keys, throttles, devices, device_kinds, outbox TO service; \
                 GRANT SELECT ON seaql_migrations TO service";
            self.execute_in(url, grants).await;
        }
        url.replace(&format!("{USER}:{USER}@"), "service:service@")
    }
}
