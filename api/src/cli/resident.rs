//! `naryad resident`: what is done to a person's data on request.

use clap::{Subcommand, ValueEnum};
use naryad_domain::{
    Result, Scope,
    id::ResidentId,
    people::resident,
    privacy::{self, Ground},
};

use super::{Outcome, ready, say};
use crate::{config::Config, state};

/// Residents.
#[derive(Debug, Subcommand)]
pub(super) enum Resident {
    /// Erases a resident: his record and sign-ins, and of his tickets the applicant, the texts and the photos. The facts
    /// of the journal stay, and its proofs hold. Broken off, it is simply begun again.
    Erase {
        /// His identifier.
        #[arg(long)]
        id: ResidentId,
        /// Why.
        #[arg(long, value_enum)]
        ground: ErasureGround,
        /// Tells what would be erased, and erases nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Why personal data are erased.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ErasureGround {
    /// The person has asked for it.
    Request,
    /// The consent was withdrawn.
    ConsentWithdrawn,
    /// The purpose is reached.
    PurposeReached,
    /// A court or the authority has ordered it.
    Order,
}

impl From<ErasureGround> for Ground {
    fn from(ground: ErasureGround) -> Self {
        match ground {
            ErasureGround::Request => Self::Request,
            ErasureGround::ConsentWithdrawn => Self::ConsentWithdrawn,
            ErasureGround::PurposeReached => Self::PurposeReached,
            ErasureGround::Order => Self::Order,
        }
    }
}

impl Resident {
    pub(super) async fn run(self, config: &Config) -> Result<Outcome> {
        let Self::Erase { id, ground, dry_run } = self;
        let db = ready(config).await?;
        let scope = Scope::system(resident::organization_of(&db.reader(), id).await?);
        let told = if dry_run {
            let found = privacy::preview(&db.reader(), &scope, id).await?;
            format!(
                "would be erased: {} tickets, {} photos, {} acts, {} comments, {} personal values of the journal\n",
                found.tickets, found.photos, found.acts, found.comments, found.values
            )
        } else {
            let blobs = state::open_blobs(config).await?;
            let erased = privacy::erase(&db, &blobs, scope, id, ground.into()).await?;
            format!("erased: {} tickets, {} objects\n", erased.tickets, erased.objects)
        };
        db.close().await;
        say(&told)?;
        Ok(Outcome::Well)
    }
}
