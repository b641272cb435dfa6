//! What a person is to be told: one row for an event and a person. Delivery takes its work from here.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use sea_orm::{QueryFilter, entity::prelude::*};

use crate::{
    Result, Time,
    id::{NoticeId, OrganizationId, ResidentId, TicketId, VisitId},
    journal::{Subject, SubjectKind},
    ticket,
    write::{Journaling, Row, Table, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NoticeId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub visit_id: Option<VisitId>,
    pub resident_id: Option<ResidentId>,
    pub phone: Option<String>,
    pub person: String,
    pub kind: NoticeKind,
    pub event_key: String,
    pub created_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "notice",
        // `person` says the same as the two columns it is made of.
        journaling: Journaling { plain: &["kind", "event_key"], personal: &["phone"], silent: &["person"] },
        entity: None,
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(_: Option<&Self>, _: Option<&Self>, _: &mut Touched) {}
}

/// What somebody is told.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, EnumIter, DeriveActiveEnum, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum NoticeKind {
    /// The visit will not take place at the promised time; another is being looked for.
    BookingLost,
    /// The visit was moved to another time.
    BookingMoved,
    /// Others come than were named, or fewer.
    CrewChanged,
    /// The visit will not take place.
    BookingCancelled,
}

/// Leaves a notice for the applicant of a ticket, unless the same event has left him one already: what it is to say
/// stands in the rows of `rebooking` and of `visit_reschedule` that name it. None where nobody is known who could be told.
///
/// # Errors
/// What the database says.
pub(crate) async fn leave(
    tx: &mut Tx,
    ticket: &ticket::row::Model,
    visit: VisitId,
    kind: NoticeKind,
    event_key: &str,
) -> Result<Option<NoticeId>> {
    let person = match (&ticket.resident_id, &ticket.applicant_phone) {
        (Some(resident), _) => format!("resident:{resident}"),
        (None, Some(phone)) => format!("phone:{phone}"),
        (None, None) => return Ok(None),
    };
    let standing = Entity::find()
        .filter(Column::EventKey.eq(event_key))
        .filter(Column::OrganizationId.eq(ticket.organization_id))
        .filter(Column::Person.eq(person.as_str()))
        .one(&tx.reader())
        .await?;
    if let Some(notice) = standing {
        return Ok(Some(notice.id));
    }
    let notice = Model {
        id: NoticeId::new(tx.clock()),
        organization_id: ticket.organization_id,
        ticket_id: ticket.id,
        visit_id: Some(visit),
        resident_id: ticket.resident_id,
        phone: ticket.applicant_phone.clone(),
        person,
        kind,
        event_key: event_key.to_owned(),
        created_at: tx.now(),
    };
    tx.insert(&notice).await?;
    Ok(Some(notice.id))
}
