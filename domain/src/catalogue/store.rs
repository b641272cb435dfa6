//! Kinds of work: each change makes a new version, and a ticket keeps the version it was born with (R28, R38).

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Amount, Category, Clock, Demands, Precondition, Term, default_catalogue,
    request_type::{self, Model as RequestType},
    rules::{Rules, UnansweredCalls},
    version::{self, Model as Version},
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::{Reader, placeholders},
    id::RequestTypeId,
    page::{Page, PageRequest, Patch, expect_version},
    text::Line,
    write::{Act, Tx},
};

/// A kind of work, by its current version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RequestTypeDocument {
    /// Its identifier.
    pub id: RequestTypeId,
    /// Its stable code in the organization, `HVS-BURST`.
    pub code: String,
    /// The number of this version of its rules, which a ticket keeps.
    pub number: i64,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Whether new tickets of this kind are taken.
    pub active: bool,
    /// The branch it belongs to.
    pub category: Category,
    /// Its name for a Russian reader.
    pub name_ru: String,
    /// Its name for an English reader.
    pub name_en: String,
    /// Whether the emergency service goes at once.
    pub emergency: bool,
    /// How long a visit lasts, in minutes.
    pub duration_minutes: i64,
    /// Where the figures come from.
    pub basis: String,
    /// Within what the damage is localized.
    pub localize: Option<Amount>,
    /// Within what the work is done or the answer given.
    pub resolve: Option<Term>,
    /// Within what the quality of the utility is checked on site.
    pub check_visit: Option<Amount>,
    /// When the terms count.
    pub clock: Clock,
    /// What closing demands.
    pub demands: Demands,
    /// What the applicant is told, and must agree to, before a ticket is registered (R81).
    pub precondition: Option<Precondition>,
    /// What becomes of a ticket whose applicant did not answer the phone three times (R103).
    pub unanswered_calls: UnansweredCalls,
    /// A failure of equipment that serves a whole building: director and master are told at once (R86).
    pub accident: bool,
    /// Whether the local authority is told of such damage (R24).
    pub authority_notice: bool,
    /// When this version of the rules was made.
    pub revised_at: DateTime<Utc>,
}

impl RequestTypeDocument {
    fn of(kind: &RequestType, version: Version) -> Result<Self> {
        let rules = version.rules()?;
        let category = version.category()?;
        Ok(Self {
            category,
            unanswered_calls: rules.unanswered_calls(version.emergency),
            accident: rules.accident,
            authority_notice: rules.authority(category, version.emergency).is_some(),
            id: kind.id,
            code: kind.code.clone(),
            number: version.number,
            version: kind.version,
            active: kind.active,
            name_ru: version.name_ru,
            name_en: version.name_en,
            emergency: version.emergency,
            duration_minutes: version.duration_s / 60,
            basis: version.basis,
            localize: rules.localize,
            resolve: rules.resolve,
            check_visit: rules.check_visit,
            clock: rules.clock,
            demands: rules.demands,
            precondition: rules.precondition,
            revised_at: version.created_at,
        })
    }
}

/// How long a visit lasts where the catalogue does not say, for emergencies and others alike.
const DURATION_MINUTES: u16 = 60;

/// Where the figures come from when an administrator does not say.
const OWN_BASIS: &str = "organization";

/// What a new kind of work is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRequestType {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<RequestTypeId>,
    /// Its stable code in the organization.
    pub code: Line<40>,
    /// The branch it belongs to.
    pub category: Category,
    /// Its name for a Russian reader.
    pub name_ru: Line<200>,
    /// Its name for an English reader.
    pub name_en: Line<200>,
    /// Whether the emergency service goes at once.
    #[serde(default)]
    pub emergency: bool,
    /// How long a visit lasts, in minutes, 5 to 1440; 60 if not given.
    #[schema(minimum = 5, maximum = 1440)]
    pub duration_minutes: Option<u16>,
    /// Where the figures come from.
    pub basis: Option<Line<200>>,
    /// Within what the damage is localized.
    pub localize: Option<Amount>,
    /// Within what the work is done or the answer given.
    pub resolve: Option<Term>,
    /// Within what the quality of the utility is checked on site.
    pub check_visit: Option<Amount>,
    /// When the terms count.
    pub clock: Clock,
    /// What closing demands.
    #[serde(default)]
    pub demands: Demands,
    /// What the applicant is told, and must agree to, before a ticket is registered.
    pub precondition: Option<Precondition>,
    /// What becomes of a ticket whose applicant did not answer the phone three times; if not given, emergencies end in
    /// the review of the desk and others are cancelled.
    pub unanswered_calls: Option<UnansweredCalls>,
    /// A failure of equipment that serves a whole building: director and master are told at once.
    #[serde(default)]
    pub accident: bool,
    /// Whether the local authority is told; if not given, of emergencies of water, sewage and heating. Never of others.
    pub authority_notice: Option<bool>,
}

/// Adds a kind of work to the catalogue.
#[derive(Clone, Debug)]
pub struct Create {
    /// What it is.
    pub args: CreateRequestType,
}

impl Act for Create {
    const NAME: &'static str = "request_type.create";
    type Out = RequestTypeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<RequestTypeDocument> {
        tx.scope().require(&[Role::Admin])?;
        let args = self.args.clone();
        let id = match args.id {
            Some(id) => RequestTypeId::from_client(id.0, "id")?,
            None => RequestTypeId::new(tx.clock()),
        };
        args.demands.check("demands")?;
        let rules = Rules {
            localize: args.localize,
            resolve: args.resolve,
            check_visit: args.check_visit,
            clock: args.clock,
            demands: args.demands,
            precondition: args.precondition,
            unanswered_calls: args.unanswered_calls,
            accident: args.accident,
            authority_notice: args.authority_notice,
        };
        rules.check_authority(args.category)?;
        let kind = fresh_type(tx, id, args.code.into_string());
        let version = Version {
            request_type_id: id,
            number: 1,
            organization_id: kind.organization_id,
            category: args.category.to_value(),
            name_ru: args.name_ru.into_string(),
            name_en: args.name_en.into_string(),
            emergency: args.emergency,
            basis: args.basis.map_or_else(|| OWN_BASIS.to_owned(), Line::into_string),
            duration_s: seconds(args.duration_minutes.unwrap_or(DURATION_MINUTES))?,
            rules: serde_json::to_value(&rules).map_err(Error::internal)?,
            created_at: tx.now(),
        };
        // The unique index is the guard; this names the field and the other kind.
        let other = request_type::Entity::find()
            .filter(request_type::Column::OrganizationId.eq(kind.organization_id))
            .filter(request_type::Column::Code.eq(kind.code.as_str()))
            .one(&tx.reader())
            .await?;
        if let Some(other) = other {
            return Err(Error::new(Code::AlreadyExists, "another kind of work has this code")
                .with("field", "code")
                .with("id", other.id));
        }
        tx.insert(&kind).await?;
        tx.insert(&version).await?;
        RequestTypeDocument::of(&kind, version)
    }
}

fn fresh_type(tx: &Tx, id: RequestTypeId, code: String) -> RequestType {
    RequestType {
        id,
        organization_id: tx.scope().organization(),
        code,
        current_version: 1,
        active: true,
        doc_version: 1,
        version: 1,
        created_at: tx.now(),
    }
}

fn seconds(minutes: u16) -> Result<i64> {
    if (5..=1_440).contains(&minutes) {
        Ok(TimeDelta::minutes(minutes.into()).num_seconds())
    } else {
        Err(Error::field("duration_minutes", "must be from 5 to 1440"))
    }
}

/// The kinds of the catalogue that leave a whole building without a service.
const EQUIPMENT: [&str; 2] = ["EL-VRU", "EL-CABLE"];

/// Loads the catalogue that comes with the service, for an organization that has none.
pub(crate) async fn load_default(tx: &mut Tx) -> Result<()> {
    let (mut kinds, mut versions) = (Vec::new(), Vec::new());
    for entry in default_catalogue()? {
        let kind = fresh_type(tx, RequestTypeId::new(tx.clock()), entry.code);
        let rules = Rules {
            localize: entry.localize,
            resolve: entry.resolve,
            check_visit: entry.check_visit,
            clock: entry.clock,
            demands: entry.demands,
            precondition: entry.precondition,
            unanswered_calls: None,
            accident: EQUIPMENT.contains(&kind.code.as_str()),
            authority_notice: None,
        };
        versions.push(Version {
            request_type_id: kind.id,
            number: 1,
            organization_id: kind.organization_id,
            category: entry.category.to_value(),
            name_ru: entry.name_ru,
            name_en: entry.name_en,
            emergency: entry.emergency,
            basis: entry.basis,
            duration_s: seconds(DURATION_MINUTES)?,
            rules: serde_json::to_value(&rules).map_err(Error::internal)?,
            created_at: tx.now(),
        });
        kinds.push(kind);
    }
    tx.insert_all(&kinds).await?;
    tx.insert_all(&versions).await
}

/// What may change of a kind of work.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchRequestType {
    /// Whether new tickets of this kind are taken. It is no part of the rules: it makes no new version of them.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
    /// The branch it belongs to.
    #[serde(default)]
    #[schema(value_type = Option<Category>)]
    pub category: Patch<Category>,
    /// Its name for a Russian reader.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub name_ru: Patch<Line<200>>,
    /// Its name for an English reader.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub name_en: Patch<Line<200>>,
    /// Whether the emergency service goes at once.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub emergency: Patch<bool>,
    /// How long a visit lasts, in minutes, 5 to 1440.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 5, maximum = 1440)]
    pub duration_minutes: Patch<u16>,
    /// Where the figures come from.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub basis: Patch<Line<200>>,
    /// Within what the damage is localized; null takes the term away.
    #[serde(default)]
    #[schema(value_type = Option<Amount>)]
    pub localize: Patch<Amount>,
    /// Within what the work is done or the answer given; null takes the term away.
    #[serde(default)]
    #[schema(value_type = Option<Term>)]
    pub resolve: Patch<Term>,
    /// Within what the quality of the utility is checked on site; null takes the term away.
    #[serde(default)]
    #[schema(value_type = Option<Amount>)]
    pub check_visit: Patch<Amount>,
    /// When the terms count.
    #[serde(default)]
    #[schema(value_type = Option<Clock>)]
    pub clock: Patch<Clock>,
    /// What closing demands, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Demands>)]
    pub demands: Patch<Demands>,
    /// What the applicant is told; null takes the precondition away.
    #[serde(default)]
    #[schema(value_type = Option<Precondition>)]
    pub precondition: Patch<Precondition>,
    /// What becomes of a ticket whose applicant did not answer the phone three times; null: the default.
    #[serde(default)]
    #[schema(value_type = Option<UnansweredCalls>)]
    pub unanswered_calls: Patch<UnansweredCalls>,
    /// A failure of equipment that serves a whole building: director and master are told at once.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub accident: Patch<bool>,
    /// Whether the local authority is told; null: the default.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub authority_notice: Patch<bool>,
}

/// Changes a kind of work. Changed rules are a new version; tickets keep theirs.
#[derive(Clone, Debug)]
pub struct Revise {
    /// Which one.
    pub id: RequestTypeId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchRequestType,
}

impl Act for Revise {
    const NAME: &'static str = "request_type.revise";
    type Out = RequestTypeDocument;

    async fn run(&self, tx: &mut Tx) -> Result<RequestTypeDocument> {
        tx.scope().require(&[Role::Admin])?;
        tx.lock_subject("request_type", self.id.0).await?;
        let scope = *tx.scope();
        let (before, standing) = current(&tx.reader(), &scope, self.id).await?;
        expect_version(before.version, self.version)?;
        let revised = self.args.clone().revise(&standing)?;
        let mut after = before.clone();
        if let Some(active) = self.args.active.required("active")? {
            after.active = active;
        }
        let mut version = standing.clone();
        if revised != standing {
            version = Version { number: standing.number + 1, created_at: tx.now(), ..revised };
            tx.insert(&version).await?;
            after.current_version = version.number;
        }
        if after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        RequestTypeDocument::of(&after, version)
    }
}

impl PatchRequestType {
    /// The version as it would read with these changes, under its old number.
    fn revise(self, standing: &Version) -> Result<Version> {
        let mut version = standing.clone();
        let mut rules = standing.rules()?;
        if let Some(category) = self.category.required("category")? {
            version.category = category.to_value();
        }
        if let Some(name) = self.name_ru.required("name_ru")? {
            version.name_ru = name.into_string();
        }
        if let Some(name) = self.name_en.required("name_en")? {
            version.name_en = name.into_string();
        }
        if let Some(emergency) = self.emergency.required("emergency")? {
            version.emergency = emergency;
        }
        if let Some(minutes) = self.duration_minutes.required("duration_minutes")? {
            version.duration_s = seconds(minutes)?;
        }
        if let Some(basis) = self.basis.required("basis")? {
            version.basis = basis.into_string();
        }
        self.localize.apply(&mut rules.localize);
        self.resolve.apply(&mut rules.resolve);
        self.check_visit.apply(&mut rules.check_visit);
        if let Some(clock) = self.clock.required("clock")? {
            rules.clock = clock;
        }
        if let Some(demands) = self.demands.required("demands")? {
            demands.check("demands")?;
            rules.demands = demands;
        }
        self.precondition.apply(&mut rules.precondition);
        self.unanswered_calls.apply(&mut rules.unanswered_calls);
        if let Some(accident) = self.accident.required("accident")? {
            rules.accident = accident;
        }
        self.authority_notice.apply(&mut rules.authority_notice);
        rules.check_authority(version.category()?)?;
        // Compared as values: the spelling of the stored JSON may differ between engines.
        if rules != standing.rules()? {
            version.rules = serde_json::to_value(&rules).map_err(Error::internal)?;
        }
        Ok(version)
    }
}

/// Which kinds of work are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct RequestTypeFilter {
    /// Only those that are taken (true) or no longer taken (false).
    pub active: Option<bool>,
}

/// Kinds of work of the organization, by their codes.
///
/// # Errors
/// `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &RequestTypeFilter,
    page: &PageRequest,
) -> Result<Page<RequestTypeDocument>> {
    let mut query = request_type::Entity::find()
        .filter(request_type::Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(request_type::Column::Code)
        .limit(page.limit() as u64 + 1);
    if let Some(active) = filter.active {
        query = query.filter(request_type::Column::Active.eq(active));
    }
    if let Some(code) = page.after::<String>()? {
        query = query.filter(request_type::Column::Code.gt(code));
    }
    let page = page.cut(query.all(reader).await?, |kind| kind.code.clone())?;
    let mut values: Vec<Value> = Vec::new();
    let list = placeholders(page.items.iter().map(|kind| kind.id.0), &mut values);
    let sql = format!(
        "SELECT v.* FROM request_type_version v
         JOIN request_type t ON t.id = v.request_type_id AND t.current_version = v.number WHERE t.id IN ({list})"
    );
    let mut versions = reader.all::<Version>(&sql, values).await?;
    let items = page.items.iter().map(|kind| {
        let at = versions
            .iter()
            .position(|version| version.request_type_id == kind.id)
            .ok_or_else(|| no_version(kind))?;
        RequestTypeDocument::of(kind, versions.swap_remove(at))
    });
    Ok(Page { items: items.collect::<Result<_>>()?, next: page.next })
}

/// A kind of work by its current version.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: RequestTypeId) -> Result<RequestTypeDocument> {
    let (kind, version) = current(reader, scope, id).await?;
    RequestTypeDocument::of(&kind, version)
}

/// A kind of work and its current version, as rows: what a new ticket takes.
///
/// # Errors
/// `not_found` for what is not of the organization.
pub async fn current(
    reader: &Reader<'_>,
    scope: &Scope,
    id: RequestTypeId,
) -> Result<(RequestType, Version)> {
    let kind = request_type::Entity::find_by_id(id)
        .filter(request_type::Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("kind of work"))?;
    let version = find_version(reader, id, kind.current_version).await?.ok_or_else(|| no_version(&kind))?;
    Ok((kind, version))
}

/// A version that a ticket was born with. It takes no scope: who sees the ticket sees its rules, the contractor of
/// another organization too.
///
/// # Errors
/// The database cannot be read.
pub async fn find_version(reader: &Reader<'_>, id: RequestTypeId, number: i64) -> Result<Option<Version>> {
    Ok(version::Entity::find_by_id((id, number)).one(reader).await?)
}

fn no_version(kind: &RequestType) -> Error {
    Error::internal(format!("request_type {}, column current_version: there is no such version", kind.id))
}

#[cfg(test)]
mod tests;
