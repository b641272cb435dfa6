//! The schema, append-only: a migration that has been released is never edited.
//!
//! One SQL text serves both databases; the few types that differ are placeholders (`{uuid}`, `{time}`, ...), and what
//! has no common form (exclusion constraint, triggers) stands in a file per database. Nothing here imports our crates:
//! an old migration must not change its meaning because an entity did.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

/// A migration by the name of its three files: what both databases take, and what each takes alone.
macro_rules! migration {
    ($name:literal) => {
        Box::new(Sql {
            name: concat!("m", $name),
            both: include_str!(concat!("sql/", $name, ".sql")),
            sqlite: include_str!(concat!("sql/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("sql/", $name, ".postgres.sql")),
        })
    };
}

/// Applies the migrations in order.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            migration!("0001_kernel"),
            migration!("0002_shifts"),
            migration!("0003_slots"),
            migration!("0004_deadlines"),
            migration!("0005_worktime"),
            migration!("0006_partners"),
            migration!("0007_search"),
            migration!("0008_uploads"),
            migration!("0009_photos"),
            migration!("0010_stock"),
            migration!("0011_closing"),
            migration!("0012_residents"),
            migration!("0013_sync"),
            migration!("0014_pairing"),
            migration!("0015_early_uploads"),
            migration!("0016_known"),
            migration!("0017_periodic"),
            migration!("0018_messages"),
            migration!("0019_surveys"),
            migration!("0020_escalation"),
        ]
    }
}

struct Sql {
    name: &'static str,
    both: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

impl MigrationName for Sql {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sql {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let (types, own) = match db.get_database_backend() {
            DbBackend::Postgres => (&POSTGRES, self.postgres),
            _ => (&SQLITE, self.sqlite),
        };
        let mut sql = self.both.to_owned();
        for (placeholder, text) in types {
            sql = sql.replace(placeholder, text);
        }
        db.execute_unprepared(&sql).await?;
        db.execute_unprepared(own).await?;
        Ok(())
    }
}

/// What stands for a placeholder on SQLite. STRICT tables refuse a value of another type.
const SQLITE: [(&str, &str); 7] = [
    ("{uuid}", "BLOB"),
    ("{time}", "TEXT"),
    ("{json}", "TEXT"),
    ("{bytes}", "BLOB"),
    ("{bool}", "INTEGER"),
    ("{int}", "INTEGER"),
    ("{table}", "STRICT"),
];

/// What stands for a placeholder on PostgreSQL.
const POSTGRES: [(&str, &str); 7] = [
    ("{uuid}", "uuid"),
    ("{time}", "timestamptz"),
    ("{json}", "jsonb"),
    ("{bytes}", "bytea"),
    ("{bool}", "boolean"),
    ("{int}", "bigint"),
    ("{table}", ""),
];
