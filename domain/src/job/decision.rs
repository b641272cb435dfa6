//! What people decide about dead letters: that one is run again, or never will be. It stands in the journal.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::{FromQueryResult, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Error, Result, Time,
    id::{JobDecisionId, JobId, OrganizationId},
    journal::{Subject, SubjectKind},
    write::{Journaling, Row, Table, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "job_decision")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobDecisionId,
    pub organization_id: OrganizationId,
    pub job_id: JobId,
    pub job_kind: String,
    pub decision: JobVerdict,
    pub reason: Option<String>,
    pub decided_by: Uuid,
    pub decided_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "job_decision",
        journaling: Journaling { plain: &["job_kind", "decision"], personal: &["reason"], silent: &[] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Organization, self.organization_id)
    }

    fn touch(_before: Option<&Self>, _after: Option<&Self>, _touched: &mut Touched) {}
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum JobVerdict {
    /// It is run again, with a fresh count of attempts.
    Rerun,
    /// Nobody will run it again.
    Discard,
}

#[derive(FromQueryResult)]
struct Decided {
    id: JobId,
    kind: String,
}

/// Carries out a decision about a dead letter by `sql`, which returns id and kind of the job it has changed, and notes it.
/// Returns whether there was a dead letter to change.
pub(super) async fn carry_out(
    tx: &mut Tx,
    sql: &str,
    job: JobId,
    decision: JobVerdict,
    reason: Option<String>,
) -> Result<bool> {
    let organization = tx.scope().organization();
    let values = [job.0.into(), organization.0.into(), tx.now().into()];
    let Some(Decided { id, kind }) = tx.execute_returning::<Decided>(sql, values).await?.pop() else {
        return Ok(false);
    };
    if id != job {
        return Err(Error::internal("another job than the one that was decided about was changed"));
    }
    let row = Model {
        id: JobDecisionId::new(tx.clock()),
        organization_id: organization,
        job_id: job,
        job_kind: kind,
        decision,
        reason,
        decided_by: tx.scope().actor_id(),
        decided_at: tx.now(),
    };
    tx.insert(&row).await?;
    Ok(true)
}
