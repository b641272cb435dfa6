use super::*;
use wire::tests::{query, startup};

/// A server that sends everything back, and counts what it took in.
async fn echo() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                    log.lock().unwrap().extend_from_slice(&buffer[..length]);
                    if stream.write_all(&buffer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, taken)
}

async fn open(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// Sends bytes and reads the same number back.
async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    stream.read_exact(&mut answer).await?;
    assert_eq!(answer, bytes);
    Ok(())
}

fn taken(log: &Mutex<Vec<u8>>) -> Vec<u8> {
    log.lock().unwrap().clone()
}

async fn database() -> (Proxy, TcpStream, Arc<Mutex<Vec<u8>>>) {
    let (address, log) = echo().await;
    let proxy = Proxy::to_database(&format!("postgres://u:p@{address}/x")).await;
    let mut stream = open(&proxy).await;
    exchange(&mut stream, &startup()).await.unwrap();
    (proxy, stream, log)
}

#[tokio::test]
async fn without_a_trap_everything_passes_and_is_counted() {
    let (proxy, mut stream, _) = database().await;
    exchange(&mut stream, &query("BEGIN")).await.unwrap();
    exchange(&mut stream, &query("COMMIT")).await.unwrap();
    let total = (startup().len() + query("BEGIN").len() + query("COMMIT").len()) as u64;
    assert_eq!(proxy.counts(), Counts { connections: 1, up: total, down: total, commits: 1, sprung: 0 });
}

#[tokio::test]
async fn a_cut_before_keeps_the_commit_from_the_server() {
    let (proxy, mut stream, log) = database().await;
    proxy.arm(Trap::new(Act::CutBefore, Match::Commit));
    exchange(&mut stream, &query("BEGIN")).await.unwrap();
    exchange(&mut stream, &query("COMMIT")).await.unwrap_err();
    proxy.sprung(1).await;
    assert_eq!(taken(&log), [startup(), query("BEGIN")].concat());
    // It springs once: the next connection is whole.
    let mut next = open(&proxy).await;
    exchange(&mut next, &startup()).await.unwrap();
    exchange(&mut next, &query("COMMIT")).await.unwrap();
}

#[tokio::test]
async fn a_cut_after_lets_the_server_have_it_and_the_client_not_know() {
    let (proxy, mut stream, log) = database().await;
    proxy.arm(Trap::new(Act::CutAfter, Match::Commit));
    exchange(&mut stream, &query("COMMIT")).await.unwrap_err();
    proxy.sprung(1).await;
    assert_eq!(taken(&log), [startup(), query("COMMIT")].concat());
    assert_eq!(proxy.counts().down, startup().len() as u64);
}

#[tokio::test]
async fn a_dropped_answer_leaves_the_connection_open() {
    let (proxy, mut stream, log) = database().await;
    proxy.arm(Trap::new(Act::DropAnswer, Match::Commit));
    stream.write_all(&query("COMMIT")).await.unwrap();
    proxy.sprung(1).await;
    assert!(taken(&log).ends_with(&query("COMMIT")));
    stream.write_all(&query("SELECT 1")).await.unwrap();
    let error = stream.try_read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "neither an answer nor an end");
    proxy.cut_all();
    assert!(matches!(stream.read(&mut [0; 16]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_trap_can_wait_for_one_kind_of_transaction_and_skip() {
    let (proxy, mut stream, _) = database().await;
    proxy.arm(Trap::new(Act::CutBefore, Match::CommitOf("INTO ticket".to_owned())).skip(1));
    for statements in [["BEGIN", "DELETE FROM job", "COMMIT"], ["BEGIN", "INSERT INTO ticket", "COMMIT"]] {
        for statement in statements {
            exchange(&mut stream, &query(statement)).await.unwrap();
        }
    }
    exchange(&mut stream, &query("BEGIN")).await.unwrap();
    exchange(&mut stream, &query("INSERT INTO ticket")).await.unwrap();
    exchange(&mut stream, &query("COMMIT")).await.unwrap_err();
    assert_eq!(proxy.counts().commits, 2);
}

#[tokio::test]
async fn http_is_cut_by_its_bytes() {
    let (address, log) = echo().await;
    let proxy = Proxy::to_server(&format!("http://{address}")).await;
    let mut stream = open(&proxy).await;
    proxy.arm(Trap::new(Act::CutAfter, Match::Bytes(b"POST /v1/tickets".to_vec())));
    exchange(&mut stream, b"GET /v1/tickets").await.unwrap();
    stream.write_all(b"POST /v1").await.unwrap();
    let mut half = [0; 8];
    stream.read_exact(&mut half).await.unwrap();
    stream.write_all(b"/tickets").await.unwrap();
    assert!(matches!(stream.read(&mut half).await, Ok(0) | Err(_)));
    assert!(taken(&log).ends_with(b"POST /v1/tickets"));
}

#[tokio::test]
async fn a_network_that_is_away_comes_back() {
    let (address, _) = echo().await;
    let proxy = Proxy::to_server(&address).await;
    proxy.delay(Duration::from_millis(1));
    let mut stream = open(&proxy).await;
    exchange(&mut stream, b"one").await.unwrap();
    proxy.refuse(true);
    proxy.cut_all();
    exchange(&mut stream, b"two").await.unwrap_err();
    exchange(&mut open(&proxy).await, b"three").await.unwrap_err();
    proxy.refuse(false);
    exchange(&mut open(&proxy).await, b"four").await.unwrap();
    assert_eq!(proxy.counts().connections, 3);
}

#[tokio::test]
async fn addresses_are_led_through_the_proxy() {
    let (address, _) = echo().await;
    let url = format!("postgres://u:p@{address}/x");
    let proxy = Proxy::to_database(&url).await;
    assert_eq!(proxy.database_url(&url), format!("postgres://u:p@{}/x?sslmode=disable", proxy.address()));
}

#[tokio::test]
async fn the_real_driver_loses_its_commit_to_the_trap() {
    use sqlx::{Connection, PgConnection};
    let cluster = crate::database::cluster();
    let proxy = Proxy::to_database(&cluster).await;
    for (act, stands) in [(Act::CutBefore, false), (Act::CutAfter, true)] {
        let table = format!("naryad_trap_{stands}");
        let mut watcher = crate::database::connect(&cluster).await;
        let prepare = format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id int)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut watcher).await.unwrap();

        let mut connection = PgConnection::connect(&proxy.database_url(&cluster)).await.unwrap();
        proxy.arm(Trap::new(act, Match::CommitOf(table.clone())));
        let mut transaction = connection.begin().await.unwrap();
        let insert = sqlx::AssertSqlSafe(format!("INSERT INTO {table} VALUES ($1)"));
        sqlx::query(insert).bind(1_i32).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap_err();

        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut watcher).await.unwrap();
        assert_eq!(count == 1, stands, "{act:?}");
    }
}
