//! A storm: clients that register and book without a pause, and a server that is killed again and again meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use naryad_domain::{
    clock::ManualClock,
    db::{Db, Location},
};
use reqwest::Method;
use sea_orm::FromQueryResult;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{Town, town::location};
use crate::{answer::Answer, client::Client, house::House};

/// So many repetitions of one request without an answer mean that the service does not come back.
const TRIES: u32 = 200;

/// What comes over the house.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Clients at work; each two of them want the same hours of the same technician.
    pub clients: usize,
    /// How often the server is killed.
    pub kills: u64,
}

/// What the clients went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survived {
    /// Registrations that were answered.
    pub registered: usize,
    /// Bookings that were answered.
    pub planned: usize,
    /// Bookings that were refused because the hour was taken.
    pub refused: usize,
    /// Requests whose answer was lost, and which were repeated under the same key.
    pub lost: u64,
}

/// A write that was answered.
#[derive(Debug, Clone)]
struct Told {
    path: String,
    key: String,
    body: Value,
    answer: Answer,
}

/// What one client was told.
#[derive(Debug, Default)]
struct Diary {
    registered: Vec<Told>,
    planned: Vec<Told>,
    refused: usize,
    lost: u64,
}

/// What the clients and the killer tell each other.
#[derive(Debug)]
struct Signals {
    /// Answers so far.
    answers: watch::Sender<u64>,
    /// Whether a server stands.
    up: watch::Sender<bool>,
    over: watch::Sender<bool>,
}

impl Storm {
    /// Lets the storm pass over a closed house, and demands afterwards that every answer still holds and that nothing
    /// else is there. The house is open then.
    pub async fn pass(self, house: &House) -> Survived {
        house.set("NARYAD_TICKETS_PER_MINUTE", "1000000");
        let town = Town::settle(house, self.clients.div_ceil(2)).await;
        let client = house.client();
        client.set_token(&town.token(house.data()));
        house.open().await;

        let signals = Arc::new(Signals {
            answers: watch::Sender::new(0),
            up: watch::Sender::new(true),
            over: watch::Sender::new(false),
        });
        let mut at_work = JoinSet::new();
        for number in 0..self.clients {
            let (town, client, signals) = (town.clone(), client.clone(), signals.clone());
            at_work.spawn(Worker { number, town, client, signals }.work());
        }
        for kill in 0..self.kills {
            tokio::select! {
                () = signals.answered_more(1 + kill * 7 % 13) => {}
                Some(ended) = at_work.join_next() => panic!("a client gave up: {ended:?}"),
            }
            signals.up.send_replace(false);
            house.kill9().await;
            // As the killed server left it, before another one could tidy up.
            for command in [["journal", "verify"], ["sync", "verify"]] {
                house.naryad(&command).await.expect_success();
            }
            house.open().await;
            signals.up.send_replace(true);
        }
        signals.over.send_replace(true);
        let mut diary = Diary::default();
        for own in at_work.join_all().await {
            diary.registered.extend(own.registered);
            diary.planned.extend(own.planned);
            diary.refused += own.refused;
            diary.lost += own.lost;
        }
        diary.holds(house, &client).await;
        Survived {
            registered: diary.registered.len(),
            planned: diary.planned.len(),
            refused: diary.refused,
            lost: diary.lost,
        }
    }
}

impl Signals {
    async fn answered_more(&self, count: u64) {
        let mut answers = self.answers.subscribe();
        let target = *answers.borrow_and_update() + count;
        // The sender lives as long as the storm.
        let _ = answers.wait_for(|answers| *answers >= target).await;
    }
}

struct Worker {
    number: usize,
    town: Town,
    client: Client,
    signals: Arc<Signals>,
}

impl Worker {
    async fn work(self) -> Diary {
        let mut diary = Diary::default();
        let mut hour = 0;
        while !*self.signals.over.borrow() {
            let ticket = Uuid::now_v7();
            let body = self.town.registration(ticket, 0);
            let told = self.insist(&mut diary, "/v1/tickets".to_owned(), body).await;
            assert!(told.answer.status == 201, "a registration was answered {}", told.answer);
            diary.registered.push(told);

            let body = self.town.booking(Uuid::now_v7(), self.number / 2, hour);
            hour += 1;
            let told = self.insist(&mut diary, format!("/v1/tickets/{ticket}/plan"), body).await;
            if told.answer.status == 409 {
                told.answer.problem(409, "slot_taken");
                diary.refused += 1;
            } else {
                assert!(told.answer.status < 300, "a booking was answered {}", told.answer);
                diary.planned.push(told);
            }
        }
        diary
    }

    /// Sends a request until it is answered, always under the same key.
    async fn insist(&self, diary: &mut Diary, path: String, body: Value) -> Told {
        let key = Uuid::now_v7().to_string();
        for _ in 0..TRIES {
            let sent = self.client.request(Method::POST, &path).json(&body).key(&key).try_send().await;
            match sent {
                Ok(answer) if answer.status != 503 => {
                    self.signals.answers.send_modify(|answers| *answers += 1);
                    return Told { path, key, body, answer };
                }
                _ => diary.lost += 1,
            }
            let _ = self.signals.up.subscribe().wait_for(|up| *up).await;
        }
        panic!("POST {path}: no answer in {TRIES} tries");
    }
}

impl Diary {
    /// Every answer holds, and nothing is there that nobody was told of.
    async fn holds(&self, house: &House, client: &Client) {
        let mut numbers = BTreeSet::new();
        let mut busy: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for told in self.registered.iter().chain(&self.planned) {
            let again = client.request(Method::POST, &told.path).json(&told.body).key(&told.key).send().await;
            assert!(
                (again.status, &again.bytes) == (told.answer.status, &told.answer.bytes),
                "the same key is answered otherwise: {again}\nand was answered {}",
                told.answer
            );
            let ticket = told.answer.id("/id");
            let events = client.get(&format!("/v1/tickets/{ticket}/events")).await.ok(200);
            let receipt = told.answer.text("/journal_head");
            let stands = events.list("/items").iter().any(|event| event["hash"] == receipt);
            assert!(stands, "the receipt {receipt} is not in {events}");
        }
        for told in &self.registered {
            let now = client.get(&format!("/v1/tickets/{}", told.answer.id("/id"))).await.ok(200);
            assert_eq!(now.text("/number"), told.answer.text("/number"));
            numbers.insert(now.text("/number").rsplit('-').next().and_then(|n| n.parse::<usize>().ok()));
            for visit in now.list("/visits") {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                busy.entry(text(&visit["crew"][0]["technician_id"]))
                    .or_default()
                    .push((text(&visit["planned_start"]), text(&visit["planned_end"])));
            }
        }
        let expected: BTreeSet<_> = (1..=self.registered.len()).map(Some).collect();
        assert_eq!(numbers, expected, "numbers without a gap and without a double");
        for (technician, mut spans) in busy {
            spans.sort_unstable();
            let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
            assert!(apart, "{technician} is booked twice at one time: {spans:?}");
        }
        let rows = Rows::count(&location(house), house).await;
        let (registered, planned) = (self.registered.len() as i64, self.planned.len() as i64);
        let expected = Rows {
            tickets: registered,
            visits: planned,
            entries: planned,
            keys: registered + planned,
            events: registered + planned,
        };
        assert_eq!(rows, expected, "rows, against what the clients were told");
    }
}

/// How many rows there are.
#[derive(Debug, PartialEq, Eq, FromQueryResult)]
struct Rows {
    tickets: i64,
    visits: i64,
    entries: i64,
    keys: i64,
    events: i64,
}

impl Rows {
    async fn count(location: &Location, house: &House) -> Self {
        let clock = Arc::new(ManualClock::at(house.clock().now()));
        let db = Db::open(location, 2, clock).await.expect("the database can be opened");
        let sql = "SELECT (SELECT count(*) FROM ticket) AS tickets,
                          (SELECT count(*) FROM visit) AS visits,
                          (SELECT count(*) FROM calendar_entry WHERE active) AS entries,
                          (SELECT count(*) FROM idempotency_key) AS keys,
                          (SELECT count(*) FROM event WHERE subject_kind = 'ticket' AND act <> 'ticket.informed') AS events";
        let rows = db.reader().one(sql, []).await.expect("the rows can be counted");
        db.close().await;
        rows.expect("a count is a row")
    }
}
