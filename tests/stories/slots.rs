//! The dispatcher finds a time, keeps it, books it, exchanges it.

use futures_util::future::join_all;
use naryad_tests::{
    House, Role,
    estate::{Estate, Technician},
    house::eventually,
    on_both, proves,
};
use serde_json::{Value, json};

/// The begin of the work of a visit, as the ticket tells it.
fn start(ticket: &naryad_tests::Answer, visit: usize) -> String {
    ticket.text(&format!("/visits/{visit}/planned_start")).to_owned()
}

on_both! {
    /// A kept time is booked by its token: once, by its holder, while it is kept.
    async fn a_time_is_kept_and_booked(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let other = house.staff(&estate.organization, Role::Dispatcher).await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let second = estate.register("SEW-SMELL", "Запах в подвале.").await.id("/id");
        let body = json!({
            "ticket_id": id, "technicians": [anna.user.id],
            "start": house.clock().in_minutes(60), "end": house.clock().in_minutes(120),
        });
        let kept = estate.dispatcher.post("/v1/slots/hold", body.clone()).await.ok(201);
        let token = kept.text("/hold_token").to_owned();
        assert!(kept.text("/say").contains("Сидорова Анна Павловна"), "{}", kept.text("/say"));
        // Nobody else gets it, by search, by hold or by plan.
        let plan = |token: &str| json!({ "hold_token": token });
        let mut theirs = body.clone();
        theirs["ticket_id"] = json!(second);
        other.post("/v1/slots/hold", theirs.clone()).await.problem(409, "slot_taken");
        other.post(&format!("/v1/tickets/{id}/plan"), plan(&token)).await.problem(404, "not_found");
        other.post("/v1/slots/release", plan(&token)).await.problem(404, "not_found");
        estate
            .dispatcher
            .post(&format!("/v1/tickets/{second}/plan"), plan(&token))
            .await
            .problem(422, "invalid_field");
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), plan(&token)).await.ok(200);
        assert_eq!(start(&planned, 0), house.clock().in_minutes(60));
        assert_eq!(planned.text("/access_notice/workers/0"), "Сидорова Анна Павловна");
        estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), plan(&token)).await.problem(409, "hold_used");

        // The second is extended once, runs out, and its time is free again.
        let mut later = theirs.clone();
        later["start"] = json!(house.clock().in_minutes(180));
        later["end"] = json!(house.clock().in_minutes(240));
        let kept = other.post("/v1/slots/hold", later.clone()).await.ok(201);
        let token = kept.text("/hold_token").to_owned();
        other.post("/v1/slots/extend", plan(&token)).await.ok(200).has("/extended", true);
        other.post("/v1/slots/extend", plan(&token)).await.problem(409, "hold_used");
        house.clock().advance_minutes(3);
        estate.dispatcher.post("/v1/slots/hold", later.clone()).await.problem(409, "slot_taken");
        house.clock().advance_minutes(1);
        other.post(&format!("/v1/tickets/{second}/plan"), plan(&token)).await.problem(410, "hold_expired");
        let kept = estate.dispatcher.post("/v1/slots/hold", later.clone()).await.ok(201);
        // Given back, it is gone.
        let token = kept.text("/hold_token").to_owned();
        estate.dispatcher.post("/v1/slots/release", plan(&token)).await.ok(204);
        estate.dispatcher.post("/v1/slots/release", plan(&token)).await.ok(204);
        other.post("/v1/slots/hold", later).await.ok(201);
    }
}

on_both! {
    /// Two visits exchange times, or crews, at once; who was promised another time is told, and the history stays.
    async fn two_visits_exchange(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let book = async |technician: &Value, from: i64| {
            let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
            let body = json!({
                "technicians": [technician],
                "start": house.clock().in_minutes(from), "end": house.clock().in_minutes(from + 60),
            });
            estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200)
        };
        let first = book(&json!(anna.user.id), 60).await;
        let second = book(&json!(boris.user.id), 180).await;
        let (one, two) = (first.id("/visits/0/id"), second.id("/visits/0/id"));
        let stale = json!({ "with": two, "version": 7 });
        estate.dispatcher.post(&format!("/v1/visits/{one}/swap"), stale).await.problem(412, "version_stale");
        let swapped = estate.dispatcher.post(&format!("/v1/visits/{one}/swap"), json!({ "with": two })).await.ok(200);
        assert_eq!(start(&swapped, 0), start(&second, 0));
        assert_eq!(swapped.id("/visits/0/crew/0/technician_id"), boris.user.id);
        assert_eq!(swapped.json("/visits/0/reschedules/0/told"), true);
        assert_eq!(swapped.text("/visits/0/reschedules/0/from/start"), start(&first, 0));
        let crews = json!({ "with": two, "what": "technicians" });
        let swapped = estate.dispatcher.post(&format!("/v1/visits/{one}/swap"), crews).await.ok(200);
        assert_eq!(start(&swapped, 0), start(&second, 0), "the time stays");
        assert_eq!(swapped.id("/visits/0/crew/0/technician_id"), anna.user.id);
        assert_eq!(swapped.json("/visits/0/reschedules/1/told"), true, "he was promised somebody by name");
        // A third visit stands where the exchange would lead: nothing is exchanged.
        book(&json!(boris.user.id), 180).await;
        let both = json!({ "with": two, "what": "times" });
        estate.dispatcher.post(&format!("/v1/visits/{one}/swap"), both).await.problem(409, "slot_taken");
        let stays = estate.dispatcher.get(&format!("/v1/visits/{one}")).await.ok(200);
        assert_eq!(stays.text("/planned_start"), start(&second, 0));
    }
}

on_both! {
    /// The work lasts longer than planned: the desk is alarmed once, at the planned end; a visit that ended is silent.
    async fn an_overrun_alarms(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let begin = async |from: i64| {
            let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
            let body = json!({
                "technicians": [anna.user.id],
                "start": house.clock().in_minutes(from), "end": house.clock().in_minutes(from + 30),
            });
            let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
            let visit = planned.id("/visits/0/id");
            anna.client.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200);
            (id, visit)
        };
        let (_, short) = begin(5).await;
        let why = json!({ "reason": "Нужна деталь." });
        anna.client.post(&format!("/v1/visits/{short}/unfinished"), why).await.ok(200);
        let (long, _) = begin(40).await;
        house.clock().advance_minutes(71);
        let alarms = async || {
            let alerts = estate.dispatcher.get("/v1/alerts?limit=200").await.ok(200);
            let overruns = alerts.list("/items").iter().filter(|alert| alert["kind"] == "visit_overrun");
            overruns.map(|alert| alert["ticket_id"].clone()).collect::<Vec<_>>()
        };
        eventually("the alarm of the overrun", async || (!alarms().await.is_empty()).then_some(())).await;
        assert_eq!(alarms().await, [json!(long)]);
    }
}

/// Gives a technician the same shift on every day.
async fn give(estate: &Estate, technician: &Technician, from: &str, to: &str) {
    let days = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    let week = json!([{ "days": days, "windows": [{ "from": from, "to": to }] }]);
    let body = json!({ "technician_id": technician.user.id, "valid_from": "2026-03-01", "week": week });
    estate.admin.post("/v1/shifts", body).await.ok(201);
}

on_both! {
    /// The resident is on the line: a search, a hold, one action that books; the answer says who comes, when, and until
    /// when it must be done. Another dispatcher sees it in the stream and in the calendar.
    async fn a_free_time_is_found_and_booked(house: &House) {
        proves!(R8);
        proves!(R34);
        proves!(R21, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        give(&estate, &anna, "09:00", "18:00").await;
        let watcher = house.staff(&estate.organization, Role::Dispatcher).await;
        let mut stream = watcher.events("/v1/events").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let found = estate.dispatcher.post("/v1/slots/search", json!({ "ticket_id": id })).await.ok(200);
        let slots = found.list("/slots");
        assert!(!slots.is_empty());
        for slot in slots {
            assert_eq!(slot["technicians"], json!([anna.user.id]), "nobody without a shift is offered");
        }
        let say = found.text("/say");
        assert!(say.contains("Сидорова Анна Павловна") && say.contains("2 марта с 09:00 до 11:00"), "{say}");
        let english = estate
            .dispatcher
            .post("/v1/slots/search", json!({ "ticket_id": id, "locale": "en", "limit": 1 }))
            .await
            .ok(200);
        assert!(english.text("/say").contains("2 March, 09:00 to 11:00"), "{}", english.text("/say"));
        // Each listed time can be kept and given back.
        for slot in slots {
            let mut body = json!({ "ticket_id": id });
            for name in ["technicians", "start", "end", "window"] {
                body[name] = slot[name].clone();
            }
            let kept = estate.dispatcher.post("/v1/slots/hold", body).await.ok(201);
            let token = json!({ "hold_token": kept.text("/hold_token") });
            estate.dispatcher.post("/v1/slots/release", token).await.ok(204);
        }
        let best = &slots[0];
        let body = json!({
            "ticket_id": id, "technicians": best["technicians"], "start": best["start"], "end": best["end"],
            "window": best["window"],
        });
        let kept = estate.dispatcher.post("/v1/slots/hold", body).await.ok(201);
        let token = json!({ "hold_token": kept.text("/hold_token") });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), token).await.ok(200);
        let say = planned.text("/say");
        assert!(say.contains("Придёт Сидорова Анна Павловна, 2 марта с 09:00 до 11:00"), "{say}");
        assert!(say.contains("Плановый срок"), "{say}");
        let notice = planned.json("/access_notice");
        assert_eq!(notice["workers"], json!(["Сидорова Анна Павловна"]));
        assert_eq!(notice["start"], best["window"]["start"]);
        assert!(notice["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{notice}");
        stream.next().await;

        // One call does the same; nobody is left when Anna's day is gone.
        let second = estate.register("SEW-SMELL", "Запах в подвале.").await.id("/id");
        let assigned = estate
            .dispatcher
            .post(&format!("/v1/tickets/{second}/assign-best"), json!({}))
            .await
            .ok(200)
            .has("/status", "planned");
        assert!(assigned.text("/say").contains("Сидорова Анна Павловна"));
        let third = estate.register("SEW-SMELL", "Запах на лестнице.").await.id("/id");
        let only_boris = json!({ "technicians": [boris.user.id] });
        let nobody = estate.dispatcher.post(&format!("/v1/tickets/{third}/assign-best"), only_boris).await;
        nobody.problem(409, "slot_unavailable");
        // Outside the shift is refused, and booked when the dispatcher answers for it.
        let night = json!({
            "technicians": [anna.user.id], "start": "2026-03-02T20:00:00Z", "end": "2026-03-02T21:00:00Z",
        });
        let plan = format!("/v1/tickets/{third}/plan");
        let refused = estate.dispatcher.post(&plan, night.clone()).await.problem(409, "slot_unavailable");
        assert_eq!(refused.text("/reasons/0/code"), "shift");
        assert_eq!(refused.text("/nearest/start"), "2026-03-03T06:00:00Z");
        let mut answered = night;
        answered["override_reason"] = json!("Согласовано с исполнителем.");
        estate.dispatcher.post(&plan, answered).await.ok(200);
    }
}

on_both! {
    /// A full day and an emergency: what gives way is shown, and done on confirmation; a stale proposal brings a new one.
    async fn an_emergency_finds_room(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        give(&estate, &anna, "09:00", "18:00").await;
        let mut visits = Vec::new();
        for n in 0..4 {
            let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
            let body = json!({
                "technicians": [anna.user.id],
                "start": house.clock().in_minutes(n * 60), "end": house.clock().in_minutes(n * 60 + 60),
            });
            let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
            visits.push((id, planned.id("/visits/0/id")));
        }
        let mut request = estate.request("SEW-SMELL", "Прорыв канализации.");
        request["emergency"] = json!(true);
        let emergency = estate.dispatcher.post("/v1/tickets", request).await.ok(201).id("/id");
        let ask = json!({ "ticket_id": emergency });
        let routine = json!({ "ticket_id": visits[0].0 });
        estate.dispatcher.post("/v1/slots/displacement", routine).await.problem(422, "invalid_field");
        let proposal = estate.dispatcher.post("/v1/slots/displacement", ask).await.ok(200);
        assert_eq!(proposal.text("/kind"), "displacement");
        assert!(!proposal.list("/moves").is_empty());
        // A dispatcher moves what was to give way: nothing is done, a new proposal comes back.
        let touched = proposal.text("/moves/0/visit_id");
        let body = json!({
            "start": house.clock().in_minutes(420), "end": house.clock().in_minutes(480),
        });
        estate.dispatcher.post(&format!("/v1/visits/{touched}/move"), body).await.ok(200);
        let apply = "/v1/slots/displacement/apply";
        let stale = estate.dispatcher.post(apply, proposal.json("/confirm").clone()).await;
        let stale = stale.problem(409, "proposal_stale");
        let fresh = stale.json("/proposal/confirm").clone();
        let booked = estate.dispatcher.post(apply, fresh).await.ok(200).has("/status", "planned");
        assert!(booked.text("/say").contains("Сидорова Анна Павловна"), "{}", booked.text("/say"));
        // Nobody is lost: every one has a time, or stands among those to be rebooked.
        let waiting = estate.dispatcher.get("/v1/rebookings").await.ok(200);
        for (ticket, _) in &visits {
            let now = estate.dispatcher.get(&format!("/v1/tickets/{ticket}")).await.ok(200);
            let listed = waiting.list("/items").iter().any(|item| item["ticket_id"] == json!(ticket));
            assert!(now.text("/status") == "planned" || listed, "{now}");
        }
    }
}

on_both! {
    /// Anna falls ill in the morning: her day is proposed anew with Boris, and made on one confirmation.
    async fn a_day_is_repaired(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        give(&estate, &anna, "09:00", "18:00").await;
        give(&estate, &boris, "09:00", "18:00").await;
        let mut tickets = Vec::new();
        for n in 1..4 {
            let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
            let body = json!({
                "technicians": [anna.user.id],
                "start": house.clock().in_minutes(n * 60), "end": house.clock().in_minutes(n * 60 + 60),
            });
            estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
            tickets.push(id);
        }
        let ill = json!({ "technician_id": anna.user.id, "kind": "sick", "end": house.clock().in_minutes(600) });
        estate.dispatcher.post("/v1/absences", ill).await.ok(201);
        let proposal = estate.dispatcher.post("/v1/slots/repair", json!({})).await.ok(200);
        assert_eq!(proposal.list("/bookings").len(), 3);
        assert_eq!((proposal.list("/moves").len(), proposal.list("/left").len()), (0, 0));
        let confirm = proposal.json("/confirm").clone();
        let done = estate.dispatcher.post("/v1/slots/repair/apply", confirm.clone()).await.ok(200);
        assert_eq!(done.list("/tickets").len(), 3);
        // One resident asked for all three: he is told once.
        assert_eq!(done.number("/told"), 1);
        estate.dispatcher.post("/v1/slots/repair/apply", confirm).await.problem(409, "proposal_stale");
        for id in &tickets {
            let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200).has("/status", "planned");
            assert!(ticket.text("/say").contains("Петров Борис Ильич"), "{}", ticket.text("/say"));
        }
        let waiting = estate.dispatcher.get("/v1/rebookings").await.ok(200);
        assert!(waiting.list("/items").is_empty(), "{waiting}");
        // Boris cannot finish the first: it is to be rebooked in the same moment.
        let first = estate.dispatcher.get(&format!("/v1/tickets/{}", tickets[0])).await.ok(200);
        let visit = first.list("/visits").iter().find(|visit| visit["status"] == "planned").unwrap();
        let visit = visit["id"].as_str().unwrap();
        boris.client.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200);
        let why = json!({ "reason": "Нет детали." });
        boris.client.post(&format!("/v1/visits/{visit}/unfinished"), why).await.ok(200);
        let waiting = estate.dispatcher.get("/v1/rebookings").await.ok(200);
        assert_eq!(waiting.text("/items/0/cause"), "unfinished");
    }
}

on_both! {
    /// 64 dispatchers' clients want one time: one holder, and every other is told so.
    async fn one_time_has_one_holder(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let body = json!({
            "ticket_id": id, "technicians": [anna.user.id],
            "start": house.clock().in_minutes(60), "end": house.clock().in_minutes(120),
        });
        let answers = join_all((0..64).map(|_| estate.dispatcher.post("/v1/slots/hold", body.clone()))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 63));
        for answer in lost {
            answer.problem(409, "slot_taken");
        }
        // And it is booked once, however often it is confirmed.
        let token = json!({ "hold_token": won[0].text("/hold_token") });
        let plan = format!("/v1/tickets/{id}/plan");
        let answers = join_all((0..16).map(|_| estate.dispatcher.post(&plan, token.clone()))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        for answer in lost {
            answer.problem(409, "hold_used");
        }
    }
}

on_both! {
    /// Holds, bookings, exchanges, an absence and a shorter shift at once: each answer is that of some order, nothing
    /// deadlocks, and nothing overlaps.
    async fn holds_plans_absences_and_shift_edits_race(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        give(&estate, &anna, "09:00", "20:00").await;
        give(&estate, &boris, "09:00", "20:00").await;
        let clock = house.clock();
        let desk = &estate.dispatcher;
        let mut tickets = Vec::new();
        for _ in 0..18 {
            tickets.push(estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id"));
        }
        let (anna_id, boris_id) = (anna.user.id, boris.user.id);
        let work = tickets.iter().enumerate().map(|(n, id)| async move {
            let crew = if n % 2 == 0 { json!([anna_id]) } else { json!([boris_id, anna_id]) };
            let from = 60 + (n as i64 % 6) * 60;
            let (start, end) = (clock.in_minutes(from), clock.in_minutes(from + 60));
            match n % 3 {
                0 => {
                    let body = json!({ "ticket_id": id, "technicians": crew, "start": start, "end": end });
                    let kept = desk.post("/v1/slots/hold", body).await;
                    if kept.status != 201 {
                        return kept;
                    }
                    let token = json!({ "hold_token": kept.text("/hold_token") });
                    desk.post(&format!("/v1/tickets/{id}/plan"), token).await
                }
                1 => {
                    let body = json!({ "technicians": crew, "start": start, "end": end });
                    desk.post(&format!("/v1/tickets/{id}/plan"), body).await
                }
                _ => desk.post(&format!("/v1/tickets/{id}/assign-best"), json!({})).await,
            }
        });
        let ill = async {
            let body = json!({ "technician_id": anna_id, "kind": "sick", "end": clock.in_minutes(200) });
            desk.post("/v1/absences", body).await
        };
        let edit = async {
            let mut body = json!({
                "technician_id": boris_id, "date": "2026-03-02", "kind": "replaced", "reason": "Учёба.",
                "windows": [{ "from": "09:00", "to": "14:00" }],
            });
            loop {
                let answer = estate.admin.post("/v1/shift-exceptions", body.clone()).await;
                if answer.status != 409 {
                    return answer;
                }
                body["confirm"] = answer.json("/confirm").clone();
            }
        };
        let (answers, ill, edit) = tokio::join!(join_all(work), ill, edit);
        ill.ok(201);
        edit.ok(201);
        for answer in answers {
            if answer.status == 200 {
                continue;
            }
            let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
            let legal = ["slot_taken", "slot_unavailable", "hold_expired"];
            assert!(legal.contains(&code.as_str()), "{answer}");
        }
        // Whatever stands does not lie in the absence.
        let waiting = desk.get("/v1/rebookings?limit=200").await.ok(200);
        for id in &tickets {
            let ticket = desk.get(&format!("/v1/tickets/{id}")).await.ok(200);
            let standing = ticket.list("/visits").iter().find(|visit| visit["status"] == "planned").cloned();
            match standing {
                Some(visit) => {
                    let away = visit["crew"].as_array().unwrap().iter().any(|m| m["technician_id"] == json!(anna_id));
                    let start = visit["planned_start"].as_str().unwrap().to_owned();
                    assert!(!away || start >= clock.in_minutes(200), "{visit}");
                }
                None => {
                    let listed = waiting.list("/items").iter().any(|item| item["ticket_id"] == json!(id));
                    assert!(ticket.list("/visits").is_empty() || listed, "{ticket}");
                }
            }
        }
    }
}
