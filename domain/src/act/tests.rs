//! Sums in words, and the paper.

use proptest::prelude::*;

use super::{
    paper::{Paper, PaperLine, Signature},
    words::roubles,
};

#[test]
fn sums_are_said_as_people_say_them() {
    for (minor, words) in [
        (0, "Ноль рублей 00 копеек"),
        (1, "Ноль рублей 01 копейка"),
        (100, "Один рубль 00 копеек"),
        (202, "Два рубля 02 копейки"),
        (1_111, "Одиннадцать рублей 11 копеек"),
        (120_050, "Одна тысяча двести рублей 50 копеек"),
        (200_121, "Две тысячи один рубль 21 копейка"),
        (123_456_789, "Один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей 89 копеек"),
        (100_000_000_000, "Один миллиард рублей 00 копеек"),
        (5_000_000_000_014, "Пятьдесят миллиардов рублей 14 копеек"),
    ] {
        assert_eq!(roubles(minor), words);
    }
}

/// Reads a sum in words back, by the plain meaning of the words.
fn read(words: &str) -> u64 {
    let small = [
        "ноль",
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
    let tens =
        ["двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто"];
    let hundreds =
        ["сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот"];
    let (mut sum, mut group) = (0_u64, 0_u64);
    let words = words.to_lowercase();
    let mut words = words.split(' ').peekable();
    while let Some(word) = words.next() {
        let at = |list: &[&str]| list.iter().position(|known| *known == word).map(|at| at as u64);
        let class = [("рубл", 1), ("тысяч", 1_000), ("миллион", 1_000_000), ("миллиард", 1_000_000_000)];
        let class = class.iter().rev().find(|(stem, _)| word.starts_with(stem)).map(|(_, value)| *value);
        if let Some(value) =
            at(&small).or(["одна", "две"].iter().position(|one| *one == word).map(|at| at as u64 + 1))
        {
            group += value;
        } else if let Some(ten) = at(&tens) {
            group += (ten + 2) * 10;
        } else if let Some(hundred) = at(&hundreds) {
            group += (hundred + 1) * 100;
        } else if let Some(value) = class {
            sum += group * value;
            group = 0;
            if value == 1 {
                return sum * 100 + words.next().unwrap().parse::<u64>().unwrap();
            }
        } else {
            panic!("{word}?");
        }
    }
    panic!("no roubles");
}

proptest! {
    #[test]
    fn words_say_the_sum(minor in 0_i64..100_000_000_000_000) {
        prop_assert_eq!(read(&roubles(minor)), minor.unsigned_abs());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever stands in it, the paper is printed, and twice the same.
    #[test]
    fn any_text_is_printed(name in "\\PC{0,90}", lines in 0..25_usize, words in "[а-яё \n]{0,500}") {
        let paper = || Paper {
            title: "Акт № 1".to_owned(),
            organization: name.clone(),
            facts: vec![("Описание", words.clone())],
            sections: vec![("Работы", (0..lines).map(|_| line(&name)).collect())],
            totals: vec![name.clone()],
            words: vec![words.clone()],
            signatures: vec![("Заявитель", name.clone(), None)],
        };
        let first = paper().print().unwrap();
        prop_assert!(first.starts_with(b"%PDF-"));
        prop_assert_eq!(&first, &paper().print().unwrap());
    }
}

fn line(name: &str) -> PaperLine {
    PaperLine {
        name: name.to_owned(),
        quantity: "2,5".to_owned(),
        unit: "м".to_owned(),
        price: "1 000,00".to_owned(),
        total: "2 500,00".to_owned(),
    }
}

#[test]
fn a_signature_that_is_no_picture_is_an_error() {
    let broken = Signature { jpeg: b"\xff\xd8\xff\xe0 no".to_vec(), width: 10, height: 10 };
    let paper = Paper {
        title: "Акт".to_owned(),
        organization: String::new(),
        facts: Vec::new(),
        sections: Vec::new(),
        totals: Vec::new(),
        words: Vec::new(),
        signatures: vec![("Заявитель", String::new(), Some(broken))],
    };
    assert!(paper.print().is_err());
}
