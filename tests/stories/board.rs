//! The board of terms: what burns, what was missed and why, in figures with the rows behind them.

use std::collections::{BTreeMap, BTreeSet};

use naryad_tests::{
    Client, House, Role, estate::Estate, events::EventStream, house::eventually, on_both, proves,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Waits until the stream says that this changed.
async fn poked(stream: &mut EventStream, topic: &str) {
    loop {
        let poke: Value = stream.next_named("poke").await.data.parse().unwrap();
        if poke["entities"].as_array().unwrap().contains(&json!(topic)) {
            return;
        }
    }
}

async fn overdue(client: &Client, kind: &str) -> Vec<Value> {
    client.get(&format!("/v1/deadlines?overdue=true&kind={kind}")).await.ok(200).list("/items").to_vec()
}

async fn late_tickets(client: &Client, more: &str) -> Vec<Uuid> {
    let page = client.get(&format!("/v1/tickets?overdue=true{more}")).await.ok(200);
    page.list("/items").iter().map(|line| line["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// The rows behind a figure: as many as it says.
async fn rows(client: &Client, figure: &Value) -> BTreeSet<String> {
    let page = client.get(&format!("{}&limit=200", figure["rows"].as_str().unwrap())).await.ok(200);
    let ids: BTreeSet<String> =
        page.list("/items").iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(figure["count"], ids.len(), "{figure}: {page}");
    ids
}

/// What a list of figures by kind and right says: the rows of each.
async fn figures(
    client: &Client,
    kinds: &Value,
) -> BTreeMap<(String, String, &'static str), BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for kind in kinds.as_array().unwrap() {
        for name in ["met", "missed", "late", "running"] {
            let key = (kind["kind"].to_string(), kind["basis"].to_string(), name);
            all.insert(key, rows(client, &kind[name]).await);
        }
    }
    all
}

on_both! {
    /// A missed term is seen at once and stays in the report; each figure is as many as the rows behind it.
    async fn a_missed_term_is_seen_live_and_in_the_report(house: &House) {
        proves!(R27);
        house.clock().set_to("2026-03-02T06:00:00Z");
        let estate = Estate::found(house, "УК Дом").await;
        let manager = house.staff(&estate.organization, Role::Manager).await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        // Nobody is told by a message here: somebody calls, or does not.
        estate.tells_nobody(&["registered", "booked"]).await;
        let [good, late, open] = [
            estate.register("SEW-BLOCK", "Засор в первом подъезде.").await.id("/id"),
            estate.register("SEW-BLOCK", "Засор во втором подъезде.").await.id("/id"),
            estate.register("SEW-SMELL", "Запах в подвале.").await.id("/id"),
        ];
        let plan = json!({
            "technicians": [anna.user.id], "start": house.clock().in_minutes(40), "end": house.clock().in_minutes(70),
        });
        estate.dispatcher.post(&format!("/v1/tickets/{late}/plan"), plan).await.ok(200);
        let how = json!({ "how": "phone" });
        estate.dispatcher.post(&format!("/v1/tickets/{good}/inform"), how.clone()).await.ok(200);
        assert!(overdue(&manager, "inform").await.is_empty());
        assert!(late_tickets(&manager, "").await.is_empty());

        // Nobody told two of the applicants: the desk is poked, and the board has them at once.
        house.clock().advance_minutes(20);
        // A stream lives as long as its access token: it is opened with a fresh one.
        estate.dispatcher.get("/v1/me").await.ok(200);
        let mut stream = estate.dispatcher.events("/v1/events").await;
        house.clock().advance_minutes(11);
        let burning = overdue(&manager, "inform").await;
        assert_eq!(burning.len(), 2, "{burning:?}");
        assert!(burning.iter().all(|line| line["late_s"] == 60 && line["overdue"] == true), "{burning:?}");
        poked(&mut stream, "alert").await;
        // They were registered in the same moment: their order says nothing.
        let both: BTreeSet<_> = late_tickets(&manager, "").await.into_iter().collect();
        assert_eq!(both, BTreeSet::from([open, late]));
        assert_eq!(late_tickets(&manager, "&status=planned").await, [late]);
        assert_eq!(late_tickets(&manager, &format!("&technician_id={}", anna.user.id)).await, [late]);
        assert!(late_tickets(&manager, "&request_type_id=00000000-0000-7000-8000-000000000000").await.is_empty());
        let calm = manager.get("/v1/tickets?overdue=false").await.ok(200);
        assert_eq!((calm.list("/items").len(), calm.id("/items/0/id")), (1, good));
        estate.dispatcher.post(&format!("/v1/tickets/{late}/inform"), how.clone()).await.ok(200);
        poked(&mut stream, "deadline").await;
        assert_eq!(late_tickets(&manager, "").await, [open]);

        let done = json!({ "reason": "Доложил по телефону.", "waive_missing": true });
        house.clock().advance_minutes(30);
        estate.dispatcher.post(&format!("/v1/tickets/{good}/complete"), done.clone()).await.ok(200);
        house.clock().advance_minutes(61);
        let burning = overdue(&manager, "resolve").await;
        assert_eq!(burning.len(), 1, "{burning:?}");
        assert_eq!(burning[0]["ticket_id"], json!(late));
        assert_eq!(burning[0]["technicians"][0]["full_name"], "Сидорова Анна Павловна");
        assert!(!burning[0]["why"].as_array().unwrap().is_empty(), "{}", burning[0]);
        eventually("the alert of the missed term", async || {
            let alerts = manager.get(&format!("/v1/alerts?ticket_id={late}")).await.ok(200);
            alerts.list("/items").iter().any(|a| a["kind"] == "resolve" && a["percent"] == 100).then_some(())
        })
        .await;

        // The live board: what stands in its lines stands behind its links.
        let board = manager.get("/v1/deadlines/board?by=technician&kind=resolve").await.ok(200);
        let hers = board.list("/groups").iter().find(|group| group["id"] == json!(anna.user.id)).unwrap();
        assert_eq!(rows(&manager, &hers["overdue"]).await.len(), 1);
        for by in ["building", "technician", "type"] {
            let board = manager.get(&format!("/v1/deadlines/board?by={by}")).await.ok(200);
            for group in board.list("/groups") {
                for name in ["overdue", "next_hour", "running", "paused", "missed_today"] {
                    rows(&manager, &group[name]).await;
                }
            }
        }

        // Done late, it is missed for good.
        estate.dispatcher.post(&format!("/v1/tickets/{late}/complete"), done).await.ok(200);
        let missed = manager.get("/v1/deadlines?state=missed&kind=resolve").await.ok(200);
        assert_eq!((missed.list("/items").len(), missed.id("/items/0/ticket_id")), (1, late));
        assert_eq!(missed.json("/items/0/late_s"), &json!(120));
        let range = "from=2026-03-01T21:00:00Z&to=2026-04-01T21:00:00Z";
        let report = manager.get(&format!("/v1/deadlines/report?{range}")).await.ok(200);
        let total = figures(&manager, report.json("/total")).await;
        let of = |kind: &str, name| {
            let found = total.iter().filter(|(key, _)| key.0 == format!("\"{kind}\"") && key.2 == name);
            found.map(|(_, rows)| rows.len()).sum::<usize>()
        };
        assert_eq!((of("inform", "met"), of("inform", "missed"), of("inform", "late")), (1, 1, 1), "{report}");
        assert_eq!((of("resolve", "met"), of("resolve", "missed"), of("resolve", "running")), (1, 1, 1), "{report}");
        // Whatever it is gathered by, the same rows are behind it, none twice where each has one group.
        for by in ["building", "type", "technician"] {
            let report = manager.get(&format!("/v1/deadlines/report?{range}&by={by}")).await.ok(200);
            assert_eq!(figures(&manager, report.json("/total")).await, total);
            let mut gathered: BTreeMap<_, BTreeSet<String>> = total.keys().map(|key| (key.clone(), BTreeSet::new())).collect();
            for group in report.list("/groups") {
                for (key, rows) in figures(&manager, &group["kinds"]).await {
                    let all = gathered.get_mut(&key).unwrap();
                    let before = all.len();
                    let count = rows.len();
                    all.extend(rows);
                    assert_eq!(all.len(), before + count, "{by}: {group}");
                }
            }
            assert_eq!(gathered, total, "{by}");
        }

        // Not for the crew, nor for another company.
        anna.client.get("/v1/deadlines").await.problem(403, "forbidden");
        anna.client.get(&format!("/v1/deadlines/report?{range}")).await.problem(403, "forbidden");
        let other = house.company("УК Сад").await;
        let stranger = house.staff(&other, Role::Manager).await;
        assert!(overdue(&stranger, "inform").await.is_empty());
        assert!(late_tickets(&stranger, "").await.is_empty());
        let report = stranger.get(&format!("/v1/deadlines/report?{range}")).await.ok(200);
        assert!(report.list("/total").is_empty());
    }
}
