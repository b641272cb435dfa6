use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const SPEC: &str = r##"
openapi: 3.1.0
info: { title: tiny, version: "1" }
paths:
  /v1/auth/login: &sign-in
    post: &sign-in-post
      requestBody: { content: { application/json: { schema: { type: object } } } }
      responses:
        "200": { description: in, content: { application/json: { schema: { $ref: "#/components/schemas/Tokens" } } } }
  /v1/auth/refresh: *sign-in
  /v1/tickets:
    get:
      responses:
        "200": { description: list, content: { application/json: { schema: { $ref: "#/components/schemas/List" } } } }
        "401": { description: no, content: { application/problem+json: { schema: { $ref: "#/components/schemas/Problem" } } } }
    post: *sign-in-post
  /v1/events:
    get:
      responses: { "200": { description: stream, content: { text/event-stream: {} } } }
components:
  schemas:
    Tokens:
      type: object
      required: [access_token, refresh_token]
      properties: { access_token: { type: string }, refresh_token: { type: string } }
    List: { type: object, required: [items], properties: { items: { type: array, items: { type: string } } } }
    Problem: { type: object, required: [code], properties: { code: { enum: [token_expired] } } }
"##;

/// A server that reads whole requests and answers each as `reply(head, count)` says, closing every connection.
async fn server(reply: impl Fn(&str, usize) -> String + Send + 'static) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for count in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            loop {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await.unwrap();
                request.push_str(&String::from_utf8_lossy(&buffer[..length]));
                let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= announced.map_or(0, |length| length.parse().unwrap()) {
                    break;
                }
            }
            stream.write_all(reply(&request, count).as_bytes()).await.unwrap();
        }
    });
    let contract: &'static Contract = Box::leak(Box::new(Contract::parse(SPEC).unwrap()));
    Client::of(&format!("http://{address}")).held_to(contract)
}

fn reply(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn tokens(name: &str) -> String {
    reply(200, "application/json", &format!(r#"{{"access_token":"{name}","refresh_token":"next-{name}"}}"#))
}

const EXPIRED: &str = r#"{"code":"token_expired"}"#;

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_the_request_repeated() {
    let client = server(|request, _| {
        let line = request.lines().next().unwrap();
        let refreshed = request.contains("next-first") && request.contains("rotation_id");
        match line.split(' ').nth(1).unwrap() {
            "/v1/auth/login" => tokens("first"),
            "/v1/auth/refresh" if refreshed => tokens("second"),
            "/v1/tickets" if request.contains("Bearer second") => {
                reply(200, "application/json", r#"{"items":["a"]}"#)
            }
            _ => reply(401, "application/problem+json", EXPIRED),
        }
    })
    .await;
    client.login("anna", "secret").await.ok(200);
    client.request(Method::GET, "/v1/tickets").as_it_is().send().await.problem(401, "token_expired");
    let answer = client.clone().get("/v1/tickets").await.ok(200).has("/items", json!(["a"]));
    assert_eq!(answer.list("/items").len(), 1);
    assert_eq!(client.token().as_deref(), Some("second"));
}

#[tokio::test]
async fn a_lie_of_the_documentation_fails_the_story() {
    let client = server(|_, count| match count {
        0 => reply(200, "application/json", r#"{"items":[7]}"#),
        1 => reply(200, "application/json", r#"{"items":[],"secret":1}"#),
        _ => reply(500, "application/problem+json", EXPIRED),
    })
    .await;
    for words in ["at `/items/0`", "secret", "status is not documented"] {
        let failure = AssertUnwindSafe(client.get("/v1/tickets")).catch_unwind().await.unwrap_err();
        let failure = failure.downcast_ref::<String>().unwrap();
        assert!(failure.contains("disagree") && failure.contains(words), "`{words}` is not in: {failure}");
    }
    let answer = client.request(Method::GET, "/elsewhere").outside_contract().send().await;
    assert_eq!(answer.status, 500);
}

#[tokio::test]
async fn events_are_read_from_a_stream() {
    let client =
        server(|_, _| reply(200, "text/event-stream", "event: hello\ndata: 1\n\nevent: poke\ndata: 2\n\n"))
            .await;
    let mut events = client.events("/v1/events").await;
    assert_eq!(events.next_named("poke").await.data, "2");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_broken_connection_is_an_error_of_its_own() {
    let client = server(|_, _| "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal".to_owned()).await;
    client.request(Method::GET, "/v1/tickets").try_send().await.unwrap_err();
}

#[test]
fn addresses_are_taken_apart() {
    assert_eq!(bare("/v1/tickets?limit=5&state=planned"), "/v1/tickets");
    assert_eq!(query_names("/v1/tickets?limit=5&state=planned"), ["limit", "state"]);
    assert_eq!(query_names("/v1/tickets"), Vec::<String>::new());
}
