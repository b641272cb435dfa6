//! `naryad user`: the first administrator of an organization has to come from somewhere.

use std::io::BufRead;

use clap::Subcommand;
use naryad_domain::{
    Error, Result, Scope,
    id::{OrganizationId, UserId},
    people::{organization, user::store::Create},
};
use sea_orm::EntityTrait;
use serde_json::json;

use super::{Outcome, ready, say_json};
use crate::{config::Config, extract};

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Takes on a member of staff and prints him as JSON.
    Create {
        /// His organization.
        #[arg(long)]
        org: OrganizationId,
        /// technician, dispatcher, manager, admin or integration.
        #[arg(long)]
        role: String,
        /// What he signs in with.
        #[arg(long)]
        login: String,
        /// His name.
        #[arg(long)]
        full_name: String,
        /// Reads the password from the first line of standard input: it must not stand in the list of processes.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

impl User {
    pub(super) async fn run(self, config: &Config) -> Result<Outcome> {
        let Self::Create { org, role, login, full_name, .. } = self;
        let mut password = String::new();
        std::io::stdin().lock().read_line(&mut password).map_err(Error::internal)?;
        let password = password.trim_end_matches(['\n', '\r']);
        let args = json!({ "role": role, "login": login, "full_name": full_name, "password": password });
        let args = extract::from_value(&args)?;
        let db = ready(config).await?;
        if organization::Entity::find_by_id(org).one(&db.reader()).await?.is_none() {
            return Err(Error::field("org", "there is no such organization"));
        }
        let act = Create::prepare(UserId::new(&**db.clock()), args).await?;
        let made = db.write(Scope::system(org), act).await?;
        db.close().await;
        say_json(&made)
    }
}
