use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::{
    Role,
    proof::directory,
    stand_in::Scene,
    story::{Door, run_with},
};

/// Runs a story on the stand-in; the words of its failure, if it failed.
fn story(scene: &Scene, door: Door, body: impl AsyncFnOnce(&House)) -> Option<String> {
    let run = AssertUnwindSafe(|| run_with(scene.program().clone(), Engine::Sqlite, door, body));
    let failure = catch_unwind(run).err()?;
    let words = failure.downcast_ref::<String>().cloned();
    Some(
        words.or_else(|| failure.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default(),
    )
}

#[track_caller]
fn failed_with(outcome: Option<String>, words: &str) {
    let outcome = outcome.expect("the story fails");
    assert!(outcome.contains(words), "`{words}` is not in: {outcome}");
}

async fn shown(house: &House) -> String {
    let answer = house.client().request(reqwest::Method::GET, "/").outside_contract().send().await.ok(200);
    answer.text("/now").to_owned()
}

#[test]
fn a_house_opens_moves_its_clock_and_is_checked_at_the_end() {
    let scene = Scene::new();
    let outcome = story(&scene, Door::Open, async |house| {
        assert_eq!(shown(house).await, "2026-03-02T06:00:00.000000Z");
        house.clock().advance_minutes(31);
        assert_eq!(shown(house).await, "2026-03-02T06:31:00.000000Z");
        let company = house.company("УК Дом").await;
        let user = house.user(&company, Role::Dispatcher).await;
        assert_ne!(user.login, house.user(&company, Role::Dispatcher).await.login);
    });
    assert_eq!(outcome, None);
    assert_eq!((scene.count("journal verify"), scene.count("sync verify")), (1, 1));
}

#[test]
fn a_server_can_be_stopped_killed_and_started_again() {
    let scene = Scene::new();
    let outcome = story(&scene, Door::Open, async |house| {
        let client = house.client();
        let first = client.url();
        house.restart().await;
        house.kill9().await;
        assert!(!house.main().is_running().await);
        client.request(reqwest::Method::GET, "/").outside_contract().try_send().await.unwrap_err();
        house.set("STAND_IN_SAY", "снова здесь");
        house.open().await;
        assert_ne!(client.url(), first);
        client.request(reqwest::Method::GET, "/").outside_contract().send().await.has("/say", "снова здесь");
        assert!(house.sigterm().await.success());
        house.open().await;
        let second = house.serve_more(&["--no-worker"]).await;
        assert_ne!(second.url(), client.url());
    });
    assert_eq!(outcome, None);
    assert_eq!(scene.count("serve --listen"), 5);
}

#[test]
fn a_closed_house_is_set_up_first() {
    let scene = Scene::new();
    let outcome = story(&scene, Door::Closed, async |house| {
        house.set("STAND_IN_REFUSE", "no key");
        let failure = house.try_open().await.unwrap_err();
        assert!(!failure.status.success() && failure.log.contains("refused: no key"), "{failure:?}");
        house.set("STAND_IN_REFUSE", "");
        house.open().await;
    });
    assert_eq!(outcome, None);
}

#[test]
fn an_unclean_stop_fails_the_story() {
    failed_with(
        story(&Scene::new(), Door::Open, async |house| {
            house.set("STAND_IN_EXIT", "3");
            house.restart().await;
        }),
        "exit status: 3",
    );
}

#[test]
fn a_finding_of_a_verify_command_fails_the_story() {
    for command in ["JOURNAL", "SYNC"] {
        let outcome =
            story(&Scene::new(), Door::Open, async |house| house.set(&format!("STAND_IN_{command}"), "1"));
        failed_with(outcome, "verify` ended with exit status: 1");
    }
}

#[test]
fn an_error_in_the_log_fails_the_story_unless_it_belongs_to_it() {
    let loud = async |house: &House| {
        house.set("STAND_IN_ERROR", "the disk is full");
        house.open().await;
    };
    failed_with(story(&Scene::new(), Door::Closed, loud), "the disk is full");
    let outcome = story(&Scene::new(), Door::Closed, async |house| {
        house.tolerate_error("disk is full");
        loud(house).await;
    });
    assert_eq!(outcome, None);
}

#[test]
fn a_failing_body_fails_the_story_and_proves_nothing() {
    let mine = || {
        let files = std::fs::read_dir(directory()).into_iter().flatten().flatten();
        let mine = files.filter(|file| file.file_name().to_string_lossy().starts_with("X9-"));
        mine.map(|file| std::fs::remove_file(file.path()).unwrap()).count()
    };
    mine();
    failed_with(
        story(&Scene::new(), Door::Open, async |_| {
            crate::proves!(X9);
            panic!("the dispatcher went home");
        }),
        "the dispatcher went home",
    );
    failed_with(
        story(&Scene::new(), Door::Open, async |house| {
            crate::proves!(X9);
            house.set("STAND_IN_JOURNAL", "1");
        }),
        "journal verify",
    );
    assert_eq!(mine(), 0);
    assert_eq!(
        story(&Scene::new(), Door::Open, async |_| {
            crate::proves!(X9);
        }),
        None
    );
    assert_eq!(mine(), 1);
}

#[test]
fn error_lines_are_told_from_others() {
    assert!(is_error("2026-03-02T06:00:00Z ERROR naryad_api: boom"));
    assert!(is_error(r#"{"timestamp":"2026","level":"ERROR","fields":{}}"#));
    assert!(is_error("thread 'main' (7) panicked at api/src/main.rs:1:1:"));
    assert!(!is_error("2026-03-02T06:00:00Z  INFO naryad_api: the page ERROR was read"));
    assert!(!is_error("2026-03-02T06:00:00Z  WARN naryad_api: slow"));
}

#[tokio::test]
async fn the_outbox_is_watched() {
    let scene = Scene::new();
    let house = House::new(scene.program().clone(), Database::Sqlite);
    let outbox = house.data().join("outbox");
    std::fs::create_dir(&outbox).unwrap();
    let write = async {
        std::fs::write(outbox.join("1.json"), r#"{"to":"+7999","text":"Код 042917"}"#).unwrap();
    };
    let (code, ()) = tokio::join!(house.code_for("+7999"), write);
    assert_eq!(code, "042917");
}
