//! A managing company with a house, a flat, a resident and staff: what most stories begin with.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    answer::Answer,
    client::Client,
    house::House,
    people::{Organization, Role, User, id},
    photos,
};

/// The resident's phone number.
pub const RESIDENT_PHONE: &str = "+79123456789";

/// A company at work.
#[derive(Clone)]
pub struct Estate {
    /// The company.
    pub organization: Organization,
    /// Signed-in administrator.
    pub admin: Client,
    /// Signed-in dispatcher.
    pub dispatcher: Client,
    /// A building in Moscow.
    pub building: Uuid,
    /// Flat 12 of it.
    pub premises: Uuid,
    /// Who lives there.
    pub resident: Uuid,
    /// Request types by code.
    pub kinds: BTreeMap<String, Uuid>,
}

/// A technician who has signed in.
#[derive(Clone)]
pub struct Technician {
    /// Who it is.
    pub user: User,
    /// His phone.
    pub client: Client,
}

impl Estate {
    /// Founds the company through its own interface.
    pub async fn found(house: &House, name: &str) -> Self {
        Self::found_with(house, name, RESIDENT_PHONE).await
    }

    /// The same with another phone number of the resident.
    pub async fn found_with(house: &House, name: &str, phone: &str) -> Self {
        let organization = house.company(name).await;
        let admin = house.staff(&organization, Role::Admin).await;
        let dispatcher = house.staff(&organization, Role::Dispatcher).await;
        let building = admin
            .post("/v1/buildings", json!({ "address": "Москва, улица Мира, 1", "zone": "Europe/Moscow" }))
            .await
            .ok(201)
            .id("/id");
        let premises = admin
            .post("/v1/premises", json!({ "building_id": building, "kind": "flat", "number": "12" }))
            .await
            .ok(201)
            .id("/id");
        let resident = dispatcher
            .post(
                "/v1/residents",
                json!({
                    "full_name": "Ильин Иван Петрович",
                    "phones": [phone],
                    "accounts": [{ "number": "1234567890", "premises_id": premises }],
                }),
            )
            .await
            .ok(201)
            .id("/id");
        let kinds = dispatcher.get("/v1/request-types?limit=200").await.ok(200);
        let kinds = kinds
            .list("/items")
            .iter()
            .map(|kind| (kind["code"].as_str().unwrap_or_default().to_owned(), id(&kind["id"])))
            .collect();
        Self { organization, admin, dispatcher, building, premises, resident, kinds }
    }

    /// A new technician, signed in.
    pub async fn technician(&self, house: &House, full_name: &str) -> Technician {
        let user = house.user_named(&self.organization, Role::Technician, full_name).await;
        let client = house.sign_in(&user).await;
        Technician { user, client }
    }

    /// The resident's app, signed in by a code.
    pub async fn resident(&self, house: &House) -> Client {
        resident_of(house, RESIDENT_PHONE).await
    }

    /// The body of a registration by the desk.
    pub fn request(&self, code: &str, description: &str) -> Value {
        json!({
            "request_type_id": self.kinds[code],
            "premises_id": self.premises,
            "resident_id": self.resident,
            "description": description,
        })
    }

    /// A registered ticket.
    pub async fn register(&self, code: &str, description: &str) -> Answer {
        self.dispatcher.post("/v1/tickets", self.request(code, description)).await.ok(201)
    }

    /// Messages of these kinds go no way but a call of the desk, which nobody makes by itself.
    pub async fn tells_nobody(&self, kinds: &[&str]) {
        let call = json!({ "ladder": [{ "rung": "call", "wait_minutes": 5 }] });
        for kind in kinds {
            let rule = self.admin.request(Method::PUT, &format!("/v1/notification-rules/{kind}"));
            rule.header("If-Match", "\"0\"").json(&call).send().await.ok(200);
        }
    }

    /// A material of the price list.
    pub async fn material(&self, code: &str, price_minor: i64) -> Uuid {
        let body = json!({ "code": code, "name": "Труба ППР 20", "unit": "м", "price_minor": price_minor });
        self.admin.post("/v1/materials", body).await.ok(201).id("/id")
    }
}

/// Signs a resident in by the code that came to his phone.
pub async fn resident_of(house: &House, phone: &str) -> Client {
    let client = house.client();
    client.post("/v1/auth/otp/request", json!({ "phone": phone })).await.ok(204);
    let code = house.code_for(phone).await;
    let answer = client.post("/v1/auth/otp/verify", json!({ "phone": phone, "code": code })).await.ok(200);
    client.keep_tokens(&answer);
    client
}

/// A fresh UUID of version 7, as a client makes it.
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// Announces a photo on a ticket.
pub async fn announce(client: &Client, ticket: Uuid, kind: &str, bytes: &[u8]) -> Uuid {
    let photo = fresh();
    let body = json!({
        "photo_id": photo, "kind": kind, "sha256": photos::sha256(bytes), "bytes": bytes.len(),
    });
    client.post(&format!("/v1/tickets/{ticket}/photos"), body).await.ok(201);
    photo
}

/// Opens an upload for an announced photo; the address of the upload.
pub async fn open_upload(client: &Client, photo: Uuid, bytes: &[u8]) -> Answer {
    let metadata = format!(
        "photo_id {},sha256 {}",
        BASE64_STANDARD.encode(photo.to_string()),
        BASE64_STANDARD.encode(photos::sha256(bytes))
    );
    client
        .request(Method::POST, "/v1/uploads")
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", &bytes.len().to_string())
        .header("Upload-Metadata", &metadata)
        .send()
        .await
}

/// Sends a slice of an upload.
pub async fn send_slice(client: &Client, upload: &str, offset: usize, bytes: &[u8]) -> Answer {
    client
        .request(Method::PATCH, upload)
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Offset", &offset.to_string())
        .bytes("application/offset+octet-stream", bytes)
        .send()
        .await
}

/// The path of the upload that an answer names.
pub fn location(answer: &Answer) -> String {
    let location = answer.header("Location");
    let start = location.find("/v1/").unwrap_or_else(|| panic!("`{location}` is no address of an upload"));
    location[start..].to_owned()
}

/// Announces a photo and brings all its bytes.
pub async fn bring(client: &Client, ticket: Uuid, kind: &str, bytes: &[u8]) -> Uuid {
    let photo = announce(client, ticket, kind, bytes).await;
    let upload = location(&open_upload(client, photo, bytes).await.ok(201));
    send_slice(client, &upload, 0, bytes).await.ok(204);
    photo
}
