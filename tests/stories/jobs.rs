//! Background jobs that fail for good, and what runs every so often.

use chrono::TimeDelta;
use naryad_tests::{
    Answer, Client, Engine, House, Role, database,
    estate::{Estate, Technician, fresh},
    house::eventually,
    on_both,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

/// A visit in so many minutes, and the job that looks whether it has ended in time.
async fn book(house: &House, estate: &Estate, technician: &Technician, after: i64) -> (Uuid, Uuid) {
    // Of two jobs of one moment either may be listed first.
    house.clock().advance(TimeDelta::seconds(1));
    let ticket = estate.register("SEW-SMELL", "Запах из канализации в подвале.").await.id("/id");
    let (start, end) = (house.clock().in_minutes(after), house.clock().in_minutes(after + 45));
    let body = json!({ "technicians": [technician.user.id], "start": start, "end": end });
    estate.dispatcher.post(&format!("/v1/tickets/{ticket}/plan"), body).await.ok(200);
    let jobs = estate.admin.get("/v1/jobs?kind=visit_overrun&limit=1").await.ok(200);
    (ticket, jobs.id("/items/0/id"))
}

/// Changes a row of the queue behind the service's back; its next failure is the last.
async fn change(house: &House, job: Uuid, kind: &str, payload: &Value) {
    let (kind, payload) = (kind.to_owned(), payload.to_string());
    let sql = |cast| format!("UPDATE job SET kind = $1, payload = $2{cast}, attempts = 9 WHERE id = $3");
    match house.database().url() {
        Some(url) => {
            let mut connection = database::connect(url).await;
            let change = sqlx::query(AssertSqlSafe(sql("::jsonb"))).bind(kind).bind(payload).bind(job);
            change.execute(&mut connection).await.unwrap();
        }
        None => {
            let path = format!("sqlite://{}", house.data().join("naryad.db").display());
            let mut connection = sqlx::SqliteConnection::connect(&path).await.unwrap();
            let change = sqlx::query(AssertSqlSafe(sql(""))).bind(kind).bind(payload).bind(job);
            change.execute(&mut connection).await.unwrap();
        }
    }
}

async fn rerun(client: &Client, path: &str) -> Answer {
    client.request(Method::POST, path).send().await
}

async fn listed(client: &Client, state: &str) -> Vec<Uuid> {
    let page = client.get(&format!("/v1/jobs?state={state}&limit=200")).await.ok(200);
    (0..page.list("/items").len()).map(|at| page.id(&format!("/items/{at}/id"))).collect()
}

async fn becomes(client: &Client, job: Uuid, state: &str) {
    eventually(&format!("the job {state}"), async || {
        (client.get(&format!("/v1/jobs/{job}")).await.ok(200).text("/state") == state).then_some(())
    })
    .await;
}

/// What a command printed, one document a line.
async fn lines(house: &House, arguments: &[&str]) -> Vec<Value> {
    let printed = house.naryad(arguments).await.expect_success().stdout;
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

on_both! {
    /// Of five jobs of one kind four are poison. The fifth does its work, and so do those of another company; the poison
    /// is read, run again and discarded, by the API and by the command line.
    async fn poison_is_laid_aside_and_decided_about(house: &House) {
        house.tolerate_error("the job is a dead letter");
        let estate = Estate::found(house, "УК Дом").await;
        let anna = estate.technician(house, "Сидорова Анна Павловна").await;
        let other = Estate::found_with(house, "УК Соседняя", "+79990000000").await;
        let boris = other.technician(house, "Волков Борис Ильич").await;
        let mut poison = Vec::new();
        for n in 0..4 {
            let job = book(house, &estate, &anna, 60 + 60 * n).await.1;
            let good = estate.admin.get(&format!("/v1/jobs/{job}")).await.ok(200);
            poison.push((job, good.json("/payload").clone()));
        }
        let (_, sound) = book(house, &estate, &anna, 300).await;
        let (_, theirs) = book(house, &other, &boris, 300).await;
        for (job, _) in &poison[..3] {
            change(house, *job, "visit_overrun", &json!({ "visit": "Ильин, +7 912 345-67-89" })).await;
        }
        change(house, poison[3].0, "unheard_of", &poison[3].1).await;
        house.clock().advance(TimeDelta::hours(8));
        for job in [sound, theirs] {
            becomes(if job == sound { &estate.admin } else { &other.admin }, job, "done").await;
        }
        for (job, _) in &poison {
            becomes(&estate.admin, *job, "dead").await;
        }
        let ids: Vec<Uuid> = poison.iter().map(|(job, _)| *job).rev().collect();
        assert_eq!(listed(&estate.admin, "dead").await, ids);
        let [a, b, c, d] = [poison[0].0, poison[1].0, poison[2].0, poison[3].0];

        let read = estate.admin.get(&format!("/v1/jobs/{a}")).await.ok(200);
        assert_eq!(read.json("/payload"), &json!({ "visit": "hidden" }));
        assert_eq!((read.number("/attempts"), read.list("/decisions").len()), (10, 0));
        assert!(!read.text("/last_error").contains("912"), "{read}");
        assert!(!house.log().contains("345-67-89"), "a number is in the log");
        let unknown = estate.admin.get(&format!("/v1/jobs/{d}")).await.ok(200);
        assert!(unknown.text("/last_error").contains("«unheard_of»"), "{unknown}");

        // Nobody else sees them, or decides.
        let manager = house.staff(&other.organization, Role::Manager).await;
        for (client, status, code) in [(&manager, 404, "not_found"), (&estate.dispatcher, 403, "forbidden")] {
            client.get(&format!("/v1/jobs/{a}")).await.problem(status, code);
            rerun(client, &format!("/v1/jobs/{a}/rerun")).await.problem(status, code);
            client.post(&format!("/v1/jobs/{a}/discard"), json!({})).await.problem(status, code);
        }
        assert_eq!(listed(&manager, "dead").await, [] as [Uuid; 0]);
        estate.dispatcher.get("/v1/jobs").await.problem(403, "forbidden");
        estate.admin.get(&format!("/v1/jobs/{}", fresh())).await.problem(404, "not_found");
        estate.admin.get("/v1/jobs?state=broken").await.problem(422, "invalid_field");

        // By the API: one is mended and run again, one is discarded.
        change(house, a, "visit_overrun", &poison[0].1).await;
        rerun(&estate.admin, &format!("/v1/jobs/{a}/rerun")).await.ok(204);
        becomes(&estate.admin, a, "done").await;
        rerun(&estate.admin, &format!("/v1/jobs/{a}/rerun")).await.problem(409, "job_not_dead").has("/state", "done");
        estate.admin.post(&format!("/v1/jobs/{a}/discard"), json!({})).await.problem(409, "job_not_dead");
        let why = json!({ "reason": "Заявка закрыта по телефону." });
        let first = estate.admin.post(&format!("/v1/jobs/{b}/discard"), why).await.ok(200).has("/state", "discarded");
        let again = estate.admin.post(&format!("/v1/jobs/{b}/discard"), json!({})).await.ok(200);
        assert_eq!(first.json(""), again.json(""));
        assert_eq!(again.text("/decisions/0/reason"), "Заявка закрыта по телефону.");

        // By the command line.
        let dead = lines(house, &["jobs", "list", "--state", "dead"]).await;
        assert_eq!(dead.iter().map(|job| job["id"].clone()).collect::<Vec<_>>(), [json!(d), json!(c)]);
        assert_eq!(dead[0]["organization_id"], json!(estate.organization.id));
        let org = other.organization.id.to_string();
        assert_eq!(lines(house, &["jobs", "list", "--state", "dead", "--org", &org]).await, [] as [Value; 0]);
        let shown = lines(house, &["jobs", "show", &c.to_string()]).await;
        assert_eq!(&shown[0], estate.admin.get(&format!("/v1/jobs/{c}")).await.ok(200).json(""));
        change(house, c, "visit_overrun", &poison[2].1).await;
        lines(house, &["jobs", "rerun", &c.to_string()]).await;
        becomes(&estate.admin, c, "done").await;
        house.naryad(&["jobs", "rerun", &c.to_string()]).await.expect_failure();
        let gone = lines(house, &["jobs", "discard", &d.to_string(), "--reason", "Версия устарела."]).await;
        assert_eq!(gone[0]["decisions"][0]["reason"], "Версия устарела.");
        house.naryad(&["jobs", "show", &fresh().to_string()]).await.expect_failure();
        assert_eq!(listed(&estate.admin, "dead").await, [] as [Uuid; 0]);
        assert_eq!(listed(&estate.admin, "discarded").await, [d, b]);
        let doctor = house.naryad(&["doctor"]).await;
        assert!(doctor.stdout.contains("jobs: no dead letters"), "{}", doctor.stdout);
    }
}

/// Waits until a task has ended so many turns, and no more.
async fn ended(house: &House, name: &str, runs: i64) -> Value {
    eventually(&format!("the end of turn {runs} of {name}"), async || {
        let task = lines(house, &["jobs", "periodic"]).await.into_iter().find(|task| task["name"] == name)?;
        assert!(task["runs"].as_i64().unwrap() <= runs, "{task}");
        (task["runs"] == runs && task["owner"].is_null()).then_some(task)
    })
    .await
}

on_both! {
    /// Whatever the number of processes, what is to run every ten minutes runs once in ten minutes; also when one is
    /// killed and comes back.
    async fn what_runs_every_so_often_runs_once(house: &House) {
        if house.engine() == Engine::Postgres {
            house.serve_more(&[]).await;
            house.work_more().await;
        }
        for runs in 1..=4 {
            for name in ["done_jobs", "late_photos", "uploads"] {
                let task = ended(house, name, runs).await;
                assert_eq!((&task["last_error"], task["failures"].as_i64()), (&Value::Null, Some(0)), "{task}");
            }
            house.clock().advance(TimeDelta::minutes(10));
        }
        ended(house, "done_jobs", 5).await;
        house.kill9().await;
        house.open().await;
        house.clock().advance(TimeDelta::minutes(10));
        let task = ended(house, "done_jobs", 6).await;
        assert_eq!(ended(house, "orphans", 1).await["every_s"], 86_400);
        let doctor = house.naryad(&["doctor"]).await;
        assert!(doctor.stdout.contains("none fails"), "{}", doctor.stdout);
        assert!(task["worker"].as_str().unwrap().contains(':'), "{task}");
    }
}
