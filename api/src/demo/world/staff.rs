//! The people who work: technicians with their trades and houses, the desk, the administrator.

use naryad_domain::{
    Result,
    auth::Role,
    id::{OrganizationId, UserId},
    people::user,
    shift,
};
use serde_json::{Value, json};

use super::{
    House,
    maker::{Maker, read},
};

/// The password of everybody. It is printed at the end: nobody takes a demo for more than one.
pub(in crate::demo) const PASSWORD: &str = "demo-password";

/// A member of staff.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Colleague {
    pub(in crate::demo) id: UserId,
    pub(in crate::demo) role: Role,
    pub(in crate::demo) login: &'static str,
    pub(in crate::demo) full_name: String,
    /// What he is, for a Russian reader.
    pub(in crate::demo) post: &'static str,
    trades: &'static [&'static str],
    served: &'static [usize],
}

impl Colleague {
    /// Whether he is a technician who does this work in this house.
    pub(in crate::demo) fn serves(&self, trade: &str, house: usize) -> bool {
        self.trades.contains(&trade) && (self.served.is_empty() || self.served.contains(&house))
    }
}

/// Who is taken on: login, role, post; of a technician his trades and the houses he serves (none named: all).
pub(super) type Vacancy = (&'static str, Role, &'static str, &'static [&'static str], &'static [usize]);

const WATER: &[&str] = &["cold-water", "hot-water", "sewage", "heating", "metering"];
const POWER: &[&str] = &["electricity", "safety"];
const HOUSE: &[&str] = &["access", "building", "cleaning", "refuse", "yard"];
const COMPANY: &[Vacancy] = &[
    ("admin", Role::Admin, "администратор", &[], &[]),
    ("manager", Role::Manager, "управляющий", &[], &[]),
    ("dispatcher", Role::Dispatcher, "диспетчер", &[], &[]),
    ("dispatcher2", Role::Dispatcher, "диспетчер", &[], &[]),
    ("plumber", Role::Technician, "сантехник", WATER, &[0, 1, 2, 3]),
    ("plumber2", Role::Technician, "сантехник", WATER, &[0, 1, 2, 3]),
    ("plumber3", Role::Technician, "сантехник", WATER, &[4, 5]),
    ("electrician", Role::Technician, "электрик", POWER, &[]),
    ("carpenter", Role::Technician, "плотник", &["access", "building", "yard"], &[0, 1, 2, 3]),
    ("handyman", Role::Technician, "мастер", HOUSE, &[4, 5]),
];
const KAZAN: &[usize] = &[6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SAMARA: &[usize] = &[16, 17, 18, 19, 20, 21, 22, 23];
/// Who serves the houses that only the full demo has.
const MORE: &[Vacancy] = &[
    ("plumber4", Role::Technician, "сантехник", WATER, KAZAN),
    ("plumber5", Role::Technician, "сантехник", WATER, KAZAN),
    ("plumber6", Role::Technician, "сантехник", WATER, SAMARA),
    ("plumber7", Role::Technician, "сантехник", WATER, SAMARA),
    ("electrician2", Role::Technician, "электрик", POWER, KAZAN),
    ("electrician3", Role::Technician, "электрик", POWER, SAMARA),
    ("handyman2", Role::Technician, "мастер", HOUSE, KAZAN),
    ("handyman3", Role::Technician, "мастер", HOUSE, SAMARA),
];
const CONTRACTOR: &[Vacancy] = &[
    ("lift-dispatcher", Role::Dispatcher, "диспетчер подрядчика", &[], &[]),
    ("lift-technician", Role::Technician, "лифтёр", &["lift"], &[]),
];
const MORE_LIFTS: &[Vacancy] = &[
    ("lift-technician2", Role::Technician, "лифтёр", &["lift"], &[]),
    ("lift-technician3", Role::Technician, "лифтёр", &["lift"], &[]),
];
/// The staff of the other company.
pub(super) const NEIGHBOURS: &[Vacancy] = &[
    ("ural-admin", Role::Admin, "администратор", &[], &[]),
    ("ural-manager", Role::Manager, "управляющий", &[], &[]),
    ("ural-dispatcher", Role::Dispatcher, "диспетчер", &[], &[]),
    ("ural-plumber", Role::Technician, "сантехник", WATER, &[]),
    ("ural-plumber2", Role::Technician, "сантехник", WATER, &[]),
    ("ural-plumber3", Role::Technician, "сантехник", WATER, &[]),
    ("ural-electrician", Role::Technician, "электрик", POWER, &[]),
    ("ural-electrician2", Role::Technician, "электрик", POWER, &[]),
    ("ural-handyman", Role::Technician, "мастер", HOUSE, &[]),
    ("ural-handyman2", Role::Technician, "мастер", HOUSE, &[]),
    ("ural-carpenter", Role::Technician, "плотник", &["access", "building", "yard"], &[]),
];

/// The staff of the company whose day it is.
pub(super) fn company(full: bool) -> impl Iterator<Item = &'static Vacancy> {
    COMPANY.iter().chain(if full { MORE } else { &[] })
}

/// The staff of the contractor.
pub(super) fn contractor(full: bool) -> impl Iterator<Item = &'static Vacancy> {
    CONTRACTOR.iter().chain(if full { MORE_LIFTS } else { &[] })
}

/// Takes on everybody.
pub(super) async fn take_on(
    maker: &mut Maker<'_>,
    organization: OrganizationId,
    vacancies: impl IntoIterator<Item = &'static Vacancy>,
    houses: &[House],
) -> Result<Vec<Colleague>> {
    let mut staff = Vec::new();
    for (login, role, post, trades, served) in vacancies {
        let full_name = maker.names.anybody();
        let technician = (*role == Role::Technician).then(|| {
            let served: Vec<_> =
                served.iter().filter_map(|at| houses.get(*at)).map(|house| house.id).collect();
            let building_ids = if served.is_empty() { Value::Null } else { json!(served) };
            json!({
                "trades": trades, "service_number": format!("{:03}", 100 + staff.len()),
                "building_ids": building_ids,
            })
        });
        let id = UserId::new(maker.clock);
        let args = read(json!({
            "id": id, "role": role, "login": login, "password": PASSWORD, "full_name": full_name,
            "phone": maker.names.phone(), "technician": technician,
        }))?;
        let act = user::store::Create::prepare(id, args).await?;
        maker.write(organization, act).await?;
        if *role == Role::Technician {
            let house = served.first().copied().unwrap_or_default();
            let zone = houses.get(house).map_or(chrono_tz::Europe::Moscow, |house| house.zone);
            let act = shift::Create { args: shifts(id, trades, zone)? };
            maker.write(organization, act).await?;
        }
        staff.push(Colleague { id, role: *role, login, full_name, post, trades, served });
    }
    Ok(staff)
}

/// Every day from eight to eight with a break, and an hour that is kept for emergencies; water and power are on call by
/// night.
fn shifts(id: UserId, trades: &[&str], zone: chrono_tz::Tz) -> Result<shift::CreateShift> {
    let mut windows = vec![json!({
        "from": "08:00", "to": "20:00",
        "breaks": [{ "from": "16:00", "to": "16:30" }],
        "reserve": [{ "from": "17:00", "to": "18:00" }],
    })];
    if trades == WATER || trades == POWER {
        let night = json!({ "from": "20:00", "to": "08:00", "ends_next_day": true, "on_call": true });
        windows.push(night);
    }
    read(json!({
        "technician_id": id, "zone": zone.name(), "valid_from": "2020-01-01",
        "week": [{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": windows }],
    }))
}
