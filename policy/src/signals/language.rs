//! `language`: the language of the text.

use std::collections::BTreeSet;

use whatlang::{Detector, Lang};

use crate::config::reader::Object;
use crate::config::report::quoted;
use crate::config::setup::Setup;
use crate::signals::words::{is_han, is_hangul, is_kana};
use crate::signals::{Reading, Signal, read_name};

/// How sure the detector has to be unless a signal says otherwise, as in VSR.
const DEFAULT_THRESHOLD: f32 = 0.3;

/// What is taken for granted of a text that the detector cannot tell, as in VSR.
const UNSURE: (&str, f32) = ("en", 0.5);

/// How much of a text is looked at, in bytes: a third each from its beginning, middle and end.
const WINDOW: usize = 3 << 10;

/// Up to how many words a text is judged by its function words first.
const FEW_WORDS: usize = 24;

/// The languages that are told apart: the codes of ISO 639-1.
const LANGUAGES: [(&str, Lang); 69] = [
    ("af", Lang::Afr),
    ("am", Lang::Amh),
    ("ar", Lang::Ara),
    ("az", Lang::Aze),
    ("be", Lang::Bel),
    ("bg", Lang::Bul),
    ("bn", Lang::Ben),
    ("ca", Lang::Cat),
    ("cs", Lang::Ces),
    ("cy", Lang::Cym),
    ("da", Lang::Dan),
    ("de", Lang::Deu),
    ("el", Lang::Ell),
    ("en", Lang::Eng),
    ("eo", Lang::Epo),
    ("es", Lang::Spa),
    ("et", Lang::Est),
    ("fa", Lang::Pes),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("gu", Lang::Guj),
    ("he", Lang::Heb),
    ("hi", Lang::Hin),
    ("hr", Lang::Hrv),
    ("hu", Lang::Hun),
    ("hy", Lang::Hye),
    ("id", Lang::Ind),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("jv", Lang::Jav),
    ("ka", Lang::Kat),
    ("km", Lang::Khm),
    ("kn", Lang::Kan),
    ("ko", Lang::Kor),
    ("la", Lang::Lat),
    ("lt", Lang::Lit),
    ("lv", Lang::Lav),
    ("mk", Lang::Mkd),
    ("ml", Lang::Mal),
    ("mr", Lang::Mar),
    ("my", Lang::Mya),
    ("nb", Lang::Nob),
    ("ne", Lang::Nep),
    ("nl", Lang::Nld),
    ("or", Lang::Ori),
    ("pa", Lang::Pan),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ro", Lang::Ron),
    ("ru", Lang::Rus),
    ("si", Lang::Sin),
    ("sk", Lang::Slk),
    ("sl", Lang::Slv),
    ("sn", Lang::Sna),
    ("sr", Lang::Srp),
    ("sv", Lang::Swe),
    ("ta", Lang::Tam),
    ("te", Lang::Tel),
    ("th", Lang::Tha),
    ("tk", Lang::Tuk),
    ("tl", Lang::Tgl),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("ur", Lang::Urd),
    ("uz", Lang::Uzb),
    ("vi", Lang::Vie),
    ("yi", Lang::Yid),
    ("zh", Lang::Cmn),
    ("zu", Lang::Zul),
];

/// Languages that the detector often takes short texts of others for. They are told only where a document asks for
/// them.
const SELDOM: [Lang; 12] = [
    Lang::Afr,
    Lang::Aze,
    Lang::Cym,
    Lang::Epo,
    Lang::Jav,
    Lang::Lat,
    Lang::Sna,
    Lang::Tgl,
    Lang::Tuk,
    Lang::Uzb,
    Lang::Yid,
    Lang::Zul,
];

/// Words that are frequent in one language and rare in the others.
const FUNCTION_WORDS: [(&str, &str); 7] = [
    (
        "en",
        "the is are what how why and of to for with this that you my can i it do please write explain between was does which when should not",
    ),
    (
        "es",
        "el los las del que qué cómo por para una está son con mi puedes cuál es y lo escribe explica entre fue sobre",
    ),
    (
        "fr",
        "le les des du est que qu quoi comment pour une dans avec je vous mon peux et c écris explique entre sur pas pourquoi",
    ),
    (
        "de",
        "der die das ist und wie was warum für mit ein eine ich nicht auf zu den von bitte kannst mir schreibe erkläre zwischen sind",
    ),
    (
        "it",
        "il gli della di che cosa come perché per una è sono con mi puoi e scrivi spiega tra non qual nel",
    ),
    (
        "pt",
        "o os uma do da que como por para são com meu você pode não é e escreva explique entre qual em",
    ),
    (
        "nl",
        "het een van de en hoe wat waarom voor met ik niet kun je mijn schrijf leg tussen zijn is op",
    ),
];

/// The declared language signals.
#[derive(Debug)]
struct Languages {
    signals: Vec<LanguageSignal>,
    told: LanguageDetector,
}

#[derive(Debug)]
struct LanguageSignal {
    /// A code of [`LANGUAGES`].
    name: String,
    threshold: f32,
}

/// The detector of the languages that are told.
#[derive(Debug)]
pub struct LanguageDetector(Detector);

/// Reads `routing.signals.language`.
pub(crate) fn read(objects: Vec<Object<'_>>, _setup: &mut Setup<'_>) -> Box<dyn Signal> {
    let mut taken = BTreeSet::new();
    let read = |object| LanguageSignal::read(object, &mut taken);
    let signals: Vec<_> = objects.into_iter().map(read).collect();
    let names = signals.iter().map(|signal| signal.name.as_str());
    let told = LanguageDetector::new(names);
    Box::new(Languages { signals, told })
}

impl LanguageSignal {
    fn read<'v>(mut object: Object<'v>, taken: &mut BTreeSet<&'v str>) -> LanguageSignal {
        let name = read_name(&mut object, taken);
        if !name.is_empty() && !LANGUAGES.iter().any(|(code, _)| *code == name) {
            let known: Vec<_> = LANGUAGES.iter().map(|(code, _)| *code).collect();
            let message = format!(
                "{} is not the code of a language that is told: {}",
                quoted(&name),
                known.join(", ")
            );
            object.error("name", message);
        }
        let threshold = object
            .number("threshold", 0.0..=1.0)
            .filter(|threshold| *threshold > 0.0);
        object.ignore(&["description"]);
        object.finish();
        LanguageSignal {
            name,
            threshold: threshold.map_or(DEFAULT_THRESHOLD, |threshold| threshold as f32),
        }
    }
}

impl Signal for Languages {
    fn names(&self) -> Vec<String> {
        self.signals.iter().map(|signal| signal.name.clone()).collect()
    }

    fn judge(&self, reading: &mut Reading<'_>) -> Result<Vec<Option<f32>>, String> {
        let lowest = self
            .signals
            .iter()
            .map(|signal| signal.threshold)
            .fold(1.0, f32::min);
        let (code, sure) = self.told.detect(reading.text());
        let (code, sure) = if sure < lowest { UNSURE } else { (code, sure) };
        // As in VSR, how sure the detector is decides whether a signal matches, and no more.
        let matches =
            |signal: &LanguageSignal| (signal.name == code && sure >= signal.threshold).then_some(1.0);
        Ok(self.signals.iter().map(matches).collect())
    }
}

impl LanguageDetector {
    /// A detector that tells all languages that are easy to tell, and of the others those wanted, by their codes.
    pub fn new<'n>(wanted: impl Iterator<Item = &'n str>) -> LanguageDetector {
        let wanted: Vec<_> = wanted.collect();
        let is_wanted = |lang: &Lang| {
            LANGUAGES
                .iter()
                .any(|(code, known)| known == lang && wanted.contains(code))
        };
        let unwanted = SELDOM.into_iter().filter(|lang| !is_wanted(lang)).collect();
        LanguageDetector(Detector::with_denylist(unwanted))
    }

    /// The code of a language that is told, from that code or its English name; None for any other.
    pub fn code(name: &str) -> Option<&'static str> {
        // The detector has Mandarin.
        let name = if name == "Chinese" { "zh" } else { name };
        let is_it = |(code, lang): &&(&str, Lang)| *code == name || lang.eng_name() == name;
        LANGUAGES.iter().find(is_it).map(|(code, _)| *code)
    }

    /// The codes of all languages, in the order of the alphabet.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|(code, _)| *code)
    }

    /// The language of a text, and how sure that is, 0 to 1.
    pub fn detect(&self, text: &str) -> (&'static str, f32) {
        let text = window(text);
        by_script(&text)
            .or_else(|| by_function_words(&text))
            .or_else(|| {
                let info = self.0.detect(&text)?;
                let (code, _) = LANGUAGES.iter().find(|(_, lang)| *lang == info.lang())?;
                Some((*code, info.confidence() as f32))
            })
            .unwrap_or(UNSURE)
    }
}

/// The beginning, the middle and the end of a long text; all of another.
fn window(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= WINDOW {
        return text.into();
    }
    let third = WINDOW / 3;
    let part =
        |start: usize| text.get(text.ceil_char_boundary(start)..text.floor_char_boundary(start + third));
    let parts = [0, (text.len() - third) / 2, text.len() - third].map(part);
    parts.map(Option::unwrap_or_default).join(" ").into()
}

/// The language of a text of which at least half is Chinese, Japanese or Korean, a Chinese or Japanese character
/// counting as a word.
fn by_script(text: &str) -> Option<(&'static str, f32)> {
    let (mut han, mut kana, mut hangul, mut others) = (0, 0, 0, 0);
    let (mut in_hangul, mut in_other) = (false, false);
    for c in text.chars() {
        let (was_hangul, was_other) = (in_hangul, in_other);
        (in_hangul, in_other) = (false, false);
        if c.is_ascii_alphabetic() {
            in_other = true;
        } else if c.is_ascii() {
        } else if is_han(c) {
            han += 1;
        } else if is_kana(c) {
            kana += 1;
        } else if is_hangul(c) {
            in_hangul = true;
        } else {
            in_other = c.is_alphabetic();
        }
        hangul += usize::from(in_hangul && !was_hangul);
        others += usize::from(in_other && !was_other);
    }
    if han + kana + hangul == 0 || han + kana + hangul < others {
        return None;
    }
    // Kana are rare in Chinese texts, and every Japanese sentence has some.
    Some(match (hangul > han + kana, kana * 20 > han) {
        (true, _) => ("ko", 1.0),
        (false, true) => ("ja", 1.0),
        (false, false) => ("zh", 1.0),
    })
}

/// The language whose function words a short text has most of.
fn by_function_words(text: &str) -> Option<(&'static str, f32)> {
    let text = text.to_lowercase();
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.take(FEW_WORDS + 1).collect();
    if words.len() > FEW_WORDS {
        return None;
    }
    let count = |list: &str| {
        words
            .iter()
            .filter(|word| list.split(' ').any(|known| known == **word))
            .count()
    };
    let mut counts = FUNCTION_WORDS.map(|(code, list)| (count(list), code));
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    match counts {
        [(first, code), (second, _), ..] if first > second => {
            Some((code, 0.5 + 0.5 * first as f32 / words.len() as f32))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
