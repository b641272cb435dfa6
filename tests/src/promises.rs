//! The table of promises: what the passing tests proved, against what this version claims.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use serde::Deserialize;

use crate::{database::Engine, proof::Record};

/// What this version claims, `tests/promises.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Promises claimed whole.
    #[serde(default)]
    pub whole: BTreeSet<String>,
    /// Promises claimed in part.
    #[serde(default)]
    pub part: BTreeSet<String>,
}

/// How far a promise is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    NotYet,
    Part,
    Whole,
}

/// The table and what is wrong with it.
#[derive(Debug)]
pub struct Report {
    /// For people.
    pub text: String,
    /// Claims without proof, proofs of unknown promises; empty when all is well.
    pub findings: Vec<String>,
}

/// Reads the records of a run.
///
/// # Errors
/// A record cannot be read; a missing directory means that nothing was proven.
pub fn read_records(directory: &Path) -> std::io::Result<Vec<Record>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut records = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            records.push(serde_json::from_slice(&std::fs::read(&path)?)?);
        }
    }
    Ok(records)
}

/// Draws the table: one row a promise of `requirements` (the text of `docs/requirements.md`).
pub fn report(requirements: &str, claims: &Claims, records: &[Record]) -> Report {
    let promises = parse(requirements);
    let proofs = proofs(records);
    let mut findings = Vec::new();
    let mut text = String::new();
    let mut counts = BTreeMap::new();
    for (name, words) in &promises {
        let tests = proofs.get(name.as_str());
        let extent = extent(tests);
        *counts.entry(extent).or_insert(0) += 1;
        let claimed = claims.whole.contains(name) || claims.part.contains(name);
        let word = match extent {
            Extent::Whole => "whole",
            Extent::Part => "part",
            Extent::NotYet if claimed => "MISSING",
            Extent::NotYet => "not yet",
        };
        let tests = tests.map(|tests| tests.keys().map(|test| shorten(test)).collect::<Vec<_>>().join(", "));
        let _ = writeln!(
            text,
            "{name:<5} {word:<8} {:<62} {}",
            clip(words, 60),
            tests.unwrap_or_default().trim_end()
        );
    }
    let count = |extent| counts.get(&extent).copied().unwrap_or(0);
    let _ = writeln!(
        text,
        "promises: {} whole, {} in part, {} not yet, of {}",
        count(Extent::Whole),
        count(Extent::Part),
        count(Extent::NotYet),
        promises.len()
    );

    for (claimed, least) in [(&claims.whole, Extent::Whole), (&claims.part, Extent::Part)] {
        for name in claimed {
            if !promises.iter().any(|(known, _)| known == name) {
                findings.push(format!("{name} is claimed in promises.toml and is not in the requirements"));
            } else if extent(proofs.get(name.as_str())) < least {
                let wanted = if least == Extent::Whole { "whole" } else { "in part" };
                findings.push(format!("{name} is claimed {wanted} and no passing test proved that"));
            }
        }
    }
    for (name, tests) in &proofs {
        if !promises.iter().any(|(known, _)| known == name) {
            let tests: Vec<_> = tests.keys().cloned().collect();
            findings.push(format!("{name} is proven by {} and is not in the requirements", tests.join(", ")));
        }
    }
    Report { text, findings }
}

/// Rows `- R24 desk. Text` in their order.
fn parse(requirements: &str) -> Vec<(String, String)> {
    let rows = requirements.lines().filter_map(|line| line.trim().strip_prefix("- R"));
    let rows = rows.filter_map(|row| row.split_once(' '));
    rows.filter(|(number, _)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|(number, words)| (format!("R{number}"), words.to_owned()))
        .collect()
}

/// Promise -> test -> proven whole. A story that did not pass on both databases proves nothing.
fn proofs(records: &[Record]) -> BTreeMap<&str, BTreeMap<String, bool>> {
    let mut proofs: BTreeMap<&str, BTreeMap<String, bool>> = BTreeMap::new();
    for record in records {
        let passed_on = |engine: Option<Engine>| {
            let same = |other: &&Record| other.promise == record.promise && other.test == record.test;
            records.iter().filter(same).any(|other| other.engine == engine)
        };
        let everywhere = passed_on(Some(Engine::Sqlite)) && passed_on(Some(Engine::Postgres));
        if record.engine.is_none() || everywhere {
            *proofs.entry(&record.promise).or_default().entry(record.test.clone()).or_default() |=
                !record.part;
        }
    }
    proofs
}

fn extent(tests: Option<&BTreeMap<String, bool>>) -> Extent {
    match tests {
        None => Extent::NotYet,
        Some(tests) if tests.values().any(|whole| *whole) => Extent::Whole,
        Some(_) => Extent::Part,
    }
}

fn clip(words: &str, width: usize) -> String {
    if words.chars().count() <= width {
        return words.to_owned();
    }
    words.chars().take(width - 1).chain(['…']).collect()
}

fn shorten(test: &str) -> &str {
    test.split_once("::").map_or(test, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIREMENTS: &str =
        "# Title\n- R1 core. A REST API.\n## Part\n- R24 desk. The authority is told.\n- Rx no";

    fn record(promise: &str, part: bool, engine: Option<Engine>) -> Record {
        Record { promise: promise.to_owned(), part, test: "stories::a::b".to_owned(), engine }
    }

    fn claims(whole: &[&str], part: &[&str]) -> Claims {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Claims { whole: set(whole), part: set(part) }
    }

    #[test]
    fn a_claim_needs_a_proof_of_its_extent() {
        let both = [record("R1", false, Some(Engine::Sqlite)), record("R1", false, Some(Engine::Postgres))];
        let fine = report(REQUIREMENTS, &claims(&["R1"], &[]), &both);
        assert_eq!(fine.findings, Vec::<String>::new());
        assert!(fine.text.contains("promises: 1 whole, 0 in part, 1 not yet, of 2"), "{}", fine.text);
        assert!(fine.text.contains("a::b"), "{}", fine.text);

        let one = report(REQUIREMENTS, &claims(&["R1"], &[]), &both[..1]);
        assert_eq!(one.findings, ["R1 is claimed whole and no passing test proved that"]);
        assert!(one.text.contains("MISSING"));

        let part = report(REQUIREMENTS, &claims(&["R24"], &[]), &[record("R24", true, None)]);
        assert_eq!(part.findings, ["R24 is claimed whole and no passing test proved that"]);
        let part = report(REQUIREMENTS, &claims(&[], &["R24"]), &[record("R24", true, None)]);
        assert_eq!(part.findings, Vec::<String>::new());
    }

    #[test]
    fn unknown_promises_are_findings() {
        let report = report(REQUIREMENTS, &claims(&["R7"], &[]), &[record("R999", false, None)]);
        assert_eq!(report.findings.len(), 2, "{:?}", report.findings);
    }

    #[test]
    fn the_real_requirements_and_claims_are_readable() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let requirements = std::fs::read_to_string(format!("{root}/docs/requirements.md")).unwrap();
        let claims = std::fs::read_to_string(format!("{root}/tests/promises.toml")).unwrap();
        let claims: Claims = toml::from_str(&claims).unwrap();
        let known: BTreeSet<_> = parse(&requirements).into_iter().map(|(name, _)| name).collect();
        assert!(known.len() > 80, "{} promises", known.len());
        assert!(claims.whole.iter().chain(&claims.part).all(|name| known.contains(name)));
        assert!(claims.whole.is_disjoint(&claims.part));
    }
}
