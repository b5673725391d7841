"""Short prompts that exam questions do not cover: arithmetic, small talk, "explain X", what people ask about everyday things."""
import json
import random
from pathlib import Path

from data import Row
from text import LABELS

TOPICS = json.loads((Path(__file__).parent / "topics.json").read_text(encoding="utf-8"))
EVERYDAY = json.loads((Path(__file__).parent / "everyday.json").read_text(encoding="utf-8"))
OPENERS = {"en": ["{}", "Hi! {}", "quick question: {}", "{} Explain it simply.", "My daughter asks: {}", "{} Please be brief."],
           "zh": ["{}", "你好，{}", "请问{}", "{}请简单说明", "想问一下，{}"]}
ENGLISH_ASKS = [
    "{}", "What is {}?", "what is {}", "Explain {}", "explain {} in simple terms", "Can you explain {} to me?", "Tell me about {}",
    "Give me a short introduction to {}", "How does {} work?", "I need help with {}", "help me understand {}", "question about {}",
    "What are the main ideas behind {}?", "Write a short essay about {}", "I'm studying {}, where should I start?",
    "Why is {} important?", "define {}", "Summarise {} for a beginner", "Please give three examples of {}.",
    "What is the difference between {} and {}?", "Compare {} with {}", "How are {} and {} related?",
]
CHINESE_ASKS = [
    "{}", "什么是{}？", "{}是什么", "解释一下{}", "请介绍{}", "帮我理解{}", "{}怎么学？", "请简单说明{}的原理", "{}有哪些例子？", "关于{}的问题",
    "{}和{}有什么区别？", "写一篇关于{}的短文", "为什么{}很重要？", "我想了解{}", "比较{}与{}",
    "如何理解{}？", "如何学习{}", "怎样应用{}", "如何做好{}", "如何制定{}的方案", "怎么看待{}", "请问{}", "{}有什么用", "如何提高{}", "怎么解释{}",
]
SYMBOLS = {"+": ["plus", "+", " + ", "加", "加上"], "-": ["minus", "-", " - ", "减", "减去"],
           "*": ["times", "*", " * ", "×", "x", "乘以", "乘"], "/": ["divided by", "/", " / ", "÷", "除以"]}
ENGLISH_SUMS = ["what is {}", "What is {}?", "{} =", "{}=", "{} = ?", "{}", "calculate {}", "compute {}", "how much is {}?", "{} equals",
                "{} is", "solve {}", "what's {}", "can you work out {} for me", "tell me the result of {}", "The answer to {} is"]
CHINESE_SUMS = ["{}等于多少", "{}等于几？", "{}=", "计算{}", "{}是多少？", "请算一下{}", "求{}的值", "帮我算{}"]
EQUATIONS = ["solve {a}x+{b}={c}", "Solve for x: {a}x - {b} = {c}", "x^2 + {a}x + {b} = 0", "if {a}x = {b}, what is x?",
             "find the derivative of {a}x^{b}", "integrate {a}x^2 + {b}x", "what is the square root of {a}", "{a}% of {b}",
             "what is {a} percent of {b}?", "is {a} a prime number?", "{a}^{b}", "{a} squared", "factor x^2 - {a}", "log base {a} of {b}",
             "round {a}.{b} to one decimal", "what is the greatest common divisor of {a} and {b}", "simplify {a}/{b}", "{a}! = ?",
             "解方程{a}x+{b}={c}", "{a}的平方根是多少", "{a}的{b}%是多少", "求{a}和{b}的最大公约数", "{a}是质数吗？", "求函数x^{a}的导数",
             "convert {a}/{b} to a decimal", "sum of the numbers from {a} to {b}", "sin({a})", "area of a circle with radius {a}",
             "长{a}宽{b}的长方形面积是多少", "半径为{a}的圆的面积", "{a}个苹果分给{b}个人，每人几个？", "mean of {a}, {b} and {c}"]


def number(rng):
    value = rng.randint(0, 10 ** rng.choice([1, 1, 2, 2, 3, 4]))
    return str(value) if rng.random() < 0.9 else f"{value}.{rng.randint(1, 9)}"


def expression(rng, chinese):
    """Two or three numbers joined by signs or by their names."""
    parts = [number(rng)]
    for _ in range(rng.choice([1, 1, 1, 2])):
        choices = SYMBOLS[rng.choice("++--**/")]
        sign = rng.choice([s for s in choices if chinese or s.isascii() or s in "×÷"])
        parts += [f" {sign} " if sign.isascii() and sign.isalpha() and len(sign) > 1 else sign, number(rng)]
    return "".join(parts)


def arithmetic(rng):
    kind = rng.random()
    if kind < 0.45:
        return rng.choice(ENGLISH_SUMS).format(expression(rng, False))
    if kind < 0.65:
        return rng.choice(CHINESE_SUMS).format(expression(rng, True))
    values = {"a": rng.randint(2, 99), "b": rng.randint(2, 99), "c": rng.randint(2, 999)}
    return rng.choice(EQUATIONS).format(**values)


def fill(rng, asks, terms):
    ask = rng.choice(asks)
    text = ask.format(*rng.sample(terms, ask.count("{}")))
    return text if rng.random() < 0.7 else text.rstrip("?.？。").lower()


def everyday(rng, times=3):
    """Each question as it stands, and so many times more in other clothes."""
    for label, questions in EVERYDAY.items():
        for language, texts in questions.items():
            for text in texts:
                yield text, label
                yield from ((fill(rng, OPENERS[language], [text]), label) for _ in range(times))


def rows(seed, per_label=500, sums=1600, chat=900):
    """The same rows for the same seed."""
    rng = random.Random(seed)
    made = [(arithmetic(rng), "math") for _ in range(sums)]
    for label in LABELS:
        for asks, language in ((ENGLISH_ASKS, "en"), (CHINESE_ASKS, "zh")):
            made += [(fill(rng, asks, TOPICS[label][language]), label) for _ in range(per_label // 2)]
    made += everyday(rng)
    openers = TOPICS["small talk"]["en"] + TOPICS["small talk"]["zh"]
    for _ in range(chat):
        text = rng.choice(openers)
        made.append((text + rng.choice(["", "", "!", ".", "?", " :)", " 😀", "。"]), "other"))
    return [Row(text, LABELS.index(label), "Synthetic", ()) for text, label in sorted(set(made))]
