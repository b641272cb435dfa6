//! As little of an HTTP client as it takes, so that the bench measures the server and not the client beside it.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    token: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket that does not wait");
        Self { stream, token: token.to_owned(), buffer: Vec::with_capacity(16 * 1024) }
    }

    /// POSTs JSON under an idempotency key and demands a success; the body of the answer.
    pub(crate) async fn post(&mut self, path: &str, key: &str, body: &str) -> &[u8] {
        self.send(path, &format!("idempotency-key: {key}\r\n"), body).await
    }

    /// The same without a key, as a phone asks.
    pub(crate) async fn ask(&mut self, path: &str, body: &str) -> &[u8] {
        self.send(path, "", body).await
    }

    async fn send(&mut self, path: &str, more: &str, body: &str) -> &[u8] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: naryad\r\nauthorization: Bearer {}\r\n{more}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.expect("the server takes the request");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            let Some(head) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if self.buffer.len() >= head + 4 + length {
                let answer = || String::from_utf8_lossy(&self.buffer);
                let success = self.buffer.starts_with(b"HTTP/1.1 20");
                assert!(success, "POST {path} {body} was answered {}", answer());
                return &self.buffer[head + 4..];
            }
        }
    }
}
