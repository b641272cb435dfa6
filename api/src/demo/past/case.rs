//! One ticket of the past and what becomes of it.

use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, Timelike, Utc};
use naryad_domain::catalogue::PhotoKind;
use naryad_domain::{
    Clock, Code, Error, Result, Scope,
    auth::Role,
    clock::ManualClock,
    db::Db,
    handover,
    id::{LoginId, TicketId, VisitId},
    material::usage::UseMaterial,
    people::resident,
    ticket::{self, At, Complete, Inform, Localize, Plan, Register, SetExecutor},
    visit::{EnRoute, NoAccess, Start},
};
use sea_orm::EntityTrait;
use serde_json::json;

use super::{camera::Camera, works::Work};
use crate::demo::{
    names::Dice,
    world::{Colleague, Crew, Neighbour, Town, World, read},
};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Register,
    Assign,
    SetOut,
    Start,
    Localize,
    Finish,
    Judge,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Done, and nobody says anything: it closes by itself.
    Silent,
    /// Done and accepted by the resident.
    Accepted,
    /// Not accepted at first.
    Returned,
    /// The resident needs nobody any more.
    Cancelled,
    /// Nobody opens at first.
    NoAccess,
}

/// A ticket.
pub(super) struct Case<'a> {
    world: &'a World,
    town: &'a Town,
    house: usize,
    work: &'a Work,
    pub(super) registered_at: DateTime<Utc>,
    resident: Option<&'a Neighbour>,
    by_app: bool,
    fate: Fate,
    next: Step,
    ticket: TicketId,
    visit: Option<(VisitId, &'a Colleague)>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        world: &'a World,
        town: &'a Town,
        house: usize,
        work: &'a Work,
        registered_at: DateTime<Utc>,
        dice: &mut Dice,
    ) -> Self {
        let neighbours: Vec<_> = town.residents.iter().filter(|one| one.house == house).collect();
        let resident = work.place.is_none().then(|| neighbours[dice.below(neighbours.len())]);
        let fate = match dice.below(100) {
            0..=4 => Fate::Cancelled,
            5..=8 => Fate::Returned,
            9..=12 if resident.is_some() => Fate::NoAccess,
            13..=50 => Fate::Accepted,
            _ => Fate::Silent,
        };
        Self {
            world,
            town,
            house,
            work,
            registered_at,
            resident,
            by_app: resident.is_some() && dice.below(4) == 0,
            fate,
            next: Step::Register,
            ticket: TicketId(uuid::Uuid::nil()),
            visit: None,
        }
    }

    /// Whether it has not been registered yet.
    pub(super) fn is_new(&self) -> bool {
        self.next == Step::Register
    }

    /// The next step, at the time of the clock. Gives the time of the one after it.
    pub(super) async fn go_on(
        &mut self,
        db: &Db,
        clock: &ManualClock,
        camera: &mut Camera<'_>,
        dice: &mut Dice,
    ) -> Result<Option<DateTime<Utc>>> {
        let now = clock.now();
        let later = |minutes: i64| Some(now + TimeDelta::minutes(minutes));
        match self.next {
            Step::Register => {
                self.register(db, clock, dice).await?;
                self.next = Step::Assign;
                // One in twelve waits: somebody was on another line.
                let delay = if dice.below(12) == 0 { 20 + dice.below(120) } else { 1 + dice.below(9) };
                Ok(later(delay as i64))
            }
            Step::Assign if self.fate == Fate::Cancelled => {
                let why = read(json!({ "reason": "Житель сообщил, что мастер больше не нужен." }))?;
                db.write(self.desk()?, ticket::Cancel { ticket: self.ticket, args: why }).await?;
                Ok(None)
            }
            Step::Assign => {
                let start = self.assign(db, now, dice).await?;
                self.next = Step::SetOut;
                Ok(start.map(|start| start - TimeDelta::minutes(5 + dice.below(15) as i64)))
            }
            Step::SetOut => {
                let (visit, technician) = self.visit()?;
                db.write(technician, EnRoute { visit, args: At::default() }).await?;
                self.next = Step::Start;
                Ok(later(4 + dice.below(25) as i64))
            }
            Step::Start if self.fate == Fate::NoAccess => {
                self.fate = Fate::Silent;
                let (visit, technician) = self.visit()?;
                camera.shoot(technician, (self.ticket, visit), PhotoKind::NoAccess, dice).await?;
                let args = read(json!({ "reason": "Дверь не открыли, телефон не отвечает." }))?;
                db.write(technician, NoAccess { visit, args }).await?;
                self.next = Step::Assign;
                Ok(later(120 + dice.below(600) as i64))
            }
            Step::Start => {
                let (visit, technician) = self.visit()?;
                db.write(technician, Start { visit, args: At::default() }).await?;
                let leaks = matches!(self.work.code, "HVS-BURST" | "GVS-BURST" | "HEAT-NONE" | "EL-NONE");
                self.next = if leaks { Step::Localize } else { Step::Finish };
                let minutes = if leaks { 2 + dice.below(8) as i64 } else { self.minutes(dice) };
                Ok(later(minutes))
            }
            Step::Localize => {
                let (_, technician) = self.visit()?;
                db.write(technician, Localize { ticket: self.ticket, args: At::default() }).await?;
                self.next = Step::Finish;
                Ok(later(self.minutes(dice)))
            }
            Step::Finish => {
                self.finish(db, camera, dice).await?;
                self.next = Step::Judge;
                Ok(later(30 + dice.below(2_000) as i64).filter(|_| self.fate != Fate::Silent))
            }
            Step::Judge => self.judge(db, now, dice).await,
        }
    }

    fn minutes(&self, dice: &mut Dice) -> i64 {
        // Now and then it takes three times as long.
        let times = if dice.below(10) == 0 { 3 } else { 1 };
        (self.work.minutes + dice.below(20) as i64) * times
    }

    /// The dispatcher on duty: they take turns by house.
    fn desk(&self) -> Result<Scope> {
        desk(&self.town.crew, self.house)
    }

    fn visit(&self) -> Result<(VisitId, Scope)> {
        let (visit, who) = self.visit.ok_or_else(|| Error::not_found("visit"))?;
        Ok((visit, self.crew().scope(who)))
    }

    /// Who does it: the company's own people, or the contractor's.
    fn crew(&self) -> &'a Crew {
        if self.work.trade == "lift" { &self.world.contractor } else { &self.town.crew }
    }

    async fn register(&mut self, db: &Db, clock: &ManualClock, dice: &mut Dice) -> Result<()> {
        let town = self.town;
        self.ticket = TicketId::new(clock);
        let mut args = json!({
            "id": self.ticket, "request_type_id": town.kind(self.work.code)?,
            "building_id": town.houses[self.house].id, "place": self.work.place,
            "description": self.work.words[dice.below(self.work.words.len())],
        });
        if let Some(resident) = self.resident {
            args["premises_id"] = json!(resident.premises);
        }
        let scope = match self.resident.filter(|_| self.by_app) {
            Some(resident) => {
                Scope::resident(town.crew.organization, login_of(db, resident).await?, resident.id)
            }
            None => {
                args["measures"] = json!(self.work.measures);
                args["resident_id"] = json!(self.resident.map(|resident| resident.id));
                self.desk()?
            }
        };
        db.write(scope, Register { args: read(args)? }).await.map(drop)
    }

    /// Books the first free time of somebody whose work it is. Gives the start, if there is one.
    async fn assign(
        &mut self,
        db: &Db,
        now: DateTime<Utc>,
        dice: &mut Dice,
    ) -> Result<Option<DateTime<Utc>>> {
        let contractor = &self.world.contractor;
        // Work that is returned is still the contractor's.
        if self.work.trade == "lift" && self.visit.is_none() {
            let executor =
                json!({ "executor": { "kind": "contractor", "organization_id": contractor.organization } });
            let args = read(executor)?;
            db.write(self.desk()?, SetExecutor { ticket: self.ticket, args }).await?;
            db.write(desk(contractor, 0)?, handover::Accept { ticket: self.ticket }).await?;
        }
        let house = if self.work.trade == "lift" { 0 } else { self.house };
        let crew = self.crew();
        let mut able: Vec<_> =
            crew.of(Role::Technician).filter(|one| one.serves(self.work.trade, house)).collect();
        if able.is_empty() {
            return Ok(None);
        }
        let first = dice.below(able.len());
        able.rotate_left(first);
        let scope = desk(crew, self.house)?;
        let urgent =
            ["SEW-BLOCK", "HVS-BURST", "GVS-BURST", "EL-NONE", "HEAT-NONE"].contains(&self.work.code);
        let length = TimeDelta::minutes(if self.work.minutes > 45 { 90 } else { 60 });
        let mut start = self.earliest(now, urgent, dice);
        for _ in 0..60 {
            for technician in &able {
                let visit = VisitId::new(&**db.clock());
                let args = read(json!({
                    "visit_id": visit, "technicians": [technician.id], "start": start, "end": start + length,
                }))?;
                match db.write(scope, Plan { ticket: self.ticket, args }).await {
                    Ok(_) => {
                        if self.visit.replace((visit, technician)).is_none() {
                            self.tell(db).await?;
                        }
                        return Ok(Some(start));
                    }
                    Err(refused) if matches!(refused.code(), Code::SlotTaken | Code::SlotUnavailable) => {}
                    Err(refused) => return Err(refused),
                }
            }
            start = self.in_hours(start + TimeDelta::minutes(30), urgent);
        }
        Ok(None)
    }

    /// The applicant learns when somebody comes, and by when it is done.
    async fn tell(&self, db: &Db) -> Result<()> {
        let args = read(json!({ "how": "phone" }))?;
        db.write(self.desk()?, Inform { ticket: self.ticket, args }).await.map(drop)
    }

    /// An emergency at once; the rest on one of the next days.
    fn earliest(&self, now: DateTime<Utc>, urgent: bool, dice: &mut Dice) -> DateTime<Utc> {
        let wait = if urgent { 15 } else { 90 + dice.below(24 * 60) as i64 };
        let step = TimeDelta::minutes(if urgent { 5 } else { 30 });
        let rounded = (now + TimeDelta::minutes(wait)).duration_trunc(step);
        self.in_hours(rounded.unwrap_or(now) + step, urgent)
    }

    /// Moved to the working hours of the house, from nine to five.
    fn in_hours(&self, start: DateTime<Utc>, urgent: bool) -> DateTime<Utc> {
        let zone = self.town.houses[self.house].zone;
        let local = start.with_timezone(&zone).naive_local();
        if urgent || (9..17).contains(&local.hour()) {
            return start;
        }
        let date = if local.hour() < 9 { local.date() } else { local.date() + TimeDelta::days(1) };
        let nine = date.and_time(NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default());
        nine.and_local_timezone(zone).earliest().map_or(start, |nine| nine.to_utc())
    }

    async fn finish(&mut self, db: &Db, camera: &mut Camera<'_>, dice: &mut Dice) -> Result<()> {
        let (visit, technician) = self.visit()?;
        let at = (self.ticket, visit);
        if self.work.trade == "lift" {
            // The contractor reports by phone, and the company's dispatcher answers for it.
            let args =
                read(json!({ "reason": "Лифтёр сообщил по телефону, лифт пущен.", "waive_missing": true }))?;
            return db.write(self.desk()?, Complete { ticket: self.ticket, args }).await.map(drop);
        }
        for kind in self.work.photos {
            camera.shoot(technician, at, *kind, dice).await?;
        }
        for (code, quantity) in self.work.materials {
            let args = read(json!({
                "material_id": self.town.material(code)?, "quantity": quantity, "visit_id": visit,
            }))?;
            db.write(technician, UseMaterial { ticket: self.ticket, args, decided: false }).await?;
        }
        let fields = self.work.reading.map_or_else(|| json!({}), |reading| json!({ "reading": reading }));
        let args = read(json!({ "fields": fields }))?;
        db.write(technician, Complete { ticket: self.ticket, args }).await.map(drop)
    }

    async fn judge(&mut self, db: &Db, now: DateTime<Utc>, dice: &mut Dice) -> Result<Option<DateTime<Utc>>> {
        let scope = match self.resident {
            Some(resident) => {
                Scope::resident(self.town.crew.organization, login_of(db, resident).await?, resident.id)
            }
            None => self.desk()?,
        };
        // What nobody judged in time has been closed meanwhile.
        let row = ticket::find(&db.reader(), &self.desk()?, self.ticket).await?;
        if row.status != ticket::Status::Completed || (self.resident.is_some() && row.resident_id.is_none()) {
            return Ok(None);
        }
        if self.fate == Fate::Returned {
            self.fate = Fate::Accepted;
            let args = read(json!({ "reason": "Неисправность осталась." }))?;
            db.write(scope, ticket::Return { ticket: self.ticket, args }).await?;
            self.next = Step::Assign;
            return Ok(Some(now + TimeDelta::minutes(3 + dice.below(60) as i64)));
        }
        db.write(scope, ticket::Accept { ticket: self.ticket }).await?;
        Ok(None)
    }
}

fn desk(crew: &Crew, turn: usize) -> Result<Scope> {
    let desk: Vec<_> = crew.of(Role::Dispatcher).collect();
    let who = desk.get(turn % desk.len().max(1)).ok_or_else(|| Error::not_found("dispatcher"))?;
    Ok(crew.scope(who))
}

async fn login_of(db: &Db, resident: &Neighbour) -> Result<LoginId> {
    let row = resident::Entity::find_by_id(resident.id).one(&db.reader()).await?;
    row.and_then(|row| row.login_id).ok_or_else(|| Error::not_found("login"))
}
