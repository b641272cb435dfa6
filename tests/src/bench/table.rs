//! The table: medians, ratios, the aim.

use std::{collections::BTreeMap, fmt, time::Duration};

use naryad_tests::Engine;

use crate::side::{Pace, Shape, What};

/// A write over HTTP has at least this share of the pace of its bare statements.
const AIM: f64 = 0.5;

/// Hoped for, not judged: memory of an idle server, and the time to its ready line.
const HOPED_MEMORY: f64 = 40.0;
const HOPED_START: Duration = Duration::from_millis(300);

/// One start of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) time: Duration,
    pub(crate) memory: Option<u64>,
}

#[derive(Debug, Default)]
struct Row {
    ours: Vec<f64>,
    reference: Vec<f64>,
    ratios: Vec<f64>,
    /// Processor time of a write, of both sides.
    work: [Vec<f64>; 2],
    statements: usize,
}

/// Times of one thing beside times of another, taken in turn.
#[derive(Debug)]
pub(crate) struct Measure {
    engine: Engine,
    what: &'static str,
    against: &'static str,
    /// Ours takes at most so many times as long.
    aim: f64,
    ours: Vec<f64>,
    reference: Vec<f64>,
}

impl Measure {
    /// A measure that is kept when ours takes at most `aim` times as long as the reference.
    pub(crate) fn at_most(engine: Engine, what: &'static str, against: &'static str, aim: f64) -> Self {
        Self { engine, what, against, aim, ours: Vec::new(), reference: Vec::new() }
    }

    /// A measure that is only printed.
    pub(crate) fn printed(engine: Engine, what: &'static str, against: &'static str) -> Self {
        Self::at_most(engine, what, against, f64::INFINITY)
    }

    /// Notes one round.
    pub(crate) fn note(&mut self, ours: Duration, reference: Duration) {
        self.ours.push(ours.as_secs_f64());
        self.reference.push(reference.as_secs_f64());
    }

    /// Notes memory, in bytes; it stands in MiB where a time stands in milliseconds.
    pub(crate) fn note_memory(&mut self, ours: u64, reference: u64) {
        let shown = |bytes: u64| bytes as f64 / 1_048_576.0 / 1000.0;
        self.ours.push(shown(ours));
        self.reference.push(shown(reference));
    }

    fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.reference)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ratio, milliseconds) = (self.ratio(), |seconds: f64| seconds * 1000.0);
        let verdict = match (self.aim.is_finite(), ratio <= self.aim) {
            (false, _) => String::new(),
            (_, true) => format!("aim <= {} kept", self.aim),
            (_, false) => format!("aim <= {} MISSED", self.aim),
        };
        write!(
            f,
            "{:<9} {:<26} {:<22} {:>9.2} {:>9.2} {:>9.2} {ratio:>7.2}  {verdict}",
            format!("{:?}", self.engine),
            self.what,
            self.against,
            milliseconds(median(&self.ours)),
            milliseconds(high(&self.ours)),
            milliseconds(median(&self.reference)),
        )
    }
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Table {
    measures: Vec<Measure>,
    notes: Vec<String>,
    starts: BTreeMap<Engine, (Duration, Option<u64>)>,
    sync: Duration,
    rows: BTreeMap<(Engine, Shape), Row>,
}

impl Table {
    pub(crate) fn start(&mut self, engine: Engine, starts: &mut [Start]) {
        starts.sort_by_key(|start| start.time);
        let time = starts.get(starts.len() / 2).map(|start| start.time).unwrap_or_default();
        let mut memory: Vec<u64> = starts.iter().filter_map(|start| start.memory).collect();
        memory.sort_unstable();
        self.starts.insert(engine, (time, memory.get(memory.len() / 2).copied()));
    }

    /// Notes how long the disk takes to sync a page.
    pub(crate) fn disk(&mut self, sync: Duration) {
        self.sync = sync;
    }

    /// Notes one pass of both sides.
    pub(crate) fn measured(
        &mut self,
        engine: Engine,
        shape: Shape,
        ours: Pace,
        reference: Pace,
        statements: usize,
    ) {
        let row = self.rows.entry((engine, shape)).or_default();
        row.ours.push(ours.rate);
        row.reference.push(reference.rate);
        row.ratios.push(ours.rate / reference.rate);
        row.work[0].push(ours.work);
        row.work[1].push(reference.work);
        row.statements = statements;
    }

    /// Adds a finished measure.
    pub(crate) fn add(&mut self, measure: Measure) {
        eprintln!("{measure}");
        self.measures.push(measure);
    }

    /// Adds a line of figures that are compared with nothing.
    pub(crate) fn tell(&mut self, engine: Engine, figures: &str) {
        let line = format!("{:<9} {figures}", format!("{engine:?}"));
        eprintln!("{line}");
        self.notes.push(line);
    }

    /// Whether an aim was missed.
    pub(crate) fn missed(&self) -> bool {
        self.rows.values().any(|row| median(&row.ratios) < AIM)
            || self.measures.iter().any(|measure| measure.ratio() > measure.aim)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What ninety-nine of a hundred do not exceed.
pub(crate) fn high(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() * 99 / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.measures.is_empty() {
            writeln!(
                f,
                "{:<9} {:<26} {:<22} {:>9} {:>9} {:>9} {:>7}",
                "engine", "what", "against", "ours ms", "p99 ms", "ref. ms", "ratio"
            )?;
            self.measures.iter().try_for_each(|measure| writeln!(f, "{measure}"))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "{:<9} {:<9} {:>7} {:>5} {:>12} {:>12} {:>7} {:>15} {:>11}  aim >= {AIM}",
            "engine",
            "what",
            "clients",
            "stmts",
            "ours /s",
            "reference /s",
            "ratio",
            "(of the rounds)",
            "CPU ms each"
        )?;
        for ((engine, shape), row) in &self.rows {
            let what = match shape.what {
                What::Register => "register",
                What::Plan => "plan",
                What::HoldPlan => "hold+plan",
            };
            let ratio = median(&row.ratios);
            let least = row.ratios.iter().copied().fold(f64::INFINITY, f64::min);
            let most = row.ratios.iter().copied().fold(0.0, f64::max);
            let verdict = if ratio >= AIM { "kept" } else { "MISSED" };
            writeln!(
                f,
                "{:<9} {what:<9} {:>7} {:>5} {:>12.0} {:>12.0} {ratio:>7.2} {:>15} {:>11}  {verdict}",
                format!("{engine:?}"),
                shape.clients,
                row.statements,
                median(&row.ours),
                median(&row.reference),
                format!("{least:.2} .. {most:.2}"),
                format!("{:.1} : {:.1}", mean(&row.work[0]) * 1000.0, mean(&row.work[1]) * 1000.0),
            )?;
        }
        writeln!(f)?;
        for (engine, (time, memory)) in &self.starts {
            let memory = memory.map(|bytes| bytes as f64 / 1_048_576.0);
            writeln!(
                f,
                "{:<9} idle memory {} (hoped {HOPED_MEMORY:.0} MiB), start {:.2} s (hoped {:.1} s)",
                format!("{engine:?}"),
                memory.map_or("unknown".to_owned(), |mebibytes| format!("{mebibytes:.1} MiB")),
                time.as_secs_f64(),
                HOPED_START.as_secs_f64()
            )?;
        }
        writeln!(f, "one page written and synced to this disk: {:.2} ms", self.sync.as_secs_f64() * 1000.0)
    }
}
