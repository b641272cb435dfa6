//! What must be true after a run, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use naryad_sync::client::{Entity, Mutation, PhotoState};
use serde_json::Value;
use uuid::Uuid;

use super::{CREW, STOCK, World, handset::Handset, network::Weather};
use crate::{answer::Answer, client::Client, house::eventually, people::id};

/// Rounds in which a phone with a good network must have delivered everything.
const ROUNDS: u32 = 12;

/// What a phone holds: by feed, entity and identifier, the version and the document.
type Contents = BTreeMap<(String, String, Uuid), (i64, Value)>;

/// Brings the run to its end and judges it.
pub(super) async fn judge(world: &mut World<'_>) {
    everything_is_delivered(world).await;
    let desk = world.estate.dispatcher.clone();
    let tickets = the_tickets(&desk).await;
    let sent = sent(&desk).await;
    for at in 0..world.phones.len() {
        let phone = &world.phones[at];
        assert_eq!(
            phone.mismatches, 0,
            "{}: what it held did not add up to what the server said",
            phone.name
        );
        every_act_has_one_outcome(phone, &sent).await;
        the_acts_are_there_once(phone, &tickets).await;
        photos_are_there(phone, &tickets).await;
        terms_follow_the_true_time(world, phone, &tickets).await;
        world.tally.held += held(&world.phones[at]).await;
        world.tally.broken += world.phones[at].network.broken();
        let photos = world.phones[at].client.photos().await.expect("the store is readable");
        world.tally.photos += photos.iter().filter(|photo| photo.state == PhotoState::Done).count() as u64;
    }
    phones_hold_what_they_should(world, &tickets).await;
    stock_adds_up(world, &tickets).await;
    deadlines_agree(&desk, &tickets).await;
    for command in [&["stock", "verify"][..], &["photos", "verify", "--deep"]] {
        let told = world.house.naryad(command).await.expect_success().stdout;
        assert!(told.contains(" 0 findings"), "{told}");
    }
}

async fn held(phone: &Handset) -> u64 {
    let held = |one: &&Mutation| one.answer.as_ref().is_some_and(|answer| answer.status == "held_for_review");
    phone.queue().await.iter().filter(held).count() as u64
}

/// With a good network every phone comes to the end of its queue, and then to the same head as all others.
async fn everything_is_delivered(world: &mut World<'_>) {
    for phone in &mut world.phones {
        phone.network.set(Weather::Clear);
        let mut left = ROUNDS;
        loop {
            let report = phone.sync().await;
            if report.is_clean() && report.waiting.is_nothing() {
                break;
            }
            left -= 1;
            if left == ROUNDS / 2 && report.needs_sign_in {
                // Somebody else's work cannot be delivered without him: he comes and signs in on this phone.
                for one in &world.crew {
                    phone
                        .client
                        .sign_in(&one.user.login, &one.user.password)
                        .await
                        .expect("the network is clear");
                    phone.client.sync_once().await.expect("the store of the phone is sound");
                }
            }
            if left == 0 {
                panic!("{} does not come to an end: {report:#?}\n{}", phone.name, stuck(phone).await);
            }
        }
    }
    // What one brings, the others see.
    for _ in 0..ROUNDS {
        let mut quiet = true;
        for phone in &mut world.phones {
            let report = phone.sync().await;
            assert!(report.is_clean() && report.waiting.is_nothing(), "{}: {report:#?}", phone.name);
            quiet &= report.pushed.total() == 0 && report.photos_sent == 0 && report.changes == 0;
        }
        if quiet {
            return;
        }
    }
    panic!("the phones do not come to rest");
}

/// What does not leave a phone.
async fn stuck(phone: &Handset) -> String {
    let queue = phone.queue().await;
    let mut photos = phone.client.photos().await.expect("the store is readable");
    photos.retain(|photo| matches!(photo.state, PhotoState::Queued | PhotoState::Sent));
    let stuck =
        queue.iter().filter(|act| act.waits || photos.iter().any(|photo| photo.mutation_id == act.id));
    format!("{photos:#?}\n{:#?}", stuck.collect::<Vec<_>>())
}

/// Every ticket, as the desk sees it.
async fn the_tickets(desk: &Client) -> BTreeMap<Uuid, Answer> {
    let mut tickets = BTreeMap::new();
    for line in pages(desk, "/v1/tickets?limit=200").await {
        let ticket = id(&line["id"]);
        tickets.insert(ticket, desk.get(&format!("/v1/tickets/{ticket}")).await.ok(200));
    }
    tickets
}

/// The answers that the server keeps, by the identifier of the act.
async fn sent(desk: &Client) -> BTreeMap<Uuid, Vec<Value>> {
    let mut sent: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
    for line in pages(desk, "/v1/sync/mutations?limit=200").await {
        if line["id"].is_string() {
            sent.entry(id(&line["id"])).or_default().push(line);
        }
    }
    sent
}

async fn pages(desk: &Client, path: &str) -> Vec<Value> {
    let (mut all, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = desk.get(&next).await.ok(200);
        all.extend_from_slice(page.list("/items"));
        match page.body["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}&cursor={cursor}"),
            None => return all,
        }
    }
}

/// Nothing waits, everything was answered, and the server says of each act what the phone was told.
async fn every_act_has_one_outcome(phone: &Handset, sent: &BTreeMap<Uuid, Vec<Value>>) {
    for act in phone.queue().await {
        let name = format!("{}: {} {} seq {}", phone.name, act.kind, act.id, act.seq);
        assert!(!act.waits, "{name} waits");
        let answer = act.answer.unwrap_or_else(|| panic!("{name} has no answer"));
        let kept = sent.get(&act.id).unwrap_or_else(|| panic!("{name}: the server does not know it"));
        let statuses: BTreeSet<_> =
            kept.iter().map(|one| one["status"].as_str().unwrap_or_default()).collect();
        assert_eq!(statuses, BTreeSet::from([answer.status.as_str()]), "{name}: {kept:?}");
    }
}

fn done(act: &Mutation) -> bool {
    act.answer.as_ref().is_some_and(|answer| matches!(answer.status.as_str(), "applied" | "merged"))
}

fn times_in(list: &[Value], wanted: &Value) -> usize {
    list.iter().filter(|one| one["id"] == *wanted).count()
}

/// What was done is there once, and what was refused is not.
async fn the_acts_are_there_once(phone: &Handset, tickets: &BTreeMap<Uuid, Answer>) {
    for act in phone.queue().await {
        let (list, key) = match act.kind.as_str() {
            "ticket.comment" => ("/comments", "id"),
            "material.use" => ("/materials", "usage_id"),
            "photo.add" => ("/photos", "photo_id"),
            _ => continue,
        };
        let there = act.ticket_id.and_then(|ticket| tickets.get(&ticket));
        let times = there.map_or(0, |ticket| times_in(ticket.list(list), &act.args[key]));
        let status = act.answer.as_ref().map_or("-", |answer| answer.status.as_str());
        match status {
            "applied" | "merged" => assert_eq!(times, 1, "{}: {act:?}", phone.name),
            "refused" => assert_eq!(times, 0, "{}: {act:?}", phone.name),
            _ => assert!(times <= 1, "{}: {act:?}", phone.name),
        }
    }
}

/// Every photo of a phone arrived, or the phone knows why not; the ticket says the same.
async fn photos_are_there(phone: &Handset, tickets: &BTreeMap<Uuid, Answer>) {
    let acts: BTreeMap<Uuid, Mutation> = phone.queue().await.into_iter().map(|act| (act.id, act)).collect();
    for photo in phone.client.photos().await.expect("the store is readable") {
        assert!(matches!(photo.state, PhotoState::Done | PhotoState::Refused), "{}: {photo:?}", phone.name);
        let Some(act) = acts.get(&photo.mutation_id).filter(|act| done(act)) else { continue };
        let ticket = &tickets[&act.ticket_id.expect("a photo is of a ticket")];
        let shown = ticket.list("/photos").iter().find(|shown| id(&shown["id"]) == photo.id);
        let shown = shown.unwrap_or_else(|| panic!("{}: {photo:?} is not shown", phone.name));
        assert_eq!(shown["state"], "received", "{}: {photo:?}", phone.name);
        assert_eq!(shown["sha256"], photo.sha256.as_str(), "{}", phone.name);
    }
}

/// A ticket that was completed on a phone was completed when the technician did it, whatever his clock said and whenever
/// it arrived: never before, and later only when something of the desk stands in between.
async fn terms_follow_the_true_time(world: &World<'_>, phone: &Handset, tickets: &BTreeMap<Uuid, Answer>) {
    for act in phone.queue().await {
        if act.kind != "ticket.complete" || !done(&act) {
            continue;
        }
        let Some(deed) = phone.deeds.get(&act.id) else { continue };
        let ticket = act.ticket_id.expect("a completion is of a ticket");
        let Some(completed) = time(tickets[&ticket].json("/completed_at")) else { continue };
        let knowable = deed.boot == naryad_sync::client::DeviceClock::boot_id(&*phone.clock);
        if !knowable || deed.skew_ms != 0 {
            continue;
        }
        let second = TimeDelta::seconds(1);
        assert!(completed >= deed.at - second, "{}: completed {completed} before {deed:?}", phone.name);
        // What others did about the ticket in between is what the completion follows.
        let events = pages(&world.estate.dispatcher, &format!("/v1/tickets/{ticket}/events?limit=200")).await;
        let between = |event: &Value| {
            let at = time(&event["times"]["corrected"]).is_some_and(|at| at > deed.at && at <= completed);
            at && event["act"] != "ticket.complete"
        };
        if !events.iter().any(between) {
            assert!(completed <= deed.at + second, "{}: completed {completed} after {deed:?}", phone.name);
        }
    }
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    Some(value.as_str()?.parse().expect("a time"))
}

/// A term is met when what it waits for came in time, and what it waits for is what the ticket says.
async fn deadlines_agree(desk: &Client, tickets: &BTreeMap<Uuid, Answer>) {
    for (ticket, seen) in tickets {
        let terms = desk.get(&format!("/v1/tickets/{ticket}/deadlines")).await.ok(200);
        let terms = terms.body.as_array().or_else(|| terms.body["items"].as_array()).expect("a list").clone();
        for term in &terms {
            let (Some(met), Some(due)) = (time(&term["met_at"]), time(&term["due_at"])) else { continue };
            if term["state"] == "cancelled" {
                continue;
            }
            let late = met > due;
            assert_eq!(term["state"], if late { "missed" } else { "met" }, "{term}");
            let of = match term["kind"].as_str() {
                Some("resolve") => "/completed_at",
                Some("localize") => "/localized_at",
                _ => continue,
            };
            if let Some(at) = time(seen.json(of)) {
                assert!(met <= at, "a term was met before the ticket says: {term} {seen}");
            }
        }
    }
}

/// The van of each holds what was brought into it, less what was used, each use once.
async fn stock_adds_up(world: &World<'_>, tickets: &BTreeMap<Uuid, Answer>) {
    let path = format!("/v1/stock/balances?material_id={}&limit=200", world.pipe);
    let left: f64 =
        pages(&world.estate.dispatcher, &path).await.iter().map(|line| number(&line["quantity"])).sum();
    let lines = tickets.values().flat_map(|ticket| ticket.list("/materials"));
    let used: f64 = lines
        .filter(|line| id(&line["material_id"]) == world.pipe)
        .map(|line| number(&line["quantity"]))
        .sum();
    let brought = STOCK as f64 * CREW as f64;
    assert!((left + used - brought).abs() < 1e-6, "{left} left and {used} used of {brought}");
}

fn number(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_f64()).expect("a quantity")
}

/// Each phone holds what a phone of its owner that was never used before pulls, every open visit of his, and nothing of
/// another's.
async fn phones_hold_what_they_should(world: &mut World<'_>, tickets: &BTreeMap<Uuid, Answer>) {
    let strangers: BTreeSet<Uuid> = the_tickets(&world.strangers.dispatcher).await.into_keys().collect();
    for of in 0..CREW {
        world.hand_out(of, None).await;
        let mut fresh = world.phones.pop().expect("it was handed out");
        let owner = world.crew[of].user.id;
        // Photos are looked at by a job after they came, which the tickets tell: until that is over everybody pulls.
        eventually("the phones to hold what a fresh one holds", async || {
            fresh.sync().await;
            let untouched = contents(&fresh).await;
            let mut same = true;
            for phone in world.phones.iter_mut().filter(|phone| phone.owner.id == owner) {
                phone.sync().await;
                same &= versions(&contents(phone).await) == versions(&untouched);
            }
            same.then_some(())
        })
        .await;
        let untouched = contents(&fresh).await;
        let (mut may, mut must) = (BTreeSet::new(), BTreeSet::new());
        for (ticket, seen) in tickets {
            for visit in seen.list("/visits") {
                let his =
                    visit["crew"].as_array().is_some_and(|crew| crew.iter().any(|one| names(one, owner)));
                let status = visit["status"].as_str().unwrap_or_default();
                if his && status != "cancelled" {
                    may.insert(*ticket);
                }
                if his && matches!(status, "planned" | "en_route" | "started") {
                    must.insert(*ticket);
                }
            }
        }
        for phone in world.phones.iter().filter(|phone| phone.owner.id == owner) {
            let held = contents(phone).await;
            for (key, entity) in &untouched {
                assert_eq!(held.get(key), Some(entity), "{} holds something else", phone.name);
            }
            assert_eq!(held.len(), untouched.len(), "{} holds more than it should", phone.name);
            let shown: BTreeSet<Uuid> =
                held.keys().filter(|(_, entity, _)| entity == "ticket").map(|(_, _, id)| *id).collect();
            assert!(shown.is_subset(&may), "{} holds another's: {:?}", phone.name, shown.difference(&may));
            assert!(must.is_subset(&shown), "{} lacks: {:?}", phone.name, must.difference(&shown));
            assert!(shown.is_disjoint(&strangers), "{} holds a stranger's", phone.name);
        }
    }
}

/// Whether a member of a crew, given as an identifier or as a document with one, is this one.
fn names(member: &Value, who: Uuid) -> bool {
    [member, &member["id"], &member["technician_id"]]
        .iter()
        .any(|one| one.as_str().and_then(|text| text.parse::<Uuid>().ok()) == Some(who))
}

/// What is held, without the documents.
fn versions(contents: &Contents) -> Vec<(&(String, String, Uuid), i64)> {
    contents.iter().map(|(key, (version, _))| (key, *version)).collect()
}

async fn contents(phone: &Handset) -> Contents {
    let all = phone.client.entities().await.expect("the store is readable");
    let key = |one: Entity| ((one.feed, one.entity, one.id), (one.doc_version, one.data));
    all.into_iter().map(key).collect()
}
