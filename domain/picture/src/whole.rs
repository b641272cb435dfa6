//! Whether a file has its end. Decoders fill what is missing with grey, and half a photo must not be taken for a whole
//! one.

use crate::{Format, Refusal};

/// Passes files that have their end; what follows it is nobody's business here.
pub(crate) fn check(format: Format, bytes: &[u8]) -> Result<(), Refusal> {
    let whole = match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::WebP => webp(bytes),
        _ => true,
    };
    if whole { Ok(()) } else { Err(Refusal::Truncated) }
}

/// Walks the segments of a JPEG (ISO/IEC 10918-1, B.1) to its end marker.
fn jpeg(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut at = 2;
    loop {
        // To the next marker: a 0xff that is neither stuffed, nor filled up, nor a restart within a scan.
        let Some(marker) = next_marker(bytes, &mut at) else { return false };
        match marker {
            END => return true,
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let Some(&[high, low]) = bytes.get(at..at + 2) else { return false };
                let length = usize::from(u16::from_be_bytes([high, low]));
                at += length.max(2);
                if at > bytes.len() {
                    return false;
                }
                if marker == SCAN && at == bytes.len() {
                    return false;
                }
            }
        }
    }
}

fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        let rest = bytes.get(*at..)?;
        *at += rest.iter().position(|byte| *byte == 0xff)?;
        while bytes.get(*at) == Some(&0xff) {
            *at += 1;
        }
        let marker = *bytes.get(*at)?;
        *at += 1;
        if marker != 0 {
            return Some(marker);
        }
    }
}

/// Walks the chunks of a PNG (ISO/IEC 15948, 5.3) to the last one.
fn png(bytes: &[u8]) -> bool {
    let mut at = 8_usize;
    while let Some(&[a, b, c, d, ref name @ ..]) = bytes.get(at..at.saturating_add(8)) {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(end) = at.checked_add(12).and_then(|end| end.checked_add(length)) else { return false };
        if end > bytes.len() {
            return false;
        }
        if name == b"IEND" {
            return true;
        }
        at = end;
    }
    false
}

/// A WebP tells its length at the beginning (RFC 9649, section 2.4).
fn webp(bytes: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = bytes.get(4..8) else { return false };
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    length.checked_add(8).is_some_and(|end| end <= bytes.len())
}
