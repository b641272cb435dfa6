//! The audit of reads: who was shown whose personal data, when, by which operation.
//!
//! Reads do not go through the journal: they change nothing, and a chain for each would make every look at a list a
//! write in turn. They are kept in batches, by the process that answered.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Result, Scope, Time,
    auth::Role,
    db::{Db, Reader},
    id::{OrganizationId, ResidentId, TicketId, new_uuid},
    page::{Page, PageRequest},
    people::resident,
    write::{Act, Tx},
};

/// Whose data were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadSubject {
    /// A resident's.
    Resident(ResidentId),
    /// Those of the applicant of a ticket.
    Ticket(TicketId),
}

impl ReadSubject {
    fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Resident(id) => ("resident", id.0),
            Self::Ticket(id) => ("ticket", id.0),
        }
    }
}

/// One look at personal data.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalRead {
    /// Who looked.
    pub scope: Scope,
    /// By which operation.
    pub operation: &'static str,
    /// At whose data.
    pub subject: ReadSubject,
    /// When.
    pub at: Time,
}

impl PersonalRead {
    /// The look of a member of staff. Residents look at their own, and jobs show nobody anything: `None`.
    pub fn of(scope: &Scope, operation: &'static str, subject: ReadSubject, at: Time) -> Option<Self> {
        let staff = scope.role().is_some() && !scope.is_resident();
        staff.then_some(Self { scope: *scope, operation, subject, at })
    }
}

/// Keeps looks. They are kept beside the answers, not before them: a process that is killed loses the last second's.
#[derive(Clone, Debug)]
pub struct Keep {
    /// The looks.
    pub reads: Vec<PersonalRead>,
}

impl Act for Keep {
    const NAME: &'static str = "privacy.reads";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        // Eight values a row, well below what a statement may carry.
        for chunk in self.reads.chunks(100) {
            let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 8);
            let mut rows = Vec::with_capacity(chunk.len());
            for read in chunk {
                let (kind, id) = read.subject.parts();
                let role = serde_json::to_value(read.scope.role()).unwrap_or_default();
                let at = values.len();
                values.extend::<[Value; 8]>([
                    new_uuid(tx.clock()).into(),
                    read.scope.organization().0.into(),
                    read.scope.actor_id().into(),
                    role.as_str().unwrap_or_default().into(),
                    read.operation.into(),
                    kind.into(),
                    id.into(),
                    read.at.into(),
                ]);
                let places: Vec<String> = (1..=8).map(|offset| format!("${}", at + offset)).collect();
                rows.push(format!("({})", places.join(", ")));
            }
            let sql = format!(
                "INSERT INTO personal_read
                     (id, organization_id, actor_id, role, operation, subject_kind, subject_id, read_at)
                 VALUES {}",
                rows.join(", ")
            );
            tx.execute(&sql, values).await?;
        }
        Ok(())
    }
}

/// A look at a resident's data.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, FromQueryResult)]
pub struct ReadDocument {
    /// Identifier.
    pub id: Uuid,
    /// Who looked.
    pub actor_id: Uuid,
    /// His name.
    pub full_name: Option<String>,
    /// His role.
    pub role: String,
    /// By which operation.
    pub operation: String,
    /// The ticket by which, if it was one.
    pub ticket_id: Option<Uuid>,
    /// When.
    pub read_at: DateTime<Utc>,
}

/// The key of a page of looks.
#[derive(Serialize, Deserialize)]
struct ById(Uuid);

/// Who has looked at the data of a resident: at himself, and at his tickets; the newest first. For the administrator.
///
/// # Errors
/// `not_found` for a resident of another organization, `forbidden` for everybody else.
pub async fn list_reads(
    reader: &Reader<'_>,
    scope: &Scope,
    resident: ResidentId,
    page: &PageRequest,
) -> Result<Page<ReadDocument>> {
    scope.require(&[Role::Admin])?;
    resident::store::find(reader, scope, resident).await?;
    let mut values: Vec<Value> = vec![scope.organization().0.into(), resident.0.into()];
    let mut after = String::new();
    if let Some(ById(id)) = page.after()? {
        values.push(id.into());
        after = format!("AND r.id < ${}", values.len());
    }
    let sql = format!(
        "SELECT r.id, r.actor_id, u.full_name, r.role, r.operation, r.read_at,
                CASE WHEN r.subject_kind = 'ticket' THEN r.subject_id END AS ticket_id
         FROM personal_read r LEFT JOIN app_user u ON u.id = r.actor_id
         WHERE r.organization_id = $1 {after} AND (
             (r.subject_kind = 'resident' AND r.subject_id = $2)
             OR (r.subject_kind = 'ticket' AND r.subject_id IN (SELECT t.id FROM ticket t WHERE t.resident_id = $2)))
         ORDER BY r.id DESC LIMIT {}",
        page.limit() + 1
    );
    let items = reader.all::<ReadDocument>(&sql, values).await?;
    page.cut(items, |read| ById(read.id))
}

/// Forgets looks that are older than the organization keeps them. Returns how many are gone.
///
/// # Errors
/// The database cannot be read or written.
pub async fn sweep_reads(db: &Db) -> Result<u64> {
    #[derive(FromQueryResult)]
    struct Id {
        id: OrganizationId,
    }
    let organizations = db.reader().all::<Id>("SELECT id FROM organization ORDER BY id", []).await?;
    let mut gone = 0;
    for Id { id } in organizations {
        gone += db.write(Scope::system(id), Forget).await?;
    }
    Ok(gone)
}

/// Forgets old looks of one organization, some at a time.
#[derive(Clone, Copy, Debug)]
struct Forget;

impl Act for Forget {
    const NAME: &'static str = "privacy.forget_reads";
    type Out = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        let organization = tx.scope().organization();
        let settings = crate::people::organization::settings_of(&tx.reader(), organization).await?;
        let before = tx.now() - TimeDelta::days(settings.personal_read_days.into());
        let sql = "DELETE FROM personal_read WHERE id IN (
                       SELECT id FROM personal_read WHERE organization_id = $1 AND read_at < $2 LIMIT 5000)";
        let gone = tx.execute(sql, [organization.0.into(), before.into()]).await?;
        Ok(gone.rows_affected())
    }
}
