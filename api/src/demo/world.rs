//! The world of the demo: a managing company, a contractor, their people, houses, catalogue and price list, all made by
//! the use cases that the API calls.

mod staff;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use naryad_domain::{
    Error, Result, Scope,
    clock::ManualClock,
    db::Db,
    id::{BuildingId, MaterialId, OrganizationId, PremisesId, RequestTypeId},
    material,
    page::PageRequest,
    people::{organization, resident},
    place::{building, premises},
    write::Act,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    names::Names,
    price_list::{Line, PRICE_LIST},
};

pub(super) use staff::{Colleague, PASSWORD};

/// Two cities in two zones: the clock of Samara is an hour ahead.
const CITIES: [(&str, &str, usize, f64, f64); 2] =
    [("Казань", "Europe/Moscow", 4, 55.7961, 49.1064), ("Самара", "Europe/Samara", 2, 53.1959, 50.1002)];
const COMPANY: &str = "УК «Добрый дом»";
const CONTRACTOR: &str = "ООО «Лифт-Сервис»";
const FLATS_IN_A_HOUSE: usize = 10;

/// Everything that was made, with what the day needs to know of it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) contractor: OrganizationId,
    pub(super) houses: Vec<House>,
    pub(super) residents: Vec<Neighbour>,
    pub(super) staff: Vec<Colleague>,
    pub(super) kinds: BTreeMap<String, RequestTypeId>,
    pub(super) materials: BTreeMap<&'static str, MaterialId>,
}

/// A building.
#[derive(Debug)]
pub(super) struct House {
    pub(super) id: BuildingId,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    flats: Vec<PremisesId>,
}

/// A resident.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    pub(super) full_name: String,
    pub(super) phone: String,
    pub(super) house: usize,
    pub(super) premises: PremisesId,
    pub(super) disabled: bool,
}

impl World {
    /// What there is, for a Russian reader.
    pub(super) fn in_words(&self) -> String {
        let flats: usize = self.houses.iter().map(|house| house.flats.len()).sum();
        format!(
            "{COMPANY} и подрядчик {CONTRACTOR}: домов {}, квартир {flats}, жителей {}, сотрудников {}, видов работ {}, \
             материалов {}",
            self.houses.len(),
            self.residents.len(),
            self.staff.len(),
            self.kinds.len(),
            self.materials.len(),
        )
    }

    /// The kind of work with this code.
    pub(super) fn kind(&self, code: &str) -> Result<RequestTypeId> {
        self.kinds.get(code).copied().ok_or_else(|| Error::not_found("request type"))
    }

    /// The material with this code.
    pub(super) fn material(&self, code: &str) -> Result<MaterialId> {
        self.materials.get(code).copied().ok_or_else(|| Error::not_found("material"))
    }

    /// The member of staff with this login.
    pub(super) fn colleague(&self, login: &str) -> Result<&Colleague> {
        self.staff.iter().find(|one| one.login == login).ok_or_else(|| Error::not_found("member of staff"))
    }

    /// The first resident of a flat: flats are counted through all houses.
    pub(super) fn resident_of(&self, house: usize, flat: usize) -> Result<&Neighbour> {
        let premises = self.houses.get(house).and_then(|house| house.flats.get(flat));
        let lives = |one: &&Neighbour| Some(&one.premises) == premises;
        self.residents.iter().find(lives).ok_or_else(|| Error::not_found("resident"))
    }
}

/// Makes the world, each thing a little later than the one before.
pub(super) async fn make(db: &Db, clock: &ManualClock, seed: u64) -> Result<World> {
    let mut maker = Maker { db, clock, names: Names::new(seed), company: OrganizationId::new(clock) };
    let company = maker.company;
    maker.found(company, COMPANY, "managing").await?;
    let contractor = OrganizationId::new(clock);
    maker.found(contractor, CONTRACTOR, "contractor").await?;
    let houses = maker.build().await?;
    let residents = maker.settle(&houses).await?;
    let materials = maker.price(PRICE_LIST).await?;
    let kinds = maker.catalogue().await?;
    let staff = staff::take_on(&mut maker, contractor, &houses).await?;
    Ok(World { contractor, houses, residents, staff, kinds, materials })
}

/// Writes for the company, on a clock that moves.
struct Maker<'a> {
    db: &'a Db,
    clock: &'a ManualClock,
    names: Names,
    company: OrganizationId,
}

impl Maker<'_> {
    async fn write<A: Act>(&self, organization: OrganizationId, act: A) -> Result<A::Out> {
        let out = self.db.write(Scope::system(organization), act).await;
        self.clock.advance(TimeDelta::seconds(20));
        out
    }

    async fn found(&self, id: OrganizationId, name: &str, kind: &str) -> Result<()> {
        let args = read(json!({ "name": name, "kind": kind, "zone": "Europe/Moscow" }))?;
        self.write(id, organization::store::Create { id, args }).await.map(drop)
    }

    async fn build(&mut self) -> Result<Vec<House>> {
        let mut houses: Vec<House> = Vec::new();
        for (city, zone, count, latitude, longitude) in CITIES {
            for _ in 0..count {
                let id = BuildingId::new(self.clock);
                let offset = houses.len() as f64 / 500.0;
                let (latitude, longitude) = (latitude + offset, longitude - offset);
                let args = read(json!({
                    "id": id, "address": self.names.address(city, houses.len()),
                    "zone": zone,
                    "position": { "latitude": latitude, "longitude": longitude },
                }))?;
                self.write(self.company, building::store::Create { args }).await?;
                let flats = self.flats(id).await?;
                houses.push(House { id, latitude, longitude, flats });
            }
        }
        Ok(houses)
    }

    async fn flats(&self, building: BuildingId) -> Result<Vec<PremisesId>> {
        let mut flats = Vec::new();
        for flat in 0..FLATS_IN_A_HOUSE {
            let id = PremisesId::new(self.clock);
            let notes = (flat == 0).then_some("Ключ от подвала у старшего по дому, квартира 1");
            let args = read(json!({
                "id": id, "building_id": building, "kind": "flat", "number": (flat + 1).to_string(),
                "entrance": (1 + flat / 6).to_string(), "floor": (1 + flat / 2).to_string(), "access_notes": notes,
            }))?;
            self.write(self.company, premises::store::Create { args }).await?;
            flats.push(id);
        }
        Ok(flats)
    }

    /// One resident a flat, and in every third flat a second one of the same family.
    async fn settle(&mut self, houses: &[House]) -> Result<Vec<Neighbour>> {
        let mut residents: Vec<Neighbour> = Vec::new();
        let flats =
            houses.iter().enumerate().flat_map(|(at, house)| house.flats.iter().map(move |flat| (at, *flat)));
        for (index, (house, premises)) in flats.enumerate() {
            let family = self.names.surname();
            for person in 0..if index % 3 == 0 { 2 } else { 1 } {
                let resident = Neighbour {
                    full_name: self.names.relative(family),
                    phone: self.names.phone(),
                    house,
                    premises,
                    disabled: index % 17 == 4 && person == 0,
                };
                let args = read(json!({
                    "full_name": resident.full_name, "phones": [resident.phone], "disabled": resident.disabled,
                    "accounts": [{ "number": format!("40{:06}{person}", index + 1), "premises_id": premises }],
                }))?;
                self.write(self.company, resident::store::Create { args }).await?;
                residents.push(resident);
            }
        }
        Ok(residents)
    }

    async fn price(&self, list: &[Line]) -> Result<BTreeMap<&'static str, MaterialId>> {
        let mut materials = BTreeMap::new();
        for (code, name, unit, price) in list {
            let id = MaterialId::new(self.clock);
            let args =
                read(json!({ "id": id, "code": code, "name": name, "unit": unit, "price_minor": price }))?;
            self.write(self.company, material::store::Create { args }).await?;
            materials.insert(*code, id);
        }
        Ok(materials)
    }

    /// The catalogue that comes with the service, and one precondition of the company's own (R81).
    async fn catalogue(&self) -> Result<BTreeMap<String, RequestTypeId>> {
        use naryad_domain::catalogue::store::{Revise, list};
        let (scope, page) = (Scope::system(self.company), PageRequest::new(None, Some(200))?);
        let kinds = list(&self.db.reader(), &scope, &Default::default(), &page).await?.items;
        if let Some(meter) = kinds.iter().find(|kind| kind.code == "METER") {
            let args = read(json!({
                "duration_minutes": 45,
                "precondition": {
                    "text_ru": "К приходу специалиста подготовьте договор и паспорт прибора учёта.",
                    "text_en": "Have the contract and the passport of the meter at hand.",
                    "only_for": "disabled",
                },
            }))?;
            self.write(self.company, Revise { id: meter.id, version: meter.version, args }).await?;
        }
        Ok(kinds.into_iter().map(|kind| (kind.code, kind.id)).collect())
    }
}

/// The arguments of an act, checked as those of a request are.
fn read<T: DeserializeOwned>(args: Value) -> Result<T> {
    serde_json::from_value(args).map_err(Error::internal)
}
