//! The outbox folder: where messages go until a provider is set.

use std::path::Path;

use serde::Deserialize;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Phone number or address.
    pub to: String,
    /// What it says.
    pub text: String,
}

impl Message {
    /// The six-digit code in the text, if it is a message that brings one: notices are full of numbers.
    pub fn code(&self) -> Option<String> {
        if !self.text.starts_with("Код") && !self.text.contains("sign-in code") {
            return None;
        }
        let words = self.text.split(|letter: char| !letter.is_ascii_digit());
        words.into_iter().find(|word| word.len() == 6).map(str::to_owned)
    }
}

/// The messages in a folder, oldest first; none if there is no folder yet.
pub(crate) fn read(folder: &Path) -> Vec<Message> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .map(|entry| (entry.metadata().and_then(|facts| facts.modified()).ok(), entry.path()))
        .collect();
    files.sort();
    files
        .iter()
        .map(|(_, path)| {
            let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_text() {
        let message = |text: &str| Message { to: "+79990000001".to_owned(), text: text.to_owned() };
        assert_eq!(message("Код 042917, действует 10 минут").code().as_deref(), Some("042917"));
        assert_eq!(message("Заявка 2026-000123 принята").code(), None);
        assert_eq!(
            message("Your sign-in code: 042917. Tell it to nobody.").code().as_deref(),
            Some("042917")
        );
        assert_eq!(message("Позвоните 88001234567").code(), None);
    }

    #[test]
    fn a_missing_folder_is_an_empty_outbox() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(&dir.path().join("outbox")), []);
        std::fs::write(dir.path().join("1.json"), r#"{"to":"a","text":"b"}"#).unwrap();
        std::fs::write(dir.path().join("2.tmp"), "half").unwrap();
        assert_eq!(read(dir.path()).len(), 1);
    }
}
