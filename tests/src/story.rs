//! A story runs twice, on SQLite and on PostgreSQL, each time in a house of its own.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;

use crate::{
    command::Program,
    database::{Database, Engine},
    house::House,
    proof,
};

/// Makes two tests of one story, `name::sqlite` and `name::postgres`:
///
/// ```ignore
/// on_both! {
///     /// What the story tells.
///     async fn a_ticket_is_registered(house: &House) { ... }
/// }
/// ```
///
/// The server is open when the body begins. With `closed,` in front it is not, so that the body can set the house up
/// (`house.set("NARYAD_...", "...")`) and call `house.open().await` itself.
///
/// After the body the server must stop cleanly on SIGTERM, both `verify` commands must find nothing, and the log must
/// hold no error that the story did not tolerate; only then are the story's proofs written.
#[macro_export]
macro_rules! on_both {
    ($(#[$note:meta])* async fn $name:ident($house:ident: &$kind:ty) $body:block) => {
        $crate::on_both!(@story Open [$(#[$note])*] $name $house $kind, $body);
    };
    (closed, $(#[$note:meta])* async fn $name:ident($house:ident: &$kind:ty) $body:block) => {
        $crate::on_both!(@story Closed [$(#[$note])*] $name $house $kind, $body);
    };
    (@story $door:ident [$(#[$note:meta])*] $name:ident $house:ident $kind:ty, $body:block) => {
        $(#[$note])*
        #[cfg(test)]
        async fn $name($house: &$kind) $body

        #[cfg(test)]
        mod $name {
            #[test]
            fn sqlite() {
                $crate::story::run($crate::Engine::Sqlite, $crate::story::Door::$door, super::$name);
            }

            #[test]
            fn postgres() {
                $crate::story::run($crate::Engine::Postgres, $crate::story::Door::$door, super::$name);
            }
        }
    };
}

/// Whether the server is open when the body begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// It is.
    Open,
    /// The body opens it.
    Closed,
}

/// Runs one story on one database; see [`on_both!`](crate::on_both).
pub fn run(engine: Engine, door: Door, body: impl AsyncFnOnce(&House)) {
    run_with(Program::find(), engine, door, body);
}

/// The same with a program of the caller's choice.
pub(crate) fn run_with(program: Program, engine: Engine, door: Door, body: impl AsyncFnOnce(&House)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    proof::hold();
    let outcome = runtime.block_on(Box::pin(async {
        let database = Database::create(engine, &program).await;
        let house = House::new(program, database);
        let told = Box::pin(AssertUnwindSafe(async {
            if door == Door::Open {
                house.open().await;
            }
            body(&house).await;
            house.finish().await;
        }));
        let outcome = told.catch_unwind().await;
        if outcome.is_err() {
            house.show_failure().await;
        }
        house.tear_down().await;
        outcome
    }));
    match outcome {
        Ok(()) => proof::release(engine),
        Err(failure) => resume_unwind(failure),
    }
}
