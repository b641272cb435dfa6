//! A company that can take registrations and bookings at once.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use naryad_domain::{
    Clock, Scope,
    auth::{AccessClaims, KeyRing, Role, SigningKey, token},
    clock::ManualClock,
    db::{Db, Location},
    id::{BuildingId, FamilyId, OrganizationId, PremisesId, RequestTypeId, TechnicianId, UserId},
    people::{organization, user},
    place::{building, premises},
};
use sea_orm::FromQueryResult;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{house::House, people::PASSWORD};

/// A company with flats, technicians and one dispatcher. It is settled by the use cases themselves and not through a
/// server, because the reference of the bench has none.
#[derive(Clone, Debug)]
pub struct Town {
    /// The company.
    pub organization: OrganizationId,
    /// Who registers and books.
    pub dispatcher: UserId,
    /// Who can be booked.
    pub technicians: Vec<TechnicianId>,
    /// The building of the flats.
    pub building: BuildingId,
    /// The flats.
    pub premises: Vec<PremisesId>,
    /// A kind of work that demands nothing at registration.
    pub kind: RequestTypeId,
    clock: Arc<dyn Clock>,
}

/// Where the database of a house is.
pub(super) fn location(house: &House) -> Location {
    match house.database().url() {
        Some(url) => Location::Postgres(url.to_owned()),
        None => Location::Sqlite(house.data().join("naryad.db")),
    }
}

impl Town {
    /// Settles a company in the database of a house, whose server may be closed.
    pub async fn settle(house: &House, technicians: usize) -> Self {
        let clock = Arc::new(ManualClock::at(house.clock().now()));
        Self::settle_in(&location(house), clock, technicians, 1).await
    }

    /// Settles a company in a database, by a clock.
    pub async fn settle_in(
        location: &Location,
        clock: Arc<dyn Clock>,
        technicians: usize,
        flats: usize,
    ) -> Self {
        let db = Db::open(location, 2, clock.clone()).await.expect("the database can be opened");
        db.migrate().await.expect("the database can be migrated");
        let town = Self {
            organization: OrganizationId::new(&*clock),
            dispatcher: UserId::new(&*clock),
            technicians: (0..technicians).map(|_| TechnicianId::new(&*clock)).collect(),
            building: BuildingId::new(&*clock),
            premises: (0..flats).map(|_| PremisesId::new(&*clock)).collect(),
            // Known when the catalogue is loaded.
            kind: RequestTypeId::new(&*clock),
            clock,
        };
        let town = town.found(&db).await.expect("a company can be founded");
        db.close().await;
        town
    }

    async fn found(mut self, db: &Db) -> naryad_domain::Result<Self> {
        #[derive(FromQueryResult)]
        struct Kind {
            id: RequestTypeId,
        }
        let scope = Scope::system(self.organization);
        let args = json!({ "name": "УК Дом", "kind": "managing", "zone": "Europe/Moscow" });
        db.write(scope, organization::store::Create { id: self.organization, args: read(args) }).await?;
        let crew = self.technicians.iter().map(|id| (UserId(id.0), Role::Technician));
        for (id, role) in [(self.dispatcher, Role::Dispatcher)].into_iter().chain(crew) {
            let args = json!({
                "role": role, "login": id, "password": PASSWORD, "full_name": "Сидорова Анна Павловна",
            });
            db.write(scope, user::store::Create::prepare(id, read(args)).await?).await?;
        }
        let args = json!({ "id": self.building, "address": "Москва, улица Мира, 1" });
        db.write(scope, building::store::Create { args: read(args) }).await?;
        let flats = self.premises.iter().enumerate().map(|(number, id)| {
            let number = (number + 1).to_string();
            let args = json!({ "id": id, "building_id": self.building, "kind": "flat", "number": number });
            db.write(scope, premises::store::Create { args: read(args) })
        });
        stream::iter(flats).buffer_unordered(2).try_for_each(|_| async { Ok(()) }).await?;
        let sql = "SELECT id FROM request_type WHERE organization_id = $1 AND code = 'SEW-SMELL'";
        let kind = db.reader().one::<Kind>(sql, [self.organization.0.into()]).await?;
        self.kind = kind.expect("the catalogue has the kind SEW-SMELL").id;
        Ok(self)
    }

    /// An access token of the dispatcher for half a day, signed with the key in a data directory.
    pub fn token(&self, data: &Path) -> String {
        self.token_of(data, self.dispatcher.0, Role::Dispatcher)
    }

    /// The same of anybody, in any role.
    pub fn token_of(&self, data: &Path, person: Uuid, role: Role) -> String {
        let key = SigningKey::load_or_create(&data.join("key.pem")).expect("a signing key");
        let (family, lifetime) = (FamilyId::new(&*self.clock), TimeDelta::hours(12));
        let claims = AccessClaims::new(person, self.organization, role, family, lifetime, &*self.clock);
        token::issue(&KeyRing::new(key, Vec::new()), &claims).expect("a token can be signed")
    }

    /// The body of a registration for one of the flats.
    pub fn registration(&self, ticket: Uuid, flat: usize) -> Value {
        json!({
            "id": ticket,
            "request_type_id": self.kind,
            "premises_id": self.premises[flat % self.premises.len()],
            "applicant_name": "Ильин Иван Петрович",
            "applicant_phone": "+79123456789",
            "description": "Запах из канализации на кухне.",
        })
    }

    /// The body of a booking of one technician for one hour, `hour` hours from tomorrow on.
    pub fn booking(&self, visit: Uuid, technician: usize, hour: i64) -> Value {
        let (start, end) = self.hour(hour);
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let technician = self.technicians[technician % self.technicians.len()];
        json!({ "visit_id": visit, "technicians": [technician], "start": text(start), "end": text(end) })
    }

    /// Begin and end of that hour.
    pub fn hour(&self, hour: i64) -> (DateTime<Utc>, DateTime<Utc>) {
        let midnight = DateTime::from_timestamp(self.clock.now().timestamp() / 86_400 * 86_400, 0);
        let start = midnight.expect("the clock shows a date") + TimeDelta::days(1) + TimeDelta::hours(hour);
        (start, start + TimeDelta::hours(1))
    }
}

fn read<T: DeserializeOwned>(args: Value) -> T {
    serde_json::from_value(args).expect("the arguments are of their type")
}
