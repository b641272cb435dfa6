//! A seeded simulator of offline work: dispatchers and technicians at random, many phones with the reference client, real
//! server processes that are killed, a network that fails in every way, clocks that are wrong, phones and servers that
//! are restored from backups. Afterwards everything must add up, see [`verdict`].
//!
//! One seed gives one order of events. What runs at the same moment (two phones, a kill) is not ordered: there the seed
//! gives the same situation, not always the same outcome.

mod desk;
pub mod handset;
pub mod network;
mod verdict;

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use futures_util::future::join_all;
use naryad_sync::client::{NewPhoto, Ticket};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use self::{
    desk::Desk,
    handset::Handset,
    network::{Network, Weather},
};
use crate::{
    database::{Database, Engine},
    estate::{Estate, Technician, fresh},
    house::House,
    node::Node,
    photos,
};

/// Technicians of the company, each with a phone; the first has two.
const CREW: usize = 3;

/// Pieces of the stocked material that each van begins with.
const STOCK: i64 = 1000;

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Simulation {
    /// Everything that is drawn is drawn from it.
    pub seed: u64,
    /// Events before everything is brought to an end and judged.
    pub steps: u32,
}

/// What a run was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Minutes of phones that went by, by the simulated clock.
    pub device_minutes: u64,
    /// Servers killed.
    pub kills: u64,
    /// Servers restored from a backup.
    pub restores: u64,
    /// Phones that were restored from a backup or cloned.
    pub phones_restored: u64,
    /// Acts recorded on phones.
    pub mutations: u64,
    /// Acts of the desk.
    pub desk: u64,
    /// Requests that the network did not bring their way.
    pub broken: u64,
    /// Held for review, of the acts that are left on phones.
    pub held: u64,
    /// Photos that arrived.
    pub photos: u64,
}

impl Tally {
    /// Of two runs together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            device_minutes: self.device_minutes + other.device_minutes,
            kills: self.kills + other.kills,
            restores: self.restores + other.restores,
            phones_restored: self.phones_restored + other.phones_restored,
            mutations: self.mutations + other.mutations,
            desk: self.desk + other.desk,
            broken: self.broken + other.broken,
            held: self.held + other.held,
            photos: self.photos + other.photos,
        }
    }
}

/// The world of a run.
struct World<'a> {
    house: &'a House,
    estate: Estate,
    strangers: Estate,
    crew: Vec<Technician>,
    pipe: Uuid,
    desk: Desk,
    phones: Vec<Handset>,
    nodes: Vec<Arc<Node>>,
    sent: watch::Sender<u64>,
    dice: StdRng,
    /// A backup of the server, if one was made.
    backup: Option<Backup>,
    /// Copies of phones.
    copies: Vec<(usize, PathBuf)>,
    folders: u32,
    /// How often a server was restored, counted on by the judge: what was lost with it was lost.
    tally: Tally,
}

enum Backup {
    Folder(PathBuf),
    Database(Database),
}

impl Simulation {
    /// Runs in a house that is closed; it is open afterwards.
    ///
    /// # Panics
    /// Something does not add up; the seed is printed.
    pub async fn run(self, house: &House) -> Tally {
        eprintln!("simulation: seed {} with {} steps on {:?}", self.seed, self.steps, house.engine());
        house.set("NARYAD_TICKETS_PER_MINUTE", "1000000");
        house.set("NARYAD_AUTH_PER_MINUTE", "1000000");
        let mut world = Box::pin(World::begin(house, self.seed)).await;
        for _ in 0..self.steps {
            Box::pin(world.step()).await;
        }
        Box::pin(verdict::judge(&mut world)).await;
        world.tally
    }
}

impl<'a> World<'a> {
    async fn begin(house: &'a House, seed: u64) -> Self {
        house.open().await;
        let mut nodes = vec![house.main()];
        if house.engine() == Engine::Postgres {
            nodes.push(house.serve_more(&["--no-worker"]).await);
        }
        let estate = Estate::found(house, "УК Дом").await;
        let strangers = Estate::found_with(house, "УК Чужая", "+79990001122").await;
        let mut crew = Vec::new();
        for name in ["Сидорова Анна Павловна", "Волков Борис Ильич", "Юдин Вадим Олегович"]
        {
            crew.push(estate.technician(house, name).await);
        }
        let pipe = json!({ "code": "PPR-20", "name": "Труба ППР 20", "unit": "м", "price_minor": 100, "stocked": true });
        let pipe = estate.admin.post("/v1/materials", pipe).await.ok(201).id("/id");
        for one in &crew {
            let van =
                json!({ "name": format!("Машина: {}", one.user.full_name), "technician_id": one.user.id });
            let van = estate.dispatcher.post("/v1/stock/places", van).await.ok(201).id("/id");
            let received = json!({ "kind": "receive", "material_id": pipe, "quantity": STOCK.to_string(), "to_place_id": van });
            estate.dispatcher.post("/v1/stock/movements", received).await.ok(201);
        }
        let mut world = Self {
            house,
            estate,
            strangers,
            crew,
            pipe,
            desk: Desk::new(),
            phones: Vec::new(),
            nodes,
            sent: watch::Sender::new(0),
            dice: StdRng::seed_from_u64(seed),
            backup: None,
            copies: Vec::new(),
            folders: 0,
            tally: Tally::default(),
        };
        for of in (0..CREW).chain([0]) {
            world.hand_out(of, None).await;
        }
        world
    }

    fn folder(&mut self, kind: &str) -> PathBuf {
        self.folders += 1;
        self.house.data().with_file_name(format!("{kind}-{}", self.folders))
    }

    fn network(&mut self) -> Arc<Network> {
        let addresses: Vec<_> = self.nodes.iter().map(|node| node.address()).collect();
        Arc::new(Network::new(&addresses, self.dice.random(), self.sent.clone()))
    }

    /// Gives a phone to one of the crew: a new one, or one whose content is a copy of another's.
    async fn hand_out(&mut self, of: usize, copy: Option<&PathBuf>) {
        let (folder, network) = (self.folder("phone"), self.network());
        let owner = self.crew[of].user.clone();
        let name = format!("phone {} of {}", self.phones.len() + 1, owner.full_name);
        let mut phone = Handset::new(&name, &owner, folder, self.house.clock().clone(), network).await;
        if let Some(copy) = copy {
            phone.restore(copy).await;
        } else {
            phone.client.sign_in(&owner.login, &owner.password).await.expect("the network is clear");
            phone.sync().await;
        }
        self.phones.push(phone);
    }

    /// Notes a rare event for whoever reads a failure.
    fn note(&self, what: &str) {
        eprintln!("{} {what}", self.house.clock().now());
    }

    /// One event.
    async fn step(&mut self) {
        match self.dice.random_range(0..100) {
            0..12 => self.time_goes_by(),
            12..34 => {
                let Self { estate, crew, desk, house, dice, .. } = self;
                desk.act(estate, crew, house.clock(), dice).await;
                self.tally.desk = self.desk.done;
            }
            34..62 => self.somebody_works().await,
            62..72 => self.the_weather_changes(),
            72..86 => self.some_sync().await,
            86..90 => self.a_server_dies_while_they_sync().await,
            90..92 => self.a_clock_is_set(),
            92..94 => {
                let at = self.dice.random_range(0..self.phones.len());
                self.phones[at].restart().await;
            }
            94..96 => self.a_phone_is_backed_up().await,
            96 => self.a_phone_is_restored().await,
            97 => self.a_phone_changes_hands().await,
            98 => self.the_server_is_backed_up().await,
            _ => self.the_server_is_restored().await,
        }
    }

    fn time_goes_by(&mut self) {
        let minutes = match self.dice.random_range(0..20) {
            0 => self.dice.random_range(600..3000),
            _ => self.dice.random_range(1..40),
        };
        self.house.clock().advance_minutes(minutes);
        self.tally.device_minutes += minutes.unsigned_abs() * self.phones.len() as u64;
    }

    fn the_weather_changes(&mut self) {
        let at = self.dice.random_range(0..self.phones.len());
        let weather =
            [Weather::Off, Weather::Foul, Weather::Foul, Weather::Clear][self.dice.random_range(0..4)];
        self.phones[at].network.set(weather);
    }

    fn a_clock_is_set(&mut self) {
        let at = self.dice.random_range(0..self.phones.len());
        let skew = match self.dice.random_range(0..4) {
            0 => TimeDelta::days(3650),
            1 => TimeDelta::days(-3650),
            2 => TimeDelta::minutes(self.dice.random_range(-90..90)),
            _ => TimeDelta::zero(),
        };
        self.phones[at].clock.set_wrong(skew);
        if self.dice.random_bool(0.5) {
            self.phones[at].clock.reboot();
        }
    }

    /// One technician does what comes to his mind about a ticket that his phone holds, legal or not.
    async fn somebody_works(&mut self) {
        let at = self.dice.random_range(0..self.phones.len());
        let phone = &mut self.phones[at];
        if phone.client.user().await.expect("the store is readable") != Some(phone.owner.id) {
            return;
        }
        let tickets = phone.client.tickets().await.expect("the store is readable");
        if tickets.is_empty() {
            return;
        }
        let ticket = &tickets[self.dice.random_range(0..tickets.len())];
        for _ in 0..self.dice.random_range(1..4) {
            let (kind, args, photos) = an_act(ticket, self.pipe, &mut self.dice);
            phone.record(kind, ticket.id, args, photos).await;
            self.tally.mutations += 1;
            self.house.clock().advance_minutes(self.dice.random_range(0..4));
        }
    }

    async fn some_sync(&mut self) {
        let chosen: Vec<bool> = self.phones.iter().map(|_| self.dice.random_bool(0.5)).collect();
        let syncing = self.phones.iter_mut().zip(chosen).filter(|(_, chosen)| *chosen);
        join_all(syncing.map(|(phone, _)| phone.sync())).await;
    }

    /// A server is killed after a number of requests, and started again.
    async fn a_server_dies_while_they_sync(&mut self) {
        let mut sent = self.sent.subscribe();
        let after = *sent.borrow() + self.dice.random_range(1..12);
        let node = Arc::clone(&self.nodes[self.dice.random_range(0..self.nodes.len())]);
        let (over, mut ended) = watch::channel(false);
        let syncing = async {
            join_all(self.phones.iter_mut().map(Handset::sync)).await;
            let _ = over.send(true);
        };
        let killing = async {
            tokio::select! {
                _ = sent.wait_for(|count| *count >= after) => (),
                _ = ended.wait_for(|over| *over) => (),
            }
            node.kill9().await;
        };
        tokio::join!(syncing, killing);
        node.start().await;
        self.note(&format!("{} was killed", node.name()));
        self.tally.kills += 1;
    }

    async fn a_phone_is_backed_up(&mut self) {
        let (at, to) = (self.dice.random_range(0..self.phones.len()), self.folder("copy"));
        self.note(&format!("{} is backed up", self.phones[at].name));
        self.phones[at].back_up(&to).await;
        self.copies.push((at, to));
    }

    /// A copy comes back to its phone, or to a second phone of the same technician while the first is in use.
    async fn a_phone_is_restored(&mut self) {
        if self.copies.is_empty() {
            return self.a_phone_is_backed_up().await;
        }
        let (at, from) = self.copies.swap_remove(self.dice.random_range(0..self.copies.len()));
        self.tally.phones_restored += 1;
        if self.dice.random_bool(0.5) && self.phones.len() < 8 {
            let owner = self.phones[at].owner.id;
            let of = self.crew.iter().position(|one| one.user.id == owner).unwrap_or_default();
            self.hand_out(of, Some(&from)).await;
            let clone = self.phones.last_mut().expect("it was handed out");
            clone.name = format!("{} (a clone of phone {})", clone.name, at + 1);
            let name = clone.name.clone();
            self.note(&format!("{name} is there"));
        } else {
            self.note(&format!("{} is restored", self.phones[at].name));
            let _ = self.phones[at].restore(&from).await;
        }
    }

    /// The phone goes to a colleague; what its first owner did is still delivered under his name.
    async fn a_phone_changes_hands(&mut self) {
        let at = self.dice.random_range(0..self.phones.len());
        let to = self.crew[self.dice.random_range(0..CREW)].user.clone();
        self.note(&format!("{} goes to {}", self.phones[at].name, to.full_name));
        let phone = &mut self.phones[at];
        phone.client.sign_out().await.expect("signing out needs no network");
        phone.owner = to;
    }

    async fn the_server_is_backed_up(&mut self) {
        self.note("the server is backed up");
        let made = match self.house.engine() {
            Engine::Sqlite => {
                let to = self.folder("backup");
                self.house.naryad(&["backup", "--to", &to.to_string_lossy()]).await.expect_success();
                Backup::Folder(to)
            }
            Engine::Postgres => {
                self.stop_all().await;
                let copy = self.house.database().copy().await;
                self.start_all().await;
                Backup::Database(copy)
            }
        };
        if let Some(Backup::Database(former)) = self.backup.replace(made) {
            former.remove().await;
        }
    }

    async fn the_server_is_restored(&mut self) {
        let Some(backup) = self.backup.take() else { return self.the_server_is_backed_up().await };
        self.note("the server is restored");
        self.stop_all().await;
        match backup {
            Backup::Folder(from) => {
                let data = self.house.data().to_string_lossy().into_owned();
                let from = from.to_string_lossy();
                let arguments = ["restore", "--from", &from, "--data", &data, "--replace"];
                self.house.naryad(&arguments).await.expect_success();
            }
            Backup::Database(copy) => {
                self.house.database().become_copy_of(&copy).await;
                copy.remove().await;
                self.house.naryad(&["restore", "--mark"]).await.expect_success();
            }
        }
        self.start_all().await;
        self.tally.restores += 1;
    }

    async fn stop_all(&self) {
        for node in &self.nodes {
            node.stop().await;
        }
    }

    async fn start_all(&self) {
        for node in &self.nodes {
            node.start().await;
        }
    }
}

/// Something that can be done about a ticket.
fn an_act(ticket: &Ticket, pipe: Uuid, dice: &mut StdRng) -> (&'static str, Value, Vec<NewPhoto>) {
    let visits = ticket.data["visits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let visit = match visits.last() {
        Some(visit) => visit["id"].clone(),
        None => json!(fresh()),
    };
    match dice.random_range(0..16) {
        0 | 1 => ("visit.en_route", json!({ "visit_id": visit }), Vec::new()),
        2..5 => ("visit.start", json!({ "visit_id": visit }), Vec::new()),
        5..8 => {
            let (id, bytes) = (fresh(), photos::jpeg(dice.random()));
            let kind = ["before", "after", "act"][dice.random_range(0..3)];
            ("photo.add", json!({ "photo_id": id, "kind": kind }), vec![NewPhoto { photo_id: id, bytes }])
        }
        8 | 9 => ("ticket.comment", json!({ "id": fresh(), "body": "Записано в подвале." }), Vec::new()),
        10 => {
            let quantity = dice.random_range(1..4).to_string();
            (
                "material.use",
                json!({ "usage_id": fresh(), "material_id": pipe, "quantity": quantity }),
                Vec::new(),
            )
        }
        11 => ("ticket.localize", json!({}), Vec::new()),
        12 => ("visit.no_access", json!({ "visit_id": visit, "reason": "Никто не открыл." }), Vec::new()),
        13 => ("ticket.hold", json!({ "reason": "Нет прокладки." }), Vec::new()),
        14 => ("ticket.wave_a_wand", json!({ "how": "twice" }), Vec::new()),
        _ => ("ticket.complete", json!({}), Vec::new()),
    }
}
