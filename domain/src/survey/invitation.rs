//! The row of an invitation: a person who is asked.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::entity::prelude::*;

use crate::{
    Error, Result, Time,
    db::Reader,
    id::{BuildingId, InvitationId, NotificationId, OrganizationId, ResidentId, SurveyId, TicketId},
    journal::{Subject, SubjectKind},
    notification::{self, Person},
    write::{Journaling, LockRank, Row, Table, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "survey_invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InvitationId,
    pub organization_id: OrganizationId,
    pub survey_id: SurveyId,
    pub ticket_id: Option<TicketId>,
    pub building_id: BuildingId,
    pub resident_id: Option<ResidentId>,
    pub phone: Option<String>,
    pub person: String,
    pub state: InvitationState,
    pub next_at: Option<Time>,
    pub asked_at: Option<Time>,
    pub expires_at: Option<Time>,
    pub notification_id: Option<NotificationId>,
    pub created_at: Time,
    pub version: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "survey_invitation",
        journaling: Journaling {
            plain: &["state"],
            personal: &["phone"],
            // Says the same as the columns it is made of.
            silent: &["person", "next_at", "version"],
        },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        match (self.ticket_id, self.resident_id) {
            (Some(ticket), _) => Subject::new(SubjectKind::Ticket, ticket),
            (None, Some(resident)) => Subject::new(SubjectKind::Resident, resident),
            (None, None) => Subject::new(SubjectKind::Organization, self.organization_id),
        }
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}

/// How far an invitation has come.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    EnumIter,
    DeriveActiveEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum InvitationState {
    /// The person is asked later.
    Planned,
    /// Asked.
    Asked,
    /// Asked and reminded.
    Reminded,
    /// To be asked by telephone.
    Call,
    /// Answered.
    Answered,
    /// The time to answer is over.
    Expired,
    /// There is nothing to ask about any more.
    Withdrawn,
    /// The person does not want to be asked.
    Refused,
    /// The person was asked not long ago.
    Skipped,
}

impl InvitationState {
    /// Whether an answer is awaited.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Asked | Self::Reminded | Self::Call)
    }
}

impl Model {
    /// Whom it asks.
    ///
    /// # Errors
    /// `internal` naming the row: somebody is always asked.
    pub fn who(&self) -> Result<Person> {
        match (self.resident_id, &self.phone) {
            (Some(resident), _) => Ok(Person::Resident(resident)),
            (None, Some(phone)) => Ok(Person::Phone(phone.clone())),
            (None, None) => {
                Err(Error::internal(format!("survey_invitation {}, column phone: nobody", self.id)))
            }
        }
    }

    /// The same invitation in another state, looked at again at this time.
    pub(super) fn turned(&self, state: InvitationState, next_at: Option<Time>) -> Self {
        Self { state, next_at, version: self.version + 1, ..self.clone() }
    }
}

/// Locks what these invitations stand with: their tickets, their residents.
pub(super) async fn lock(tx: &mut Tx, invitations: &[Model]) -> Result<()> {
    let tickets: Vec<TicketId> = invitations.iter().filter_map(|invitation| invitation.ticket_id).collect();
    let residents = invitations.iter().filter_map(|invitation| invitation.resident_id);
    let residents: Vec<Uuid> = residents.map(|resident| resident.0).collect();
    tx.lock_tickets(tickets).await?;
    tx.lock_rows(LockRank::Tickets, "resident", "id", residents).await
}

/// The invitation of an organization.
///
/// # Errors
/// `not_found` when it has none of that identifier.
pub(super) async fn find(
    reader: &Reader<'_>,
    organization: OrganizationId,
    id: InvitationId,
) -> Result<Model> {
    let query = Entity::find_by_id(id).filter(Column::OrganizationId.eq(organization));
    query.one(reader).await?.ok_or_else(|| Error::not_found("survey"))
}

/// Locks an invitation with what it stands with, and reads it.
///
/// # Errors
/// `not_found` when the organization has none of that identifier.
pub(super) async fn hold(tx: &mut Tx, id: InvitationId) -> Result<Model> {
    let organization = tx.scope().organization();
    let seen = find(&tx.reader(), organization, id).await?;
    lock(tx, &[seen]).await?;
    find(&tx.reader(), organization, id).await
}

/// Takes back what was to be said of an invitation and nobody has begun to say.
///
/// # Errors
/// What the database says.
pub(super) async fn hush(tx: &Tx, invitation: &Model) -> Result<()> {
    let [ask, remind] = ["survey_ask", "survey_remind"].map(|name| format!("{name}:{}", invitation.id));
    let values = [ask.into(), remind.into(), invitation.organization_id.0.into()];
    notification::hush(tx, "event_key IN ($2, $3) AND organization_id = $4", values).await?;
    Ok(())
}
