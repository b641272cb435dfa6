//! The page of a question, for people: no script, nothing from elsewhere, everything escaped.

use naryad_domain::{
    Code,
    people::locale::Locale,
    survey::{Reason, SurveyPage},
};

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn of(locale: Locale, ru: &'static str, en: &'static str) -> &'static str {
    match locale {
        Locale::Ru => ru,
        Locale::En => en,
    }
}

fn reason(reason: Reason, locale: Locale) -> &'static str {
    let (ru, en) = match reason {
        Reason::NotMended => ("Неисправность осталась", "It is not mended"),
        Reason::Late => ("Пришли не вовремя", "They came late"),
        Reason::BadWork => ("Работа сделана плохо", "The work is bad"),
        Reason::Dirt => ("Осталась грязь", "Dirt was left"),
        Reason::Damage => ("Что-то повредили", "Something was damaged"),
        Reason::Rude => ("Были грубы", "Somebody was rude"),
        Reason::NotInformed => ("Ни о чём не сообщили", "Nobody told me anything"),
        Reason::Price => ("Слишком дорого", "It was too dear"),
        Reason::Other => ("Другое", "Something else"),
    };
    of(locale, ru, en)
}

/// A whole page; `body` is markup.
fn whole(locale: Locale, title: &str, body: &str) -> String {
    let lang = of(locale, "ru", "en");
    format!(
        "<!DOCTYPE html><html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title><style>\
         body{{font:18px/1.5 system-ui,sans-serif;max-width:32em;margin:2em auto;padding:0 1em;color:#111;background:#fff}}\
         button{{font:inherit;padding:.6em 1em;margin:.2em;min-width:3em}}label{{display:block}}\
         textarea{{font:inherit;width:100%;box-sizing:border-box}}fieldset{{border:0;padding:0;margin:1em 0}}\
         </style></head><body>{body}</body></html>",
        escape(title)
    )
}

/// The question with the ways to answer it: one tap on a mark answers.
pub(super) fn question(asked: &SurveyPage, token: &str, locale: Locale) -> String {
    let token = escape(token);
    let reasons: String = asked
        .reasons
        .iter()
        .map(|one| {
            let name = serde_json::to_value(one).unwrap_or_default();
            let name = name.as_str().unwrap_or_default();
            format!(
                "<label><input type=\"checkbox\" name=\"reasons\" value=\"{name}\"> {}</label>",
                reason(*one, locale)
            )
        })
        .collect();
    let marks: String =
        (1..=5).map(|mark| format!("<button name=\"mark\" value=\"{mark}\">{mark}</button>")).collect();
    let not_done = if asked.about_work {
        let words = of(locale, "Работы не выполнены", "The work is not done");
        format!("<p><button name=\"done\" value=\"false\">{words}</button></p>")
    } else {
        String::new()
    };
    let body = format!(
        "<p>{organization}</p><h1>{question}</h1><form method=\"post\" action=\"/v1/s/{token}\">\
         <fieldset><legend>{wrong}</legend>{reasons}</fieldset>\
         <label>{comment}<textarea name=\"comment\" rows=\"3\" maxlength=\"1000\"></textarea></label>\
         <p>{mark}</p><p>{marks}</p>{not_done}</form>\
         <form method=\"post\" action=\"/v1/s/{token}/stop\"><button>{stop}</button></form>",
        organization = escape(&asked.organization),
        question = escape(&asked.question),
        wrong = of(locale, "Что было не так, если было", "What was wrong, if anything was"),
        comment = of(locale, "Комментарий", "Comment"),
        mark = of(locale, "Оценка: 1 плохо, 5 отлично", "Your mark: 1 is bad, 5 is very good"),
        stop = of(locale, "Больше не спрашивать", "Do not ask me again"),
    );
    whole(locale, &asked.question, &body)
}

fn said(locale: Locale, ru: &'static str, en: &'static str) -> String {
    let words = of(locale, ru, en);
    whole(locale, words, &format!("<h1>{words}</h1>"))
}

/// It was answered.
pub(super) fn thanks(locale: Locale) -> String {
    said(locale, "Ответ принят. Спасибо.", "Your answer was taken. Thank you.")
}

/// He is not asked any more.
pub(super) fn silence(locale: Locale) -> String {
    said(locale, "Больше вопросов не будет.", "You will not be asked again.")
}

/// It cannot be answered.
pub(super) fn refusal(code: Code, locale: Locale) -> String {
    match code {
        Code::SurveyAnswered => said(locale, "Ответ уже получен.", "It has been answered already."),
        Code::SurveyExpired => said(locale, "Срок ответа истёк.", "The time to answer is over."),
        Code::SurveyClosed => said(locale, "Вопрос снят.", "It is not asked any more."),
        Code::NotFound => said(locale, "Ссылка не действует.", "The link is not valid."),
        _ => said(locale, "Ответ не принят. Проверьте его.", "Your answer was not taken. Check it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_markup() {
        let asked = SurveyPage {
            organization: "ООО «<img src=x onerror=alert(1)>»".to_owned(),
            question: "</title><script>alert('1')</script>\" & co".to_owned(),
            about_work: true,
            reasons: Reason::ALL.to_vec(),
            expires_at: None,
        };
        for locale in [Locale::Ru, Locale::En] {
            let page = question(&asked, "a\"><script>", locale);
            assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
            assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; co"));
            assert_eq!(page.matches("name=\"mark\"").count(), 5);
        }
    }
}
