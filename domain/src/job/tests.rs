//! The queue as people see it, on both databases.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use super::{list::listed, *};
use crate::{
    Code, Error, Scope,
    auth::Role,
    db::Db,
    id::UserId,
    page::PageRequest,
    testing::{self, TestDb, assert_sound, databases, house, noon},
    write::Act,
};

struct Enqueue(&'static str, Option<&'static str>);

impl Act for Enqueue {
    const NAME: &'static str = "test.enqueue";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let payload = json!({ "ticket": uuid::Uuid::nil(), "to": "+79123456789" });
        let dedup_key = self.1.map(str::to_owned);
        let (organization, run_at) = (tx.scope().organization(), tx.now());
        tx.enqueue(NewJob { organization, kind: self.0, payload, run_at, dedup_key });
        Ok(())
    }
}

fn manager(db: &Db, organization: OrganizationId) -> Scope {
    Scope::staff(organization, UserId::new(&**db.clock()), Role::Manager)
}

/// Enqueues a job and lays it among the dead.
async fn dead_letter(db: &Db, organization: OrganizationId, key: Option<&'static str>) -> JobId {
    db.write(Scope::system(organization), Enqueue("poison", key)).await.unwrap();
    let claimed = claim(db, organization, TimeDelta::seconds(60)).await.unwrap().unwrap();
    assert_eq!(fail(db, claimed.lease, 10, 10, "no way to +79123456789").await.unwrap(), Failure::Dead);
    claimed.lease.job
}

async fn all(db: &Db, scope: &Scope, filter: JobFilter) -> Vec<JobId> {
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = PageRequest::new(after, Some(2)).unwrap();
        let page = list(&db.reader(), scope, &filter, &page).await.unwrap();
        found.extend(page.items.iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn code<T>(refused: Result<T>) -> Code {
    refused.err().as_ref().map(Error::code).unwrap()
}

fn discard_for(job: JobId, reason: &str) -> Discard {
    Discard { job, args: serde_json::from_value(json!({ "reason": reason })).unwrap() }
}

#[tokio::test]
async fn a_dead_letter_is_read_discarded_once_and_never_run_again() {
    for test in databases().await {
        let db = &test.db;
        let organization = house(db).await.organization;
        let scope = manager(db, organization);
        let job = dead_letter(db, organization, None).await;
        let read = find(&db.reader(), &scope, job).await.unwrap();
        assert_eq!(read.payload, json!({ "ticket": uuid::Uuid::nil(), "to": HIDDEN }));
        assert_eq!((read.state, read.attempts), (JobState::Dead, 1));
        assert_eq!(read.last_error.as_deref(), Some("no way to hidden"));

        let first = db.write(scope, discard_for(job, "Вид работ упразднён.")).await.unwrap();
        test.clock.advance(TimeDelta::minutes(1));
        let again = db.write(manager(db, organization), discard_for(job, "Ещё раз.")).await.unwrap();
        assert_eq!(first, again, "a second time changes nothing");
        assert_eq!((again.state, again.discarded_at), (JobState::Discarded, Some(noon())));
        let told: Vec<_> = again.decisions.iter().map(|one| (one.decision, one.reason.as_deref())).collect();
        assert_eq!(told, [(decision::JobVerdict::Discard, Some("Вид работ упразднён."))]);
        assert_eq!(again.decisions[0].decided_by, scope.actor_id());

        assert_eq!(code(db.write(scope, Rerun { job }).await), Code::JobNotDead);
        assert!(dead(&db.reader(), &scope).await.unwrap().is_empty());
        assert!(claim(db, organization, TimeDelta::seconds(60)).await.unwrap().is_none());
        test.clock.set(noon() + DISCARDED_KEPT);
        assert_eq!(sweep(db).await.unwrap().jobs, 0, "kept to the last moment");
        test.clock.advance(TimeDelta::microseconds(1));
        assert_eq!(sweep(db).await.unwrap().jobs, 1);
        assert_eq!(code(find(&db.reader(), &scope, job).await), Code::NotFound);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn only_dead_letters_are_decided_about_and_only_by_their_own() {
    for test in databases().await {
        let db = &test.db;
        let (ours, theirs) = (house(db).await.organization, house(db).await.organization);
        let scope = manager(db, ours);
        let job = dead_letter(db, ours, Some("key")).await;
        // The same work was asked for again meanwhile.
        db.write(scope, Enqueue("poison", Some("key"))).await.unwrap();
        let refused = db.write(scope, Rerun { job }).await.unwrap_err();
        assert_eq!(refused.code(), Code::JobWaits);
        let waiting = all(db, &scope, JobFilter { state: Some(JobState::Queued), kind: None }).await;
        assert_eq!(refused.details()["job"], json!(waiting[0]));
        assert_eq!(code(db.write(scope, discard_for(waiting[0], "—")).await), Code::JobNotDead);
        assert_eq!(code(db.write(scope, Rerun { job: waiting[0] }).await), Code::JobNotDead);

        let taken = claim(db, ours, TimeDelta::seconds(60)).await.unwrap().unwrap();
        db.write(scope, Completing { act: Nothing, lease: taken.lease }).await.unwrap();
        db.write(scope, Rerun { job }).await.unwrap();
        let read = find(&db.reader(), &scope, job).await.unwrap();
        assert_eq!((read.state, read.attempts), (JobState::Queued, 0));
        assert_eq!(
            read.decisions.iter().map(|one| one.decision).collect::<Vec<_>>(),
            [decision::JobVerdict::Rerun]
        );

        let other = dead_letter(db, ours, None).await;
        for stranger in [manager(db, theirs), Scope::system(theirs)] {
            assert_eq!(code(find(&db.reader(), &stranger, other).await), Code::NotFound);
            assert_eq!(code(db.write(stranger, discard_for(other, "—")).await), Code::NotFound);
            assert_eq!(code(db.write(stranger, Rerun { job: other }).await), Code::NotFound);
            assert_eq!(all(db, &stranger, JobFilter::default()).await, []);
        }
        let dispatcher = Scope::staff(ours, UserId::new(&**db.clock()), Role::Dispatcher);
        assert_eq!(code(find(&db.reader(), &dispatcher, other).await), Code::Forbidden);
        assert_eq!(code(db.write(dispatcher, discard_for(other, "—")).await), Code::Forbidden);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn pages_hold_what_is_asked_for_newest_first() {
    for test in databases().await {
        let db = &test.db;
        let organization = house(db).await.organization;
        let scope = manager(db, organization);
        let mut dead = Vec::new();
        for n in 0..7 {
            test.clock.advance(TimeDelta::seconds(1));
            if n % 2 == 0 {
                dead.insert(0, dead_letter(db, organization, None).await);
            } else {
                db.write(Scope::system(organization), Enqueue("other", None)).await.unwrap();
                let claimed = claim(db, organization, TimeDelta::seconds(60)).await.unwrap().unwrap();
                db.write(scope, Completing { act: Nothing, lease: claimed.lease }).await.unwrap();
            }
        }
        assert_eq!(all(db, &scope, JobFilter::default()).await.len(), 7);
        let only = |state, kind: Option<&str>| JobFilter { state, kind: kind.map(str::to_owned) };
        assert_eq!(all(db, &scope, only(Some(JobState::Dead), None)).await, dead);
        assert_eq!(all(db, &scope, only(None, Some("poison"))).await, dead);
        assert_eq!(all(db, &scope, only(Some(JobState::Done), Some("poison"))).await, []);
        assert_eq!(all(db, &scope, only(Some(JobState::Done), None)).await.len(), 3);
        db.write(scope, Discard { job: dead[1], args: DiscardJob::default() }).await.unwrap();
        assert_eq!(all(db, &scope, only(Some(JobState::Discarded), None)).await, [dead[1]]);
        assert_eq!(all(db, &scope, only(Some(JobState::Dead), None)).await, [dead[0], dead[2], dead[3]]);
    }
}

/// A list is read along an index whatever it asks for.
#[tokio::test]
async fn a_page_costs_a_page() {
    for test in databases().await {
        let organization = house(&test.db).await.organization;
        fill(&test, organization).await;
        let after = JobId::new(&**test.db.clock());
        let explained = async |state: Option<JobState>| {
            let filter = JobFilter { state, kind: None };
            let (sql, values) = listed(organization, &filter, Some(after), 51);
            testing::plan(&test, Statement::from_sql_and_values(test.db.backend(), sql, values)).await
        };
        for state in [None, Some(JobState::Done)] {
            let plan = explained(state).await;
            assert!(plan.contains("job_list"), "{state:?}: {plan}");
        }
        let plan = explained(Some(JobState::Dead)).await;
        assert!(plan.contains("job_dead"), "{plan}");
    }
}

async fn fill(test: &TestDb, organization: OrganizationId) {
    let raw = testing::raw(test).await;
    let id = match test.db.backend() {
        sea_orm::DbBackend::Postgres => "gen_random_uuid()",
        _ => "randomblob(16)",
    };
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO job (id, organization_id, kind, payload, run_at, state, attempts, created_at, finished_at)
         SELECT {id}, $1, 'count', '{{}}', $2, CASE WHEN i % 1000 = 0 THEN 'dead' ELSE 'done' END, 1, $2, $2 FROM n"
    );
    let values = [organization.0.into(), noon().into()];
    raw.execute_raw(Statement::from_sql_and_values(test.db.backend(), sql, values)).await.unwrap();
    raw.execute_unprepared("ANALYZE").await.unwrap();
}

#[tokio::test]
async fn a_job_that_takes_its_workers_with_it_rests_and_ends_among_the_dead() {
    for test in databases().await {
        let db = &test.db;
        let organization = house(db).await.organization;
        let scope = manager(db, organization);
        db.write(scope, Enqueue("poison", None)).await.unwrap();
        let lease = TimeDelta::seconds(60);
        for attempt in 1..=ATTEMPTS {
            let claimed = claim(db, organization, lease).await.unwrap().unwrap();
            assert_eq!(claimed.attempt, attempt);
            test.clock.advance(lease + TimeDelta::microseconds(1));
            assert_eq!(return_expired(db).await.unwrap(), 1);
            assert_eq!(return_expired(db).await.unwrap(), 0);
            if attempt == 1 {
                continue;
            }
            // Another job of its kind comes to its turn meanwhile.
            db.write(scope, Enqueue("poison", None)).await.unwrap();
            let other = claim(db, organization, lease).await.unwrap().unwrap();
            assert_ne!(other.lease.job, claimed.lease.job);
            db.write(scope, Completing { act: Nothing, lease: other.lease }).await.unwrap();
            test.clock.advance(TimeDelta::hours(2));
        }
        assert!(claim(db, organization, lease).await.unwrap().is_none());
        let dead = dead(&db.reader(), &scope).await.unwrap();
        assert_eq!((dead.len(), dead[0].attempts), (1, ATTEMPTS));
        assert!(dead[0].last_error.as_ref().unwrap().contains("not heard of"));
    }
}
