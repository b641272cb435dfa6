//! Who takes part: a desk that gives tickets out, and the phones of the technicians.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use naryad_domain::{Clock, auth::Role, clock::SystemClock};
use naryad_tests::{load::Town, photos};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::Connection,
    server::{Server, Site},
};

/// As many changes in one answer as the reference client asks for.
const LIMIT: u32 = 200;

/// The dispatcher, who may set prices too.
pub(super) struct Desk {
    town: Town,
    dispatcher: Connection,
    admin: Connection,
    /// Flats that have no ticket yet begin here.
    flat: usize,
    materials: usize,
}

impl Desk {
    /// A desk that leaves the first `flats` flats alone.
    pub(super) async fn open(server: &Server, site: &Site, town: &Town, flats: usize) -> Self {
        let admin = town.token_of(site.data(), town.dispatcher.0, Role::Admin);
        Self {
            town: town.clone(),
            dispatcher: Connection::open(&server.address, &town.token(site.data())).await,
            admin: Connection::open(&server.address, &admin).await,
            flat: flats,
            materials: 0,
        }
    }

    /// Registers tickets, each in a flat of its own, and books the technician for them, one hour after another.
    pub(super) async fn give(&mut self, technician: usize, tickets: usize) -> Vec<Uuid> {
        let mut given = Vec::with_capacity(tickets);
        for hour in 0..tickets {
            let ticket = Uuid::now_v7();
            let body = self.town.registration(ticket, self.flat).to_string();
            self.dispatcher.post("/v1/tickets", &key(), &body).await;
            let body = self.town.booking(Uuid::now_v7(), technician, hour as i64).to_string();
            self.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), &key(), &body).await;
            self.flat += 1;
            given.push(ticket);
        }
        given
    }

    /// Writes a comment for the crew.
    pub(super) async fn comment(&mut self, ticket: Uuid) {
        let body = json!({ "body": "Ключ от подвала у консьержа.", "audience": "internal" }).to_string();
        self.dispatcher.post(&format!("/v1/tickets/{ticket}/comments"), &key(), &body).await;
    }

    /// Adds a material to the price list, which every phone has.
    pub(super) async fn material(&mut self) -> Uuid {
        self.materials += 1;
        let (id, code) = (Uuid::now_v7(), format!("PPR-{}", self.materials));
        let body =
            json!({ "id": id, "code": code, "name": "Труба ППР 20", "unit": "м", "price_minor": 12_345 });
        self.admin.post("/v1/materials", &key(), &body.to_string()).await;
        id
    }
}

fn key() -> String {
    Uuid::now_v7().to_string()
}

/// A technician's phone. It can be taken to any copy of the site on which it was registered.
#[derive(Clone)]
pub(super) struct Phone {
    pub(super) token: String,
    device: Uuid,
    stream: Uuid,
    boot: Uuid,
    started: Instant,
    /// How many acts it has recorded.
    recorded: u64,
}

/// One act as it is recorded: its kind, the ticket, the arguments.
pub(super) type Recorded = (&'static str, Uuid, Value);

impl Phone {
    /// Registers the phone of a technician.
    pub(super) async fn register(server: &Server, site: &Site, town: &Town, technician: usize) -> Self {
        let token = town.token_of(site.data(), town.technicians[technician].0, Role::Technician);
        let phone = Self {
            token,
            device: Uuid::now_v7(),
            stream: Uuid::now_v7(),
            boot: Uuid::now_v7(),
            started: Instant::now(),
            recorded: 0,
        };
        let delivery = json!({ "stream_id": phone.stream, "rotation_id": Uuid::now_v7() });
        let body =
            json!({ "id": phone.device, "platform": "android", "app_version": "1.0", "delivery": delivery });
        Connection::open(&server.address, &phone.token).await.ask("/v1/devices", &body.to_string()).await;
        phone
    }

    /// The body of a pull.
    pub(super) fn asks(&self, cursor: Option<&str>) -> String {
        json!({
            "protocol": 1, "schema": 1, "device_id": self.device, "stream_id": self.stream, "cursor": cursor,
            "limit": LIMIT,
        })
        .to_string()
    }

    /// Pulls from a place to the end; what was asked and answered.
    pub(super) async fn pull(
        &self,
        connection: &mut Connection,
        mut cursor: Option<String>,
    ) -> Vec<(String, Value)> {
        let mut pages = Vec::new();
        loop {
            let asked = self.asks(cursor.as_deref());
            let page = read(connection.ask("/v1/sync/pull", &asked).await);
            cursor = page["cursor"].as_str().map(str::to_owned);
            let more = page["has_more"] == true;
            pages.push((asked, page));
            if !more {
                return pages;
            }
        }
    }

    /// The body of a push of acts that are recorded now.
    pub(super) fn delivers(&mut self, acts: &[Recorded]) -> String {
        let (now, ms) = (shown(SystemClock::default().now()), self.started.elapsed().as_millis());
        let mutations = acts.iter().map(|(kind, ticket, args)| {
            self.recorded += 1;
            json!({
                "seq": self.recorded, "id": Uuid::now_v7(), "type": kind, "schema": 1, "ticket_id": ticket,
                "occurred_at": now, "boot_id": self.boot, "mono_ms": ms, "args": args,
            })
        });
        let mutations: Vec<Value> = mutations.collect();
        json!({
            "protocol": 1, "device_id": self.device, "stream_id": self.stream, "app_version": "1.0",
            "device_now": now, "boot_id": self.boot, "mono_ms": ms, "waiting": { "mutations": 0, "photos": 0 },
            "mutations": mutations,
        })
        .to_string()
    }
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// An answer of JSON.
pub(super) fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("an answer of JSON")
}

/// The place where an answer leaves the phone.
pub(super) fn place_of(page: &Value) -> String {
    page["cursor"].as_str().expect("a place in the feeds").to_owned()
}

/// Demands that every act of an answer was done as it was recorded.
pub(super) fn all_applied(answer: &Value, acts: usize) {
    let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let applied = results.iter().filter(|result| result["status"] == "applied").count();
    assert!(applied == acts && results.len() == acts, "of {acts} acts {applied} were applied: {answer}");
}

/// What a technician records about one ticket: a photo, a material, a word, and what `number` says is next.
pub(super) fn act(number: usize, ticket: Uuid, material: Uuid) -> Recorded {
    let photo = |kind: &str| {
        let id = Uuid::now_v7();
        json!({ "photo_id": id, "kind": kind, "sha256": photos::sha256(id.as_bytes()), "bytes": 1_800_000 })
    };
    match number % 4 {
        0 => ("photo.add", ticket, photo("before")),
        1 => (
            "material.use",
            ticket,
            json!({ "usage_id": Uuid::now_v7(), "material_id": material, "quantity": "1.5" }),
        ),
        2 => ("ticket.comment", ticket, json!({ "id": Uuid::now_v7(), "body": "Прокладка заменена." })),
        _ => ("photo.add", ticket, photo("after")),
    }
}
