//! The book of addresses for the messages in hand: read once for all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use chrono_tz::Tz;
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use super::{preference::Preferences, row::Model, rule::Rules, words::Texts};
use crate::{
    Result, Time,
    db::{Reader, placeholders},
    id::{DeviceId, OrganizationId, TicketId, VisitId},
    people::{device::Platform, locale::Locale},
    push::{Phone, PushToken},
};

/// Where and how somebody is reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    /// His phones with an app.
    pub(super) phones: Vec<Phone>,
    /// His browsers: the token is a subscription.
    pub(super) browsers: Vec<Phone>,
    /// E.164.
    pub(super) number: Option<String>,
    /// Of his e-mail.
    pub(super) mail: Option<String>,
    /// What he reads.
    pub(super) locale: Locale,
    /// Where he lives, or the house stands that it is about.
    pub(super) zone: Option<Tz>,
}

/// Where the ticket of a message is, and whoever called about it.
struct TicketContact {
    resident: Option<Uuid>,
    number: Option<String>,
    zone: Option<Tz>,
}

/// What is needed to write and address the messages in hand.
pub struct Book {
    people: BTreeMap<Uuid, Contact>,
    organizations: BTreeMap<OrganizationId, (String, Tz)>,
    tickets: BTreeMap<TicketId, TicketContact>,
    visits: BTreeMap<VisitId, Time>,
    pub(super) rules: Rules,
    pub(super) texts: Texts,
    pub(super) preferences: Preferences,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("people", &self.people.len()).finish_non_exhaustive()
    }
}

#[derive(FromQueryResult)]
struct UserRow {
    id: Uuid,
    phone: Option<String>,
    email: Option<String>,
}

#[derive(FromQueryResult)]
struct ResidentRow {
    id: Uuid,
    email: Option<String>,
    locale: String,
}

#[derive(FromQueryResult)]
struct Line {
    id: Uuid,
    text: String,
}

#[derive(FromQueryResult)]
struct DeviceRow {
    id: DeviceId,
    person: Uuid,
    platform: Platform,
    push_token: String,
}

#[derive(FromQueryResult)]
struct TicketRow {
    id: TicketId,
    resident_id: Option<Uuid>,
    applicant_phone: Option<String>,
    zone: String,
}

#[derive(FromQueryResult)]
struct VisitRow {
    id: VisitId,
    planned_start: Time,
}

#[derive(FromQueryResult)]
struct OrganizationRow {
    id: OrganizationId,
    name: String,
    zone: String,
}

impl Book {
    /// Reads it for these messages; the number of statements does not depend on theirs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn of(reader: &Reader<'_>, messages: &[Model]) -> Result<Self> {
        let organizations: BTreeSet<OrganizationId> =
            messages.iter().map(|message| message.organization_id).collect();
        let users: BTreeSet<Uuid> = messages.iter().filter_map(|one| one.user_id).map(|id| id.0).collect();
        let residents: BTreeSet<Uuid> =
            messages.iter().filter_map(|one| one.resident_id).map(|id| id.0).collect();
        let mut people = BTreeMap::new();
        read_users(reader, &users, &mut people).await?;
        read_residents(reader, &residents, &mut people).await?;
        Ok(Self {
            people,
            organizations: read_organizations(reader, &organizations).await?,
            tickets: read_tickets(reader, messages.iter().filter_map(|one| one.ticket_id).collect()).await?,
            visits: read_visits(reader, messages.iter().filter_map(|one| one.visit_id).collect()).await?,
            rules: Rules::of(reader, organizations.iter().copied()).await?,
            texts: Texts::of(reader, organizations.iter().copied()).await?,
            preferences: Preferences::of(reader, messages.iter().map(|one| one.person.as_str()).collect())
                .await?,
        })
    }

    /// Where the person of a message is reached; an applicant by the number he called from. Whoever has left is reached
    /// nowhere.
    pub(super) fn contact(&self, message: &Model) -> Contact {
        let known = message.user_id.map(|id| id.0).or(message.resident_id.map(|id| id.0));
        let mut contact = known.and_then(|id| self.people.get(&id)).cloned().unwrap_or_default();
        if message.phone.is_some() {
            contact.number.clone_from(&message.phone);
        }
        let ticket = message.ticket_id.and_then(|id| self.tickets.get(&id));
        if let Some(ticket) = ticket.filter(|_| message.user_id.is_none()) {
            contact.zone = ticket.zone.or(contact.zone);
            let applicant = message.resident_id.is_some_and(|id| ticket.resident == Some(id.0));
            if applicant && ticket.number.is_some() {
                contact.number.clone_from(&ticket.number);
            }
        }
        if message.email.is_some() {
            contact.mail.clone_from(&message.email);
        }
        contact
    }

    /// When the visit that is spoken of begins.
    pub(super) fn visit(&self, message: &Model) -> Option<Time> {
        message.visit_id.and_then(|id| self.visits.get(&id)).copied()
    }

    /// Name and zone of an organization.
    pub(super) fn organization(&self, id: OrganizationId) -> (&str, Tz) {
        self.organizations.get(&id).map_or(("", Tz::UTC), |(name, zone)| (name.as_str(), *zone))
    }
}

async fn read_organizations(
    reader: &Reader<'_>,
    ids: &BTreeSet<OrganizationId>,
) -> Result<BTreeMap<OrganizationId, (String, Tz)>> {
    let mut values = Vec::new();
    let list = placeholders(ids.iter().map(|id| id.0), &mut values);
    let sql = format!("SELECT id, name, zone FROM organization WHERE id IN ({list})");
    let rows = reader.all::<OrganizationRow>(&sql, values).await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.name, zone(&row.zone).unwrap_or(Tz::UTC)))).collect())
}

async fn read_tickets(
    reader: &Reader<'_>,
    ids: BTreeSet<TicketId>,
) -> Result<BTreeMap<TicketId, TicketContact>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut values = Vec::new();
    let list = placeholders(ids.iter().map(|id| id.0), &mut values);
    let sql = format!(
        "SELECT t.id, t.resident_id, t.applicant_phone, b.zone FROM ticket t JOIN building b ON b.id = t.building_id
         WHERE t.id IN ({list})"
    );
    let rows = reader.all::<TicketRow>(&sql, values).await?;
    let contact = |row: TicketRow| {
        let contact =
            TicketContact { resident: row.resident_id, number: row.applicant_phone, zone: zone(&row.zone) };
        (row.id, contact)
    };
    Ok(rows.into_iter().map(contact).collect())
}

async fn read_visits(reader: &Reader<'_>, ids: BTreeSet<VisitId>) -> Result<BTreeMap<VisitId, Time>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut values = Vec::new();
    let list = placeholders(ids.iter().map(|id| id.0), &mut values);
    let sql = format!("SELECT id, planned_start FROM visit WHERE id IN ({list})");
    let rows = reader.all::<VisitRow>(&sql, values).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.planned_start)).collect())
}

fn zone(name: &str) -> Option<Tz> {
    Tz::from_str(name).ok()
}

async fn read_users(
    reader: &Reader<'_>,
    ids: &BTreeSet<Uuid>,
    people: &mut BTreeMap<Uuid, Contact>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (list, values) = listed(ids);
    let sql = format!("SELECT id, phone, email FROM app_user WHERE active AND id IN ({list})");
    for UserRow { id, phone, email } in reader.all::<UserRow>(&sql, values).await? {
        people.insert(id, Contact { number: phone, mail: email, ..Contact::default() });
    }
    read_devices(reader, "user_id", ids, people).await
}

async fn read_residents(
    reader: &Reader<'_>,
    ids: &BTreeSet<Uuid>,
    people: &mut BTreeMap<Uuid, Contact>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let (list, values) = listed(ids);
    let sql = format!("SELECT id, email, locale FROM resident WHERE id IN ({list})");
    for row in reader.all::<ResidentRow>(&sql, values.clone()).await? {
        let locale = Locale::stored(&row.locale);
        people.insert(row.id, Contact { mail: row.email, locale, ..Contact::default() });
    }
    let sql = format!(
        "SELECT resident_id AS id, phone AS text FROM resident_phone WHERE resident_id IN ({list})
         ORDER BY resident_id, position"
    );
    for Line { id, text } in reader.all::<Line>(&sql, values.clone()).await? {
        if let Some(contact) = people.get_mut(&id) {
            contact.number.get_or_insert(text);
        }
    }
    let sql = format!(
        "SELECT a.resident_id AS id, MIN(b.zone) AS text FROM account a JOIN premises p ON p.id = a.premises_id
         JOIN building b ON b.id = p.building_id WHERE a.resident_id IN ({list}) GROUP BY a.resident_id"
    );
    for Line { id, text } in reader.all::<Line>(&sql, values).await? {
        if let Some(contact) = people.get_mut(&id) {
            contact.zone = zone(&text);
        }
    }
    read_devices(reader, "resident_id", ids, people).await
}

async fn read_devices(
    reader: &Reader<'_>,
    column: &str,
    ids: &BTreeSet<Uuid>,
    people: &mut BTreeMap<Uuid, Contact>,
) -> Result<()> {
    let (list, values) = listed(ids);
    let sql = format!(
        "SELECT id, {column} AS person, platform, push_token FROM device
         WHERE {column} IN ({list}) AND active AND push_token IS NOT NULL ORDER BY id"
    );
    for row in reader.all::<DeviceRow>(&sql, values).await? {
        let Some(contact) = people.get_mut(&row.person) else { continue };
        let device = Phone { device: row.id, token: PushToken::new(row.push_token) };
        match row.platform {
            Platform::Web => contact.browsers.push(device),
            Platform::Android | Platform::Ios => contact.phones.push(device),
        }
    }
    Ok(())
}

fn listed(ids: &BTreeSet<Uuid>) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let list = placeholders(ids.iter().copied(), &mut values);
    (list, values)
}
