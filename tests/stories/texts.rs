//! Words: the official style, preconditions, comments.

use naryad_tests::{House, estate::Estate, on_both, proves};
use serde_json::json;

on_both! {
    /// Staff is told which characters to mend, and the mended text; a resident's words are mended for him.
    async fn texts_are_official(house: &House) {
        proves!(R80);
        let estate = Estate::found(house, "УК Дом").await;
        let words = "Течёт труба (кухня)!!!";
        let body = estate.request("TAP-LEAK", words);
        let refused = estate.dispatcher.post("/v1/tickets", body).await.problem(422, "text_not_official");
        assert_eq!(refused.text("/field"), "description");
        let mended = refused.text("/mended").to_owned();
        let characters: Vec<&str> =
            refused.list("/characters").iter().map(|found| found["character"].as_str().unwrap()).collect();
        assert!(characters.contains(&"(") && characters.contains(&")") && characters.contains(&"!"), "{characters:?}");
        assert!(!mended.contains(['(', ')', '!']), "{mended}");
        let taken = estate.dispatcher.post("/v1/tickets", estate.request("TAP-LEAK", &mended)).await.ok(201);
        assert_eq!(taken.text("/description"), mended);

        let resident = estate.resident(house).await;
        let own = json!({
            "request_type_id": estate.kinds["TAP-LEAK"], "premises_id": estate.premises, "description": words,
        });
        let registered = resident.post("/v1/tickets", own).await.ok(201);
        assert_eq!(registered.text("/description"), mended);
        assert_eq!(registered.text("/original_words"), words);
        assert_eq!(registered.text("/source"), "app");
        // What the resident reads is in the same style; what staff tells staff need not be.
        let comments = format!("/v1/tickets/{}/comments", taken.id("/id"));
        let loud = |audience: &str| json!({ "audience": audience, "body": "Срочно!" });
        estate.dispatcher.post(&comments, loud("resident")).await.problem(422, "text_not_official");
        estate.dispatcher.post(&comments, loud("internal")).await.ok(201);
        estate.dispatcher
            .post(&comments, json!({ "audience": "resident", "body": "Мастер будет завтра." }))
            .await
            .ok(201);
        let seen = resident.get(&format!("/v1/tickets/{}", taken.id("/id"))).await.ok(200);
        let bodies: Vec<&str> = seen.list("/comments").iter().map(|c| c["body"].as_str().unwrap()).collect();
        assert_eq!(bodies, ["Мастер будет завтра."], "the resident does not read what staff tells staff");
    }
}

on_both! {
    /// A kind of work with a precondition for disabled applicants asks for it, and only of them.
    async fn preconditions_are_told_and_confirmed(house: &House) {
        proves!(R81);
        let estate = Estate::found(house, "УК Дом").await;
        let path = format!("/v1/request-types/{}", estate.kinds["INTERCOM"]);
        let kind = estate.admin.get(&path).await.ok(200);
        let precondition = json!({
            "precondition": {
                "text_ru": "Прийти с договором.", "text_en": "Bring the contract.", "only_for": "disabled",
            },
        });
        estate.admin.patch(&path, kind.etag(), precondition).await.ok(200);
        let request = estate.request("INTERCOM", "Не работает домофон.");
        // He is not disabled: nothing is asked.
        estate.dispatcher.post("/v1/tickets", request.clone()).await.ok(201);
        let resident = format!("/v1/residents/{}", estate.resident);
        let seen = estate.dispatcher.get(&resident).await.ok(200);
        estate.dispatcher.patch(&resident, seen.etag(), json!({ "disabled": true })).await.ok(200);
        let refused = estate.dispatcher.post("/v1/tickets", request.clone()).await;
        let refused = refused.problem(422, "precondition_required");
        assert_eq!(refused.text("/precondition/ru"), "Прийти с договором.");
        let mut confirmed = request;
        confirmed["precondition_confirmed"] = json!(true);
        let ticket = estate.dispatcher.post("/v1/tickets", confirmed).await.ok(201);
        assert_eq!(ticket.json("/precondition_confirmed"), true);
    }
}
