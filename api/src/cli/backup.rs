//! `naryad backup` and `naryad restore`.

use std::path::Path;

use naryad_domain::{Error, Result, Scope, id::OrganizationId, incarnation};
use uuid::Uuid;

use super::{Outcome, ready, say};
use crate::{
    backup::{self, Restored},
    config::Config,
    state,
};

/// What the phones will do, in the words of whoever reads it after a bad night.
const PHONES: &str = "The phones begin anew at their next pull, and send again what was lost of theirs; they keep it for 14 days.\n";

pub(super) async fn backup(config: &Config, to: &Path) -> Result<Outcome> {
    let (clock, _) = state::clock(config)?;
    let made = backup::make(config, to, clock.now()).await?;
    let mut text = String::new();
    for (names, what) in [
        (&made.lost, "is recorded and not there"),
        (&made.damaged, "is not what was recorded; it was backed up as it is"),
    ] {
        for name in names {
            text.push_str(&format!("{name}: {what}\n"));
        }
    }
    let findings = made.lost.len() + made.damaged.len();
    text.push_str(&format!(
        "backup: {}: database of {} bytes, {} photos of {} bytes, {findings} findings\n",
        to.display(),
        made.database_bytes,
        made.photos,
        made.photo_bytes,
    ));
    say(&text)?;
    Ok(if findings == 0 { Outcome::Well } else { Outcome::Found })
}

pub(super) async fn restore(config: &Config, from: Option<&Path>, replace: bool) -> Result<Outcome> {
    let Some(from) = from else { return mark(config).await };
    let Restored { made_at, photos, photo_bytes, migrated, incarnation, aside } =
        backup::restore(config, from, replace).await?;
    let mut text = String::new();
    for path in aside {
        text.push_str(&format!("What was there before is {} now.\n", path.display()));
    }
    text.push_str(&format!(
        "restored: the database as it was at {}, {photos} photos of {photo_bytes} bytes{}; incarnation {incarnation} begins\n{PHONES}\
         What else was entered after that time is not there.\n",
        made_at.to_rfc3339(),
        if migrated { ", migrated to this version" } else { "" },
    ));
    say(&text).map(|()| Outcome::Well)
}

/// Says of a database that was restored by other tools that it was.
async fn mark(config: &Config) -> Result<Outcome> {
    if let naryad_domain::db::Location::Sqlite(path) = config.location()?
        && !path.exists()
    {
        return Err(Error::field("data", format!("{}: there is no database", path.display())));
    }
    let db = ready(config).await?;
    let scope = Scope::system(OrganizationId(Uuid::nil()));
    let life = db.write(scope, incarnation::Renew { why: "naryad restore --mark", seen: None }).await?;
    db.close().await;
    say(&format!("marked as restored: incarnation {} begins\n{PHONES}", life.incarnation))
        .map(|()| Outcome::Well)
}
