//! The house itself: it opens, closes and comes back.

use naryad_tests::{
    Engine, House,
    command::Program,
    database::{self, Database},
    on_both,
};
use reqwest::Method;
use sqlx::AssertSqlSafe;

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
        if let Database::Postgres { name, url } = house.database() {
            let plain = format!("{name}_c");
            let mut admin = database::connect(url).await;
            let create = format!("CREATE DATABASE {plain} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
            let (address, data) = (url.replace(name, &plain), house.data().to_string_lossy());
            let environment = [("NARYAD_DATABASE_URL", address.as_str()), ("NARYAD_DATA", &*data)];
            let program = Program::find();
            program.run(&["migrate"], &environment).await.expect_success();
            let report = program.run(&["doctor"], &environment).await.expect_success().stdout;
            assert!(report.contains("warning character type: LC_CTYPE C knows no Cyrillic letters"), "{report}");
            sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {plain}"))).execute(&mut admin).await.unwrap();
        }
    }
}
