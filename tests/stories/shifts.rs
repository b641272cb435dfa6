//! Shifts, absences, and what happens to the visits that lose their time.

use futures_util::future::join_all;
use naryad_tests::{
    Answer, Client, House, Role,
    estate::{Estate, Technician},
    on_both, proves,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// The same hours on every day of the week.
fn everyday(from: &str, to: &str) -> Value {
    json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": [{ "from": from, "to": to }] }])
}

async fn give(estate: &Estate, technician: &Technician, week: Value) -> Answer {
    let body = json!({ "technician_id": technician.user.id, "valid_from": "2026-03-01", "week": week });
    estate.admin.post("/v1/shifts", body).await
}

/// A ticket booked some minutes from now, for an hour.
async fn book(house: &House, estate: &Estate, crew: &[Uuid], minutes: i64) -> (Uuid, Uuid) {
    let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
    let body = json!({
        "technicians": crew, "start": house.clock().in_minutes(minutes),
        "end": house.clock().in_minutes(minutes + 60),
    });
    let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
    (ticket, planned.id("/visits/0/id"))
}

async fn to_rebook(client: &Client) -> Vec<Uuid> {
    let list = client.get("/v1/rebookings").await.ok(200);
    list.list("/items").iter().map(|row| row["ticket_id"].as_str().unwrap().parse().unwrap()).collect()
}

on_both! {
    /// Anna falls ill at noon: the visit under way stays, the rest of her day is to be rebooked in the same moment, the
    /// crew she was a member of comes without her, and what is booked again leaves the list.
    async fn anna_falls_ill(house: &House) {
        proves!(R35, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let (a, b) = (anna.user.id, boris.user.id);
        let (under_way, visit) = book(house, &estate, &[a], 0).await;
        let (alone, _) = book(house, &estate, &[a], 60).await;
        let (member, crewed) = book(house, &estate, &[b, a], 120).await;
        house.clock().advance_minutes(10);
        anna.client.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200);

        let body = json!({
            "technician_id": a, "kind": "sick", "end": house.clock().in_minutes(480), "reason": "Температура.",
        });
        let absence = estate.dispatcher.post("/v1/absences", body.clone()).await.ok(201);
        assert_eq!(absence.list("/displaced").len(), 2);
        assert_eq!(absence.json("/displaced/1/crew_stays"), true);
        estate.dispatcher.post("/v1/absences", body).await.problem(409, "already_exists");
        let status = async |ticket: Uuid| {
            estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200).text("/status").to_owned()
        };
        assert_eq!(status(under_way).await, "in_progress");
        assert_eq!(status(alone).await, "registered");
        let kept = estate.dispatcher.get(&format!("/v1/visits/{crewed}")).await.ok(200);
        assert_eq!((kept.text("/status"), kept.list("/crew").len()), ("planned", 1));
        // What is no longer hers is no longer on her phone; nothing of her health stands on a ticket.
        anna.client.get(&format!("/v1/tickets/{alone}")).await.problem(404, "not_found");
        anna.client.get(&format!("/v1/tickets/{member}")).await.problem(404, "not_found");
        let resident = estate.resident(house).await.get(&format!("/v1/tickets/{alone}")).await.ok(200);
        assert_eq!(resident.text("/visits/0/reason"), "Исполнитель не сможет прийти.");

        assert_eq!(to_rebook(&estate.dispatcher).await, [alone]);
        let again = json!({
            "technicians": [a], "start": house.clock().in_minutes(200), "end": house.clock().in_minutes(260),
        });
        let plan = format!("/v1/tickets/{alone}/plan");
        estate.dispatcher.post(&plan, again.clone()).await.problem(409, "slot_taken");
        let mut again = again;
        again["technicians"] = json!([b]);
        estate.dispatcher.post(&plan, again).await.ok(200);
        assert!(to_rebook(&estate.dispatcher).await.is_empty());
        let done = estate.dispatcher.get("/v1/rebookings?resolved=true&cause=absence").await.ok(200);
        assert_eq!(done.list("/items").len(), 1);

        // She is better: what is left of the absence is given back.
        house.clock().advance_minutes(60);
        let cancel = format!("/v1/absences/{}/cancel", absence.id("/id"));
        let back = estate.dispatcher.request(Method::POST, &cancel).send().await.ok(200);
        assert_eq!(back.text("/end"), house.clock().in_minutes(0));
        estate.dispatcher.request(Method::POST, &cancel).send().await.problem(409, "illegal_move");
        book(house, &estate, &[a], 5).await;
        anna.client.get(&format!("/v1/absences/{}", absence.id("/id"))).await.ok(200);
        boris.client.get(&format!("/v1/absences/{}", absence.id("/id"))).await.problem(404, "not_found");
    }
}

on_both! {
    /// An edited shift shows the visits it would displace, and displaces what was confirmed and nothing else.
    async fn a_shorter_shift(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let manager = house.staff(&estate.organization, Role::Manager).await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        // 09:00 in Moscow.
        let shift = give(&estate, &anna, everyday("08:00", "20:00")).await.ok(201);
        let path = format!("/v1/shifts/{}", shift.id("/id"));
        let (late, _) = book(house, &estate, &[anna.user.id], 9 * 60).await;
        let body = |confirm: Option<&str>| json!({ "week": everyday("08:00", "17:00"), "confirm": confirm });
        estate.dispatcher.patch(&path, shift.etag(), body(None)).await.problem(403, "forbidden");
        let shown = manager.patch(&path, shift.etag(), body(None)).await.problem(409, "displaces_bookings");
        assert_eq!(shown.json("/displaces/0/ticket_id"), &json!(late));
        let (later, _) = book(house, &estate, &[anna.user.id], 10 * 60).await;
        let stale = manager.patch(&path, shift.etag(), body(Some(shown.text("/confirm")))).await;
        let shown = stale.problem(409, "displaces_bookings");
        assert_eq!(shown.list("/displaces").len(), 2);
        let done = manager.patch(&path, shift.etag(), body(Some(shown.text("/confirm")))).await.ok(200);
        manager.patch(&path, shift.etag(), body(None)).await.problem(412, "version_stale");
        assert_eq!(done.number("/version"), 2);
        let mut waiting = to_rebook(&estate.dispatcher).await;
        waiting.sort_unstable();
        let mut expected = [late, later];
        expected.sort_unstable();
        assert_eq!(waiting, expected);
        // A ticket that is cancelled waits no more.
        let why = json!({ "reason": "Житель отказался." });
        estate.dispatcher.post(&format!("/v1/tickets/{late}/cancel"), why).await.ok(200);
        assert_eq!(to_rebook(&estate.dispatcher).await, [later]);

        // The dispatcher swaps a day; taking the exception back gives the day again.
        let swap = json!({
            "technician_id": anna.user.id, "date": "2026-03-03", "kind": "replaced", "reason": "Подмена.",
            "windows": [{ "from": "20:00", "to": "08:00", "ends_next_day": true }],
        });
        let exception = estate.dispatcher.post("/v1/shift-exceptions", swap.clone()).await.ok(201);
        estate.dispatcher.post("/v1/shift-exceptions", swap).await.problem(409, "already_exists");
        let day = "/v1/shifts/roster?from=2026-03-03&to=2026-03-03";
        let night = anna.client.get(day).await.ok(200);
        assert_eq!(night.text("/items/0/open/0/start"), "2026-03-03T17:00:00Z");
        // The roster of a date ends with it.
        assert_eq!(night.text("/items/0/open/0/end"), "2026-03-03T21:00:00Z");
        let path = format!("/v1/shift-exceptions/{}", exception.id("/id"));
        let patch = json!({ "kind": "removed", "windows": [] });
        estate.dispatcher.patch(&path, exception.etag(), patch).await.ok(200).has("/version", 2);
        estate.dispatcher.delete(&path).await.ok(204);
        let usual = estate.dispatcher.get(&format!("{day}&technician_id={}", anna.user.id)).await.ok(200);
        assert_eq!(usual.text("/items/0/open/0/start"), "2026-03-03T05:00:00Z");
    }
}

on_both! {
    /// Who can be called at night: those at work first, then those on call; nobody who is away.
    async fn who_can_be_called_at_night(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let vera = estate.technician(house, "Волкова Вера Ильинична").await;
        let night = |on_call: bool| {
            json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": [
                { "from": "20:00", "to": "08:00", "ends_next_day": true, "on_call": on_call },
            ] }])
        };
        give(&estate, &anna, night(true)).await.ok(201);
        give(&estate, &boris, night(false)).await.ok(201);
        give(&estate, &vera, night(true)).await.ok(201);
        let leave = json!({
            "technician_id": vera.user.id, "kind": "vacation",
            "start": "2026-03-02T12:00:00Z", "end": "2026-03-16T12:00:00Z",
        });
        estate.dispatcher.post("/v1/absences", leave).await.ok(201);
        let at = async |at: &str| {
            let found = estate.dispatcher.get(&format!("/v1/shifts/on-call?at={at}")).await.ok(200);
            let tell = |who: &Value| format!("{} {} {}", who["full_name"], who["duty"], who["until"]).replace('"', "");
            found.list("/items").iter().map(tell).collect::<Vec<_>>()
        };
        assert_eq!(
            at("2026-03-03T00:00:00Z").await,
            [
                "Петров Борис Ильич shift 2026-03-03T05:00:00Z",
                "Сидорова Анна Павловна on_call 2026-03-03T05:00:00Z",
            ]
        );
        assert!(at("2026-03-03T09:00:00Z").await.is_empty());
        let all = estate.dispatcher.get("/v1/shifts/roster?from=2026-03-02&to=2026-03-02").await.ok(200);
        assert_eq!(all.list("/items").len(), 3);
        let own = vera.client.get("/v1/shifts/roster?from=2026-03-02&to=2026-03-02").await.ok(200);
        assert_eq!(own.list("/items").len(), 1);
        assert_eq!(own.text("/items/0/absences/0/kind"), "absence");
        assert_eq!(vera.client.get("/v1/shifts").await.ok(200).list("/items").len(), 1);
        let foreign = format!("/v1/shifts?technician_id={}", anna.user.id);
        vera.client.get(&foreign).await.problem(404, "not_found");
        vera.client.get("/v1/rebookings").await.problem(403, "forbidden");
    }
}

on_both! {
    /// What is no shift and no absence is refused with the field that is wrong.
    async fn what_is_no_shift(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let refused = async |path: &str, body: Value, field: &str| {
            let answer = estate.admin.post(path, body).await.problem(422, "invalid_field");
            assert_eq!(answer.text("/errors/0/field"), field);
        };
        let shift = |name: &str, value: Value| {
            let mut body = json!({
                "technician_id": anna.user.id, "valid_from": "2026-03-01", "week": everyday("08:00", "17:00"),
            });
            body[name] = value;
            body
        };
        let hours = |window: Value| shift("week", json!([{ "days": ["mo"], "windows": [window] }]));
        for (body, field) in [
            (hours(json!({ "from": "17:00", "to": "08:00" })), "week[0].windows[0].to"),
            (hours(json!({ "from": "08:00", "to": "09:00", "ends_next_day": true })), "week[0].windows[0].to"),
            (hours(json!({ "from": "25:00", "to": "09:00" })), "week[0].windows[0].from"),
            (
                hours(json!({ "from": "08:00", "to": "17:00", "breaks": [{ "from": "17:00", "to": "18:00" }] })),
                "week[0].windows[0].breaks[0]",
            ),
            (shift("zone", json!("Europe/Moskau")), "zone"),
            (shift("valid_from", json!("1812-06-24")), "valid_from"),
            (shift("valid_to", json!("2026-02-28")), "valid_to"),
        ] {
            refused("/v1/shifts", body, field).await;
        }
        give(&estate, &anna, everyday("08:00", "17:00")).await.ok(201);
        let absence = |start: Value, end: &str| {
            json!({ "technician_id": anna.user.id, "kind": "other", "start": start, "end": end })
        };
        for (body, field) in [
            (absence(json!("2026-03-02T12:00:00Z"), "2026-03-02T11:00:00Z"), "end"),
            (absence(json!("2026-03-01T12:00:00Z"), "2026-03-02T11:00:00Z"), "start"),
            (absence(Value::Null, "2026-03-02T05:00:00Z"), "end"),
            (absence(Value::Null, "2036-03-02T05:00:00Z"), "end"),
            (absence(Value::Null, "9999-03-02T05:00:00Z"), "end"),
        ] {
            refused("/v1/absences", body, field).await;
        }
        for query in ["from=2026-03-02&to=2026-03-01", "from=2026-03-01&to=2026-05-02", "from=x&to=2026-03-01"] {
            let path = format!("/v1/shifts/roster?{query}");
            estate.dispatcher.get(&path).await.problem(422, "invalid_field");
        }
    }
}

on_both! {
    /// Plans, an absence and an edited shift come at once: the outcome is that of some order, and no client is told of a
    /// deadlock. Every visit is booked outside the absence, or waits to be rebooked.
    async fn an_absence_among_plans(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let shift = give(&estate, &anna, everyday("08:00", "20:00")).await.ok(201);
        let tickets: Vec<Uuid> = join_all((0..12).map(|_| async {
            estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id")
        }))
        .await;
        let plans = tickets.iter().enumerate().map(|(n, ticket)| {
            let estate = &estate;
            let (a, b) = (anna.user.id, boris.user.id);
            let crew = if n % 2 == 0 { vec![a, b] } else { vec![b, a] };
            let from = 60 + i64::try_from(n).unwrap() * 45;
            let body = json!({
                "technicians": crew, "start": house.clock().in_minutes(from), "end": house.clock().in_minutes(from + 40),
            });
            async move { estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await }
        });
        let leaves = async {
            let body = json!({ "technician_id": anna.user.id, "kind": "sick", "end": house.clock().in_minutes(300) });
            estate.dispatcher.post("/v1/absences", body).await.ok(201)
        };
        let edits = async {
            let path = format!("/v1/shifts/{}", shift.id("/id"));
            let mut confirm = Value::Null;
            loop {
                let body = json!({ "week": everyday("08:00", "16:00"), "confirm": confirm });
                let answer = estate.admin.patch(&path, shift.etag(), body).await;
                if answer.status == 200 {
                    return;
                }
                confirm = answer.problem(409, "displaces_bookings").json("/confirm").clone();
            }
        };
        let (planned, absence, ()) = futures_util::join!(join_all(plans), leaves, edits);
        let until: chrono::DateTime<chrono::Utc> = absence.text("/end").parse().unwrap();
        let waiting = to_rebook(&estate.dispatcher).await;
        for (ticket, answer) in tickets.iter().zip(planned) {
            let now = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            if answer.status != 200 {
                assert_eq!(answer.status, 409, "{answer}");
                assert_eq!(now.text("/status"), "registered");
                continue;
            }
            let crew = now.list("/visits/0/crew");
            let hers = crew.iter().any(|member| member["technician_id"] == json!(anna.user.id));
            if now.text("/status") == "planned" {
                let start: chrono::DateTime<chrono::Utc> = now.text("/visits/0/planned_start").parse().unwrap();
                assert!(!hers || start >= until, "{now}");
            } else {
                assert!(waiting.contains(ticket), "{ticket} is lost");
            }
        }
    }
}
