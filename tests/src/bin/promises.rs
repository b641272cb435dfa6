//! Prints the table of promises and fails when a claim of `tests/promises.toml` is not proven.

use std::{io::Write, process::ExitCode};

use naryad_tests::{
    promises::{Claims, read_records, report},
    proof,
};

fn main() -> ExitCode {
    match table() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let requirements = std::fs::read_to_string(root.join("docs/requirements.md"))?;
    let claims: Claims = toml::from_str(&std::fs::read_to_string(root.join("tests/promises.toml"))?)?;
    // This program does not lie in `deps` as a test does, so the script names the directory of the run.
    let directory = std::env::args_os().nth(1).map_or_else(proof::directory, Into::into);
    let report = report(&requirements, &claims, &read_records(&directory)?);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.text)?;
    for finding in &report.findings {
        writeln!(out, "FAILED {finding}")?;
    }
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
