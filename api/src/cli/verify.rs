//! `naryad journal verify` and `naryad sync verify`: everything is computed again and compared.

use naryad_domain::{Code, Error, Result, db::Db, feed, journal, photo, stock};

use super::{Outcome, say};
use crate::{config::Config, state};

pub(super) async fn journal(config: &Config) -> Result<Outcome> {
    let db = open(config).await?;
    let report = journal::verify(&db).await?;
    db.close().await;
    let mut text: String =
        report.findings.iter().map(|finding| format!("{}: {}\n", finding.place, finding.what)).collect();
    text.push_str(&format!(
        "journal: {} chains, {} events, {} personal values, {} findings\n",
        report.chains,
        report.events,
        report.values,
        report.findings.len()
    ));
    conclude(&text, report.findings.is_empty())
}

pub(super) async fn feeds(config: &Config) -> Result<Outcome> {
    let db = open(config).await?;
    let report = feed::verify(&db).await?;
    db.close().await;
    let mut text: String =
        report.findings.iter().map(|finding| format!("feed {}: {}\n", finding.feed, finding.what)).collect();
    text.push_str(&format!(
        "sync: {} feeds, {} documents, {} findings\n",
        report.feeds,
        report.documents,
        report.findings.len()
    ));
    conclude(&text, report.findings.is_empty())
}

pub(super) async fn stock(config: &Config) -> Result<Outcome> {
    let db = open(config).await?;
    let findings = stock::verify(&db).await?;
    db.close().await;
    let mut text = String::new();
    for found in &findings {
        text.push_str(&format!(
            "place {}, material {}: {} thousandths are written down, {} were moved\n",
            found.place_id, found.material_id, found.written_milli, found.moved_milli
        ));
    }
    text.push_str(&format!("stock: {} findings\n", findings.len()));
    conclude(&text, findings.is_empty())
}

pub(super) async fn photos(config: &Config, deep: bool) -> Result<Outcome> {
    let db = open(config).await?;
    let blobs = state::open_blobs(config).await?;
    let found = photo::reconcile(&db, &*blobs, deep).await?;
    db.close().await;
    let mut text = String::new();
    for (keys, what) in [
        (&found.lost, "is recorded and not there"),
        (&found.damaged, "is not what was recorded"),
        (&found.unknown, "is there and not recorded; it is collected when its grace is over"),
    ] {
        for key in keys {
            text.push_str(&format!("{key}: {what}\n"));
        }
    }
    let findings = found.lost.len() + found.damaged.len();
    text.push_str(&format!(
        "photos: {} records, {} objects, {} not recorded, {findings} findings\n",
        found.records,
        found.objects,
        found.unknown.len(),
    ));
    conclude(&text, findings == 0)
}

/// A check changes nothing, the schema neither.
async fn open(config: &Config) -> Result<Db> {
    let db = state::open(config).await?.db;
    if db.is_migrated().await? {
        Ok(db)
    } else {
        Err(Error::new(Code::Unavailable, "the database lacks migrations: run `naryad migrate`"))
    }
}

fn conclude(text: &str, well: bool) -> Result<Outcome> {
    say(text)?;
    Ok(if well { Outcome::Well } else { Outcome::Found })
}
