//! A sample request for every operation: well-formed, so that what is judged is who asks.

mod evidence;
mod notices;
mod shifts;
mod surveys;
mod sync;

use std::sync::atomic::{AtomicI64, Ordering};

use naryad_tests::{
    Client, House, Role,
    estate::{Estate, Technician, announce, bring, fresh, location, open_upload},
    house::eventually,
    photos,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A request.
pub(super) struct Sample {
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) headers: Vec<(String, String)>,
    /// It names something of our tenant.
    pub(super) is_ours: bool,
    /// The answer is a stream.
    pub(super) stream: bool,
}

/// A company at work, with one of everything, and somebody in every role.
pub(super) struct World {
    estate: Estate,
    roles: Vec<(&'static str, Client)>,
    anna: Technician,
    pub(super) ticket: Uuid,
    visit: Uuid,
    photo: Uuid,
    usage: Uuid,
    material: Uuid,
    colleague: Uuid,
    device: Uuid,
    policy: Uuid,
    deadline: Uuid,
    alert: Uuid,
    /// A ticket of damage that the authority is told of.
    damage: Uuid,
    /// A job that waits for its time.
    job: Uuid,
    contractor: Uuid,
    notices: notices::Notices,
    schedule: shifts::Schedule,
}

impl World {
    pub(super) async fn make(house: &House, estate: &Estate) -> Self {
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let contractor = house.contractor("Лифтсервис").await;
        let mut roles = vec![
            ("anonymous", house.client()),
            ("resident", estate.resident(house).await),
            ("technician", anna.client.clone()),
            ("dispatcher", estate.dispatcher.clone()),
            ("manager", house.staff(&estate.organization, Role::Manager).await),
            ("admin", estate.admin.clone()),
            ("integration", house.staff(&estate.organization, Role::Integration).await),
        ];
        let linked = json!({ "organization_id": contractor.id });
        estate.admin.post("/v1/contractors", linked).await.ok(201);
        roles.push(("contractor", house.staff(&contractor, Role::Dispatcher).await));
        // A term that is over as it begins: there is an alert at once.
        let within = json!({ "within": { "amount": 0, "unit": "seconds" }, "basis": "legal" });
        let rules = json!({ "rules": { "inform": within, "grace_minutes": 0 } });
        let policy = estate.admin.post("/v1/deadline-policies", rules).await.ok(201).id("/id");
        let ticket = estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id");
        let clocks = estate.dispatcher.get(&format!("/v1/tickets/{ticket}/deadlines")).await.ok(200);
        let deadline = clocks.id("/0/id");
        let alert = eventually("an alert", async || {
            let alerts = estate.dispatcher.get("/v1/alerts").await.ok(200);
            (!alerts.list("/items").is_empty()).then(|| alerts.id("/items/0/id"))
        })
        .await;
        let body = json!({
            "technicians": [anna.user.id],
            "start": house.clock().in_minutes(10), "end": house.clock().in_minutes(70),
        });
        let planned = estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
        let visit = planned.id("/visits/0/id");
        let job =
            estate.admin.get("/v1/jobs?state=queued&kind=visit_overrun").await.ok(200).id("/items/0/id");
        let photo = bring(&anna.client, ticket, "before", &photos::jpeg(9)).await;
        let material = estate.material("PPR-20", 100).await;
        let used = json!({ "material_id": material, "quantity": "2" });
        let used = anna.client.post(&format!("/v1/tickets/{ticket}/materials"), used).await.ok(201);
        let device = fresh();
        let registered = json!({ "id": device, "platform": "android", "app_version": "1.0" });
        anna.client.post("/v1/devices", registered).await.ok(201);
        Self {
            estate: estate.clone(),
            roles,
            ticket,
            visit,
            photo,
            usage: used.id("/materials/0/id"),
            material,
            colleague: house.user(&estate.organization, Role::Dispatcher).await.id,
            device,
            policy,
            deadline,
            alert,
            damage: estate.register("HVS-BURST", "Течь в подвале.").await.id("/id"),
            job,
            contractor: contractor.id,
            notices: notices::Notices::make(estate).await,
            schedule: shifts::Schedule::make(house, estate).await,
            anna,
        }
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = (&'static str, &Client)> {
        self.roles.iter().map(|(name, client)| (*name, client))
    }

    /// What another tenant must never be told.
    pub(super) fn secrets(&self) -> Vec<String> {
        [self.ticket, self.visit, self.photo, self.material, self.estate.premises, self.estate.resident]
            .iter()
            .chain(&self.schedule.secrets())
            .map(Uuid::to_string)
            .collect()
    }

    /// A sample of an operation, with ids of our tenant. What an operation consumes is made afresh.
    pub(super) async fn sample(&self, operation: &str, _client: &Client) -> Sample {
        let (ticket, visit, estate) = (self.ticket, self.visit, &self.estate);
        let why = json!({ "reason": "Проверка." });
        let (path, body) = match operation {
            "GET /.well-known/jwks.json"
            | "GET /healthz"
            | "GET /metrics"
            | "GET /openapi.yaml"
            | "GET /readyz"
            | "GET /v1/events"
            | "GET /v1/jobs"
            | "GET /v1/jobs/dead"
            | "GET /v1/me"
            | "GET /v1/organization"
            | "GET /v1/users"
            | "GET /v1/web-push/key"
            | "GET /v1/technicians"
            | "GET /v1/buildings"
            | "GET /v1/premises"
            | "GET /v1/residents"
            | "GET /v1/devices"
            | "GET /v1/request-types"
            | "GET /v1/materials"
            | "GET /v1/alerts"
            | "GET /v1/deadline-policies"
            | "GET /v1/tickets" => {
                return Sample::of(operation.trim_start_matches("GET "), None).common();
            }
            "POST /v1/alerts/{id}/acknowledge" => (format!("/v1/alerts/{}/acknowledge", self.alert), None),
            "POST /v1/deadline-policies" => {
                return Sample::of("/v1/deadline-policies", Some(json!({}))).common();
            }
            "GET /v1/deadline-policies/{id}" => (format!("/v1/deadline-policies/{}", self.policy), None),
            "PATCH /v1/deadline-policies/{id}" => {
                return Sample::of(&format!("/v1/deadline-policies/{}", self.policy), Some(json!({})))
                    .stale();
            }
            "GET /v1/deadlines/{id}" => (format!("/v1/deadlines/{}", self.deadline), None),
            "PATCH /v1/deadlines/{id}" => {
                let body = json!({ "target": { "amount": 1, "unit": "days" }, "reason": "Проверка." });
                return Sample::of(&format!("/v1/deadlines/{}", self.deadline), Some(body)).stale();
            }
            "GET /v1/tickets/{id}/call-attempts" => (format!("/v1/tickets/{ticket}/call-attempts"), None),
            "POST /v1/tickets/{id}/call-attempts" => {
                (format!("/v1/tickets/{ticket}/call-attempts"), Some(json!({ "outcome": "answered" })))
            }
            "POST /v1/tickets/{id}/accident" => (format!("/v1/tickets/{ticket}/accident"), None),
            "GET /v1/tickets/{id}/authority-notice" => {
                (format!("/v1/tickets/{}/authority-notice", self.damage), None)
            }
            "PATCH /v1/tickets/{id}/authority-notice" => {
                let path = format!("/v1/tickets/{}/authority-notice", self.damage);
                return Sample::of(&path, Some(json!({}))).stale();
            }
            "POST /v1/tickets/{id}/authority-notice" => {
                // No address is set: whoever may send is told so.
                (format!("/v1/tickets/{}/authority-notice", self.damage), Some(json!({})))
            }
            "GET /v1/escalation" | "GET /v1/on-call" => {
                return Sample::of(operation.trim_start_matches("GET "), None).common();
            }
            "PUT /v1/escalation" => {
                return Sample::of("/v1/escalation", Some(json!({ "rules": {} }))).stale().common();
            }
            "POST /v1/on-call" => {
                let body = json!({
                    "duty": "master", "user_id": self.colleague, "from": in_2027(60), "until": in_2027(120),
                });
                ("/v1/on-call".to_owned(), Some(body))
            }
            "DELETE /v1/on-call/{id}" => {
                let body = json!({
                    "duty": "master", "user_id": self.colleague, "from": in_2027(60), "until": in_2027(120),
                });
                let turn = estate.admin.post("/v1/on-call", body).await.ok(201).id("/id");
                (format!("/v1/on-call/{turn}"), None)
            }
            "GET /v1/tickets/{id}/deadlines" => (format!("/v1/tickets/{ticket}/deadlines"), None),
            "POST /v1/tickets/{id}/inform" => {
                let body = json!({ "how": "phone", "occurred_at": "2026-01-01T00:00:00Z" });
                (format!("/v1/tickets/{ticket}/inform"), Some(body))
            }
            "GET /v1/jobs/{id}" => (format!("/v1/jobs/{}", self.job), None),
            "POST /v1/jobs/{id}/discard" => (format!("/v1/jobs/{}/discard", self.job), Some(json!({}))),
            "POST /v1/jobs/{id}/rerun" => (format!("/v1/jobs/{}/rerun", self.job), None),
            "POST /v1/auth/login" => {
                let body = json!({ "login": "nobody", "password": "лошадь верно батарея" });
                return Sample::of("/v1/auth/login", Some(body)).common();
            }
            "POST /v1/auth/refresh" => {
                let body = json!({ "refresh_token": "nrt_x", "rotation_id": fresh() });
                return Sample::of("/v1/auth/refresh", Some(body)).common();
            }
            "POST /v1/auth/logout" => {
                let body = json!({ "refresh_token": "nrt_x" });
                return Sample::of("/v1/auth/logout", Some(body)).common();
            }
            "PUT /v1/auth/password" => {
                // Too short: whoever has a password is told so.
                let body = json!({ "old_password": "x", "new_password": "x" });
                return Sample::of("/v1/auth/password", Some(body)).common();
            }
            "POST /v1/auth/otp/request" => {
                return Sample::of("/v1/auth/otp/request", Some(json!({ "phone": "+79001112233" }))).common();
            }
            "POST /v1/auth/pair" => {
                let body = json!({ "code": "ABCD-EFGH", "rotation_id": fresh() });
                return Sample::of("/v1/auth/pair", Some(body)).common();
            }
            "POST /v1/auth/otp/verify" => {
                let body = json!({ "phone": "+79001112233", "code": "000000" });
                return Sample::of("/v1/auth/otp/verify", Some(body)).common();
            }
            "POST /v1/tickets" => {
                ("/v1/tickets".to_owned(), Some(estate.request("SEW-SMELL", "Запах из канализации.")))
            }
            "GET /v1/tickets/{id}" => (format!("/v1/tickets/{ticket}"), None),
            "PATCH /v1/tickets/{id}" => {
                return Sample::of(&format!("/v1/tickets/{ticket}"), Some(json!({}))).stale();
            }
            "GET /v1/tickets/{id}/events" => (format!("/v1/tickets/{ticket}/events"), None),
            "POST /v1/tickets/{id}/comments" => {
                (format!("/v1/tickets/{ticket}/comments"), Some(json!({ "body": "Проверка." })))
            }
            "POST /v1/tickets/{id}/executor" => {
                let body = json!({ "executor": { "kind": "own_staff" } });
                (format!("/v1/tickets/{ticket}/executor"), Some(body))
            }
            "POST /v1/tickets/{id}/plan" => {
                // In the past: whoever may book is told so, and nothing is booked.
                let body = json!({
                    "technicians": [self.anna.user.id],
                    "start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z",
                });
                (format!("/v1/tickets/{ticket}/plan"), Some(body))
            }
            "POST /v1/tickets/{id}/assign-best" => {
                // Nobody keeps a schedule: whoever may book is told that nothing is free.
                (format!("/v1/tickets/{ticket}/assign-best"), Some(json!({})))
            }
            "POST /v1/slots/search" => ("/v1/slots/search".to_owned(), Some(json!({ "ticket_id": ticket }))),
            "POST /v1/slots/hold" => {
                let body = json!({
                    "ticket_id": ticket, "technicians": [self.anna.user.id],
                    "start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z",
                });
                ("/v1/slots/hold".to_owned(), Some(body))
            }
            "POST /v1/slots/extend" | "POST /v1/slots/release" => {
                let path = operation.trim_start_matches("POST ");
                return Sample::of(path, Some(json!({ "hold_token": fresh() })));
            }
            "POST /v1/slots/repair" => {
                return Sample::of("/v1/slots/repair", Some(json!({}))).common();
            }
            "POST /v1/slots/repair/apply" => {
                let body = json!({ "bookings": [], "moves": [] });
                return Sample::of("/v1/slots/repair/apply", Some(body)).common();
            }
            "POST /v1/slots/displacement" => {
                ("/v1/slots/displacement".to_owned(), Some(json!({ "ticket_id": ticket })))
            }
            "POST /v1/slots/displacement/apply" => {
                // No emergency: whoever may make room is told so.
                let booking = json!({
                    "technicians": [self.anna.user.id],
                    "start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z",
                    "window": { "kind": "none" },
                });
                let body = json!({ "ticket_id": ticket, "booking": booking, "moves": [] });
                ("/v1/slots/displacement/apply".to_owned(), Some(body))
            }
            "POST /v1/visits/{id}/swap" => {
                let other = self.own_visit().await;
                let body = json!({ "with": other, "version": 999_999 });
                (format!("/v1/visits/{visit}/swap"), Some(body))
            }
            "POST /v1/tickets/{id}/hold" => {
                let body = json!({ "reason": "Проверка.", "until": "2026-01-01T00:00:00Z" });
                (format!("/v1/tickets/{ticket}/hold"), Some(body))
            }
            "POST /v1/tickets/{id}/localize" | "POST /v1/tickets/{id}/complete" => {
                let step = operation.rsplit('/').next().unwrap();
                let body = json!({ "occurred_at": "2026-01-01T00:00:00Z" });
                (format!("/v1/tickets/{ticket}/{step}"), Some(body))
            }
            "POST /v1/tickets/{id}/resume" | "POST /v1/tickets/{id}/accept" => {
                let step = operation.rsplit('/').next().unwrap();
                (format!("/v1/tickets/{ticket}/{step}"), None)
            }
            "POST /v1/tickets/{id}/return" => (format!("/v1/tickets/{ticket}/return"), Some(why)),
            "POST /v1/tickets/{id}/cancel" | "POST /v1/tickets/{id}/unplan" => {
                let step = operation.rsplit('/').next().unwrap();
                let own = self.own_ticket().await;
                (format!("/v1/tickets/{own}/{step}"), (step == "cancel").then_some(why))
            }
            "POST /v1/tickets/{id}/photos" => {
                let bytes = photos::jpeg(11);
                let body = json!({
                    "photo_id": fresh(), "kind": "before", "sha256": photos::sha256(&bytes), "bytes": bytes.len(),
                });
                (format!("/v1/tickets/{ticket}/photos"), Some(body))
            }
            "POST /v1/tickets/{id}/materials" => {
                let body = json!({ "material_id": self.material, "quantity": "1" });
                (format!("/v1/tickets/{ticket}/materials"), Some(body))
            }
            "DELETE /v1/tickets/{id}/materials/{usage_id}" => {
                (format!("/v1/tickets/{ticket}/materials/{}", self.spare_usage().await), None)
            }
            "GET /v1/visits/{id}" => (format!("/v1/visits/{visit}"), None),
            "POST /v1/visits/{id}/move" => {
                let body = json!({ "start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z" });
                (format!("/v1/visits/{visit}/move"), Some(body))
            }
            "POST /v1/visits/{id}/unfinished" | "POST /v1/visits/{id}/no-access" => {
                let step = operation.rsplit('/').next().unwrap();
                let body = json!({ "reason": "Проверка.", "occurred_at": "2026-01-01T00:00:00Z" });
                (format!("/v1/visits/{visit}/{step}"), Some(body))
            }
            "POST /v1/visits/{id}/en-route" | "POST /v1/visits/{id}/start" => {
                let step = operation.rsplit('/').next().unwrap();
                (format!("/v1/visits/{visit}/{step}"), Some(json!({ "occurred_at": "2026-01-01T00:00:00Z" })))
            }
            "POST /v1/visits/{id}/cancel" => {
                let own = self.own_visit().await;
                (format!("/v1/visits/{own}/cancel"), Some(json!({})))
            }
            "GET /v1/photos/{id}" => (format!("/v1/photos/{}?size=original", self.photo), None),
            other => return self.sample_of_base(other).await,
        };
        Sample { path, body, headers: Vec::new(), is_ours: true, stream: false }
    }

    /// Samples of people, places, the catalogue and the transport of photos.
    async fn sample_of_base(&self, operation: &str) -> Sample {
        let estate = &self.estate;
        if let Some(sample) = sync::sample(self, operation).await {
            return sample;
        }
        if let Some(sample) = surveys::sample(self, operation).await {
            return sample;
        }
        if let Some(sample) = evidence::sample(self, operation).await {
            return sample;
        }
        match operation {
            "PATCH /v1/organization" => Sample::of("/v1/organization", Some(json!({}))).stale().common(),
            "POST /v1/users" => {
                let body = json!({
                    "role": "dispatcher", "login": format!("new-{}", fresh().simple()), "full_name": "Новый Н. Н.",
                    "password": "лошадь верно батарея",
                });
                Sample::of("/v1/users", Some(body)).common()
            }
            "GET /v1/users/{id}" => Sample::of(&format!("/v1/users/{}", self.colleague), None),
            "PATCH /v1/users/{id}" => {
                Sample::of(&format!("/v1/users/{}", self.colleague), Some(json!({}))).stale()
            }
            "PUT /v1/users/{id}/password" | "POST /v1/users/{id}/password" => {
                let body = json!({ "password": "лошадь верно батарея скрепка" });
                Sample::of(&format!("/v1/users/{}/password", self.colleague), Some(body))
            }
            "GET /v1/technicians/{id}" => Sample::of(&format!("/v1/technicians/{}", self.anna.user.id), None),
            "PATCH /v1/technicians/{id}" => {
                Sample::of(&format!("/v1/technicians/{}", self.anna.user.id), Some(json!({}))).stale()
            }
            "POST /v1/buildings" => {
                let body = json!({ "address": format!("Тверь, улица Новая, {}", fresh().simple()) });
                Sample::of("/v1/buildings", Some(body)).common()
            }
            "GET /v1/buildings/{id}" => Sample::of(&format!("/v1/buildings/{}", estate.building), None),
            "PATCH /v1/buildings/{id}" => {
                Sample::of(&format!("/v1/buildings/{}", estate.building), Some(json!({}))).stale()
            }
            "POST /v1/premises" => {
                let number = fresh().simple().to_string();
                let body = json!({ "building_id": estate.building, "kind": "flat", "number": number });
                Sample::of("/v1/premises", Some(body))
            }
            "GET /v1/premises/{id}" => Sample::of(&format!("/v1/premises/{}", estate.premises), None),
            "PATCH /v1/premises/{id}" => {
                Sample::of(&format!("/v1/premises/{}", estate.premises), Some(json!({}))).stale()
            }
            "POST /v1/residents" => {
                let body = json!({
                    "full_name": "Новый житель", "phones": ["+79160000001"],
                    "accounts": [{ "number": "77", "premises_id": estate.premises }],
                });
                Sample::of("/v1/residents", Some(body))
            }
            "GET /v1/residents/{id}" => Sample::of(&format!("/v1/residents/{}", estate.resident), None),
            "PATCH /v1/residents/{id}" => {
                Sample::of(&format!("/v1/residents/{}", estate.resident), Some(json!({}))).stale()
            }
            "POST /v1/devices" => {
                let body = json!({ "id": fresh(), "platform": "web", "app_version": "1.0" });
                Sample::of("/v1/devices", Some(body)).common()
            }
            "DELETE /v1/devices/{id}" => Sample::of(&format!("/v1/devices/{}", fresh()), None),
            "POST /v1/devices/{id}/deactivate" => {
                Sample::of(&format!("/v1/devices/{}/deactivate", self.device), Some(json!({})))
            }
            "POST /v1/request-types" => {
                let code = format!("X-{}", &fresh().simple().to_string()[20..]);
                let body = json!({
                    "code": code, "category": "sewage", "name_ru": "Новый вид", "name_en": "New kind",
                    "clock": { "kind": "always" },
                });
                Sample::of("/v1/request-types", Some(body)).common()
            }
            "GET /v1/request-types/{id}" => {
                Sample::of(&format!("/v1/request-types/{}", estate.kinds["PEST"]), None)
            }
            "PATCH /v1/request-types/{id}" => {
                Sample::of(&format!("/v1/request-types/{}", estate.kinds["PEST"]), Some(json!({}))).stale()
            }
            "POST /v1/materials" => {
                let code = format!("M-{}", &fresh().simple().to_string()[20..]);
                let body = json!({ "code": code, "name": "Муфта", "unit": "шт", "price_minor": 100 });
                Sample::of("/v1/materials", Some(body)).common()
            }
            "GET /v1/materials/{id}" => Sample::of(&format!("/v1/materials/{}", self.material), None),
            "PATCH /v1/materials/{id}" => {
                Sample::of(&format!("/v1/materials/{}", self.material), Some(json!({}))).stale()
            }
            "GET /v1/contractors" | "GET /v1/handovers" => {
                Sample::of(operation.trim_start_matches("GET "), None).common()
            }
            "POST /v1/contractors" => {
                // Itself: whoever may link is told so.
                let body = json!({ "organization_id": estate.organization.id });
                Sample::of("/v1/contractors", Some(body))
            }
            "GET /v1/contractors/{id}" => Sample::of(&format!("/v1/contractors/{}", self.contractor), None),
            "GET /v1/contractors/{id}/quality" => {
                Sample::of(&format!("/v1/contractors/{}/quality", self.contractor), None)
            }
            "PATCH /v1/contractors/{id}" => {
                Sample::of(&format!("/v1/contractors/{}", self.contractor), Some(json!({}))).stale()
            }
            "POST /v1/tickets/{id}/handover/accept" => {
                Sample::of(&format!("/v1/tickets/{}/handover/accept", self.ticket), None)
            }
            "POST /v1/tickets/{id}/handover/decline" => {
                let body = json!({ "reason": "Проверка." });
                Sample::of(&format!("/v1/tickets/{}/handover/decline", self.ticket), Some(body))
            }
            "GET /v1/calendars/{token}" => Sample::of("/v1/calendars/nct_x.ics", None).common(),
            "GET /v1/visits/{id}/calendar-link" => {
                Sample::of(&format!("/v1/visits/{}/calendar-link", self.visit), None)
            }
            "POST /v1/technicians/{id}/pairing" => {
                Sample::of(&format!("/v1/technicians/{}/pairing", self.anna.user.id), None)
            }
            "GET /v1/technicians/{id}/calendar-links" => {
                Sample::of(&format!("/v1/technicians/{}/calendar-links", self.anna.user.id), None)
            }
            "POST /v1/technicians/{id}/calendar-links" => {
                Sample::of(&format!("/v1/technicians/{}/calendar-links", self.anna.user.id), Some(json!({})))
            }
            "DELETE /v1/technicians/{id}/calendar-links/{link_id}" => {
                let links = format!("/v1/technicians/{}/calendar-links", self.anna.user.id);
                let link = self.anna.client.post(&links, json!({})).await.ok(201).id("/id");
                Sample::of(&format!("{links}/{link}"), None)
            }
            "OPTIONS /v1/uploads" => Sample::of("/v1/uploads", None).common(),
            "POST /v1/uploads" => {
                let bytes = photos::jpeg(13);
                let photo = announce(&self.anna.client, self.ticket, "before", &bytes).await;
                use base64::{Engine as _, prelude::BASE64_STANDARD as B};
                let metadata = format!(
                    "photo_id {},sha256 {}",
                    B.encode(photo.to_string()),
                    B.encode(photos::sha256(&bytes))
                );
                Sample::of("/v1/uploads", None)
                    .header("Tus-Resumable", "1.0.0")
                    .header("Upload-Length", &bytes.len().to_string())
                    .header("Upload-Metadata", &metadata)
            }
            "HEAD /v1/uploads/{id}" | "DELETE /v1/uploads/{id}" => {
                let bytes = photos::jpeg(14);
                let photo = announce(&self.anna.client, self.ticket, "before", &bytes).await;
                let upload = location(&open_upload(&self.anna.client, photo, &bytes).await.ok(201));
                Sample::of(&upload, None).header("Tus-Resumable", "1.0.0")
            }
            "PATCH /v1/uploads/{id}" => {
                let bytes = photos::jpeg(15);
                let photo = announce(&self.anna.client, self.ticket, "before", &bytes).await;
                let upload = location(&open_upload(&self.anna.client, photo, &bytes).await.ok(201));
                Sample::of(&upload, None)
                    .header("Tus-Resumable", "1.0.0")
                    .header("Upload-Offset", "0")
                    .header("Content-Type", "application/offset+octet-stream")
            }
            "PUT /v1/production-calendars/{year}" => {
                // Of another year: whoever may import is told so.
                let body = json!({ "days": [{ "date": "2027-01-01", "kind": "off" }] });
                Sample::of("/v1/production-calendars/2026", Some(body)).common()
            }
            "GET /v1/deadlines" => Sample::of("/v1/deadlines", None).common(),
            "GET /v1/deadlines/board" => Sample::of("/v1/deadlines/board?by=building", None).common(),
            "GET /v1/deadlines/report" => {
                let path = "/v1/deadlines/report?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&by=type";
                Sample::of(path, None).common()
            }
            "GET /v1/production-calendars" => Sample::of("/v1/production-calendars", None).common(),
            "GET /v1/production-calendars/{year}" => {
                Sample::of("/v1/production-calendars/2026", None).common()
            }
            other if let Some(sample) = self.notices.sample(estate, other) => sample,
            other => self.schedule.sample(estate, other).await.unwrap_or_else(|| {
                panic!("{other} is not covered: add a sample, and review who may do it in the snapshot")
            }),
        }
    }

    async fn own_ticket(&self) -> Uuid {
        self.estate.register("SEW-SMELL", "Запах из канализации.").await.id("/id")
    }

    async fn own_visit(&self) -> Uuid {
        let ticket = self.own_ticket().await;
        // Each at a time of its own, years ahead.
        static NEXT: AtomicI64 = AtomicI64::new(0);
        let day =
            chrono::DateTime::from_timestamp(1_900_000_000 + NEXT.fetch_add(7200, Ordering::Relaxed), 0)
                .unwrap();
        let body = json!({
            "technicians": [self.anna.user.id], "start": day, "end": day + chrono::TimeDelta::hours(1),
        });
        let planned = self.estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
        planned.id("/visits/0/id")
    }

    async fn spare_usage(&self) -> Uuid {
        let used = json!({ "material_id": self.material, "quantity": "1" });
        let path = format!("/v1/tickets/{}/materials", self.ticket);
        let used = self.anna.client.post(&path, used).await.ok(201);
        let last = used.list("/materials").iter().map(|line| line["id"].as_str().unwrap());
        let last = last.map(|id| id.parse::<Uuid>().unwrap()).filter(|id| *id != self.usage).max();
        last.expect("a line of material")
    }
}

/// An instant so many minutes after the beginning of 2027.
fn in_2027(minutes: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_798_761_600 + minutes * 60, 0).unwrap()
}

impl Sample {
    fn of(path: &str, body: Option<Value>) -> Self {
        let stream = matches!(path, "/v1/events" | "/v1/sync/events");
        Self { path: path.to_owned(), body, headers: Vec::new(), is_ours: true, stream }
    }

    /// Names nothing of our tenant.
    fn common(mut self) -> Self {
        self.is_ours = false;
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a version that has never been: whoever may change it is told so, and nothing changes.
    fn stale(self) -> Self {
        self.header("If-Match", "\"999999\"")
    }
}
