//! The dispatcher finds a time, keeps it, books it, exchanges it.

use naryad_tests::{House, Role, estate::Estate, on_both, proves};
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
        assert_eq!(swapped.json("/visits/0/reschedules/1/told"), false);
        // A third visit stands where the exchange would lead: nothing is exchanged.
        book(&json!(boris.user.id), 180).await;
        let both = json!({ "with": two, "what": "times" });
        estate.dispatcher.post(&format!("/v1/visits/{one}/swap"), both).await.problem(409, "slot_taken");
        let stays = estate.dispatcher.get(&format!("/v1/visits/{one}")).await.ok(200);
        assert_eq!(stays.text("/planned_start"), start(&second, 0));
    }
}
