//! Questions and answers, on both databases.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;

use super::{
    invitation::InvitationState as State,
    reply::{ReplyBySms, SmsReply},
    reply_row::ReplyOutcome,
    silence::{SetSilence, StopByLink, Who, ask_me},
    *,
};
use crate::{
    Clock as _, Code, Error, Scope, alert,
    auth::{Purpose, Role, ServerSecret},
    id::{InvitationId, ResidentId, TicketId, UserId},
    notification::{self, NotificationKind, NotificationState},
    page::PageRequest,
    people::{
        locale::Locale,
        organization::{self, store as organizations},
        resident::store as residents,
    },
    survey::answer_row::{AnswerChannel, FollowUp},
    testing::{House, TestDb, assert_sound, databases, house},
    ticket::{self, AutoClose, Complete, Register, Status},
};

fn links() -> Links {
    Links::new(ServerSecret::for_tests(Purpose::Survey), None)
}

struct Street {
    test: TestDb,
    house: House,
    resident: ResidentId,
}

const PHONE: &str = "+79123456789";
const STRANGER: &str = "+79123456700";

impl Street {
    async fn each() -> Vec<Self> {
        let mut streets = Vec::new();
        for test in databases().await {
            let house = house(&test.db).await;
            let resident = move_in(&test, &house, PHONE, "101").await;
            streets.push(Self { test, house, resident });
        }
        streets
    }

    fn manager(&self) -> Scope {
        Scope::staff(self.house.organization, self.house.dispatcher, Role::Manager)
    }

    fn integration(&self) -> Scope {
        Scope::staff(self.house.organization, self.house.dispatcher, Role::Integration)
    }

    fn me(&self) -> Scope {
        let login = crate::id::LoginId(crate::id::new_uuid(&self.test.clock));
        Scope::resident(self.house.organization, login, self.resident)
    }

    async fn settings(&self, surveys: serde_json::Value) {
        let admin = Scope::staff(self.house.organization, self.house.dispatcher, Role::Admin);
        let row = organization::Entity::find_by_id(self.house.organization);
        let version = row.one(&self.test.db.reader()).await.unwrap().unwrap().version;
        let args = serde_json::from_value(json!({ "settings": { "surveys": surveys } })).unwrap();
        let change = organizations::Change { version, args };
        self.test.db.write(admin, change).await.unwrap();
    }

    async fn register(&self, who: serde_json::Value) -> TicketId {
        let mut args = json!({
            "request_type_id": self.house.kind, "premises_id": self.house.premises, "description": "Запах.",
        });
        args.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        let register = Register { args: serde_json::from_value(args).unwrap() };
        self.test.db.write(self.house.desk(), register).await.unwrap()
    }

    async fn complete(&self, ticket: TicketId) {
        let args = json!({ "reason": "Доложил по телефону.", "waive_missing": true });
        let act = Complete { ticket, args: serde_json::from_value(args).unwrap() };
        self.test.db.write(self.house.desk(), act).await.unwrap();
    }

    /// A ticket of the resident whose work is done.
    async fn completed(&self) -> TicketId {
        let ticket = self.register(json!({ "resident_id": self.resident })).await;
        self.complete(ticket).await;
        ticket
    }

    /// The same of somebody who is known by his phone only.
    async fn completed_of(&self, phone: &str) -> TicketId {
        let ticket = self.register(json!({ "applicant_phone": phone })).await;
        self.complete(ticket).await;
        ticket
    }

    async fn pass(&self, time: TimeDelta) -> u64 {
        self.test.clock.advance(time);
        run_due(&self.test.db, &links()).await.unwrap()
    }

    async fn invitation(&self, ticket: TicketId) -> invitation::Model {
        let found = invitation::Entity::find().filter(invitation::Column::TicketId.eq(ticket));
        let found = found.order_by_desc(invitation::Column::Id).one(&self.test.db.reader()).await.unwrap();
        found.unwrap()
    }

    async fn told(&self, kind: NotificationKind) -> Vec<notification::row::Model> {
        let all = notification::row::Entity::find().filter(notification::row::Column::Kind.eq(kind));
        all.order_by_asc(notification::row::Column::Id).all(&self.test.db.reader()).await.unwrap()
    }

    /// The token of the newest question.
    async fn token(&self) -> String {
        let told = self.told(NotificationKind::SurveyAsk).await;
        let link = told.last().unwrap().facts["link"].as_str().unwrap().to_owned();
        link.strip_prefix("/v1/s/").unwrap().to_owned()
    }

    async fn open(&self, token: &str) -> Result<(Scope, invitation::Model), Error> {
        super::open(&self.test.db.reader(), &links(), token, self.test.clock.now()).await
    }

    async fn answer(&self, token: &str, answer: serde_json::Value) -> Result<Answered, Error> {
        let (scope, invitation) = self.open(token).await?;
        let answer = serde_json::from_value(answer).unwrap();
        self.test.db.write(scope, AnswerByLink { invitation: invitation.id, answer }).await
    }

    async fn write_back(&self, phone: &str, text: &str) -> reply::SmsReplyDocument {
        let reply: SmsReply = serde_json::from_value(json!({ "phone": phone, "text": text })).unwrap();
        self.test.db.write(self.integration(), ReplyBySms { reply }).await.unwrap()
    }

    async fn status(&self, ticket: TicketId) -> (Status, i64) {
        let row = ticket::find(&self.test.db.reader(), &self.house.desk(), ticket).await.unwrap();
        (row.status, row.return_count)
    }

    async fn alerts(&self, kind: &str) -> usize {
        let rows = alert::row::Entity::find().filter(alert::row::Column::Kind.eq(kind));
        rows.all(&self.test.db.reader()).await.unwrap().len()
    }
}

async fn move_in(test: &TestDb, house: &House, phone: &str, account: &str) -> ResidentId {
    let args = json!({
        "full_name": "Фёдор Ильин", "phones": [phone],
        "accounts": [{ "number": account, "premises_id": house.premises }],
    });
    let create = residents::Create { args: serde_json::from_value(args).unwrap() };
    test.db.write(house.desk(), create).await.unwrap().id
}

const HOURS: fn(i64) -> TimeDelta = TimeDelta::hours;

#[tokio::test]
async fn after_the_work_the_applicant_is_asked_once_and_a_mark_of_two_reopens() {
    for street in Street::each().await {
        let ticket = street.completed().await;
        assert_eq!(street.pass(TimeDelta::minutes(119)).await, 0, "the delay is not over");
        assert_eq!(street.pass(TimeDelta::minutes(1)).await, 1);
        assert_eq!(street.pass(HOURS(1)).await, 0);
        let told = street.told(NotificationKind::SurveyAsk).await;
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].facts["question"],
            "Как выполнены работы по заявке № 2026-000001? Оценка от 1 до 5."
        );
        let token = street.token().await;
        let (scope, invitation) = street.open(&token).await.unwrap();
        assert_eq!(scope.organization(), street.house.organization);
        for bad in [json!({}), json!({ "mark": 0 }), json!({ "mark": 6 }), json!({ "comment": "Хорошо" })]
        {
            assert_eq!(street.answer(&token, bad).await.unwrap_err().code(), Code::InvalidField);
        }
        assert_eq!(street.status(ticket).await, (Status::Completed, 0));
        let answer = json!({ "mark": 2, "reasons": ["dirt"], "comment": "Снова пахнет." });
        let answered = street.answer(&token, answer).await.unwrap();
        assert_eq!(answered.follow_up, FollowUp::Returned);
        assert_eq!(street.status(ticket).await, (Status::Registered, 1));
        let returned =
            ticket::document(&street.test.db.reader(), &street.house.desk(), ticket).await.unwrap();
        assert_eq!(returned.returns[0].reason, "Оценка 2 из 5. Снова пахнет.");
        assert!(returned.returns[0].by_resident);
        let again = street.answer(&token, json!({ "mark": 5 })).await.unwrap_err();
        assert_eq!(again.code(), Code::SurveyAnswered);
        let known = answer_of(&street.test.db.reader(), &street.house.desk(), invitation.id).await.unwrap();
        assert_eq!((known.mark, known.channel, known.low), (Some(2), AnswerChannel::Link, true));
        assert_eq!(known.reasons, [Reason::Dirt]);
        // The answer stands in the journal of the ticket, and nothing of it is asked once more.
        let chain = crate::journal::Subject::new(crate::journal::SubjectKind::Ticket, ticket);
        let acts = crate::journal::history(&street.test.db.reader(), chain, 0, 50).await.unwrap();
        assert!(acts.iter().any(|entry| entry.act == "survey.answer"));
        assert_eq!(street.pass(TimeDelta::days(30)).await, 0);
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn forged_expired_and_withdrawn_links_change_nothing() {
    for street in Street::each().await {
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        let token = street.token().await;
        for forged in ["", "x", &token[1..], &format!("{token}A"), &token.to_uppercase()] {
            assert_eq!(street.open(forged).await.unwrap_err().code(), Code::NotFound, "{forged}");
        }
        // A reminder comes once, after two days; after a week the time is over.
        assert_eq!(street.pass(HOURS(47)).await, 0);
        assert_eq!(street.pass(HOURS(1)).await, 1);
        assert_eq!(street.told(NotificationKind::SurveyRemind).await.len(), 1);
        assert_eq!(street.pass(TimeDelta::days(5)).await, 1);
        assert_eq!(street.invitation(ticket).await.state, State::Expired);
        assert_eq!(street.told(NotificationKind::SurveyRemind).await.len(), 1);
        let late = street.answer(&token, json!({ "mark": 1 })).await.unwrap_err();
        assert_eq!(late.code(), Code::SurveyExpired);
        assert_eq!(street.status(ticket).await, (Status::Completed, 0));

        // What returned before anybody was asked is not asked about.
        let other = street.completed_of(STRANGER).await;
        let args = serde_json::from_value(json!({ "reason": "Не работает." })).unwrap();
        street.test.db.write(street.house.desk(), ticket::Return { ticket: other, args }).await.unwrap();
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(other).await.state, State::Withdrawn);
        street.complete(other).await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(other).await.state, State::Asked);
        // What was asked of work that returned meanwhile is not answered any more, by no way.
        let args = serde_json::from_value(json!({ "reason": "Не работает." })).unwrap();
        street.test.db.write(street.house.desk(), ticket::Return { ticket: other, args }).await.unwrap();
        let token = street.token().await;
        let closed = street.answer(&token, json!({ "mark": 5 })).await.unwrap_err();
        assert_eq!(closed.code(), Code::SurveyClosed);
        let (_, asked) = street.open(&token).await.unwrap();
        let now = street.test.clock.now();
        let page = SurveyPage::of(&street.test.db.reader(), &asked, Locale::Ru, now).await.unwrap_err();
        assert_eq!(page.code(), Code::SurveyClosed);
        assert_eq!(street.write_back(STRANGER, "1").await.outcome, ReplyOutcome::Unread);
        assert_eq!(street.status(other).await, (Status::Registered, 2));
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn one_answer_of_many_that_come_at_once() {
    for street in Street::each().await {
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        let (token, app) = (street.token().await, street.me());
        let answer: Answer = serde_json::from_value(json!({ "done": false })).unwrap();
        let by_app = AnswerByApp { ticket, answer };
        let (one, other, sms, by_app) = tokio::join!(
            street.answer(&token, json!({ "mark": 1 })),
            street.answer(&token, json!({ "mark": 2 })),
            street.write_back(PHONE, "1"),
            street.test.db.write(app, by_app),
        );
        let taken = [one.is_ok(), other.is_ok(), sms.outcome == ReplyOutcome::Answer, by_app.is_ok()];
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
        assert_eq!(street.status(ticket).await, (Status::Registered, 1));
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn a_message_that_is_no_mark_is_kept_for_somebody_to_read() {
    for street in Street::each().await {
        let ticket = street.completed_of(STRANGER).await;
        assert_eq!(street.write_back(STRANGER, "5").await.outcome, ReplyOutcome::Unread, "nobody has asked");
        street.pass(HOURS(2)).await;
        for text in ["Спасибо, всё хорошо", "5 этаж", "10"] {
            assert_eq!(street.write_back(STRANGER, text).await.outcome, ReplyOutcome::Unread);
        }
        assert_eq!(street.write_back("+79990000000", "5").await.outcome, ReplyOutcome::Unread);
        assert_eq!(street.invitation(ticket).await.state, State::Asked);
        let filter = reply::SmsReplyFilter { outcome: Some(ReplyOutcome::Unread) };
        let page = PageRequest::default();
        let desk = street.house.desk();
        let unread = reply::list(&street.test.db.reader(), &desk, &filter, &page).await.unwrap().items;
        assert_eq!(unread.len(), 5);
        for reply in &unread {
            street.test.db.write(desk, reply::ReadReply { reply: reply.id }).await.unwrap();
        }
        assert!(reply::list(&street.test.db.reader(), &desk, &filter, &page).await.unwrap().items.is_empty());
        let reply = street.write_back(STRANGER, " 4 ").await;
        assert_eq!(
            (reply.outcome, reply.invitation_id),
            (ReplyOutcome::Answer, Some(street.invitation(ticket).await.id))
        );
        assert_eq!(street.invitation(ticket).await.state, State::Answered);
        assert_eq!(street.status(ticket).await, (Status::Completed, 0));
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn who_said_do_not_ask_me_is_not_asked() {
    for street in Street::each().await {
        street.settings(json!({ "rest_days": 0 })).await;
        // By the link: what is open is not asked any more.
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        let token = street.token().await;
        let (scope, invitation) = street.open(&token).await.unwrap();
        for _ in 0..2 {
            street.test.db.write(scope, StopByLink { invitation: invitation.id }).await.unwrap();
        }
        assert_eq!(street.answer(&token, json!({ "mark": 5 })).await.unwrap_err().code(), Code::SurveyClosed);
        assert_eq!(street.invitation(ticket).await.state, State::Refused);
        assert!(!ask_me(&street.test.db.reader(), &street.me()).await.unwrap().ask);
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(ticket).await.state, State::Refused);
        // By the app he changes his mind, but cannot speak for others.
        let me = Who::Resident { id: street.resident };
        street.test.db.write(street.me(), SetSilence { who: me, silent: false }).await.unwrap();
        let flat = Who::Premises { id: street.house.premises };
        let refused = street.test.db.write(street.me(), SetSilence { who: flat.clone(), silent: true }).await;
        assert_eq!(refused.unwrap_err().code(), Code::NotFound);
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(ticket).await.state, State::Asked);
        // The flat says it to the desk: neither its residents nor whoever calls from there.
        street
            .test
            .db
            .write(street.house.desk(), SetSilence { who: flat.clone(), silent: true })
            .await
            .unwrap();
        assert_eq!(street.invitation(ticket).await.state, State::Refused, "what is open");
        let told = street.told(NotificationKind::SurveyAsk).await;
        assert!(told.iter().all(|told| told.state == NotificationState::Superseded), "what waits to be said");
        let (one, other) = (street.completed().await, street.completed_of(STRANGER).await);
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(one).await.state, State::Refused);
        assert_eq!(street.invitation(other).await.state, State::Refused);
        street.test.db.write(street.house.desk(), SetSilence { who: flat, silent: false }).await.unwrap();
        // The desk notes it of his number only: he is not reminded.
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(ticket).await.state, State::Asked);
        let number = Who::Phone { phone: crate::text::PhoneNumber::parse(PHONE).unwrap() };
        let silent = |silent| SetSilence { who: number.clone(), silent };
        street.test.db.write(street.house.desk(), silent(true)).await.unwrap();
        street.pass(HOURS(48)).await;
        assert_eq!(street.invitation(ticket).await.state, State::Refused);
        assert!(street.told(NotificationKind::SurveyRemind).await.is_empty());
        street.test.db.write(street.house.desk(), silent(false)).await.unwrap();
        // By a text message.
        assert_eq!(street.write_back(STRANGER, "Стоп").await.outcome, ReplyOutcome::Stop);
        assert_eq!(street.write_back(PHONE, "СТОП!").await.outcome, ReplyOutcome::Stop);
        let (one, other) = (street.completed().await, street.completed_of(STRANGER).await);
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(one).await.state, State::Refused);
        assert_eq!(street.invitation(other).await.state, State::Refused);
        assert_eq!(street.told(NotificationKind::SurveyAsk).await.len(), 3);
        // Whoever wants to be asked again is, whichever way he had said it.
        let me = Who::Resident { id: street.resident };
        street.test.db.write(street.me(), SetSilence { who: me, silent: false }).await.unwrap();
        assert!(ask_me(&street.test.db.reader(), &street.me()).await.unwrap().ask);
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(ticket).await.state, State::Asked);
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn nobody_is_asked_too_often_nor_out_of_the_sample() {
    for street in Street::each().await {
        street.settings(json!({ "rest_days": 10 })).await;
        let first = street.completed().await;
        street.pass(HOURS(2)).await;
        let mut tickets = Vec::new();
        for _ in 0..4 {
            street.test.clock.advance(TimeDelta::days(2));
            tickets.push(street.completed().await);
            street.pass(HOURS(3)).await;
        }
        let state = async |ticket| street.invitation(ticket).await.state;
        assert!(matches!(state(first).await, State::Expired | State::Reminded));
        for ticket in tickets {
            assert_eq!(state(ticket).await, State::Skipped);
        }
        street.test.clock.advance(TimeDelta::days(2));
        let rested = street.completed().await;
        street.pass(HOURS(3)).await;
        assert_eq!(state(rested).await, State::Asked);
        // No two questions to a person are closer than he was promised.
        let mut asked: Vec<_> = invitation::Entity::find().all(&street.test.db.reader()).await.unwrap();
        asked.retain(|row| row.asked_at.is_some());
        assert_eq!(asked.len(), 2);
        assert!((asked[1].asked_at.unwrap() - asked[0].asked_at.unwrap()).abs() >= TimeDelta::days(10));

        street.settings(json!({ "sample_percent": 0 })).await;
        let ticket = street.completed_of(STRANGER).await;
        let planned = invitation::Entity::find().filter(invitation::Column::TicketId.eq(ticket));
        assert!(planned.one(&street.test.db.reader()).await.unwrap().is_none());
        // Who wants to say something can say it nevertheless.
        let own = street.completed().await;
        let answer = || serde_json::from_value(json!({ "mark": 5 })).unwrap();
        street.test.db.write(street.me(), AnswerByApp { ticket: own, answer: answer() }).await.unwrap();
        let again = street.test.db.write(street.me(), AnswerByApp { ticket: own, answer: answer() }).await;
        assert_eq!(again.unwrap_err().code(), Code::SurveyAnswered);
        let open = street.register(json!({ "resident_id": street.resident })).await;
        let early = street.test.db.write(street.me(), AnswerByApp { ticket: open, answer: answer() }).await;
        assert_eq!(early.unwrap_err().code(), Code::IllegalMove);
        let others = street.test.db.write(street.me(), AnswerByApp { ticket, answer: answer() }).await;
        assert_eq!(others.unwrap_err().code(), Code::NotFound);
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn a_bad_answer_that_comes_too_late_to_return_is_looked_into_within_its_term() {
    for street in Street::each().await {
        street.settings(json!({ "link_days": 60, "remind_hours": 0 })).await;
        let ticket = street.completed().await;
        street.pass(HOURS(2)).await;
        let token = street.token().await;
        let close = AutoClose { ticket, return_count: 0 };
        street.test.db.write(Scope::system(street.house.organization), close).await.unwrap();
        street.pass(TimeDelta::days(15)).await;
        let answered = street.answer(&token, json!({ "done": false })).await.unwrap();
        assert_eq!(answered.follow_up, FollowUp::Review);
        assert_eq!(answered.review_by, Some(street.test.clock.now() + HOURS(24)));
        assert_eq!(street.status(ticket).await, (Status::Closed, 0));
        assert_eq!((street.alerts("survey_low").await, street.alerts("survey_review_late").await), (1, 0));
        let filter = AnswerFilter { review: Some(true), ..AnswerFilter::default() };
        let waiting = async || {
            let (desk, page) = (street.house.desk(), PageRequest::default());
            answers(&street.test.db.reader(), &desk, &filter, &page).await.unwrap().items.len()
        };
        assert_eq!(waiting().await, 1);
        assert_eq!(street.pass(HOURS(24)).await, 1);
        assert_eq!(street.pass(HOURS(24)).await, 0);
        assert_eq!(street.alerts("survey_review_late").await, 1);
        let args: review::ReviewAnswer =
            serde_json::from_value(json!({ "word": "Мастер съездил." })).unwrap();
        let act = review::Review { invitation: answered.id, args };
        street.test.db.write(street.house.desk(), act.clone()).await.unwrap();
        let again = street.test.db.write(street.house.desk(), act).await.unwrap_err();
        assert_eq!(again.code(), Code::ReviewDecided);
        assert_eq!(waiting().await, 0);
        let rows = alert::row::Entity::find().filter(alert::row::Column::Kind.starts_with("survey_"));
        let rows = rows.all(&street.test.db.reader()).await.unwrap();
        assert!(rows.iter().all(|alert| alert.ended_at.is_some()), "nobody need look any more");
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn whom_no_message_reaches_the_desk_calls() {
    for street in Street::each().await {
        let wire = street.completed_of("+74951234567").await;
        let unreached = street.completed().await;
        street.pass(HOURS(2)).await;
        assert_eq!(street.invitation(wire).await.state, State::Call);
        let listed = async || {
            let (desk, now, page) = (street.house.desk(), street.test.clock.now(), PageRequest::default());
            calls(&street.test.db.reader(), &desk, now, &page).await.unwrap().items
        };
        assert_eq!(listed().await.iter().map(|call| call.ticket_id).collect::<Vec<_>>(), [Some(wire)]);
        street.test.db.write(Scope::system(street.house.organization), Fail).await.unwrap();
        let list = listed().await;
        assert_eq!(list.len(), 2);
        let call = list.iter().find(|call| call.ticket_id == Some(unreached)).unwrap();
        assert_eq!((call.phone.as_deref(), call.full_name.as_deref()), (Some(PHONE), Some("Фёдор Ильин")));
        // Who cannot be reached is not reminded.
        street.pass(HOURS(48)).await;
        assert!(street.told(NotificationKind::SurveyRemind).await.is_empty());
        for call in list {
            let answer = serde_json::from_value(json!({ "mark": 4 })).unwrap();
            let act = AnswerByPhone { invitation: call.id, answer };
            street.test.db.write(street.house.desk(), act).await.unwrap();
        }
        assert!(listed().await.is_empty());
        let technician = street.house.technician(0);
        let (now, page) = (street.test.clock.now(), PageRequest::default());
        let refused = calls(&street.test.db.reader(), &technician, now, &page).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        assert_sound(&street.test.db).await;
    }
}

/// The delivery gives up.
struct Fail;

impl crate::write::Act for Fail {
    const NAME: &'static str = "test.fail";
    type Out = ();

    async fn run(&self, tx: &mut crate::write::Tx) -> crate::Result<()> {
        for before in notification::row::Entity::find().all(&tx.reader()).await? {
            let after =
                notification::row::Model { state: NotificationState::Call, next_at: None, ..before.clone() };
            tx.update(&before, &after).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_poll_asks_every_resident_of_the_buildings_once() {
    for street in Street::each().await {
        for number in 0..60 {
            move_in(&street.test, &street.house, &format!("+7912000{number:04}"), &format!("2{number}"))
                .await;
        }
        let args = json!({ "question": "Довольны ли вы уборкой подъезда?", "building_ids": [street.house.building] });
        let poll_of =
            |args: &serde_json::Value| CreatePoll { args: serde_json::from_value(args.clone()).unwrap() };
        let refused = street.test.db.write(street.house.desk(), poll_of(&args)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        let strange =
            json!({ "question": "Кто?", "building_ids": [crate::id::new_uuid(&street.test.clock)] });
        let refused = street.test.db.write(street.manager(), poll_of(&strange)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        // The one who was asked about his ticket waits until he has rested.
        street.completed().await;
        street.pass(HOURS(2)).await;
        let id = street.test.db.write(street.manager(), poll_of(&args)).await.unwrap();
        street.pass(TimeDelta::zero()).await;
        street.pass(TimeDelta::zero()).await;
        let desk = street.house.desk();
        let seen = poll(&street.test.db.reader(), &desk, id).await.unwrap();
        assert_eq!((seen.planned, seen.asked, seen.answered, seen.gathered), (1, 60, 0, true));
        assert_eq!(street.told(NotificationKind::SurveyAsk).await.len(), 61);
        let token = street.token().await;
        let answered = street.answer(&token, json!({ "mark": 1 })).await.unwrap();
        assert_eq!(answered.follow_up, FollowUp::Review, "there is no ticket to return");
        // However many are bad, they are one alert, and it ends with the last that is looked into.
        let other = invitation::Entity::find()
            .filter(invitation::Column::SurveyId.eq(id))
            .filter(invitation::Column::State.eq(State::Asked));
        let other = other.one(&street.test.db.reader()).await.unwrap().unwrap().id;
        let answer = serde_json::from_value(json!({ "mark": 2 })).unwrap();
        street.test.db.write(desk, AnswerByPhone { invitation: other, answer }).await.unwrap();
        assert_eq!(street.alerts("survey_low").await, 1);
        for (invitation, stand) in [(answered.id, 1), (other, 0)] {
            let args = serde_json::from_value(json!({ "word": "Уборка усилена." })).unwrap();
            street.test.db.write(desk, review::Review { invitation, args }).await.unwrap();
            let standing = alert::row::Entity::find().filter(alert::row::Column::EndedAt.is_null());
            assert_eq!(standing.all(&street.test.db.reader()).await.unwrap().len(), stand);
        }
        street.pass(TimeDelta::days(7)).await;
        let seen = poll(&street.test.db.reader(), &desk, id).await.unwrap();
        assert_eq!((seen.planned, seen.asked, seen.answered, seen.expired), (0, 61, 2, 58));
        assert_eq!(
            polls(&street.test.db.reader(), &desk, &PageRequest::default()).await.unwrap().items,
            [seen]
        );
        assert_sound(&street.test.db).await;
    }
}

#[tokio::test]
async fn the_report_says_of_how_many_marks_a_mean_is() {
    for street in Street::each().await {
        let answer = async |invitation: InvitationId, answer: serde_json::Value| {
            let answer = serde_json::from_value(answer).unwrap();
            street.test.db.write(street.house.desk(), AnswerByPhone { invitation, answer }).await.unwrap();
        };
        for (number, body) in
            [json!({ "mark": 5 }), json!({ "mark": 4 }), json!({ "done": false }), json!(null)]
                .iter()
                .enumerate()
        {
            let ticket = street.completed_of(&format!("+7912345000{number}")).await;
            street.pass(HOURS(2)).await;
            if !body.is_null() {
                answer(street.invitation(ticket).await.id, body.clone()).await;
            }
        }
        for by in [Grouping::Type, Grouping::Building, Grouping::Technician] {
            let range = SurveyReportRange { by, ..SurveyReportRange::default() };
            let now = street.test.clock.now();
            let seen = report(&street.test.db.reader(), &street.manager(), range, now).await.unwrap();
            let total = &seen.total;
            assert_eq!(
                (total.invited, total.asked, total.answered, total.answered_percent),
                (4, 4, 3, Some(75))
            );
            assert_eq!((total.marks, total.mean_hundredths), (2, Some(450)));
            assert_eq!((total.not_done, total.low, total.returned), (1, 1, 1));
            if by == Grouping::Technician {
                assert!(seen.lines.is_empty(), "nobody was sent");
            } else {
                assert_eq!(seen.lines.len(), 1);
                assert_eq!(seen.lines[0].marks, 2);
                assert!(seen.lines[0].name.is_some() && seen.lines[0].id.is_some());
            }
            let refused =
                report(&street.test.db.reader(), &street.house.desk(), range, now).await.unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
        }
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    for street in Street::each().await {
        let other = house(&street.test.db).await;
        street.completed().await;
        street.pass(HOURS(2)).await;
        let token = street.token().await;
        let (_, invitation) = street.open(&token).await.unwrap();
        let stranger = other.desk();
        let reader = street.test.db.reader();
        let answer = || serde_json::from_value(json!({ "mark": 1 })).unwrap();
        let by_phone = AnswerByPhone { invitation: invitation.id, answer: answer() };
        assert_eq!(street.test.db.write(stranger, by_phone).await.unwrap_err().code(), Code::NotFound);
        street.answer(&token, json!({ "mark": 1 })).await.unwrap();
        let page = PageRequest::default();
        assert!(answers(&reader, &stranger, &AnswerFilter::default(), &page).await.unwrap().items.is_empty());
        assert_eq!(answer_of(&reader, &stranger, invitation.id).await.unwrap_err().code(), Code::NotFound);
        let manager = Scope::staff(other.organization, UserId(other.dispatcher.0), Role::Manager);
        let range = SurveyReportRange::default();
        let seen = report(&reader, &manager, range, street.test.clock.now()).await.unwrap();
        assert_eq!((seen.total.invited, seen.lines.len()), (0, 0));
        let who = Who::Resident { id: street.resident };
        let refused = street.test.db.write(stranger, SetSilence { who, silent: true }).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn what_cannot_be_asked_holds_up_nobody() {
    for street in Street::each().await {
        street.settings(json!({ "remind_hours": 0 })).await;
        let sick = street.completed_of("+79123450000").await;
        street.test.clock.advance(TimeDelta::seconds(1));
        let sound = street.completed_of(STRANGER).await;
        // A number that no writer of ours leaves behind: nobody stands in the row.
        let id = street.invitation(sick).await.id;
        let spoil = "UPDATE survey_invitation SET phone = NULL WHERE id = $1 RETURNING id";
        #[derive(sea_orm::FromQueryResult)]
        struct Spoilt {
            #[expect(dead_code, reason = "only that it is")]
            id: InvitationId,
        }
        let spoilt =
            crate::job::statement::<Spoilt>(&street.test.db, spoil, vec![id.0.into()]).await.unwrap();
        assert_eq!(spoilt.len(), 1);
        street.test.clock.advance(HOURS(2));
        let failed = run_due(&street.test.db, &links()).await.unwrap_err();
        assert_eq!(failed.code(), Code::Internal);
        assert_eq!(street.invitation(sound).await.state, State::Asked);
        let put_off = street.invitation(sick).await;
        assert_eq!(
            (put_off.state, put_off.next_at),
            (State::Planned, Some(street.test.clock.now() + HOURS(1)))
        );
        assert_eq!(street.pass(TimeDelta::minutes(1)).await, 0, "it is not looked at meanwhile");
    }
}
