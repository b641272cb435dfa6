//! `naryad serve` and `naryad worker`.

use std::time::Duration;

use naryad_domain::photo::Transfers;
use naryad_domain::{Error, Result, db::Location, incarnation};
use naryad_worker::Pace;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{Outcome, say};
use crate::{
    config::Config,
    lock::Lock,
    metrics, notify, server,
    state::{self, App, Opened},
};

/// Counters of people who have not asked for a while are dropped this often.
const FORGET_EVERY: Duration = Duration::from_secs(60);

pub(super) async fn serve(config: Config) -> Result<Outcome> {
    state::make_data_directory(&config)?;
    let _lock = match config.location()? {
        Location::Sqlite(path) => Some(Lock::take(&path)?),
        Location::Postgres(_) => None,
    };
    metrics::recorder();
    let opened = state::open(&config).await?;
    state::migrate(&opened.db).await?;
    let app = App::assemble(config, opened.db.clone()).await?;
    incarnation::check_at_start(&app.db, &*app.blobs).await?;
    let mut stopping = Signals::listen()?;
    let mut listening = server::listen(&app)?;
    let companions = accompany(opened, app.stop.clone());
    let worker = app.config.worker.then(|| work_beside(&app));
    let forgetting = tokio::spawn(forget(app.clone()));
    let reads = app.clone();
    let keeping = tokio::spawn(async move { reads.go_on_keeping_reads().await });
    say(&format!("Naryad is ready: http://{}/docs\n", listening.address))?;

    let failed = tokio::select! {
        () = stopping.arrived() => false,
        () = listening.ended() => true,
    };
    tracing::info!("shutting down");
    app.stop.cancel();
    listening.drain(&app).await;
    for task in [Some(forgetting), Some(keeping), worker, Some(companions)].into_iter().flatten() {
        let _ = task.await;
    }
    // What the last answers showed.
    app.keep_reads().await;
    app.db.close().await;
    listening.stop().await;
    if failed { Err(Error::internal("the server ended by itself")) } else { Ok(Outcome::Well) }
}

pub(super) async fn work(config: Config) -> Result<Outcome> {
    let opened = state::open(&config).await?;
    state::migrate(&opened.db).await?;
    let app = App::assemble(config, opened.db.clone()).await?;
    incarnation::check_at_start(&app.db, &*app.blobs).await?;
    let mut stopping = Signals::listen()?;
    let companions = accompany(opened, app.stop.clone());
    let worker = work_beside(&app);
    tracing::info!("working");
    stopping.arrived().await;
    tracing::info!("shutting down");
    app.stop.cancel();
    for task in [worker, companions] {
        let _ = task.await;
    }
    app.db.close().await;
    Ok(Outcome::Well)
}

/// What runs beside every node: the clock follows the database, pokes go to the other nodes and come from them.
fn accompany(opened: Opened, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::join!(opened.keep_following(&stop), notify::run(&opened.db, &stop));
    })
}

pub(super) fn work_beside(app: &App) -> JoinHandle<()> {
    let (db, stop) = (app.db.clone(), app.stop.clone());
    let pace = Pace { at_once: app.config.jobs_at_once, ..Pace::default() };
    let registry = naryad_worker::registry()
        .with_push(app.push.clone())
        .with_channels(app.channels())
        .with_surveys(app.survey_links())
        .with_uploads(Transfers::new(db.clone(), app.blobs.clone()));
    tokio::spawn(async move { naryad_worker::run(&db, registry, pace, &stop).await })
}

async fn forget(app: App) {
    while app.stop.run_until_cancelled(tokio::time::sleep(FORGET_EVERY)).await.is_some() {
        app.limits.forget();
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let of = |kind| signal(kind).map_err(Error::internal);
        Ok(Self { term: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    async fn arrived(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
