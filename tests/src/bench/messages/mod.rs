//! Messages to people: the pace of pushes, and what is urgent beside a notice to many. The stand-in of FCM runs in this
//! process, with its checks; whoever sends pays for it.

mod notice;
mod pushes;

use std::time::Duration;

use chrono::TimeDelta;
use naryad_domain::{Clock, clock::SystemClock};
use naryad_tests::{Engine, HandClock, fcm::Fcm};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    server::{Server, Site},
    table::Table,
};

/// How often it is looked what has arrived. The stand-in itself notes the times.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Whatever nothing arrives for so long has stopped.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn measure(engine: Engine, table: &mut Table) {
    pushes::measure(engine, table).await;
    notice::measure(engine, table).await;
}

/// FCM, as a part of the bench sees it.
struct Provider {
    fcm: Fcm,
    clock: HandClock,
}

impl Provider {
    async fn open(site: &Site) -> Self {
        let clock = HandClock::new(site.data());
        Self { fcm: Fcm::start(&clock).await, clock }
    }

    /// Starts the service, which pushes through it as fast as it can: what FCM lets a project send is no part of the
    /// comparison.
    async fn serve(&self, site: &Site) -> Server {
        // The clock stands a minute ahead of this machine's: what is signed now is not signed in its future.
        self.clock.set(SystemClock::default().now() + TimeDelta::minutes(1));
        let account = self.fcm.account_file().to_string_lossy().into_owned();
        let more = [
            ("NARYAD_FCM_SERVICE_ACCOUNT_FILE", account.as_str()),
            ("NARYAD_FCM_ENDPOINT", self.fcm.url()),
            ("NARYAD_FCM_PER_SECOND", "1000000"),
        ];
        site.serve(&more).await
    }
}

/// A notice to all who live in the houses, as it is sent to the API.
fn notice_to(houses: &[Uuid]) -> Value {
    json!({
        "building_ids": houses,
        "title": "Отключение горячей воды",
        "text": "В четверг с 9 до 18 часов горячей воды не будет: плановая промывка сетей. Приносим извинения.",
    })
}
