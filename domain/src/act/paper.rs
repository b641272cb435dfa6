//! The act on paper: A4, embedded fonts, lines that break and pages that follow. The same content gives the same bytes.

use std::sync::LazyLock;

use krilla::{
    Document,
    color::rgb,
    geom::{PathBuilder, Point, Size, Transform},
    image::Image,
    metadata::Metadata,
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    text::{Font, TextDirection},
};
use ttf_parser::Face;

use crate::{Error, Result};

static REGULAR: &[u8] = include_bytes!("../../assets/fonts/PTSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/fonts/PTSans-Bold.ttf");

/// A4 in points.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
const MARGIN: f32 = 56.7;
const TEXT: f32 = 10.5;
const LEADING: f32 = 1.35;

/// A picture of a signature, JPEG.
pub(super) struct Signature {
    pub(super) jpeg: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A line of the table.
pub(super) struct PaperLine {
    pub(super) name: String,
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) price: String,
    pub(super) total: String,
}

/// What stands on the paper.
pub(super) struct Paper {
    pub(super) title: String,
    pub(super) organization: String,
    /// Name and value, one below the other.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Sections of the table: a heading and its lines.
    pub(super) sections: Vec<(&'static str, Vec<PaperLine>)>,
    pub(super) totals: Vec<String>,
    pub(super) words: Vec<String>,
    /// Who signs: the role, the name, the picture.
    pub(super) signatures: Vec<(&'static str, String, Option<Signature>)>,
}

/// A font with what is needed to measure a line.
struct Cut {
    font: Font,
    face: Face<'static>,
}

impl Cut {
    fn open(bytes: &'static [u8]) -> Option<Self> {
        Some(Self { font: Font::new(bytes.to_vec().into(), 0)?, face: Face::parse(bytes, 0).ok()? })
    }

    fn width(&self, text: &str, size: f32) -> f32 {
        let units: u32 = text
            .chars()
            .filter_map(|letter| {
                self.face.glyph_hor_advance(self.face.glyph_index(letter).unwrap_or_default())
            })
            .map(u32::from)
            .sum();
        units as f32 * size / f32::from(self.face.units_per_em())
    }

    /// The text in lines of at most `width`; a word that is longer is broken.
    fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                for piece in self.pieces(word, size, width) {
                    let longer = if line.is_empty() { piece.clone() } else { format!("{line} {piece}") };
                    if self.width(&longer, size) <= width {
                        line = longer;
                    } else {
                        if !line.is_empty() {
                            lines.push(std::mem::take(&mut line));
                        }
                        line = piece;
                    }
                }
            }
            lines.push(line);
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
        lines
    }

    fn pieces(&self, word: &str, size: f32, width: f32) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for letter in word.chars() {
            let Some(last) = pieces.last_mut() else { break };
            last.push(letter);
            if self.width(last, size) > width && last.chars().count() > 1 {
                last.pop();
                pieces.push(letter.to_string());
            }
        }
        pieces
    }
}

struct Cuts {
    regular: Cut,
    bold: Cut,
}

static CUTS: LazyLock<Option<Cuts>> =
    LazyLock::new(|| Some(Cuts { regular: Cut::open(REGULAR)?, bold: Cut::open(BOLD)? }));

/// A piece of content with its place on the page.
enum Mark {
    Text { x: f32, y: f32, size: f32, bold: bool, text: String },
    Line { x: f32, y: f32, to: f32 },
    Picture { x: f32, y: f32, width: f32, height: f32, image: Image },
}

/// Lays content out on pages.
struct Press<'a> {
    cuts: &'a Cuts,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

/// Where the columns of the table begin, and the right edge of the last one.
const COLUMNS: [f32; 6] = [MARGIN, 300.0, 350.0, 395.0, 465.0, WIDTH - MARGIN];

impl Press<'_> {
    fn cut(&self, bold: bool) -> &Cut {
        if bold { &self.cuts.bold } else { &self.cuts.regular }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Room for so much; a new page where there is none.
    fn room(&mut self, height: f32) {
        if self.y + height > HEIGHT - MARGIN - 14.0 {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
    }

    fn paragraph(&mut self, text: &str, size: f32, bold: bool) {
        for line in self.cut(bold).wrap(text, size, WIDTH - 2.0 * MARGIN) {
            self.room(size * LEADING);
            self.y += size * LEADING;
            self.mark(Mark::Text { x: MARGIN, y: self.y, size, bold, text: line });
        }
    }

    fn rule(&mut self) {
        self.y += 4.0;
        self.mark(Mark::Line { x: MARGIN, y: self.y, to: WIDTH - MARGIN });
    }

    /// A name in its column, and what belongs to it beside.
    fn fact(&mut self, name: &str, value: &str) {
        const BESIDE: f32 = 130.0;
        let lines = self.cut(false).wrap(value, TEXT, WIDTH - 2.0 * MARGIN - BESIDE);
        for (at, line) in lines.into_iter().enumerate() {
            self.room(TEXT * LEADING);
            self.y += TEXT * LEADING;
            if at == 0 {
                self.mark(Mark::Text { x: MARGIN, y: self.y, size: TEXT, bold: true, text: name.to_owned() });
            }
            self.mark(Mark::Text { x: MARGIN + BESIDE, y: self.y, size: TEXT, bold: false, text: line });
        }
    }

    /// A row of the table; everything but the name stands to the right of its column.
    fn row(&mut self, cells: [&str; 5], bold: bool) {
        const SIZE: f32 = 9.5;
        let names = self.cut(bold).wrap(cells[0], SIZE, COLUMNS[1] - COLUMNS[0] - 8.0);
        for (at, name) in names.into_iter().enumerate() {
            self.room(SIZE * LEADING);
            self.y += SIZE * LEADING;
            self.mark(Mark::Text { x: COLUMNS[0], y: self.y, size: SIZE, bold, text: name });
            if at > 0 {
                continue;
            }
            for (column, cell) in cells.iter().enumerate().skip(1).filter(|(_, cell)| !cell.is_empty()) {
                let x = COLUMNS[column + 1] - self.cut(bold).width(cell, SIZE) - 4.0;
                self.mark(Mark::Text { x, y: self.y, size: SIZE, bold, text: (*cell).to_owned() });
            }
        }
    }

    fn signature(&mut self, role: &str, name: &str, picture: Option<Signature>) -> Result<()> {
        const HIGH: f32 = 42.0;
        const WIDE: f32 = 150.0;
        self.room(HIGH + 3.0 * TEXT * LEADING);
        self.y += 12.0;
        if let Some(Signature { jpeg, width, height }) = picture {
            let image = Image::from_jpeg(jpeg.into(), false).map_err(Error::internal)?;
            let scale = (WIDE / width.max(1) as f32).min(HIGH / height.max(1) as f32);
            let (width, height) = (width as f32 * scale, height as f32 * scale);
            self.mark(Mark::Picture { x: 220.0, y: self.y + HIGH - height, width, height, image });
        }
        self.y += HIGH;
        self.mark(Mark::Text { x: MARGIN, y: self.y, size: TEXT, bold: true, text: role.to_owned() });
        self.mark(Mark::Line { x: 215.0, y: self.y + 2.0, to: 380.0 });
        let lines = self.cut(false).wrap(name, TEXT, WIDTH - MARGIN - 390.0);
        for (at, line) in lines.into_iter().enumerate() {
            let y = self.y + at as f32 * TEXT * LEADING;
            self.mark(Mark::Text { x: 390.0, y, size: TEXT, bold: false, text: line });
        }
        self.y += 6.0;
        Ok(())
    }
}

impl Paper {
    /// The paper as PDF.
    pub(super) fn print(self) -> Result<Vec<u8>> {
        let cuts = CUTS.as_ref().ok_or_else(|| Error::internal("the fonts of the act cannot be read"))?;
        let mut press = Press { cuts, pages: vec![Vec::new()], y: MARGIN };
        press.paragraph(&self.organization, TEXT, false);
        press.y += 8.0;
        press.paragraph(&self.title, 15.0, true);
        press.y += 6.0;
        for (name, value) in &self.facts {
            press.fact(name, value);
        }
        press.y += 8.0;
        press.row(["Наименование", "Кол-во", "Ед.", "Цена, руб.", "Сумма, руб."], true);
        press.rule();
        for (heading, lines) in &self.sections {
            press.y += 3.0;
            press.row([heading, "", "", "", ""], true);
            for line in lines {
                press.row([&line.name, &line.quantity, &line.unit, &line.price, &line.total], false);
            }
        }
        press.rule();
        press.y += 2.0;
        for total in &self.totals {
            press.paragraph(total, TEXT, true);
        }
        press.y += 6.0;
        for words in &self.words {
            press.paragraph(words, TEXT, false);
            press.y += 2.0;
        }
        for (role, name, picture) in self.signatures {
            press.signature(role, &name, picture)?;
        }
        bind(&self.title, cuts, press.pages)
    }
}

/// Draws the pages.
fn bind(title: &str, cuts: &Cuts, pages: Vec<Vec<Mark>>) -> Result<Vec<u8>> {
    let mut document = Document::new();
    document.set_metadata(Metadata::new().title(title.to_owned()).language("ru".to_owned()));
    let count = pages.len();
    for (at, marks) in pages.into_iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| Error::internal("no page"))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        surface.set_fill(Some(Fill {
            paint: rgb::Color::new(0, 0, 0).into(),
            opacity: NormalizedF32::ONE,
            rule: Default::default(),
        }));
        for mark in marks {
            draw(&mut surface, cuts, mark);
        }
        let text = format!("{title}. Страница {} из {count}", at + 1);
        let y = HEIGHT - MARGIN + 14.0;
        draw(&mut surface, cuts, Mark::Text { x: MARGIN, y, size: 8.0, bold: false, text });
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|cause| Error::internal(format!("the act cannot be written: {cause:?}")))
}

fn draw(surface: &mut Surface<'_>, cuts: &Cuts, mark: Mark) {
    match mark {
        Mark::Text { x, y, size, bold, text } => {
            let cut = if bold { &cuts.bold } else { &cuts.regular };
            surface.draw_text(
                Point::from_xy(x, y),
                cut.font.clone(),
                size,
                &text,
                false,
                TextDirection::Auto,
            );
        }
        Mark::Line { x, y, to } => {
            let mut path = PathBuilder::new();
            path.move_to(x, y);
            path.line_to(to, y);
            let Some(path) = path.finish() else { return };
            let paint = rgb::Color::new(90, 90, 90).into();
            surface.set_stroke(Some(Stroke { paint, width: 0.6, ..Default::default() }));
            surface.draw_path(&path);
            surface.set_stroke(None);
        }
        Mark::Picture { x, y, width, height, image } => {
            let Some(size) = Size::from_wh(width, height) else { return };
            surface.push_transform(&Transform::from_translate(x, y));
            surface.draw_image(image, size);
            surface.pop();
        }
    }
}
