"""Made-up rows for the `fact_check` head: does an answer need facts that ought to be checked or sourced?

Yes: claims to verify, requests for sources or recent figures, and questions after one fact (who, when, where, how many).
No: explanations, comparisons, plans, advice, creative writing, code, rewriting, sums, greetings, opinions and commands: they
stand or fall by their reasoning. Topics come from topics.json, so that the words of a topic say nothing.
"""
import random
import re

from synthetic import TOPICS, arithmetic
from text import LABELS

NAMES = ["Marie Curie", "Napoleon", "Taylor Swift", "Tesla", "the Eiffel Tower", "Brazil", "Mount Everest", "Google", "the Roman Empire", "Apollo 11", "Toyota",
         "the Berlin Wall", "Shakespeare", "Nigeria", "the Nile", "Elon Musk", "the WHO", "Real Madrid", "the telephone", "penicillin", "COVID-19", "Bitcoin", "Python 3.12",
         "the Great Wall", "Mozart", "NASA", "Lionel Messi", "the Titanic", "Iceland", "the UN", "World War II", "insulin", "Venus", "Apple", "Jupiter", "aspirin"]
CHINESE_NAMES = ["居里夫人", "拿破仑", "长城", "珠穆朗玛峰", "华为", "唐朝", "长江", "爱因斯坦", "姚明", "青霉素", "北京", "联合国", "火星", "鲁迅", "腾讯", "泰坦尼克号", "巴西", "电话", "阿波罗11号", "新冠病毒"]
NEEDED = [
    "Who invented {name}?", "When was {name} born?", "When did {name} begin?", "Where is {name}?", "How old is {name}?", "How tall is {name}?", "What year was {name} founded?",
    "What is the population of {name}?", "Who discovered {name}?", "Who is the CEO of {name}?", "How many people died because of {name}?", "What is {name} famous for?",
    "Is it true that {name} is linked to {topic}?", "Is it true that {topic} causes cancer?", "Fact check: {topic} was first described in 1905", "Verify this claim: {topic} affects {name}",
    "Is this statement correct: {topic} was invented in {name}?", "Give me sources on {topic}", "Cite peer-reviewed studies about {topic}", "What does the latest research say about {topic}?",
    "According to the WHO, what is known about {topic}?", "What are the current statistics on {topic}?", "What are the latest figures for {topic}?", "What is the evidence for {topic}?", "Which country first used {topic}?",
    "Who wrote about {topic} first?", "When was {topic} discovered?", "Did {name} really work on {topic}?",
    "How much does {name} earn?", "What are the side effects of {topic}?", "Is {topic} legal in {name}?", "What law covers {topic} in {name}?", "How many countries have {topic}?", "did {name} win in 2018",
    "list the main facts about {topic} with references", "What happened to {name} in 2020?", "what is the capital of {name}", "Is {name} still alive?", "I read that {topic} was banned. Is that right?",
    "What is the current price of {name}?", "which is older, {name} or {name}?", "{name} date of death", "how far is {name} from {name}",
    "My teacher said {name} caused {topic}; is that accurate?", "Provide a citation for the claim that {topic} is common", "What percentage of people know {topic}?", "Who won the election in {name}?", "Does {topic} really work?",
]
UNNEEDED = [
    "Write a poem about {topic}", "Write a short story about {name}", "Write a song about {topic}", "Tell me a bedtime story about {name}", "Write a Python function for {topic}", "Write code that plots {topic}",
    "Fix this code: print({n}))", "Refactor this function to be shorter", "Write a unit test for {topic}", "Rewrite this paragraph about {topic} more politely", "Correct the grammar: he go to {topic} yesterday",
    "Translate 'I like {topic}' into Spanish", "Make this sentence shorter: I am writing to you about {topic}", "Brainstorm names for a company about {topic}", "Give me ten ideas for a party with {topic}", "What do you think about {topic}?",
    "What is your opinion on {topic}?", "Do you like {topic}?", "Which do you prefer, {topic} or {topic}?", "Should I learn {topic} or {topic}?", "Imagine you are {name}. Introduce yourself.", "Pretend to be {name} and talk to me", "Let's role-play: you are a teacher of {topic}",
    "Write an email to my boss about {topic}", "Draft a cover letter that mentions {topic}", "Compose a tweet about {topic}", "Write a slogan for {name}", "Write a product description about {topic}", "Tell me a joke about {name}", "Make up a riddle about {topic}",
    "Continue this story: once upon a time, {name} found {topic}", "Write a dialogue between {name} and {name}", "Design a logo idea for {topic}", "Summarize the following text: {topic} is something I wrote about.", "Turn this list into a table", "Create a haiku on {topic}",
    "Help me plan my study of {topic}", "Make a to-do list for tomorrow", "I feel sad about {topic}", "I'm bored, entertain me", "How should I tell my friend about {topic}?", "Write a SQL query that counts rows about {topic}", "Convert this JSON to YAML", "Sort these words: {topic}, apple, {name}",
    "Write a speech about {topic}", "Write a screenplay where {name} meets {name}", "Paraphrase this: {topic} matters to me", "Create a fictional world with {topic}", "Proofread my essay about {topic}", "Explain this code: for i in range({n}): print(i)", "set an alarm for {n} o'clock", "Play some music",
    "Write a birthday message for {name}", "Invent a new game with {topic}", "What would happen if {name} could fly?", "Give me a creative title for an essay on {topic}", "Describe a sunset over {name} in poetic words", "write a limerick about {name}", "Act as a debate partner and argue for {topic}",
    "What is {topic}?", "Explain how {topic} works", "Explain {topic} to a child", "Why is {topic} important?", "Why do people care about {topic}?", "How does {topic} work?", "How do I get better at {topic}?",
    "Compare {topic} and {topic}", "What is the difference between {topic} and {topic}?", "Contrast {topic} with {topic} and say which is better", "What are the pros and cons of {topic}?", "Analyse {topic} step by step",
    "Discuss {topic} from several points of view", "Give an overview of {topic}", "What are the causes of {topic}?", "Why did {topic} change so much?", "Tell me more about {topic} in simple terms", "Walk me through {topic}",
    "Design a system for {topic}", "Plan a workshop on {topic}", "Propose a strategy for {topic}", "How would you approach {topic}?", "What should a beginner know about {topic}?", "Outline the main ideas of {topic}",
    "Derive the key result of {topic}", "Reason about {topic} from the ground up", "How can a team improve its {topic}?", "What helps against problems with {topic}?", "Summarise this document on {topic}", "Review my notes on {topic}",
    "That is not right, explain {topic} once more", "Say that about {topic} again, but simpler", "Who are you?", "What can you do?", "Hello there", "Thanks, that helps", "My code throws an error, fix it", "The test for {topic} fails, what do I change?",
]
CHINESE_NEEDED = [
    "{name}是谁发明的？", "{name}是哪一年出现的？", "{name}在哪里？", "{name}有多高？", "{name}的人口是多少？", "{topic}真的有害吗？", "{topic}会致癌，这是真的吗？", "请核实：{topic}是1905年提出的", "这个说法对吗：{topic}起源于{name}", "请给出关于{topic}的文献来源", "{topic}的最新研究结果是什么？",
    "{topic}最新的统计数据是多少？", "请列出{topic}的参考文献", "{topic}是什么时候被发现的？", "谁最早提出{topic}？", "{name}什么时候去世的？", "{topic}在法律上允许吗？", "听说{topic}被禁止了，是真的吗", "{name}现任总裁是谁", "世界上最大的{topic}是哪个", "{topic}有科学依据吗？", "{topic}有哪些副作用", "请引用权威资料说明{topic}", "{name}的首都是哪里", "{name}现在的价格是多少", "2022年{name}发生了什么",
]
CHINESE_UNNEEDED = [
    "写一首关于{topic}的诗", "写一个关于{name}的故事", "用Python写一个{topic}的程序", "帮我写一段代码", "帮我润色这段关于{topic}的文字", "把这句话改得更礼貌：我不喜欢{topic}", "翻译成英文：我喜欢{topic}", "你觉得{topic}怎么样？", "你喜欢{topic}吗", "给我的公司起个名字，主题是{topic}", "假设你是{name}，做个自我介绍", "扮演一位{topic}老师和我对话", "写一封关于{topic}的邮件", "写一个{topic}的广告文案", "讲一个关于{name}的笑话", "编一个关于{topic}的谜语", "续写这个故事：从前，{name}遇到了{topic}", "帮我制定学习{topic}的计划", "今天心情不好", "帮我把列表整理成表格", "总结下面这段话：我写了一些关于{topic}的内容", "我该学{topic}还是学{topic}", "写一段{name}和{name}的对话", "修改病句：他昨天去了{topic}", "写一篇演讲稿，主题是{topic}", "写一个生日祝福", "想象一个有{topic}的世界", "这段代码什么意思：for i in range({n})", "设置{n}点的闹钟", "放首歌", "头脑风暴一下{topic}活动的点子",
    "什么是{topic}？", "解释一下{topic}的原理", "为什么{topic}很重要？", "比较{topic}和{topic}", "{topic}和{topic}有什么区别？", "分析一下{topic}", "怎么学好{topic}？", "{topic}的优缺点是什么", "设计一个{topic}的方案", "请概述{topic}", "从不同角度讨论{topic}",
    "你是谁？", "你好", "再简单讲一遍{topic}", "刚才讲得不对，重新解释{topic}", "帮我规划{topic}", "这段程序报错了，怎么改", "总结这份关于{topic}的文档", "{topic}的原因有哪些？",
]


def fill(rng, template, chinese):
    language = "zh" if chinese else "en"
    choose = {"name": lambda: rng.choice(CHINESE_NAMES if chinese else NAMES), "n": lambda: str(rng.randint(2, 99)),
              "topic": lambda: rng.choice(TOPICS[rng.choice(LABELS)][language])}
    text = re.sub(r"\{(name|topic|n)\}", lambda found: choose[found[1]](), template)
    return text if rng.random() < 0.6 else text.rstrip("?.？。").lower()


def rows(seed, per_class=2500, held_back=False):
    """[(text, 0 or 1)]; every tenth phrase trains nothing and makes the validation rows instead."""
    rng, made = random.Random(seed), set()
    for needed, english, chinese in ((1, NEEDED, CHINESE_NEEDED), (0, UNNEEDED, CHINESE_UNNEEDED)):
        for _ in range(per_class):
            in_chinese = rng.random() < 0.4
            templates = [t for number, t in enumerate(chinese if in_chinese else english) if (number % 10 == 9) == held_back]
            made.add((fill(rng, rng.choice(templates), in_chinese), needed))
    return sorted(made | {(arithmetic(rng), 0) for _ in range(per_class // 5)})
