//! How far the making of the demo is: a bar where a person looks on, nothing where nobody does.

use indicatif::{ProgressBar, ProgressStyle};
use naryad_domain::{Error, Result};

/// A bar on the standard error, hidden where that is no terminal.
#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar of unknown length.
    ///
    /// # Errors
    /// The template of the bar is wrong.
    pub(super) fn new() -> Result<Self> {
        let style = ProgressStyle::with_template("{msg:<28} {bar:40} {pos}/{len}, {eta} left");
        let bar = ProgressBar::new(0).with_style(style.map_err(Error::internal)?);
        Ok(Self(bar))
    }

    /// A new stretch of so many steps.
    pub(super) fn stretch(&self, what: &'static str, steps: usize) {
        self.0.reset();
        self.0.set_message(what);
        self.0.set_length(steps as u64);
    }

    /// One step is done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    /// All is done; the bar goes.
    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }
}
