"""Made-up rows for the `feedback` head: what the last user turn says of the reply before it.

There are no labelled data for it, so the rows are combinations of short phrases, in English and Chinese. An ordinary
first request counts as satisfied, and those rows come from the other sets.
"""
import random

OPENERS = ["", "", "", "", "hmm, ", "ok, ", "sorry, ", "wait, ", "no, ", "well, ", "hey, ", "I see, but ", "thanks, but ", "please, ", "um, ", "oh, "]
CLOSERS = ["", "", "", ".", ".", "!", " please", ", please.", " thanks", "?", "..", " 🙏"]
THINGS = ["answer", "response", "reply", "explanation", "code", "solution", "result", "output", "summary", "translation", "list", "example",
          "poem", "story", "email", "plan", "calculation", "text", "recipe", "recommendation", "suggestion", "draft", "title", "paragraph"]
PARTS = ["the second part", "step 3", "the last step", "the first point", "that formula", "this term", "the middle section", "the part about taxes",
         "the acronym", "what you said about memory", "the second paragraph", "how you got that number", "the third bullet", "this line", "the conclusion",
         "the difference between the two", "that word", "your reasoning", "the example", "the definition", "how that works", "why that happens"]
FACTS = ["Paris", "1987", "42", "the second option", "Newton", "12", "Canberra", "a prime number", "in 2019", "the other way round", "three, not four",
         "Einstein", "mercury", "not deprecated", "the CEO", "in Asia", "negative", "log n", "O(n)", "a different person", "the 19th century"]
STYLES = ["shorter", "longer", "funnier", "more formal", "simpler", "less formal", "more detailed", "in a different tone", "more creative", "friendlier",
          "as a list", "in bullet points", "as a table", "more concise", "with more humour", "for children", "more professional", "in another style",
          "with fewer adjectives", "in French", "for a beginner", "more persuasive", "from another angle"]

ENGLISH = {
    "need_clarification": [
        "what do you mean by {part}", "what do you mean", "what does that mean", "I don't understand", "I don't understand {part}", "I don't get it",
        "I'm confused", "I'm confused about {part}", "can you explain {part}", "can you explain that more clearly", "could you clarify {part}",
        "can you clarify", "please explain in more detail", "can you elaborate on {part}", "could you elaborate", "I'm not sure I follow",
        "I didn't follow {part}", "can you break that down", "can you break it down for me", "explain it step by step", "could you walk me through {part}",
        "why is that", "how so", "how did you get that", "can you give me an example of {part}", "can you give an example", "what is {part} supposed to mean",
        "explain {part} again", "explain more clearly", "explain it like I'm five", "that's not clear to me", "{part} is unclear", "it's still unclear",
        "could you rephrase {part} so I can understand it", "I'm lost", "you lost me at {part}", "that went over my head", "what exactly does {part} refer to",
        "can you go into more detail about {part}", "tell me more about {part}", "sorry, which one do you mean", "what are you referring to", "huh",
        "could you explain the {thing} in plain English", "the {thing} is too complicated, explain it", "I don't understand your {thing}",
        "your {thing} is confusing", "could you spell out {part}", "what's the meaning of {part}", "I need more explanation of {part}", "can you be more specific",
        "please be more specific about {part}", "make it clearer what {part} means", "help me understand {part}", "I still don't understand {part}",
        "can you simplify the explanation, I don't get {part}", "not sure what you mean by {part}", "how does {part} work exactly", "meaning what",
    ],
    "wrong_answer": [
        "that's wrong", "that is wrong", "this is wrong, redo it", "that's not right", "that's incorrect", "your {thing} is wrong", "the {thing} is incorrect",
        "you made a mistake", "you made a mistake in {part}", "there is an error in {part}", "no, it's {fact}", "no, the correct answer is {fact}",
        "actually it's {fact}", "I think it's {fact}, not what you said", "wrong", "wrong answer", "incorrect", "not correct", "that's false", "this isn't true",
        "that's not true, it's {fact}", "are you sure? I believe it's {fact}", "are you sure that's right", "check your {thing} again, it is wrong", "it doesn't work",
        "the code doesn't work", "your code throws an error", "the code you gave me doesn't compile", "I tried it and it failed", "that didn't work",
        "I get an error when I run it", "this {thing} has a bug", "your numbers don't add up", "you got the date wrong", "you got {part} wrong", "you miscalculated",
        "that's a hallucination", "you made that up", "that source doesn't exist", "this contradicts what you said before", "you contradict yourself",
        "that's not what the document says", "you misread my question", "you misunderstood me, the {thing} is wrong", "this doesn't answer my question",
        "that's not what I asked", "that is not what I asked for", "you're mistaken", "you are mistaken about {part}", "please fix the mistake in {part}",
        "fix it, {part} is wrong", "please correct {part}", "I checked and the {thing} is wrong", "the answer should be {fact}", "it should be {fact}, right?",
        "nope, that's not it", "that can't be right", "this is nonsense", "your {thing} is full of errors", "bad {thing}, it is factually wrong", "redo it, this is wrong",
        "try again, that was wrong", "that's not how it works", "outdated, it is {fact} now", "you forgot {part}, so the {thing} is wrong", "does not compute correctly",
    ],
    "want_different": [
        "give me another {thing}", "give me another version", "give me a different {thing}", "another one", "show me another option", "something else",
        "try something different", "I want something different", "do you have other suggestions", "any other ideas", "what else", "what are the alternatives",
        "is there another way to do it", "is there an alternative", "can you suggest something else", "make it {style}", "make the {thing} {style}", "rewrite it {style}",
        "rewrite the {thing} {style}", "can you make it {style}", "could you do it {style}", "I'd like it {style}", "I'd prefer it {style}", "redo it {style}",
        "try another approach", "use a different approach", "a different approach", "use another method", "show me a different way", "I don't like this {thing}, try another one", "not my style, another one",
        "I don't like it", "too long, make it {style}", "too short, make it longer", "too formal, relax it", "too boring, make it {style}", "change the {thing}",
        "change the tone", "generate another one", "regenerate", "regenerate the {thing}", "give me more options", "give me five more", "more like this but {style}",
        "a different {thing} please", "let's try a new {thing}", "can I get a {style} version", "other options", "next one", "start over with a different idea",
        "instead of that, give me something {style}", "I was hoping for something {style}", "could you come up with another {thing}", "one more {thing}",
        "write it again but {style}", "same thing but {style}", "rephrase the {thing}", "reword it", "replace the {thing} with another one", "what about a different {thing}",
    ],
    "satisfied": [
        "thanks", "thank you", "thank you so much", "perfect", "perfect, thanks", "great", "great {thing}", "that works", "that's exactly what I needed",
        "exactly", "awesome", "that helps a lot", "very helpful", "got it", "ok got it", "I understand now", "makes sense", "that makes sense, thank you",
        "good job", "nice", "nice {thing}", "I love this {thing}", "you're right", "that's correct", "correct", "yes, that's right", "excellent",
        "wonderful, the {thing} is just right", "this {thing} is great", "brilliant", "cheers", "much appreciated", "ok thanks, bye", "that solved my problem",
        "it works now", "the code works", "that answers my question", "clear now", "good, next question", "looks good", "looks good to me", "well done",
        "thanks for the {thing}", "thanks, that clears it up", "all good", "no further questions", "I appreciate your help", "you nailed it", "super useful",
        "great, now let's move on", "cool, thanks", "fantastic {thing}", "I'm happy with the {thing}", "that's all I needed", "yes", "ok", "sounds good",
    ],
}
CHINESE_OPENERS = ["", "", "", "", "嗯，", "不好意思，", "等等，", "那个，", "谢谢，不过", "好吧，", "你好，", "但是", "可是"]
CHINESE_CLOSERS = ["", "", "。", "！", "？", "吧", "啊", "，谢谢", "，麻烦了"]
CHINESE_THINGS = ["回答", "答案", "解释", "代码", "结果", "翻译", "总结", "例子", "文案", "诗", "故事", "方案", "计算", "标题", "建议", "邮件", "列表", "说明"]
CHINESE_PARTS = ["第二步", "最后一段", "这个公式", "这个词", "第三点", "中间那部分", "你刚才说的", "这句话", "那个概念", "推导过程", "结论", "两者的区别", "这个缩写", "为什么会这样", "第一条"]
CHINESE_FACTS = ["北京", "1987年", "四十二", "第二个", "牛顿", "12", "负数", "宋朝", "三个而不是四个", "另一个人", "2019年", "上海"]
CHINESE_STYLES = ["短一点", "长一点", "简洁一些", "正式一点", "幽默一点", "口语化一些", "详细一点", "通俗一点", "有创意一点", "专业一点", "用表格的形式", "换个语气", "活泼一点", "用列表", "换个角度"]
CHINESE = {
    "need_clarification": [
        "什么意思", "{part}是什么意思", "我没看懂", "我没看懂{part}", "看不懂", "没听懂", "我不明白", "我不明白{part}", "不太明白", "没明白", "能解释一下{part}吗",
        "能解释得更清楚一点吗", "解释清楚一点", "说清楚点", "请说得更清楚一些", "请详细解释一下{part}", "能再详细说说吗", "能详细说明一下{part}吗", "能具体一点吗", "具体是指什么", "你指的是什么", "{part}指的是什么",
        "能举个例子吗", "举个例子说明一下", "为什么", "为什么是这样", "怎么得出来的", "{part}是怎么来的", "我有点困惑", "我对{part}有疑问", "还是不懂", "还是没懂{part}", "能一步一步讲吗",
        "能不能用简单的话解释一下", "能再讲一遍{part}吗", "再解释一遍", "你的{thing}我没看懂", "{thing}太复杂了，讲明白一点", "{part}不清楚", "能展开讲讲{part}吗", "这里能说明白点吗", "讲得再清楚些",
    ],
    "wrong_answer": [
        "不对", "错了", "你错了", "这是错的", "这不对，重做", "答案不对", "{thing}是错的", "你的{thing}有误", "{thing}有错误", "{part}错了", "{part}有问题，不正确", "你算错了", "计算错误", "不正确",
        "不是这样的", "应该是{fact}", "正确答案是{fact}", "不对，应该是{fact}", "其实是{fact}", "你确定吗？我觉得是{fact}", "你确定是对的吗", "代码运行不了", "代码报错了", "运行出错", "我试了，不行", "这个方法没用",
        "这和事实不符", "这不是真的", "你在胡说", "你编的吧", "这个来源不存在", "前后矛盾", "你理解错了", "你理解错我的问题了", "答非所问", "我问的不是这个", "这不是我问的", "没有回答我的问题",
        "请改正{part}的错误", "请纠正", "你搞错了", "年份错了", "重新算，结果不对", "{thing}错得离谱", "检查一下，{part}写错了", "有bug", "错误的{thing}", "重做，这个不对", "翻译错了",
    ],
    "want_different": [
        "换一个", "换一个{thing}", "再给我一个{thing}", "再来一个", "再来一版", "给我另一个版本", "换个版本", "换种说法", "换个说法", "换一种方式", "有没有别的{thing}", "还有别的吗", "还有其他{thing}吗", "还有其他办法吗",
        "有没有其他方案", "换个思路", "用另一种方法", "换一种方法", "我不喜欢这个", "不喜欢，换一个", "不太满意，换个风格", "{style}", "写得{style}", "改得{style}", "{thing}{style}", "能不能{style}", "重写一遍，{style}", "重新写一个", "重新生成", "再生成一个",
        "多给几个选择", "再多来几个", "我想要不一样的", "来点不一样的", "太长了，缩短", "太短了，写长一点", "太正式了，换个语气", "太无聊了，有趣一点", "给点别的建议", "下一个", "推荐点别的", "换个主题",
        "再写一个不同的{thing}", "可以换一个吗", "改一下{thing}的风格", "我想要{style}的{thing}", "另外一种", "不要这个，要别的",
    ],
    "satisfied": [
        "谢谢", "谢谢你", "非常感谢", "太好了", "很好", "完美", "正是我需要的", "就是这个", "明白了", "懂了", "我明白了，谢谢", "好的，谢谢", "好的", "没错", "对的", "正确", "说得对", "很有帮助", "很棒",
        "这个{thing}很好", "{thing}很棒", "我喜欢这个{thing}", "问题解决了", "解决了", "代码可以运行了", "可以了", "清楚了", "收到", "不错", "厉害", "辛苦了", "没有其他问题了", "满意", "就这样", "太有用了", "讲得很清楚",
    ],
}


def english(rng, template):
    text = template.format(thing=rng.choice(THINGS), part=rng.choice(PARTS), fact=rng.choice(FACTS), style=rng.choice(STYLES))
    text = rng.choice(OPENERS) + text + rng.choice(CLOSERS)
    kind = rng.random()
    return text.upper() if kind < 0.03 else text[:1].upper() + text[1:] if kind < 0.5 else text


def chinese(rng, template):
    text = template.format(thing=rng.choice(CHINESE_THINGS), part=rng.choice(CHINESE_PARTS), fact=rng.choice(CHINESE_FACTS), style=rng.choice(CHINESE_STYLES))
    return rng.choice(CHINESE_OPENERS) + text + rng.choice(CHINESE_CLOSERS)


def rows(seed, per_class=1500, held_back=False):
    """[(text, class name)]; one in four joins two phrases of its class, as people do.

    Every tenth phrase trains nothing and makes the validation rows instead.
    """
    rng, made = random.Random(seed), set()
    for label in ENGLISH:
        for _ in range(per_class):
            speak, templates = (english, ENGLISH) if rng.random() < 0.55 else (chinese, CHINESE)
            usable = [t for number, t in enumerate(templates[label]) if (number % 10 == 9) == held_back]
            text = speak(rng, rng.choice(usable))
            if rng.random() < 0.25:
                text += (" " if speak is english else "") + speak(rng, rng.choice(usable))
            made.add((text, label))
    return sorted(made)
