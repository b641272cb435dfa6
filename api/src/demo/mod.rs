//! Two companies and a contractor with two months behind them, and one day of their life played over real HTTP: by
//! `naryad demo`, for whoever wants to see the service at work before he has data of his own.
//!
//! The people, houses, prices and the tickets of the past are made by the use cases that the API calls, under a clock that
//! is moved by hand and with the background jobs at their times, so that every journal verifies. Then the server is started in this process on a real socket, and a resident, dispatchers
//! and technicians sign in and work. Every answer is checked: one that was not expected ends the demo.

mod day;
mod names;
mod past;
mod person;
mod phone;
mod photos;
mod price_list;
mod progress;
mod reply;
mod size;
mod timeline;
mod upload;
mod world;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use naryad_domain::{Code, Error, Result, clock::ManualClock, db::Db, feed, journal, people::organization};
use sea_orm::EntityTrait;
use tokio::task::JoinHandle;

pub(crate) use self::size::Size;
use self::{day::Day, past::Past, person::Wire, photos::Photos, progress::Progress, world::World};
use crate::{
    config::Config,
    server,
    state::{self, App},
};

/// Another seed is another town.
const SEED: u64 = 20_260_226;
/// The company's own clock.
const ZONE: Tz = Tz::Europe__Moscow;

/// Starts the background jobs of a server.
pub(crate) type Work = fn(&App) -> JoinHandle<()>;

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script<'a> {
    /// How much is made.
    pub(crate) size: Size,
    /// Where the photos come from; without it they are drawn.
    pub(crate) photos: Option<&'a Path>,
    /// Whether a shift without a network is played too.
    pub(crate) offline: bool,
}

/// What a demo came to.
#[derive(Debug)]
pub(crate) enum Made {
    /// The database has an organization already: nothing was touched.
    Already,
    /// The day was played; this is how it went.
    Played(String),
}

/// Makes the organization and plays the day, unless there is an organization already.
///
/// # Errors
/// An earlier demo was interrupted; an answer was not expected; journal or feeds do not verify.
pub(crate) async fn make(config: &Config, script: Script<'_>, work: Work) -> Result<Made> {
    let opened = state::open(config).await?;
    state::migrate(&opened.db).await?;
    let unfinished = Unfinished::of(config);
    let inhabited = organization::Entity::find().one(&opened.db.reader()).await?.is_some();
    let now = opened.db.clock().now();
    opened.db.close().await;
    unfinished.refuse()?;
    if inhabited {
        return Ok(Made::Already);
    }
    let photos = Photos::open(script.photos, SEED)?;
    unfinished.begin()?;
    let told = play(config, script, photos, now, work).await?;
    unfinished.end()?;
    Ok(Made::Played(told))
}

/// A file that stands in the data directory while a demo is being made: half a day is no demo.
struct Unfinished(PathBuf);

impl Unfinished {
    fn of(config: &Config) -> Self {
        Self(config.data.join("demo.unfinished"))
    }

    fn refuse(&self) -> Result<()> {
        if !self.0.exists() {
            return Ok(());
        }
        let message = format!(
            "an earlier demo did not come to its end: take another data directory and database, or remove these \
             ({} marks them)",
            self.0.display()
        );
        Err(Error::new(Code::AlreadyExists, message))
    }

    fn begin(&self) -> Result<()> {
        std::fs::write(&self.0, "").map_err(Error::internal)
    }

    fn end(&self) -> Result<()> {
        std::fs::remove_file(&self.0).map_err(Error::internal)
    }
}

/// The last working day that is at least four days ago: three days later, when what nobody objected to is closed, is past.
fn day_before(now: DateTime<Utc>) -> NaiveDate {
    let mut date = now.with_timezone(&ZONE).date_naive() - Days::new(4);
    while matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
        date = date - Days::new(1);
    }
    date
}

async fn play(
    config: &Config,
    Script { size, offline, .. }: Script<'_>,
    mut photos: Photos,
    now: DateTime<Utc>,
    work: Work,
) -> Result<String> {
    let date = day_before(now);
    // The companies were founded some weeks before there were tickets.
    let clock = ManualClock::at(day::local(date, 10, 0)? - TimeDelta::days(past::DAYS + 40));
    let db = Db::open(&config.location()?, config.database_connections, Arc::new(clock.clone())).await?;
    let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config.clone() };
    let app = App::assemble(config, db.clone()).await?;
    let progress = Progress::new()?;
    progress.stretch("houses and people", size.writes());
    let world = Box::pin(world::make(&db, &clock, SEED, size, &progress)).await?;
    if size == Size::Full {
        let (blobs, until) = (Arc::clone(&app.blobs), day::local(date, 6, 0)?);
        let past = Past { db: &db, clock: &clock, blobs, world: &world, progress: &progress };
        Box::pin(past::live(past, &mut photos, SEED + 1, until)).await?;
    }
    progress.done();
    let listening = server::listen(&app)?;
    let worker = work(&app);
    let wire = Wire {
        http: reqwest::Client::builder().no_proxy().build().map_err(Error::internal)?,
        base: format!("http://{}", listening.address),
        clock,
        outbox: app.config.data.join("outbox"),
    };
    let lived = Box::pin(Day::live(&world, Arc::new(wire), photos, (date, now), offline)).await;
    app.stop.cancel();
    listening.drain(&app).await;
    let _ = worker.await;
    let told = match lived {
        Ok(told) => {
            verified(&db).await.map(|counts| format!("{told}\n{counts}{}", sign_in(&world, &app.config)))
        }
        Err(failure) => Err(failure),
    };
    db.close().await;
    listening.stop().await;
    told
}

/// Journal and feeds are computed again.
async fn verified(db: &Db) -> Result<String> {
    let (journal, feeds) = (journal::verify(db).await?, feed::verify(db).await?);
    journal.clean()?;
    feeds.clean()?;
    Ok(format!(
        "journal: {} chains, {} events, {} personal values, 0 findings\nsync: {} feeds, {} documents, 0 findings\n",
        journal.chains, journal.events, journal.values, feeds.feeds, feeds.documents
    ))
}

fn sign_in(world: &World, config: &Config) -> String {
    let logins: Vec<&str> = world.staff().map(|one| one.login).collect();
    let phone = world.company.residents.first().map_or("", |resident| resident.phone.as_str());
    format!(
        "\nStaff sign in with the password {}: {}\nResidents sign in by a code: ask for one for {phone} and read it in {}\n",
        world::PASSWORD,
        logins.join(", "),
        config.data.join("outbox").display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_a_working_day_and_three_days_later_is_past() {
        let day = |now: &str| day_before(now.parse().unwrap()).to_string();
        assert_eq!(day("2026-03-02T06:00:00Z"), "2026-02-26");
        // Four days before Thursday is Sunday: Friday it is.
        assert_eq!(day("2026-03-05T06:00:00Z"), "2026-02-27");
        // Half past midnight in Moscow.
        assert_eq!(day("2026-03-02T21:30:00Z"), "2026-02-27");
    }

    #[test]
    fn an_interrupted_demo_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { data: dir.path().to_owned(), ..Config::default() };
        let unfinished = Unfinished::of(&config);
        unfinished.refuse().unwrap();
        unfinished.begin().unwrap();
        assert!(unfinished.refuse().unwrap_err().message().contains("demo.unfinished"));
        unfinished.end().unwrap();
        unfinished.refuse().unwrap();
    }
}
