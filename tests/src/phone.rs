//! A technician's phone as far as stories need one: it numbers what it records, pushes, pulls and adds up what it holds.

use std::collections::BTreeMap;

use naryad_domain::feed::{EntityKind, digest_of};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Client, House, estate::fresh, people::id};

/// A phone.
#[derive(Debug)]
pub struct Phone {
    /// Who is signed in on it.
    pub client: Client,
    /// The device.
    pub device: Uuid,
    /// Its stream.
    pub stream: Uuid,
    /// The key by which it delivers.
    pub key: String,
    /// Where it stands in its feeds.
    pub cursor: Value,
    /// What it holds: by feed, entity and identifier, the version and the document.
    pub held: BTreeMap<(Uuid, String, Uuid), (i64, Value)>,
    next: i64,
}

impl Phone {
    /// A phone that was registered by the one who is signed in on it.
    pub async fn register(client: &Client) -> Self {
        let (device, stream) = (fresh(), fresh());
        let body = json!({ "id": device, "platform": "android", "app_version": "1.0",
                           "delivery": { "stream_id": stream, "rotation_id": fresh() } });
        let made = client.post("/v1/devices", body).await.ok(201);
        let key = made.text("/delivery/key").to_owned();
        Self {
            client: client.clone(),
            device,
            stream,
            key,
            cursor: Value::Null,
            held: BTreeMap::new(),
            next: 1,
        }
    }

    /// Records an act; it is numbered, and sent when the story says so.
    pub fn record(&mut self, house: &House, ticket: Uuid, kind: &str, args: &Value) -> Value {
        let seq = self.next;
        self.next += 1;
        let base = self.held.iter().find(|((_, entity, id), _)| entity == "ticket" && *id == ticket);
        json!({ "seq": seq, "id": fresh(), "type": kind, "schema": 1, "ticket_id": ticket,
                "base_version": base.map(|(_, (version, _))| *version),
                "occurred_at": house.clock().now(), "args": args })
    }

    /// The body of a push.
    pub fn body(&self, house: &House, mutations: &[Value]) -> Value {
        json!({ "protocol": 1, "device_id": self.device, "stream_id": self.stream, "device_now": house.clock().now(),
                "boot_id": fresh(), "mono_ms": 1, "mutations": mutations })
    }

    /// Pushes what was recorded.
    pub async fn push(&self, house: &House, mutations: &[Value]) -> Answer {
        self.client.post("/v1/sync/push", self.body(house, mutations)).await
    }

    /// One pull.
    pub async fn ask(&self, limit: u32) -> Answer {
        let body = json!({ "protocol": 1, "schema": 1, "device_id": self.device, "stream_id": self.stream,
                           "cursor": self.cursor, "limit": limit });
        self.client.post("/v1/sync/pull", body).await
    }

    /// Folds a page into what it holds; whether there is more.
    pub fn take(&mut self, answer: &Answer) -> bool {
        for dropped in answer.list("/dropped_feeds") {
            let dropped = id(dropped);
            self.held.retain(|(feed, _, _), _| *feed != dropped);
        }
        for change in answer.list("/changes") {
            let entity = change["entity"].as_str().expect("the name of an entity").to_owned();
            let key = (id(&change["feed"]), entity, id(&change["id"]));
            if change["op"] == "put" {
                assert!(change["data"].is_object(), "a put without a document: {change}");
                let version = change["doc_version"].as_i64().expect("a version");
                self.held.insert(key, (version, change["data"].clone()));
            } else {
                self.held.remove(&key);
            }
        }
        self.cursor = answer.json("/cursor").clone();
        answer.json("/has_more") == &Value::Bool(true)
    }

    /// Pulls to the end, `limit` changes at a time, and adds up what it holds.
    pub async fn pull(&mut self, limit: u32) {
        loop {
            let answer = self.ask(limit).await.ok(200);
            if !self.take(&answer) {
                return self.add_up(answer.list("/feeds"));
            }
        }
    }

    fn add_up(&self, feeds: &[Value]) {
        for feed in feeds {
            let feed_id = id(&feed["feed"]);
            let mine: Vec<_> = self.held.iter().filter(|((of, _, _), _)| *of == feed_id).collect();
            let digest = mine.iter().fold(0_i64, |sum, ((_, entity, id), (version, _))| {
                sum.wrapping_add(digest_of(
                    EntityKind::from_name(entity).expect("a known entity"),
                    *id,
                    *version,
                ))
            });
            assert_eq!(feed["count"], json!(mine.len()), "what the phone holds of {feed_id}");
            assert_eq!(feed["digest"], json!(digest.to_string()), "what the phone holds of {feed_id}");
        }
    }

    /// The documents of an entity that it holds.
    pub fn all(&self, entity: &str) -> BTreeMap<Uuid, &Value> {
        let of = self.held.iter().filter(|((_, name, _), _)| name == entity);
        of.map(|((_, _, id), (_, data))| (*id, data)).collect()
    }
}
