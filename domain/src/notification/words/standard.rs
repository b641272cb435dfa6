//! The words of the house: what a message says where its organization has said nothing else.
//!
//! `brief` is what a phone shows on its locked screen: it holds no name and no address.

use super::Words;
use crate::{notification::NotificationKind, people::locale::Locale};

/// The standard texts of a kind.
pub(super) fn words(kind: NotificationKind, locale: Locale) -> Words {
    let [title, brief, body] = match locale {
        Locale::Ru => russian(kind),
        Locale::En => english(kind),
    };
    Words { title: title.to_owned(), brief: brief.to_owned(), body: body.to_owned() }
}

fn russian(kind: NotificationKind) -> [&'static str; 3] {
    use NotificationKind as Kind;
    match kind {
        Kind::Registered => [
            "Заявка № {number}",
            "Заявка зарегистрирована. Срок и перечень работ в приложении.",
            "Заявка № {number} зарегистрирована.[ Плановый срок: {term}.][ Перечень работ: {measures}.] {organization}",
        ],
        Kind::Booked => [
            "Заявка № {number}: назначен визит",
            "Назначен визит мастера. Время и имя в приложении.",
            "Заявка № {number}, {work}.[ Визит {when}.][ Выполняет: {workers}.][ Плановый срок: {term}.][ Перечень работ: {measures}.][ Нужен доступ: {access}.] {organization}",
        ],
        Kind::BookingLost => [
            "Заявка № {number}: визит переносится",
            "Визит в назначенное время не состоится. Подбираем другое время.",
            "Заявка № {number}: визит в назначенное время не состоится. Подбираем другое время и сообщим.[ Плановый срок: {term}.] {organization}",
        ],
        Kind::BookingMoved => [
            "Заявка № {number}: новое время",
            "Визит перенесён. Новое время в приложении.",
            "Заявка № {number}: визит перенесён.[ Новое время: {when}.][ Выполняет: {workers}.][ Плановый срок: {term}.] {organization}",
        ],
        Kind::CrewChanged => [
            "Заявка № {number}: другой мастер",
            "Придёт другой мастер. Имя в приложении.",
            "Заявка № {number}: состав изменился.[ Выполняет: {workers}.][ Время: {when}.][ Плановый срок: {term}.] {organization}",
        ],
        Kind::BookingCancelled => [
            "Заявка № {number}: визит отменён",
            "Визит отменён.",
            "Заявка № {number}: визит отменён.[ Плановый срок: {term}.] {organization}",
        ],
        Kind::OnTheWay => [
            "Заявка № {number}: мастер в пути",
            "Мастер выехал.",
            "Заявка № {number}: мастер выехал.[ Ожидайте: {when}.][ Выполняет: {workers}.] {organization}",
        ],
        Kind::Localized => [
            "Заявка № {number}: авария локализована",
            "Авария локализована.",
            "Заявка № {number}: авария локализована.[ Плановый срок устранения: {term}.] {organization}",
        ],
        Kind::Completed => [
            "Заявка № {number}: работы выполнены",
            "Работы выполнены. Примите их и оцените в приложении.",
            "Заявка № {number}: работы выполнены. Примите работу и оцените её в приложении или по телефону диспетчерской. {organization}",
        ],
        Kind::CalledInVain => [
            "Заявка № {number}: не дозвонились",
            "Мы не смогли дозвониться. Перезвоните нам.",
            "Заявка № {number}: мы не смогли дозвониться до вас.[ {outcome}] Перезвоните в диспетчерскую. {organization}",
        ],
        Kind::SurveyAsk => {
            ["Оцените работу", "Оцените выполненную работу: одно нажатие.", "[{question} ]{link}"]
        }
        Kind::SurveyRemind => [
            "Напоминаем об оценке",
            "Ваша оценка ещё нужна: одно нажатие.",
            "Напоминаем.[ {question}] {link}",
        ],
        Kind::MassNotice => ["", "", ""],
        Kind::Assigned => [
            "Наряд № {number}",
            "Вам назначен визит. Подробности в приложении.",
            "Вам назначен наряд № {number}: {work}[, {address}].[ Время: {when}.]",
        ],
        Kind::Offered => [
            "Передана заявка № {number}",
            "Вам передана заявка. Примите или отклоните её.",
            "{organization} передаёт заявку № {number}: {work}[, {address}].[ Плановый срок: {term}.] Примите её или отклоните.",
        ],
        Kind::Alarm => [
            "Срок по заявке[ № {number}]",
            "Срок требует внимания. Возьмите в работу.",
            "Внимание: {what}[, заявка № {number}][, {address}].[ Срок: {due}.][ Прошло {percent} %.]",
        ],
        Kind::Accident => [
            "Крупная авария",
            "Крупная авария. Подробности в приложении.",
            "Крупная авария: {what}[, заявка № {number}][, {address}].",
        ],
        Kind::Unassigned => [
            "Заявка № {number} без исполнителя",
            "Заявка ждёт исполнителя.",
            "Заявка № {number} ждёт исполнителя[ с {since}][, {address}].",
        ],
        Kind::AuthorityNotice => ["", "", ""],
    }
}

fn english(kind: NotificationKind) -> [&'static str; 3] {
    use NotificationKind as Kind;
    match kind {
        Kind::Registered => [
            "Request No. {number}",
            "Your request is registered. Term and measures are in the app.",
            "Request No. {number} is registered.[ Planned term: {term}.][ Measures: {measures}.] {organization}",
        ],
        Kind::Booked => [
            "Request No. {number}: a visit is booked",
            "A visit is booked. Time and name are in the app.",
            "Request No. {number}, {work}.[ Visit {when}.][ Done by: {workers}.][ Planned term: {term}.][ Measures: {measures}.][ Access is needed: {access}.] {organization}",
        ],
        Kind::BookingLost => [
            "Request No. {number}: the visit moves",
            "The visit will not take place as planned. We look for another time.",
            "Request No. {number}: the visit will not take place as planned. We look for another time and will tell you.[ Planned term: {term}.] {organization}",
        ],
        Kind::BookingMoved => [
            "Request No. {number}: a new time",
            "The visit was moved. The new time is in the app.",
            "Request No. {number}: the visit was moved.[ New time: {when}.][ Done by: {workers}.][ Planned term: {term}.] {organization}",
        ],
        Kind::CrewChanged => [
            "Request No. {number}: another technician",
            "Another technician comes. The name is in the app.",
            "Request No. {number}: the crew has changed.[ Done by: {workers}.][ Time: {when}.][ Planned term: {term}.] {organization}",
        ],
        Kind::BookingCancelled => [
            "Request No. {number}: the visit is cancelled",
            "The visit is cancelled.",
            "Request No. {number}: the visit is cancelled.[ Planned term: {term}.] {organization}",
        ],
        Kind::OnTheWay => [
            "Request No. {number}: on the way",
            "The technician is on the way.",
            "Request No. {number}: the technician is on the way.[ Expect: {when}.][ Done by: {workers}.] {organization}",
        ],
        Kind::Localized => [
            "Request No. {number}: localised",
            "The damage is localised.",
            "Request No. {number}: the damage is localised.[ Planned term of the repair: {term}.] {organization}",
        ],
        Kind::Completed => [
            "Request No. {number}: the work is done",
            "The work is done. Accept and rate it in the app.",
            "Request No. {number}: the work is done. Accept and rate it in the app or by phone. {organization}",
        ],
        Kind::CalledInVain => [
            "Request No. {number}: we called in vain",
            "We could not reach you. Please call back.",
            "Request No. {number}: we could not reach you by phone.[ {outcome}] Please call back. {organization}",
        ],
        Kind::SurveyAsk => ["Rate the work", "Rate the work that was done: one tap.", "[{question} ]{link}"],
        Kind::SurveyRemind => [
            "Your mark is still wanted",
            "Your mark is still wanted: one tap.",
            "A reminder.[ {question}] {link}",
        ],
        Kind::MassNotice => ["", "", ""],
        Kind::Assigned => [
            "Work order No. {number}",
            "A visit is yours. Details are in the app.",
            "Work order No. {number} is yours: {work}[, {address}].[ Time: {when}.]",
        ],
        Kind::Offered => [
            "Request No. {number} is offered",
            "A request is offered to you. Accept or decline it.",
            "{organization} offers request No. {number}: {work}[, {address}].[ Planned term: {term}.] Accept or decline it.",
        ],
        Kind::Alarm => [
            "A term[ of request No. {number}]",
            "A term wants attention. Take it.",
            "Attention: {what}[, request No. {number}][, {address}].[ Due: {due}.][ {percent} % are over.]",
        ],
        Kind::Accident => [
            "A large accident",
            "A large accident. Details are in the app.",
            "A large accident: {what}[, request No. {number}][, {address}].",
        ],
        Kind::Unassigned => [
            "Request No. {number} has nobody",
            "A request waits for somebody to take it.",
            "Request No. {number} waits for somebody to take it[ since {since}][, {address}].",
        ],
        Kind::AuthorityNotice => ["", "", ""],
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;

    #[test]
    fn the_words_of_the_house_could_be_saved_by_anybody() {
        for kind in NotificationKind::iter().filter(|kind| !kind.is_verbatim()) {
            for locale in [Locale::Ru, Locale::En] {
                words(kind, locale).check(kind).unwrap();
            }
        }
    }
}
