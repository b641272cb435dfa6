//! Races: many clients want one thing at one moment.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use naryad_tests::{House, estate::Estate, on_both};
use reqwest::Method;
use serde_json::json;

on_both! {
    /// 64 clients book one technician at one time: exactly one succeeds, 63 are told so.
    async fn one_technician_is_booked_once(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let tickets = join_all((0..64).map(|n| {
            let estate = &estate;
            async move { estate.register("SEW-SMELL", &format!("Запах в квартире {n}.")).await.id("/id") }
        }))
        .await;
        let body = json!({
            "technicians": [anna.user.id],
            "start": house.clock().in_minutes(60), "end": house.clock().in_minutes(120),
        });
        let answers = join_all(tickets.iter().map(|id| {
            let (client, body) = (&estate.dispatcher, body.clone());
            async move { client.post(&format!("/v1/tickets/{id}/plan"), body).await }
        }))
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 63));
        for answer in lost {
            answer.problem(409, "slot_taken");
        }
    }
}

on_both! {
    /// Crews that share members in opposite orders never wait for each other in a circle.
    async fn crews_in_opposite_orders_do_not_deadlock(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await.user.id;
        let boris = estate.technician(house, "Петров Борис Ильич").await.user.id;
        let booked = join_all((0..32_i64).map(|n| {
            let (estate, clock) = (&estate, house.clock());
            async move {
                let id = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
                let crew = if n % 2 == 0 { [anna, boris] } else { [boris, anna] };
                let (start, end) = (clock.in_minutes(60 + n * 60), clock.in_minutes(120 + n * 60));
                let body = json!({ "technicians": crew, "start": start, "end": end });
                estate.dispatcher.post(&format!("/v1/tickets/{id}/plan"), body).await
            }
        }))
        .await;
        for answer in booked {
            answer.ok(200);
        }
    }
}

on_both! {
    /// 64 registrations at once give 64 consecutive numbers.
    async fn numbers_are_consecutive(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let numbers: BTreeSet<String> = join_all((0..64).map(|_| {
            let estate = &estate;
            async move { estate.register("SEW-SMELL", "Запах из канализации.").await.text("/number").to_owned() }
        }))
        .await
        .into_iter()
        .collect();
        let expected: BTreeSet<String> = (1..=64).map(|n| format!("2026-{n:06}")).collect();
        assert_eq!(numbers, expected);
    }
}

on_both! {
    /// The same key 16 times at once: one ticket, 16 equal answers, also after a restart; another body is refused.
    async fn one_key_is_one_effect(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let body = estate.request("SEW-SMELL", "Запах из канализации.");
        let ask = async |body: &serde_json::Value| {
            estate.dispatcher.request(Method::POST, "/v1/tickets").key("one").json(body).send().await
        };
        let answers = join_all((0..16).map(|_| ask(&body))).await;
        let first = answers[0].clone().ok(201);
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.bytes == first.bytes));
        house.restart().await;
        assert_eq!(ask(&body).await.ok(201).bytes, first.bytes);
        let other = estate.request("SEW-SMELL", "Другой запах.");
        ask(&other).await.problem(422, "idempotency_mismatch");
        let list = estate.dispatcher.get("/v1/tickets").await.ok(200);
        assert_eq!(list.list("/items").len(), 1);
    }
}
