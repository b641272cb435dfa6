//! Devices: each person registers his own.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Column, Entity, Model, Platform};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    channel::Subscription,
    db::Reader,
    id::DeviceId,
    scope::Actor,
    stream::{self, DeliveryKey, RegisterStream},
    text::Line,
    write::{Act, LockRank, Tx},
};

/// A device of the signed-in person.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DeviceDocument {
    /// Its identifier.
    pub id: DeviceId,
    /// What it runs.
    pub platform: Platform,
    /// Whether it can be pushed to.
    pub has_push_token: bool,
    /// The version of the app.
    pub app_version: String,
    /// Whether it is told what happens.
    pub active: bool,
    /// Rises with every change.
    pub version: i64,
    /// Since when it is here.
    pub created_at: DateTime<Utc>,
}

impl From<Model> for DeviceDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            platform: row.platform,
            has_push_token: row.push_token.is_some(),
            app_version: row.app_version,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// A device as it presents itself.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterDevice {
    /// Its identifier (UUIDv7), made by the client at installation.
    pub id: DeviceId,
    /// What it runs.
    pub platform: Platform,
    /// Where it is pushed to; another device with the same one loses it: the phone has changed hands. Of a phone the token
    /// of the provider; of a browser its `PushSubscription`, `JSON.stringify(subscription)`.
    pub push_token: Option<Line<4096>>,
    /// The version of the app.
    pub app_version: Line<40>,
    /// The stream of the technicians' app.
    #[serde(default)]
    pub delivery: Option<RegisterStream>,
}

impl RegisterDevice {
    /// Where a browser is reached, if it says so.
    ///
    /// # Errors
    /// `invalid_field`: its push token is no subscription.
    pub fn subscription(&self) -> Result<Option<Subscription>> {
        match (self.platform, &self.push_token) {
            (Platform::Web, Some(token)) => Subscription::from_browser(token, "push_token").map(Some),
            _ => Ok(None),
        }
    }
}

/// Registers a device of the one who acts, or renews what is known of it.
#[derive(Clone, Debug)]
pub struct Register {
    /// What it is.
    pub args: RegisterDevice,
    /// The key of the stream it names.
    pub key: Option<DeliveryKey>,
}

impl Act for Register {
    const NAME: &'static str = "device.register";
    type Out = Registered;

    async fn run(&self, tx: &mut Tx) -> Result<Registered> {
        let wanted = self.args.delivery.zip(self.key.clone());
        if wanted.is_some() {
            tx.scope().require(&[Role::Technician])?;
        }
        if let Some((delivery, _)) = &wanted {
            // The stream comes before everything else in the order of locks.
            tx.lock_rows(LockRank::Stream, "sync_stream", "stream_id", [delivery.stream_id.0]).await?;
        }
        let device = self.device(tx).await?;
        let acked_seq = match wanted {
            Some((delivery, key)) => {
                let version = device.app_version.clone();
                Some(stream::register(tx, delivery.stream_id, device.id, &version, &key).await?)
            }
            None => None,
        };
        Ok(Registered { device, acked_seq })
    }
}

/// A device that was registered.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The device.
    pub device: DeviceDocument,
    /// How far its stream is answered for, if it named one.
    pub acked_seq: Option<i64>,
}

impl Register {
    async fn device(&self, tx: &mut Tx) -> Result<DeviceDocument> {
        let scope = *tx.scope();
        let args = self.args.clone();
        // Of a browser what is needed, always written the same way: by it another device with the same one is found.
        let push_token = match args.subscription()? {
            Some(subscription) => Some(serde_json::to_string(&subscription).map_err(Error::internal)?),
            None => args.push_token.map(Line::into_string),
        };
        let mut row = Model {
            id: DeviceId::from_client(args.id.0, "id")?,
            organization_id: scope.organization(),
            user_id: None,
            resident_id: None,
            platform: args.platform,
            push_token,
            app_version: args.app_version.into_string(),
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        match scope.actor() {
            Actor::Staff { user, .. } => row.user_id = Some(user),
            Actor::Resident { resident, .. } => row.resident_id = Some(resident),
            Actor::Link { .. } | Actor::System => {
                return Err(Error::new(Code::Forbidden, "a job and a link have no device"));
            }
        }
        let (before, others) = involved(tx, &row).await?;
        for other in others {
            let after =
                Model { push_token: None, active: false, version: other.version + 1, ..other.clone() };
            tx.update(&other, &after).await?;
        }
        let Some(before) = before else {
            tx.insert(&row).await?;
            return Ok(row.into());
        };
        if before.user_id != row.user_id || before.resident_id != row.resident_id {
            return Err(Error::new(Code::AlreadyExists, "this device is somebody else's").with("field", "id"));
        }
        row.created_at = before.created_at;
        row.version = before.version;
        if row != before {
            row.version += 1;
            tx.update(&before, &row).await?;
        }
        Ok(row.into())
    }
}

/// The device as it stands, and the others with its push token. They are looked for in every organization: what is
/// pushed to a phone must reach the one who holds it now, and nobody before him.
async fn involved(tx: &mut Tx, row: &Model) -> Result<(Option<Model>, Vec<Model>)> {
    let mut same = Condition::any().add(Column::Id.eq(row.id));
    if let Some(token) = &row.push_token {
        same = same.add(Column::PushToken.eq(token.as_str()));
    }
    let query = Entity::find().filter(same);
    let seen = query.clone().all(&tx.reader()).await?;
    tx.lock_rows(LockRank::Tickets, "device", "id", seen.iter().map(|device| device.id.0)).await?;
    let locked = query.all(&tx.reader()).await?;
    if locked.iter().any(|device| !seen.iter().any(|known| known.id == device.id)) {
        return Err(Error::restart("another device took the push token"));
    }
    let (mine, others): (Vec<_>, Vec<_>) = locked.into_iter().partition(|device| device.id == row.id);
    Ok((mine.into_iter().next(), others))
}

/// Stops telling a device of the one who acts what happens.
#[derive(Clone, Copy, Debug)]
pub struct Deactivate {
    /// Which one.
    pub id: DeviceId,
}

impl Act for Deactivate {
    const NAME: &'static str = "device.deactivate";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.lock_subject("device", self.id.0).await?;
        let before = Entity::find_by_id(self.id)
            .filter(own(tx.scope()))
            .one(&tx.reader())
            .await?
            .ok_or_else(|| Error::not_found("device"))?;
        if before.active {
            let after =
                Model { push_token: None, active: false, version: before.version + 1, ..before.clone() };
            tx.update(&before, &after).await?;
        }
        Ok(())
    }
}

fn own(scope: &Scope) -> Condition {
    let organization = Condition::all().add(Column::OrganizationId.eq(scope.organization()));
    match scope.actor() {
        Actor::Staff { user, .. } => organization.add(Column::UserId.eq(user)),
        Actor::Resident { resident, .. } => organization.add(Column::ResidentId.eq(resident)),
        Actor::Link { link, .. } => organization.add(Column::Id.eq(link.0)),
        Actor::System => organization,
    }
}

/// The devices of the one who asks, in the order in which they came. A person has a handful: they are no pages.
///
/// # Errors
/// The database cannot be read.
pub async fn list(reader: &Reader<'_>, scope: &Scope) -> Result<Vec<DeviceDocument>> {
    let rows = Entity::find().filter(own(scope)).order_by_asc(Column::Id).all(reader).await?;
    Ok(rows.into_iter().map(DeviceDocument::from).collect())
}
