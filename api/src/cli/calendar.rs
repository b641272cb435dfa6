//! `naryad calendar`: production calendars from the files in which they are published.

use std::path::PathBuf;

use clap::Subcommand;
use naryad_domain::{
    Error, Result, Scope,
    id::OrganizationId,
    people::organization,
    worktime::{
        store::{Import, ImportCalendar, Region},
        xml,
    },
};
use sea_orm::EntityTrait;

use super::{Outcome, ready, say_json};
use crate::{config::Config, extract};

#[derive(Debug, Subcommand)]
pub(super) enum Calendar {
    /// Takes the production calendar of a year in (XML or JSON) and prints it as JSON.
    Import {
        /// The file.
        file: PathBuf,
        /// The organization.
        #[arg(long)]
        org: OrganizationId,
        /// The year.
        #[arg(long)]
        year: i32,
        /// The region whose days these are; without it, the country.
        #[arg(long)]
        region: Option<Region>,
    },
}

impl Calendar {
    pub(super) async fn run(self, config: &Config) -> Result<Outcome> {
        let Self::Import { file, org, year, region } = self;
        let text = std::fs::read_to_string(&file)
            .map_err(|cause| Error::field("file", format!("{}: {cause}", file.display())))?;
        let mut args = if text.trim_start().starts_with('{') {
            extract::from_text::<ImportCalendar>(&text)?
        } else {
            ImportCalendar { region: None, days: xml::parse(&text, year)? }
        };
        args.region = region.or(args.region);
        let db = ready(config).await?;
        if organization::Entity::find_by_id(org).one(&db.reader()).await?.is_none() {
            return Err(Error::field("org", "there is no such organization"));
        }
        let taken = db.write(Scope::system(org), Import { year, args }).await?;
        db.close().await;
        say_json(&taken)
    }
}
