//! A database for each story: a file of its own, or a PostgreSQL database copied from a migrated template.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::UNIX_EPOCH,
};

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

use crate::command::Program;

/// The two databases on which every story runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// Beyond one machine.
    Postgres,
}

/// The database of one house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file in the data directory.
    Sqlite,
    /// A database of the cluster that `NARYAD_TEST_POSTGRES` names.
    Postgres {
        /// Its name.
        name: String,
        /// Its address.
        url: String,
    },
}

/// The lock under which the template is made, of the cluster's advisory locks.
const TEMPLATE_LOCK: i64 = 0x6e61_7279_6164;

impl Database {
    /// A fresh database.
    pub async fn create(engine: Engine, program: &Program) -> Self {
        match engine {
            Engine::Sqlite => Self::Sqlite,
            Engine::Postgres => {
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let mut admin = connect(&cluster()).await;
                let template = template(&mut admin, program).await;
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("naryad_{}_{count}", Uuid::now_v7().simple());
                execute(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
                let _ = admin.close().await;
                Self::Postgres { url: with_database(&cluster(), &name), name }
            }
        }
    }

    /// A copy of it as it stands; nobody may be connected to it. The file is copied with its directory.
    pub async fn copy(&self) -> Self {
        let Self::Postgres { name, .. } = self else { return Self::Sqlite };
        let copy = format!("naryad_{}_copy", Uuid::now_v7().simple());
        let mut admin = connect(&cluster()).await;
        execute(&mut admin, &format!("CREATE DATABASE {copy} TEMPLATE {name}")).await;
        let _ = admin.close().await;
        Self::Postgres { url: with_database(&cluster(), &copy), name: copy }
    }

    /// What it holds is what `copy` holds, as after a restore; nobody may be connected to either. The file is restored
    /// by the service itself.
    pub async fn become_copy_of(&self, copy: &Self) {
        let (Self::Postgres { name, .. }, Self::Postgres { name: copy, .. }) = (self, copy) else { return };
        let mut admin = connect(&cluster()).await;
        execute(&mut admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        execute(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE {copy}")).await;
        let _ = admin.close().await;
    }

    /// Which one it is.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Its address; `None` for the file, which the service finds by itself.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres { url, .. } => Some(url),
        }
    }

    /// Removes it from the cluster; the file goes with its directory.
    pub async fn remove(&self) {
        if let Self::Postgres { name, .. } = self {
            let mut admin = connect(&cluster()).await;
            execute(&mut admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            let _ = admin.close().await;
        }
    }
}

/// The cluster of this run.
pub(crate) fn cluster() -> String {
    std::env::var("NARYAD_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "NARYAD_TEST_POSTGRES is not set: every story runs on PostgreSQL too. `make test` starts a private cluster; \
             for single tests run `scripts/postgres.sh -- cargo test ...`"
        )
    })
}

/// The migrated template of exactly this program: the name carries its size and date, so a rebuilt program, which may
/// bring new migrations, gets a template of its own.
async fn template(admin: &mut PgConnection, program: &Program) -> String {
    let name = format!("naryad_template_{}", fingerprint(program));
    if exists(admin, &name).await {
        return name;
    }
    // Other processes of the run stand at the same place: one makes it, the rest wait here and find it made.
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *admin)
        .await
        .expect("the cluster gives an advisory lock");
    if !exists(admin, &name).await {
        let draft = format!("{name}_draft");
        execute(admin, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        execute(admin, &format!("CREATE DATABASE {draft}")).await;
        program
            .run(&["migrate"], &[("NARYAD_DATABASE_URL", &with_database(&cluster(), &draft))])
            .await
            .expect_success();
        // Renamed only when it is whole: an interrupted migration leaves no template behind.
        execute(admin, &format!("ALTER DATABASE {draft} RENAME TO {name}")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *admin)
        .await
        .expect("the advisory lock is given back");
    name
}

fn fingerprint(program: &Program) -> String {
    let facts = std::fs::metadata(program.path()).expect("the program has been found");
    let date =
        facts.modified().ok().and_then(|date| date.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{:x}_{:x}", facts.len(), date.as_micros())
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    let row =
        sqlx::query("SELECT count(*) FROM pg_database WHERE datname = $1").bind(name).fetch_one(admin).await;
    row.expect("the cluster lists its databases").get::<i64, _>(0) > 0
}

/// A connection of the test's own, for what only a look into the database shows.
pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap_or_else(|error| panic!("{url} cannot be reached: {error}"))
}

async fn execute(admin: &mut PgConnection, statement: &str) {
    // Every name in these statements is made above.
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(admin).await {
        panic!("{statement}: {error}");
    }
}

/// The address with another database name.
fn with_database(url: &str, name: &str) -> String {
    let (address, options) =
        url.split_once('?').map_or((url, None), |(address, options)| (address, Some(options)));
    let base = match address.find("://").map(|at| at + 3) {
        Some(start) => address[start..].find('/').map_or(address, |slash| &address[..start + slash]),
        None => address,
    };
    match options {
        Some(options) => format!("{base}/{name}?{options}"),
        None => format!("{base}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_in;

    #[test]
    fn the_database_of_an_address_is_replaced() {
        assert_eq!(
            with_database("postgres://u@h:5/postgres?sslmode=disable", "x"),
            "postgres://u@h:5/x?sslmode=disable"
        );
        assert_eq!(with_database("postgres://u@h:5", "x"), "postgres://u@h:5/x");
    }

    #[tokio::test]
    async fn each_house_gets_a_copy_of_its_own() {
        let stand_in = stand_in::Scene::new();
        let (one, two) = tokio::join!(
            Database::create(Engine::Postgres, stand_in.program()),
            Database::create(Engine::Postgres, stand_in.program()),
        );
        let mut connection = connect(one.url().unwrap()).await;
        execute(
            &mut connection,
            "CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm; CREATE TABLE mine (id int)",
        )
        .await;
        let folded: bool =
            sqlx::query("SELECT 'ТЕЧЁТ' ILIKE 'течёт'").fetch_one(&mut connection).await.unwrap().get(0);
        assert!(folded, "the cluster's locale folds Cyrillic");
        let mut other = connect(two.url().unwrap()).await;
        assert!(sqlx::raw_sql("SELECT * FROM mine").execute(&mut other).await.is_err());
        // With connections still open, as after a killed server.
        one.remove().await;
        two.remove().await;
        assert_eq!(stand_in.count("migrate"), 1, "the template is made once");
    }
}
