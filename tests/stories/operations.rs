//! The house itself: it opens, closes and comes back.

use naryad_tests::{Engine, House, on_both};
use reqwest::Method;

on_both! {
    /// The server answers, and is healthy again after a clean stop and after a kill.
    async fn the_service_opens_and_comes_back(house: &House) {
        let healthy = async || {
            house.client().request(Method::GET, "/healthz").outside_contract().send().await.ok(200);
        };
        healthy().await;
        house.restart().await;
        healthy().await;
        house.kill9().await;
        house.open().await;
        healthy().await;
    }
}

on_both! {
    /// PostgreSQL takes a second node; a file has one server at a time.
    async fn a_second_node_needs_a_database_of_its_own_or_postgresql(house: &House) {
        match house.engine() {
            Engine::Postgres => {
                let second = house.serve_more(&["--no-worker"]).await;
                let client = house.client_of(&second);
                client.request(Method::GET, "/healthz").outside_contract().send().await.ok(200);
            }
            Engine::Sqlite => {
                let refused = house.try_serve_more(&[]).await.unwrap_err();
                assert!(!refused.status.success(), "{}", refused.log);
            }
        }
    }
}

on_both! {
    /// The doctor says whether PostgreSQL knows Cyrillic letters, which the search by words lives by.
    async fn the_doctor_looks_at_the_character_type(house: &House) {
        let report = house.naryad(&["doctor"]).await.expect_success().stdout;
        let well = report.lines().any(|line| line.starts_with("ok") && line.contains("knows Cyrillic letters"));
        assert_eq!(well, house.engine() == Engine::Postgres, "{report}");
    }
}
