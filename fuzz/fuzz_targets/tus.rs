//! The headers of uploads: whatever stands in them, reading them ends, and what is read is what was written.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;

#[path = "../../api/src/upload/header.rs"]
#[allow(dead_code, unreachable_pub, reason = "a file of the service, as it is there")]
mod header;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = header::number(text);
    if let Ok(hash) = header::checksum(text) {
        assert_eq!(header::checksum(&format!("sha256 {}", STANDARD.encode(hash))), Ok(hash));
    }
    if let Ok((photo, sha256)) = header::metadata(text) {
        let again = format!("photo_id {},sha256 {}", STANDARD.encode(&photo), STANDARD.encode(&sha256));
        assert_eq!(header::metadata(&again), Ok((photo, sha256)));
    }
    // Any text survives the way there and back.
    let written = format!("filename {},photo_id {},sha256 ", STANDARD.encode("../../x"), STANDARD.encode(text));
    assert_eq!(header::metadata(&written).map(|(photo, _)| photo), Ok(text.to_owned()));
});
