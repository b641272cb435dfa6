//! The people who work: technicians with their trades and houses, the desk, the administrator.

use naryad_domain::{
    Result,
    id::{OrganizationId, UserId},
    people::user,
};
use serde_json::{Value, json};

use super::{House, Maker, read};

/// The password of everybody. It is printed at the end: nobody takes a demo for more than one.
pub(in crate::demo) const PASSWORD: &str = "demo-password";

/// A member of staff.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Colleague {
    pub(in crate::demo) id: UserId,
    pub(in crate::demo) login: &'static str,
    pub(in crate::demo) full_name: String,
    /// What he is, for a Russian reader.
    pub(in crate::demo) post: &'static str,
}

/// Who is taken on: login, role, post; of a technician his trades and the houses he serves (none named: all).
type Vacancy = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [usize]);

const WATER: &[&str] = &["cold-water", "hot-water", "sewage", "heating", "metering"];
const COMPANY: &[Vacancy] = &[
    ("admin", "admin", "администратор", &[], &[]),
    ("manager", "manager", "управляющий", &[], &[]),
    ("dispatcher", "dispatcher", "диспетчер", &[], &[]),
    ("dispatcher2", "dispatcher", "диспетчер", &[], &[]),
    ("plumber", "technician", "сантехник", WATER, &[0, 1, 2, 3]),
    ("plumber2", "technician", "сантехник", WATER, &[0, 1, 2, 3]),
    ("plumber3", "technician", "сантехник", WATER, &[4, 5]),
    ("electrician", "technician", "электрик", &["electricity", "safety"], &[]),
    ("carpenter", "technician", "плотник", &["access", "building", "yard"], &[0, 1, 2, 3]),
    ("handyman", "technician", "мастер", &["access", "building", "cleaning", "refuse", "yard"], &[4, 5]),
];
const CONTRACTOR: &[Vacancy] = &[
    ("lift-dispatcher", "dispatcher", "диспетчер подрядчика", &[], &[]),
    ("lift-technician", "technician", "лифтёр", &["lift"], &[]),
];

/// Takes on everybody.
pub(super) async fn take_on(
    maker: &mut Maker<'_>,
    contractor: OrganizationId,
    houses: &[House],
) -> Result<Vec<Colleague>> {
    let company = maker.company;
    let mut staff = Vec::new();
    for (organization, vacancies) in [(company, COMPANY), (contractor, CONTRACTOR)] {
        for (login, role, post, trades, served) in vacancies {
            let full_name = maker.names.anybody();
            let technician = (*role == "technician").then(|| {
                let served: Vec<_> =
                    served.iter().filter_map(|at| houses.get(*at)).map(|house| house.id).collect();
                let building_ids = if served.is_empty() { Value::Null } else { json!(served) };
                let number =
                    format!("{}-{:02}", if organization == company { "ДД" } else { "ЛС" }, staff.len());
                json!({ "trades": trades, "service_number": number, "building_ids": building_ids })
            });
            let id = UserId::new(maker.clock);
            let args = read(json!({
                "id": id, "role": role, "login": login, "password": PASSWORD, "full_name": full_name,
                "phone": maker.names.phone(), "technician": technician,
            }))?;
            let act = user::store::Create::prepare(id, args).await?;
            maker.write(organization, act).await?;
            staff.push(Colleague { id, login, full_name, post });
        }
    }
    Ok(staff)
}
