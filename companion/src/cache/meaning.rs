//! What must agree before two texts that are alike may share an answer: "enable" is near "disable" in every embedding.
//!
//! Numbers, negations and code must be the same; opposites must not stand against each other; names of one text must be
//! in the other; and where two texts differ in one word only, that word is taken to matter. English and Chinese.

use std::collections::BTreeSet;

/// Words that say nothing of what is asked: they may differ, and begin sentences without being names.
const FILLERS: &str = "a an the is are was were be been am do does did can could would should will shall may might must \
    please pls kindly i me my we us our you your he she it its they them their this that these those what which who whom \
    how why when where there here of in at to for from by with about as and or but if then so just also very really \
    tell explain describe give show list write make create find help let need want like know get hi hello hey thanks thank \
    much many some any me's it's what's how's i'm i'd i've you're lets compare summarize summarise translate define name \
    has have had into onto some than too";

/// Chinese characters that say nothing of what is asked.
const CHINESE_FILLERS: &str = "的了吗呢吧啊嘛呀请问我你您他她它们是在有个和与或就都也很把被给对从到这那哪什么怎样如何么为何啥谁想要能会可以帮下儿得地着过之所及";

const NEGATIONS: &str = "not no never none nothing neither nor without cannot cant dont doesnt didnt wont isnt arent wasnt \
    werent shouldnt couldnt wouldnt hasnt havent hadnt aint except unless";

const CHINESE_NEGATIONS: &str = "不没無无非别別未勿莫否";

/// Opposites: stems of one side, then of the other. A word belongs to a side if it begins with a stem that ends in `*`, or
/// equals it.
const OPPOSITES: &[(&str, &str)] = &[
    ("enabl* activat* on", "disabl* deactivat* off"),
    (
        "increas* rais* more higher up grow* gain*",
        "decreas* reduc* lower* less down shrink* los*",
    ),
    (
        "start* begin* began launch*",
        "stop* end ends ended halt* terminat* quit*",
    ),
    ("open* unlock*", "clos* shut* lock*"),
    ("add* insert* includ* append*", "remov* delet* exclud* drop*"),
    ("install*", "uninstall*"),
    ("connect*", "disconnect*"),
    ("subscrib*", "unsubscrib*"),
    (
        "allow* permit* accept* approv* grant*",
        "deny denies denied forbid* reject* refus* block* revok*",
    ),
    ("buy* bought purchas*", "sell* sold"),
    (
        "max maxim* highest largest biggest most",
        "min minim* lowest smallest least",
    ),
    ("before prior earlier", "after later"),
    ("first oldest", "last newest latest"),
    ("import*", "export*"),
    ("upload*", "download*"),
    ("encrypt* encod*", "decrypt* decod*"),
    ("true yes correct* valid*", "false wrong* incorrect* invalid*"),
    ("left", "right"),
    (
        "good best better advantag* pro pros benefit*",
        "bad worst worse disadvantag* con cons drawback*",
    ),
    ("safe legal* healthy", "unsafe dangerous* illegal* unhealthy"),
    ("positiv*", "negativ*"),
    ("ascend*", "descend*"),
    ("input*", "output*"),
    ("push*", "pull* pop"),
    ("read* get", "write* set"),
    ("love* like*", "hate* dislik*"),
    ("win* won", "lose* lost"),
    ("hot warm*", "cold cool*"),
    (
        "man men male* husband* father* boy*",
        "woman women female* wife wives mother* girl*",
    ),
    ("upgrad*", "downgrad*"),
    ("with", "without"),
    ("public*", "privat*"),
    ("sync synchron*", "async asynchron*"),
    ("merge* join* combin*", "split* separat*"),
];

const CHINESE_OPPOSITES: &[(&str, &str)] = &[
    ("启用 打开 开启 激活 启动 开始", "禁用 关闭 停用 停止 结束"),
    ("增加 提高 上升 增大 上涨 加快", "减少 降低 下降 减小 下跌 减慢"),
    ("添加 插入 安装 包含", "删除 移除 卸载 排除"),
    ("允许 同意 接受 批准", "禁止 拒绝 反对"),
    ("最大 最高 最多 最好 最长", "最小 最低 最少 最差 最短"),
    ("之前 以前", "之后 以后"),
    ("上传 导入 加密 编码 输入", "下载 导出 解密 解码 输出"),
    ("买 购买", "卖 出售"),
    ("优点 好处 正面 正确", "缺点 坏处 负面 错误"),
    ("男", "女"),
    ("升级 升序", "降级 降序"),
    ("合法 安全", "违法 非法 危险"),
];

/// What is compared of a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Meaning {
    words: BTreeSet<String>,
    chinese: BTreeSet<char>,
    numbers: Vec<String>,
    negations: usize,
    /// For each row of both tables: whether the first and the second side is in the text.
    sides: Vec<(bool, bool)>,
    names: BTreeSet<String>,
    code: BTreeSet<String>,
}

impl Meaning {
    pub(super) fn of(text: &str) -> Self {
        let text: String = text.chars().map(narrow).collect();
        let mut meaning = Self {
            numbers: numbers(&text),
            code: code(&text),
            names: names(&text),
            ..Self::default()
        };
        meaning.words = words(&text).map(str::to_lowercase).collect();
        meaning.chinese = text.chars().filter(|c| is_chinese(*c)).collect();
        meaning.negations = negations(&text);
        let english = OPPOSITES.iter().map(|pair| both(pair, |stem| meaning.has(stem)));
        let chinese = CHINESE_OPPOSITES
            .iter()
            .map(|pair| both(pair, |word| text.contains(word)));
        meaning.sides = english.chain(chinese).collect();
        meaning
    }

    /// Whether nothing tells the two apart.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.numbers == other.numbers
            && self.negations == other.negations
            && self.code == other.code
            && other.mentions(&self.names)
            && self.mentions(&other.names)
            && !self.opposes(other)
            && !self.substitutes(other)
    }

    pub(super) fn bytes(&self) -> usize {
        let texts = self
            .words
            .iter()
            .chain(&self.names)
            .chain(&self.code)
            .chain(&self.numbers);
        texts.map(|text| text.len() + 48).sum::<usize>() + self.chinese.len() * 8 + self.sides.len() * 2
    }

    fn has(&self, stem: &str) -> bool {
        match stem.strip_suffix('*') {
            Some(stem) => self
                .words
                .range(stem.to_owned()..)
                .next()
                .is_some_and(|word| word.starts_with(stem)),
            None => self.words.contains(stem),
        }
    }

    /// Whether every name is among the words, in some form: a sentence may begin with a word that is no name.
    fn mentions(&self, names: &BTreeSet<String>) -> bool {
        names
            .iter()
            .all(|name| self.words.iter().any(|word| stem(word) == stem(name)))
    }

    /// Whether one text has one side of a pair and the other text the other.
    fn opposes(&self, other: &Self) -> bool {
        let pairs = self.sides.iter().zip(&other.sides);
        pairs
            .filter(|(ours, theirs)| **ours != (false, false) && **theirs != (false, false))
            .any(|(ours, theirs)| ours != theirs)
    }

    /// Whether one word, or a few Chinese characters, stand in the place of others that are not of the same stem.
    fn substitutes(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.own_words(other), other.own_words(self));
        if let ([ours], [theirs]) = (ours.as_slice(), theirs.as_slice())
            && stem(ours) != stem(theirs)
        {
            return true;
        }
        let own = |a: &Self, b: &Self| {
            let own = a.chinese.difference(&b.chinese);
            own.filter(|c| !CHINESE_FILLERS.contains(**c)).count()
        };
        let (ours, theirs) = (own(self, other), own(other, self));
        let common = self.chinese.intersection(&other.chinese).count();
        (1..=4).contains(&ours) && (1..=4).contains(&theirs) && common > ours.min(theirs)
    }

    fn own_words<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let own = self.words.difference(&other.words).map(String::as_str);
        // Numbers have been compared by their values.
        own.filter(|word| !is_filler(word) && numbers(word).is_empty())
            .collect()
    }
}

fn both((first, second): &(&str, &str), has: impl Fn(&str) -> bool) -> (bool, bool) {
    (
        first.split_whitespace().any(&has),
        second.split_whitespace().any(&has),
    )
}

fn is_filler(word: &str) -> bool {
    FILLERS.split_whitespace().any(|filler| filler == word)
}

/// A word without the endings of its forms: `resetting` and `resets` are `reset`.
fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 7] = ["ing", "ed", "es", "ly", "er", "s", "e"];
    let cut = ENDINGS.iter().find_map(|ending| {
        let stem = word.strip_suffix(ending)?;
        (stem.chars().count() >= 3).then_some(stem)
    });
    let stem = cut.unwrap_or(word);
    let mut last = stem.chars().rev();
    match (last.next(), last.next()) {
        (Some(a), Some(b)) if a == b && cut.is_some() => stem.strip_suffix(a).unwrap_or(stem),
        _ => stem,
    }
}

/// Full-width forms of ASCII characters as ASCII.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '’' => '\'',
        _ => c,
    }
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Runs of letters, digits and apostrophes; Chinese characters are no part of words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| is_chinese(c) || !(c.is_alphanumeric() || c == '\''))
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
}

/// Numbers in digits, in English and in Chinese, sorted.
fn numbers(text: &str) -> Vec<String> {
    const NAMES: [&str; 13] = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    const LARGE: &str = "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half \
        twice double triple second third";
    let digits = text
        .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .map(|run| run.trim_matches(['.', ',']).replace(',', ""))
        .filter(|run| !run.is_empty());
    let mut found: Vec<String> = digits.collect();
    for word in words(text).map(str::to_lowercase) {
        if let Some(value) = NAMES.iter().position(|name| *name == word) {
            found.push(value.to_string());
        } else if LARGE.split_whitespace().any(|name| name == word) {
            found.push(word);
        }
    }
    let chinese = text.split(|c| !"零一二三四五六七八九十百千万亿两".contains(c));
    found.extend(chinese.filter(|run| !run.is_empty()).map(chinese_number));
    found.sort();
    found
}

/// A single Chinese digit as a digit, everything else as it is.
fn chinese_number(run: &str) -> String {
    let place = "零一二三四五六七八九十"
        .chars()
        .position(|c| run == c.to_string());
    match (place, run) {
        (Some(value), _) => value.to_string(),
        (None, "两") => "2".into(),
        (None, other) => other.into(),
    }
}

fn negations(text: &str) -> usize {
    let is_negation = |word: &str| {
        let word = word.to_lowercase();
        let plain = word.replace('\'', "");
        word.ends_with("n't") || NEGATIONS.split_whitespace().any(|negation| negation == plain)
    };
    let chinese = text.chars().filter(|c| CHINESE_NEGATIONS.contains(*c));
    words(text).filter(|word| is_negation(word)).count() + chinese.count()
}

/// Capitalised words, in lower case, but for those with which English sentences begin.
fn names(text: &str) -> BTreeSet<String> {
    words(text)
        .filter(|word| word.starts_with(char::is_uppercase))
        .map(str::to_lowercase)
        .filter(|word| !is_filler(word))
        .collect()
}

/// What looks like code: `snake_case`, `camelCase`, `a.b`, `a::b`, `f()`, `/paths`, `--flags`, letters with digits.
fn code(text: &str) -> BTreeSet<String> {
    let marks = |c: char| "._:/()-<>$#@\\+*=[]{}|&^%~".contains(c);
    text.split(|c: char| c.is_whitespace() || is_chinese(c) || "`'\",;!?，。？！；：“”‘’、（）".contains(c))
        .map(|token| {
            token
                .trim_end_matches(['.', ':', '-', ')'])
                .trim_start_matches('(')
        })
        .filter(|token| token.chars().any(char::is_alphanumeric))
        .filter(|token| {
            let inner = token.chars().any(|c| marks(c) && c != '-') || token.starts_with('-');
            let digits = token.chars().any(|c| c.is_ascii_digit());
            let letters = token.chars().any(char::is_alphabetic);
            inner || (digits && letters) || is_camel(token)
        })
        .map(str::to_owned)
        .collect()
}

fn is_camel(token: &str) -> bool {
    let pairs = token.chars().zip(token.chars().skip(1));
    pairs
        .into_iter()
        .any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(a: &str, b: &str) -> bool {
        let (a, b) = (Meaning::of(a), Meaning::of(b));
        let agree = a.agrees(&b);
        assert_eq!(agree, b.agrees(&a), "both ways");
        agree
    }

    #[test]
    fn other_words_for_the_same_question_agree() {
        for (a, b) in [
            ("How do I reset my password?", "how can I reset the password"),
            ("How do I reset my password?", "Resetting my password: how?"),
            (
                "What is the capital of France?",
                "Tell me the capital of france please",
            ),
            ("Explain photosynthesis", "What is photosynthesis?"),
            ("What is 2 + 2?", "what is 2 + 2"),
            ("What are three uses of iron?", "what are 3 uses of iron"),
            ("如何重置我的密码？", "怎样重置密码"),
            ("请问法国的首都是哪里？", "法国首都是什么"),
            ("列出三个例子", "请列出3个例子"),
        ] {
            assert!(agree(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn what_would_get_another_answer_does_not_agree() {
        for (a, b) in [
            ("How do I enable dark mode?", "How do I disable dark mode?"),
            ("Turn the lights on", "Turn the lights off"),
            ("Is aspirin safe for dogs?", "Is aspirin not safe for dogs?"),
            ("Why can I log in?", "Why can't I log in?"),
            ("What is 2 + 2?", "What is 2 + 3?"),
            ("List three uses of iron", "List 4 uses of iron"),
            ("What is the capital of France?", "What is the capital of Spain?"),
            (
                "What is the capital of Austria?",
                "What is the capital of Australia?",
            ),
            ("Berlin weather tomorrow", "Paris weather tomorrow"),
            ("weather in berlin tomorrow", "weather in paris tomorrow"),
            ("What does get_user return?", "What does get_users return?"),
            ("Explain useEffect", "Explain useState"),
            ("What does -v do in ls?", "What does -l do in ls?"),
            ("Is a GPT4 better than a GPT3?", "Is a GPT4 better than a GPT5?"),
            ("如何启用深色模式", "如何禁用深色模式"),
            ("我可以退款吗", "我不可以退款吗"),
            ("北京的天气怎么样", "上海的天气怎么样"),
            ("列出三个例子", "列出五个例子"),
            ("第１章讲了什么", "第２章讲了什么"),
            ("最大值是多少", "最小值是多少"),
        ] {
            assert!(!agree(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn any_text_has_a_meaning() {
        for text in ["", "\0", "\u{202e}'''", "👩‍👩‍👧", "ß", "...,,,", "İstanbul"] {
            assert!(agree(text, text), "{text:?}");
        }
    }
}
