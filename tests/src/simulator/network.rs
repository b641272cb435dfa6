//! The network between a phone and the nodes: it drops, repeats, reorders, delays and cuts, as its seed says.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use naryad_sync::client::{Http, Request, Response, Transport, TransportError};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::watch;

/// Requests that may be on their way for long, to arrive after younger ones.
const LATE: usize = 4;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// There is none.
    Off,
    /// It does what it should.
    Clear,
    /// It drops, repeats, reorders, delays and cuts.
    Foul,
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    /// It never reaches the server.
    Dropped,
    /// The server does it; the answer is lost.
    AnswerLost,
    /// The server does it; the answer ends in its middle.
    AnswerTorn,
    /// It arrives twice at once, at two nodes where there are two.
    Twice,
    /// It arrives after requests that were sent later, when nobody waits for its answer any more.
    Late,
}

fn fate(roll: u32) -> Fate {
    match roll {
        0..8 => Fate::Dropped,
        8..18 => Fate::AnswerLost,
        18..26 => Fate::AnswerTorn,
        26..36 => Fate::Twice,
        36..42 => Fate::Late,
        _ => Fate::Arrives,
    }
}

/// One way to the servers, seeded. Requests that are under way are counted, so that a server can be killed among them.
#[derive(Debug)]
pub struct Network {
    roads: Vec<(Http, Arc<RwLock<String>>)>,
    weather: Mutex<Weather>,
    dice: Mutex<StdRng>,
    late: Mutex<Vec<Request>>,
    sent: watch::Sender<u64>,
    broken: AtomicU64,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lost(why: &str) -> TransportError {
    TransportError(why.to_owned())
}

impl Network {
    /// A network to nodes whose addresses follow their restarts; every request is counted in `sent`.
    pub fn new(nodes: &[Arc<RwLock<String>>], seed: u64, sent: watch::Sender<u64>) -> Self {
        let road = |address: &Arc<RwLock<String>>| {
            (Http::new("http://127.0.0.1").expect("an HTTP client"), Arc::clone(address))
        };
        Self {
            roads: nodes.iter().map(road).collect(),
            weather: Mutex::new(Weather::Clear),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            late: Mutex::default(),
            sent,
            broken: AtomicU64::default(),
        }
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        *open(&self.weather) = weather;
    }

    /// Requests that did not go their way.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    fn roll(&self, sides: u32) -> u32 {
        open(&self.dice).random_range(0..sides)
    }

    async fn travel(&self, road: usize, request: Request) -> Result<Response, TransportError> {
        let (http, address) = &self.roads[road % self.roads.len()];
        http.set_base(&address.read().unwrap_or_else(PoisonError::into_inner).clone());
        self.sent.send_modify(|count| *count += 1);
        http.send(request).await
    }

    /// One that was delayed arrives now; nobody hears its answer.
    async fn arrive_late(&self) {
        let late = {
            let mut late = open(&self.late);
            (!late.is_empty()).then(|| late.remove(0))
        };
        if let Some(late) = late {
            let road = self.roll(2) as usize;
            let _ = self.travel(road, late).await;
        }
    }

    async fn suffer(&self, fate: Fate, request: Request) -> Result<Response, TransportError> {
        let road = self.roll(2) as usize;
        match fate {
            Fate::Arrives => self.travel(road, request).await,
            Fate::Dropped => Err(lost("dropped")),
            Fate::AnswerLost => {
                let _ = self.travel(road, request).await;
                Err(lost("the answer was lost"))
            }
            Fate::AnswerTorn => {
                let mut answer = self.travel(road, request).await?;
                let length = u32::try_from(answer.body.len()).unwrap_or(u32::MAX);
                if length == 0 {
                    return Err(lost("cut"));
                }
                // A proxy passes on what it has: the status says that all is well.
                answer.body.truncate(self.roll(length) as usize);
                Ok(answer)
            }
            Fate::Twice => {
                let (one, two) =
                    tokio::join!(self.travel(road, request.clone()), self.travel(road + 1, request));
                if self.roll(2) == 0 { one } else { two }
            }
            Fate::Late => {
                let mut late = open(&self.late);
                if late.len() < LATE {
                    late.push(request);
                }
                Err(lost("under way"))
            }
        }
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let weather = *open(&self.weather);
        match weather {
            Weather::Off => Err(lost("no network")),
            Weather::Clear => {
                let road = self.roll(2) as usize;
                self.travel(road, request).await
            }
            Weather::Foul => {
                if self.roll(2) == 0 {
                    self.arrive_late().await;
                }
                let fate = fate(self.roll(100));
                if fate != Fate::Arrives {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                }
                self.suffer(fate, request).await
            }
        }
    }
}
