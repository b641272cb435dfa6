//! What an alert is about, in the words of a message.

/// What is told of an alert, by its kind; in the language of the desk.
pub(super) fn what(kind: &str, late: bool) -> String {
    let awaited = match kind {
        "answer" => "ответ на звонок",
        "callback" => "обратный звонок",
        "inform" => "сообщение срока заявителю",
        "assign" => "назначение исполнителя",
        "accept" => "ответ подрядчика",
        "localize" => "локализация аварии",
        "resolve" => "выполнение работ",
        "check_visit" => "проверка качества на месте",
        "reply" => "ответ на письмо",
        _ => return happened(kind).to_owned(),
    };
    let state = if late { "срок истёк" } else { "срок истекает" };
    format!("{awaited}, {state}")
}

fn happened(kind: &str) -> &str {
    match kind {
        "accident" => "крупная авария",
        "authority_notice" => "не отправлено извещение в орган власти",
        "call_again" => "пора перезвонить заявителю",
        "called_in_vain" => "заявитель не ответил на три звонка",
        "evidence_missing" => "фото не принято как подтверждение",
        "evidence_pending" => "не загружены фото",
        "handover_declined" => "подрядчик отказался",
        "handover_expired" => "подрядчик не ответил",
        "move_wished" => "заявитель просит другое время",
        "phone_lost_work" => "телефон потерял записи",
        "phone_mismatch" => "данные телефона расходятся",
        "phone_missed" => "телефон не выходит на связь",
        "resident_absent" => "заявителя не будет дома",
        "survey_low" => "плохая оценка работ",
        "survey_review_late" => "плохая оценка не разобрана в срок",
        "stock_short" => "заканчиваются материалы",
        "visit_missed" => "выезд не начат",
        "visit_overrun" => "выезд затянулся",
        "work_held" => "записи техника ждут решения",
        other => other,
    }
}
