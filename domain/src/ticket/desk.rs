//! Acts of the desk on a ticket that touch no visit, and its comments.

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    comment::{self, Audience, AuthorKind},
    find::{hold, require_owner, save},
    kind::Kind,
    moves::{self, Move},
    register::WishedRange,
    row,
};
use crate::{
    Error, Result,
    auth::Role,
    calendar::is_plausible,
    catalogue::validate_fields,
    deadline,
    id::{CommentId, TicketId},
    page::{Patch, expect_version},
    people,
    place::{Zone, building, premises},
    scope::Actor,
    text::{Line, PhoneNumber, Text, official},
    worktime::production_days,
    write::{Act, Occurred, Tx},
};

/// What of a ticket can be changed after registration (R35).
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditTicket {
    /// What happened.
    #[serde(default)]
    pub description: Option<Text<4000>>,
    /// Cause and nature.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    pub cause: Patch<Text<2000>>,
    /// The list of measures.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    pub measures: Patch<Text<2000>>,
    /// Whether a repair crew is needed.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub crew_needed: Patch<bool>,
    /// Where exactly.
    #[serde(default)]
    #[schema(value_type = Option<Line<300>>)]
    pub place: Patch<Line<300>>,
    /// Name of the applicant.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub applicant_name: Patch<Line<200>>,
    /// Phone of the applicant.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub applicant_phone: Patch<PhoneNumber>,
    /// An emergency or not.
    #[serde(default)]
    pub emergency: Option<bool>,
    /// When the resident wishes the visit.
    #[serde(default)]
    #[schema(value_type = Option<WishedRange>)]
    pub wished: Patch<WishedRange>,
    /// When the damage happened.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub damaged_at: Patch<DateTime<Utc>>,
    /// Own fields to set; a null takes a value away.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
}

/// Changes details of a ticket.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The ticket.
    pub ticket: TicketId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: EditTicket,
}

impl Act for Edit {
    const NAME: &'static str = "ticket.edit";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        let before = hold(tx, self.ticket).await?;
        require_owner(&scope, &before)?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(text) = &args.description {
            official::require_official("description", text)?;
            after.description = text.as_str().to_owned();
        }
        for (field, patch, target) in
            [("cause", args.cause, &mut after.cause), ("measures", args.measures, &mut after.measures)]
        {
            if let Patch::Set(text) = &patch {
                official::require_official(field, text)?;
            }
            patch.map(Text::into_string).apply(target);
        }
        args.crew_needed.apply(&mut after.crew_needed);
        args.place.map(Line::into_string).apply(&mut after.place);
        args.applicant_name.map(Line::into_string).apply(&mut after.applicant_name);
        args.applicant_phone.map(|phone| phone.as_str().to_owned()).apply(&mut after.applicant_phone);
        after.emergency = args.emergency.unwrap_or(before.emergency);
        if let Patch::Set(wished) = &args.wished {
            wished.check("wished")?;
        }
        args.wished.map(|wished| wished.start).apply(&mut after.wished_start);
        args.wished.map(|wished| wished.end).apply(&mut after.wished_end);
        if let Patch::Set(at) = args.damaged_at
            && (at > before.registered_at || !is_plausible(at))
        {
            return Err(Error::field("damaged_at", "must be a plausible moment not after the registration"));
        }
        args.damaged_at.apply(&mut after.damaged_at);
        if let Some(fields) = &args.fields {
            after.fields = Value::Object(self.fields(tx, &before, fields).await?);
        }
        self.derive(tx, &before, &mut after).await?;
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

impl Edit {
    /// What follows from what was changed: the search column, and the term that counts from the damage.
    async fn derive(&self, tx: &Tx, before: &row::Model, after: &mut row::Model) -> Result<()> {
        let reader = tx.reader();
        let building = building::Entity::find_by_id(after.building_id).one(&reader).await?;
        let building = building.ok_or_else(|| Error::not_found("building"))?;
        let premises = match after.premises_id {
            Some(id) => premises::Entity::find_by_id(id).one(&reader).await?,
            None => None,
        };
        after.search = after.search_column(&building.address, premises.as_ref().map(|p| p.number.as_str()));
        if before.damaged_at != after.damaged_at {
            let zone = Zone::stored(&building.zone, building.id)?.tz();
            let days = production_days(&reader, after.organization_id).await?;
            let kind = Kind::of(&reader, after).await?;
            after.planned_term = deadline::term(after, &kind.rules, zone, &days);
        }
        Ok(())
    }

    async fn fields(
        &self,
        tx: &Tx,
        ticket: &row::Model,
        changed: &Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        let kind = Kind::of(&tx.reader(), ticket).await?;
        let mut fields = ticket.fields.as_object().cloned().unwrap_or_default();
        for (key, value) in changed {
            if value.is_null() {
                fields.remove(key);
            } else {
                fields.insert(key.clone(), value.clone());
            }
        }
        validate_fields(&kind.rules.demands.specs(), &fields)?;
        Ok(fields)
    }
}

/// Marks the damage as localised.
#[derive(Clone, Debug)]
pub struct Localize {
    /// The ticket.
    pub ticket: TicketId,
    /// When, by the device.
    pub args: At,
}

/// When an act took place, if it is recorded later.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// By the clock of the device; absent: now.
    #[serde(default)]
    pub occurred_at: Option<DateTime<Utc>>,
}

impl At {
    /// As the write path takes it. Without a phone's stream the device's clock is all that is known.
    pub fn occurred(&self) -> Option<Occurred> {
        self.occurred_at.map(|device| Occurred { device, corrected: device })
    }

    /// Says that the moment cannot be before `not_before`.
    ///
    /// # Errors
    /// As [`Tx::follows`].
    pub(crate) fn check(&self, tx: &mut Tx, not_before: DateTime<Utc>) -> Result<()> {
        tx.follows(self.occurred_at, not_before)
    }
}

impl Act for Localize {
    const NAME: &'static str = "ticket.localize";
    type Out = TicketId;

    fn occurred(&self) -> Option<Occurred> {
        self.args.occurred()
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let before = hold(tx, self.ticket).await?;
        moves::check(Move::Localize, before.status, tx.scope())?;
        self.args.check(tx, before.registered_at)?;
        let mut after = before.clone();
        // The first time counts: a second press of the button takes nothing back.
        after.localized_at = before.localized_at.or(Some(tx.at()));
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

/// Goes on after a hold.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    /// The ticket.
    pub ticket: TicketId,
}

impl Act for Resume {
    const NAME: &'static str = "ticket.resume";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let before = hold(tx, self.ticket).await?;
        moves::check(Move::Resume, before.status, tx.scope())?;
        let mut after = before.clone();
        after.status = super::Status::Registered;
        after.hold_reason = None;
        after.hold_until = None;
        save(tx, &before, after).await?;
        Ok(self.ticket)
    }
}

/// A comment to be written.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteComment {
    /// Made by the client (UUIDv7).
    #[serde(default)]
    pub id: Option<CommentId>,
    /// Who reads it; a resident's own is always read by both.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// What it says. What the resident reads is in the official style.
    pub body: Text<4000>,
}

/// Writes a comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// The ticket.
    pub ticket: TicketId,
    /// What it says and to whom.
    pub args: WriteComment,
}

impl Act for Comment {
    const NAME: &'static str = "ticket.comment";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let scope = *tx.scope();
        let ticket = hold(tx, self.ticket).await?;
        let id = match self.args.id {
            Some(id) => CommentId::from_client(id.0, "id")?,
            None => CommentId::new(tx.clock()),
        };
        let (author_kind, author_name) = author(tx, &ticket).await?;
        let audience = match author_kind {
            AuthorKind::Resident => Audience::Resident,
            AuthorKind::Staff => self.args.audience.unwrap_or(Audience::Internal),
        };
        if author_kind == AuthorKind::Staff && audience == Audience::Resident {
            official::require_official("body", &self.args.body)?;
        }
        tx.insert(&comment::Model {
            id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            audience,
            author_kind,
            author_id: scope.actor_id(),
            author_name,
            body: self.args.body.as_str().to_owned(),
            written_at: tx.at(),
        })
        .await?;
        Ok(ticket.id)
    }
}

/// Who writes on a ticket, as whoever acts.
pub(crate) async fn author(tx: &Tx, ticket: &row::Model) -> Result<(AuthorKind, String)> {
    Ok(match tx.scope().actor() {
        Actor::Resident { resident, .. } => {
            (AuthorKind::Resident, people::resident::name_of(&tx.reader(), resident).await?)
        }
        Actor::Staff { user, .. } => (AuthorKind::Staff, people::user::name_of(&tx.reader(), user).await?),
        Actor::Link { .. } => (AuthorKind::Resident, ticket.applicant_name.clone().unwrap_or_default()),
        Actor::System => (AuthorKind::Staff, String::new()),
    })
}
