//! The demo: whoever has the program has an organization to look at.

use std::path::Path;

use naryad_tests::{House, on_both, photos};
use tokio::process::Command;

/// Of the words of the demo those that say that the day went as it should.
const TOLD: &[&str] = &[
    "домов 6, квартир 60, жителей 80, сотрудников 12, из них техников 7,",
    "Четверг, 26 февраля 2026",
    "08:12",
    "пишет: «Помогите!!! Под мойкой лопнула труба (холодная вода), заливает кухню :(»",
    "говорим: «Заявка № 2026-000001 зарегистрирована.",
    "связь оборвалась, дослано с байта",
    "сообщает условие: «К приходу специалиста подготовьте договор и паспорт прибора учёта.»",
    "на 9:30 сантехник занят, ближайшее свободное время 10:30",
    "- Не указаны использованные материалы",
    "чужих работников не записывает",
    "возвращает заявку",
    "- Не хватает фото «нет доступа»: нужно 1, приложено 0",
    "Воскресенье, 1 марта 2026",
    "три дня без возражений, заявка закрыта",
    "Понедельник, 2 марта 2026",
    "заявок 7: закрыто 4, отложено 1, отменено 1, назначено 1; снимков 7",
    "personal values, 0 findings",
    "documents, 0 findings",
    "password demo-password: admin, manager, dispatcher,",
];

/// The commands of the tour, as a reader pastes them, against another address.
fn tour(api: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let pages = ["README.md", "docs/tour.md"]
        .map(|page| std::fs::read_to_string(root.join(page)).unwrap_or_default());
    let (_, tour) =
        pages.iter().find_map(|page| page.split_once("## 60-second tour")).expect("a page has the tour");
    let (_, script) = tour.split_once("```bash\n").expect("the tour has commands");
    let (script, _) = script.split_once("```").expect("the commands end");
    script.replace("http://127.0.0.1:8080", api)
}

on_both! {
    closed,
    /// What the README promises for the first minute happens when it is pasted.
    async fn the_tour_works_as_it_is_written(house: &House) {
        house.naryad(&["demo", "--size", "small"]).await.expect_success();
        house.open().await;
        let script = tour(&house.main().url());
        let ran = Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().await.expect("bash is there");
        let (said, errors) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{said}{errors}");
        for words in
            ["№ 2026-000008 зарегистрирована", "№ 2026-000008 назначена. Придёт", "409 slot_taken", "выполнены", "ticket.complete dispatcher"]
        {
            assert!(said.contains(words), "«{words}» is missing in\n{said}{errors}");
        }
    }
}

on_both! {
    closed,
    /// The day is played and told; the house that it leaves opens, and is not furnished twice.
    async fn the_demo_leaves_a_house_with_a_day_behind_it(house: &House) {
        let told = house.naryad(&["demo", "--size", "small"]).await.expect_success().stdout;
        for words in TOLD {
            assert!(told.contains(words), "«{words}» is missing in\n{told}");
        }
        let again = house.naryad(&["demo", "--size", "small"]).await.expect_success().stdout;
        assert!(again.contains("no demo is made"), "{again}");

        house.open().await;
        let dispatcher = house.client();
        dispatcher.login("dispatcher", "demo-password").await.ok(200);
        let tickets = dispatcher.get("/v1/tickets").await.ok(200).has("/items/0/status", "planned");
        assert_eq!(tickets.list("/items").len(), 7);
        let closed = dispatcher.get("/v1/tickets?status=closed").await.ok(200);
        assert_eq!(closed.list("/items").len(), 4);
        assert_eq!(dispatcher.get("/v1/buildings").await.ok(200).list("/items").len(), 6);
    }
}

on_both! {
    closed,
    /// A shift without a network, by the reference client: what it lost of answers and what changed meanwhile included, it
    /// adds up, or the demo fails.
    async fn the_demo_plays_a_shift_without_a_network(house: &House) {
        let told = house.naryad(&["demo", "--size", "small", "--offline"]).await.expect_success().stdout;
        for words in [
            "> POST /v1/auth/pair",
            "действий в очереди 5, ничего не потеряно",
            "ответ потерян на обратном пути",
            "сошлось: действий 7, ответов 7, снимков 2, материал учтён один раз, выполнено в 18:44 по верным часам",
            "personal values, 0 findings",
        ] {
            assert!(told.contains(words), "«{words}» is missing in\n{told}");
        }
    }
}

on_both! {
    closed,
    /// Photos of one's own are taken in turn; what is stored already is not sent again.
    async fn the_demo_takes_photos_of_ones_own(house: &House) {
        let folder = house.data().join("camera");
        std::fs::create_dir(&folder).unwrap();
        for seed in 0..3 {
            std::fs::write(folder.join(format!("{seed}.jpg")), photos::jpeg_of(seed, 2400, 1800, 95)).unwrap();
        }
        std::fs::write(folder.join("readme.txt"), "no photo").unwrap();
        let told = house.naryad(&["demo", "--size", "small", "--photos", folder.to_str().unwrap()]).await.expect_success().stdout;
        assert!(told.contains("снимков 7") && told.contains("такой снимок уже хранится"), "{told}");
    }
}

on_both! {
    closed,
    /// Half a day is no demo: it is not taken for one.
    async fn an_interrupted_demo_is_not_served(house: &House) {
        std::fs::write(house.data().join("demo.unfinished"), "").unwrap();
        let refused = house.naryad(&["demo", "--size", "small", "--serve", "--listen", "127.0.0.1:0"]).await.expect_failure();
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("demo.unfinished"), "{}", refused.stderr);
    }
}

on_both! {
    closed,
    /// The demo in full: two tenants and a contractor with two months behind them, and none sees the other's.
    async fn the_demo_in_full(house: &House) {
        let told = house.naryad(&["demo"]).await.expect_success().stdout;
        for words in ["домов 40,", "из них техников 25,", "три дня без возражений, заявка закрыта", "personal values, 0 findings"] {
            assert!(told.contains(words), "«{words}» is missing in\n{told}");
        }
        house.open().await;
        let count = async |login: &str, path: &str| {
            let client = house.client();
            client.login(login, "demo-password").await.ok(200);
            let (mut count, mut cursor) = (0, String::new());
            loop {
                let page = client.get(&format!("{path}?limit=200{cursor}")).await.ok(200);
                count += page.list("/items").len();
                match page.json("/next_cursor").as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => return count,
                }
            }
        };
        let (ours, theirs) = (count("manager", "/v1/tickets").await, count("ural-manager", "/v1/tickets").await);
        assert_eq!(ours + theirs, 320 + 7, "{ours} + {theirs}");
        assert_eq!(count("admin", "/v1/buildings").await, 24);
        assert_eq!(count("ural-admin", "/v1/buildings").await, 16);
        let residents = count("dispatcher", "/v1/residents").await + count("ural-dispatcher", "/v1/residents").await;
        assert!(residents >= 2_000, "{residents}");
        let passed = count("lift-dispatcher", "/v1/tickets").await;
        assert!((2..100).contains(&passed), "{passed}");
    }
}
