//! The write path by itself, on both databases.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};

use super::*;
use crate::{
    id::TechnicianId,
    people::organization,
    testing::{House, TestDb, assert_sound, databases, house},
};

#[derive(FromQueryResult)]
struct SchemaColumn {
    table_name: String,
    column_name: String,
    data_type: String,
}

async fn columns(test: &TestDb) -> Vec<SchemaColumn> {
    let sql = match test.db.backend() {
        DbBackend::Postgres => {
            "SELECT table_name::text AS table_name, column_name::text AS column_name, data_type::text AS data_type
             FROM information_schema.columns WHERE table_schema = 'public'"
        }
        _ => {
            "SELECT m.name AS table_name, c.name AS column_name, lower(c.type) AS data_type
             FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'
               AND m.name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')"
        }
    };
    test.db.reader().all(sql, []).await.unwrap()
}

/// A table nobody has decided about would change without a journal, and a free text nobody has classified would stand
/// in the journal for ever.
#[tokio::test]
async fn every_table_and_every_text_is_classified() {
    for test in databases().await {
        let journaled: BTreeMap<&str, &Journaling> =
            TABLES.iter().map(|table| (table.name, &table.journaling)).collect();
        let outside: BTreeSet<&str> = UNJOURNALED.iter().map(|(name, _)| *name).collect();
        let mut seen = BTreeSet::new();
        for column in columns(&test).await {
            seen.insert(column.table_name.clone());
            let Some(journaling) = journaled.get(column.table_name.as_str()) else {
                assert!(outside.contains(column.table_name.as_str()), "{} is unknown", column.table_name);
                continue;
            };
            let name = column.column_name.as_str();
            let listed = [journaling.plain, journaling.personal, journaling.silent];
            let count = listed.iter().filter(|list| list.contains(&name)).count();
            assert!(count <= 1, "{}.{name} is classified twice", column.table_name);
            // SQLite keeps instants as text as well: only PostgreSQL tells which text is free.
            let exact = test.db.backend() == DbBackend::Postgres;
            if exact && matches!(column.data_type.as_str(), "text" | "jsonb") {
                assert_eq!(count, 1, "{}.{name} is text and not classified", column.table_name);
            }
        }
        for table in TABLES {
            assert!(seen.contains(table.name), "{} is not in the schema", table.name);
        }
    }
}

/// Renames the organization, twice inside a savepoint that is undone or kept.
struct Rename {
    house: House,
    keep: bool,
}

impl Act for Rename {
    const NAME: &'static str = "test.rename";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        use sea_orm::EntityTrait;
        let id = self.house.organization;
        let read = organization::Entity::find_by_id(id).one(&tx.reader()).await?;
        let before = read.ok_or_else(|| Error::not_found("organization"))?;
        let savepoint = tx.savepoint().await?;
        let after =
            organization::Model { name: "В точке сохранения".to_owned(), ..before.clone() };
        tx.update(&before, &after).await?;
        if self.keep { tx.release(savepoint).await } else { tx.roll_back_to(savepoint).await }
    }
}

#[tokio::test]
async fn a_savepoint_merges_when_kept_and_vanishes_when_undone() {
    #[derive(FromQueryResult)]
    struct Count {
        n: i64,
    }
    for test in databases().await {
        let house = house(&test.db).await;
        for (keep, events) in [(false, 0), (true, 1)] {
            let scope = Scope::system(house.organization);
            test.db.write(scope, Rename { house: house.clone(), keep }).await.unwrap();
            let sql = "SELECT count(*) AS n FROM event WHERE act = 'test.rename'";
            let count = test.db.reader().one::<Count>(sql, []).await.unwrap().unwrap();
            assert_eq!(count.n, events, "keep: {keep}");
        }
        assert_sound(&test.db).await;
    }
}

/// Asks for a calendar after a ticket.
struct Backwards(House);

impl Act for Backwards {
    const NAME: &'static str = "test.backwards";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.lock_tickets([]).await?;
        tx.lock_calendars([TechnicianId(self.0.technicians[0].0)]).await
    }
}

#[tokio::test]
async fn locks_out_of_order_are_a_fault_and_not_a_deadlock() {
    for test in databases().await {
        let house = house(&test.db).await;
        let refused = test.db.write(house.desk(), Backwards(house.clone())).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal);
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    for test in databases().await {
        let reader = test.db.reader();
        assert!(reader.execute_unprepared("DELETE FROM organization").await.is_err());
        let sql = "DELETE FROM organization RETURNING id";
        assert!(reader.query_all_raw(sea_orm::Statement::from_string(test.db.backend(), sql)).await.is_err());
    }
}

/// Panics in the middle of a write.
struct Panics(House);

impl Act for Panics {
    const NAME: &'static str = "test.panics";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        Rename { house: self.0.clone(), keep: true }.run(tx).await?;
        panic!("a use case with a bug");
    }
}

#[tokio::test]
async fn a_panicking_act_changes_nothing_and_harms_nobody() {
    for test in databases().await {
        let house = house(&test.db).await;
        let scope = Scope::system(house.organization);
        let failed = test.db.write(scope, Panics(house.clone())).await.unwrap_err();
        assert_eq!(failed.code(), Code::Internal);
        test.db.write(scope, Rename { house: house.clone(), keep: true }).await.unwrap();
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn sixteen_times_the_same_key_is_one_effect_and_sixteen_equal_answers() {
    struct Echo;
    impl Render<()> for Echo {
        async fn render(&self, tx: &Tx, (): &()) -> Result<Reply> {
            // Differs from run to run, so that equal answers can only come from the stored one.
            let body = crate::id::new_uuid(tx.clock()).to_string().into_bytes();
            Ok(Reply { status: 200, headers: vec![("x".to_owned(), "y".to_owned())], body })
        }
    }
    for test in databases().await {
        let house = house(&test.db).await;
        let scope = Scope::system(house.organization);
        let ask = |body: &'static [u8]| {
            let (db, house) = (test.db.clone(), house.clone());
            async move {
                let key = IdempotencyKey::new("POST /test", "key", body).unwrap();
                db.write_reply(scope, Rename { house, keep: true }, Some(key), Echo).await
            }
        };
        let answers = futures_util::future::join_all((0..16).map(|_| ask(b"same"))).await;
        let answers: Vec<Reply> = answers.into_iter().map(|answer| answer.unwrap()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let refused = ask(b"other").await.unwrap_err();
        assert_eq!(refused.code(), Code::IdempotencyMismatch);
        assert_sound(&test.db).await;
    }
}
