//! `naryad org`: organizations are founded on the command line.

use clap::{Subcommand, ValueEnum};
use naryad_domain::{Result, Scope, id::OrganizationId, people::organization::store::Create};
use serde_json::json;

use super::{Outcome, ready, say_json};
use crate::{config::Config, extract};

#[derive(Debug, Subcommand)]
pub(super) enum Org {
    /// Founds an organization with the catalogue that comes with the service, and prints it as JSON.
    Create {
        /// Its name, as residents know it.
        #[arg(long)]
        name: String,
        /// What it is.
        #[arg(long, value_enum, default_value_t = Kind::Managing)]
        kind: Kind,
        /// Its time zone (IANA).
        #[arg(long, default_value = "Europe/Moscow")]
        zone: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    Managing,
    Contractor,
}

impl Org {
    pub(super) async fn run(self, config: &Config) -> Result<Outcome> {
        let Self::Create { name, kind, zone } = self;
        let kind = match kind {
            Kind::Managing => "managing",
            Kind::Contractor => "contractor",
        };
        let args = extract::from_value(&json!({ "name": name, "kind": kind, "zone": zone }))?;
        let db = ready(config).await?;
        let id = OrganizationId::new(&**db.clock());
        let made = db.write(Scope::system(id), Create { id, args }).await?;
        db.close().await;
        say_json(&made)
    }
}
