//! Tickets in bulk: as many as a region has in years, written by the database itself in sets. They have no history: a
//! journal and a feed that know nothing of them verify.

use naryad_domain::db::Location;
use naryad_tests::load::Town;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// Rows of one statement: a transaction on SQLite should not fill its log.
const BATCH: u64 = 50_000;

/// A pool of either engine, for statements that are written out here.
pub(crate) enum Hand {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Hand {
    pub(crate) async fn open(location: &Location) -> Self {
        match location {
            Location::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).foreign_keys(false);
                Self::Sqlite(SqlitePool::connect_with(options).await.expect("the file can be opened"))
            }
            Location::Postgres(url) => {
                Self::Postgres(PgPool::connect(url).await.expect("the server can be reached"))
            }
        }
    }

    pub(crate) async fn run(&self, sql: String) {
        let done = match self {
            Self::Sqlite(pool) => sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(pool).await.map(|_| ()),
            Self::Postgres(pool) => {
                sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(pool).await.map(|_| ())
            }
        };
        done.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Lets the database count what was written, as its own keepers would in time.
    async fn tidy(&self) {
        self.run(match self {
            Self::Sqlite(_) => "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);".to_owned(),
            Self::Postgres(_) => "VACUUM ANALYZE".to_owned(),
        })
        .await;
    }

    pub(crate) async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// What differs between the engines.
    fn dialect(&self) -> Dialect {
        match self {
            // The identifier is a UUID of version 7 whose time is that of the registration.
            Self::Sqlite(_) => Dialect {
                numbers: "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {to})",
                id: "unhex(printf('%012x', {s} * 1000) || '7{tag}' || printf('%016x', -9223372036854775808 + i))",
                time: "strftime('%Y-%m-%dT%H:%M:%S+00:00', {s}, 'unixepoch')",
                number: "'2026-' || printf('%06d', i)",
                digits: "printf('%09d', i * 7919 % 1000000000)",
                uuid: |id| format!("unhex('{}')", id.simple()),
                is_true: "1",
                is_false: "0",
            },
            Self::Postgres(_) => Dialect {
                numbers: "WITH n(i) AS (SELECT g FROM generate_series({from}::bigint, {to}::bigint - 1) g)",
                id: "(lpad(to_hex({s}::bigint * 1000), 12, '0') || '7{tag}' || '8' || lpad(to_hex(i), 15, '0'))::uuid",
                time: "to_timestamp({s})",
                number: "'2026-' || CASE WHEN i < 1000000 THEN lpad(i::text, 6, '0') ELSE i::text END",
                digits: "lpad((i * 7919 % 1000000000)::text, 9, '0')",
                uuid: |id| format!("'{id}'::uuid"),
                is_true: "true",
                is_false: "false",
            },
        }
    }
}

struct Dialect {
    numbers: &'static str,
    id: &'static str,
    time: &'static str,
    number: &'static str,
    digits: &'static str,
    uuid: fn(uuid::Uuid) -> String,
    is_true: &'static str,
    is_false: &'static str,
}

/// When the clocks are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// In ten years.
    Far,
    /// A minute ago.
    Past,
}

/// How many of the newest tickets are open still.
pub(crate) const OPEN: u64 = 2_000;

/// Writes `tickets` tickets of the town, one every two minutes up to `until` (seconds since 1970), and an open clock
/// for the newest `clocks` of them.
pub(crate) async fn fill(hand: &Hand, town: &Town, tickets: u64, clocks: u64, until: i64, due: Due) {
    let d = hand.dialect();
    let uuid = |id: uuid::Uuid| (d.uuid)(id);
    let seconds = format!("({until} - ({tickets} - i) * 120)");
    let time = d.time.replace("{s}", &seconds);
    let id = |tag: &str| d.id.replace("{s}", &seconds).replace("{tag}", tag);
    let surnames = SURNAMES
        .iter()
        .enumerate()
        .map(|(at, name)| format!("({at}, '{name}')"))
        .collect::<Vec<_>>()
        .join(", ");
    let (organization, building) = (uuid(town.organization.0), uuid(town.building.0));
    let (kind, premises) = (uuid(town.kind.0), uuid(town.premises[0].0));
    for from in (0..tickets).step_by(BATCH as usize) {
        let to = (from + BATCH).min(tickets);
        let numbers = d.numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        hand.run(format!(
            "{numbers}, s(k, surname) AS (VALUES {surnames})
             INSERT INTO ticket (id, organization_id, executor_kind, number, request_type_id, request_type_version, status,
                 source, emergency, building_id, premises_id, applicant_name, applicant_phone, description,
                 precondition_confirmed, fields, registered_by, registered_at, return_count, search, version, doc_version,
                 updated_at)
             SELECT {id}, {organization}, 'own_staff', {number}, {kind}, 1,
                 CASE WHEN i >= {tickets} - {OPEN} AND i % 2 = 0 THEN 'registered' ELSE 'closed' END, 'phone',
                 CASE WHEN i % 10 = 0 THEN {is_true} ELSE {is_false} END, {building}, {premises},
                 s.surname, '+79' || {digits}, 'Запах из канализации на кухне.',
                 {is_false}, '{{}}', {organization}, {time}, 0,
                 lower_number || ' москва улица мира 1 12 ' || s.surname || ' запах из канализации на кухне 79'
                     || {digits}, 1, 1, {time}
             FROM (SELECT i, replace({number}, '-', ' ') AS lower_number FROM n) n JOIN s ON s.k = n.i * 7919 % {kinds}",
            id = id("000"),
            number = d.number,
            is_true = d.is_true,
            is_false = d.is_false,
            digits = d.digits,
            kinds = SURNAMES.len(),
        ))
        .await;
    }
    for from in (tickets.saturating_sub(clocks)..tickets).step_by(BATCH as usize) {
        let to = (from + BATCH).min(tickets);
        let numbers = d.numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        let due_s = match due {
            Due::Far => format!("({until} + 315360000 + i)"),
            Due::Past => format!("({until} - 60)"),
        };
        let due = d.time.replace("{s}", &due_s);
        hand.run(format!(
            "{numbers}
             INSERT INTO deadline (id, organization_id, subject_kind, subject_id, ticket_id, building_id, request_type_id,
                 kind, basis, policy_version, calendar_version, clock, zone, started_from, target_amount, target_unit,
                 pauses, edited, total_s, consumed_s, running_since, due_at, late_from, grace_s, next_fire_at, told, fired, repeats,
                 state, alert_acked, version)
             SELECT {clock}, {organization}, 'ticket', {ticket}, {ticket}, {building}, {kind}, 'resolve', 'legal', 0, 0,
                 '{{\"kind\":\"always\"}}', 'Europe/Moscow', {time}, 3650, 'days', {is_false}, {is_false}, {due_s} - {seconds}, 0, {time},
                 {due}, {due}, 0, {due}, 0, 0, 0, 'running', {is_false}, 1
             FROM n",
            clock = id("001"),
            ticket = id("000"),
            is_false = d.is_false,
        ))
        .await;
    }
    hand.tidy().await;
}

/// Sends the technicians in turn to the tickets of [`fill`], each on a visit of an hour that is over, and lets the tickets
/// have left their phones just now. What `fill` wrote until so long ago that no visit is within the horizon verifies.
pub(crate) async fn visited(hand: &Hand, town: &Town, tickets: u64, until: i64, now: i64) {
    let d = hand.dialect();
    let seconds = format!("({until} - ({tickets} - i) * 120)");
    let time = |seconds: &str| d.time.replace("{s}", seconds);
    let id = |tag: &str| d.id.replace("{s}", &seconds).replace("{tag}", tag);
    let (begin, end) = (time(&seconds), time(&format!("{seconds} + 3600")));
    let (visit, ticket, organization) = (id("00b"), id("000"), (d.uuid)(town.organization.0));
    let (crew, is_true) = (town.technicians.len(), d.is_true);
    for from in (0..tickets).step_by(BATCH as usize) {
        let to = (from + BATCH).min(tickets);
        let numbers = d.numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        let crewed = format!(
            "{numbers}, f(k, feed_id, head) AS
                 (SELECT row_number() OVER (ORDER BY feed_id) - 1, feed_id, head FROM sync_feed WHERE kind = 'technician')"
        );
        hand.run(format!(
            "{numbers}
             INSERT INTO visit (id, organization_id, staff_organization_id, ticket_id, status, window_kind, planned_start,
                 planned_end, en_route_at, started_at, ended_at, version, created_at)
             SELECT {visit}, {organization}, {organization}, {ticket}, 'done', 'none', {begin}, {end}, {begin}, {begin},
                 {end}, 1, {begin}
             FROM n"
        ))
        .await;
        hand.run(format!(
            "{crewed}
             INSERT INTO visit_assignee (visit_id, technician_id, ticket_id, organization_id, lead)
             SELECT {visit}, f.feed_id, {ticket}, {organization}, {is_true} FROM n JOIN f ON f.k = n.i % {crew}"
        ))
        .await;
        hand.run(format!(
            "{crewed}
             INSERT INTO sync_change (feed_id, seq, entity, entity_id, op, reason, doc_version, changed_at)
             SELECT f.feed_id, f.head + 1 + n.i / {crew}, 'ticket', {ticket}, 'remove', 'expired', 1, {now}
             FROM n JOIN f ON f.k = n.i % {crew}",
            now = time(&now.to_string()),
        ))
        .await;
    }
    hand.run(
        "UPDATE sync_feed SET head = (SELECT max(seq) FROM sync_change c WHERE c.feed_id = sync_feed.feed_id)
         WHERE kind = 'technician'"
            .to_owned(),
    )
    .await;
    // What is registered from here on goes on behind the numbers of the bulk.
    hand.run(format!(
        "INSERT INTO number_counter (organization_id, year, last) VALUES ({organization}, 2026, {tickets})"
    ))
    .await;
    hand.tidy().await;
}

/// Writes `photos` photos of the first ticket with hashes that look random.
pub(crate) async fn photos(hand: &Hand, town: &Town, photos: u64, now: i64) {
    let d = hand.dialect();
    let time = d.time.replace("{s}", &now.to_string());
    let id = d.id.replace("{s}", &now.to_string()).replace("{tag}", "00a");
    let organization = (d.uuid)(town.organization.0);
    let empty = match hand {
        Hand::Sqlite(_) => "zeroblob(32)",
        Hand::Postgres(_) => "decode(repeat('00', 32), 'hex')",
    };
    // Four bands that walk through their values by primes of their own.
    let bands = [7_919, 104_729, 15_485, 32_452]
        .map(|prime| format!("((i + 1) * {prime} * 31 + i / 65536 * {prime}) % 65536"));
    let [a, b, c, e] = &bands;
    for from in (0..photos).step_by(BATCH as usize) {
        let to = (from + BATCH).min(photos);
        let numbers = d.numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        hand.run(format!(
            "{numbers}
             INSERT INTO photo (id, organization_id, ticket_id, kind, state, sha256, bytes, added_by, added_at)
             SELECT {id}, {organization}, (SELECT id FROM ticket LIMIT 1), 'after', 'received', {empty}, 1,
                 {organization}, {time}
             FROM n"
        ))
        .await;
        hand.run(format!(
            "{numbers}
             INSERT INTO photo_hash (photo_id, organization_id, hash, band_0, band_1, band_2, band_3)
             SELECT {id}, {organization}, (({a}) << 48) | (({b}) << 32) | (({c}) << 16) | ({e}), {a}, {b}, {c}, {e}
             FROM n"
        ))
        .await;
    }
    hand.tidy().await;
}

/// Residents of one house.
const HOUSE: u64 = 500;

/// Writes residents, each with a flat, a number and a phone with the app, and returns their houses. It is noon there, so
/// that no message waits for the morning.
pub(crate) async fn residents(hand: &Hand, town: &Town, residents: u64, now: i64) -> Vec<uuid::Uuid> {
    let d = hand.dialect();
    let time = d.time.replace("{s}", &now.to_string());
    let id = |tag: &str| d.id.replace("{s}", &now.to_string()).replace("{tag}", tag);
    let (resident, premises, organization) = (id("00c"), id("00d"), (d.uuid)(town.organization.0));
    // The signs of these zones are turned around.
    let zone = format!("Etc/GMT{:+}", now / 3600 % 24 - 12);
    let (is_true, is_false, digits) = (d.is_true, d.is_false, d.digits);
    let mut houses = Vec::new();
    for from in (0..residents).step_by(HOUSE as usize) {
        let house = uuid::Uuid::now_v7();
        let to = (from + HOUSE).min(residents);
        let numbers = d.numbers.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
        let building = (d.uuid)(house);
        let rows = [
            format!(
                "premises (id, organization_id, building_id, kind, number, doc_version, version, created_at)
                 SELECT {premises}, {organization}, {building}, 'flat', CAST(i AS TEXT), 1, 1, {time} FROM n"
            ),
            format!(
                "resident (id, organization_id, full_name, locale, disabled, search, doc_version, version, created_at)
                 SELECT {resident}, {organization}, 'Ильина Анна Петровна', 'ru', {is_false},
                     'ильина анна петровна 79' || {digits}, 1, 1, {time}
                 FROM n"
            ),
            format!(
                "resident_phone (resident_id, phone, organization_id, position)
                 SELECT {resident}, '+79' || {digits}, {organization}, 0 FROM n"
            ),
            format!(
                "account (id, organization_id, number, premises_id, resident_id)
                 SELECT {account}, {organization}, CAST(i AS TEXT), {premises}, {resident} FROM n",
                account = id("00e"),
            ),
            format!(
                "device (id, organization_id, resident_id, platform, push_token, app_version, active, version, created_at)
                 SELECT {device}, {organization}, {resident}, 'android', '{TOKEN}' || {digits}, '1.0', {is_true}, 1, {time}
                 FROM n",
                device = id("00f"),
            ),
        ];
        hand.run(format!(
            "INSERT INTO building (id, organization_id, address, zone, search, active, version, created_at)
             VALUES ({building}, {organization}, 'Москва, улица Мира, {from}', '{zone}', 'москва улица мира {from}',
                 {is_true}, 1, {time})"
        ))
        .await;
        for rows in rows {
            hand.run(format!("{numbers} INSERT INTO {rows}")).await;
        }
        houses.push(house);
    }
    hand.tidy().await;
    houses
}

/// Gives a technician a phone with the app.
pub(crate) async fn phone(hand: &Hand, town: &Town, technician: usize, now: i64) {
    let d = hand.dialect();
    hand.run(format!(
        "INSERT INTO device (id, organization_id, user_id, platform, push_token, app_version, active, version, created_at)
         VALUES ({device}, {organization}, {user}, 'android', '{TOKEN}technician', '1.0', {is_true}, 1, {time})",
        device = (d.uuid)(uuid::Uuid::now_v7()),
        organization = (d.uuid)(town.organization.0),
        user = (d.uuid)(town.technicians[technician].0),
        is_true = d.is_true,
        time = d.time.replace("{s}", &now.to_string()),
    ))
    .await;
}

/// Tokens of FCM are about as long and begin alike.
const TOKEN: &str = "fQkT3xYhRkqv2Jm0c8Wd1A:APA91bGmZ7tXo0y5sVhJr4nKpQe9uLwBzC2dFiTgYxNaMvRkHj3S8lUqPcE6oWbD1ItXy0ZfVnGsAhKjLmRpQoTuWvYz";

/// As the search column has them. Three thousandths of the names are the rare one.
pub(crate) const SURNAMES: [&str; 12] = [
    "абрамов",
    "баранов",
    "власов",
    "голубев",
    "дмитриев",
    "егоров",
    "жуков",
    "зайцев",
    "ильин",
    "карпов",
    "лебедев",
    "макаров",
];
