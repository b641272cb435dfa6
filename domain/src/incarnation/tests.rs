//! A restored database is noticed, once; a clean start is not, on both databases.

use std::sync::Arc;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::*;
use crate::{
    Scope,
    blob::{Blobs, DirectoryBlobs, NoteName},
    id::{OrganizationId, new_uuid},
    testing::{TestDb, assert_sound, databases, house, raw},
};

struct Scene {
    test: TestDb,
    blobs: Arc<dyn Blobs>,
    folder: tempfile::TempDir,
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Row {
    id: Uuid,
    beat: i64,
}

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for test in databases().await {
        let folder = tempfile::tempdir().unwrap();
        let blobs: Arc<dyn Blobs> = Arc::new(DirectoryBlobs::open(folder.path()).await.unwrap());
        scenes.push(Scene { test, blobs, folder });
    }
    scenes
}

impl Scene {
    async fn start(&self) {
        check_at_start(&self.test.db, &*self.blobs).await.unwrap();
    }

    async fn beat(&self) {
        beat(&self.test.db, &*self.blobs).await.unwrap();
    }

    async fn row(&self) -> Row {
        let row = self.test.db.reader().one("SELECT id, beat FROM incarnation", []).await.unwrap();
        row.expect("the row is there")
    }

    /// The database as it was: what a restore by hand does to the row.
    async fn put_back(&self, row: &Row) {
        let sql = "UPDATE incarnation SET id = $1, beat = $2";
        let values = [row.id.into(), row.beat.into()];
        let statement = sea_orm::Statement::from_sql_and_values(self.test.db.backend(), sql, values);
        raw(&self.test).await.execute_raw(statement).await.unwrap();
    }

    async fn note(&self) -> Option<Beacon> {
        let note = self.blobs.get_note(&NoteName::new("beacon").unwrap()).await.unwrap();
        note.map(|note| serde_json::from_slice(&note).unwrap())
    }

    async fn write_note(&self, text: String) {
        self.blobs.put_note(&NoteName::new("beacon").unwrap(), text.into()).await.unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            count: i64,
        }
        self.test.db.reader().one::<Count>(sql, []).await.unwrap().unwrap().count
    }

    async fn alerts(&self) -> i64 {
        self.count("SELECT COUNT(*) AS count FROM alert WHERE kind = 'database_restored'").await
    }
}

#[tokio::test]
async fn a_clean_start_goes_on_with_its_life_and_a_beat_tells_nobody_else() {
    for scene in scenes().await {
        house(&scene.test.db).await;
        assert_eq!(current(&scene.test.db.reader()).await.unwrap(), Uuid::nil());
        scene.start().await;
        let begun = scene.row().await;
        assert_eq!(current(&scene.test.db.reader()).await.unwrap(), begun.id);
        assert_eq!(scene.note().await, None);
        let events = scene.count("SELECT COUNT(*) AS count FROM event").await;
        let mut pokes = scene.test.db.pokes().subscribe();
        for beat in 1..=3 {
            scene.beat().await;
            scene.start().await;
            assert_eq!(scene.row().await, Row { id: begun.id, beat });
            assert_eq!(scene.note().await, Some(Beacon { incarnation: begun.id, beat }));
        }
        assert!(pokes.try_recv().is_err(), "nobody was poked");
        assert_eq!(scene.count("SELECT COUNT(*) AS count FROM event").await, events);
        // The note was not told: the node died in between.
        scene.write_note(format!(r#"{{"incarnation":"{}","beat":1}}"#, begun.id)).await;
        scene.start().await;
        assert_eq!((scene.row().await.id, scene.alerts().await), (begun.id, 0));
    }
}

#[tokio::test]
async fn an_older_database_is_noticed_once_by_all_the_nodes_that_start_together() {
    for scene in scenes().await {
        house(&scene.test.db).await;
        house(&scene.test.db).await;
        scene.start().await;
        scene.beat().await;
        let backup = scene.row().await;
        scene.beat().await;
        scene.put_back(&backup).await;
        let start = || check_at_start(&scene.test.db, &*scene.blobs);
        let (a, b, c, d) = tokio::join!(start(), start(), beat(&scene.test.db, &*scene.blobs), start());
        for done in [a, b, c, d] {
            done.unwrap();
        }
        // Whichever came first: a beat leaves it to the starts, since the life is young.
        scene.start().await;
        let renewed = scene.row().await.id;
        assert!(renewed > backup.id);
        assert_eq!(scene.alerts().await, 2, "one for each organization");
        scene.beat().await;
        assert_eq!(scene.note().await.unwrap().incarnation, renewed);
        scene.start().await;
        assert_eq!((scene.row().await.id, scene.alerts().await), (renewed, 2));
        // The same backup again: its newer lives wrote the note.
        scene.put_back(&backup).await;
        scene.start().await;
        assert!(scene.row().await.id > renewed);
        assert_eq!(scene.alerts().await, 4);
        assert_sound(&scene.test.db).await;
    }
}

#[tokio::test]
async fn a_database_from_before_the_row_is_noticed_and_an_older_note_is_not() {
    for scene in scenes().await {
        house(&scene.test.db).await;
        let clock = &**scene.test.db.clock();
        let (older, before) = (new_uuid(clock), new_uuid(clock));
        scene.test.clock.advance(TimeDelta::seconds(1));
        scene.start().await;
        let begun = scene.row().await;
        for older in [older, before] {
            scene.write_note(format!(r#"{{"incarnation":"{older}","beat":900}}"#)).await;
            scene.start().await;
        }
        for nothing in ["", "{}", r#"{"incarnation":"00000000-0000-0000-0000-000000000000","beat":1}"#] {
            scene.write_note(nothing.to_owned()).await;
            scene.start().await;
        }
        assert_eq!((scene.row().await.id, scene.alerts().await), (begun.id, 0));
        scene.beat().await;
        raw(&scene.test).await.execute_unprepared("DELETE FROM incarnation").await.unwrap();
        // The clock of this machine is behind that of the one that wrote the note.
        scene.test.clock.advance(TimeDelta::hours(-3));
        scene.start().await;
        assert!(scene.row().await.id > begun.id, "later whatever the clock says");
        assert_eq!(scene.alerts().await, 1);
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_keeps_nobody_from_starting_and_the_beat_finds_out() {
    for scene in scenes().await {
        house(&scene.test.db).await;
        scene.start().await;
        let backup = scene.row().await;
        scene.beat().await;
        scene.put_back(&backup).await;
        let (note, aside) = (scene.folder.path().join("notes/beacon"), scene.folder.path().join("aside"));
        std::fs::rename(&note, &aside).unwrap();
        std::fs::create_dir(&note).unwrap();
        scene.start().await;
        beat(&scene.test.db, &*scene.blobs).await.unwrap_err();
        assert_eq!(scene.row().await, backup, "it beats only when it can be told");
        std::fs::remove_dir(&note).unwrap();
        std::fs::rename(&aside, &note).unwrap();
        let stood = scene.note().await;
        // The life is too young to be renewed by a beat; the note that is ahead stays.
        scene.beat().await;
        assert_eq!((scene.row().await.id, scene.note().await), (backup.id, stood));
        scene.put_back(&backup).await;
        scene.test.clock.advance(TimeDelta::hours(1));
        scene.beat().await;
        let renewed = scene.row().await;
        assert!(renewed.id > backup.id);
        assert_eq!(scene.alerts().await, 1);
        assert_eq!(scene.note().await, Some(Beacon { incarnation: renewed.id, beat: renewed.beat }));
    }
}

#[tokio::test]
async fn a_mark_renews_and_alerts() {
    for scene in scenes().await {
        let house = house(&scene.test.db).await;
        let scope = Scope::system(OrganizationId(Uuid::nil()));
        let first = scene.test.db.write(scope, Renew { why: "a test", seen: None }).await.unwrap();
        let second = scene.test.db.write(scope, Renew { why: "a test", seen: None }).await.unwrap();
        assert!(second.incarnation > first.incarnation);
        assert_eq!(current(&scene.test.db.reader()).await.unwrap(), second.incarnation);
        assert_eq!(scene.alerts().await, 2);
        let page = crate::page::PageRequest::new(None, None).unwrap();
        let alerts =
            crate::alert::list(&scene.test.db.reader(), &house.desk(), &Default::default(), &page).await;
        assert_eq!(alerts.unwrap().items[0].kind, "database_restored");
        assert_sound(&scene.test.db).await;
    }
}
