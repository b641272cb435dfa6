//! The world of the demo: two managing companies and a contractor, their people, houses, catalogues and price lists, all
//! made by the use cases that the API calls.

mod maker;
mod staff;

use std::collections::BTreeMap;

use naryad_domain::{
    Error, Result, Scope,
    auth::Role,
    clock::ManualClock,
    db::Db,
    handover,
    id::{BuildingId, MaterialId, OrganizationId, PremisesId, RequestTypeId, ResidentId},
};

use serde_json::json;

use self::maker::Maker;
use super::{progress::Progress, size::Size};

pub(super) use self::{
    maker::read,
    staff::{Colleague, PASSWORD},
};

/// A stretch of houses that are made alike.
#[derive(Clone, Copy, Debug)]
struct Quarter {
    city: &'static str,
    zone: &'static str,
    houses: usize,
    latitude: f64,
    longitude: f64,
}

const fn quarter(
    city: &'static str,
    zone: &'static str,
    houses: usize,
    latitude: f64,
    longitude: f64,
) -> Quarter {
    Quarter { city, zone, houses, latitude, longitude }
}

/// Two cities in two zones: the clock of Samara is an hour ahead. The day is lived in these six houses.
const SMALL: &[Quarter] = &[
    quarter("Казань", "Europe/Moscow", 4, 55.7961, 49.1064),
    quarter("Самара", "Europe/Samara", 2, 53.1959, 50.1002),
];
/// More of the same.
const MORE: &[Quarter] = &[
    quarter("Казань", "Europe/Moscow", 10, 55.8304, 49.0661),
    quarter("Самара", "Europe/Samara", 8, 53.2415, 50.2212),
];
/// The other company's, two hours ahead of Moscow.
const URAL: &[Quarter] = &[quarter("Екатеринбург", "Asia/Yekaterinburg", 16, 56.8389, 60.6057)];

const COMPANY: &str = "УК «Добрый дом»";
const NEIGHBOURS: &str = "УК «Уральский двор»";
const CONTRACTOR: &str = "ООО «Лифт-Сервис»";

/// Everything that was made, with what the day needs to know of it.
#[derive(Debug)]
pub(super) struct World {
    /// The company whose day it is.
    pub(super) company: Town,
    /// Another tenant of the same service.
    pub(super) neighbours: Option<Town>,
    /// Works for both.
    pub(super) contractor: Crew,
}

/// Who works for an organization.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) organization: OrganizationId,
    pub(super) staff: Vec<Colleague>,
}

/// A managing company with its houses.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) crew: Crew,
    pub(super) houses: Vec<House>,
    pub(super) residents: Vec<Neighbour>,
    pub(super) kinds: BTreeMap<String, RequestTypeId>,
    pub(super) materials: BTreeMap<&'static str, MaterialId>,
}

/// A building.
#[derive(Debug)]
pub(super) struct House {
    pub(super) id: BuildingId,
    pub(super) zone: chrono_tz::Tz,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    flats: Vec<PremisesId>,
}

/// A resident.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    pub(super) id: ResidentId,
    pub(super) full_name: String,
    pub(super) phone: String,
    pub(super) house: usize,
    pub(super) premises: PremisesId,
    pub(super) disabled: bool,
}

impl Crew {
    /// Acts as one of the staff.
    pub(super) fn scope(&self, who: &Colleague) -> Scope {
        Scope::staff(self.organization, who.id, who.role)
    }

    /// Those of a role, in the order in which they were taken on.
    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &Colleague> {
        self.staff.iter().filter(move |one| one.role == role)
    }
}

impl Town {
    /// The kind of work with this code.
    pub(super) fn kind(&self, code: &str) -> Result<RequestTypeId> {
        self.kinds.get(code).copied().ok_or_else(|| Error::not_found("request type"))
    }

    /// The material with this code.
    pub(super) fn material(&self, code: &str) -> Result<MaterialId> {
        self.materials.get(code).copied().ok_or_else(|| Error::not_found("material"))
    }

    /// The first resident of a flat: flats are counted in each house.
    pub(super) fn resident_of(&self, house: usize, flat: usize) -> Result<&Neighbour> {
        let premises = self.houses.get(house).and_then(|house| house.flats.get(flat));
        let lives = |one: &&Neighbour| Some(&one.premises) == premises;
        self.residents.iter().find(lives).ok_or_else(|| Error::not_found("resident"))
    }
}

impl World {
    /// The managing companies.
    pub(super) fn towns(&self) -> impl Iterator<Item = &Town> {
        std::iter::once(&self.company).chain(&self.neighbours)
    }

    /// Everybody who works.
    pub(super) fn staff(&self) -> impl Iterator<Item = &Colleague> {
        self.towns().map(|town| &town.crew).chain([&self.contractor]).flat_map(|crew| &crew.staff)
    }

    /// What there is, for a Russian reader.
    pub(super) fn in_words(&self) -> String {
        let sum = |count: fn(&Town) -> usize| self.towns().map(count).sum::<usize>();
        let companies = match self.neighbours {
            None => format!("{COMPANY} и подрядчик {CONTRACTOR}"),
            Some(_) => format!("{COMPANY}, {NEIGHBOURS} и подрядчик {CONTRACTOR}"),
        };
        format!(
            "{companies}: домов {}, квартир {}, жителей {}, сотрудников {}, из них техников {}, видов работ {}, \
             материалов {}",
            sum(|town| town.houses.len()),
            sum(|town| town.houses.iter().map(|house| house.flats.len()).sum()),
            sum(|town| town.residents.len()),
            self.staff().count(),
            self.staff().filter(|one| one.role == Role::Technician).count(),
            self.company.kinds.len(),
            self.company.materials.len(),
        )
    }

    /// The member of staff with this login.
    pub(super) fn colleague(&self, login: &str) -> Result<&Colleague> {
        self.staff().find(|one| one.login == login).ok_or_else(|| Error::not_found("member of staff"))
    }
}

/// Makes the world, each thing a little later than the one before.
pub(super) async fn make(
    db: &Db,
    clock: &ManualClock,
    seed: u64,
    size: Size,
    progress: &Progress,
) -> Result<World> {
    let full = size == Size::Full;
    let quarters: Vec<Quarter> = SMALL.iter().chain(if full { MORE } else { &[] }).copied().collect();
    let mut maker = Maker::new(db, clock, seed, size, progress);
    let company = Box::pin(maker.town(COMPANY, &quarters, staff::company(full))).await?;
    let contractor = maker.found(CONTRACTOR, "contractor").await?;
    let staff = staff::take_on(&mut maker, contractor, staff::contractor(full), &[]).await?;
    let contractor = Crew { organization: contractor, staff };
    let neighbours = match full {
        true => Some(Box::pin(maker.town(NEIGHBOURS, URAL, staff::NEIGHBOURS)).await?),
        false => None,
    };
    for town in std::iter::once(&company).chain(&neighbours) {
        let args = read(json!({ "organization_id": contractor.organization, "trades": ["lift"] }))?;
        maker.write(town.crew.organization, handover::link::Link { args }).await?;
    }
    Ok(World { company, neighbours, contractor })
}

impl Size {
    /// How many flats a house has.
    fn flats(self) -> usize {
        match self {
            Self::Small => 10,
            Self::Full => 38,
        }
    }

    /// About how many writes making the world takes.
    pub(super) fn writes(self) -> usize {
        match self {
            Self::Small => 220,
            Self::Full => 3_700,
        }
    }
}
