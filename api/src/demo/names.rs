//! Names, addresses and phones: made up, plausible, and the same for the same seed.

use std::collections::BTreeSet;

/// A fixed, well-mixed sequence of numbers for each seed (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.below(of.len())).copied().unwrap_or_default()
    }
}

/// Men's surnames; a woman's has an «а» more.
const SURNAMES: &[&str] = &[
    "Абрамов",
    "Баранов",
    "Белов",
    "Власов",
    "Воронов",
    "Гаврилов",
    "Голубев",
    "Дмитриев",
    "Егоров",
    "Жуков",
    "Зайцев",
    "Захаров",
    "Ильин",
    "Калинин",
    "Карпов",
    "Киселёв",
    "Крылов",
    "Кудрявцев",
    "Лебедев",
    "Макаров",
    "Медведев",
    "Никитин",
    "Новиков",
    "Орехов",
    "Павлов",
    "Поляков",
    "Родионов",
    "Рябов",
    "Савельев",
    "Семёнов",
    "Соловьёв",
    "Тарасов",
    "Тихонов",
    "Уваров",
    "Фадеев",
    "Филатов",
    "Хохлов",
    "Цветков",
    "Шубин",
    "Яковлев",
];
const MEN: &[&str] = &[
    "Александр",
    "Алексей",
    "Андрей",
    "Борис",
    "Виктор",
    "Денис",
    "Дмитрий",
    "Иван",
    "Игорь",
    "Кирилл",
    "Максим",
    "Михаил",
    "Николай",
    "Олег",
    "Павел",
    "Роман",
    "Сергей",
    "Тимур",
];
const WOMEN: &[&str] = &[
    "Алина",
    "Анна",
    "Валентина",
    "Вера",
    "Галина",
    "Дарья",
    "Екатерина",
    "Елена",
    "Ирина",
    "Ксения",
    "Лидия",
    "Марина",
    "Мария",
    "Наталья",
    "Ольга",
    "Светлана",
    "Татьяна",
    "Юлия",
];
const SONS: &[&str] = &[
    "Александрович",
    "Алексеевич",
    "Андреевич",
    "Борисович",
    "Викторович",
    "Дмитриевич",
    "Иванович",
    "Михайлович",
    "Николаевич",
    "Олегович",
    "Павлович",
    "Сергеевич",
];
const DAUGHTERS: &[&str] = &[
    "Александровна",
    "Алексеевна",
    "Андреевна",
    "Борисовна",
    "Викторовна",
    "Дмитриевна",
    "Ивановна",
    "Михайловна",
    "Николаевна",
    "Олеговна",
    "Павловна",
    "Сергеевна",
];
const STREETS: &[&str] = &[
    "улица Лесная",
    "улица Садовая",
    "проспект Мира",
    "улица Чехова",
    "улица Молодёжная",
    "улица Заречная",
    "улица Вишнёвая",
    "улица Полевая",
    "переулок Тихий",
];

/// Makes names, no full name twice.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) dice: Dice,
    given: BTreeSet<String>,
    phones: u32,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), given: BTreeSet::new(), phones: 0 }
    }

    /// A surname in the form for men.
    pub(super) fn surname(&mut self) -> &'static str {
        self.dice.pick(SURNAMES)
    }

    /// A man or a woman of any family.
    pub(super) fn anybody(&mut self) -> String {
        let surname = self.surname();
        self.relative(surname)
    }

    /// A man or a woman of a family.
    pub(super) fn relative(&mut self, surname: &str) -> String {
        loop {
            let woman = self.dice.below(2) == 0;
            let name = if woman {
                format!("{surname}а {} {}", self.dice.pick(WOMEN), self.dice.pick(DAUGHTERS))
            } else {
                format!("{surname} {} {}", self.dice.pick(MEN), self.dice.pick(SONS))
            };
            if self.given.insert(name.clone()) {
                return name;
            }
        }
    }

    /// The next phone of a block that looks made up at first sight.
    pub(super) fn phone(&mut self) -> String {
        self.phones += 1;
        format!("+7900000{:04}", self.phones)
    }

    /// A house in a street of the city, no street twice while `index` is below nine.
    pub(super) fn address(&mut self, city: &str, index: usize) -> String {
        let street = STREETS.get(index % STREETS.len()).copied().unwrap_or_default();
        format!("г. {city}, {street}, д. {}", 1 + self.dice.below(60))
    }
}

/// «Орлова А. П.» for «Орлова Анна Петровна».
pub(super) fn short(full_name: &str) -> String {
    let mut words = full_name.split_whitespace();
    let surname = words.next().unwrap_or_default().to_owned();
    words.filter_map(|word| word.chars().next()).fold(surname, |name, letter| format!("{name} {letter}."))
}

#[cfg(test)]
mod tests {
    use naryad_domain::text::PhoneNumber;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people_and_nobody_twice() {
        let people = |seed| {
            let mut names = Names::new(seed);
            (0..300).map(|_| names.anybody()).collect::<Vec<_>>()
        };
        assert_eq!(people(7), people(7));
        assert_ne!(people(7), people(8));
        assert_eq!(people(7).iter().collect::<BTreeSet<_>>().len(), 300);
    }

    #[test]
    fn phones_are_phones() {
        let mut names = Names::new(1);
        let (one, other) = (names.phone(), names.phone());
        assert_ne!(one, other);
        assert_eq!(PhoneNumber::parse(&one).unwrap().as_str(), one);
    }

    #[test]
    fn a_short_name_has_the_initials() {
        assert_eq!(short("Белова Анна Павловна"), "Белова А. П.");
        assert_eq!(short("Белова"), "Белова");
    }
}
