//! `naryad jobs`: the queue of every organization, and what runs every so often.

use clap::Subcommand;
use naryad_domain::{
    Error, Result, Scope,
    db::Db,
    id::{JobId, OrganizationId},
    job::{self, Discard, DiscardJob, JobFilter, JobState, Rerun},
    page::{MAX_LIMIT, PageRequest},
    people::organization,
    periodic,
    text::Text,
};
use sea_orm::{EntityTrait, QueryOrder};

use super::{Outcome, ready, say_json};
use crate::config::Config;

/// Each prints JSON, one line a thing.
#[derive(Debug, Subcommand)]
pub(super) enum Jobs {
    /// Prints jobs, newest first, organization by organization.
    List {
        /// Only those of this organization.
        #[arg(long)]
        org: Option<OrganizationId>,
        /// Only those in this state: queued, running, done, dead or discarded.
        #[arg(long)]
        state: Option<JobState>,
        /// Only those of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// At most so many of each organization.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Prints a job: what it is about, how often it was tried, why it failed, what was decided about it.
    Show {
        /// The job.
        id: JobId,
    },
    /// Puts a dead letter back into the queue, and prints it.
    Rerun {
        /// The job.
        id: JobId,
    },
    /// Takes a dead letter from the list: nobody will run it again. Prints it.
    Discard {
        /// The job.
        id: JobId,
        /// Why; it is kept with the job and in the journal.
        #[arg(long)]
        reason: Option<Text<500>>,
    },
    /// Prints what runs every so often: who has it, when it ran last and runs next, why it failed.
    Periodic,
}

impl Jobs {
    pub(super) async fn run(self, config: &Config) -> Result<Outcome> {
        let db = ready(config).await?;
        let ran = self.on(&db).await;
        db.close().await;
        ran
    }

    async fn on(self, db: &Db) -> Result<Outcome> {
        match self {
            Self::List { org, state, kind, limit } => list(db, org, &JobFilter { state, kind }, limit).await,
            Self::Show { id } => show(db, id).await,
            Self::Rerun { id } => {
                db.write(scope(db, id).await?, Rerun { job: id }).await?;
                show(db, id).await
            }
            Self::Discard { id, reason } => {
                let act = Discard { job: id, args: DiscardJob { reason } };
                say_json(&db.write(scope(db, id).await?, act).await?)
            }
            Self::Periodic => {
                for task in periodic::table(&db.reader()).await? {
                    say_json(&task)?;
                }
                Ok(Outcome::Well)
            }
        }
    }
}

/// Whoever is at the machine acts for the organization whose job it is.
async fn scope(db: &Db, id: JobId) -> Result<Scope> {
    job::owner(&db.reader(), id).await.map(Scope::system)
}

async fn show(db: &Db, id: JobId) -> Result<Outcome> {
    say_json(&job::find(&db.reader(), &scope(db, id).await?, id).await?)
}

async fn list(db: &Db, org: Option<OrganizationId>, filter: &JobFilter, limit: usize) -> Result<Outcome> {
    for organization in organizations(db, org).await? {
        let (scope, mut left, mut after) = (Scope::system(organization), limit, None);
        while left > 0 {
            let size = u32::try_from(left).unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
            let page = job::list(&db.reader(), &scope, filter, &PageRequest::new(after, Some(size))?).await?;
            for job in &page.items {
                say_json(&Line { organization_id: organization, job })?;
            }
            left -= page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(Outcome::Well)
}

#[derive(serde::Serialize)]
struct Line<'a> {
    organization_id: OrganizationId,
    #[serde(flatten)]
    job: &'a job::JobSummary,
}

async fn organizations(db: &Db, org: Option<OrganizationId>) -> Result<Vec<OrganizationId>> {
    let Some(org) = org else {
        let all =
            organization::Entity::find().order_by_asc(organization::Column::Id).all(&db.reader()).await?;
        return Ok(all.into_iter().map(|organization| organization.id).collect());
    };
    match organization::Entity::find_by_id(org).one(&db.reader()).await? {
        Some(_) => Ok(vec![org]),
        None => Err(Error::field("org", "there is no such organization")),
    }
}
