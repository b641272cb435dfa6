//! Looking for a slot, and for room for an emergency, over HTTP against the bare statements that read the same rows.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{
    Clock, Scope,
    auth::Role,
    clock::SystemClock,
    db::Db,
    id::TicketId,
    people::technician,
    shift,
    ticket::{Plan, Register},
    write::Act,
};
use naryad_tests::{Engine, load::Town};
use sea_orm::FromQueryResult;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::Connection,
    record::{Recorded, Recorder},
    replay::Pool,
    server::Site,
    table::{Measure, Table},
};

const TECHNICIANS: usize = 500;
/// Of them have the trade.
const ELIGIBLE: usize = 40;
const DAYS: i64 = 3;
const ROUNDS: usize = 200;
const SEARCH_AIM: f64 = 3.0;

fn read<T: DeserializeOwned>(args: Value) -> T {
    serde_json::from_value(args).expect("the arguments are of their type")
}

/// Who writes the scene.
struct Stage {
    db: Db,
    town: Town,
    /// Midnight in Moscow, of tomorrow.
    tomorrow: DateTime<Utc>,
}

impl Stage {
    async fn open(site: &Site) -> Self {
        let town = site.settle(TECHNICIANS, 1).await;
        let clock = Arc::new(SystemClock::default());
        let zone = chrono_tz::Europe::Moscow;
        let date = clock.now().with_timezone(&zone).date_naive() + TimeDelta::days(1);
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_local_timezone(zone).earliest();
        let tomorrow = midnight.expect("Moscow has midnights").to_utc();
        let db = Db::open(&site.location(), 4, clock).await.expect("the database can be opened");
        Self { db, town, tomorrow }
    }

    async fn write<A: Act>(&self, scope: Scope, act: A) -> A::Out {
        self.db.write(scope, act).await.expect("the scene can be written")
    }

    fn desk(&self) -> Scope {
        Scope::staff(self.town.organization, self.town.dispatcher, Role::Dispatcher)
    }

    /// Trades and shifts: twelve hours a day, each day.
    async fn employ(&self) {
        let admin = Scope::staff(self.town.organization, self.town.dispatcher, Role::Admin);
        let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
        for (at, id) in self.town.technicians.iter().enumerate() {
            let trade = if at < ELIGIBLE { "sewage" } else { "lift" };
            let args = read(json!({ "trades": [trade] }));
            self.write(admin, technician::store::Change { id: *id, version: 1, args }).await;
            let args = read(json!({
                "technician_id": id, "valid_from": "2020-01-01",
                "week": [{ "days": days, "windows": [{ "from": "08:00", "to": "20:00" }] }],
            }));
            self.write(admin, shift::Create { args }).await;
        }
    }

    async fn register(&self, code: &str) -> TicketId {
        #[derive(FromQueryResult)]
        struct Kind {
            id: Uuid,
        }
        let sql = "SELECT id FROM request_type WHERE organization_id = $1 AND code = $2";
        let values = [self.town.organization.0.into(), code.into()];
        let kind = self.db.reader().one::<Kind>(sql, values).await.expect("the catalogue can be read");
        let kind = kind.expect("the catalogue has the kind").id;
        let mut args = self.town.registration(Uuid::now_v7(), 0);
        args["request_type_id"] = json!(kind);
        self.write(self.desk(), Register { args: read(args) }).await
    }

    /// Books these hours of these days for everybody who has the trade.
    async fn book(&self, day: i64, hours: &[i64]) {
        for technician in &self.town.technicians[..ELIGIBLE] {
            for hour in hours {
                let ticket = self.register("SEW-SMELL").await;
                let start = self.tomorrow + TimeDelta::days(day) + TimeDelta::hours(*hour);
                let args = read(json!({
                    "technicians": [technician], "start": start, "end": start + TimeDelta::hours(1),
                }));
                self.write(self.desk(), Plan { ticket, args }).await;
            }
        }
    }
}

/// Asks over HTTP, and repeats its statements by hand, in turn.
struct Duel {
    connection: Connection,
    pool: Pool,
}

impl Duel {
    async fn fight(&mut self, (path, body): (&str, &str), statements: &Recorded, measure: &mut Measure) {
        for round in 0..=ROUNDS {
            let begin = Instant::now();
            self.connection.post(path, &Uuid::now_v7().to_string(), body).await;
            let ours: Duration = begin.elapsed();
            let begin = Instant::now();
            self.pool.read(statements).await;
            if round > 0 {
                measure.note(ours, begin.elapsed());
            }
        }
    }
}

/// Records what one request reads.
async fn listen(site: &Site, token: &str, (path, body): (&str, &str)) -> Recorded {
    let recorder = Recorder::open(site).await;
    let mut connection = recorder.connect(token).await;
    recorder.take();
    connection.post(path, &Uuid::now_v7().to_string(), body).await;
    let said = recorder.take();
    drop(connection);
    recorder.close().await;
    said
}

pub(crate) async fn measure(engine: Engine, table: &mut Table) {
    eprintln!("{engine:?}: {TECHNICIANS} technicians, {ELIGIBLE} of the trade, {DAYS} days");
    let site = Site::found(engine).await;
    let stage = Box::pin(Stage::open(&site)).await;
    stage.employ().await;
    // Tomorrow is full; the days after are half full.
    stage.book(0, &[8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]).await;
    for day in 1..DAYS {
        stage.book(day, &[8, 10, 12, 14, 16, 18]).await;
    }
    let (routine, emergency) = (stage.register("SEW-SMELL").await, stage.register("SEW-BLOCK").await);
    let to = stage.tomorrow + TimeDelta::days(DAYS);
    let search = json!({ "ticket_id": routine, "from": stage.tomorrow, "to": to, "limit": 10 }).to_string();
    let by = stage.tomorrow + TimeDelta::hours(12);
    let displacement = json!({ "ticket_id": emergency, "by": by }).to_string();
    let token = stage.town.token(site.data());
    stage.db.close().await;

    let questions =
        [("/v1/slots/search", search.as_str()), ("/v1/slots/displacement", displacement.as_str())];
    let mut said = Vec::new();
    for question in questions {
        said.push(listen(&site, &token, question).await);
    }
    let server = site.serve(&[("NARYAD_WORKER", "false")]).await;
    let mut duel = Duel {
        connection: Connection::open(&server.address, &token).await,
        pool: Pool::open(&site.location()),
    };
    let measures = [
        Measure::at_most(engine, "search, 40 of 500, 3 days", "its bare statements", SEARCH_AIM),
        Measure::printed(engine, "displacement, 40 booked", "its bare statements"),
    ];
    for ((question, statements), mut measure) in questions.into_iter().zip(&said).zip(measures) {
        duel.fight(question, statements, &mut measure).await;
        table.add(measure);
    }
    duel.pool.close().await;
    server.stop().await;
    site.close().await;
}
