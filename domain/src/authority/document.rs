//! The notice as the desk reads it, and the words in which it is drafted.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use serde::Serialize;
use utoipa::ToSchema;

use super::{draft, row::Model};
use crate::{
    Error, Result, Scope, Time,
    auth::Role,
    catalogue::AuthorityNature,
    db::Reader,
    id::{AuthorityNoticeId, TicketId},
    people::organization,
    place::{Zone, building},
    text::when,
    ticket,
};

/// Who sends notices, and reads them.
pub(super) const DESK: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// A notice to the local authority (R24).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuthorityNoticeDocument {
    /// Identifier.
    pub id: AuthorityNoticeId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// What is damaged.
    pub nature: AuthorityNature,
    /// When the work is planned to be done.
    pub planned_term: Option<DateTime<Utc>>,
    /// What is told.
    pub text: String,
    /// To whom; absent: the organization has set no address, and none was given.
    pub email: Option<String>,
    /// When it was drafted.
    pub drafted_at: DateTime<Utc>,
    /// When it was sent; absent: it is a draft.
    pub sent_at: Option<DateTime<Utc>>,
    /// Who sent it.
    pub sent_by: Option<uuid::Uuid>,
    /// Version, for `If-Match`.
    pub version: i64,
}

/// The notice of a ticket, as it stands: a draft follows the planned term of the ticket.
///
/// # Errors
/// `not_found` when the ticket is out of sight, is another organization's or the authority is not told of such damage;
/// `forbidden` for all but the desk.
pub async fn get(reader: &Reader<'_>, scope: &Scope, ticket: TicketId) -> Result<AuthorityNoticeDocument> {
    let ticket = ticket::find(reader, scope, ticket).await?;
    scope.require(DESK)?;
    let notice = draft::of_ticket(reader, ticket.id).await?;
    let notice = notice.filter(|notice| notice.organization_id == scope.organization());
    document(reader, &ticket, notice.ok_or_else(|| Error::not_found("authority_notice"))?).await
}

pub(super) async fn document(
    reader: &Reader<'_>,
    ticket: &ticket::row::Model,
    row: Model,
) -> Result<AuthorityNoticeDocument> {
    let planned_term = term(ticket, &row);
    let email = match row.email {
        // A draft follows the address that the organization has set for its branch.
        None => {
            let settings = organization::settings_of(reader, row.organization_id).await?;
            settings.authorities.of(row.nature).map(String::from)
        }
        some => some,
    };
    let text = match &row.body {
        Some(body) => body.clone(),
        None => words(reader, ticket, row.nature, planned_term).await?,
    };
    Ok(AuthorityNoticeDocument {
        id: row.id,
        ticket_id: row.ticket_id,
        nature: row.nature,
        planned_term,
        text,
        email,
        drafted_at: row.drafted_at,
        sent_at: row.sent_at,
        sent_by: row.sent_by,
        version: row.version,
    })
}

/// The planned term: as it was sent, or given; of a draft as the ticket has it.
fn term(ticket: &ticket::row::Model, row: &Model) -> Option<Time> {
    row.planned_term.or(ticket.planned_term.filter(|_| row.sent_at.is_none()))
}

/// Nature, place and planned term, nothing about the applicant: not even his flat.
async fn words(
    reader: &Reader<'_>,
    ticket: &ticket::row::Model,
    nature: AuthorityNature,
    planned_term: Option<Time>,
) -> Result<String> {
    let building = building::Entity::find_by_id(ticket.building_id).one(reader).await?;
    let building =
        building.ok_or_else(|| Error::internal(format!("ticket {}, column building_id", ticket.id)))?;
    let zone = Zone::stored(&building.zone, building.id)?.tz();
    let kind = ticket::Kind::of(reader, ticket).await?;
    let organization = organization::name_of(reader, ticket.organization_id).await?;
    let system = match nature {
        AuthorityNature::Water => "водоснабжения",
        AuthorityNature::Sewage => "водоотведения",
        AuthorityNature::Heating => "теплоснабжения",
    };
    let from = when::moment(ticket.damaged_at.unwrap_or(ticket.registered_at), zone);
    let mut text = format!(
        "{organization} извещает о повреждении внутридомовой системы {system}. Адрес: {}. Характер повреждения: {}. \
         Время: {from}. Заявка № {}.",
        building.address, kind.name_ru, ticket.number
    );
    match planned_term {
        Some(at) => text.push_str(&format!(" Планируемый срок устранения: {}.", when::moment(at, zone))),
        None => text.push_str(" Планируемый срок устранения будет сообщён дополнительно."),
    }
    Ok(text)
}
