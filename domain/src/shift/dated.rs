//! Exceptions to the weekly template: made, changed, taken back, read.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    ExceptionKind, LocalDate, ShiftWindow, check_windows,
    exception::{Column, Entity, Model},
    settle::{self, Edit},
    weekly::{limit_to, zone_on},
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{ShiftExceptionId, TechnicianId},
    page::{Page, PageRequest, Patch, expect_version},
    people::technician,
    place::Zone,
    text::Text,
    write::{Act, Tx},
};

/// Who makes exceptions: shifts are swapped at night, when only the dispatcher is there.
const KEEPERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// An exception to the shifts of a date.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ShiftExceptionDocument {
    /// Identifier.
    pub id: ShiftExceptionId,
    /// Whose.
    pub technician_id: TechnicianId,
    /// The zone of its hours.
    pub zone: Zone,
    /// The date on which the shifts begin.
    pub date: LocalDate,
    /// What it does to the shifts of the template.
    pub kind: ExceptionKind,
    /// Its shifts.
    pub windows: Vec<ShiftWindow>,
    /// Why.
    pub reason: String,
    /// Rises with every change; the ETag.
    pub version: i64,
}

impl ShiftExceptionDocument {
    fn of(row: Model) -> Result<Self> {
        Ok(Self {
            zone: Zone::stored(&row.zone, format!("shift_exception {}", row.id))?,
            windows: row.hours()?,
            id: row.id,
            technician_id: row.technician_id,
            date: row.on_date,
            kind: row.kind,
            reason: row.reason,
            version: row.version,
        })
    }
}

/// An exception to the shifts of a date.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShiftException {
    /// Whose.
    pub technician_id: TechnicianId,
    /// The date on which the shifts begin; a technician has one exception on a date.
    pub date: LocalDate,
    /// The zone of its hours; absent: that of the template.
    #[serde(default)]
    pub zone: Option<Zone>,
    /// What it does to the shifts of the template.
    pub kind: ExceptionKind,
    /// Its shifts; none where they are removed.
    #[serde(default)]
    pub windows: Vec<ShiftWindow>,
    /// Why.
    pub reason: Text<2000>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// What may change of an exception.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchShiftException {
    /// What it does to the shifts of the template.
    #[serde(default)]
    #[schema(value_type = Option<ExceptionKind>)]
    pub kind: Patch<ExceptionKind>,
    /// Its shifts, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ShiftWindow>>)]
    pub windows: Patch<Vec<ShiftWindow>>,
    /// Why.
    #[serde(default)]
    #[schema(value_type = Option<Text<2000>>)]
    pub reason: Patch<Text<2000>>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// Checks an exception as a whole. Its date is known, so its length is judged by the real clocks.
fn check(row: &Model) -> Result<()> {
    let windows = row.hours()?;
    if (row.kind == ExceptionKind::Removed) != windows.is_empty() {
        return Err(Error::field("windows", "must be given, except where the shifts are removed"));
    }
    check_windows("windows", &windows)?;
    let zone = row.tz()?;
    for (index, window) in windows.iter().enumerate() {
        let (from, to) = window.minutes();
        let length = row.on_date.at(to, zone) - row.on_date.at(from, zone);
        if length > TimeDelta::hours(24) {
            return Err(Error::field(
                format!("windows[{index}].to"),
                "the clocks go back in this shift: it would last more than 24 hours",
            ));
        }
        if length <= TimeDelta::zero() {
            return Err(Error::field(
                format!("windows[{index}]"),
                "the clocks go forward then: these hours do not exist on that date",
            ));
        }
    }
    Ok(())
}

/// Makes an exception.
#[derive(Clone, Debug)]
pub struct CreateException {
    /// What it is.
    pub args: CreateShiftException,
}

impl CreateException {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let args = &self.args;
        let organization_id = tx.scope().organization();
        // Read in any case: without a template there is nothing to make an exception to.
        let usual = zone_on(&tx.reader(), organization_id, args.technician_id, args.date).await?;
        let row = Model {
            id: ShiftExceptionId::new(tx.clock()),
            organization_id,
            technician_id: args.technician_id,
            zone: args.zone.unwrap_or(usual).to_string(),
            on_date: args.date,
            kind: args.kind,
            windows: serde_json::to_value(&args.windows).map_err(Error::internal)?,
            reason: args.reason.as_str().to_owned(),
            version: 1,
            created_at: tx.now(),
        };
        check(&row)?;
        let standing = Entity::find()
            .filter(Column::TechnicianId.eq(args.technician_id))
            .filter(Column::OnDate.eq(args.date))
            .one(&tx.reader())
            .await?;
        if let Some(standing) = standing {
            return Err(Error::new(
                Code::AlreadyExists,
                "the date has an exception already: change that one",
            )
            .with("shift_exception_id", standing.id));
        }
        Ok((row.clone(), Edit::Exception(settle::Change { before: None, after: Some(row) })))
    }
}

impl Act for CreateException {
    const NAME: &'static str = "shift_exception.create";
    type Out = ShiftExceptionDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ShiftExceptionDocument> {
        tx.scope().require(KEEPERS)?;
        let whose = technician::store::find(&tx.reader(), tx.scope(), self.args.technician_id).await?.id;
        let (_, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, whose, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, whose, &edit, &mut held, self.args.confirm.as_deref()).await?;
        ShiftExceptionDocument::of(row)
    }
}

/// Changes an exception.
#[derive(Clone, Debug)]
pub struct ChangeException {
    /// Which.
    pub id: ShiftExceptionId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchShiftException,
}

impl ChangeException {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let mut after = before.clone();
        let args = self.args.clone();
        if let Some(kind) = args.kind.required("kind")? {
            after.kind = kind;
        }
        if let Some(windows) = args.windows.required("windows")? {
            after.windows = serde_json::to_value(&windows).map_err(Error::internal)?;
        }
        if let Some(reason) = args.reason.required("reason")? {
            after.reason = reason.into_string();
        }
        check(&after)?;
        if after != before {
            after.version += 1;
        }
        let change = settle::Change { before: Some(before), after: Some(after.clone()) };
        Ok((after, Edit::Exception(change)))
    }
}

impl Act for ChangeException {
    const NAME: &'static str = "shift_exception.change";
    type Out = ShiftExceptionDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ShiftExceptionDocument> {
        tx.scope().require(KEEPERS)?;
        let (row, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, row.technician_id, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, row.technician_id, &edit, &mut held, self.args.confirm.as_deref()).await?;
        ShiftExceptionDocument::of(row)
    }
}

/// Takes an exception back: the template holds again on its date.
#[derive(Clone, Debug)]
pub struct RemoveException {
    /// Which.
    pub id: ShiftExceptionId,
    /// The confirmation of a refusal with `displaces_bookings`.
    pub confirm: Option<String>,
}

impl RemoveException {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        let change = settle::Change { before: Some(before.clone()), after: None };
        Ok((before, Edit::Exception(change)))
    }
}

impl Act for RemoveException {
    const NAME: &'static str = "shift_exception.remove";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.scope().require(KEEPERS)?;
        let (row, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, row.technician_id, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, row.technician_id, &edit, &mut held, self.confirm.as_deref()).await
    }
}

async fn find(reader: &Reader<'_>, scope: &Scope, id: ShiftExceptionId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("exception"))
}

/// An exception, for the desk and for the technician himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get_exception(
    reader: &Reader<'_>,
    scope: &Scope,
    id: ShiftExceptionId,
) -> Result<ShiftExceptionDocument> {
    let row = find(reader, scope, id).await?;
    if !scope.is_desk() && scope.technician() != Some(row.technician_id) {
        return Err(Error::not_found("exception"));
    }
    ShiftExceptionDocument::of(row)
}

/// Which exceptions are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ShiftExceptionFilter {
    /// Only those of this technician; a technician sees his own anyway.
    pub technician_id: Option<TechnicianId>,
    /// Only those of this date and later.
    pub from: Option<LocalDate>,
    /// Only those of this date and earlier.
    pub to: Option<LocalDate>,
}

/// Exceptions, in the order in which they were made.
///
/// # Errors
/// `forbidden` for all but the desk and technicians; `invalid_field` for a cursor of another list.
pub async fn list_exceptions(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &ShiftExceptionFilter,
    page: &PageRequest,
) -> Result<Page<ShiftExceptionDocument>> {
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(Column::Id)
        .limit(page.limit() as u64 + 1);
    if let Some(technician) = limit_to(scope, filter.technician_id)? {
        query = query.filter(Column::TechnicianId.eq(technician));
    }
    if let Some(from) = filter.from {
        query = query.filter(Column::OnDate.gte(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(Column::OnDate.lte(to));
    }
    if let Some(after) = page.after::<ShiftExceptionId>()? {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.all(reader).await?.into_iter().map(ShiftExceptionDocument::of).collect::<Result<_>>()?;
    page.cut(rows, |row: &ShiftExceptionDocument| row.id)
}
