//! Reads untrusted photos within limits: format, facts, previews, perceptual hash. No files, no network, no database.
