//! The mark that a ticket was paid for, in parts or at once; a refund is a line of its own.

#![expect(
    missing_docs,
    reason = "the derive makes items that cannot be documented; the schema's columns speak for themselves"
)]

use chrono::{DateTime, Utc};
use sea_orm::{QueryOrder as _, entity::prelude::*};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Code, Error, Result, Time,
    auth::Role,
    calendar::is_plausible,
    db::Reader,
    feed::EntityKind,
    id::{OrganizationId, PaymentId, TicketId},
    journal::{Subject, SubjectKind},
    text::Text,
    ticket,
    write::{Act, Journaling, Row, Table, Touch, Touched, Tx},
};

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize)]
#[sea_orm(table_name = "payment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentId,
    pub organization_id: OrganizationId,
    pub ticket_id: TicketId,
    pub kind: PaymentKind,
    pub method: PaymentMethod,
    pub sum_minor: i64,
    pub note: Option<String>,
    pub paid_at: Time,
    pub noted_by: Uuid,
    pub noted_at: Time,
}

impl ActiveModelBehavior for ActiveModel {}

impl Row for Model {
    const TABLE: &'static Table = &Table {
        name: "payment",
        journaling: Journaling { plain: &["kind", "method"], personal: &["note"], silent: &[] },
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

/// Which way the money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PaymentKind {
    /// From the resident.
    Payment,
    /// Back to him.
    Refund,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, DeriveActiveEnum, ToSchema)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PaymentMethod {
    /// In cash.
    Cash,
    /// By card.
    Card,
    /// By a bank transfer.
    Transfer,
    /// On the monthly receipt of the housing charges.
    Receipt,
}

/// A payment or a refund.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PaymentDocument {
    /// Identifier.
    pub id: PaymentId,
    /// Which way the money went.
    pub kind: PaymentKind,
    /// How.
    pub method: PaymentMethod,
    /// How much, in kopecks.
    #[schema(minimum = 1)]
    pub sum_minor: i64,
    /// What was noted.
    pub note: Option<String>,
    /// When it was paid.
    pub paid_at: DateTime<Utc>,
}

impl From<Model> for PaymentDocument {
    fn from(row: Model) -> Self {
        let Model { id, kind, method, sum_minor, note, paid_at, .. } = row;
        Self { id, kind, method, sum_minor, note, paid_at }
    }
}

/// The payments of a ticket, oldest first. The caller has seen the ticket through its scope.
///
/// # Errors
/// The database cannot be read.
pub async fn of_ticket(reader: &Reader<'_>, ticket: TicketId) -> Result<Vec<PaymentDocument>> {
    let query = Entity::find().filter(Column::TicketId.eq(ticket)).order_by_asc(Column::PaidAt);
    let rows = query.order_by_asc(Column::Id).all(reader).await?;
    Ok(rows.into_iter().map(PaymentDocument::from).collect())
}

/// What was paid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotePayment {
    /// Made by the client (UUIDv7), or else by the server.
    #[serde(default)]
    pub id: Option<PaymentId>,
    /// Which way the money went.
    pub kind: PaymentKind,
    /// How.
    pub method: PaymentMethod,
    /// How much, in kopecks, at most a milliard of roubles.
    #[schema(minimum = 1, maximum = 100_000_000_000_i64)]
    pub sum_minor: i64,
    /// What is to be noted.
    #[serde(default)]
    pub note: Option<Text<500>>,
    /// When it was paid; absent: now.
    #[serde(default)]
    pub paid_at: Option<DateTime<Utc>>,
}

/// The most one payment may be, in kopecks.
const MOST: i64 = 100_000_000_000;

/// Notes a payment or a refund. The same one again is the same one.
#[derive(Clone, Debug)]
pub struct Note {
    /// The ticket.
    pub ticket: TicketId,
    /// What was paid.
    pub args: NotePayment,
}

impl Act for Note {
    const NAME: &'static str = "payment.note";
    type Out = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let args = &self.args;
        let id = match args.id {
            Some(id) => PaymentId::from_client(id.0, "id")?,
            None => PaymentId::new(tx.clock()),
        };
        if !(1..=MOST).contains(&args.sum_minor) {
            return Err(Error::field("sum_minor", format!("must be from 1 to {MOST}")));
        }
        let ticket = ticket::hold(tx, self.ticket).await?;
        tx.scope().require(&[Role::Technician, Role::Dispatcher, Role::Manager, Role::Admin])?;
        if args.kind == PaymentKind::Refund {
            tx.scope().require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
        }
        if let Some(same) = Entity::find_by_id(id).one(&tx.reader()).await? {
            let taken = || Error::new(Code::AlreadyExists, "another payment has this identifier");
            let equal =
                same.ticket_id == ticket.id && same.sum_minor == args.sum_minor && same.kind == args.kind;
            return if equal { Ok(ticket.id) } else { Err(taken()) };
        }
        let paid_at = args.paid_at.unwrap_or_else(|| tx.at());
        if paid_at > tx.now() || !is_plausible(paid_at) {
            return Err(Error::field("paid_at", "must be a plausible moment that has passed"));
        }
        if args.kind == PaymentKind::Refund {
            let paid = balance(&of_ticket(&tx.reader(), ticket.id).await?);
            if paid.is_none_or(|paid| args.sum_minor > paid) {
                return Err(Error::field("sum_minor", "no more can be given back than was paid")
                    .with("paid_minor", paid));
            }
        }
        let row = Model {
            id,
            organization_id: ticket.organization_id,
            ticket_id: ticket.id,
            kind: args.kind,
            method: args.method,
            sum_minor: args.sum_minor,
            note: args.note.clone().map(Text::into_string),
            paid_at,
            noted_by: tx.scope().actor_id(),
            noted_at: tx.now(),
        };
        tx.insert(&row).await?;
        Ok(ticket.id)
    }
}

/// What was paid and not given back, in kopecks. `None`: more than can be written down.
pub(super) fn balance(payments: &[PaymentDocument]) -> Option<i64> {
    payments.iter().try_fold(0_i64, |sum, payment| match payment.kind {
        PaymentKind::Payment => sum.checked_add(payment.sum_minor),
        PaymentKind::Refund => sum.checked_sub(payment.sum_minor),
    })
}
