//! The dispatchers' stream: it says that something changed, never what.

use std::time::Duration;

use actix_web::{HttpResponse, get, http::header};
use bytes::Bytes;
use futures_util::stream;
use naryad_domain::{Time, auth::Role, feed::Poke};
use serde::Serialize;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Interval, MissedTickBehavior, interval},
};
use utoipa::ToSchema;

use crate::{
    extract::Caller,
    problem::Answer,
    routes::Routes,
    state::{App, State},
};

/// A comment goes out at least this often, in ticks, so that nobody in between takes the stream for dead.
const KEEPALIVE_TICKS: u32 = 15;
const TICK: Duration = Duration::from_secs(1);

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(watch_events);
}

/// What a `poke` says.
#[derive(Debug, Serialize, ToSchema)]
pub struct PokeData {
    /// Kinds of things that changed: `ticket`, `my_calendar`... Empty: anything may have changed.
    entities: Vec<String>,
}

/// A stream of server-sent events: `poke` when something changed, `resync` when pokes were missed. They carry no data;
/// ask again for what is shown. The stream ends with the access token: open it again with a fresh one.
#[utoipa::path(
    tag = "events",
    responses((status = 200, description = "The stream; `poke` carries `PokeData`", body = String,
               content_type = "text/event-stream"))
)]
#[get("/v1/events")]
async fn watch_events(app: State, caller: Caller) -> Answer {
    caller.scope.require(&[Role::Dispatcher, Role::Manager, Role::Admin])?;
    let organization = caller.scope.organization();
    Ok(stream_of(&app, caller.until, move |poke| {
        (poke.organization == organization)
            .then(|| PokeData { entities: poke.entities.iter().cloned().collect() })
    }))
}

/// A stream of the pokes that `pick` picks, until `until`, the shutdown, or the client's leave.
pub(crate) fn stream_of<Data: Serialize>(
    app: &App,
    until: Time,
    pick: impl Fn(&Poke) -> Option<Data> + 'static,
) -> HttpResponse {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watcher = Watcher {
        app: app.clone(),
        until,
        pick,
        pokes: app.db.pokes().subscribe(),
        ticks,
        quiet: 0,
        opened: false,
    };
    let body = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, actix_web::Error>(event), watcher))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compressing would hold events back, and so would a proxy's buffer.
        .insert_header(header::ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body)
}

struct Watcher<Pick> {
    app: App,
    until: Time,
    pick: Pick,
    pokes: Receiver<Poke>,
    ticks: Interval,
    /// Ticks since something was sent.
    quiet: u32,
    opened: bool,
}

impl<Pick> Watcher<Pick> {
    async fn next<Data: Serialize>(&mut self) -> Option<Bytes>
    where
        Pick: Fn(&Poke) -> Option<Data>,
    {
        if !self.opened {
            // Says that the stream stands: from here on nothing is missed.
            self.opened = true;
            return Some(Bytes::from_static(b": open\n\n"));
        }
        loop {
            let event = tokio::select! {
                () = self.app.stop.cancelled() => return None,
                _ = self.ticks.tick() => self.tick()?,
                poke = self.pokes.recv() => match poke {
                    Ok(poke) => (self.pick)(&poke).and_then(|data| {
                        let data = serde_json::to_string(&data).ok()?;
                        Some(Bytes::from(format!("event: poke\ndata: {data}\n\n")))
                    }),
                    Err(RecvError::Lagged(_)) => Some(Bytes::from_static(b"event: resync\ndata: {}\n\n")),
                    Err(RecvError::Closed) => return None,
                },
            };
            if let Some(event) = event {
                self.quiet = 0;
                return Some(event);
            }
        }
    }

    /// `None` ends the stream.
    #[expect(clippy::option_option, reason = "an end, or an event, or neither")]
    fn tick(&mut self) -> Option<Option<Bytes>> {
        if self.app.clock().now() >= self.until {
            return None;
        }
        self.quiet += 1;
        Some((self.quiet >= KEEPALIVE_TICKS).then(|| Bytes::from_static(b": here\n\n")))
    }
}
