//! Registration: what is asked, checked, told to the applicant and written into the journal.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ExecutorKind, InformedHow, Source, Status, kind::Kind, number, row};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    authority,
    calendar::is_plausible,
    catalogue::{Audience, validate_fields},
    deadline::{self, DeadlineKind},
    escalation,
    id::{BuildingId, PremisesId, RequestTypeId, ResidentId, TicketId},
    notification,
    people::{account, resident},
    place::{building, premises},
    scope::Actor,
    text::{Line, PhoneNumber, Text, official},
    write::{Act, Tx},
};

/// A range of time the resident wishes; the exact time is agreed later (R33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedRange {
    /// From.
    pub start: DateTime<Utc>,
    /// To.
    pub end: DateTime<Utc>,
}

impl WishedRange {
    /// Checks that the range is one.
    ///
    /// # Errors
    /// `invalid_field` naming the end that is wrong.
    pub fn check(&self, field: &str) -> Result<()> {
        for (name, at) in [("start", self.start), ("end", self.end)] {
            if !is_plausible(at) {
                return Err(Error::field(format!("{field}.{name}"), "is not a plausible date"));
            }
        }
        if self.start >= self.end {
            return Err(Error::field(format!("{field}.end"), "must be after start"));
        }
        Ok(())
    }
}

/// What a ticket is registered with (R20: cause and nature, are crews needed, measures).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterTicket {
    /// Made by the client (UUIDv7), so that a registration without a network has its identifier already.
    #[serde(default)]
    pub id: Option<TicketId>,
    /// The kind of work.
    pub request_type_id: RequestTypeId,
    /// The building; may be left out when premises are named.
    #[serde(default)]
    pub building_id: Option<BuildingId>,
    /// The premises, if it is not the building as a whole.
    #[serde(default)]
    pub premises_id: Option<PremisesId>,
    /// Where exactly.
    #[serde(default)]
    pub place: Option<Line<300>>,
    /// Who asks, if he is known.
    #[serde(default)]
    pub resident_id: Option<ResidentId>,
    /// Name of the applicant, if he is not a known resident.
    #[serde(default)]
    pub applicant_name: Option<Line<200>>,
    /// Phone of the applicant.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub applicant_phone: Option<PhoneNumber>,
    /// What happened, in the official style: no brackets, no exclamation marks.
    pub description: Text<4000>,
    /// Cause and nature of the damage.
    #[serde(default)]
    pub cause: Option<Text<2000>>,
    /// What will be done: the list of measures told to the applicant.
    #[serde(default)]
    pub measures: Option<Text<2000>>,
    /// Whether a repair crew is needed.
    #[serde(default)]
    pub crew_needed: Option<bool>,
    /// Where the request came from; a resident's own is always `app`.
    #[serde(default)]
    pub source: Option<Source>,
    /// An emergency although its kind is none, or the other way round.
    #[serde(default)]
    pub emergency: Option<bool>,
    /// A large accident, of a building or a group of them, or none although its kind is: director and master are alerted
    /// at once. The desk alone says so.
    #[serde(default)]
    pub large_accident: Option<bool>,
    /// When the resident wishes the visit.
    #[serde(default)]
    pub wished: Option<WishedRange>,
    /// When the damage happened, if earlier than now.
    #[serde(default)]
    pub damaged_at: Option<DateTime<Utc>>,
    /// The precondition of the kind was told to the applicant and is met (R81).
    #[serde(default)]
    pub precondition_confirmed: bool,
    /// Values of the own fields of the kind.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

/// Registers a ticket.
#[derive(Clone, Debug)]
pub struct Register {
    /// What with.
    pub args: RegisterTicket,
}

/// The applicant as he will stand on the ticket.
struct Applicant {
    resident: Option<resident::Model>,
    name: Option<String>,
    phone: Option<String>,
}

impl Act for Register {
    const NAME: &'static str = "ticket.register";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let roles = [Role::Resident, Role::Dispatcher, Role::Manager, Role::Admin, Role::Integration];
        tx.scope().require(&roles)?;
        let (description, original_words) = self.description(tx.scope())?;
        self.register(tx, description, original_words, None).await
    }
}

impl Register {
    /// Registers it as found by staff beside another ticket, whose applicant is the same.
    pub(super) async fn after(
        self,
        tx: &mut Tx,
        first: &row::Model,
        original_words: Option<String>,
    ) -> Result<TicketId> {
        let description = self.args.description.as_str().to_owned();
        self.register(tx, description, original_words, Some(first)).await
    }

    async fn register(
        &self,
        tx: &mut Tx,
        description: String,
        original_words: Option<String>,
        first: Option<&row::Model>,
    ) -> Result<TicketId> {
        let scope = *tx.scope();
        let args = &self.args;
        let id = match args.id {
            Some(id) => TicketId::from_client(id.0, "id")?,
            None => TicketId::new(tx.clock()),
        };
        let kind = Kind::current(&tx.reader(), &scope, args.request_type_id).await?;
        let (building, premises) = self.place(tx, &scope).await?;
        let mut applicant = self.applicant(tx, &scope).await?;
        if let Some(first) = first {
            applicant.name.clone_from(&first.applicant_name);
            applicant.phone.clone_from(&first.applicant_phone);
        }
        for (field, text) in [("cause", &args.cause), ("measures", &args.measures)] {
            if let Some(text) = text {
                official::require_official(field, text)?;
            }
        }
        if let Some(wished) = &args.wished {
            wished.check("wished")?;
        }
        validate_fields(&kind.rules.demands.specs(), &args.fields)?;
        self.precondition(&kind, &applicant)?;
        let registered_at = tx.at();
        if args.damaged_at.is_some_and(|at| at > registered_at || !is_plausible(at)) {
            return Err(Error::field("damaged_at", "must be a plausible moment not after the registration"));
        }
        let zone = crate::place::Zone::stored(&building.zone, building.id)?.tz();
        if row::Entity::find_by_id(id).one(&tx.reader()).await?.is_some() {
            return Err(Error::new(Code::AlreadyExists, "a ticket with this id is registered already"));
        }
        let number = number::next(tx, scope.organization(), zone, registered_at).await?;
        let premises_number = premises.as_ref().map(|premises| premises.number.clone());
        let mut ticket = row::Model {
            id,
            organization_id: scope.organization(),
            executor_kind: ExecutorKind::Nobody,
            executor_organization_id: None,
            number,
            request_type_id: args.request_type_id,
            request_type_version: kind.version,
            status: Status::Registered,
            source: match scope.actor() {
                Actor::Resident { .. } | Actor::Link { .. } => Source::App,
                _ => args.source.unwrap_or(Source::Phone),
            },
            emergency: args.emergency.filter(|_| scope.is_desk()).unwrap_or(kind.emergency),
            building_id: building.id,
            premises_id: premises.map(|premises| premises.id),
            place: args.place.clone().map(Line::into_string),
            resident_id: applicant.resident.map(|resident| resident.id),
            applicant_name: applicant.name,
            applicant_phone: applicant.phone,
            description,
            original_words,
            cause: args.cause.clone().map(Text::into_string),
            measures: args.measures.clone().map(Text::into_string),
            crew_needed: args.crew_needed,
            precondition_confirmed: args.precondition_confirmed,
            wished_start: args.wished.map(|wished| wished.start),
            wished_end: args.wished.map(|wished| wished.end),
            fields: Value::Object(args.fields.clone()),
            planned_term: None,
            registered_by: scope.actor_id(),
            registered_at,
            damaged_at: args.damaged_at,
            localized_at: None,
            informed_at: None,
            informed_how: None,
            completed_at: None,
            closed_at: None,
            cancelled_at: None,
            hold_reason: None,
            hold_until: None,
            outcome_reason: None,
            return_count: 0,
            follows_id: first.map(|first| first.id),
            evidence_missing: false,
            search: String::new(),
            version: 1,
            doc_version: 1,
            updated_at: tx.now(),
        };
        ticket.search = ticket.search_column(&building.address, premises_number.as_deref());
        let mut clocks = deadline::begin(tx, &mut ticket, &kind.rules, zone).await?;
        // The answer itself tells the term to whoever asks by the app.
        if ticket.planned_term.is_some() && scope.is_resident() {
            ticket.informed_at = Some(registered_at);
            ticket.informed_how = Some(InformedHow::App);
            clocks.retain(|clock| clock.kind != DeadlineKind::Inform);
        }
        tx.insert(&ticket).await?;
        tx.insert_all(&clocks).await?;
        notification::registered(tx, &ticket).await?;
        if args.large_accident.filter(|_| scope.is_desk()).unwrap_or(kind.rules.accident) {
            escalation::raise(tx, &ticket).await?;
        }
        let category = kind.category;
        if let Some(nature) = category.and_then(|category| kind.rules.authority(category, ticket.emergency)) {
            authority::draft(tx, &ticket, nature).await?;
        }
        Ok(id)
    }

    /// The building and the premises, both of the organization, and for a resident one of his own.
    async fn place(&self, tx: &Tx, scope: &Scope) -> Result<(building::Model, Option<premises::Model>)> {
        let premises = match self.args.premises_id {
            None => None,
            Some(id) => Some(
                premises::Entity::find_by_id(id)
                    .filter(premises::Column::OrganizationId.eq(scope.organization()))
                    .one(&tx.reader())
                    .await?
                    .ok_or_else(|| Error::not_found("premises"))?,
            ),
        };
        let building_id = match (&premises, self.args.building_id) {
            (Some(premises), Some(building)) if premises.building_id != building => {
                return Err(Error::field("premises_id", "are not in this building"));
            }
            (Some(premises), _) => premises.building_id,
            (None, Some(building)) => building,
            (None, None) => return Err(Error::field("building_id", "is required without premises_id")),
        };
        if let Some(resident) = scope.resident_id() {
            let own: Vec<PremisesId> = account::Entity::find()
                .filter(account::Column::ResidentId.eq(resident))
                .all(&tx.reader())
                .await?
                .into_iter()
                .map(|account| account.premises_id)
                .collect();
            let is_own = premises.as_ref().is_some_and(|premises| own.contains(&premises.id));
            let lives_here = premises.is_none()
                && premises::Entity::find()
                    .filter(premises::Column::Id.is_in(own))
                    .filter(premises::Column::BuildingId.eq(building_id))
                    .one(&tx.reader())
                    .await?
                    .is_some();
            if !is_own && !lives_here {
                return Err(Error::not_found("premises"));
            }
        }
        let building = building::Entity::find_by_id(building_id)
            .filter(building::Column::OrganizationId.eq(scope.organization()))
            .one(&tx.reader())
            .await?
            .ok_or_else(|| Error::not_found("building"))?;
        Ok((building, premises))
    }

    /// Who asks. What the client base knows is not asked again.
    async fn applicant(&self, tx: &Tx, scope: &Scope) -> Result<Applicant> {
        let id = scope.resident_id().or(self.args.resident_id);
        let resident = match id {
            None => None,
            Some(id) => Some(
                resident::Entity::find_by_id(id)
                    .filter(resident::Column::OrganizationId.eq(scope.organization()))
                    .one(&tx.reader())
                    .await?
                    .ok_or_else(|| Error::not_found("resident"))?,
            ),
        };
        let given = self.args.applicant_phone.as_ref().map(|phone| phone.as_str().to_owned());
        let phone = match (&resident, given) {
            (_, Some(phone)) => Some(phone),
            (Some(resident), None) => crate::people::phone::first_of(&tx.reader(), resident.id).await?,
            (None, None) => None,
        };
        let name = self.args.applicant_name.clone().map(Line::into_string);
        Ok(Applicant {
            name: name.or_else(|| resident.as_ref().map(|r| r.full_name.clone())),
            phone,
            resident,
        })
    }

    /// Staff is told what to mend (R80); a resident's words are mended for him and kept as he wrote them.
    fn description(&self, scope: &Scope) -> Result<(String, Option<String>)> {
        let text = self.args.description.as_str();
        if !scope.is_resident() {
            official::require_official("description", text)?;
            return Ok((text.to_owned(), None));
        }
        match official::check(text) {
            Ok(()) => Ok((text.to_owned(), None)),
            Err(found) if found.mended.trim().is_empty() => {
                Err(Error::field("description", "says nothing in words"))
            }
            Err(found) => Ok((found.mended, Some(text.to_owned()))),
        }
    }

    /// R81: the precondition is told and confirmed where it applies.
    fn precondition(&self, kind: &Kind, applicant: &Applicant) -> Result<()> {
        let Some(precondition) = &kind.rules.precondition else { return Ok(()) };
        let applies = match precondition.only_for {
            Audience::Everyone => true,
            Audience::Disabled => applicant.resident.as_ref().is_some_and(|resident| resident.disabled),
        };
        if !applies || self.args.precondition_confirmed {
            return Ok(());
        }
        Err(Error::new(Code::PreconditionRequired, precondition.text_ru.as_str()).with(
            "precondition",
            serde_json::json!({ "ru": precondition.text_ru, "en": precondition.text_en }),
        ))
    }
}
