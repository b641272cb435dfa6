//! What the write path really says to the database, taken from the log of a server.

use std::sync::Arc;

use serde_json::Value;

/// Statements of what runs beside the requests: pokes, and the look at the journal.
const BESIDE: [&str; 3] =
    ["SELECT pg_notify(", "SELECT organization_id, MAX(rowid)", "SELECT organization_id, hash FROM event"];

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// As it was sent.
    pub(crate) sql: Arc<str>,
    /// In a form that is equal on both databases and short enough to be written down: one `?` a placeholder, no quotes,
    /// and `*` for the columns of an entity.
    pub(crate) shape: String,
    /// How many statements of the same shape stand before it in the transaction.
    pub(crate) nth: usize,
}

/// The statements in a piece of a log (JSON, `sqlx::query=debug`), without BEGIN and COMMIT.
pub(crate) fn in_log(log: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        if line["target"] != "sqlx::query" {
            continue;
        }
        // A short statement stands in the summary alone.
        let text = |name: &str| line[name].as_str().filter(|text| !text.trim().is_empty());
        let Some(sql) = text("db.statement").or_else(|| text("summary")) else { continue };
        let shape = shape(sql);
        let first = shape.split(' ').next().unwrap_or_default();
        let says = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].contains(&first);
        if !says || BESIDE.iter().any(|beside| shape.starts_with(beside)) {
            continue;
        }
        let nth = found.iter().filter(|other| other.shape == shape).count();
        found.push(Statement { sql: sql.trim().into(), shape, nth });
    }
    found
}

fn shape(sql: &str) -> String {
    let words = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let entity = words.starts_with("SELECT \"");
    let mut shape = String::new();
    let mut rest = words.chars().filter(|letter| *letter != '"').peekable();
    while let Some(letter) = rest.next() {
        if letter == '$' {
            while rest.next_if(char::is_ascii_digit).is_some() {}
            shape.push('?');
        } else {
            shape.push(letter);
        }
    }
    match shape.split_once(" FROM ") {
        Some((_, from)) if entity => format!("SELECT * FROM {from}"),
        _ => shape,
    }
}

/// How many values a statement takes.
pub(crate) fn placeholders(sql: &str) -> usize {
    let numbered = sql.split('$').skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    numbered.max().unwrap_or_else(|| sql.matches('?').count())
}
