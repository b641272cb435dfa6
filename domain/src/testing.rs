//! Fixtures of tests: a database on each engine and one house with people in it. Behind the feature `testing`.

#![expect(missing_docs, clippy::unwrap_used, reason = "fixtures of tests")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};

use crate::{
    Result, Scope,
    auth::Role,
    catalogue::{default_catalogue, request_type, version},
    clock::ManualClock,
    db::{Db, Location},
    id::*,
    people::{organization, technician, user},
    place::{building, premises},
    write::{Act, Tx},
};

/// A database for one test; the file or the database goes with it.
pub struct TestDb {
    pub db: Db,
    pub clock: ManualClock,
    url: String,
    _folder: tempfile::TempDir,
}

pub fn noon() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// A fresh SQLite file, and a fresh PostgreSQL database where `NARYAD_TEST_POSTGRES` names a server.
pub async fn databases() -> Vec<TestDb> {
    let mut all = vec![sqlite().await];
    if let Ok(server) = std::env::var("NARYAD_TEST_POSTGRES") {
        all.push(postgres(&server).await);
    }
    all
}

pub async fn sqlite() -> TestDb {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("naryad.db"));
    open(location, folder).await
}

async fn postgres(server: &str) -> TestDb {
    let name = format!("unit_{}", uuid::Uuid::now_v7().simple());
    let admin = Database::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    open(Location::Postgres(format!("{base}/{name}")), tempfile::tempdir().unwrap()).await
}

async fn open(location: Location, folder: tempfile::TempDir) -> TestDb {
    let clock = ManualClock::at(noon());
    let url = match &location {
        Location::Sqlite(path) => format!("sqlite://{}", path.display()),
        Location::Postgres(url) => url.clone(),
    };
    let db = Db::open(&location, 8, Arc::new(clock.clone())).await.unwrap();
    db.migrate().await.unwrap();
    TestDb { db, clock, url, _folder: folder }
}

/// A connection past the write path: for rows in bulk, and to ask the database how it goes about a statement.
pub async fn raw(test: &TestDb) -> sea_orm::DatabaseConnection {
    Database::connect(&test.url).await.unwrap()
}

/// The same database as another process would have it, with a clock of its own.
pub async fn beside(test: &TestDb, clock: &ManualClock) -> Db {
    Db::open(&Location::parse(&test.url).unwrap(), 4, Arc::new(clock.clone())).await.unwrap()
}

/// How the database goes about a statement.
pub async fn plan(test: &TestDb, statement: Statement) -> String {
    let (explain, column) = match test.db.backend() {
        DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN", "detail"),
    };
    let sql = format!("{explain} {}", statement.sql);
    let rows = raw(test).await.query_all_raw(Statement { sql, ..statement }).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
    lines.join("\n")
}

/// A managing company with a building, a flat, two technicians and the default catalogue.
#[derive(Clone, Debug)]
pub struct House {
    pub organization: OrganizationId,
    pub dispatcher: UserId,
    pub technicians: Vec<TechnicianId>,
    pub building: BuildingId,
    pub premises: PremisesId,
    pub kind: RequestTypeId,
}

impl House {
    pub fn desk(&self) -> Scope {
        Scope::staff(self.organization, self.dispatcher, Role::Dispatcher)
    }

    pub fn technician(&self, index: usize) -> Scope {
        Scope::staff(self.organization, UserId(self.technicians[index].0), Role::Technician)
    }
}

struct Build(House);

impl Act for Build {
    const NAME: &'static str = "test.build";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let house = &self.0;
        let (organization_id, created_at) = (house.organization, tx.now());
        tx.insert(&organization::Model {
            id: organization_id,
            kind: organization::OrganizationKind::Managing,
            name: "УК Дом".to_owned(),
            zone: "Europe/Moscow".to_owned(),
            settings: serde_json::json!({}),
            version: 1,
            created_at,
            production_region: None,
            calendar_version: 0,
        })
        .await?;
        let people = [(house.dispatcher, Role::Dispatcher)]
            .into_iter()
            .chain(house.technicians.iter().map(|id| (UserId(id.0), Role::Technician)));
        for (id, role) in people {
            tx.insert(&user::Model {
                id,
                organization_id,
                role,
                login: id.to_string(),
                password_hash: String::new(),
                full_name: "Анна Петрова".to_owned(),
                phone: None,
                email: None,
                active: true,
                version: 1,
                created_at,
            })
            .await?;
        }
        for id in &house.technicians {
            tx.insert(&technician::Model {
                id: *id,
                organization_id,
                service_number: None,
                trades: serde_json::json!([]),
                serves_all_buildings: true,
                version: 1,
            })
            .await?;
            tx.execute(
                "INSERT INTO technician_calendar (technician_id, organization_id, doc_version) VALUES ($1, $2, 1)",
                [id.0.into(), organization_id.0.into()],
            )
            .await?;
        }
        tx.insert(&building::Model {
            id: house.building,
            organization_id,
            address: "Москва, улица Мира, 1".to_owned(),
            fias_id: None,
            zone: "Europe/Moscow".to_owned(),
            latitude_e7: None,
            longitude_e7: None,
            search: String::new(),
            active: true,
            version: 1,
            created_at,
        })
        .await?;
        tx.insert(&premises::Model {
            id: house.premises,
            organization_id,
            building_id: house.building,
            kind: premises::PremisesKind::Flat,
            number: "12".to_owned(),
            entrance: None,
            floor: None,
            access_notes: None,
            doc_version: 1,
            version: 1,
            created_at,
        })
        .await?;
        let entry = default_catalogue()?.into_iter().find(|entry| entry.code == "SEW-SMELL").unwrap();
        tx.insert(&request_type::Model {
            id: house.kind,
            organization_id,
            code: entry.code,
            current_version: 1,
            active: true,
            doc_version: 1,
            version: 1,
            created_at,
        })
        .await?;
        tx.insert(&version::Model {
            request_type_id: house.kind,
            number: 1,
            organization_id,
            category: "sewage".to_owned(),
            name_ru: entry.name_ru,
            name_en: entry.name_en,
            emergency: false,
            basis: String::new(),
            duration_s: 3600,
            rules: serde_json::json!({
                "localize": null, "resolve": entry.resolve, "check_visit": null, "clock": entry.clock,
                "demands": entry.demands, "precondition": null,
            }),
            created_at,
        })
        .await
    }
}

/// Builds a house.
pub async fn house(db: &Db) -> House {
    let clock = &**db.clock();
    let house = House {
        organization: OrganizationId::new(clock),
        dispatcher: UserId::new(clock),
        technicians: (0..2).map(|_| TechnicianId::new(clock)).collect(),
        building: BuildingId::new(clock),
        premises: PremisesId::new(clock),
        kind: RequestTypeId::new(clock),
    };
    db.write(Scope::system(house.organization), Build(house.clone())).await.unwrap();
    house
}

/// Every chain holds and every feed says what the rows say.
pub async fn assert_sound(db: &Db) {
    let journal = crate::journal::verify(db).await.unwrap();
    assert_eq!(journal.findings, vec![], "journal");
    let feeds = crate::feed::verify(db).await.unwrap();
    assert_eq!(feeds.findings, vec![], "feeds");
}
