//! The guard before a service outside: a circuit breaker and a rate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use naryad_domain::{Clock, channel::SendError};

use super::{
    breaker::{Breaker, Change, End, Ticket},
    rate::{Rate, Running, Stopwatch},
};
use crate::metrics;

/// Stands before one service. A service that does not answer several times one after another is left alone, longer each
/// time; meanwhile everybody is told at once to come later. No more calls are let through than the service likes.
///
/// How long a service is left alone goes by the clock of the house, as do those who are told to come later; the rate is
/// measured by a stopwatch.
#[derive(Debug)]
pub(crate) struct Guard {
    provider: &'static str,
    clock: Arc<dyn Clock>,
    breaker: Mutex<Breaker>,
    rate: Rate,
}

/// A call that was let through. Dropped before its end, it tells the breaker that nothing was learnt.
struct Call<'a> {
    guard: &'a Guard,
    ticket: Ticket,
    end: End,
}

impl Guard {
    /// A guard before `provider`, which is asked `per_second` times at most; 0 counts as 1.
    pub(crate) fn new(provider: &'static str, per_second: u32, clock: Arc<dyn Clock>) -> Self {
        Self::with(provider, per_second, clock, Box::new(Running::start()))
    }

    pub(super) fn with(
        provider: &'static str,
        per_second: u32,
        clock: Arc<dyn Clock>,
        stopwatch: Box<dyn Stopwatch>,
    ) -> Self {
        metrics::provider_held(provider, false);
        Self { provider, clock, breaker: Mutex::default(), rate: Rate::new(per_second, stopwatch) }
    }

    /// Lets `asking` through when its turn has come; until then nothing of it has begun. It may be dropped at any time.
    ///
    /// # Errors
    /// `Busy`: the service is left alone, or too many want to ask it. Otherwise what `asking` says.
    pub(crate) async fn call<T>(
        &self,
        asking: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        let mut call = match self.enter().await {
            Ok(call) => call,
            Err(held) => {
                metrics::provider_called(self.provider, "held");
                return Err(held);
            }
        };
        let outcome = asking.await;
        call.end = match &outcome {
            Err(SendError::Down(_)) => End::Failed,
            // A refusal is an answer.
            Ok(_) | Err(SendError::Dead | SendError::Busy { .. } | SendError::Refused(_)) => End::Answered,
        };
        metrics::provider_called(self.provider, outcome.as_ref().map_or_else(SendError::name, |_| "taken"));
        outcome
    }

    async fn enter(&self) -> Result<Call<'_>, SendError> {
        let busy = |left| SendError::Busy { retry_after: Some(left) };
        // Whoever is held back anyway takes nobody's turn.
        let held = self.breaker().held(self.clock.now());
        if let Some(left) = held {
            return Err(busy(left));
        }
        self.rate.turn().await?;
        let ticket = self.breaker().enter(self.clock.now()).map_err(busy)?;
        Ok(Call { guard: self, ticket, end: End::Abandoned })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let Guard { provider, clock, .. } = self.guard;
        let change = self.guard.breaker().end(&self.ticket, self.end, clock.now());
        match change {
            Some(Change::Opened(pause)) => {
                metrics::provider_held(provider, true);
                let seconds = pause.num_seconds();
                tracing::warn!(provider, seconds, "the provider does not answer; it is left alone");
            }
            Some(Change::Closed) => {
                metrics::provider_held(provider, false);
                tracing::info!(provider, "the provider answers again");
            }
            None => {}
        }
    }
}
