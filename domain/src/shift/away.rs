//! Absences and breaks: recorded, changed, ended, read.
//!
//! An absence from now on is a fact: what was booked goes to «to be rebooked» in the same commit. One that lies ahead is
//! a decision: what it would displace is shown first. Visits that have begun stay; their booked time ends where the
//! absence begins. Breaks give way and holds are lost. A break of a day takes nobody's time: it needs a free one.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AbsenceKind,
    absence::{Column, Entity, Model},
    settle::{self, Booked, held_of},
    weekly::limit_to,
};
use crate::{
    Code, Error, Result, Scope, Time,
    auth::Role,
    calendar::{self, Span, entry, entry::EntryKind, is_plausible},
    db::Reader,
    id::{AbsenceId, EntryId, TechnicianId, TicketId},
    page::{Page, PageRequest, Patch, expect_version},
    people::technician,
    rebooking::{Cause, CauseKind, Displaced, require_confirmed, withdraw},
    text::Text,
    write::{Act, Tx},
};

/// Who records absences.
const KEEPERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// The longest absence: parental leave.
const LONGEST: TimeDelta = TimeDelta::days(3 * 366);

/// The longest break.
const LONGEST_BREAK: TimeDelta = TimeDelta::hours(12);

/// How far in the past «now» of a client may lie: its clock, and the way here.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// An absence, or a break outside those of the shift.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AbsenceDocument {
    /// Identifier.
    pub id: AbsenceId,
    /// Whose.
    pub technician_id: TechnicianId,
    /// What it is.
    pub kind: AbsenceKind,
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
    /// When it was taken back before it began, or gave way to an absence.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// What the act took the time of, in the answer to the act; empty when the absence is read.
    pub displaced: Vec<Displaced>,
    /// Rises with every change; the ETag.
    pub version: i64,
}

impl AbsenceDocument {
    fn of(row: Model, displaced: Vec<Displaced>) -> Self {
        Self {
            id: row.id,
            technician_id: row.technician_id,
            kind: row.kind,
            start: row.starts_at,
            end: row.ends_at,
            reason: row.reason,
            cancelled_at: row.cancelled_at,
            displaced,
            version: row.version,
        }
    }
}

/// An absence to record.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAbsence {
    /// Whose.
    pub technician_id: TechnicianId,
    /// What it is.
    pub kind: AbsenceKind,
    /// From when; absent: from now on.
    #[serde(default)]
    pub start: Option<DateTime<Utc>>,
    /// Until when, excluded.
    pub end: DateTime<Utc>,
    /// Why.
    #[serde(default)]
    pub reason: Option<Text<2000>>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed; not needed for an absence from now on.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// What may change of an absence.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchAbsence {
    /// From when, while it has not begun.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub start: Patch<DateTime<Utc>>,
    /// Until when: he comes back earlier or later.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub end: Patch<DateTime<Utc>>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    pub reason: Patch<Text<2000>>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// Now, in whole seconds, rounded up: what ended in this second has ended.
fn now_s(tx: &Tx) -> Time {
    (tx.now() + TimeDelta::microseconds(999_999)).trunc_subsecs(0)
}

/// Checks when somebody is away.
fn check_span(span: Span, kind: AbsenceKind) -> Result<()> {
    for (name, at) in [("start", span.start), ("end", span.end)] {
        if !is_plausible(at) {
            return Err(Error::field(name, "is not a plausible date"));
        }
    }
    if span.end <= span.start {
        return Err(Error::field("end", "must be after start, and in the future"));
    }
    let longest = if kind == AbsenceKind::Break { LONGEST_BREAK } else { LONGEST };
    if span.end - span.start > longest {
        return Err(Error::field("end", format!("must be within {} hours of start", longest.num_hours())));
    }
    Ok(())
}

/// Whether a hold has run out.
fn has_run_out(entry: &entry::Model, now: Time) -> bool {
    entry.kind == EntryKind::Hold && entry.hold_until.is_none_or(|until| until <= now)
}

/// The bookings an absence would displace.
async fn in_the_way(tx: &Tx, kind: AbsenceKind, technician: TechnicianId, span: Span) -> Result<Vec<Booked>> {
    match kind {
        AbsenceKind::Break => Ok(Vec::new()),
        _ => settle::booked(&tx.reader(), technician, span.start, Some(span.end)).await,
    }
}

/// Makes room in the calendar for a span of an absence or of a break, and puts its entry there. `own` is the entry it
/// has already. The calendars are locked and the tickets held.
async fn occupy(
    tx: &mut Tx,
    absence: &Model,
    own: Option<&entry::Model>,
    held: &mut [crate::ticket::Held],
    confirm: Option<Option<&str>>,
) -> Result<Vec<Displaced>> {
    let (span, technician) = (absence.span(), absence.technician_id);
    let mut standing = calendar::overlapping(&tx.reader(), technician, span).await?;
    standing.retain(|entry| own.is_none_or(|own| own.id != entry.id));
    if let Some(other) = standing.iter().find(|entry| entry.kind == EntryKind::Absence) {
        return Err(Error::new(Code::AlreadyExists, "the technician is absent then already")
            .with("absence_id", other.absence_id)
            .with("start", other.busy_start)
            .with("end", other.busy_end));
    }
    let is_break = absence.kind == AbsenceKind::Break;
    if is_break && standing.iter().any(|entry| !has_run_out(entry, tx.now())) {
        let busy: Vec<_> = standing
            .iter()
            .map(|entry| serde_json::json!({ "start": entry.busy_start, "end": entry.busy_end }))
            .collect();
        return Err(Error::new(Code::SlotTaken, Code::SlotTaken.title()).with("busy", busy));
    }
    let lost = in_the_way(tx, absence.kind, technician, span).await?;
    let shown = settle::shown(held, &lost, technician)?;
    if let Some(confirm) = confirm {
        require_confirmed(&shown, confirm)?;
    }
    let event_key = format!("absence:{}:{}", absence.id, absence.version);
    let cause = Cause { kind: CauseKind::Absence, event_key };
    for booked in &lost {
        withdraw(tx, held_of(held, booked)?, booked.visit_id, technician, &cause).await?;
    }
    // What the bookings left behind has been read anew: it is what remains in the way.
    for entry in calendar::overlapping(&tx.reader(), technician, span).await? {
        match entry.kind {
            _ if own.is_some_and(|own| own.id == entry.id) => {}
            EntryKind::Hold => calendar::give_up(tx, &entry).await?,
            EntryKind::Break => shorten_break(tx, &entry, span.start).await?,
            // A visit under way, or one that ended within this second.
            EntryKind::Booking | EntryKind::Absence => calendar::end_entry(tx, &entry, span.start).await?,
        }
    }
    put_entry(tx, absence, own).await?;
    Ok(shown)
}

/// A break that the absence reaches ends there, or does not take place.
async fn shorten_break(tx: &mut Tx, entry: &entry::Model, at: Time) -> Result<()> {
    calendar::end_entry(tx, entry, at).await?;
    let Some(id) = entry.absence_id else { return Ok(()) };
    let Some(before) = Entity::find_by_id(AbsenceId(id)).one(&tx.reader()).await? else { return Ok(()) };
    let mut after = before.clone();
    if at > before.starts_at {
        after.ends_at = at;
    } else {
        after.cancelled_at = Some(tx.now());
    }
    after.version += 1;
    tx.update(&before, &after).await
}

/// The entry of an absence: a new one, or its own at another time.
async fn put_entry(tx: &mut Tx, absence: &Model, own: Option<&entry::Model>) -> Result<()> {
    let (start, end) = (absence.starts_at, absence.ends_at);
    if let Some(before) = own {
        let after = entry::Model {
            busy_start: start,
            busy_end: end,
            planned_start: start,
            planned_end: end,
            version: before.version + 1,
            ..before.clone()
        };
        return tx.update(before, &after).await;
    }
    let row = entry::Model {
        id: EntryId::new(tx.clock()),
        organization_id: absence.organization_id,
        technician_id: absence.technician_id,
        visit_id: None,
        ticket_id: None,
        absence_id: Some(absence.id.0),
        kind: absence.kind.entry(),
        busy_start: start,
        busy_end: end,
        planned_start: start,
        planned_end: end,
        active: true,
        hold_token: None,
        hold_until: None,
        version: 1,
    };
    tx.insert(&row).await
}

/// The tickets whose bookings are in the way.
fn tickets(lost: &[Booked]) -> BTreeSet<TicketId> {
    lost.iter().map(|booked| booked.ticket_id).collect()
}

/// Records an absence or a break.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it is.
    pub args: RecordAbsence,
}

impl Act for Record {
    const NAME: &'static str = "absence.record";
    type Out = AbsenceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AbsenceDocument> {
        tx.scope().require(KEEPERS)?;
        let args = &self.args;
        let whose = technician::store::find(&tx.reader(), tx.scope(), args.technician_id).await?.id;
        let now = now_s(tx);
        let told = args.start.map(|start| start.trunc_subsecs(0));
        if told.is_some_and(|start| start < now - SKEW) {
            return Err(Error::field("start", "is in the past; leave it out for an absence from now on"));
        }
        let start = told.unwrap_or(now).max(now);
        let span = Span { start, end: args.end.trunc_subsecs(0) };
        check_span(span, args.kind)?;
        let lost = in_the_way(tx, args.kind, whose, span).await?;
        let mut held = settle::take_tickets(tx, whose, &tickets(&lost)).await?;
        let row = Model {
            id: AbsenceId::new(tx.clock()),
            organization_id: tx.scope().organization(),
            technician_id: whose,
            kind: args.kind,
            starts_at: span.start,
            ends_at: span.end,
            reason: args.reason.clone().map(Text::into_string),
            cancelled_at: None,
            recorded_by: tx.scope().actor_id(),
            version: 1,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        let sudden = start <= now;
        let confirm = (!sudden).then_some(args.confirm.as_deref());
        let displaced = occupy(tx, &row, None, &mut held, confirm).await?;
        Ok(AbsenceDocument::of(row, displaced))
    }
}

/// Changes an absence.
#[derive(Clone, Debug)]
pub struct ChangeAbsence {
    /// Which.
    pub id: AbsenceId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchAbsence,
}

impl ChangeAbsence {
    async fn rows(&self, tx: &Tx) -> Result<(Model, Model)> {
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let now = now_s(tx);
        require_standing(&before, now)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(start) = args.start.required("start")? {
            let start = start.trunc_subsecs(0);
            if start != before.starts_at && (before.starts_at <= now || start < now) {
                return Err(Error::field("start", "has passed"));
            }
            after.starts_at = start;
        }
        if let Some(end) = args.end.required("end")? {
            after.ends_at = end.trunc_subsecs(0);
            if after.ends_at < now {
                return Err(Error::field("end", "is in the past"));
            }
        }
        args.reason.map(Text::into_string).apply(&mut after.reason);
        check_span(after.span(), after.kind)?;
        if after != before {
            after.version += 1;
        }
        Ok((before, after))
    }
}

impl Act for ChangeAbsence {
    const NAME: &'static str = "absence.change";
    type Out = AbsenceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AbsenceDocument> {
        tx.scope().require(KEEPERS)?;
        let (before, after) = self.rows(tx).await?;
        let whose = before.technician_id;
        let lost = in_the_way(tx, after.kind, whose, after.span()).await?;
        let mut held = settle::take_tickets(tx, whose, &tickets(&lost)).await?;
        let (before, after) = self.rows(tx).await?;
        tx.update(&before, &after).await?;
        if before.span() == after.span() {
            return Ok(AbsenceDocument::of(after, Vec::new()));
        }
        let own = calendar::of_absence(&tx.reader(), after.id).await?;
        let confirm = Some(self.args.confirm.as_deref());
        let displaced = occupy(tx, &after, own.as_ref(), &mut held, confirm).await?;
        Ok(AbsenceDocument::of(after, displaced))
    }
}

/// Takes an absence back that has not begun, and ends one that has: he is back.
#[derive(Clone, Copy, Debug)]
pub struct CancelAbsence {
    /// Which.
    pub id: AbsenceId,
}

impl Act for CancelAbsence {
    const NAME: &'static str = "absence.cancel";
    type Out = AbsenceDocument;

    async fn run(&self, tx: &mut Tx) -> Result<AbsenceDocument> {
        tx.scope().require(KEEPERS)?;
        let technician = find(&tx.reader(), tx.scope(), self.id).await?.technician_id;
        tx.lock_calendars([technician]).await?;
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        let now = now_s(tx);
        require_standing(&before, now)?;
        let mut after = before.clone();
        if before.starts_at < now {
            after.ends_at = now;
        } else {
            after.cancelled_at = Some(tx.now());
        }
        after.version += 1;
        tx.update(&before, &after).await?;
        if let Some(entry) = calendar::of_absence(&tx.reader(), self.id).await? {
            calendar::end_entry(tx, &entry, now).await?;
        }
        Ok(AbsenceDocument::of(after, Vec::new()))
    }
}

/// Passes an absence that is ahead or under way.
fn require_standing(row: &Model, now: Time) -> Result<()> {
    if row.cancelled_at.is_none() && now < row.ends_at {
        return Ok(());
    }
    Err(Error::new(Code::IllegalMove, "the absence is over").with("legal", Vec::<&str>::new()))
}

async fn find(reader: &Reader<'_>, scope: &Scope, id: AbsenceId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("absence"))
}

/// An absence, for the desk and for the technician himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get_absence(reader: &Reader<'_>, scope: &Scope, id: AbsenceId) -> Result<AbsenceDocument> {
    let row = find(reader, scope, id).await?;
    if !scope.is_desk() && scope.technician() != Some(row.technician_id) {
        return Err(Error::not_found("absence"));
    }
    Ok(AbsenceDocument::of(row, Vec::new()))
}

/// Which absences are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct AbsenceFilter {
    /// Only those of this technician; a technician sees his own anyway.
    pub technician_id: Option<TechnicianId>,
    /// Only those that end after this instant.
    pub from: Option<DateTime<Utc>>,
    /// Only those that begin before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Only those that were taken back (true), or that stand (false).
    pub cancelled: Option<bool>,
}

/// Absences and breaks, in the order in which they were recorded.
///
/// # Errors
/// `forbidden` for all but the desk and technicians; `invalid_field` for a cursor of another list.
pub async fn list_absences(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &AbsenceFilter,
    page: &PageRequest,
) -> Result<Page<AbsenceDocument>> {
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(Column::Id)
        .limit(page.limit() as u64 + 1);
    if let Some(technician) = limit_to(scope, filter.technician_id)? {
        query = query.filter(Column::TechnicianId.eq(technician));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::EndsAt.gt(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::StartsAt.lt(to));
    }
    if let Some(cancelled) = filter.cancelled {
        let column = Column::CancelledAt;
        query = query.filter(if cancelled { column.is_not_null() } else { column.is_null() });
    }
    if let Some(after) = page.after::<AbsenceId>()? {
        query = query.filter(Column::Id.gt(after));
    }
    let rows: Vec<_> = query.all(reader).await?;
    page.cut(
        rows.into_iter().map(|row| AbsenceDocument::of(row, Vec::new())).collect(),
        |row: &AbsenceDocument| row.id,
    )
}
