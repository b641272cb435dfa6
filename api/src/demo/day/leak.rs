//! A pipe has burst: registered in the app, localised, mended, returned once, accepted.

use naryad_domain::{Result, catalogue::PhotoKind};
use serde_json::{Value, json};

use super::{Day, Ticket, open_visit};
use crate::demo::{person::Person, reply::Reply};

/// The leak, with those whom it concerns.
pub(super) struct Leak {
    ticket: Ticket,
    resident: Person,
    plumber: Person,
    visit: String,
}

/// The resident writes as one writes in a hurry; the dispatcher sends a crew of two.
pub(super) async fn registered(day: &mut Day<'_>) -> Result<Leak> {
    const WORDS: &str = "Помогите!!! Под мойкой лопнула труба (холодная вода), заливает кухню :(";
    let neighbour = day.world.company.resident_of(0, 6)?.clone();
    day.wait_until(8, 12)?;
    let resident = Person::resident(&day.wire, &neighbour).await?;
    day.tell(&resident, None, "входит в приложение по коду из сообщения");
    let me = resident.get("/v1/me").await?.ok(200)?;
    let body = json!({
        "request_type_id": day.world.company.kind("HVS-BURST")?, "description": WORDS,
        "premises_id": me.text("/memberships/0/premises/0/id")?,
    });
    let (ticket, reply) = day.register(&resident, neighbour.house, &body, "подаёт заявку об аварии").await?;
    let reply = reply.with("/original_words", WORDS)?;
    day.timeline.more(format!("пишет: «{WORDS}»"));
    day.timeline.more(format!("в заявке: «{}»", reply.text("/description")?));
    day.say(&reply)?;

    day.wait_until(8, 15)?;
    let desk = day.desk.clone();
    let waiting =
        desk.get("/v1/tickets?status=registered").await?.ok(200)?.with("/items/0/number", &ticket.number)?;
    day.tell(&desk, Some(&ticket), format!("видит заявку, новых: {}", waiting.list("/items")?.len()));
    let crew = day.crew(&["plumber", "plumber2"], (8, 30), (10, 30))?;
    let reply = day.moves(&desk, &ticket, "plan", &crew, "отправляет бригаду из двух человек").await?;
    day.say(&reply)?;
    let visit = open_visit(&reply)?;
    let plumber = Person::staff(&day.wire, day.world.colleague("plumber")?).await?;
    Ok(Leak { ticket, resident, plumber, visit })
}

impl Leak {
    fn here(&self) -> (&Ticket, &str) {
        (&self.ticket, &self.visit)
    }

    /// Within half an hour of the registration the water is shut off (R14).
    pub(super) async fn localized(&self, day: &mut Day<'_>) -> Result<()> {
        let (plumber, now) = (&self.plumber, json!({}));
        day.wait_until(8, 19)?;
        day.visits(plumber, self.here(), "en-route", &now, "бригада выехала").await?;
        day.wait_until(8, 31)?;
        let reply = day.visits(plumber, self.here(), "start", &now, "начинает работу").await?;
        reply.with("/status", "in_progress")?;
        day.photo(plumber, self.here(), PhotoKind::Before, false).await?;
        day.wait_until(8, 38)?;
        let reply =
            day.moves(plumber, &self.ticket, "localize", &now, "авария локализована, стояк перекрыт").await?;
        reply.text("/localized_at")?;
        day.wait_until(8, 42)?;
        let comment = json!({
            "audience": "resident",
            "body": "Стояк холодной воды перекрыт, работы продлятся до 10:30. Воду включим сразу после замены участка трубы.",
        });
        let desk = day.desk.clone();
        desk.post(&format!("/v1/tickets/{}/comments", self.ticket.id), &comment).await?.ok(201)?;
        day.tell(&desk, Some(&self.ticket), "пишет жителю");
        day.timeline.more(format!("«{}»", comment["body"].as_str().unwrap_or_default()));
        Ok(())
    }

    /// Closing is refused until everything that the kind of work demands is there.
    pub(super) async fn mended(&self, day: &mut Day<'_>) -> Result<()> {
        let (plumber, ticket) = (&self.plumber, &self.ticket);
        day.wait_until(9, 50)?;
        let refusal = plumber.post(&format!("/v1/tickets/{}/complete", ticket.id), &json!({})).await?;
        let refusal = refusal.refused(422, "evidence_missing")?;
        day.tell(plumber, Some(ticket), "закрыть заявку рано, не хватает:");
        for missing in refusal.text("/detail")?.split("; ") {
            day.timeline.more(format!("- {missing}"));
        }
        for (code, quantity) in [("PIPE-PP20", "1.5"), ("COUPLING-PP20", "2"), ("VALVE-15", "1")] {
            self.uses(day, code, quantity).await?;
        }
        day.photo(plumber, self.here(), PhotoKind::After, true).await?;
        day.photo(plumber, self.here(), PhotoKind::Act, false).await?;
        day.wait_until(10, 5)?;
        let reply = day.moves(plumber, ticket, "complete", &json!({}), "работы выполнены").await?;
        day.say(&reply.with("/status", "completed")?)
    }

    async fn uses(&self, day: &mut Day<'_>, code: &str, quantity: &str) -> Result<()> {
        let body = json!({
            "material_id": day.world.company.material(code)?, "quantity": quantity, "visit_id": self.visit,
        });
        let path = format!("/v1/tickets/{}/materials", self.ticket.id);
        let reply = self.plumber.post(&path, &body).await?.ok(201)?;
        let lines = reply.list("/materials")?;
        let line =
            lines.iter().find(|line| line["material_id"] == body["material_id"]).unwrap_or(&Value::Null);
        let (name, unit) = (line["name"].as_str().unwrap_or("?"), line["unit"].as_str().unwrap_or("?"));
        let kopecks = line["total_minor"].as_i64().unwrap_or_default();
        let (roubles, kopecks, quantity) = (kopecks / 100, kopecks % 100, quantity.replace('.', ","));
        let what = format!("материал: {name}, {quantity} {unit}, {roubles},{kopecks:02} руб.");
        day.tell(&self.plumber, Some(&self.ticket), what);
        Ok(())
    }

    /// The resident is asked, finds a drop, and is content the second time.
    pub(super) async fn returned_and_accepted(&self, day: &mut Day<'_>) -> Result<()> {
        let (resident, plumber, ticket) = (&self.resident, &self.plumber, &self.ticket);
        day.wait_until(12, 2)?;
        let asked = self.asked(resident).await?;
        let comments = asked.list("/comments")?.len();
        day.tell(resident, Some(ticket), format!("проверяет работу, сообщений от диспетчера: {comments}"));
        let why = json!({ "reason": "После включения воды капает из новой муфты." });
        let reply = day.moves(resident, ticket, "return", &why, "возвращает заявку").await?;
        reply.with("/status", "registered")?;
        day.timeline.more(format!("«{}»", why["reason"].as_str().unwrap_or_default()));

        day.wait_until(12, 6)?;
        let crew = day.crew(&["plumber"], (12, 30), (13, 30))?;
        let desk = day.desk.clone();
        let reply = day.moves(&desk, ticket, "plan", &crew, "отправляет сантехника снова").await?;
        day.say(&reply)?;
        let visit = open_visit(&reply)?;
        day.wait_until(12, 33)?;
        day.visits(plumber, (ticket, &visit), "start", &json!({}), "начинает работу").await?;
        day.photo(plumber, (ticket, &visit), PhotoKind::After, false).await?;
        day.wait_until(12, 58)?;
        let reply =
            day.moves(plumber, ticket, "complete", &json!({}), "муфта перепаяна, работы выполнены").await?;
        reply.with("/status", "completed")?;

        day.wait_until(13, 20)?;
        self.asked(resident).await?;
        let reply = day.moves(resident, ticket, "accept", &Value::Null, "принимает работу").await?;
        day.say(&reply.with("/status", "closed")?)
    }

    /// What the app shows the resident: the work is done, accept it or return it.
    async fn asked(&self, resident: &Person) -> Result<Reply> {
        let shown = resident.get(&format!("/v1/tickets/{}", self.ticket.id)).await?.ok(200)?;
        shown.with("/legal_moves/0", "accept")?.with("/legal_moves/1", "return")
    }
}
