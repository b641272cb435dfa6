//! A technician finds another fault on the spot: a ticket of its own, at the same place.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait as _;
use serde::Deserialize;
use serde_json::Map;
use utoipa::ToSchema;

use super::{
    Source,
    find::{find, require_owner},
    register::{Register, RegisterTicket},
    row,
};
use crate::{
    Code, Error, Result,
    auth::Role,
    db::Reader,
    id::{RequestTypeId, TicketId},
    text::{Text, official},
    write::{Act, Tx},
};

/// What was found.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUpTicket {
    /// Made by the client (UUIDv7), or else by the server. The same one again is the same ticket.
    #[serde(default)]
    pub id: Option<TicketId>,
    /// The kind of work.
    pub request_type_id: RequestTypeId,
    /// What happened. It is mended into the official style, and kept as it was written.
    pub description: Text<4000>,
    /// When the damage happened, if earlier than now.
    #[serde(default)]
    pub damaged_at: Option<DateTime<Utc>>,
    /// The precondition of the kind was told to the applicant and is met (R81).
    #[serde(default)]
    pub precondition_confirmed: bool,
}

/// Registers a ticket at the place of another, for the same applicant. By the crew or the desk of the owner.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// The ticket he was there for.
    pub ticket: TicketId,
    /// What was found.
    pub args: FollowUpTicket,
}

impl Act for FollowUp {
    const NAME: &'static str = "ticket.follow_up";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        scope.require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin])?;
        let first = find(&tx.reader(), &scope, self.ticket).await?;
        require_owner(&scope, &first)?;
        if let Some(id) = self.args.id
            && let Some(same) = row::Entity::find_by_id(id).one(&tx.reader()).await?
        {
            let taken = || Error::new(Code::AlreadyExists, "another ticket has this identifier");
            return if same.follows_id == Some(first.id) { Ok(id) } else { Err(taken()) };
        }
        let said = self.args.description.as_str();
        let (description, original_words) = match official::check(said) {
            Ok(()) => (said.to_owned(), None),
            Err(found) => (found.mended, Some(said.to_owned())),
        };
        let description = Text::parse(&description)
            .map_err(|_| Error::field("description", "says nothing in the official style"))?;
        let args = RegisterTicket {
            id: self.args.id,
            request_type_id: self.args.request_type_id,
            building_id: Some(first.building_id),
            premises_id: first.premises_id,
            place: None,
            resident_id: first.resident_id,
            applicant_name: None,
            applicant_phone: None,
            description,
            cause: None,
            measures: None,
            crew_needed: None,
            source: Some(Source::Staff),
            emergency: None,
            large_accident: None,
            wished: None,
            damaged_at: self.args.damaged_at,
            precondition_confirmed: self.args.precondition_confirmed,
            fields: Map::new(),
        };
        Register { args }.after(tx, &first, original_words).await
    }
}

/// The registration number of a ticket that was just registered.
///
/// # Errors
/// `not_found` when there is none.
pub async fn number_of(reader: &Reader<'_>, id: TicketId) -> Result<String> {
    let row = row::Entity::find_by_id(id).one(reader).await?;
    row.map(|row| row.number).ok_or_else(|| Error::not_found("ticket"))
}
