//! What happens in a house, how often, and what it takes to mend it.

use naryad_domain::catalogue::PhotoKind;

/// A kind of trouble.
#[derive(Debug)]
pub(super) struct Work {
    /// Code in the catalogue.
    pub(super) code: &'static str,
    /// Whose work it is.
    pub(super) trade: &'static str,
    /// How many of a hundred tickets.
    pub(super) share: usize,
    /// In the common parts of the house: `place` says where; otherwise in a flat.
    pub(super) place: Option<&'static str>,
    pub(super) words: &'static [&'static str],
    pub(super) measures: &'static str,
    /// How long it takes, in minutes, at least.
    pub(super) minutes: i64,
    pub(super) photos: &'static [PhotoKind],
    pub(super) materials: &'static [(&'static str, &'static str)],
    /// What is written into the field `reading`.
    pub(super) reading: Option<&'static str>,
}

use PhotoKind::{Act, After, Before};

/// A work without photos, materials and reading.
const fn work(
    code: &'static str,
    trade: &'static str,
    share: usize,
    minutes: i64,
    words: &'static [&'static str],
    measures: &'static str,
) -> Work {
    Work {
        code,
        trade,
        share,
        place: None,
        words,
        measures,
        minutes,
        photos: &[],
        materials: &[],
        reading: None,
    }
}

impl Work {
    const fn at(mut self, place: &'static str) -> Self {
        self.place = Some(place);
        self
    }

    const fn shows(mut self, photos: &'static [PhotoKind]) -> Self {
        self.photos = photos;
        self
    }

    const fn uses(mut self, materials: &'static [(&'static str, &'static str)]) -> Self {
        self.materials = materials;
        self
    }

    const fn reads(mut self, reading: &'static str) -> Self {
        self.reading = Some(reading);
        self
    }
}

/// The shares add up to a hundred.
pub(super) const WORKS: &[Work] = &[
    work(
        "HVS-BURST",
        "cold-water",
        8,
        70,
        &["Течь стояка холодной воды в ванной комнате.", "Лопнула подводка холодной воды под мойкой."],
        "Отключение стояка, замена участка трубы.",
    )
    .shows(&[Before, After, Act])
    .uses(&[("PIPE-PP20", "1.5"), ("COUPLING-PP20", "2")]),
    work(
        "GVS-BURST",
        "hot-water",
        4,
        60,
        &["Течь трубы горячей воды на кухне.", "Капает стояк горячей воды, соседи снизу жалуются."],
        "Отключение стояка, установка хомута.",
    )
    .shows(&[Before, After, Act])
    .uses(&[("CLAMP-20", "1")]),
    work(
        "TAP-LEAK",
        "cold-water",
        12,
        35,
        &["Капает кран в кухне.", "Течёт сливной бачок.", "Не закрывается кран в ванной комнате."],
        "Замена прокладок и картриджа.",
    )
    .shows(&[After])
    .uses(&[("GASKET-SET", "1"), ("CARTRIDGE-35", "1")]),
    work(
        "SEW-BLOCK",
        "sewage",
        9,
        50,
        &["Засор канализации, вода стоит в ванне.", "Не уходит вода из раковины на кухне."],
        "Прочистка канализации.",
    )
    .shows(&[After]),
    work(
        "SEW-SMELL",
        "sewage",
        4,
        30,
        &["Запах из канализации в санузле.", "Запах канализации в подъезде."],
        "Осмотр и герметизация раструба.",
    ),
    work(
        "HEAT-NONE",
        "heating",
        7,
        55,
        &["Нет отопления в квартире.", "Батареи холодные во всех комнатах."],
        "Проверка узла ввода, удаление воздуха из стояка.",
    )
    .reads("Подача 62 °С, обратка 48 °С, в комнате 20 °С"),
    work(
        "HEAT-COLD",
        "heating",
        6,
        40,
        &["В комнате холодно, термометр показывает 17 градусов.", "Угловая комната не прогревается."],
        "Замер температуры, регулировка стояка.",
    )
    .shows(&[Act])
    .reads("В комнате 19 °С в 14:20"),
    work(
        "HEAT-NOISE",
        "heating",
        4,
        30,
        &["Гудит стояк отопления.", "Стук в трубах отопления по ночам."],
        "Осмотр креплений стояка.",
    ),
    work(
        "EL-LIGHT",
        "electricity",
        9,
        25,
        &["Не горит свет на площадке.", "Мигает светильник у входа."],
        "Замена светильника.",
    )
    .at("Подъезд 1, площадка 2 этажа")
    .shows(&[After])
    .uses(&[("LAMP-LED", "1")]),
    work(
        "EL-NONE",
        "electricity",
        6,
        40,
        &["Нет света в квартире.", "Пропало электричество на этаже."],
        "Осмотр щита, восстановление питания.",
    )
    .shows(&[After]),
    work(
        "EL-STOVE",
        "electricity",
        3,
        45,
        &["Не работает электроплита.", "Электроплита выбивает автомат."],
        "Замена автомата.",
    )
    .shows(&[After])
    .uses(&[("BREAKER-16", "1")]),
    work(
        "CHUTE-BLOCK",
        "refuse",
        5,
        45,
        &["Засор мусоропровода между этажами."],
        "Прочистка ствола мусоропровода.",
    )
    .at("Подъезд 1, клапан 4 этажа")
    .shows(&[After]),
    work(
        "INTERCOM",
        "access",
        5,
        30,
        &["Не работает домофон.", "Дверь подъезда не открывается ключом."],
        "Ремонт замка.",
    )
    .at("Подъезд 2, вход")
    .shows(&[After]),
    work(
        "DOOR",
        "access",
        4,
        50,
        &["Входная дверь не закрывается до конца.", "Сломан доводчик двери подъезда."],
        "Замена доводчика.",
    )
    .at("Подъезд 1, вход")
    .shows(&[After])
    .uses(&[("CLOSER", "1")]),
    work("GLASS", "building", 4, 40, &["Разбито стекло на лестничной площадке."], "Замена стекла.")
        .at("Подъезд 1, окно между 2 и 3 этажами")
        .shows(&[Before, After]),
    work("CLEAN", "cleaning", 4, 30, &["В подъезде не убрано после ремонта."], "Уборка подъезда.")
        .at("Подъезд 3")
        .shows(&[After]),
    work(
        "LIFT-STOP",
        "lift",
        6,
        45,
        &["Лифт не работает.", "Лифт стоит с открытыми дверями."],
        "Осмотр и пуск лифта.",
    )
    .at("Подъезд 1")
    .shows(&[After]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use naryad_domain::{catalogue::default_catalogue, text::official};

    use super::*;
    use crate::demo::price_list::PRICE_LIST;

    #[test]
    fn the_works_are_of_the_catalogue_and_their_words_are_official() {
        assert_eq!(WORKS.iter().map(|work| work.share).sum::<usize>(), 100);
        let catalogue = default_catalogue().unwrap();
        for work in WORKS {
            let entry = catalogue.iter().find(|entry| entry.code == work.code).unwrap();
            let shown: BTreeSet<_> = work.photos.iter().copied().collect();
            for demand in &entry.demands.photos {
                assert!(shown.contains(&demand.kind), "{} lacks a photo {:?}", work.code, demand.kind);
            }
            assert!(!entry.demands.materials || !work.materials.is_empty(), "{}", work.code);
            assert_eq!(entry.demands.reading, work.reading.is_some(), "{}", work.code);
            assert_eq!(entry.demands.act, work.photos.contains(&Act), "{}", work.code);
            for (code, _) in work.materials {
                assert!(PRICE_LIST.iter().any(|line| line.0 == *code), "{code}");
            }
            for words in work.words.iter().chain([&work.measures]) {
                official::require_official("words", words).unwrap();
            }
        }
    }
}
