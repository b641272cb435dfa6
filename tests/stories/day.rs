//! The day of the desk, the crew and the resident.

use naryad_tests::{
    House,
    estate::{Estate, announce, bring, location, open_upload, send_slice},
    on_both, photos, proves,
};
use reqwest::Method;
use serde_json::json;

on_both! {
    /// A burst pipe from the call to the resident's acceptance: number and term are told, a crew is booked in one
    /// action, photos arrive in slices, the ticket closes only with what its kind demands.
    async fn the_whole_day(house: &House) {
        proves!(R1);
        proves!(R10);
        proves!(R20);
        proves!(R2, part);
        proves!(R36, part);
        proves!(R38, part);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let mut request = estate.request("HVS-BURST", "Прорвало трубу в ванной.");
        request["cause"] = json!("Разрыв трубы холодной воды.");
        request["measures"] = json!("Отключение стояка, замена участка трубы.");
        request["crew_needed"] = json!(true);
        let ticket = estate.dispatcher.post("/v1/tickets", request).await.ok(201);
        let id = ticket.id("/id");
        assert_eq!(ticket.text("/number"), "2026-000001");
        assert_eq!(ticket.text("/applicant_phone"), "+79123456789");
        // Three days from the damage, by the clock of the building.
        assert_eq!(ticket.text("/planned_term"), "2026-03-05T06:00:00Z");
        let say = ticket.text("/say");
        assert!(say.contains("№ 2026-000001") && say.contains("5 марта в 09:00"), "{say}");
        assert!(say.contains("Перечень работ: Отключение стояка"), "{say}");

        let (start, end) = (house.clock().in_minutes(30), house.clock().in_minutes(90));
        let planned = estate
            .dispatcher
            .post(&format!("/v1/tickets/{id}/plan"), json!({
                "technicians": [anna.user.id], "start": start, "end": end,
            }))
            .await
            .ok(200)
            .has("/status", "planned")
            .has("/executor/kind", "own_staff");
        assert!(planned.text("/say").contains("Сидорова Анна Павловна"), "{}", planned.text("/say"));
        let visit = planned.id("/visits/0/id");

        house.clock().advance_minutes(30);
        let phone = &anna.client;
        phone.post(&format!("/v1/visits/{visit}/en-route"), json!({})).await.ok(200);
        phone.post(&format!("/v1/visits/{visit}/start"), json!({})).await.ok(200).has("/status", "in_progress");
        phone.post(&format!("/v1/tickets/{id}/localize"), json!({})).await.ok(200);
        let refused = phone.post(&format!("/v1/tickets/{id}/complete"), json!({})).await.problem(422, "evidence_missing");
        assert_eq!(refused.list("/missing").len(), 4, "{:?}", refused.body);

        let before = photos::jpeg(1);
        let photo = bring(phone, id, "before", &before).await;
        let seen = phone.get(&format!("/v1/photos/{photo}?size=original")).await.ok(200);
        assert_eq!(seen.bytes, before, "a photo is served as it was sent");
        // The second photo comes in slices, with a break in the middle.
        let after = photos::jpeg_of(2, 640, 480, 90);
        let half = after.len() / 2;
        let second = announce(phone, id, "after", &after).await;
        let upload = location(&open_upload(phone, second, &after).await.ok(201));
        send_slice(phone, &upload, 0, &after[..half]).await.ok(204);
        house.restart().await;
        send_slice(phone, &upload, half, &after[half..]).await.ok(204);
        bring(phone, id, "act", &photos::jpeg(3)).await;
        let pipe = estate.material("PPR-20", 12_350).await;
        let used = phone
            .post(&format!("/v1/tickets/{id}/materials"), json!({ "material_id": pipe, "quantity": "1.5" }))
            .await
            .ok(201);
        assert_eq!(used.json("/materials/0/total_minor"), 18_525);
        phone.post(&format!("/v1/tickets/{id}/complete"), json!({})).await.ok(200).has("/status", "completed");

        let resident = estate.resident(house).await;
        let mine = resident.get("/v1/tickets").await.ok(200);
        assert_eq!(mine.list("/items").len(), 1);
        let accept = format!("/v1/tickets/{id}/accept");
        resident.request(Method::POST, &accept).send().await.ok(200).has("/status", "closed");
        let journal = estate.dispatcher.get(&format!("/v1/tickets/{id}/events?limit=200")).await.ok(200);
        let acts: Vec<&str> = journal.list("/items").iter().map(|event| event["act"].as_str().unwrap()).collect();
        assert_eq!(acts.first(), Some(&"ticket.register"));
        assert_eq!(acts.last(), Some(&"ticket.accept"));
        // The decision at intake stands in the journal.
        assert_eq!(journal.json("/items/0/changes/0/after/crew_needed"), true);
        assert_eq!(journal.text("/items/0/changes/0/after/cause"), "Разрыв трубы холодной воды.");
    }
}

on_both! {
    /// The resident returns the work, it is done again, and nobody objects: the ticket closes by itself.
    async fn returned_and_done_again(house: &House) {
        proves!(R37, part);
        let estate = Estate::found(house, "УК Дом").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let resident = estate.resident(house).await;
        let id = estate.register("SEW-SMELL", "Запах из канализации на кухне.").await.id("/id");
        let plan = async |hours: i64| {
            let (start, end) = (house.clock().in_minutes(hours * 60), house.clock().in_minutes(hours * 60 + 60));
            let body = json!({ "technicians": [boris.user.id], "start": start, "end": end });
            estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200)
        };
        plan(1).await;
        let complete = format!("/v1/tickets/{id}/complete");
        // The desk says on whose report it closes.
        estate.dispatcher.post(&complete, json!({})).await.problem(422, "invalid_field");
        house.clock().advance_minutes(90);
        estate.dispatcher.post(&complete, json!({ "reason": "Петров доложил по телефону." })).await.ok(200);
        let back = json!({ "reason": "Запах остался." });
        resident
            .post(&format!("/v1/tickets/{id}/return"), back)
            .await
            .ok(200)
            .has("/status", "registered")
            .has("/return_count", 1);
        let again = plan(1).await;
        assert_eq!(again.list("/visits").len(), 2);
        house.clock().advance_minutes(70);
        boris.client.post(&complete, json!({})).await.ok(200).has("/status", "completed");
        house.clock().advance_minutes(3 * 24 * 60 + 1);
        naryad_tests::house::eventually("the automatic close", async || {
            let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
            (ticket.text("/status") == "closed").then_some(())
        })
        .await;
    }
}

on_both! {
    /// A crew of two: the answer names both, both are busy, both see the ticket, and neither when it is cancelled.
    async fn a_crew_of_two_and_a_cancelled_ticket(house: &House) {
        proves!(R44);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let other = estate.register("SEW-SMELL", "Запах в подвале.").await.id("/id");
        let (start, end) = (house.clock().in_minutes(60), house.clock().in_minutes(120));
        let crew = json!({ "technicians": [boris.user.id, anna.user.id], "start": start, "end": end });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), crew).await.ok(200);
        let say = planned.text("/say");
        assert!(say.contains("Придут Петров Борис Ильич, Сидорова Анна Павловна"), "{say}");
        assert_eq!(planned.json("/visits/0/crew/0/lead"), true);
        for technician in [&anna, &boris] {
            technician.client.get(&format!("/v1/tickets/{id}")).await.ok(200);
            let body = json!({ "technicians": [technician.user.id], "start": start, "end": end });
            let taken = estate.dispatcher.post(&format!("/v1/tickets/{other}/plan"), body).await;
            let taken = taken.problem(409, "slot_taken");
            assert_eq!(taken.text("/nearest/start"), end);
        }
        let visit = planned.id("/visits/0/id");
        let later = json!({ "start": end, "end": house.clock().in_minutes(180), "technicians": [anna.user.id] });
        estate.dispatcher.post(&format!("/v1/visits/{visit}/move"), later).await.ok(200);
        boris.client.get(&format!("/v1/tickets/{id}")).await.problem(404, "not_found");
        let why = json!({ "reason": "Житель отказался." });
        estate.dispatcher.post(&format!("/v1/tickets/{id}/cancel"), why).await.ok(200).has("/status", "cancelled");
        anna.client.get(&format!("/v1/tickets/{id}")).await.problem(404, "not_found");
        let body = json!({ "technicians": [anna.user.id, boris.user.id], "start": start, "end": end });
        estate.dispatcher.post(&format!("/v1/tickets/{other}/plan"), body).await.ok(200);
    }
}

on_both! {
    /// Two dispatchers change one ticket: the second is told that it has changed.
    async fn two_dispatchers_edit_one_ticket(house: &House) {
        proves!(R35, part);
        let estate = Estate::found(house, "УК Дом").await;
        let other = house.staff(&estate.organization, naryad_tests::Role::Dispatcher).await;
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await;
        let path = format!("/v1/tickets/{}", ticket.id("/id"));
        let seen = estate.dispatcher.get(&path).await.ok(200);
        other.patch(&path, seen.etag(), json!({ "place": "Кухня" })).await.ok(200).has("/place", "Кухня");
        let stale = estate.dispatcher.patch(&path, seen.etag(), json!({ "place": "Ванная" })).await;
        stale.problem(412, "version_stale");
        let fresh = estate.dispatcher.get(&path).await.ok(200);
        let mended = estate.dispatcher.patch(&path, fresh.etag(), json!({ "place": null })).await.ok(200);
        assert!(mended.json("/place").is_null(), "null takes the value away");
    }
}

on_both! {
    /// The executor is chosen; a contractor's dispatcher, and only he, books the contractor's staff.
    async fn a_contractor_books_his_own_staff(house: &House) {
        proves!(R31);
        let estate = Estate::found(house, "УК Дом").await;
        let contractor = house.contractor("Лифтсервис").await;
        let their_desk = house.staff(&contractor, naryad_tests::Role::Dispatcher).await;
        let fitter = house.user_named(&contractor, naryad_tests::Role::Technician, "Волков Пётр Ильич").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("LIFT-STOP", "Лифт не работает.").await.id("/id");
        their_desk.get(&format!("/v1/tickets/{id}")).await.problem(404, "not_found");
        let executor = |value: serde_json::Value| json!({ "executor": value });
        let choose = format!("/v1/tickets/{id}/executor");
        estate.dispatcher.post(&choose, executor(json!({ "kind": "own_staff" }))).await.ok(200);
        estate.admin.post("/v1/contractors", json!({ "organization_id": contractor.id })).await.ok(201);
        estate
            .dispatcher
            .post(&choose, executor(json!({ "kind": "contractor", "organization_id": contractor.id })))
            .await
            .ok(200)
            .has("/status", "registered");
        let (start, end) = (house.clock().in_minutes(60), house.clock().in_minutes(120));
        let plan = format!("/v1/tickets/{id}/plan");
        let ours = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        estate.dispatcher.post(&plan, ours.clone()).await.problem(403, "forbidden");
        let accept = format!("/v1/tickets/{id}/handover/accept");
        their_desk.request(Method::POST, &accept).send().await.ok(200).has("/handover/state", "accepted");
        their_desk.post(&plan, ours).await.problem(404, "not_found");
        let theirs = json!({ "technicians": [fitter.id], "start": start, "end": end });
        their_desk.post(&plan, theirs).await.ok(200).has("/status", "planned");
        their_desk.post(&format!("/v1/tickets/{id}/cancel"), json!({ "reason": "Нет." })).await.problem(403, "forbidden");
        // Taken back, the visit goes and the contractor sees it no more.
        estate.dispatcher.post(&choose, executor(json!({ "kind": "nobody" }))).await.ok(200).has("/status", "registered");
        their_desk.get(&format!("/v1/tickets/{id}")).await.problem(404, "not_found");
    }
}

on_both! {
    /// The time is not known yet: the wished range stands on the ticket, the exact time is agreed later and told.
    async fn the_wished_range_is_kept_until_the_time_is_agreed(house: &House) {
        proves!(R33);
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let (from, to) = (house.clock().in_minutes(24 * 60), house.clock().in_minutes(28 * 60));
        let mut request = estate.request("SEW-SMELL", "Запах из канализации.");
        request["wished"] = json!({ "start": from, "end": to });
        let ticket = estate.dispatcher.post("/v1/tickets", request).await.ok(201);
        let id = ticket.id("/id");
        assert_eq!(ticket.text("/wished/start"), from);
        let (start, end) = (house.clock().in_minutes(25 * 60), house.clock().in_minutes(26 * 60));
        let body = json!({
            "technicians": [anna.user.id], "start": start, "end": end,
            "window": { "kind": "promised", "start": from, "end": to },
        });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
        assert_eq!(planned.text("/visits/0/window/kind"), "promised");
        let say = planned.text("/say");
        assert!(say.contains("3 марта с 09:00 до 13:00"), "the promised window is told, not the plan: {say}");
        let resident = estate.resident(house).await;
        let seen = resident.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(seen.text("/say"), say);
    }
}

on_both! {
    /// Nobody opens: a photo of the door is demanded, and the ticket is back at the desk.
    async fn nobody_opens(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let (start, end) = (house.clock().in_minutes(10), house.clock().in_minutes(70));
        let body = json!({ "technicians": [anna.user.id], "start": start, "end": end });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await.ok(200);
        let path = format!("/v1/visits/{}/no-access", planned.id("/visits/0/id"));
        house.clock().advance_minutes(15);
        let why = json!({ "reason": "Дверь не открыли, на звонок не ответили." });
        anna.client.post(&path, why.clone()).await.problem(422, "evidence_missing");
        announce(&anna.client, id, "no_access", &photos::jpeg(7)).await;
        let back = anna.client.post(&path, why).await.ok(200);
        assert_eq!((back.text("/status"), back.json("/evidence_pending")), ("registered", &json!(1)));
    }
}

on_both! {
    /// The desk takes an answer by phone: a ticket that needed nobody is completed without a visit.
    async fn closed_by_a_phone_report(house: &House) {
        proves!(R37, part);
        let estate = Estate::found(house, "УК Дом").await;
        let id = estate.register("EL-NONE", "Нет света в квартире.").await.id("/id");
        let complete = format!("/v1/tickets/{id}/complete");
        let report = json!({ "reason": "Житель сообщил, что свет дали." });
        let refused = estate.dispatcher.post(&complete, report).await.problem(422, "evidence_missing");
        assert_eq!(refused.text("/missing/0/kind"), "after");
        let waived = json!({ "reason": "Житель сообщил, что свет дали.", "waive_missing": true });
        estate.dispatcher.post(&complete, waived).await.ok(200).has("/status", "completed");
        house.restart().await;
        let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
        assert_eq!(ticket.text("/outcome_reason"), "Житель сообщил, что свет дали.");
    }
}
