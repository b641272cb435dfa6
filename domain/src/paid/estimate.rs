//! What the work will cost, and the resident's word on it: before the work, and anew for every change.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{QueryOrder as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::work;
use crate::{
    Code, Error, Result, Time,
    db::Reader,
    feed::EntityKind,
    id::{EstimateId, MaterialId, OrganizationId, PhotoId, TicketId, WorkId},
    journal::{Subject, SubjectKind},
    material::{self, Quantity},
    photo,
    text::Text,
    ticket::{self, Status, moves::By},
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "estimate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EstimateId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub number: i64,
    pub state: EstimateState,
    pub lines: Json,
    pub total_minor: i64,
    pub made_by: Uuid,
    pub made_at: Time,
    pub answered_at: Option<Time>,
    pub answered_by: Option<Uuid>,
    pub answered_how: Option<AnsweredHow>,
    pub words: Option<String>,
    pub photo_id: Option<PhotoId>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "estimate",
        journaling: Journaling {
            plain: &["state", "lines", "answered_how"],
            personal: &["words"],
            silent: &[],
        },
        entity: Some(EntityKind::Ticket),
    };

    fn organization(&self) -> OrganizationId {
        self.organization_id
    }

    fn subject(&self) -> Subject {
        Subject::new(SubjectKind::Ticket, self.ticket_id)
    }

    fn touch(before: Option<&Self>, after: Option<&Self>, touched: &mut Touched) {
        if let Some(row) = after.or(before) {
            touched.add(row.organization_id, Touch::Document(EntityKind::Ticket, row.ticket_id.0));
        }
    }
}

/// Where an estimate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum EstimateState {
    /// The resident has been told, and has not answered.
    Offered,
    /// He agrees.
    Agreed,
    /// He does not.
    Declined,
    /// Another one took its place.
    Replaced,
}

/// How the resident's word came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum AnsweredHow {
    /// By himself, in his app or by his link.
    App,
    /// By phone, to the desk.
    Phone,
    /// To the crew, on site.
    OnSite,
}

/// What a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EstimateItem {
    /// A work of the price list.
    Work(WorkId),
    /// A material of the price list.
    Material(MaterialId),
}

impl EstimateItem {
    fn id(self) -> Uuid {
        match self {
            Self::Work(id) => id.0,
            Self::Material(id) => id.0,
        }
    }
}

/// A line of an estimate: name, unit and price as they stood in the price list when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimateLine {
    /// What it is of.
    pub item: EstimateItem,
    /// The version of the item.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The price of one unit, in kopecks.
    pub price_minor: i64,
    /// How much.
    pub quantity: Quantity,
    /// The price of the line, in kopecks, rounded half up.
    pub total_minor: i64,
}

/// An estimate.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EstimateDocument {
    /// Identifier.
    pub id: EstimateId,
    /// Its number on the ticket, from 1.
    pub number: i64,
    /// Where it stands.
    pub state: EstimateState,
    /// The lines.
    pub lines: Vec<EstimateLine>,
    /// What it comes to, in kopecks.
    pub total_minor: i64,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// When the resident answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// How his word came.
    pub answered_how: Option<AnsweredHow>,
    /// His words, or the reason of his refusal.
    pub words: Option<String>,
    /// The photo of his signature.
    pub photo_id: Option<PhotoId>,
}

impl EstimateDocument {
    fn of(row: &Model) -> Result<Self> {
        let unreadable = |cause| Error::internal(format!("estimate {}, column lines: {cause}", row.id));
        Ok(Self {
            id: row.id,
            number: row.number,
            state: row.state,
            lines: serde_json::from_value(row.lines.clone()).map_err(unreadable)?,
            total_minor: row.total_minor,
            made_at: row.made_at,
            answered_at: row.answered_at,
            answered_how: row.answered_how,
            words: row.words.clone(),
            photo_id: row.photo_id,
        })
    }
}

/// The estimates of a ticket, the newest first. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read, or a row cannot be an estimate.
pub async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<EstimateDocument>> {
    Ok(of_tickets(reader, &[ticket]).await?.remove(&ticket).unwrap_or_default())
}

/// The estimates of each of these tickets, the newest first, in one statement. The caller has seen the tickets through
/// its scope.
///
/// # Errors
/// As [`of_ticket`].
pub async fn of_tickets(
    reader: &Reader<'_>,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Vec<EstimateDocument>>> {
    let rows = Entity::find()
        .filter(Column::TicketId.is_in(tickets.iter().copied()))
        .order_by_desc(Column::Number)
        .all(reader)
        .await?;
    let mut estimates: BTreeMap<TicketId, Vec<EstimateDocument>> = BTreeMap::new();
    for row in &rows {
        estimates.entry(row.ticket_id).or_default().push(EstimateDocument::of(row)?);
    }
    Ok(estimates)
}

async fn standing(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    let states = [EstimateState::Offered, EstimateState::Agreed];
    let query = Entity::find().filter(Column::TicketId.eq(ticket)).filter(Column::State.is_in(states));
    Ok(query.one(reader).await?)
}

/// The estimate that the resident has agreed to, if it stands.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn agreed(reader: &Reader<'_>, ticket: TicketId) -> Result<Option<Model>> {
    Ok(standing(reader, ticket).await?.filter(|estimate| estimate.state == EstimateState::Agreed))
}

/// Version and price of an item in the agreed estimate.
pub(crate) async fn agreed_price(
    reader: &Reader<'_>,
    ticket: TicketId,
    item: Uuid,
) -> Result<Option<(i64, i64)>> {
    let Some(estimate) = agreed(reader, ticket).await? else { return Ok(None) };
    let lines = EstimateDocument::of(&estimate)?.lines;
    Ok(lines.into_iter().find(|line| line.item.id() == item).map(|line| (line.version, line.price_minor)))
}

/// How much of what.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedLine {
    /// What.
    pub item: EstimateItem,
    /// How much.
    pub quantity: Quantity,
}

/// The most lines of an estimate.
const MOST_LINES: usize = 200;

/// What an estimate is made of.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeEstimate {
    /// Made by the client (UUIDv7), or else by the server.
    #[serde(default)]
    pub id: Option<EstimateId>,
    /// 1 to 200 lines.
    #[schema(min_items = 1, max_items = 200)]
    pub lines: Vec<WantedLine>,
}

/// Offers an estimate to the resident. It takes the place of the one that stood, whether he had agreed to that or not.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The ticket.
    pub ticket: TicketId,
    /// What it is made of.
    pub args: MakeEstimate,
}

impl Act for Offer {
    const NAME: &'static str = "estimate.offer";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let id = match self.args.id {
            Some(id) => EstimateId::from_client(id.0, "id")?,
            None => EstimateId::new(tx.clock()),
        };
        let ticket = hold(tx, self.ticket, &[By::Desk, By::Technician]).await?;
        if let Some(same) = Entity::find_by_id(id).one(&tx.reader()).await? {
            let taken = || Error::new(Code::AlreadyExists, "another estimate has this identifier");
            return if same.ticket_id == ticket.id { Ok(ticket.id) } else { Err(taken()) };
        }
        still_open(&ticket)?;
        let lines = self.priced(tx, &ticket).await?;
        let too_much = || Error::field("lines", "it comes to more than can be written down");
        let total_minor = sum(lines.iter().map(|line| line.total_minor)).ok_or_else(too_much)?;
        let number = 1 + last_number(&tx.reader(), ticket.id).await?;
        if let Some(before) = standing(&tx.reader(), ticket.id).await? {
            let after = Model { state: EstimateState::Replaced, ..before.clone() };
            tx.update(&before, &after).await?;
        }
        let row = Model {
            id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            number,
            state: EstimateState::Offered,
            lines: serde_json::to_value(&lines).map_err(Error::internal)?,
            total_minor,
            made_by: tx.scope().actor_id(),
            made_at: tx.at(),
            answered_at: None,
            answered_by: None,
            answered_how: None,
            words: None,
            photo_id: None,
        };
        tx.insert(&row).await?;
        Ok(ticket.id)
    }
}

impl Offer {
    /// The lines at the prices of today, from the price lists of the owner.
    async fn priced(&self, tx: &Tx, ticket: &ticket::row::Model) -> Result<Vec<EstimateLine>> {
        let wanted = &self.args.lines;
        if wanted.is_empty() || wanted.len() > MOST_LINES {
            return Err(Error::field("lines", format!("must be from 1 to {MOST_LINES} lines")));
        }
        let mut lines: Vec<EstimateLine> = Vec::with_capacity(wanted.len());
        for (at, WantedLine { item, quantity }) in wanted.iter().enumerate() {
            if lines.iter().any(|line| line.item == *item) {
                return Err(Error::field(format!("lines[{at}].item"), "an earlier line is of the same item"));
            }
            let (version, name, unit, price_minor) = match *item {
                EstimateItem::Work(id) => {
                    let work = work::Entity::find_by_id(id).one(&tx.reader()).await?;
                    let work = work
                        .filter(|work| work.organization_id == ticket.organization_id && work.active)
                        .ok_or_else(|| Error::not_found("work"))?;
                    (work.version, work.name, work.unit, work.price_minor)
                }
                EstimateItem::Material(id) => {
                    let price = material::price::Entity::find_by_id(id).one(&tx.reader()).await?;
                    let price = price
                        .filter(|price| price.organization_id == ticket.organization_id && price.active)
                        .ok_or_else(|| Error::not_found("material"))?;
                    price.check_quantity(*quantity, None, &format!("lines[{at}].quantity"))?;
                    (price.version, price.name, price.unit, price.price_minor)
                }
            };
            let too_much = || {
                Error::field(
                    format!("lines[{at}].quantity"),
                    "so much of it costs more than can be written down",
                )
            };
            let total_minor = quantity.cost(price_minor).ok_or_else(too_much)?;
            lines.push(EstimateLine {
                item: *item,
                version,
                name,
                unit,
                price_minor,
                quantity: *quantity,
                total_minor,
            });
        }
        Ok(lines)
    }
}

/// A sum that can be written down.
pub(crate) fn sum(minors: impl IntoIterator<Item = i64>) -> Option<i64> {
    minors.into_iter().try_fold(0_i64, i64::checked_add)
}

async fn last_number(reader: &Reader<'_>, ticket: TicketId) -> Result<i64> {
    let last =
        Entity::find().filter(Column::TicketId.eq(ticket)).order_by_desc(Column::Number).one(reader).await?;
    Ok(last.map_or(0, |estimate| estimate.number))
}

/// The resident's word on an estimate.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerEstimate {
    /// Whether he agrees.
    pub agreed: bool,
    /// His words; the reason, where he does not agree; on whose report, where the desk notes it.
    #[serde(default)]
    pub words: Option<Text<1000>>,
    /// The photo of his signature, where the crew brings it.
    #[serde(default)]
    pub photo_id: Option<PhotoId>,
}

/// Notes the resident's word: his own, or as the desk or the crew was told.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The ticket.
    pub ticket: TicketId,
    /// The estimate that he has seen.
    pub estimate: EstimateId,
    /// His word.
    pub args: AnswerEstimate,
}

impl Act for Answer {
    const NAME: &'static str = "estimate.answer";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = hold(tx, self.ticket, &[By::Desk, By::Technician, By::Resident]).await?;
        let before = Entity::find_by_id(self.estimate).one(&tx.reader()).await?;
        let before =
            before.filter(|row| row.ticket_id == ticket.id).ok_or_else(|| Error::not_found("estimate"))?;
        let state = if self.args.agreed { EstimateState::Agreed } else { EstimateState::Declined };
        if before.state == state {
            return Ok(ticket.id);
        }
        if before.state != EstimateState::Offered {
            return Err(Error::new(Code::EstimateAnswered, Code::EstimateAnswered.title())
                .with("state", before.state));
        }
        still_open(&ticket)?;
        let how = match By::of(tx.scope()) {
            Some(By::Resident) => AnsweredHow::App,
            Some(By::Technician) => AnsweredHow::OnSite,
            _ => AnsweredHow::Phone,
        };
        let proven = match how {
            AnsweredHow::App => true,
            AnsweredHow::Phone => self.args.words.is_some(),
            AnsweredHow::OnSite => self.args.words.is_some() || self.args.photo_id.is_some(),
        };
        if !proven || (!self.args.agreed && self.args.words.is_none()) {
            return Err(Error::field(
                "words",
                "say why, or on whose report; on site a photo of the signature will do",
            ));
        }
        if let Some(id) = self.args.photo_id {
            photo::require_of_ticket(&tx.reader(), ticket.id, id).await?;
        }
        let after = Model {
            state,
            answered_at: Some(tx.at()),
            answered_by: Some(tx.scope().actor_id()),
            answered_how: Some(how),
            words: self.args.words.clone().map(Text::into_string),
            photo_id: self.args.photo_id,
            ..before.clone()
        };
        tx.update(&before, &after).await?;
        Ok(ticket.id)
    }
}

/// Takes hold of a ticket for those who have a say in its money.
async fn hold(tx: &mut Tx, id: TicketId, allowed: &[By]) -> Result<ticket::row::Model> {
    let ticket = ticket::hold(tx, id).await?;
    match By::of(tx.scope()) {
        Some(by) if by == By::Job || allowed.contains(&by) => Ok(ticket),
        _ => Err(Error::new(Code::Forbidden, Code::Forbidden.title())),
    }
}

/// Money is agreed on while there is work to do.
fn still_open(ticket: &ticket::row::Model) -> Result<()> {
    if ticket.status < Status::Completed {
        return Ok(());
    }
    let message = format!("the estimate of a ticket that is {} does not change", ticket.status.name());
    Err(Error::new(Code::IllegalMove, message)
        .with("status", ticket.status.name())
        .with("legal", Vec::<&str>::new()))
}

/// Passes tickets whose kind is not paid for, and those whose resident has agreed to the estimate that stands.
///
/// # Errors
/// `estimate_not_agreed` for the others.
pub(crate) async fn require_agreed(reader: &Reader<'_>, ticket: TicketId, paid: bool) -> Result<()> {
    if !paid || agreed(reader, ticket).await?.is_some() {
        return Ok(());
    }
    Err(Error::new(Code::EstimateNotAgreed, Code::EstimateNotAgreed.title()))
}
