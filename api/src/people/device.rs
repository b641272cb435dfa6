//! Devices of the one who asks.

use actix_web::{delete, get, post};
use naryad_domain::{
    id::DeviceId,
    page::Page,
    people::device::store::{self, Deactivate, DeviceDocument, Register, RegisterDevice},
};

use crate::{
    extract::{Caller, Idempotency, Json, PathId},
    problem::Answer,
    reply::{AsJson, NoContent, PageOf},
    routes::Routes,
    state::State,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(register_device).add(list_devices).add(deactivate_device);
}

/// Registers one's own device, or renews what is known of it. Another device with the same push token loses it.
#[utoipa::path(
    tag = "people",
    request_body = RegisterDevice,
    responses((status = 201, description = "The device", body = DeviceDocument)),
)]
#[post("/v1/devices")]
async fn register_device(app: State, caller: Caller, key: Idempotency, args: Json<RegisterDevice>) -> Answer {
    app.write_once(&caller, &key, Register { args: args.0 }, AsJson::created()).await
}

/// One's own devices; a person has a handful, so that they are one page.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "The devices", body = PageOf<DeviceDocument>)),
)]
#[get("/v1/devices")]
async fn list_devices(app: State, caller: Caller) -> Answer {
    let items = store::list(&app.db.reader(), &caller.scope).await?;
    app.page(Page { items, next: None })
}

/// Stops telling one's own device what happens.
#[utoipa::path(tag = "people", responses((status = 204, description = "It is told nothing")))]
#[delete("/v1/devices/{id}")]
async fn deactivate_device(app: State, caller: Caller, id: PathId<DeviceId>) -> Answer {
    app.write(&caller, Deactivate { id: id.0 }, NoContent).await
}
