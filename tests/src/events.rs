//! Server-sent events, read one by one.

use std::time::Duration;

use reqwest::Response;

/// An event that is to come has this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` if the server gave none.
    pub name: String,
    /// Its data, lines joined.
    pub data: String,
    /// Its id, if the server gave one.
    pub id: Option<String>,
}

/// An open stream.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    parser: Parser,
}

impl EventStream {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, parser: Parser::default() }
    }

    /// The next event; comments and retry hints are skipped. `None` when the server ended the stream.
    pub async fn next(&mut self) -> Option<Event> {
        let reading = async {
            loop {
                if let Some(event) = self.parser.next() {
                    return Some(event);
                }
                let bytes = self.response.chunk().await.ok().flatten()?;
                self.parser.push(&bytes);
            }
        };
        let event = tokio::time::timeout(PATIENCE, reading).await;
        event.unwrap_or_else(|_| panic!("no event came within {PATIENCE:?}"))
    }

    /// The next event of this name, skipping others; the stream must bring it.
    pub async fn next_named(&mut self, name: &str) -> Event {
        loop {
            match self.next().await {
                Some(event) if event.name == name => return event,
                Some(_) => {}
                None => panic!("the stream ended before `{name}` came"),
            }
        }
    }
}

#[derive(Debug, Default)]
struct Parser {
    buffer: Vec<u8>,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes.iter().filter(|byte| **byte != b'\r'));
    }

    fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let mut event = Event { name: "message".to_owned(), ..Event::default() };
            let mut data = Vec::new();
            let mut named = false;
            for line in block.lines() {
                let (field, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => (event.name, named) = (value.to_owned(), true),
                    "data" => data.push(value),
                    "id" => event.id = Some(value.to_owned()),
                    _ => {}
                }
            }
            if named || !data.is_empty() {
                event.data = data.join("\n");
                return Some(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_however_they_are_cut() {
        let stream = ": hello\n\nevent: poke\r\ndata: {\"head\":7}\r\nid: 7\r\n\r\ndata: a\ndata: b\n\n";
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                parser.push(chunk);
                events.extend(std::iter::from_fn(|| parser.next()));
            }
            let poke =
                Event { name: "poke".to_owned(), data: r#"{"head":7}"#.to_owned(), id: Some("7".to_owned()) };
            let plain = Event { name: "message".to_owned(), data: "a\nb".to_owned(), id: None };
            assert_eq!(events, [poke, plain], "in chunks of {size}");
        }
    }
}
