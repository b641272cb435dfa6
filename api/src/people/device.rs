//! Devices of the one who asks.

use actix_web::{delete, get, http::StatusCode, post};
use naryad_domain::{
    auth::{Purpose, RotationId},
    id::{DeviceId, UserId},
    page::Page,
    people::device::store::{self, Deactivate, DeviceDocument, Register, RegisterDevice, Registered},
    stream::{DeliveryDocument, DeliveryKey, RegisterStream},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    extract::{Caller, Json, PathId},
    problem::Answer,
    reply::{self, NoContent, PageOf},
    routes::Routes,
    state::State,
    web_push,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(register_device).add(list_devices).add(deactivate_device);
}

/// A device, and how its phone delivers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredDevice {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceDocument,
    /// How the phone delivers, if it named a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryDocument>,
}

/// Registers one's own device, or renews what is known of it. Another device with the same push token loses it. A browser
/// that subscribed to pushes gives its subscription as JSON; its push service must have a public address. A technician's
/// phone names its stream too, and gets the key by which it delivers.
#[utoipa::path(
    tag = "people",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "Not needed: the identifiers tell. The answer holds a key, and is not kept.",
    )),
    request_body = RegisterDevice,
    responses((status = 201, description = "The device", body = RegisteredDevice)),
)]
#[post("/v1/devices")]
async fn register_device(app: State, caller: Caller, args: Json<RegisterDevice>) -> Answer {
    if let Some(subscription) = args.0.subscription()? {
        web_push::check_reach(&subscription, app.config.web_push_stand_in.as_deref(), "push_token")?;
    }
    let key = match args.0.delivery {
        Some(RegisterStream { stream_id, rotation_id }) => {
            let rotation = RotationId::from_client(rotation_id, "delivery.rotation_id")?;
            let owner = UserId(caller.scope.actor_id());
            Some((
                stream_id,
                DeliveryKey::derive(app.keys.secret(Purpose::Delivery), stream_id, owner, rotation),
            ))
        }
        None => None,
    };
    let act = Register { args: args.0, key: key.as_ref().map(|(_, key)| key.clone()) };
    let Registered { device, acked_seq } = app.db.write(caller.scope, act).await?;
    let delivery = key.zip(acked_seq).map(|((stream_id, key), acked_seq)| DeliveryDocument {
        stream_id,
        key: key.expose(),
        acked_seq,
    });
    Ok(reply::respond(reply::json(StatusCode::CREATED, &RegisteredDevice { device, delivery })?))
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
