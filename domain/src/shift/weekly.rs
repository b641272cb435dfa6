//! Weekly templates: given, changed, taken back, read.

use chrono_tz::Tz;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    LocalDate, WeekShifts, check_week,
    settle::{self, Edit},
    template::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{OrganizationId, ShiftId, TechnicianId},
    page::{Page, PageRequest, Patch, expect_version},
    people::{organization, technician},
    place::Zone,
    write::{Act, Tx},
};

/// Who gives and changes templates.
const PLANNERS: &[Role] = &[Role::Manager, Role::Admin];

/// A weekly template.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ShiftDocument {
    /// Identifier.
    pub id: ShiftId,
    /// Whose.
    pub technician_id: TechnicianId,
    /// The zone of its hours.
    pub zone: Zone,
    /// The first date on which its shifts begin.
    pub valid_from: LocalDate,
    /// The last one; null: until further notice.
    pub valid_to: Option<LocalDate>,
    /// The shifts of the week.
    pub week: Vec<WeekShifts>,
    /// Rises with every change; the ETag.
    pub version: i64,
}

impl ShiftDocument {
    fn of(row: &Model) -> Result<Self> {
        Ok(Self {
            zone: Zone::stored(&row.zone, format!("shift_template {}", row.id))?,
            week: row.shifts()?,
            id: row.id,
            technician_id: row.technician_id,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            version: row.version,
        })
    }
}

/// A weekly template for a technician.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShift {
    /// Whose.
    pub technician_id: TechnicianId,
    /// The zone of its hours; absent: that of the organization.
    #[serde(default)]
    pub zone: Option<Zone>,
    /// The first date on which its shifts begin.
    pub valid_from: LocalDate,
    /// The last one; absent: until further notice.
    #[serde(default)]
    pub valid_to: Option<LocalDate>,
    /// The shifts of the week; empty where all of them are dated.
    pub week: Vec<WeekShifts>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// What may change of a template.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchShift {
    /// The zone of its hours.
    #[serde(default)]
    #[schema(value_type = Option<Zone>)]
    pub zone: Patch<Zone>,
    /// The first date on which its shifts begin.
    #[serde(default)]
    #[schema(value_type = Option<LocalDate>)]
    pub valid_from: Patch<LocalDate>,
    /// The last one; null: until further notice.
    #[serde(default)]
    #[schema(value_type = Option<LocalDate>)]
    pub valid_to: Patch<LocalDate>,
    /// The shifts of the week, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<WeekShifts>>)]
    pub week: Patch<Vec<WeekShifts>>,
    /// Confirms the bookings that a refusal with `displaces_bookings` listed.
    #[serde(default)]
    pub confirm: Option<String>,
}

/// The zone of the organization.
pub(super) async fn zone_of(reader: &Reader<'_>, organization: OrganizationId) -> Result<Zone> {
    let row = organization::Entity::find_by_id(organization).one(reader).await?;
    let row = row.ok_or_else(|| Error::not_found("organization"))?;
    Zone::stored(&row.zone, format!("organization {organization}"))
}

/// Checks a template as a whole: its dates, its week, and that it is the only one of the technician on any date.
async fn check(reader: &Reader<'_>, row: &Model) -> Result<()> {
    if row.valid_to.is_some_and(|last| last < row.valid_from) {
        return Err(Error::field("valid_to", "must not be before valid_from"));
    }
    check_week("week", &row.shifts()?)?;
    let others = Entity::find()
        .filter(Column::TechnicianId.eq(row.technician_id))
        .filter(Column::Id.ne(row.id))
        .all(reader)
        .await?;
    let clash = others.iter().find(|other| {
        let ends_before = |one: &Model, two: &Model| one.valid_to.is_some_and(|last| last < two.valid_from);
        !ends_before(other, row) && !ends_before(row, other)
    });
    match clash {
        None => Ok(()),
        Some(other) => Err(Error::field(
            "valid_from",
            "the technician has another template then: end it first with its valid_to",
        )
        .with("shift_id", other.id)),
    }
}

/// Gives a technician a template.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateShift,
}

impl Create {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let args = &self.args;
        let organization_id = tx.scope().organization();
        let zone = match args.zone {
            Some(zone) => zone,
            None => zone_of(&tx.reader(), organization_id).await?,
        };
        let row = Model {
            id: ShiftId::new(tx.clock()),
            organization_id,
            technician_id: args.technician_id,
            zone: zone.to_string(),
            valid_from: args.valid_from,
            valid_to: args.valid_to,
            week: serde_json::to_value(&args.week).map_err(Error::internal)?,
            version: 1,
            created_at: tx.now(),
        };
        check(&tx.reader(), &row).await?;
        Ok((row.clone(), Edit::Template(settle::Change { before: None, after: Some(row) })))
    }
}

impl Act for Create {
    const NAME: &'static str = "shift.create";
    type Out = ShiftDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ShiftDocument> {
        tx.scope().require(PLANNERS)?;
        let whose = technician::store::find(&tx.reader(), tx.scope(), self.args.technician_id).await?.id;
        let (_, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, whose, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, whose, &edit, &mut held, self.args.confirm.as_deref()).await?;
        ShiftDocument::of(&row)
    }
}

/// Changes a template.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which.
    pub id: ShiftId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchShift,
}

impl Change {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let mut after = before.clone();
        let args = self.args.clone();
        if let Some(zone) = args.zone.required("zone")? {
            after.zone = zone.to_string();
        }
        if let Some(date) = args.valid_from.required("valid_from")? {
            after.valid_from = date;
        }
        args.valid_to.apply(&mut after.valid_to);
        if let Some(week) = args.week.required("week")? {
            after.week = serde_json::to_value(&week).map_err(Error::internal)?;
        }
        check(&tx.reader(), &after).await?;
        if after != before {
            after.version += 1;
        }
        let change = settle::Change { before: Some(before), after: Some(after.clone()) };
        Ok((after, Edit::Template(change)))
    }
}

impl Act for Change {
    const NAME: &'static str = "shift.change";
    type Out = ShiftDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ShiftDocument> {
        tx.scope().require(PLANNERS)?;
        let (row, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, row.technician_id, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, row.technician_id, &edit, &mut held, self.args.confirm.as_deref()).await?;
        ShiftDocument::of(&row)
    }
}

/// Takes a template back that was given by mistake. One that was worked by is ended by its `valid_to`, so that what was
/// worked stays readable.
#[derive(Clone, Debug)]
pub struct Remove {
    /// Which.
    pub id: ShiftId,
    /// The confirmation of a refusal with `displaces_bookings`.
    pub confirm: Option<String>,
}

impl Remove {
    async fn edit(&self, tx: &Tx) -> Result<(Model, Edit)> {
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        if before.valid_from < LocalDate::of(tx.now(), before.tz()?) {
            return Err(Error::field(
                "valid_to",
                "the template has been worked by: end it by its `valid_to`",
            ));
        }
        let change = settle::Change { before: Some(before.clone()), after: None };
        Ok((before, Edit::Template(change)))
    }
}

impl Act for Remove {
    const NAME: &'static str = "shift.remove";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.scope().require(PLANNERS)?;
        let (row, edit) = self.edit(tx).await?;
        let mut held = settle::take(tx, row.technician_id, &edit).await?;
        let (row, edit) = self.edit(tx).await?;
        settle::apply(tx, row.technician_id, &edit, &mut held, self.confirm.as_deref()).await
    }
}

/// A template of the organization, as a row.
async fn find(reader: &Reader<'_>, scope: &Scope, id: ShiftId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("shift"))
}

/// Passes the desk, and a technician for himself: the technician to whom the list is limited, if it is.
///
/// # Errors
/// `forbidden` for everybody else.
pub(super) fn limit_to(scope: &Scope, wanted: Option<TechnicianId>) -> Result<Option<TechnicianId>> {
    match scope.technician() {
        Some(own) if wanted.is_none_or(|wanted| wanted == own) => Ok(Some(own)),
        Some(_) => Err(Error::not_found("technician")),
        None => {
            scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
            Ok(wanted)
        }
    }
}

/// A template, for the desk and for the technician himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: ShiftId) -> Result<ShiftDocument> {
    let row = find(reader, scope, id).await?;
    if !scope.is_desk() && scope.technician() != Some(row.technician_id) {
        return Err(Error::not_found("shift"));
    }
    ShiftDocument::of(&row)
}

/// Which templates are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ShiftFilter {
    /// Only those of this technician; a technician sees his own anyway.
    pub technician_id: Option<TechnicianId>,
    /// Only those that hold on this date.
    pub date: Option<LocalDate>,
}

/// Templates, in the order in which they were given.
///
/// # Errors
/// `forbidden` for all but the desk and technicians; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &ShiftFilter,
    page: &PageRequest,
) -> Result<Page<ShiftDocument>> {
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(Column::Id)
        .limit(page.limit() as u64 + 1);
    if let Some(technician) = limit_to(scope, filter.technician_id)? {
        query = query.filter(Column::TechnicianId.eq(technician));
    }
    if let Some(date) = filter.date {
        let lasts = Condition::any().add(Column::ValidTo.is_null()).add(Column::ValidTo.gte(date));
        query = query.filter(Column::ValidFrom.lte(date)).filter(lasts);
    }
    if let Some(after) = page.after::<ShiftId>()? {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query.all(reader).await?.iter().map(ShiftDocument::of).collect::<Result<_>>()?;
    page.cut(rows, |row: &ShiftDocument| row.id)
}

/// The zone a technician's hours are told in: that of the template that holds on the date, else the organization's.
pub(super) async fn zone_on(
    reader: &Reader<'_>,
    organization: OrganizationId,
    technician: TechnicianId,
    date: LocalDate,
) -> Result<Zone> {
    let templates = Entity::find().filter(Column::TechnicianId.eq(technician)).all(reader).await?;
    if templates.is_empty() {
        return Err(Error::field(
            "technician_id",
            "has no template yet: give him one first, an empty one where all his shifts are dated",
        ));
    }
    match templates.iter().find(|template| template.is_valid_on(date)) {
        Some(template) => Zone::stored(&template.zone, format!("shift_template {}", template.id)),
        None => zone_of(reader, organization).await,
    }
}

/// The zone in which the dates of a reader are meant.
pub(super) async fn reader_zone(reader: &Reader<'_>, scope: &Scope) -> Result<Tz> {
    Ok(zone_of(reader, scope.organization()).await?.tz())
}
