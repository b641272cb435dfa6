//! A backup is whole or none, a restore is known to the phones, and nothing of it needs the house to stand still.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use naryad_tests::{
    Client, Engine, House, database,
    estate::{Estate, bring},
    house::eventually,
    on_both, photos, proves,
    story::{Door, run},
};
use serde_json::Value;
use uuid::Uuid;

async fn tickets(client: &Client) -> Vec<Uuid> {
    let list = client.get("/v1/tickets?limit=200").await.ok(200);
    list.list("/items").iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// How often the desk was told that the database was restored.
async fn told_of_a_restore(client: &Client) -> usize {
    let alerts = client.get("/v1/alerts?limit=200").await.ok(200);
    alerts.list("/items").iter().filter(|alert| alert["kind"] == "database_restored").count()
}

/// A folder beside the data directory, which goes with the house.
fn beside(house: &House, name: &str) -> PathBuf {
    house.data().with_file_name(name)
}

async fn back_up(house: &House, name: &str) -> PathBuf {
    let to = beside(house, name);
    let told = house.naryad(&["backup", "--to", to.to_str().unwrap()]).await.expect_success().stdout;
    assert!(told.contains(" 0 findings"), "{told}");
    to
}

async fn restore(house: &House, from: &Path, to: &Path, more: &[&str]) -> naryad_tests::command::Finished {
    let arguments = ["restore", "--from", from.to_str().unwrap(), "--data", to.to_str().unwrap()];
    house.naryad(&[&arguments, more].concat()).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn verify_all(house: &House) {
    for command in [
        &["photos", "verify", "--deep"][..],
        &["journal", "verify"],
        &["sync", "verify"],
        &["stock", "verify"],
    ] {
        let told = house.naryad(command).await.expect_success().stdout;
        assert!(told.contains(" 0 findings"), "{told}");
    }
}

/// Tickets are registered and photos come in while the backup is made; it is restored into another data directory and
/// served there: everything that was answered before it began is there, and all of it agrees.
async fn the_house_goes_on_while_it_is_backed_up(house: &House) {
    let estate = Estate::found(house, "УК Дом").await;
    let desk = &estate.dispatcher;
    let first = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
    let whole = photos::jpeg_of(1, 900, 700, 92);
    let photo = bring(desk, first, "before", &whole).await;
    let before = tickets(desk).await;

    let done = AtomicBool::new(false);
    let to = beside(house, "backup");
    fs::create_dir(&to).unwrap();
    let write = async || {
        let mut registered = 0;
        while !done.load(Ordering::Relaxed) {
            estate.register("HVS-BURST", "Течёт кран на кухне.").await;
            registered += 1;
        }
        registered
    };
    let upload = async || {
        let mut seed = 100;
        while !done.load(Ordering::Relaxed) {
            bring(desk, first, "before", &photos::jpeg(seed)).await;
            seed += 1;
        }
        seed - 100
    };
    let (told, a, b, c, brought) = tokio::join!(
        async {
            let told = house.naryad(&["backup", "--to", to.to_str().unwrap()]).await;
            done.store(true, Ordering::Relaxed);
            told
        },
        write(),
        write(),
        write(),
        upload()
    );
    assert!(told.expect_success().stdout.contains(" 0 findings"));
    assert!(a + b + c > 0 && brought > 0, "nothing was written meanwhile");
    let after = tickets(desk).await;

    assert_eq!(names(&to), ["key.pem", "manifest.json", "naryad.db", "photos"]);
    assert_eq!((mode(&to), mode(&to.join("key.pem")), mode(&to.join("naryad.db"))), (0o700, 0o600, 0o600));
    let manifest: Value = serde_json::from_slice(&fs::read(to.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["format"], 1);
    assert!(manifest["photos"].as_u64() >= Some(1) && manifest["beat"].is_i64(), "{manifest}");
    // Nothing half-written is left beside it, and what stands is not written over.
    assert!(!names(to.parent().unwrap()).iter().any(|name| name.starts_with(".naryad")));
    let again = house.naryad(&["backup", "--to", to.to_str().unwrap()]).await.expect_failure();
    assert_eq!(again.status.code(), Some(2));

    let data = beside(house, "restored");
    let told = restore(house, &to, &data, &[]).await.expect_success().stdout;
    assert!(told.contains("send again"), "{told}");
    assert_eq!(mode(&data.join("key.pem")), 0o600);
    assert_eq!(told_of_a_restore(desk).await, 0);
    house.set("NARYAD_DATA", data.to_str().unwrap());
    house.restart().await;
    // Signed in as before: the key is the same.
    let restored = tickets(desk).await;
    assert!(before.iter().all(|ticket| restored.contains(ticket)));
    assert!(restored.iter().all(|ticket| after.contains(ticket)));
    let bytes = desk.get(&format!("/v1/photos/{photo}?size=original")).await.ok(200).bytes;
    assert_eq!(bytes, whole);
    assert_eq!(told_of_a_restore(desk).await, 1);
    verify_all(house).await;
    estate.register("HVS-BURST", "После восстановления.").await;
    house.restart().await;
    assert_eq!(told_of_a_restore(desk).await, 1, "once");
}

mod the_house_goes_on_while_it_is_backed_up {
    #[test]
    fn sqlite() {
        super::run(super::Engine::Sqlite, super::Door::Open, super::the_house_goes_on_while_it_is_backed_up);
    }
}

/// One byte that is not as it was, a manifest that is not there, a directory that is in use or in a living server's hands:
/// each is refused by name, and nothing has changed then.
async fn what_is_not_whole_or_not_free_is_refused(house: &House) {
    let estate = Estate::found(house, "УК Дом").await;
    let ticket = estate.register("HVS-BURST", "Прорвало трубу в ванной.").await.id("/id");
    bring(&estate.dispatcher, ticket, "before", &photos::jpeg(1)).await;
    let backup = back_up(house, "backup").await;
    let data = beside(house, "restored");

    let manifest: Value = serde_json::from_slice(&fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    let files = manifest["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap());
    assert!(files.clone().count() >= 3);
    for name in files {
        let path = backup.join(name);
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        for bytes in [&damaged[..], &sound[..middle]] {
            fs::write(&path, bytes).unwrap();
            let refused = restore(house, &backup, &data, &[]).await.expect_failure();
            assert!(refused.stderr.contains(name), "{}", refused.stderr);
            assert_eq!(names(&data), ["naryad.lock"], "nothing is in place");
        }
        fs::remove_file(&path).unwrap();
        let refused = restore(house, &backup, &data, &[]).await.expect_failure();
        assert!(refused.stderr.contains(&format!("{name} is missing")), "{}", refused.stderr);
        fs::write(&path, sound).unwrap();
    }
    let (stands, aside) = (backup.join("manifest.json"), backup.join("manifest.aside"));
    fs::rename(&stands, &aside).unwrap();
    let refused = restore(house, &backup, &data, &[]).await.expect_failure();
    assert!(refused.stderr.contains("no whole backup"), "{}", refused.stderr);
    fs::rename(&aside, &stands).unwrap();

    // The living house: refused whatever is asked, and not touched.
    let living = house.data().to_owned();
    for more in [&[][..], &["--replace"]] {
        restore(house, &backup, &living, more).await.expect_failure();
    }
    assert_eq!(tickets(&estate.dispatcher).await.len(), 1);
    let later = estate.register("HVS-BURST", "После копии.").await.id("/id");
    assert!(house.sigterm().await.success());
    let refused = restore(house, &backup, &living, &[]).await.expect_failure();
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stderr.contains("--replace"), "{}", refused.stderr);

    let told = restore(house, &backup, &living, &["--replace"]).await.expect_success().stdout;
    house.open().await;
    assert_eq!(tickets(&estate.dispatcher).await, [ticket]);
    assert_eq!(told_of_a_restore(&estate.dispatcher).await, 1);
    verify_all(house).await;
    // What was there before is whole where it was moved.
    let moved = told.lines().find_map(|line| {
        let path = line.strip_prefix("What was there before is ")?.strip_suffix(" now.")?;
        path.contains("naryad.db.replaced-").then(|| path.to_owned())
    });
    let mut connection = sqlite(&moved.expect("it says where")).await;
    let found: Vec<u8> = sqlx::query_scalar("SELECT id FROM ticket WHERE id = $1")
        .bind(later)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(found, later.as_bytes());
}

async fn sqlite(path: &str) -> sqlx::SqliteConnection {
    <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite://{path}")).await.unwrap()
}

mod what_is_not_whole_or_not_free_is_refused {
    #[test]
    fn sqlite() {
        super::run(super::Engine::Sqlite, super::Door::Open, super::what_is_not_whole_or_not_free_is_refused);
    }
}

on_both! {
    /// Somebody puts an older database back without a word. What it had told to the store of photos tells: the desk is
    /// alerted, once, and neither a clean stop nor a kill is taken for it.
    async fn an_older_database_is_found_out(house: &House) {
        proves!(R5, part);
        let estate = Estate::found(house, "УК Дом").await;
        let desk = &estate.dispatcher;
        house.restart().await;
        house.kill9().await;
        house.open().await;
        told_a_beat(house, 1).await;
        assert_eq!(told_of_a_restore(desk).await, 0);
        assert!(house.sigterm().await.success());
        let backup = Backup::take(house).await;
        let stood = beat(house).unwrap();
        house.open().await;
        told_a_beat(house, stood + 1).await;
        estate.register("HVS-BURST", "После копии.").await;
        assert!(house.sigterm().await.success());
        backup.put_back(house).await;
        house.open().await;
        assert_eq!(told_of_a_restore(desk).await, 1);
        house.restart().await;
        assert_eq!(told_of_a_restore(desk).await, 1, "once");
    }
}

fn beat(house: &House) -> Option<i64> {
    let note = fs::read(house.data().join("photos/notes/beacon")).ok()?;
    serde_json::from_slice::<Value>(&note).ok()?["beat"].as_i64()
}

/// A node that has just started beats at once.
async fn told_a_beat(house: &House, least: i64) {
    eventually("a beat in the store of photos", async || beat(house).filter(|beat| *beat >= least)).await;
}

/// The database as it stood: the whole file, or what a restore would bring back of the row.
enum Backup {
    File(Vec<u8>),
    Row(Uuid, i64),
}

impl Backup {
    async fn take(house: &House) -> Self {
        match house.database().url() {
            None => Self::File(fs::read(house.data().join("naryad.db")).unwrap()),
            Some(url) => {
                let mut connection = database::connect(url).await;
                let row = sqlx::query_as("SELECT id, beat FROM incarnation").fetch_one(&mut connection).await;
                let (id, beat) = row.unwrap();
                Self::Row(id, beat)
            }
        }
    }

    async fn put_back(&self, house: &House) {
        match self {
            Self::File(bytes) => {
                let path = house.data().join("naryad.db");
                assert_eq!(fs::metadata(path.with_extension("db-wal")).map_or(0, |facts| facts.len()), 0);
                fs::write(path, bytes).unwrap();
            }
            Self::Row(id, beat) => {
                let mut connection = database::connect(house.database().url().unwrap()).await;
                let update = sqlx::query("UPDATE incarnation SET id = $1, beat = $2").bind(id).bind(beat);
                update.execute(&mut connection).await.unwrap();
            }
        }
    }
}

on_both! {
    /// A database that was restored by other tools is marked, while it is served; what cannot be backed up from here is
    /// said, with what to do instead.
    async fn other_tools_are_named_and_their_restore_is_marked(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let told = house.naryad(&["restore", "--mark"]).await.expect_success().stdout;
        assert!(told.contains("send again"), "{told}");
        assert_eq!(told_of_a_restore(&estate.dispatcher).await, 1);
        house.restart().await;
        assert_eq!(told_of_a_restore(&estate.dispatcher).await, 1);
        let named = match house.engine() {
            Engine::Postgres => "pg_dump",
            Engine::Sqlite => {
                assert!(house.sigterm().await.success());
                for name in ["NARYAD_S3_BUCKET", "NARYAD_S3_ACCESS_KEY_ID", "NARYAD_S3_SECRET_ACCESS_KEY"] {
                    house.set(name, "test");
                }
                "bucket"
            }
        };
        let (to, data) = (beside(house, "backup"), beside(house, "restored"));
        let refused = house.naryad(&["backup", "--to", to.to_str().unwrap()]).await.expect_failure();
        for refused in [refused, restore(house, &to, &data, &[]).await.expect_failure()] {
            assert_eq!(refused.status.code(), Some(2));
            assert!(refused.stderr.contains(named) && refused.stderr.contains("restore --mark"), "{}", refused.stderr);
        }
        assert!(!to.exists() && !data.exists());
        house.naryad(&["restore"]).await.expect_failure();
        house.naryad(&["restore", "--mark", "--from", "x"]).await.expect_failure();
    }
}
