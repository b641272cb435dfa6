//! A sum in Russian words, as acts and receipts have it.

/// Names of a thousand, a million and so on: one, two to four, five and more; whether it is feminine.
const CLASSES: [(&str, &str, &str, bool); 6] = [
    ("рубль", "рубля", "рублей", false),
    ("тысяча", "тысячи", "тысяч", true),
    ("миллион", "миллиона", "миллионов", false),
    ("миллиард", "миллиарда", "миллиардов", false),
    ("триллион", "триллиона", "триллионов", false),
    ("квадриллион", "квадриллиона", "квадриллионов", false),
];

const HUNDREDS: [&str; 10] =
    ["", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот"];

const TENS: [&str; 10] = [
    "",
    "",
    "двадцать",
    "тридцать",
    "сорок",
    "пятьдесят",
    "шестьдесят",
    "семьдесят",
    "восемьдесят",
    "девяносто",
];

const ONES: [&str; 20] = [
    "",
    "один",
    "два",
    "три",
    "четыре",
    "пять",
    "шесть",
    "семь",
    "восемь",
    "девять",
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
];

/// A sum of kopecks, none below zero, in words: «Одна тысяча двести рублей 50 копеек».
pub fn roubles(minor: i64) -> String {
    let minor = minor.unsigned_abs();
    let (whole, kopecks) = (minor / 100, minor % 100);
    let mut words: Vec<&str> = Vec::new();
    for (class, &(one, few, many, feminine)) in CLASSES.iter().enumerate().rev() {
        let group =
            usize::try_from(whole / 1000_u64.pow(u32::try_from(class).unwrap_or(0)) % 1000).unwrap_or(0);
        if group == 0 && class > 0 {
            continue;
        }
        three(&mut words, group, feminine);
        words.push(plural(group, one, few, many));
    }
    if whole == 0 {
        words.insert(0, "ноль");
    }
    let mut text = words.join(" ");
    if let Some(first) = text.chars().next() {
        text.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    let coin = plural(usize::try_from(kopecks).unwrap_or(0), "копейка", "копейки", "копеек");
    format!("{text} {kopecks:02} {coin}")
}

fn three(words: &mut Vec<&'static str>, group: usize, feminine: bool) {
    let (hundreds, rest) = (group / 100, group % 100);
    if hundreds > 0 {
        words.push(HUNDREDS[hundreds]);
    }
    let ones = if rest >= 20 {
        words.push(TENS[rest / 10]);
        rest % 10
    } else {
        rest
    };
    match (ones, feminine) {
        (0, _) => {}
        (1, true) => words.push("одна"),
        (2, true) => words.push("две"),
        (ones, _) => words.push(ONES[ones]),
    }
}

/// The form of a noun after a number.
fn plural<'a>(number: usize, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (number % 100, number % 10) {
        (11..=14, _) => many,
        (_, 1) => one,
        (_, 2..=4) => few,
        _ => many,
    }
}
