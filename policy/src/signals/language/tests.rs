use super::*;

fn detect(text: &str) -> (&'static str, f32) {
    LanguageDetector::new(["en", "zh"].into_iter()).detect(text)
}

#[test]
fn short_and_long_texts_are_told() {
    let table = [
        ("en", "What is the capital of France?"),
        ("en", "Explain photosynthesis"),
        ("en", "hello"),
        ("en", "Write a quicksort in Python and explain its complexity"),
        ("zh", "请解释一下什么是量子纠缠"),
        ("zh", "请用 Python 写一个 quicksort 函数，并说明复杂度"),
        ("zh", "你好"),
        ("ja", "量子もつれとは何ですか"),
        ("ja", "東京の天気を教えてください"),
        ("ko", "양자 얽힘이 무엇인지 설명해 주세요"),
        ("es", "¿Cuál es la capital de Francia?"),
        ("fr", "Quelle est la capitale de la France ?"),
        ("de", "Was ist die Hauptstadt von Frankreich?"),
        ("it", "Qual è la capitale della Francia?"),
        ("pt", "Qual é a capital da França e como você escreve?"),
        ("nl", "Wat is de hoofdstad van Frankrijk en waarom?"),
        ("ru", "Какая столица Франции и почему она так называется?"),
        ("uk", "Та нічого, все нормально. А в тебе як?"),
        ("ar", "ما هي عاصمة فرنسا؟"),
        ("el", "Ποια είναι η πρωτεύουσα της Γαλλίας;"),
        ("he", "מהי בירת צרפת?"),
        ("th", "เมืองหลวงของฝรั่งเศสคืออะไร"),
        ("hi", "फ्रांस की राजधानी क्या है?"),
        ("vi", "Thủ đô của nước Pháp là gì và tại sao?"),
        ("tr", "Fransa'nın başkenti neresidir ve neden böyle adlandırılır?"),
        ("en", ""),
        ("en", "12345 + 678 = ?"),
    ];
    for (code, text) in table {
        let (found, sure) = detect(text);
        let found = if sure < DEFAULT_THRESHOLD { "en" } else { found };
        assert_eq!(found, code, "{text} ({sure})");
    }
}

#[test]
fn a_long_text_is_judged_by_its_beginning_middle_and_end() {
    let english = "It was the best of times, it was the worst of times, and nobody knew why. ".repeat(10_000);
    let (code, sure) = detect(&english);
    assert!(code == "en" && sure > 0.9, "{code} {sure}");
    assert!(window(&english).len() <= WINDOW + 2);
    assert!(window(&"中".repeat(5000)).chars().all(|c| c == '中' || c == ' '));
}

#[test]
fn the_codes_are_in_order_and_told_once() {
    assert!(LANGUAGES.windows(2).all(|pair| pair[0].0 < pair[1].0));
}
