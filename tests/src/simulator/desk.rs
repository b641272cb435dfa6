//! The dispatchers of the simulator: they register, book, give to others, hold, cancel and decide, as it comes.

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    answer::Answer,
    clock::HandClock,
    estate::{Estate, Technician, fresh},
};

/// Kinds of request that a technician can close with what the simulator brings, and one that demands photos.
const KINDS: [&str; 3] = ["SEW-SMELL", "EL-LIGHT", "HVS-BURST"];

/// The desk of one company.
#[derive(Debug)]
pub(super) struct Desk {
    /// Tickets that were registered, the oldest first. A restored server has lost some.
    pub(super) tickets: Vec<Uuid>,
    /// Acts that were done.
    pub(super) done: u64,
    booked: i64,
}

/// Whatever the desk is told is right but a fault of the server.
fn heard(answer: &Answer) -> bool {
    assert!(answer.status < 500, "the server failed: {answer}");
    answer.status < 300
}

impl Desk {
    /// A desk that has done nothing yet.
    pub(super) fn new() -> Self {
        Self { tickets: Vec::new(), done: 0, booked: 0 }
    }

    /// One act.
    pub(super) async fn act(
        &mut self,
        estate: &Estate,
        crew: &[Technician],
        clock: &HandClock,
        dice: &mut StdRng,
    ) {
        let ticket = self.some(dice);
        let done = match (dice.random_range(0..20), ticket) {
            (0..6, _) | (_, None) => self.register(estate, crew, clock, dice).await,
            (6..9, Some(ticket)) => self.book(estate, ticket, crew, clock, dice).await,
            (9..13, Some(ticket)) => self.give_to_another(estate, ticket, crew, clock, dice).await,
            (13, Some(ticket)) => {
                let why = json!({ "reason": "Заявитель отказался." });
                self.say(estate, ticket, "cancel", why).await
            }
            (14, Some(ticket)) => {
                self.say(estate, ticket, "hold", json!({ "reason": "Ждём запчасть." })).await
            }
            (15, Some(ticket)) => self.say(estate, ticket, "resume", Value::Null).await,
            (16, Some(ticket)) => {
                let body = json!({ "id": fresh(), "body": "Код домофона 12К." });
                self.say(estate, ticket, "comments", body).await
            }
            (_, _) => self.decide(estate, dice).await,
        };
        self.done += u64::from(done);
    }

    fn some(&self, dice: &mut StdRng) -> Option<Uuid> {
        // Mostly the young ones: on those the technicians are at work.
        let young = self.tickets.len().saturating_sub(8);
        let from = if dice.random_bool(0.8) { young } else { 0 };
        (from < self.tickets.len()).then(|| self.tickets[dice.random_range(from..self.tickets.len())])
    }

    async fn register(
        &mut self,
        estate: &Estate,
        crew: &[Technician],
        clock: &HandClock,
        dice: &mut StdRng,
    ) -> bool {
        let kind = KINDS[dice.random_range(0..KINDS.len())];
        let body = estate.request(kind, "Запах, течь или темнота.");
        let answer = estate.dispatcher.post("/v1/tickets", body).await;
        if !heard(&answer) {
            return false;
        }
        let ticket = answer.id("/id");
        self.tickets.push(ticket);
        self.book(estate, ticket, crew, clock, dice).await;
        true
    }

    async fn book(
        &mut self,
        estate: &Estate,
        ticket: Uuid,
        crew: &[Technician],
        clock: &HandClock,
        dice: &mut StdRng,
    ) -> bool {
        let body = self.window(crew, clock, dice);
        heard(&estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await)
    }

    /// An hour that nobody has yet, for one or two of the crew.
    fn window(&mut self, crew: &[Technician], clock: &HandClock, dice: &mut StdRng) -> Value {
        self.booked += 1;
        let first = dice.random_range(0..crew.len());
        let mut who = vec![crew[first].user.id];
        if dice.random_bool(0.15) {
            who.push(crew[(first + 1) % crew.len()].user.id);
        }
        let after = 30 + (self.booked % 40) * 30;
        json!({ "technicians": who, "start": clock.in_minutes(after), "end": clock.in_minutes(after + 25) })
    }

    async fn give_to_another(
        &mut self,
        estate: &Estate,
        ticket: Uuid,
        crew: &[Technician],
        clock: &HandClock,
        dice: &mut StdRng,
    ) -> bool {
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await;
        if !heard(&seen) {
            return false;
        }
        let open = seen.list("/visits").iter().find(|visit| visit["status"] == "planned");
        let Some(visit) = open.and_then(|visit| visit["id"].as_str()) else { return false };
        let body = self.window(crew, clock, dice);
        heard(&estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), body).await)
    }

    async fn say(&mut self, estate: &Estate, ticket: Uuid, act: &str, body: Value) -> bool {
        let path = format!("/v1/tickets/{ticket}/{act}");
        let call = estate.dispatcher.request(reqwest::Method::POST, &path);
        let call = if body.is_null() { call } else { call.json(&body) };
        heard(&call.send().await)
    }

    /// Decides one of the reviews that wait.
    async fn decide(&mut self, estate: &Estate, dice: &mut StdRng) -> bool {
        let waiting = estate.dispatcher.get("/v1/reviews?state=open&limit=50").await.ok(200);
        let waiting = waiting.list("/items");
        if waiting.is_empty() {
            return false;
        }
        let review = &waiting[dice.random_range(0..waiting.len())];
        let decision = ["apply", "attach", "send_back"][dice.random_range(0..3)];
        let body = json!({ "decision": decision, "word": "Решено по записи техника." });
        let path = format!("/v1/reviews/{}/decide", review["id"].as_str().expect("an identifier"));
        heard(&estate.dispatcher.post(&path, body).await)
    }
}
