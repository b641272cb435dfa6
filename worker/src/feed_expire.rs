//! What has passed the horizon leaves the phones.

use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    feed::{EntityKind, Expire},
    job::{Claimed, Completing},
};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
struct Payload {
    entity: String,
    id: Uuid,
}

pub(crate) async fn run(db: &Db, job: &Claimed) -> Result<()> {
    let Payload { entity, id } = serde_json::from_value(job.payload.clone()).map_err(Error::internal)?;
    let entity = EntityKind::from_name(&entity)
        .ok_or_else(|| Error::internal(format!("no entity has the name {entity}")))?;
    let act = Completing { act: Expire { entity, id }, lease: job.lease };
    db.write(Scope::system(job.organization), act).await
}
