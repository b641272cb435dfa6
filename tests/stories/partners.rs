//! Works passed to contractors.

use futures_util::future::join_all;
use naryad_tests::{
    Client, House, Role,
    estate::{Estate, Technician},
    house::eventually,
    on_both, proves,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// A contractor with a desk and a fitter.
struct Partner {
    id: Uuid,
    desk: Client,
    fitter: Technician,
}

impl Partner {
    async fn found(house: &House, name: &str) -> Self {
        let organization = house.contractor(name).await;
        let user = house.user_named(&organization, Role::Technician, "Волков Пётр Ильич").await;
        let client = house.sign_in(&user).await;
        let desk = house.staff(&organization, Role::Dispatcher).await;
        Self { id: organization.id, desk, fitter: Technician { user, client } }
    }

    /// The company works with it.
    async fn linked(house: &House, estate: &Estate, terms: Value) -> Self {
        let partner = Self::found(house, "Лифтсервис").await;
        let mut body = json!({ "organization_id": partner.id });
        body.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        estate.admin.post("/v1/contractors", body).await.ok(201).has("/name", "Лифтсервис");
        partner
    }

    fn chosen(&self) -> Value {
        json!({ "executor": { "kind": "contractor", "organization_id": self.id } })
    }

    async fn offered(&self, estate: &Estate, kind: &str) -> Uuid {
        let id = estate.register(kind, "Не работает.").await.id("/id");
        let passed =
            estate.dispatcher.post(&format!("/v1/tickets/{id}/executor"), self.chosen()).await.ok(200);
        assert_eq!(passed.text("/handover/state"), "offered");
        id
    }

    fn booking(&self, house: &House, minutes: i64) -> Value {
        json!({
            "technicians": [self.fitter.user.id],
            "start": house.clock().in_minutes(minutes), "end": house.clock().in_minutes(minutes + 60),
        })
    }
}

fn state(ticket: &naryad_tests::Answer) -> &str {
    ticket.text("/handover/state")
}

on_both! {
    /// Works of a contractor are followed like own works: answers, terms, returns, in figures with rows behind them.
    async fn a_contractors_work_is_tracked_like_own_work(house: &House) {
        proves!(R40);
        let estate = Estate::found(house, "УК Дом").await;
        let manager = house.staff(&estate.organization, Role::Manager).await;
        let partner = Partner::linked(house, &estate, json!({ "answer_minutes": 30 })).await;
        let quality = format!("/v1/contractors/{}/quality", partner.id);
        let (done, refused, waiting) =
            (partner.offered(&estate, "SEW-SMELL").await, partner.offered(&estate, "SEW-SMELL").await,
             partner.offered(&estate, "SEW-SMELL").await);
        house.clock().advance_minutes(10);
        partner.desk.request(Method::POST, &format!("/v1/tickets/{done}/handover/accept")).send().await.ok(200);
        let why = json!({ "reason": "Нет свободных монтёров." });
        partner.desk.post(&format!("/v1/tickets/{refused}/handover/decline"), why).await.ok(200);
        partner.desk.post(&format!("/v1/tickets/{done}/plan"), partner.booking(house, 10)).await.ok(200);
        house.clock().advance_minutes(15);
        // The desk follows the work as its own: where the crew is, what was done, what the resident says of it.
        let report = json!({ "reason": "Волков доложил." , "waive_missing": true });
        partner.desk.post(&format!("/v1/tickets/{done}/complete"), report).await.ok(200);
        let why = json!({ "reason": "Запах остался." });
        estate.dispatcher.post(&format!("/v1/tickets/{done}/return"), why).await.ok(200);
        let again = json!({ "reason": "Волков доложил ещё раз.", "waive_missing": true });
        partner.desk.post(&format!("/v1/tickets/{done}/complete"), again).await.ok(200);
        let figures = manager.get(&quality).await.ok(200);
        for (figure, expected) in [
            ("offered", 3), ("accepted", 1), ("declined", 1), ("waiting", 1), ("expired", 0), ("answer_seconds", 600),
            ("completed", 1), ("in_term", 1), ("late", 0), ("returned", 1), ("returns", 1), ("overdue", 0),
        ] {
            assert_eq!(figures.number(&format!("/{figure}")), expected, "{figure}: {figures}");
        }
        let rows = manager.get(&format!("/v1/handovers?contractor_id={}", partner.id)).await.ok(200);
        assert_eq!(rows.list("/items").len(), 3);
        let rows = manager.get("/v1/handovers?state=offered").await.ok(200);
        assert_eq!(rows.id("/items/0/ticket_id"), waiting);
        // What was done stands in the owner's journal, the answers too.
        let journal = estate.dispatcher.get(&format!("/v1/tickets/{done}/events?limit=200")).await.ok(200);
        let acts: Vec<&str> = journal.list("/items").iter().map(|event| event["act"].as_str().unwrap()).collect();
        for act in ["ticket.executor", "handover.accept", "ticket.plan", "ticket.complete", "ticket.return"] {
            assert!(acts.contains(&act), "{act} in {acts:?}");
        }
        partner.desk.get(&quality).await.problem(403, "forbidden");
        manager.get(&format!("{quality}?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z")).await.problem(422, "invalid_field");
        manager.get(&format!("/v1/contractors/{}/quality", Uuid::now_v7())).await.problem(404, "not_found");
    }
}

on_both! {
    /// Until the contractor accepts, it only sees what it is asked for; afterwards what the work needs, no more.
    async fn a_contractor_is_told_what_the_work_needs(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let partner = Partner::linked(house, &estate, json!({})).await;
        let id = partner.offered(&estate, "LIFT-STOP").await;
        let path = format!("/v1/tickets/{id}");
        let asked = partner.desk.get(&path).await.ok(200);
        assert_eq!(asked.text("/address"), "Москва, улица Мира, 1");
        for hidden in ["/applicant_name", "/applicant_phone", "/resident_id"] {
            assert!(asked.json(hidden).is_null(), "{hidden}: {asked}");
        }
        partner.desk.post(&format!("{path}/plan"), partner.booking(house, 60)).await.problem(409, "handover_open");
        partner.desk.post(&format!("{path}/complete"), json!({ "reason": "Готово." })).await.problem(409, "handover_open");
        partner.fitter.client.get(&path).await.problem(404, "not_found");
        estate.dispatcher.request(Method::POST, &format!("{path}/handover/accept")).send().await.problem(403, "forbidden");
        let taken = partner.desk.request(Method::POST, &format!("{path}/handover/accept")).send().await.ok(200);
        assert_eq!(state(&taken), "accepted");
        assert_eq!(taken.text("/applicant_phone"), "+79123456789");
        assert!(taken.json("/resident_id").is_null());
        partner.desk.request(Method::POST, &format!("{path}/handover/accept")).send().await.problem(409, "handover_closed").has("/state", "accepted");
        partner.desk.post(&format!("{path}/plan"), partner.booking(house, 60)).await.ok(200).has("/status", "planned");
        partner.fitter.client.get(&path).await.ok(200);
        let report = json!({ "reason": "Волков доложил.", "waive_missing": true });
        house.clock().advance_minutes(70);
        partner.desk.post(&format!("{path}/complete"), report).await.ok(200);
        let after = partner.desk.get(&path).await.ok(200);
        assert!(after.json("/applicant_phone").is_null(), "the work is done: {after}");
        assert_eq!(estate.dispatcher.get(&path).await.ok(200).text("/applicant_phone"), "+79123456789");
        let resident = estate.resident(house).await;
        assert!(resident.get(&path).await.ok(200).json("/handover").is_null());
    }
}

on_both! {
    /// Nobody answers: the offer ends by itself and the ticket is at the owner's desk again.
    async fn an_offer_that_nobody_answers_expires(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let partner = Partner::linked(house, &estate, json!({ "answer_minutes": 30, "emergency_answer_minutes": 5 })).await;
        let calm = partner.offered(&estate, "SEW-SMELL").await;
        let urgent = partner.offered(&estate, "HVS-BURST").await;
        house.clock().advance_minutes(6);
        let late = partner.desk.request(Method::POST, &format!("/v1/tickets/{urgent}/handover/accept")).send().await;
        assert!(matches!(late.status, 404 | 409), "{late}");
        eventually("the urgent offer ends", async || {
            let ticket = estate.dispatcher.get(&format!("/v1/tickets/{urgent}")).await.ok(200);
            (state(&ticket) == "expired" && ticket.text("/executor/kind") == "nobody").then_some(())
        })
        .await;
        partner.desk.get(&format!("/v1/tickets/{urgent}")).await.problem(404, "not_found");
        let waiting = estate.dispatcher.get("/v1/tickets?executor=nobody").await.ok(200);
        assert_eq!(waiting.list("/items").len(), 1);
        let kept = estate.dispatcher.get(&format!("/v1/tickets/{calm}")).await.ok(200);
        assert_eq!(state(&kept), "offered");
        let told = estate.dispatcher.get("/v1/handovers?state=expired").await.ok(200);
        assert_eq!(told.id("/items/0/ticket_id"), urgent);
    }
}

on_both! {
    /// The owner takes a ticket back, before and after the acceptance: it is gone, with its bookings.
    async fn a_ticket_is_taken_back(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let partner = Partner::linked(house, &estate, json!({})).await;
        let own = json!({ "executor": { "kind": "own_staff" } });
        let first = partner.offered(&estate, "SEW-SMELL").await;
        let back = estate.dispatcher.post(&format!("/v1/tickets/{first}/executor"), own.clone()).await.ok(200);
        assert_eq!(state(&back), "withdrawn");
        partner.desk.request(Method::POST, &format!("/v1/tickets/{first}/handover/accept")).send().await.problem(404, "not_found");
        let second = partner.offered(&estate, "SEW-SMELL").await;
        partner.desk.request(Method::POST, &format!("/v1/tickets/{second}/handover/accept")).send().await.ok(200);
        partner.desk.post(&format!("/v1/tickets/{second}/plan"), partner.booking(house, 60)).await.ok(200);
        estate.dispatcher.post(&format!("/v1/tickets/{second}/executor"), own).await.ok(200).has("/status", "registered");
        for client in [&partner.desk, &partner.fitter.client] {
            client.get(&format!("/v1/tickets/{second}")).await.problem(404, "not_found");
            assert!(client.get("/v1/tickets").await.ok(200).list("/items").is_empty());
        }
        // The same time is free again, and the ticket can be passed once more.
        let third = partner.offered(&estate, "SEW-SMELL").await;
        partner.desk.request(Method::POST, &format!("/v1/tickets/{third}/handover/accept")).send().await.ok(200);
        partner.desk.post(&format!("/v1/tickets/{third}/plan"), partner.booking(house, 60)).await.ok(200);
        let again = estate.dispatcher.post(&format!("/v1/tickets/{first}/executor"), partner.chosen()).await.ok(200);
        assert_eq!(state(&again), "offered");
        let why = json!({ "reason": "Отмена." });
        let cancelled = estate.dispatcher.post(&format!("/v1/tickets/{first}/cancel"), why).await.ok(200);
        assert_eq!(state(&cancelled), "withdrawn");
        partner.desk.request(Method::POST, &format!("/v1/tickets/{first}/handover/accept")).send().await.problem(409, "handover_closed");
        // What the contractor had booked is to be rebooked, and the applicant is told.
        let waiting = estate.dispatcher.get(&format!("/v1/rebookings?ticket_id={second}")).await.ok(200);
        assert_eq!(waiting.text("/items/0/cause"), "executor");

        // Nobody answers, and another contractor books its man: who let the offer go by sees that it did, and no more.
        let urgent = partner.offered(&estate, "HVS-BURST").await;
        let alerts = format!("/v1/alerts?ticket_id={urgent}");
        let told = async |client: &Client, kind: &str| {
            let alerts = client.get(&alerts).await.ok(200);
            alerts.list("/items").iter().any(|alert| alert["kind"] == kind).then_some(())
        };
        house.clock().advance_minutes(8);
        eventually("the contractor is reminded", async || told(&partner.desk, "accept").await).await;
        house.clock().advance_minutes(8);
        eventually("the offer ends", async || {
            let ticket = estate.dispatcher.get(&format!("/v1/tickets/{urgent}")).await.ok(200);
            (state(&ticket) == "expired").then_some(())
        })
        .await;
        eventually("the term is half over", async || told(&estate.dispatcher, "localize").await).await;
        let other = Partner::found(house, "Сантехсервис").await;
        estate.admin.post("/v1/contractors", json!({ "organization_id": other.id })).await.ok(201);
        estate.dispatcher.post(&format!("/v1/tickets/{urgent}/executor"), other.chosen()).await.ok(200);
        other.desk.request(Method::POST, &format!("/v1/tickets/{urgent}/handover/accept")).send().await.ok(200);
        other.desk.post(&format!("/v1/tickets/{urgent}/plan"), other.booking(house, 60)).await.ok(200);
        assert_eq!(told(&other.desk, "localize").await, Some(()), "who executes now sees what stands");
        assert!(partner.desk.get(&alerts).await.ok(200).list("/items").is_empty());
        let missed = "/v1/deadlines?state=missed&kind=accept";
        let gone = partner.desk.get(missed).await.ok(200);
        let line = gone.list("/items").iter().find(|line| line["ticket_id"] == json!(urgent)).unwrap();
        for hidden in ["ticket_number", "ticket_status", "address"] {
            assert!(line[hidden].is_null(), "{hidden}: {line}");
        }
        assert_eq!((&line["technicians"], &line["why"]), (&json!([]), &json!([])), "{line}");
        let board = partner.desk.get("/v1/deadlines/board?by=technician").await.ok(200);
        assert!(board.list("/groups").iter().all(|group| group["id"] != json!(other.fitter.user.id)), "{board}");
        let owned = estate.dispatcher.get(missed).await.ok(200);
        let line = owned.list("/items").iter().find(|line| line["ticket_id"] == json!(urgent)).unwrap();
        assert!(line["ticket_number"].is_string() && line["technicians"][0]["id"] == json!(other.fitter.user.id), "{line}");
    }
}

on_both! {
    /// With whom a company works is decided by its management, and holds for trades and buildings.
    async fn only_linked_contractors_are_asked(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let stranger = Partner::found(house, "Чужой подрядчик").await;
        let other = house.company("УК Чужая").await;
        let id = estate.register("SEW-SMELL", "Запах.").await.id("/id");
        let choose = format!("/v1/tickets/{id}/executor");
        estate.dispatcher.post(&choose, stranger.chosen()).await.problem(404, "not_found");
        let link = async |id: Uuid, more: Value| {
            let mut body = json!({ "organization_id": id });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            estate.admin.post("/v1/contractors", body).await
        };
        link(estate.organization.id, json!({})).await.problem(422, "invalid_field");
        link(other.id, json!({})).await.problem(404, "not_found");
        link(stranger.id, json!({ "answer_minutes": 0 })).await.problem(422, "invalid_field");
        link(stranger.id, json!({ "answer_minutes": -5 })).await.problem(422, "invalid_field");
        link(stranger.id, json!({ "building_ids": [Uuid::now_v7()] })).await.problem(404, "not_found");
        let body = json!({ "organization_id": stranger.id });
        estate.dispatcher.post("/v1/contractors", body).await.problem(403, "forbidden");
        link(stranger.id, json!({ "trades": ["lift"] })).await;
        link(stranger.id, json!({})).await.problem(409, "already_exists");
        let path = format!("/v1/contractors/{}", stranger.id);
        let seen = estate.dispatcher.get(&path).await.ok(200);
        estate.dispatcher.post(&choose, stranger.chosen()).await.problem(422, "invalid_field");
        let seen = estate.admin.patch(&path, seen.etag(), json!({ "trades": [], "building_ids": [] })).await.ok(200);
        estate.dispatcher.post(&choose, stranger.chosen()).await.problem(422, "invalid_field");
        let change = json!({ "building_ids": null, "auto_accept": true });
        let seen = estate.admin.patch(&path, seen.etag(), change).await.ok(200);
        let passed = estate.dispatcher.post(&choose, stranger.chosen()).await.ok(200);
        assert_eq!(state(&passed), "accepted", "accepted by agreement");
        stranger.desk.post(&format!("/v1/tickets/{id}/plan"), stranger.booking(house, 60)).await.ok(200);
        estate.admin.patch(&path, seen.etag(), json!({ "active": false })).await.ok(200);
        let next = estate.register("SEW-SMELL", "Запах.").await.id("/id");
        estate.dispatcher.post(&format!("/v1/tickets/{next}/executor"), stranger.chosen()).await.problem(422, "invalid_field");
        stranger.desk.get(&format!("/v1/tickets/{id}")).await.ok(200);
        stranger.desk.get(&path).await.problem(404, "not_found");
        assert_eq!(estate.admin.get("/v1/contractors").await.ok(200).list("/items").len(), 1);
    }
}

on_both! {
    /// The contractor accepts while the owner takes back and another answers: one outcome, told to everybody.
    async fn acceptance_against_withdrawal(house: &House) {
        let estate = Estate::found(house, "УК Дом").await;
        let partner = Partner::linked(house, &estate, json!({})).await;
        for _ in 0..6 {
            let id = partner.offered(&estate, "SEW-SMELL").await;
            let answers = join_all((0..9).map(|n| {
                let (desk, owner) = (&partner.desk, &estate.dispatcher);
                async move {
                    match n % 3 {
                        0 => desk.request(Method::POST, &format!("/v1/tickets/{id}/handover/accept")).send().await,
                        1 => {
                            let why = json!({ "reason": "Нет людей." });
                            desk.post(&format!("/v1/tickets/{id}/handover/decline"), why).await
                        }
                        _ => {
                            let nobody = json!({ "executor": { "kind": "nobody" } });
                            owner.post(&format!("/v1/tickets/{id}/executor"), nobody).await
                        }
                    }
                }
            }))
            .await;
            for answer in &answers {
                assert!(matches!(answer.status, 200 | 404 | 409), "{answer}");
            }
            let count = |n: usize| answers.iter().skip(n).step_by(3).filter(|answer| answer.status == 200).count();
            assert!(count(0) + count(1) <= 1, "answered once at most");
            let ticket = estate.dispatcher.get(&format!("/v1/tickets/{id}")).await.ok(200);
            assert_eq!(ticket.text("/executor/kind"), "nobody", "whatever came first, the owner took it back");
            let expected = if count(1) == 1 { "declined" } else { "withdrawn" };
            assert_eq!(state(&ticket), expected);
        }
    }
}
