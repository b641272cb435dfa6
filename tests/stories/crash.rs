//! What is answered stands, what is not answered can be asked again, and nothing is ever half there.

use naryad_tests::{
    Answer, Client, House, Proxy,
    load::{Storm, Town},
    on_both, proves,
    proxy::{Act, Match, Trap},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

on_both! {
    closed,
    /// The server is killed ten times while clients register and book. Every answered write stands, none is half
    /// there, and a write whose answer was lost has one effect when it is repeated.
    async fn a_killed_server_keeps_every_promise(house: &House) {
        proves!(R10, part);
        let survived = Storm { clients: 6, kills: 10 }.pass(house).await;
        assert!(survived.lost > 0, "no answer was lost: the kills hit nothing, {survived:?}");
        assert!(survived.planned > 0 && survived.refused > 0, "nobody raced for an hour: {survived:?}");
    }
}

/// A request that can be sent again as it is.
struct Request {
    path: String,
    key: String,
    body: Value,
}

impl Request {
    fn new(path: impl Into<String>, body: Value) -> Self {
        Self { path: path.into(), key: Uuid::now_v7().to_string(), body }
    }

    async fn send(&self, client: &Client) -> Answer {
        client.request(Method::POST, &self.path).json(&self.body).key(&self.key).send().await
    }

    /// As it goes over the wire.
    fn bytes(&self, client: &Client) -> Vec<u8> {
        let body = self.body.to_string();
        let token = client.token().expect("the dispatcher has signed in");
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: naryad\r\nauthorization: Bearer {token}\r\nidempotency-key: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.path,
            self.key,
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }
}

/// A company, its dispatcher, and one ticket in a house that is open.
async fn begin(house: &House) -> (Town, Client, Uuid) {
    let town = Town::settle(house, 1).await;
    let client = house.client();
    client.set_token(&town.token(house.data()));
    let ticket = Uuid::now_v7();
    client.post("/v1/tickets", town.registration(ticket, 0)).await.ok(201);
    (town, client, ticket)
}

async fn numbers(client: &Client) -> Vec<String> {
    let list = client.get("/v1/tickets?limit=200").await.ok(200);
    let mut numbers: Vec<String> =
        list.list("/items").iter().map(|item| item["number"].as_str().unwrap().to_owned()).collect();
    numbers.sort_unstable();
    numbers
}

/// What people did with the ticket; what the house learned meanwhile is left out.
async fn acts(client: &Client, ticket: Uuid) -> Vec<String> {
    let events = client.get(&format!("/v1/tickets/{ticket}/events?limit=200")).await.ok(200);
    let of_people = events.list("/items").iter().filter(|event| event["actor"]["kind"] != "system");
    of_people.map(|event| event["act"].as_str().unwrap().to_owned()).collect()
}

/// The connection to the database is cut in the middle of COMMIT, before the database has it and after. The client is
/// told that the outcome is not known; the same key tells the truth, and there is one effect in both cases.
async fn a_cut_commit_is_told_and_has_one_effect(house: &House) {
    let proxy = house.proxy_database().await;
    house.tolerate_error("outcome_unknown");
    house.open().await;
    let (town, client, _) = begin(house).await;
    let mut expected = 1;
    for act in [Act::CutBefore, Act::CutAfter] {
        let ticket = Uuid::now_v7();
        let register = Request::new("/v1/tickets", town.registration(ticket, 0));
        let answer = cut(&proxy, act, "INSERT INTO \"ticket\"", &register, &client).await.ok(201);
        expected += 1;
        assert_eq!(answer.text("/number"), format!("2026-{expected:06}"));
        assert_eq!(numbers(&client).await.len(), expected, "{act:?}");
        assert_eq!(acts(&client, ticket).await, ["ticket.register"], "{act:?}");

        let hour = i64::try_from(expected).unwrap();
        let plan = Request::new(format!("/v1/tickets/{ticket}/plan"), town.booking(Uuid::now_v7(), 0, hour));
        let answer = cut(&proxy, act, "INSERT INTO \"visit\"", &plan, &client).await;
        assert!(answer.status < 300, "{act:?}: {answer}");
        assert_eq!(answer.list("/visits").len(), 1, "{act:?}");
        assert_eq!(acts(&client, ticket).await, ["ticket.register", "ticket.plan"], "{act:?}");
    }
}

/// Sends a request whose COMMIT is cut, demands to be told so, and sends it again.
async fn cut(proxy: &Proxy, act: Act, of: &str, request: &Request, client: &Client) -> Answer {
    let before = proxy.counts().sprung;
    proxy.arm(Trap::new(act, Match::CommitOf(of.to_owned())));
    request.send(client).await.problem(503, "outcome_unknown");
    proxy.sprung(before + 1).await;
    let truth = request.send(client).await;
    assert_eq!(request.send(client).await.bytes, truth.bytes, "the truth does not change");
    truth
}

// Only PostgreSQL has a connection that can be cut.
mod a_cut_commit_is_told_and_has_one_effect {
    use naryad_tests::{
        Engine,
        story::{Door, run},
    };

    #[test]
    fn postgres() {
        run(Engine::Postgres, Door::Closed, super::a_cut_commit_is_told_and_has_one_effect);
    }
}

on_both! {
    /// A client hangs up in the middle of a write: after a part of the request, or right after the whole of it. The
    /// write takes place as a whole or not at all, and the same key has one effect.
    async fn a_client_that_hangs_up_tears_nothing(house: &House) {
        let (town, client, ticket) = begin(house).await;
        let new = Uuid::now_v7();
        let writes = [
            ("ticket.register", new, Request::new("/v1/tickets", town.registration(new, 0))),
            ("ticket.comment", ticket, Request::new(
                format!("/v1/tickets/{ticket}/comments"),
                json!({ "audience": "internal", "body": "Позвонить за час." }),
            )),
            ("ticket.plan", ticket, Request::new(
                format!("/v1/tickets/{ticket}/plan"),
                town.booking(Uuid::now_v7(), 0, 0),
            )),
            ("ticket.hold", ticket, Request::new(
                format!("/v1/tickets/{ticket}/hold"),
                json!({ "reason": "Ждём материал." }),
            )),
            ("ticket.cancel", ticket, Request::new(
                format!("/v1/tickets/{ticket}/cancel"),
                json!({ "reason": "Заявитель отказался." }),
            )),
        ];
        let mut expected = vec!["ticket.register".to_owned()];
        for (act, subject, request) in &writes {
            let bytes = request.bytes(&client);
            let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            for length in [1, head / 2, head, head + 1, (head + bytes.len()) / 2, bytes.len() - 1] {
                hang_up(&client.url(), &bytes[..length], false).await;
            }
            // The server has ended: whatever those pieces could have done is done.
            house.restart().await;
            let done = |acts: &[String]| acts.iter().any(|done| done == act);
            if *subject == ticket {
                assert!(!done(&acts(&client, ticket).await), "{act} took place by a part of its request");
            } else {
                client.get(&format!("/v1/tickets/{new}")).await.problem(404, "not_found");
            }
            for _ in 0..3 {
                hang_up(&client.url(), &bytes, true).await;
            }
            let answer = request.send(&client).await;
            assert!(answer.status < 300, "{act}: {answer}");
            house.restart().await;
            assert_eq!(request.send(&client).await.bytes, answer.bytes, "{act}: another answer under the same key");
            if *subject == ticket {
                expected.push((*act).to_owned());
                assert_eq!(acts(&client, ticket).await, expected);
            } else {
                assert_eq!(acts(&client, new).await, ["ticket.register"]);
            }
        }
        assert_eq!(numbers(&client).await, ["2026-000001", "2026-000002"]);
    }
}

/// Sends bytes and closes at once. A part of a request is read to the end of the connection by the server, so that it
/// has certainly seen it; after a whole one nobody waits.
async fn hang_up(url: &str, bytes: &[u8], whole: bool) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    if !whole {
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // An answer (400), an end, or a reset: all the same to somebody who has gone.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "a part of a request was answered as a whole one");
    }
}
