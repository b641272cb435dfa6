//! Clocks on both databases: alarms once, histories against a plain model.

mod alarms;
mod model;
mod policies;
mod promises;
mod race;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use super::{policy::store, row::Model, *};
use crate::{
    Scope, alert,
    auth::Role,
    db::Db,
    id::TicketId,
    testing::House,
    ticket::{Register, TicketDocument, document},
};

/// Whoever may make policies.
fn manager(house: &House) -> Scope {
    Scope::staff(house.organization, house.dispatcher, Role::Manager)
}

async fn register(db: &Db, house: &House, source: &str) -> TicketId {
    let args = json!({
        "request_type_id": house.kind, "premises_id": house.premises, "description": "Запах из канализации.",
        "source": source,
    });
    let act = Register { args: serde_json::from_value(args).unwrap() };
    db.write(house.desk(), act).await.unwrap()
}

async fn make_policy(db: &Db, house: &House, rules: Value) -> store::DeadlinePolicyDocument {
    let args = serde_json::from_value(json!({ "rules": rules })).unwrap();
    let policy = db.write(manager(house), store::Create { args }).await.unwrap();
    recalculate(db, house).await;
    policy
}

async fn revise_policy(db: &Db, house: &House, policy: &store::DeadlinePolicyDocument, rules: Value) {
    let args = serde_json::from_value(json!({ "rules": rules })).unwrap();
    let version = store::get(&db.reader(), &manager(house), policy.id).await.unwrap().version;
    let act = store::Revise { id: policy.id, version, args };
    db.write(manager(house), act).await.unwrap();
    recalculate(db, house).await;
}

async fn recalculate(db: &Db, house: &House) {
    let act = Recalculate { after: None, limit: 100 };
    db.write(Scope::system(house.organization), act).await.unwrap();
}

/// Runs the jobs that count clocks anew, so many tickets at once, and says how many there were.
async fn run_jobs(db: &Db, house: &House, limit: u16) -> usize {
    let mut seen = 0;
    while let Some(job) = crate::job::claim(db, house.organization, TimeDelta::minutes(1)).await.unwrap() {
        assert_eq!(job.kind, RECALCULATE_JOB);
        let after = job.payload.get("after").and_then(|id| serde_json::from_value(id.clone()).ok());
        let act = crate::job::Completing { act: Recalculate { after, limit }, lease: job.lease };
        db.write(Scope::system(house.organization), act).await.unwrap();
        seen += 1;
    }
    seen
}

/// Gives every alarm that is due.
async fn fire_all(db: &Db) -> usize {
    let mut all = 0;
    while is_any_due(db).await.unwrap() {
        let mut round = 0;
        for organization in due_organizations(db).await.unwrap() {
            round += db.write(Scope::system(organization), Fire { limit: 50 }).await.unwrap();
        }
        all += round;
        if round == 0 {
            break;
        }
    }
    all
}

async fn clock(db: &Db, ticket: TicketId, kind: DeadlineKind, basis: Basis) -> Option<Model> {
    let clocks = open::of_ticket(&db.reader(), ticket).await.unwrap();
    clocks.into_iter().find(|clock| clock.kind == kind && clock.basis == basis)
}

async fn alerts(db: &Db, ticket: TicketId) -> Vec<alert::row::Model> {
    alert::row::Entity::find()
        .filter(alert::row::Column::TicketId.eq(ticket))
        .order_by_asc(alert::row::Column::FiredAt)
        .order_by_asc(alert::row::Column::Id)
        .all(&db.reader())
        .await
        .unwrap()
}

/// The alerts of one clock of a ticket.
async fn alerts_of(db: &Db, clock: &Model) -> Vec<alert::row::Model> {
    let mut all = alerts(db, clock.ticket_id.unwrap()).await;
    all.retain(|alert| alert.deadline_id == Some(clock.id));
    all
}

async fn seen(db: &Db, house: &House, ticket: TicketId) -> TicketDocument {
    document(&db.reader(), &house.desk(), ticket).await.unwrap()
}
