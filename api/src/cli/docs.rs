//! `naryad docs`: pages made from the code, so that they cannot say something else.

use std::path::Path;

use naryad_domain::{
    Code, Error, Result,
    feed::EntityKind,
    ticket::Move,
    visit::VisitMove,
    write::{TABLES, UNJOURNALED},
};

use super::{Outcome, say};
use crate::{config::SETTINGS, problem};

/// Writes the pages into `dir`, or compares them with what stands there.
pub(super) fn docs(dir: &Path, check: bool) -> Result<Outcome> {
    let mut outcome = Outcome::Well;
    for (name, text) in pages() {
        let path = dir.join(name);
        if check {
            if std::fs::read_to_string(&path).unwrap_or_default() != text {
                say(&format!("{} is not what the code says; run `naryad docs`\n", path.display()))?;
                outcome = Outcome::Found;
            }
        } else {
            let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, text));
            written.map_err(|cause| Error::internal(format!("{}: {cause}", path.display())))?;
        }
    }
    Ok(outcome)
}

fn pages() -> [(&'static str, String); 4] {
    [("moves.md", moves()), ("errors.md", errors()), ("entities.md", entities()), ("settings.md", settings())]
}

/// A page with its tables.
struct Page(String);

impl Page {
    fn new(title: &str, about: &str) -> Self {
        Self(format!("<!-- Made from the code by `naryad docs`; edit the code. -->\n# {title}\n\n{about}\n"))
    }

    fn table<const N: usize>(mut self, heading: &str, columns: [&str; N], rows: Vec<[String; N]>) -> Self {
        if !heading.is_empty() {
            self.0.push_str(&format!("\n## {heading}\n"));
        }
        self.0.push_str(&format!("\n| {} |\n|{}\n", columns.join(" | "), "---|".repeat(N)));
        for row in rows {
            self.0.push_str(&format!("| {} |\n", row.map(|cell| cell.replace('|', "\\|")).join(" | ")));
        }
        self
    }
}

fn moves() -> String {
    let list = |names: Vec<&str>| names.join(", ");
    let tickets = Move::ALL.iter().map(|step| {
        let from = list(step.from().iter().map(|status| status.name()).collect());
        let by = list(step.by().iter().map(|by| by.name()).collect());
        [step.name().to_owned(), from, step.to().to_owned(), by, step.note().to_owned()]
    });
    let visits = VisitMove::ALL.iter().map(|step| {
        let from = list(step.from().iter().map(|status| status.name()).collect());
        [step.name().to_owned(), from, step.to().to_owned(), step.note().to_owned()]
    });
    Page::new("Moves", "Any other move is `illegal_move`, which names the legal ones.")
        .table("Tickets", ["move", "from", "to", "by", "what it is"], tickets.collect())
        .table("Visits", ["move", "from", "to", "what it is"], visits.collect())
        .0
}

fn errors() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let status = problem::status(*code).as_u16().to_string();
        [format!("`{}`", code.name()), status, code.title().to_owned(), code.remedy().to_owned()]
    });
    Page::new(
        "Errors",
        "Every error is `application/problem+json` (RFC 9457). The list is closed; match on `code`.",
    )
    .table("", ["code", "status", "what happened", "what to do"], rows.collect())
    .0
}

fn entities() -> String {
    let kinds =
        EntityKind::ALL.iter().map(|kind| [kind.name(), kind.holders(), kind.document()].map(str::to_owned));
    let tables = TABLES.iter().map(|table| {
        let names = |names: &[&str]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        let journaling = &table.journaling;
        [
            table.name.to_owned(),
            table.entity.map_or("-", EntityKind::name).to_owned(),
            names(journaling.personal),
            names(journaling.silent),
        ]
    });
    let others = UNJOURNALED.iter().map(|(name, why)| [(*name).to_owned(), (*why).to_owned()]);
    Page::new("Entities and tables", "What a phone can hold, and what the write path knows of each table.")
        .table("Entities of the phones", ["entity", "who has it", "document"], kinds.collect())
        .table(
            "Journaled tables",
            ["table", "entity", "personal: a salted commitment in the chain", "never in the chain"],
            tables.collect(),
        )
        .table("Tables outside the journal", ["table", "why"], others.collect())
        .0
}

fn settings() -> String {
    let rows = SETTINGS.iter().map(|(name, default, meaning)| {
        let variable = format!("`NARYAD_{}`", name.to_uppercase());
        [format!("`{name}`"), variable, (*default).to_owned(), meaning.trim().to_owned()]
    });
    Page::new(
        "Settings",
        "Defaults, then the file (`--config` or `NARYAD_CONFIG`, TOML), then the environment, then the flags; the \
         later wins. A name in the file that is not in this table is an error.",
    )
    .table("", ["in the file", "in the environment", "default", "meaning"], rows.collect())
    .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_in_the_repository_are_what_the_code_says() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/generated");
        assert_eq!(docs(&dir, true).unwrap(), Outcome::Well, "run `naryad docs`");
    }

    #[test]
    fn a_page_that_differs_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(docs(dir.path(), true).unwrap(), Outcome::Found);
        docs(dir.path(), false).unwrap();
        assert_eq!(docs(dir.path(), true).unwrap(), Outcome::Well);
        std::fs::write(dir.path().join("errors.md"), "nothing goes wrong").unwrap();
        assert_eq!(docs(dir.path(), true).unwrap(), Outcome::Found);
    }
}
