//! `naryad demo`: an organization with a day behind it.

use naryad_domain::{Result, db::Location};

use super::{Outcome, say, serve};
use crate::{
    config::Config,
    demo::{self, Made, Script},
    lock::Lock,
    problem, state,
};

/// Makes the demo where there is no organization yet; with `serving` it goes on serving, by the real clock.
pub(super) async fn demo(config: Config, script: Script<'_>, serving: bool) -> Result<Outcome> {
    state::make_data_directory(&config)?;
    let lock = match config.location()? {
        Location::Sqlite(path) => Some(Lock::take(&path)?),
        Location::Postgres(_) => None,
    };
    match Box::pin(demo::make(&config, script, serve::work_beside)).await {
        Ok(Made::Played(told)) => say(&told)?,
        Ok(Made::Already) => say("An organization lives here already: no demo is made.\n")?,
        Err(failure) => {
            let causes = problem::causes(&failure);
            let separator = if causes.is_empty() { "" } else { ": " };
            eprintln!("naryad demo: {}{separator}{causes}", failure.message());
            return Ok(Outcome::Found);
        }
    }
    drop(lock);
    if serving { Box::pin(serve::serve(config)).await } else { Ok(Outcome::Well) }
}
