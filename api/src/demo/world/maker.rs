//! Makes what a company has, on a clock that moves.

use std::collections::{BTreeMap, BTreeSet};

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
    Crew, House, Neighbour, Quarter, Town,
    staff::{self, Vacancy},
};
use crate::demo::{
    names::Names,
    price_list::{Line, PRICE_LIST},
    progress::Progress,
    size::Size,
};

/// Writes for one company after another.
pub(super) struct Maker<'a> {
    pub(super) db: &'a Db,
    pub(super) clock: &'a ManualClock,
    pub(super) names: Names,
    size: Size,
    progress: &'a Progress,
    addresses: BTreeSet<String>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        db: &'a Db,
        clock: &'a ManualClock,
        seed: u64,
        size: Size,
        progress: &'a Progress,
    ) -> Self {
        Self { db, clock, names: Names::new(seed), size, progress, addresses: BTreeSet::new() }
    }

    /// A managing company with houses, residents, prices, catalogue and staff.
    pub(super) async fn town(
        &mut self,
        name: &str,
        quarters: &[Quarter],
        vacancies: impl IntoIterator<Item = &'static Vacancy>,
    ) -> Result<Town> {
        let organization = self.found(name, "managing").await?;
        let houses = self.build(organization, quarters).await?;
        let residents = self.settle(organization, &houses).await?;
        let materials = self.price(organization, PRICE_LIST).await?;
        let kinds = self.catalogue(organization).await?;
        let staff = staff::take_on(self, organization, vacancies, &houses).await?;
        Ok(Town { crew: Crew { organization, staff }, houses, residents, kinds, materials })
    }

    pub(super) async fn write<A: Act>(&self, organization: OrganizationId, act: A) -> Result<A::Out> {
        let out = self.db.write(Scope::system(organization), act).await;
        self.clock.advance(TimeDelta::seconds(20));
        self.progress.step();
        out
    }

    pub(super) async fn found(&self, name: &str, kind: &str) -> Result<OrganizationId> {
        let id = OrganizationId::new(self.clock);
        let args = read(json!({ "name": name, "kind": kind, "zone": "Europe/Moscow" }))?;
        self.write(id, organization::store::Create { id, args }).await?;
        Ok(id)
    }

    async fn build(&mut self, owner: OrganizationId, quarters: &[Quarter]) -> Result<Vec<House>> {
        let mut houses: Vec<House> = Vec::new();
        for quarter in quarters {
            for _ in 0..quarter.houses {
                let id = BuildingId::new(self.clock);
                let offset = houses.len() as f64 / 500.0;
                let (latitude, longitude) = (quarter.latitude + offset, quarter.longitude - offset);
                let mut address = self.names.address(quarter.city, houses.len());
                while !self.addresses.insert(address.clone()) {
                    address = self.names.address(quarter.city, houses.len());
                }
                let args = read(json!({
                    "id": id, "address": address, "zone": quarter.zone,
                    "position": { "latitude": latitude, "longitude": longitude },
                }))?;
                self.write(owner, building::store::Create { args }).await?;
                let flats = self.flats(owner, id).await?;
                let zone = quarter.zone.parse().map_err(|_| Error::internal("an unknown zone"))?;
                houses.push(House { id, zone, latitude, longitude, flats });
            }
        }
        Ok(houses)
    }

    async fn flats(&mut self, owner: OrganizationId, building: BuildingId) -> Result<Vec<PremisesId>> {
        let mut flats = Vec::new();
        for flat in 0..self.size.flats() {
            let id = PremisesId::new(self.clock);
            let notes = (flat == 0).then_some("Ключ от подвала у старшего по дому, квартира 1");
            let args = read(json!({
                "id": id, "building_id": building, "kind": "flat", "number": (flat + 1).to_string(),
                "entrance": (1 + flat / 12).to_string(), "floor": (1 + flat % 12 / 2).to_string(),
                "access_notes": notes,
            }))?;
            self.write(owner, premises::store::Create { args }).await?;
            flats.push(id);
        }
        Ok(flats)
    }

    /// One resident a flat, and in every third flat a second one of the same family.
    async fn settle(&mut self, owner: OrganizationId, houses: &[House]) -> Result<Vec<Neighbour>> {
        let mut residents: Vec<Neighbour> = Vec::new();
        let flats =
            houses.iter().enumerate().flat_map(|(at, house)| house.flats.iter().map(move |flat| (at, *flat)));
        for (index, (house, premises)) in flats.enumerate() {
            let family = self.names.surname();
            for person in 0..if index % 3 == 0 { 2 } else { 1 } {
                let full_name = self.names.relative(family);
                let phone = self.names.phone();
                let disabled = index % 17 == 4 && person == 0;
                let args = read(json!({
                    "full_name": full_name, "phones": [phone], "disabled": disabled,
                    "accounts": [{ "number": format!("40{:06}{person}", index + 1), "premises_id": premises }],
                }))?;
                let made = self.write(owner, resident::store::Create { args }).await?;
                residents.push(Neighbour { id: made.id, full_name, phone, house, premises, disabled });
            }
        }
        Ok(residents)
    }

    async fn price(
        &self,
        owner: OrganizationId,
        list: &[Line],
    ) -> Result<BTreeMap<&'static str, MaterialId>> {
        let mut materials = BTreeMap::new();
        for (code, name, unit, price) in list {
            let id = MaterialId::new(self.clock);
            let args =
                read(json!({ "id": id, "code": code, "name": name, "unit": unit, "price_minor": price }))?;
            self.write(owner, material::store::Create { args }).await?;
            materials.insert(*code, id);
        }
        Ok(materials)
    }

    /// The catalogue that comes with the service, and one precondition of the company's own (R81).
    async fn catalogue(&self, owner: OrganizationId) -> Result<BTreeMap<String, RequestTypeId>> {
        use naryad_domain::catalogue::store::{Revise, list};
        let (scope, page) = (Scope::system(owner), PageRequest::new(None, Some(200))?);
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
            self.write(owner, Revise { id: meter.id, version: meter.version, args }).await?;
        }
        Ok(kinds.into_iter().map(|kind| (kind.code, kind.id)).collect())
    }
}

/// The arguments of an act, checked as those of a request are.
pub(in crate::demo) fn read<T: DeserializeOwned>(args: Value) -> Result<T> {
    serde_json::from_value(args).map_err(Error::internal)
}
