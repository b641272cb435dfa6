//! What can go wrong between a phone and the servers, one thing at a time; the simulator does them all together.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use chrono::TimeDelta;
use naryad_sync::client::{Http, NewPhoto, PhotoState, Request, Response, Transport, TransportError};
use naryad_tests::{
    Client, House, Proxy,
    database::connect,
    estate::{Estate, Technician, fresh, location, open_upload, send_slice},
    house::eventually,
    on_both,
    people::User,
    phone::Phone,
    photos, proves,
    proxy::{Act, Match, Trap},
    simulator::{
        handset::Handset,
        network::{Network, Weather},
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, Row as _, SqliteConnection};
use tokio::sync::watch;
use uuid::Uuid;

fn folder(house: &House, name: &str) -> PathBuf {
    house.data().with_file_name(name)
}

/// A phone in good weather, signed in, and pulled once.
async fn handset(house: &House, owner: &User, name: &str) -> Handset {
    let network = Arc::new(Network::new(&[house.main().address()], 1, watch::Sender::new(0)));
    let mut phone = Handset::new(name, owner, folder(house, name), house.clock().clone(), network).await;
    let report = phone.sync().await;
    assert!(report.is_clean(), "{report:?}");
    phone
}

async fn plan(house: &House, estate: &Estate, ticket: Uuid, crew: &[&Technician], after: i64) -> Uuid {
    let who: Vec<Uuid> = crew.iter().map(|one| one.user.id).collect();
    let (start, end) = (house.clock().in_minutes(after), house.clock().in_minutes(after + 45));
    let body = json!({ "technicians": who, "start": start, "end": end });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
    let visit = planned.list("/visits").iter().find(|visit| visit["status"] == "planned").unwrap();
    visit["id"].as_str().unwrap().parse().unwrap()
}

/// A ticket of the technician, and its visit.
async fn job(house: &House, estate: &Estate, crew: &[&Technician], after: i64) -> (Uuid, Uuid) {
    let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
    (ticket, plan(house, estate, ticket, crew, after).await)
}

fn comment(text: &str) -> Value {
    json!({ "id": fresh(), "body": text })
}

async fn comments(desk: &Client, ticket: Uuid) -> Vec<String> {
    let seen = desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
    seen.list("/comments").iter().map(|one| one["body"].as_str().unwrap().to_owned()).collect()
}

/// Rounds until everything is delivered; the phone must come to its end.
async fn deliver(phone: &mut Handset) {
    for _ in 0..10 {
        let report = phone.sync().await;
        if report.is_clean() && report.waiting.is_nothing() {
            return;
        }
    }
    panic!("{} does not come to an end: {:#?}", phone.name, phone.queue().await);
}

async fn statuses(phone: &Handset) -> Vec<String> {
    phone
        .queue()
        .await
        .into_iter()
        .map(|act| act.answer.map_or("-".to_owned(), |answer| answer.status))
        .collect()
}

on_both! {
    /// The server has done it and dies before it can say so.
    async fn killed_after_the_commit_before_the_answer(house: &House) {
        proves!(R36, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let acts = [phone.record(house, ticket, "ticket.comment", &comment("Один."))];
        let proxy = Proxy::to_server(&house.main().url()).await;
        proxy.arm(Trap::new(Act::DropAnswer, Match::Bytes(b"/v1/sync/push".to_vec())));
        let body = phone.body(house, &acts);
        let through = anna.client.through(&proxy.url());
        let asking = tokio::spawn(async move { through.request(Method::POST, "/v1/sync/push").json(&body).try_send().await });
        eventually("the comment to stand", async || {
            (comments(&estate.dispatcher, ticket).await.len() == 1).then_some(())
        }).await;
        house.kill9().await;
        proxy.cut_all();
        assert!(asking.await.unwrap().is_err(), "the answer was lost");
        house.open().await;
        let again = phone.push(house, &acts).await.ok(200);
        assert_eq!((again.list("/results")[0]["status"].clone(), again.list("/results")[0]["replayed"].clone()), (json!("applied"), json!(true)));
        assert_eq!(comments(&estate.dispatcher, ticket).await, ["Один."]);
    }
}

/// A way to the server whose answers end in their middle, as long as it is told.
#[derive(Debug)]
struct Torn {
    http: Http,
    dice: Mutex<StdRng>,
    tearing: AtomicBool,
}

#[async_trait]
impl Transport for Torn {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let mut answer = self.http.send(request).await?;
        if self.tearing.load(Ordering::Relaxed) && !answer.body.is_empty() {
            let at = self.dice.lock().unwrap().random_range(0..answer.body.len());
            answer.body.truncate(at);
        }
        Ok(answer)
    }
}

on_both! {
    /// Every answer ends at a random byte, whole rounds long: nothing is taken for an answer that is none, nothing is done
    /// twice, and the first whole answers bring everything in order.
    async fn answers_are_cut_at_random_bytes(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, visit) = job(house, &estate, &[&anna], 10).await;
        let http = Http::new(&house.main().url()).unwrap();
        let torn = Arc::new(Torn { http, dice: Mutex::new(StdRng::seed_from_u64(5)), tearing: AtomicBool::new(false) });
        let truth = handset(house, &anna.user, "honest").await;
        let transport: Arc<dyn Transport> = Arc::<Torn>::clone(&torn);
        let clock: Arc<dyn naryad_sync::client::DeviceClock> = truth.clock.clone();
        let phone = naryad_sync::client::Client::open(&folder(house, "torn"), transport, clock).await.unwrap();
        phone.sign_in(&anna.user.login, &anna.user.password).await.unwrap();
        assert!(phone.sync_once().await.unwrap().is_clean());
        phone.record("visit.en_route", Some(ticket), json!({ "visit_id": visit }), Vec::new()).await.unwrap();
        for n in 0..30 {
            phone.record("ticket.comment", Some(ticket), comment(&format!("{n}")), Vec::new()).await.unwrap();
        }
        torn.tearing.store(true, Ordering::Relaxed);
        for _ in 0..25 {
            let report = phone.sync_once().await.unwrap();
            assert!(!report.is_clean() && report.waiting.mutations == 31, "{report:?}");
        }
        torn.tearing.store(false, Ordering::Relaxed);
        let report = phone.sync_once().await.unwrap();
        assert!(report.is_clean() && report.waiting.is_nothing() && !report.mismatch, "{report:?}");
        assert_eq!(report.pushed.replayed, 31, "all had been done by the first push: {report:?}");
        let told = comments(&estate.dispatcher, ticket).await;
        assert_eq!(told, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

on_both! {
    /// The server is killed somewhere inside a push of a hundred acts, again and again: chunks are done or not, and at the
    /// end each act is done once, in order.
    async fn killed_inside_a_chunk(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let acts: Vec<Value> = (0..100).map(|n| phone.record(house, ticket, "ticket.comment", &comment(&format!("{n}")))).collect();
        let desk = &estate.dispatcher;
        for done in [1, 26, 51] {
            let (client, body) = (anna.client.clone(), phone.body(house, &acts));
            let pushing = tokio::spawn(async move { client.request(Method::POST, "/v1/sync/push").json(&body).try_send().await });
            eventually("a part of the push to be done", async || {
                (comments(desk, ticket).await.len() >= done).then_some(())
            }).await;
            house.kill9().await;
            let _ = pushing.await.unwrap();
            house.open().await;
            let stands = comments(desk, ticket).await.len();
            assert!(stands % 25 == 0, "a chunk was done in part: {stands}");
        }
        let answer = phone.push(house, &acts).await.ok(200);
        assert_eq!((answer.number("/acked_seq"), answer.list("/results").len()), (100, 100));
        assert_eq!(comments(desk, ticket).await, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

/// Makes every commit of PostgreSQL wait for a random while, and notes comments under numbers of a plain sequence, which is
/// what a cursor by such a sequence would read.
const SLOW_COMMITS: &str = "
CREATE TABLE mutant (seq BIGSERIAL PRIMARY KEY, comment_id UUID NOT NULL);
CREATE FUNCTION note_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO mutant (comment_id) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER note_comment AFTER INSERT ON ticket_comment FOR EACH ROW EXECUTE FUNCTION note_comment();
CREATE FUNCTION tarry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(random() * 0.03); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER tarry AFTER INSERT ON ticket_comment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tarry();
";

on_both! {
    /// Many write at once and their commits take random times. A phone that pulls all the while misses nothing; a cursor by
    /// a plain sequence, read as often beside it, does.
    async fn concurrent_writers_and_a_cursor_that_would_miss_them(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let mut tickets = Vec::new();
        for n in 0..8 {
            tickets.push(job(house, &estate, &[&anna], 10 + 60 * n).await.0);
        }
        let mut reader = match house.database().url() {
            Some(url) => {
                let mut connection = connect(url).await;
                connection.execute(SLOW_COMMITS).await.unwrap();
                Some(connection)
            }
            None => None,
        };
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let over = AtomicBool::new(false);
        let writing = async {
            let desk = &estate.dispatcher;
            futures_util::future::join_all(tickets.iter().map(async |ticket| {
                for n in 0..12 {
                    desk.post(&format!("/v1/tickets/{ticket}/comments"), comment(&format!("{n}"))).await.ok(201);
                }
            })).await;
            over.store(true, Ordering::Relaxed);
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut last = 0_i64;
        let reading = async {
            loop {
                let ended = over.load(Ordering::Relaxed);
                phone.pull(500).await;
                if let Some(connection) = &mut reader {
                    let rows = sqlx::query("SELECT seq, comment_id FROM mutant WHERE seq > $1 ORDER BY seq").bind(last);
                    for row in rows.fetch_all(&mut *connection).await.unwrap() {
                        last = row.get(0);
                        seen.insert(row.get::<Uuid, _>(1));
                    }
                }
                if ended {
                    break;
                }
            }
        };
        tokio::join!(writing, reading);
        let held = phone.all("ticket");
        for ticket in &tickets {
            assert_eq!(held[ticket]["comments"].as_array().map(Vec::len), Some(12), "the phone missed a comment");
        }
        if reader.is_some() {
            assert!(seen.len() < 96, "the commits never overtook each other: this test would not see a cursor that misses");
        }
    }
}

on_both! {
    /// Somebody's transaction stands open for hours. Phones see what is committed all the same.
    async fn a_long_idle_transaction_is_open(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let mut idle = None;
        let mut file = None;
        match house.database().url() {
            Some(url) => {
                let mut connection = connect(url).await;
                connection.execute("CREATE TABLE idle (n INT); BEGIN; INSERT INTO idle VALUES (1)").await.unwrap();
                idle = Some(connection);
            }
            None => {
                let path = house.data().join("naryad.db");
                let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=ro", path.display())).await.unwrap();
                connection.execute("BEGIN; SELECT COUNT(*) FROM ticket").await.unwrap();
                file = Some(connection);
            }
        }
        for n in 0..3 {
            let (ticket, _) = job(house, &estate, &[&anna], 10 + 60 * n).await;
            house.clock().advance(TimeDelta::hours(2));
            phone.pull(500).await;
            assert!(phone.all("ticket").contains_key(&ticket));
        }
        if let Some(connection) = idle {
            connection.close().await.unwrap();
        }
        if let Some(connection) = file {
            connection.close().await.unwrap();
        }
    }
}

on_both! {
    /// While a phone pulls page by page, its ticket goes to another and comes back, and another one only goes.
    async fn reassigned_there_and_back_during_a_paged_pull(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        let (back, visit) = job(house, &estate, &[&anna], 10).await;
        let (gone, other) = job(house, &estate, &[&anna], 70).await;
        for pages in 0..6 {
            let mut phone = Phone::register(&anna.client).await;
            for _ in 0..pages {
                let page = phone.ask(1).await.ok(200);
                phone.take(&page);
            }
            let give = async |visit: Uuid, to: &Technician, after: i64| {
                let body = json!({ "start": house.clock().in_minutes(after), "end": house.clock().in_minutes(after + 30),
                                   "technicians": [to.user.id] });
                estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), body).await.ok(200);
            };
            give(visit, &boris, 200 + pages).await;
            give(other, &boris, 300 + pages).await;
            give(visit, &anna, 400 + pages).await;
            phone.pull(1).await;
            let held = phone.all("ticket");
            assert!(held.contains_key(&back) && !held.contains_key(&gone), "after {pages} pages: {:?}", held.keys());
            give(other, &anna, 500 + pages).await;
        }
    }
}

on_both! {
    /// The ticket is cancelled while the whole work waits on the phone: it is held, with its photo and its materials, and
    /// attached as evidence they count once.
    async fn cancelled_while_close_photos_and_materials_wait(house: &House) {
        proves!(R5, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let pipe = estate.material("PPR-20", 100).await;
        let (ticket, visit) = job(house, &estate, &[&anna], 10).await;
        let mut phone = handset(house, &anna.user, "phone").await;
        phone.network.set(Weather::Off);
        house.clock().advance_minutes(10);
        let photo = fresh();
        phone.record("visit.start", ticket, json!({ "visit_id": visit }), Vec::new()).await;
        let bytes = photos::jpeg(3);
        phone.record("photo.add", ticket, json!({ "photo_id": photo, "kind": "after" }), vec![NewPhoto { photo_id: photo, bytes }]).await;
        phone.record("material.use", ticket, json!({ "usage_id": fresh(), "material_id": pipe, "quantity": "2" }), Vec::new()).await;
        phone.record("ticket.complete", ticket, json!({}), Vec::new()).await;
        estate.dispatcher.post(&format!("/v1/tickets/{ticket}/cancel"), json!({ "reason": "Заявитель отказался." })).await.ok(200);
        phone.network.set(Weather::Clear);
        deliver(&mut phone).await;
        assert_eq!(statuses(&phone).await, ["held_for_review"; 4]);
        let review = phone.queue().await[0].answer.as_ref().and_then(|answer| answer.review_id).unwrap();
        let body = json!({ "decision": "attach", "word": "Принято как доказательство." });
        estate.dispatcher.post(&format!("/v1/reviews/{review}/decide"), body).await.ok(200);
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!((seen.text("/status"), seen.list("/materials").len()), ("cancelled", 1));
        assert_eq!(seen.text("/photos/0/state"), "received");
        deliver(&mut phone).await;
        let outcomes = phone.client.outcomes().await.unwrap();
        assert!(outcomes.iter().all(|one| one.review.as_ref().is_some_and(|review| review["state"] == "attached")));
        assert_eq!(phone.client.photos().await.unwrap()[0].state, PhotoState::Done);
    }
}

on_both! {
    /// Two of a crew both close the same ticket without a network. The first to arrive closes it; the other's report waits
    /// for the desk, with what he used.
    async fn two_phones_both_close(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        let (ticket, visit) = job(house, &estate, &[&anna, &boris], 10).await;
        let mut hers = handset(house, &anna.user, "hers").await;
        let mut his = handset(house, &boris.user, "his").await;
        house.clock().advance_minutes(10);
        for phone in [&mut hers, &mut his] {
            phone.record("visit.start", ticket, json!({ "visit_id": visit }), Vec::new()).await;
            phone.record("ticket.comment", ticket, comment("Сделано."), Vec::new()).await;
            phone.record("ticket.complete", ticket, json!({}), Vec::new()).await;
        }
        deliver(&mut his).await;
        deliver(&mut hers).await;
        assert_eq!(statuses(&his).await, ["applied"; 3]);
        assert_eq!(statuses(&hers).await, ["held_for_review", "merged", "held_for_review"]);
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!((seen.text("/status"), seen.list("/comments").len()), ("completed", 2));
        deliver(&mut his).await;
        let (his, hers) = (his.client.entities().await.unwrap(), hers.client.entities().await.unwrap());
        let version = |all: &[naryad_sync::client::Entity]| all.iter().find(|one| one.id == ticket).map(|one| one.doc_version);
        assert_eq!(version(&his), version(&hers));
    }
}

on_both! {
    /// A phone is copied with its queue, and both go on. Every act of both is done once; one of them goes on under a stream
    /// of its own.
    async fn a_cloned_phone(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let mut first = handset(house, &anna.user, "first").await;
        first.record("ticket.comment", ticket, comment("Вместе."), Vec::new()).await;
        let copy = folder(house, "copy");
        first.back_up(&copy).await;
        let mut second = handset(house, &anna.user, "second").await;
        second.restore(&copy).await;
        first.record("ticket.comment", ticket, comment("Первый."), Vec::new()).await;
        second.record("ticket.comment", ticket, comment("Второй."), Vec::new()).await;
        let (mut replaced, mut replayed) = (0, 0);
        for round in 0..4 {
            let phone = if round % 2 == 0 { &mut first } else { &mut second };
            let report = phone.sync().await;
            assert!(report.is_clean() && report.waiting.is_nothing(), "{report:?}");
            replaced += report.streams_replaced;
            replayed += report.pushed.replayed;
        }
        assert_eq!((replaced, replayed), (1, 1));
        let mut told = comments(&estate.dispatcher, ticket).await;
        told.sort_unstable();
        assert_eq!(told, ["Вместе.", "Второй.", "Первый."]);
    }
}

on_both! {
    /// Clocks that are wrong by ten years, both ways, with the phone running through or started again in between: the term
    /// counts the true time, and the answer tells the drift.
    async fn clocks_that_are_wrong_by_ten_years(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let mut phone = handset(house, &anna.user, "phone").await;
        for (round, (days, reboot)) in [(3650, false), (-3650, false), (3650, true), (-3650, true)].into_iter().enumerate() {
            let (ticket, visit) = job(house, &estate, &[&anna], 10 + 60 * i64::try_from(round).unwrap()).await;
            phone.clock.set_wrong(TimeDelta::days(days));
            deliver(&mut phone).await;
            house.clock().advance_minutes(10);
            phone.record("visit.start", ticket, json!({ "visit_id": visit }), Vec::new()).await;
            house.clock().advance_minutes(15);
            let done = house.clock().now();
            phone.record("ticket.complete", ticket, json!({}), Vec::new()).await;
            house.clock().advance_minutes(600);
            if reboot {
                phone.clock.reboot();
            }
            deliver(&mut phone).await;
            let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            assert_eq!(seen.json("/completed_at"), &json!(done), "{days} days, started again: {reboot}");
            let answer = phone.queue().await.last().and_then(|act| act.answer.clone()).unwrap();
            assert_eq!(answer.result.unwrap()["drift_seconds"], json!(days * 86_400));
        }
    }
}

on_both! {
    /// A phone lies in a drawer for four months with work in its queue. What it knew is too old and is pulled anew; its queue
    /// is delivered, in the name of its owner, although his sign-in has ended meanwhile.
    async fn away_longer_than_what_is_kept(house: &House) {
        proves!(R36, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Волков Борис Ильич").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let (gone, visit) = job(house, &estate, &[&anna], 70).await;
        let mut phone = handset(house, &anna.user, "phone").await;
        phone.network.set(Weather::Off);
        let bytes = photos::jpeg(9);
        let photo = fresh();
        phone.record("ticket.comment", ticket, comment("Из подвала."), Vec::new()).await;
        phone.record("photo.add", ticket, json!({ "photo_id": photo, "kind": "after" }), vec![NewPhoto { photo_id: photo, bytes }]).await;
        let body = json!({ "start": house.clock().in_minutes(200), "end": house.clock().in_minutes(230), "technicians": [boris.user.id] });
        estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), body).await.ok(200);
        house.clock().advance(TimeDelta::days(120));
        // The worker looks for what has served its time when it begins, and from time to time.
        house.restart().await;
        let mut reason = None;
        eventually("what is older than three months to be forgotten", async || {
            let probe = folder(house, &format!("probe-{}", fresh()));
            phone.back_up(&probe).await;
            phone.network.set(Weather::Clear);
            let report = phone.sync().await;
            let report = if report.needs_sign_in { phone.sync().await } else { report };
            phone.network.set(Weather::Off);
            reason.clone_from(&report.bootstrapped);
            if reason.is_some() {
                return Some(());
            }
            phone.restore(&probe).await;
            None
        }).await;
        assert_eq!(reason.as_deref(), Some("cursor_expired"));
        phone.network.set(Weather::Clear);
        deliver(&mut phone).await;
        assert!(phone.client.ticket(gone).await.unwrap().is_none());
        assert_eq!(comments(&estate.dispatcher, ticket).await, ["Из подвала."]);
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await;
        if seen.status == 401 {
            estate.dispatcher.refresh().await.ok(200);
        }
        let seen = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
        assert_eq!(seen.text("/photos/0/state"), "received");
    }
}

on_both! {
    /// An app of tomorrow and an app of yesterday: types and schemas that this server does not know are held, not lost, and
    /// what comes behind them is done.
    async fn types_and_schemas_of_other_versions(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let mut phone = Phone::register(&anna.client).await;
        phone.pull(500).await;
        let mut newer = phone.record(house, ticket, "ticket.comment", &comment("Новее."));
        newer["schema"] = json!(2);
        let acts = [
            phone.record(house, ticket, "ticket.teleport", &json!({ "where": "home" })),
            newer,
            phone.record(house, ticket, "ticket.comment", &comment("Сегодня.")),
        ];
        let acts: Vec<Value> = (1..).zip(acts).map(|(seq, mut act)| { act["seq"] = json!(seq); act }).collect();
        let mut body = phone.body(house, &acts);
        // Push answers whatever protocol it is spoken to in.
        body["protocol"] = json!(9);
        let answer = anna.client.post("/v1/sync/push", body).await.ok(200);
        let told: Vec<_> = answer.list("/results").iter().map(|one| (one["status"].clone(), one["code"].clone())).collect();
        assert_eq!(told, [
            (json!("held_for_review"), json!("unknown_type")),
            (json!("held_for_review"), json!("schema_unknown")),
            (json!("applied"), Value::Null),
        ]);
        assert_eq!(comments(&estate.dispatcher, ticket).await, ["Сегодня."]);
        let kept = estate.dispatcher.get("/v1/sync/mutations?status=held_for_review").await.ok(200);
        assert!(kept.list("/items").iter().any(|one| one["payload"].as_str().is_some_and(|text| text.contains("teleport"))));
    }
}

on_both! {
    /// The desk shows a code, and the technician's phone is his: also when the answer is lost on its way. The code serves one
    /// phone, for ten minutes, and a newer one voids it.
    async fn a_phone_is_paired_by_a_code(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let strangers = Estate::found_with(house, "УК Чужая", "+79990001122").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let path = format!("/v1/technicians/{}/pairing", anna.user.id);
        let ask = async |client: &Client| client.request(Method::POST, &path).send().await;
        let pair = async |code: &str, rotation: Uuid| {
            house.client().post("/v1/auth/pair", json!({ "code": code, "rotation_id": rotation })).await
        };
        ask(&strangers.dispatcher).await.problem(404, "not_found");
        ask(&anna.client).await.problem(403, "forbidden");
        let void = ask(&estate.dispatcher).await.ok(201).text("/code").to_owned();
        let code = ask(&estate.dispatcher).await.ok(201).text("/code").to_owned();
        pair(&void, fresh()).await.problem(401, "bad_credentials");
        pair("0000-0000", fresh()).await.problem(401, "bad_credentials");
        pair("мой код", fresh()).await.problem(401, "bad_credentials");

        // The answer is lost; the phone asks again as it had asked.
        let rotation = fresh();
        let first = pair(&code, rotation).await.ok(200);
        let again = pair(&code.to_lowercase().replace('-', ""), rotation).await.ok(200);
        assert_eq!(first.text("/refresh_token"), again.text("/refresh_token"));
        assert_eq!(first.id("/id"), anna.user.id);
        // In other hands the code ends what it has begun.
        pair(&code, fresh()).await.problem(401, "bad_credentials");
        let refresh = json!({ "refresh_token": first.text("/refresh_token"), "rotation_id": fresh() });
        house.client().post("/v1/auth/refresh", refresh).await.problem(401, "token_invalid");

        // The reference client, through a network that loses the first answers.
        let code = ask(&estate.dispatcher).await.ok(201).text("/code").to_owned();
        let network = Arc::new(Network::new(&[house.main().address()], 3, watch::Sender::new(0)));
        let phone = Handset::new("paired", &anna.user, folder(house, "paired"), house.clock().clone(), Arc::clone(&network)).await;
        network.set(Weather::Foul);
        let mut tries = 0;
        while phone.client.pair(&code).await.is_err() {
            tries += 1;
            assert!(tries < 50, "the phone is never paired");
        }
        network.set(Weather::Clear);
        let report = phone.client.sync_once().await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert!(phone.client.ticket(ticket).await.unwrap().is_some());

        let late = ask(&estate.dispatcher).await.ok(201).text("/code").to_owned();
        house.clock().advance_minutes(10);
        pair(&late, fresh()).await.problem(401, "bad_credentials");
        let gone = ask(&estate.dispatcher).await.ok(201).text("/code").to_owned();
        let user = estate.admin.get(&format!("/v1/users/{}", anna.user.id)).await.ok(200);
        let path = format!("/v1/users/{}", anna.user.id);
        estate.admin.patch(&path, user.etag(), json!({ "active": false })).await.ok(200);
        pair(&gone, fresh()).await.problem(401, "bad_credentials");
        ask(&estate.dispatcher).await.problem(404, "not_found");
    }
}

on_both! {
    /// A technician's phone sends the bytes before its queue, in the middle of it and twice, and the photo is received; a
    /// contractor's too. What is never announced is kept for a week and is nobody's evidence.
    async fn bytes_before_their_metadata(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (ticket, _) = job(house, &estate, &[&anna], 10).await;
        let mut phone = Phone::register(&anna.client).await;
        let photo = |seed| (fresh(), photos::jpeg_of(seed, 400, 300, 90));
        let (before, middle, never) = (photo(61), photo(62), photo(63));
        let start = async |client: &Client, (id, bytes): &(Uuid, Vec<u8>)| {
            location(&open_upload(client, *id, bytes).await.ok(201))
        };
        let add = |phone: &mut Phone, (id, bytes): &(Uuid, Vec<u8>)| {
            let args = json!({ "photo_id": id, "kind": "before", "sha256": photos::sha256(bytes), "bytes": bytes.len() });
            phone.record(house, ticket, "photo.add", &args)
        };

        let upload = start(&anna.client, &before).await;
        let told = send_slice(&anna.client, &upload, 0, &before.1).await.ok(204);
        assert!(!told.header("Upload-Expires").is_empty(), "it waits");
        let half = start(&anna.client, &middle).await;
        send_slice(&anna.client, &half, 0, &middle.1[..1000]).await.ok(204);
        let lost = start(&anna.client, &never).await;
        send_slice(&anna.client, &lost, 0, &never.1).await.ok(204);
        open_upload(&estate.dispatcher, fresh(), &before.1).await.problem(404, "not_found");
        anna.client.get(&format!("/v1/photos/{}", before.0)).await.problem(404, "not_found");

        let acts = [add(&mut phone, &before), add(&mut phone, &middle)];
        let answer = phone.push(house, &acts).await.ok(200);
        for outcome in answer.list("/results") {
            assert_eq!(outcome["status"], "applied", "{outcome}");
        }
        send_slice(&anna.client, &half, 1000, &middle.1[1000..]).await.ok(204);
        for (id, bytes) in [&before, &middle] {
            let served = eventually("the bytes are judged", async || {
                let answer = estate.dispatcher.get(&format!("/v1/photos/{id}?size=original")).await;
                (answer.status == 200).then_some(answer.bytes)
            });
            assert_eq!(&served.await, bytes);
        }
        let done = anna.client.request(Method::HEAD, &upload).header("Tus-Resumable", "1.0.0").send().await.ok(200);
        assert_eq!(done.header("Upload-Offset"), before.1.len().to_string());

        house.clock().advance(TimeDelta::days(8));
        let key = format!("Delivery {}", phone.key);
        let asked = house.client().request(Method::HEAD, &lost).header("Tus-Resumable", "1.0.0");
        asked.header("Authorization", &key).send().await.ok(410);
    }
}
